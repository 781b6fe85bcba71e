import sys
import threading
import warnings


def test_a_warning_is_an_error():
    warnings.warn("an old way", DeprecationWarning)


def test_a_file_left_open(tmp_path):
    (tmp_path / "file").write_text("text")
    open(tmp_path / "file").close()


def test_a_thread_that_fails():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


def test_the_way_of_importing():
    assert __name__.endswith("inner.test_strict")
    assert not any(entry.endswith("inner") for entry in sys.path)
