"""What signals do to a command that stops in good order."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.patience import PATIENCE

PROGRAM = """
import asyncio, os, signal
from vasini_tui.cli.host.signals import stop_requests

async def command():
    with stop_requests() as stopped:
        os.kill(os.getpid(), signal.{first})
        await stopped
        os.kill(os.getpid(), signal.SIGINT)
        print("whole", flush=True)
        try:
            await asyncio.sleep(600)
        finally:
            print("cancelled", flush=True)

try:
    asyncio.run(command())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_second_ctrl_c_cancels_the_command_at_its_next_await() -> None:
    for first in (signal.SIGINT, signal.SIGTERM):
        program = [sys.executable, "-c", PROGRAM.format(first=first.name)]
        ended = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert ended.stdout.split() == ["whole", "cancelled", "interrupted"], ended.stderr


def test_a_second_request_to_terminate_ends_the_process() -> None:
    program = PROGRAM.format(first="SIGINT").replace("signal.SIGINT", "signal.SIGTERM")
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "")
