from __future__ import annotations

import pytest

from pytest_cloudtasks._clients.http.destinations import Endpoint, endpoint_of, is_cloud_tasks, is_listed

ADDRESSES = {
    "cloudtasks.googleapis.com": True,
    "cloudtasks.googleapis.com:443": True,
    "CloudTasks.GoogleAPIs.com.": True,
    "dns:///cloudtasks.googleapis.com:443": True,
    "dns://8.8.8.8/cloudtasks.googleapis.com": True,
    "dns:cloudtasks.googleapis.com:443": True,
    "google-c2p:///cloudtasks.googleapis.com": True,
    "europe-west1-cloudtasks.googleapis.com": True,
    "cloudtasks.europe-west1.rep.googleapis.com": True,
    "cloudtasks.us-east4.rep.mtls.googleapis.com:443": True,
    "cloudtasks.mtls.googleapis.com": True,
    "cloudtasks-mine.p.googleapis.com": True,
    "cloudtasks.googleapis.com.evil.test": False,
    "notcloudtasks.googleapis.com": False,
    "pubsub.googleapis.com:443": False,
    "cloudtasks.example.com": False,
    "localhost:8123": False,
    "": False,
}


@pytest.mark.parametrize(("address", "is_theirs"), ADDRESSES.items())
def test_the_addresses_of_cloud_tasks(address: str, is_theirs: bool) -> None:
    """Global, regional, mTLS and private forms count, in any case, with or without a port; nothing else does."""
    assert is_cloud_tasks(address) is is_theirs


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("localhost:8123", "localhost", 8123),
        ("localhost", "localhost", None),
        ("dns:///localhost:8123", "localhost", 8123),
        ("ipv4:127.0.0.1:8123", "127.0.0.1", 8123),
        ("[::1]:8123", "::1", 8123),
        ("ipv6:[::1]:8123", "::1", 8123),
        ("::1", "::1", None),
        ("unix:/run/tasks.sock", "unix:/run/tasks.sock", None),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(address: str, host: str, port: int | None) -> None:
    """A target's resolver is no part of it."""
    assert endpoint_of(address) == Endpoint(host, port)


@pytest.mark.parametrize(
    ("address", "listed", "is_found"),
    [
        ("localhost:8123", ["localhost:8123"], True),
        ("LOCALHOST:8123", ["other:1", "localhost:8123"], True),
        ("dns:///localhost:8123", ["localhost:8123"], True),
        ("localhost:8123", ["dns:///localhost:8123"], True),
        ("localhost:8123", ["localhost"], True),
        ("localhost", ["localhost"], True),
        ("localhost", ["localhost:8123"], False),
        ("localhost:8124", ["localhost:8123"], False),
        ("localhost:8123", [], False),
    ],
)
def test_a_list_of_addresses(address: str, listed: list[str], is_found: bool) -> None:
    """An address is found by host and port, or by its host alone where that is listed without a port."""
    assert is_listed(address, listed) is is_found
