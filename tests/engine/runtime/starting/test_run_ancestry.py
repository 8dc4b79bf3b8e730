from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine.journal.memory.journal import MemoryJournal
from engine.runtime.embedded.run_ancestry import refuse_a_run
from engine.runtime.processes import this_process

if TYPE_CHECKING:
    from engine.journal.records import WorkerRow

PROGRAM = """
import sys
from engine.journal.records import WorkerRow
from engine.process_tree import ancestors
from engine.runtime.embedded.run_ancestry import below_a_tool
worker = WorkerRow("w", sys.argv[1], int(sys.argv[2]), 0, 0, process=sys.argv[3])
print(below_a_tool([worker], ancestors()) is not None)
"""


def seen_below(host: str, pid: int, process: str, *, own_session: bool) -> str:
    done = subprocess.run(
        ["sh", "-c", 'env -i "$@"; exit $?', "sh", sys.executable, "-c", PROGRAM, host, str(pid), process],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("host", "pid", "process", "own_session", "below"),
    [
        (socket.gethostname(), os.getpid(), this_process(), True, "True"),
        (socket.gethostname(), os.getpid(), "", True, "True"),
        (socket.gethostname(), os.getpid(), this_process(), False, "False"),
        ("elsewhere", os.getpid(), this_process(), True, "False"),
        (socket.gethostname(), 2**22, "", True, "False"),
        (socket.gethostname(), os.getpid(), this_process() + "0", True, "False"),
    ],
    ids=[
        "tool of the worker",
        "tool of a worker whose start is not known",
        "what its operator starts",
        "worker of another host",
        "no worker",
        "another process with its number",
    ],
)
def test_a_process_below_a_worker_in_a_session_of_its_own_came_from_a_tool(
    host: str, pid: int, process: str, own_session: bool, below: str
) -> None:
    assert seen_below(host, pid, process, own_session=own_session) == below


class FakeJournal(MemoryJournal):
    """Counts how often its workers were asked for."""

    asked = 0

    async def workers(self) -> list[WorkerRow]:
        self.asked += 1
        return await super().workers()


async def test_a_burst_of_decisions_does_not_ask_each_time_who_works() -> None:
    first, second = FakeJournal(), FakeJournal()
    for _ in range(50):
        await refuse_a_run(first)
    await refuse_a_run(second)
    assert first.asked < 50
    assert second.asked == 1
