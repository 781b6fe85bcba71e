"""CMEK configs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cloudtasks._service.cmek import CmekConfigs
from pytest_cloudtasks._service.errors import Code, ServiceError

NAME = "projects/p/locations/l/cmekConfig"
KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
KEY_FORMAT = (
    'CmekConfig.kmsKey must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/keyRings/<KEY_RING_ID>'
    '/cryptoKeys/<KEY_ID>".'
)


def test_a_config_is_blank_until_it_is_set() -> None:
    """Each location's config stands for itself, and a blank key turns it off again."""
    configs = CmekConfigs()
    assert configs.get(NAME) == ""
    assert configs.update(NAME, KEY, []) == KEY
    assert configs.get(NAME) == KEY
    assert configs.get("projects/p/locations/other/cmekConfig") == ""
    assert configs.update(NAME, "", ["kms_key"]) == ""
    assert configs.get(NAME) == ""


def test_a_mask_without_the_key_changes_nothing() -> None:
    """What it doesn't name is not looked at."""
    configs = CmekConfigs()
    configs.update(NAME, KEY, ["name", "kms_key"])
    assert configs.update(NAME, "nonsense", ["name"]) == KEY


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda it: it.update(NAME, "my-key", []), KEY_FORMAT),
        (
            lambda it: it.update(NAME, "", ["kms_key", "key"]),
            "The update mask names key, which is no field of a CMEK config.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[CmekConfigs], object], message: str) -> None:
    """Keys and masks have their forms, and a refused update leaves the key."""
    configs = CmekConfigs()
    configs.update(NAME, KEY, [])
    with pytest.raises(ServiceError) as refused:
        call(configs)
    assert (refused.value.code, refused.value.message) == (Code.INVALID_ARGUMENT, message)
    assert configs.get(NAME) == KEY
