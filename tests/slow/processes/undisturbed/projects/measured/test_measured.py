import importlib
import inspect
import wave

import coverage
import shop
from google.cloud.tasks_v2.services.cloud_tasks import client


def facts(*modules):
    return [
        (
            module.__name__,
            type(module.__loader__).__name__,
            type(module.__spec__).__name__,
            module.__spec__.loader is module.__loader__,
            sorted(vars(module.__loader__)),
            bool(inspect.getsource(module)),
        )
        for module in modules
    ]


def test_measured():
    measuring = coverage.Coverage(data_file=None, include=["*/shop.py"])
    measuring.start()
    importlib.reload(shop)
    measuring.stop()
    assert measuring.analysis(shop)[1:3] == ([1, 4, 5], [5])


def test_failing():
    assert facts(client, wave, shop) == []
