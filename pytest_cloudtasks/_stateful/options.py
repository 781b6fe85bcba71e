"""The machine's ``options``: their names are checked when a class is made, their values by the fake."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from .._api.fake import FakeCloudTasks
from .._text import did_you_mean, listed

NAMES = tuple(name for name in inspect.signature(FakeCloudTasks).parameters if name != "choices")
"""What a fake takes; the choices are the machine's own."""


def check_options(where: str, options: object) -> None:
    """Raise TypeError for what is no mapping, ValueError for an option that there is none of."""
    if not isinstance(options, Mapping):
        raise TypeError(f"{where} takes a mapping of options to values, and got {options!r}.")
    for name in options:
        if name not in NAMES:
            raise ValueError(
                f"{where} has no option {name!r}.{did_you_mean(name, NAMES)} Its options are {listed(NAMES)}."
            )
