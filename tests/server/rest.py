"""Helpers for REST: expected answers, and raw connections."""

from __future__ import annotations

import socket
from typing import Any

from pytest_cloudtasks import CloudTasksServer
from tests.patience import PATIENCE

BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def invalid(*violations: tuple[str, str]) -> dict[str, Any]:
    """Return the body of an error about fields, with the path and the description of each."""
    listed = [{"field": field, "description": told} if field else {"description": told} for field, told in violations]
    return {
        "error": {
            "code": 400,
            "message": "\n".join(told for _, told in violations),
            "status": "INVALID_ARGUMENT",
            "details": [{"@type": BAD_REQUEST, "fieldViolations": listed}],
        }
    }


def error(code: int, status: str, message: str) -> dict[str, Any]:
    """Return the body of an error without details."""
    return {"error": {"code": code, "message": message, "status": status}}


def not_found_page(path: str) -> str:
    """Return the page for an unknown path, which must not contain characters that HTML escapes."""
    return (
        "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 404 (Not Found)!!1</title>\n"
        "  <p><b>404.</b> <ins>That\u2019s an error.</ins>\n"
        f"  <p>The requested URL <code>{path}</code> was not found on this server."
        "  <ins>That\u2019s all we know.</ins>\n"
    )


def address_of(server: CloudTasksServer, *, grpc: bool = False) -> tuple[str, int]:
    """Return host and port."""
    host, _, port = (server.grpc_target if grpc else server.rest_url.removeprefix("http://")).partition(":")
    return host, int(port)


def sent(server: CloudTasksServer, data: bytes, *, grpc: bool = False, ends: bool = True) -> bytes:
    """Return the answer to raw bytes, until the server closes; ``ends`` closes the sending side first."""
    with socket.create_connection(address_of(server, grpc=grpc), timeout=PATIENCE) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
    return received
