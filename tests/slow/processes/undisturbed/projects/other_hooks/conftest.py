"""Import hooks of beartype, typeguard and wrapt, which come after the plugin."""

import sys

import beartype.claw
import typeguard
import wrapt

CLIENT = "google.cloud.tasks_v2.services.cloud_tasks.client"
seen = []
wrapt.register_post_import_hook(lambda module: seen.append(module.__name__), CLIENT)
wrapt.register_post_import_hook(lambda module: seen.append(module.__name__), "typeguarded")
beartype.claw.beartype_package("beartyped")


def pytest_configure():
    typeguard.install_import_hook(["typeguarded", "google.cloud.tasks_v2.services.cloud_tasks"])


def pytest_unconfigure():
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, typeguard.TypeguardFinder)]
