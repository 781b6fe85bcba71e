"""The documents by which other processes verify the tokens of deliveries, at the paths that Google has them."""

from __future__ import annotations

from aiohttp import web

from .._clients.tokens import ISSUER, certs, jwks

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/oauth2/v3/certs"
CERTIFICATES = "/oauth2/v1/certs"


def add_to(application: web.Application) -> None:
    """Give ``application`` the routes."""
    application.router.add_get(DISCOVERY, _discovery)
    application.router.add_get(KEYS, _keys)
    application.router.add_get(CERTIFICATES, _certificates)


async def _discovery(request: web.Request) -> web.Response:
    """Google's document, with this server's keys: the issuer of the tokens is Google's."""
    return web.json_response(
        {
            "issuer": ISSUER,
            "jwks_uri": f"{request.scheme}://{request.host}{KEYS}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"],
        }
    )


async def _keys(request: web.Request) -> web.Response:
    return web.json_response(jwks())


async def _certificates(request: web.Request) -> web.Response:
    return web.json_response(certs())
