import inspect
import wave

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


def test_passing():
    assert wave.Wave_read


def test_failing():
    assert facts(client, wave) == []
