"""What pytest prints of a failure: messages compared, sections in colour, the message whole."""

from __future__ import annotations

import pytest

RED, GREEN, YELLOW, FAINT, END = (f"\x1b[{code}m" for code in (31, 32, 33, 2, 0))
STORY = """
    import pytest
    from google.cloud import tasks_v2

    @pytest.mark.cloud_tasks(queues=["work", {"held": {"state": "PAUSED"}}])
    def test_it(cloud_tasks, cloud_tasks_client):
        parent = cloud_tasks.queue_path("work")
        for name in ("one", "two"):
            task = {"name": f"{parent}/tasks/{name}", "http_request": {"url": f"https://a.test/{name}"}}
            cloud_tasks_client.create_task(parent=parent, task=task)
        cloud_tasks.route("https://a.test/one").returns(503, 200)
        cloud_tasks.route("https://a.test/two").takes(cloud_tasks.clock.elapsed).returns(200)
        cloud_tasks.drain()
        held = cloud_tasks.queue_path("held")
        cloud_tasks_client.create_task(parent=held, task={"name": f"{held}/tasks/x", "http_request": {"url": "https://b.test/"}})
        try:
            cloud_tasks_client.get_task(name=f"{parent}/tasks/three")
        except Exception:
            pass
        assert False
"""
PLAIN = """\
+0:00:00      queue work created
+0:00:00      queue held created
+0:00:00      queue held paused
+0:00:00      work/one created: POST https://a.test/one
+0:00:00      work/two created: POST https://a.test/two
+0:00:00      work/one attempt 1 → 503, retry in 0.1 s
+0:00:00      work/two attempt 1 → 200
+0:00:00.100  work/one attempt 2 → 200
+0:00:00.100  held/x created: POST https://b.test/
+0:00:00.100  get_task work/three → NOT_FOUND
+0:00:00.100  held/x blocked: the queue is paused"""
COLOURED = f"""\
{FAINT}+0:00:00{END}      queue work created
{FAINT}+0:00:00{END}      queue held created
{FAINT}+0:00:00{END}      queue held{YELLOW} paused{END}
{FAINT}+0:00:00{END}      work/one created: POST https://a.test/one
{FAINT}+0:00:00{END}      work/two created: POST https://a.test/two
{FAINT}+0:00:00{END}      work/one attempt 1 {YELLOW}→ 503, retry in 0.1 s{END}
{FAINT}+0:00:00{END}      work/two attempt 1 {GREEN}→ 200{END}
{FAINT}+0:00:00.100{END}  work/one attempt 2 {GREEN}→ 200{END}
{FAINT}+0:00:00.100{END}  held/x created: POST https://b.test/
{FAINT}+0:00:00.100{END}  get_task work/three {RED}→ NOT_FOUND{END}
{FAINT}+0:00:00.100{END}  held/x {YELLOW}blocked: the queue is paused{END}"""


@pytest.fixture(autouse=True)
def _a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed width without colours, whatever terminal the suite runs in."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("CI", "BUILD_NUMBER", "NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)


def section(output: str, title: str) -> str:
    """The text of a report section."""
    lines = output.splitlines()
    begin = next(index for index, line in enumerate(lines) if f" {title} " in line) + 1
    end = next(
        index for index, line in enumerate(lines[begin:], begin) if "short test summary" in line or "---" in line
    )
    return "\n".join(lines[begin:end])


def test_the_timeline_is_in_colour(pytester: pytest.Pytester) -> None:
    """Offsets faint, what went well green, what comes again or waits yellow, the rest red."""
    pytester.makepyfile(STORY)
    output = pytester.runpytest("--color=yes").stdout.str()
    assert section(output, "Cloud Tasks timeline") == COLOURED
    refusal, *_ = section(output, "Cloud Tasks rejections").splitlines()
    assert refusal.startswith(f"GetTask {RED}was rejected with NOT_FOUND{END}: ")


def test_the_timeline_is_plain_where_pytest_is(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, and with NO_COLOR, there is no colour."""
    pytester.makepyfile(STORY)
    assert section(pytester.runpytest().stdout.str(), "Cloud Tasks timeline") == PLAIN
    monkeypatch.setenv("NO_COLOR", "1")
    assert section(pytester.runpytest().stdout.str(), "Cloud Tasks timeline") == PLAIN


def test_reports_stay_plain(pytester: pytest.Pytester) -> None:
    """Other plugins read them after pytest has printed them: no colour is left in them."""
    pytester.makepyfile(STORY)
    pytester.makeconftest(
        """
        def pytest_unconfigure(config):
            reporter = config.pluginmanager.get_plugin("terminalreporter")
            for report in reporter.stats["failed"]:
                print([(name, "\\x1b" in text) for name, text in report.sections])
        """
    )
    result = pytester.runpytest("--color=yes")
    assert result.outlines[-1] == "[('Cloud Tasks rejections', False), ('Cloud Tasks timeline', False)]"


def test_an_assertion_is_printed_whole(pytester: pytest.Pytester) -> None:
    """What pytest prints is the message, line by line."""
    pytester.makepyfile(
        """
        def test_it(cloud_tasks, cloud_tasks_client):
            queue = cloud_tasks.create_queue("work").name
            task = {"name": f"{queue}/tasks/one", "http_request": {"url": "https://a.test/", "body": b'{"order": 41}'}}
            cloud_tasks_client.create_task(parent=queue, task=task)
            cloud_tasks.assert_enqueued(queue="work", json={"order": 42})
        """
    )
    lines = [line for line in pytester.runpytest().stdout.lines if line.startswith("E ")]
    assert lines == [
        "E       pytest_cloudtasks.CloudTasksAssertionError: Expected 1 matching task, found none.",
        "E       ",
        "E       Expected:",
        "E         queue: 'work'",
        "E         json: {'order': 42}",
        "E       ",
        "E       Not matching, nearest first:",
        "E         work/one  POST https://a.test/  (scheduled)",
        "E                       expected  actual",
        "E           json.order  42        41",
        "E       ",
        "E       Timeline:",
        "E         +0:00:00  queue work created",
        "E         +0:00:00  work/one created: POST https://a.test/",
    ]


@pytest.mark.needs("clients of 2.x")
def test_messages_are_compared_field_by_field(pytester: pytest.Pytester) -> None:
    """`assert task == other` shows what differs; a comparison of anything else is pytest's own."""
    pytester.makepyfile(
        """
        from google.cloud import tasks_v2

        QUEUE = "projects/p/locations/l/queues/work"

        def test_messages():
            one = tasks_v2.Task(name=f"{QUEUE}/tasks/one", http_request={"url": "https://a.test/"})
            assert one == {"name": f"{QUEUE}/tasks/two", "http_request": {"url": "https://a.test/", "body": b"x"}}

        def test_texts():
            assert "a" == "b"
        """
    )
    lines = [line for line in pytester.runpytest().stdout.lines if line.startswith("E ")]
    assert lines == [
        "E       AssertionError: assert Task == dict",
        "E                            left      right",
        "E         name               work/one  work/two",
        "E         http_request.body  b''       b'x'",
        "E       AssertionError: assert 'a' == 'b'",
        "E         ",
        "E         - b",
        "E         + a",
    ]
