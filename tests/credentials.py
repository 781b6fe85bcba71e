"""A machine without Google credentials, for tests of what happens on one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def have_no_credentials(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let google-auth find neither a file nor gcloud's credentials nor a metadata server, without looking for one."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(folder))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    metadata = sys.modules.get("google.auth.compute_engine._metadata")
    if metadata is not None:  # newer releases read the variable when they are imported
        monkeypatch.setattr(metadata, "_NO_GCE_CHECK", True, raising=False)
