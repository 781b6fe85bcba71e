from __future__ import annotations

from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pytest_cloudtasks._clients.identity.signing_key import CERTIFICATE, PRIVATE_KEY


def test_key_and_certificate_belong_together() -> None:
    """The certificate holds the public half of the key, of the size that Google uses."""
    key = load_pem_private_key(PRIVATE_KEY.encode(), None)
    public = x509.load_pem_x509_certificate(CERTIFICATE.encode()).public_key()
    assert isinstance(key, RSAPrivateKey)
    assert isinstance(public, RSAPublicKey)
    assert public.public_numbers() == key.public_key().public_numbers()
    assert key.key_size == 2048


def test_the_certificate_is_valid_whenever_a_test_plays() -> None:
    """From 1970 to the last day a datetime can be."""
    certificate = x509.load_pem_x509_certificate(CERTIFICATE.encode())
    not_before = certificate.not_valid_before_utc
    not_after = certificate.not_valid_after_utc
    assert not_before == datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert not_after == datetime(9999, 12, 31, tzinfo=timezone.utc)


def test_nothing_in_the_certificate_names_another_party() -> None:
    """It is issued by itself, for this package alone."""
    certificate = x509.load_pem_x509_certificate(CERTIFICATE.encode())
    assert certificate.issuer == certificate.subject
    assert certificate.subject.rfc4514_string() == "CN=pytest-cloudtasks"
