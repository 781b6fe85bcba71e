"""Make the picture of the README, ``docs/images/report.png``: ``python docs/_picture``.

It runs ``test_checkout.py`` and needs the dependency group ``browser``, and chromium or google-chrome.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
PICTURE = FOLDER.parent / "images" / "report.png"
SIZE = {"width": 1100, "height": 780}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))


def main() -> None:
    """Run the test, and write the picture of its page."""
    with tempfile.TemporaryDirectory() as report, sync_playwright() as driver:
        command = [
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(FOLDER),
            str(FOLDER),
            f"--cloud-tasks-report={report}",
        ]
        subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL)
        (page_of_test,) = Path(report).glob("test_checkout*.html")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(page_of_test.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
