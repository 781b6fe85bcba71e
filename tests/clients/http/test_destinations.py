from __future__ import annotations

import re

import pytest

from pytest_cloudtasks._clients.http.destinations import (
    Endpoint,
    endpoint_of,
    identity_service,
    is_address,
    is_cloud_tasks,
    is_listed,
)
from tests.each import each

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


@each(("address", "is_theirs"), ADDRESSES.items())
def test_the_addresses_of_cloud_tasks(address: str, is_theirs: bool) -> None:
    """Global, regional, mTLS and private forms count, in any case, with or without a port; nothing else does."""
    assert is_cloud_tasks(address) is is_theirs


@each(
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
    """A target's resolver is not part of it."""
    assert endpoint_of(address) == Endpoint(host, port)


@each(
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


@each(
    ("host", "path"),
    [
        ("www.googleapis.com", "/oauth2/v1/certs"),
        ("www.googleapis.com", "/oauth2/v3/certs"),
        ("www.googleapis.com", "/robot/v1/metadata/x509/a@b.iam.gserviceaccount.com"),
        ("www.googleapis.com", "/service_accounts/v1/jwk/a@b.iam.gserviceaccount.com"),
        ("www.gstatic.com", "/iap/verify/public_key-jwk"),
        ("accounts.google.com", "/.well-known/openid-configuration"),
        ("securetoken.google.com", "/my-project/.well-known/openid-configuration"),
        ("oauth2.googleapis.com", "/token"),
        ("OAuth2.googleapis.com.", "/tokeninfo"),
        ("metadata.google.internal", "/computeMetadata/v1/instance/service-accounts/default/token"),
        ("metadata.google.internal", "/0.1/meta-data"),
        ("169.254.169.254", "/"),
        ("169.254.169.254", ""),
        ("169.254.169.254", "/computeMetadata/v1/project/project-id"),
        ("[fd20:ce::254]", "/"),
        ("iamcredentials.googleapis.com", "/v1/projects/-/serviceAccounts/a:generateIdToken"),
        ("sts.googleapis.com", "/v1/token"),
    ],
)
def test_identity_services(host: str, path: str) -> None:
    """Keys, tokens, the metadata server and IAM's credentials."""
    service = identity_service(host)
    assert service is not None
    assert re.fullmatch(service.paths, path)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("www.googleapis.com", "/storage/v1/b"),
        ("www.googleapis.com", "/oauth2/v1/certs/more"),
        ("accounts.google.com", "/"),
        ("iam.googleapis.com", "/v1/projects"),
        ("storage.googleapis.com", "/"),
        ("metadata.test", "/"),
        ("169.254.169.254", "/latest/api/token"),
        ("169.254.169.254", "/metadata/instance"),
    ],
)
def test_hosts_without_an_identity_service(host: str, path: str) -> None:
    """Other services of Google's, also at the same host."""
    service = identity_service(host)
    assert service is None or not re.fullmatch(service.paths, path)


@each(
    ("text", "expected"),
    [
        ("localhost", True),
        ("localhost:8123", True),
        ("dns:///localhost:8123", True),
        ("[::1]:8123", True),
        ("::1", True),
        ("http://localhost:8123", False),
        ("localhost:8123/", False),
        ("localhost:port", False),
        ("user@localhost:8123", False),
        ("a b", False),
        (":8123", False),
        ("", False),
    ],
)
def test_what_is_an_address(text: str, expected: bool) -> None:
    """A host and perhaps a port, and nothing else."""
    assert is_address(text) is expected
