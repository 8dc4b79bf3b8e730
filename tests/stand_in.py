"""Stands where pytest-xdist has started a worker: hands its streams to a fork, and ends when that does."""

from __future__ import annotations

import os
import signal
import socket
import sys


def _main(address: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the worker
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        socket.send_fds(line, [b"."], [0, 1, 2])
        for number in (0, 1):
            os.close(number)  # else pytest-xdist would not hear that the worker is gone
        line.recv(1)


if __name__ == "__main__":
    _main(sys.argv[1])
