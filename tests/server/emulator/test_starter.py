"""Tests of the options for a program that starts the emulator; tests/slow/processes start it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_cloudtasks._server.emulator import starter
from pytest_cloudtasks._server.emulator.starter import CannotWrite, ready_file
from tests.each import each
from tests.patience import PATIENCE


def test_a_ready_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complete file is renamed into place; if that fails, an error says so."""
    file, moved = tmp_path / "ready.json", []

    def replace(self: Path, target: Path) -> None:
        moved.append((self.parent, self.read_text("utf-8"), target, target.exists()))
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(CannotWrite) as failed, ready_file(str(file), {"rest": "x"}):
        pass
    assert moved == [(tmp_path, '{"rest": "x"}\n', file, False)]
    assert str(failed.value) == (
        f"The server can't write {file}: Operation not permitted. Choose another path with --ready-file."
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such parents")
@each("opens", [None, lambda parent, flags=0: os.open("/nowhere", os.O_RDONLY)])
def test_a_parent_is_checked_where_the_system_does_not_report_its_end(opens: Any) -> None:
    """The server checks from time to time whether it has another parent."""
    parents = [5, 5, 5, 1]

    async def run() -> str:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with starter.ending_with("parent", ended.set_result):
            return await ended

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starter, "_LOOKS", 0)
        patch.setattr(os, "getppid", lambda: parents.pop(0))
        if opens is None:
            patch.delattr(os, "pidfd_open", raising=False)
        else:
            patch.setattr(os, "pidfd_open", opens, raising=False)
        assert asyncio.run(asyncio.wait_for(run(), PATIENCE)) == "the parent process has ended"
    assert parents == []
