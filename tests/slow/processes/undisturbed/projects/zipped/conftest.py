"""Puts the client's package into a zip file, as zipapp and some deployments do."""

import sys
import zipfile
from pathlib import Path

import google.cloud

ARCHIVE = Path(__file__).with_name("site.zip")


def pytest_configure():
    folder = next(Path(path) / "tasks_v2" for path in google.cloud.__path__ if (Path(path) / "tasks_v2").is_dir())
    with zipfile.ZipFile(ARCHIVE, "w") as archive:
        for file in folder.rglob("*.py"):
            archive.write(file, Path("google", "cloud", file.relative_to(folder.parent)))
        archive.writestr("packed.py", "value = 42\n")
    sys.path.insert(0, str(ARCHIVE))
    google.cloud.__path__ = [f"{ARCHIVE}/google/cloud", *google.cloud.__path__]
