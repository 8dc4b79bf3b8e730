from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from engine.runtime.processes import this_process

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
