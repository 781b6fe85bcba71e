"""Plays the recorded cases against the real service, in a project of yours, and writes what differs.

    python -m tests.recorded.against_service --project my-project

It first says what it will do and what that may cost, and waits for your consent. `--endpoint` names an emulator on this
machine instead of the service. The project's own tests run it against their emulator only.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google.auth
import grpc
import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.auth.transport.requests import AuthorizedSession
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from .cases import RecordedCase, recorded_cases
from .comparing import filled
from .playing import Delivery, Session, Step, SyncClient, play

SERVICE = "https://cloudtasks.googleapis.com"
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
GUARDED = {"cmek": ("cmek-01", "cmek-04", "rest-08"), "iam": ("iam-", "rest-05")}
"""Cases that are played only if they are asked for, by the beginnings of their IDs."""
PATIENCE = 180
"""Seconds to wait for the deliveries of one case."""


class NotAllowed(Exception):
    """What was asked can't be done, in a sentence."""


# --- what to play ------------------------------------------------------------------------------------------------


def why_not(case: RecordedCase, options: argparse.Namespace) -> str | None:
    """Return why a case is left out, or None."""
    for name, beginnings in GUARDED.items():
        if case.id.startswith(beginnings) and name not in options.also:
            return f"--also {name} isn't given"
    if case.is_rest and options.endpoint and not options.rest_endpoint:
        return "--rest-endpoint isn't given"
    if (case.is_delivery or case.uses("receiver")) and not options.receiver:
        return "--receiver isn't given"
    if case.uses("service_account") and not options.service_account:
        return "--service-account isn't given"
    needs_https = case.uses("receiver_host") or (case.is_delivery and case.uses("service_account"))
    if needs_https and not options.receiver.startswith("https://"):
        return "the receiver's URL isn't https"
    return None


def plan(played: Sequence[RecordedCase], left_out: Mapping[str, list[str]], options: argparse.Namespace) -> str:
    """Return what will be done, and what it may cost."""
    calls = sum(max(len(case.steps), 4) for case in played)
    where = f"the emulator at {options.endpoint}" if options.endpoint else f"the project {options.project}"
    lines = [
        f"This plays {len(played)} recorded cases against {where}, location {options.location}: about {calls} calls.",
        f"It creates queues whose IDs begin with {options.prefix}, and deletes them.",
        "Their IDs stay blocked afterwards: Google documents 3 and 7 days.",
    ]
    if not options.endpoint:
        lines.append("Google bills operations beyond the free ones of each month, and bodies in units of 32 KB.")
    if options.receiver:
        lines.append(f"Tasks are sent to {options.receiver}, which has to lead to port {options.receiver_port} here.")
    else:
        lines.append("No task is sent anywhere.")
    if "iam" in options.also:
        lines.append("It sets policies on its own queues.")
    if "cmek" in options.also:
        lines.append("It asks to change the location's CMEK configuration. The recorded service rejected that.")
    lines += [f"Left out, because {reason}: {', '.join(names)}." for reason, names in left_out.items()]
    return "\n".join(lines)


def agreed(options: argparse.Namespace) -> bool:
    """Return whether the user consents."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise NotAllowed("There is no terminal to ask for your consent at. Pass --yes if you consent.")
    project: str = options.project
    return input(f"Type {project} to go on: ").strip() == project


# --- the service -------------------------------------------------------------------------------------------------


@dataclass
class Cleaning:
    """A client that keeps the names of the queues that it may have created, and deletes them."""

    client: Any
    own: str
    """What the names of its queues begin with."""
    made: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Queues that could not be deleted, with the reason."""

    def call(self, rpc: str, request: Any) -> Any:
        """Return the answer as a protocol buffer."""
        name = request.queue.name if rpc in ("CreateQueue", "UpdateQueue") else ""
        if name.startswith(self.own) and name not in self.made:
            self.made.append(name)
        return SyncClient(self.client).call(rpc, request)

    def clean(self) -> None:
        """Delete the queues of one case."""
        for name in self.made:
            try:
                self.client.delete_queue(name=name)
            except NotFound:
                pass  # never created, or deleted by the case
            except GoogleAPICallError as error:
                self.left.append(f"{name}: {error}")
            self.blocked.append(name)
        self.made.clear()


@contextmanager
def connected(options: argparse.Namespace) -> Iterator[tuple[Any, Callable[..., tuple[int, str]] | None]]:
    """Yield a client and what sends plain HTTP; None where that can't be."""
    if options.endpoint:
        with grpc.insecure_channel(options.endpoint) as channel, requests.Session() as session:
            client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            yield client, _sender(session, options.rest_endpoint) if options.rest_endpoint else None
    else:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        with AuthorizedSession(credentials) as session:
            yield tasks_v2.CloudTasksClient(credentials=credentials), _sender(session, SERVICE)


def _sender(session: requests.Session, base: str) -> Callable[[str, str, bytes | None], tuple[int, str]]:
    def send(method: str, path: str, body: bytes | None) -> tuple[int, str]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        answer = session.request(method, f"{base}{path}", data=body, headers=headers, timeout=60)
        return answer.status_code, answer.text

    return send


# --- the receiver of deliveries ----------------------------------------------------------------------------------


class Receiver:
    """A server on this machine that the tasks of a case come to."""

    nobody = "https://nobody.invalid"

    def __init__(self, url: str, port: int) -> None:
        self.url = url.rstrip("/")
        self._replies: queue.Queue[Any] = queue.Queue()
        self._came: list[tuple[float, Any]] = []
        self._server = ThreadingHTTPServer(("", port), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, replies: Sequence[Any]) -> None:
        """Give these replies, one a request."""
        self._came.clear()
        self._replies = queue.Queue()
        for reply in replies:
            self._replies.put(reply)

    def run(self, seconds: float | None, is_over: Callable[[], bool]) -> None:
        """Wait until the case is over."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not is_over():
            time.sleep(0.5)

    def deliveries(self) -> Sequence[Any]:
        """Return what came."""
        return [delivery for _, delivery in self._came]

    def gaps(self) -> Sequence[int]:
        """Return the seconds between the arrivals, rounded."""
        return [round(later - one) for (one, _), (later, _) in pairwise(self._came)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
            delivery = Delivery(handler.command, handler.path, dict(handler.headers.items()), body)
            self._came.append((time.monotonic(), delivery))
            try:
                reply = self._replies.get_nowait()
            except queue.Empty:
                reply = 500
            headers = {"Content-Length": "0"}
            if reply == "timeout":
                time.sleep(20)
                reply = 200
            elif isinstance(reply, Mapping):
                headers["Location"] = reply["location"]
                reply = reply["status"]
            with suppress(OSError):  # the service may wait no longer
                handler.send_response(reply)
                for name, value in headers.items():
                    handler.send_header(name, value)
                handler.end_headers()

        methods: dict[str, Any] = {f"do_{method}": answer for method in METHODS}
        return type("Handler", (BaseHTTPRequestHandler,), {**methods, "log_message": lambda *_: None})


# --- playing and reporting ---------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> int:
    """Play the cases. Return 0 if all agree, 1 if some differ, 2 if the user doesn't consent."""
    chosen = [case for case in recorded_cases() if not options.only or case.id in options.only]
    left_out: dict[str, list[str]] = {}
    played = []
    for case in chosen:
        reason = why_not(case, options)
        if reason is None:
            played.append(case)
        else:
            left_out.setdefault(reason, []).append(case.id)
    print(plan(played, left_out, options))
    if not agreed(options):
        print("Nothing was done.")
        return 2
    differing = []
    receiver = Receiver(options.receiver, options.receiver_port) if options.receiver else None
    with connected(options) as (client, http):
        queues = f"projects/{options.project}/locations/{options.location}/queues"
        cleaning = Cleaning(client, f"{queues}/{options.prefix}-")
        try:
            for case in played:
                found = _differing(case, _session(case, cleaning, http, receiver, options))
                print(f"{case.id}: {'differs' if found else 'agrees'}", flush=True)
                differing += found
                cleaning.clean()
        finally:
            cleaning.clean()
            if receiver is not None:
                receiver.close()
    options.output.write_text(json.dumps(differing, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(played) - len(differing)} of {len(played)} cases agree. {options.output} has what differs.")
    for name in cleaning.blocked:
        print(f"This name stays blocked: {name}")
    for name in cleaning.left:
        print(f"This queue could not be deleted: {name}")
    return 1 if differing else 0


def _session(case: RecordedCase, client: Cleaning, http: Any, receiver: Any, options: argparse.Namespace) -> Session:
    return Session(
        client,
        int(time.time()),
        project=options.project,
        location=options.location,
        prefix=f"{options.prefix}-{case.id}",
        service_account=options.service_account or "",
        http=http,
        worker=receiver,
    )


def _differing(case: RecordedCase, session: Session) -> list[dict[str, Any]]:
    """Return the steps that differ, in the form of the recordings; an empty list if all agree."""
    steps = play(case, session)
    if all(step.holds for step in steps):
        return []
    recorded = filled(list(case.steps), session.places()) or [{}]
    shown = [_shown(number, step, recorded[number]) for number, step in enumerate(steps) if not step.holds]
    return [{"id": case.id, "title": case.title, "steps": shown}]


def _shown(number: int, step: Step, recorded: Mapping[str, Any]) -> dict[str, Any]:
    asked = {key: recorded[key] for key in ("rpc", "request", "http", "path", "body") if key in recorded}
    return {"step": number, **asked, **step.seen, "differences": step.differences or [step.not_sent]}


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the checked options."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorded.against_service", description=__doc__)
    parser.add_argument("--project", help="the project to create queues in; it is never taken from the environment")
    parser.add_argument("--location", default="europe-west1")
    parser.add_argument("--endpoint", help="host:port of an emulator on this machine, over insecure gRPC")
    parser.add_argument("--rest-endpoint", help="its REST address, such as http://127.0.0.1:8124")
    parser.add_argument("--also", default="", help="cmek, iam, or both with a comma")
    parser.add_argument("--receiver", help="the URL at which the service reaches this machine")
    parser.add_argument("--receiver-port", type=int, help="the port to listen at; by default the URL's")
    parser.add_argument("--service-account", help="the e-mail of an account that tasks may have tokens of")
    parser.add_argument("--only", default="", help="IDs of cases, with commas")
    parser.add_argument("--output", type=Path, default=Path("differences.json"), help="where to write what differs")
    parser.add_argument("--yes", action="store_true", help="consent to what is printed first")
    options = parser.parse_args(arguments)
    options.also = {name for name in options.also.split(",") if name}
    options.only = {name for name in options.only.split(",") if name}
    options.prefix = f"q-{uuid.uuid4().hex[:6]}"
    try:
        _check(options)
    except NotAllowed as error:
        parser.error(str(error))
    return options


def _check(options: argparse.Namespace) -> None:
    if options.also - GUARDED.keys():
        raise NotAllowed("--also takes cmek and iam.")
    if unknown := options.only - {case.id for case in recorded_cases()}:
        raise NotAllowed(f"These cases don't exist: {', '.join(sorted(unknown))}.")
    for address in (f"//{options.endpoint or '127.0.0.1'}", options.rest_endpoint or "//127.0.0.1"):
        if not _is_on_this_machine(urlsplit(address).hostname):
            raise NotAllowed("--endpoint and --rest-endpoint take an address of this machine, such as 127.0.0.1:8123.")
    if options.endpoint:
        options.project = options.project or "test-project"
    elif options.rest_endpoint:
        raise NotAllowed("--rest-endpoint goes with --endpoint.")
    elif not options.project:
        raise NotAllowed("Name your project with --project, or an emulator with --endpoint.")
    elif "PYTEST_CURRENT_TEST" in os.environ:
        raise NotAllowed("A test can't reach the real service by this script. Pass --endpoint.")
    if options.receiver and options.receiver_port is None:
        options.receiver_port = urlsplit(options.receiver).port
        if options.receiver_port is None:
            raise NotAllowed("The receiver's URL has no port. Say with --receiver-port where to listen.")


def _is_on_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host or "").is_loopback)
    except ValueError:
        return False


if __name__ == "__main__":
    try:
        sys.exit(run(parsed()))
    except NotAllowed as error:
        sys.exit(str(error))
