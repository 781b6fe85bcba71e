"""What the page on Django shows of output is what is printed. Django is configured once for each process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs_output import in_example, outputs, same_for_all

UNCOMMITTED = """
import pytest
from orders.checkout import place_order
from orders.models import Product

@pytest.mark.django_db
@pytest.mark.cloud_tasks(queues=["payments"])
def test_uncommitted(cloud_tasks):
    place_order("ada@example.test", Product.objects.create(stock=1))
    cloud_tasks.assert_enqueued()
"""


def in_a_process(folder: Path, *arguments: str) -> pytest.RunResult:
    """Run pytest in a process of its own: Django is configured once for each."""
    command = [sys.executable, "-X", "utf8", "-W", "ignore", "-m", "pytest", "-p", "no:randomly", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    return pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), 0)


def test_output_is_printed_as_shown(tmp_path: Path) -> None:
    """A failed assertion points to the callbacks that wait for a commit."""
    _ini, shown = outputs("django.md")
    printed = in_example(in_a_process, "django_orders", tmp_path, UNCOMMITTED)
    assert same_for_all(shown).strip() in same_for_all(printed), printed
