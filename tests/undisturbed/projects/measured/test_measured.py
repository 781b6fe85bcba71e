import inspect
import io
import sys
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


def test_measured(tmp_path):
    measuring = coverage.Coverage(data_file=None, include=["*/shop.py"])
    with measuring.collect():
        del sys.modules["shop"]
    measuring.report(file=(text := io.StringIO()))
    assert "100%" in text.getvalue()


def test_failing():
    assert facts(client, wave, shop) == []
