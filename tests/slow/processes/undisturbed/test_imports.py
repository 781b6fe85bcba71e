"""Suites whose imports are found or changed by others run as without the plugin, and their clients reach a fake.

Each project runs in processes of its own, since it is about the first import of Google's client.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slow.processes.undisturbed.test_projects import Project, both, ends

REACHING = Path(__file__).parent / "added" / "test_reaching.py"
IMPORTS = ("star_files", "importlib_mode", "lazy_client", "other_hooks", "sitecustomized", "measured", "zipped")


@pytest.mark.needs("clients of 2.x")  # whose modules the projects compare
@pytest.mark.parametrize("name", IMPORTS)
def test_modules_are_imported_as_without_the_plugin(name: str, tmp_path: Path) -> None:
    """Loaders, specs and sources are the same, and with the plugin a client that was built at import reaches a fake."""
    without, along = both({name: Project()}, tmp_path, python_path=name, added=[REACHING])
    reached = [told for what, told in along[name].items() if what.endswith("test_a_client_reaches_the_fake call")]
    assert reached == ["passed"]
    before, after = (
        {what: told for what, told in seen[name].items() if REACHING.name not in what} for seen in (without, along)
    )
    assert after == before
    assert ends(before) == {"passed", "failed"}
