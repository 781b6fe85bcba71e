"""Draw the diagrams of ``docs/model.md`` anew: ``python docs/_diagrams``."""

from __future__ import annotations

import sys
from pathlib import Path

from drawing import Diagram, svg
from walking import PULL_COMMANDS, START, Walker, edges_of_queue, edges_of_task, walk, with_queue

IMAGES = Path(__file__).parent.parent / "images"
QUEUE = Diagram(
    "The states of a queue",
    (620, 400),
    {
        "RUNNING": (100, 60),
        "PAUSED": (520, 60),
        "DISABLED": (310, 240),
        START: (60, 370),
        "name reserved": (520, 370),
    },
    frozenset({"RUNNING", "PAUSED", "DISABLED"}),
    frame=(14, 14, 592, 270),
    ports={"name reserved": (520, 284)},
    labels={
        (START, "RUNNING"): (12, 30),
        ("RUNNING", "DISABLED"): (36, 20),
        ("DISABLED", "RUNNING"): (-40, 24),
        ("PAUSED", "DISABLED"): (46, 22),
        ("DISABLED", "PAUSED"): (10, -14),
        ("name reserved", START): (0, -12),
    },
)
_BELOW = 305.0
PUSH = Diagram(
    "The states of a task that is sent",
    (630, 335),
    {
        START: (110, 14),
        "SCHEDULED": (110, 115),
        "DISPATCHED": (470, 115),
        "DELETED": (80, _BELOW),
        "EXPIRED": (235, _BELOW),
        "EXHAUSTED": (390, _BELOW),
        "SUCCEEDED": (545, _BELOW),
    },
    frozenset({"SCHEDULED", "DISPATCHED"}),
    frame=(14, 56, 602, 124),
    ports={"DELETED": (80, 180), "EXPIRED": (235, 180)},
    labels={
        ("DISPATCHED", "SCHEDULED"): (0, 14),
        ("DISPATCHED", "EXHAUSTED"): (-22, 18),
        ("DISPATCHED", "SUCCEEDED"): (8, 18),
    },
)
PULL = Diagram(
    "The states of a task that is leased",
    (630, 335),
    {
        START: (110, 14),
        "SCHEDULED": (110, 115),
        "leased": (520, 115),
        "EXHAUSTED": (80, _BELOW),
        "DELETED": (235, _BELOW),
        "EXPIRED": (390, _BELOW),
        "SUCCEEDED": (545, _BELOW),
    },
    frozenset({"SCHEDULED", "leased"}),
    frame=(14, 56, 602, 124),
    ports={"DELETED": (235, 180), "EXPIRED": (390, 180)},
    labels={("SCHEDULED", "EXHAUSTED"): (6, 22), ("leased", "SUCCEEDED"): (0, 22)},
)


def images() -> dict[str, str]:
    """The text of every diagram, by the name of its file."""
    pull = walk(lambda: with_queue(is_pull=True), PULL_COMMANDS, Walker.task_state)
    return {
        "states-of-a-queue.svg": svg(QUEUE, edges_of_queue()),
        "states-of-a-task.svg": svg(PUSH, edges_of_task()),
        "states-of-a-pull-task.svg": svg(PULL, pull),
    }


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name, text in images().items():
        (IMAGES / name).write_text(text, "utf-8")
        sys.stdout.write(f"{IMAGES / name}\n")
