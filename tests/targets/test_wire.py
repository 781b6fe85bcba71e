from __future__ import annotations

import pytest

from pytest_cloudtasks._targets.wire import header_bytes


@pytest.mark.parametrize(("text", "sent"), [("plain", b"plain"), ("é", b"\xe9"), ("日", b"\xe6\x97\xa5")])
def test_a_header_is_latin_1_or_else_utf_8(text: str, sent: bytes) -> None:
    """What Latin-1 has goes as Latin-1, anything else as UTF-8."""
    assert header_bytes(text) == sent
