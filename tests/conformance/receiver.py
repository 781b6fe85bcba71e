"""An HTTP server that stands for the target of an endpoint's tasks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
WAIT = 30
"""Seconds to wait for the next delivery."""


class Receiver:
    """Answers as configured, and keeps the requests."""

    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("/") else f"{url}/"
        self._answers: queue.Queue[int] = queue.Queue()
        self._came: queue.Queue[dict[str, Any]] = queue.Queue()
        self._server = HTTPServer(("", urlsplit(url).port or 80), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, statuses: Sequence[int]) -> list[dict[str, Any]]:
        """Give these answers, one a delivery; the deliveries, as far as they came in time."""
        for status in statuses:
            self._answers.put(status)
        found = []
        for status in statuses:
            try:
                found.append({**self._came.get(timeout=WAIT), "result": status})
            except queue.Empty:
                break
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers, came = self._answers, self._came

        def answer(handler: BaseHTTPRequestHandler) -> None:
            body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in handler.headers.items()}
            came.put({"method": handler.command, "headers": headers, "body": body.decode("latin-1")})
            try:
                status = answers.get(timeout=WAIT)
            except queue.Empty:
                status = 500
            handler.send_response(status)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        methods: dict[str, Any] = {f"do_{method}": answer for method in METHODS}
        return type("Handler", (BaseHTTPRequestHandler,), {**methods, "log_message": lambda *_: None})
