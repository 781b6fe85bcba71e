import sys

from conftest import NAME, executed

AT_FIRST = list(executed)


def test_put_off():
    import wave

    assert "wave" not in executed
    assert wave.Wave_read
    assert "wave" in executed


def test_failing():
    from google.cloud.tasks_v2.services import cloud_tasks

    assert cloud_tasks.CloudTasksClient
    module = sys.modules[NAME]
    assert [AT_FIRST, executed, type(module).__name__, type(module.__loader__).__name__] == []
