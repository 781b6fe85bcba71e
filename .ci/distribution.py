"""Fail unless the built wheel and sdist hold what they should and nothing else: ``distribution.py DIST``."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGE = "pytest_cloudtasks/"
SDIST_FOLDERS = (PACKAGE, "tests/", "docs/", "examples/", "benchmarks/", ".github/", ".ci/")
SDIST_FILES = {
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "tox.ini",
    ".gitignore",  # hatchling's build of the wheel reads it
}
RELATIVE = re.compile(r"\]\((?!https?:|#)[^)]*\)")
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def main(dist: Path) -> str:
    """What is missing or too much, as text; empty if all is well."""
    listed = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
    tracked = {name for name in listed if Path(name).is_file()}
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    stem = "-".join(wheel.name.split("-")[:2])
    in_wheel = {name for name in tracked if name.startswith(PACKAGE)}
    in_wheel |= {f"{stem}.dist-info/{name}" for name in METADATA}
    in_sdist = {name for name in tracked if name.startswith(SDIST_FOLDERS)} | SDIST_FILES | {"PKG-INFO"}
    with zipfile.ZipFile(wheel) as archive:
        differences = _compared(wheel.name, in_wheel, {one for one in archive.namelist() if not one.endswith("/")})
        differences += _links(wheel.name, archive.read(f"{stem}.dist-info/METADATA"))
    with tarfile.open(sdist) as archive:
        found = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
        differences += _links(sdist.name, archive.extractfile(f"{stem}/PKG-INFO").read())
    return differences + _compared(sdist.name, in_sdist, found)


def _compared(archive: str, expected: set[str], found: set[str]) -> str:
    lacks = [f"{archive} lacks {name}\n" for name in sorted(expected - found)]
    return "".join(lacks + [f"{archive} has {name}, which it should not\n" for name in sorted(found - expected)])


def _links(archive: str, metadata: bytes) -> str:
    """The description's links that lead nowhere from a registry's page."""
    description = email.message_from_bytes(metadata).get_payload()
    return "".join(f"{archive} describes itself with the link {one[2:-1]}\n" for one in RELATIVE.findall(description))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) or None)
