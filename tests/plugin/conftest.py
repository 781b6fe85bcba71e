from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _quiet_inner_runs(pytester: pytest.Pytester) -> None:
    """Inner sessions run in the order of their file, and without the plugins of this one that would warn.

    Nor do they look for what was never awaited or closed: they would find it in objects of the tests before them.
    """
    pytester.makeini(
        """
        [pytest]
        addopts = -p no:randomly -p no:asyncio -p no:cacheprovider -p no:unraisableexception -p no:threadexception
        """
    )
