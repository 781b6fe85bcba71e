"""Errors of the control endpoints, in the shape of Google's."""

from __future__ import annotations

from typing import Any


class ControlError(Exception):
    """What a control endpoint refuses: an HTTP status, the name of a google.rpc code, and a sentence."""

    def __init__(self, http_status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.http_status = http_status
        self.code = code
        self.sentence = sentence

    @classmethod
    def invalid(cls, sentence: str) -> ControlError:
        """What was asked for can't be."""
        return cls(400, "INVALID_ARGUMENT", sentence)

    @classmethod
    def aborted(cls, sentence: str) -> ControlError:
        """Something else came between."""
        return cls(409, "ABORTED", sentence)

    @classmethod
    def exhausted(cls, sentence: str) -> ControlError:
        """A limit is reached."""
        return cls(429, "RESOURCE_EXHAUSTED", sentence)

    @classmethod
    def too_late(cls, sentence: str) -> ControlError:
        """What was waited for has not come in time."""
        return cls(504, "DEADLINE_EXCEEDED", sentence)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"code": self.http_status, "message": self.sentence, "status": self.code}}
