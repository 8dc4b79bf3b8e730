from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from engine.journal.records import WorkerRow
from engine.runtime.embedded.run_ancestry import below_a_tool
print(below_a_tool([WorkerRow("w", sys.argv[1], int(sys.argv[2]), 0, 0)]) is not None)
"""


def seen_below(host: str, pid: int, *, own_session: bool) -> str:
    done = subprocess.run(
        ["sh", "-c", 'env -i "$@"; exit $?', "sh", sys.executable, "-c", PROGRAM, host, str(pid)],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("host", "pid", "own_session", "below"),
    [
        (socket.gethostname(), os.getpid(), True, "True"),
        (socket.gethostname(), os.getpid(), False, "False"),
        ("elsewhere", os.getpid(), True, "False"),
        (socket.gethostname(), 2**22, True, "False"),
    ],
    ids=["tool of the worker", "what its operator starts", "worker of another host", "no worker"],
)
def test_a_process_below_a_worker_in_a_session_of_its_own_came_from_a_tool(
    host: str, pid: int, own_session: bool, below: str
) -> None:
    assert seen_below(host, pid, own_session=own_session) == below
