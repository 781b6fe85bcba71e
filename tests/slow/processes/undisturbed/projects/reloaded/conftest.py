"""Throws the library out of sys.modules and imports it again, as some suites do to reset it."""

import importlib
import sys

import pytest


def is_of_the_client(name):
    return name.startswith("google.cloud.tasks") and ".types" not in name  # messages can't be defined twice


@pytest.fixture
def fresh_library():
    kept = {name: module for name, module in sys.modules.items() if is_of_the_client(name)}
    for name in kept:
        del sys.modules[name]
    yield importlib.import_module("google.cloud.tasks_v2")
    for name in [name for name in sys.modules if is_of_the_client(name)]:
        del sys.modules[name]
    sys.modules.update(kept)
