"""``cloud_tasks.oidc``: the tokens of the fake, for verifiers other than google-auth and for handlers tested alone."""

from __future__ import annotations

from collections.abc import Callable

from .._arguments import checked_call, checked_text
from .._attributes import NamesAttributes
from .._clients.identity import tokens
from .._simulation.simulation import Simulation

SERVICE_ACCOUNT = "tasks@test-project.iam.gserviceaccount.com"


class Oidc(NamesAttributes):
    """The fake's ID tokens and keys. No real service trusts them."""

    _shown_as = "cloud_tasks.oidc"

    def __init__(self, synced: Callable[[], Simulation]) -> None:
        self._synced = synced

    @checked_call
    def token(self, *, audience: str, service_account_email: str = SERVICE_ACCOUNT) -> str:
        """Return a signed ID token (RS256) with Google's claims.

        It is issued now, in the queue's time, and valid for an hour. Ledger: `request/tokens`.

        Args:
            audience: The ``aud`` claim.
            service_account_email: The ``email`` claim, by default an account of the project test-project.

        Raises:
            ValueError: A value is empty.
            TypeError: A value is no text.
        """
        checked_text("token(audience=…)", audience, "https://app.test")
        checked_text("token(service_account_email=…)", service_account_email, SERVICE_ACCOUNT)
        issued_at = self._synced().clock.now // 1_000_000_000
        return tokens.signed(tokens.claims_of(service_account_email, audience, issued_at))

    @property
    def certs(self) -> dict[str, str]:
        """The X.509 certificates (PEM) by key ID, in the form of Google's certificate endpoint."""
        return tokens.certs()

    @property
    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public key as a JWK Set, for ``jwt.PyJWKSet.from_dict`` or ``authlib.jose.JsonWebKey.import_key_set``."""
        return tokens.jwks()
