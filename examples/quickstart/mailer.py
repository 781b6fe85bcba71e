"""The worker that the queue calls. It answers 503 while the mail server is down, so the task is retried."""

from __future__ import annotations

from typing import Protocol

from flask import Flask, request


class MailServer(Protocol):
    def send(self, text: str) -> None: ...


def create_mailer(mail_server: MailServer) -> Flask:
    mailer = Flask("mailer")
    sent: set[str] = set()  # use a database table in production

    @mailer.post("/send")
    def send() -> tuple[str, int]:
        # Cloud Tasks delivers at least once. A second delivery has the same task name.
        task = request.headers["X-CloudTasks-TaskName"]
        if task in sent:
            return "sent before", 200
        try:
            mail_server.send(f"Receipt of order {request.get_json()['order']}")
        except ConnectionError:
            return "the mail server is down", 503
        sent.add(task)
        return "sent", 200

    return mailer
