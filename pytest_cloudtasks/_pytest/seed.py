"""``--cloud-tasks-seed``: one seed for a run, the same in all of its processes."""

from __future__ import annotations

import argparse
import random
from typing import Any

import pytest

RANDOM = "random"


def seed_of_text(text: str) -> int | str:
    """Return the option's value: a number, or the word for a random one."""
    if text == RANDOM:
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"it takes a number, or the word {RANDOM} for one that is picked, but got {text!r}."
        ) from None


def settle_seed(config: pytest.Config) -> int | None:
    """Return the seed of this run, chosen now if it is random; None if the command line has none."""
    option = getattr(config, "workerinput", {}).get("cloud_tasks_seed", config.getoption("cloud_tasks_seed"))
    seed = random.SystemRandom().randrange(1 << 32) if option == RANDOM else option
    config.option.cloud_tasks_seed = seed
    return seed


def pass_seed_to_worker(node: Any) -> None:
    """Send the seed to a worker of pytest-xdist."""
    node.workerinput["cloud_tasks_seed"] = node.config.getoption("cloud_tasks_seed")


def test_id(item: pytest.Item) -> str:
    """Return a test's node ID, without pytest-xdist's suffix for its groups."""
    is_grouped = item.parent is not None and item.get_closest_marker("xdist_group") is not None
    return f"{item.parent.nodeid}::{item.name}" if is_grouped and item.parent is not None else item.nodeid
