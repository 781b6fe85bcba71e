from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from pytest_cloudtasks._diagnostics.call_sites import application_frame, place_text


def called_by(module: str, call: Callable[[], object]) -> object:
    """What ``call`` gives where a function of ``module`` calls it."""
    names: dict[str, object] = {"__name__": module}
    exec("def within(call):\n    return call()", names)
    within: Callable[[Callable[[], object]], object] = names["within"]  # type: ignore[assignment]
    return within(call)


@pytest.mark.parametrize(
    "module", ["google.cloud.tasks_v2.services", "google.api_core.retry", "grpc._channel", "proto"]
)
def test_the_librarys_frames_are_passed_over(module: str) -> None:
    """The place is in the code that called the library."""
    frame: FrameType = called_by(module, application_frame)  # type: ignore[assignment]
    assert frame.f_code.co_name == "called_by"


def test_where_nothing_else_called_the_outermost_frame_is_the_place() -> None:
    """A thread of the library's has no application above it."""

    def outermost() -> FrameType:
        return application_frame()

    assert outermost().f_code is outermost.__code__


def test_a_place_has_file_line_and_function(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The path is relative to the working directory, if the file is below it."""
    frame = inspect.currentframe()
    assert frame is not None
    here, path = sys._getframe().f_code.co_name, Path(__file__)
    monkeypatch.chdir(path.parent)
    assert place_text(frame) == f"{path.name}:{frame.f_lineno}, in {here}"
    monkeypatch.chdir(tmp_path)
    assert place_text(frame) == f"{path}:{frame.f_lineno}, in {here}"
