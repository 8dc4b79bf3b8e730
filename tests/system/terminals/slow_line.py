"""A line to a port of this machine that carries little."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def slow_line(to_port: int, rate: int) -> Iterator[int]:
    """A port that leads to `to_port` and lets `rate` bytes per second through to the client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        stopped = threading.Event()
        thread = threading.Thread(target=_forward, args=(listening, to_port, rate, stopped), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


def _forward(listening: socket.socket, to_port: int, rate: int, stopped: threading.Event) -> None:
    client: socket.socket | None = None
    while client is None and not stopped.is_set():
        with suppress(TimeoutError):
            client, _ = listening.accept()
    if client is None:
        return
    with client, socket.create_connection(("127.0.0.1", to_port)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        up = threading.Thread(target=_copy, args=(client, server, None, stopped), daemon=True)
        up.start()
        _copy(server, client, rate, stopped)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        up.join()


def _copy(source: socket.socket, target: socket.socket, rate: int | None, stopped: threading.Event) -> None:
    """The greeting and the keys of ssh pass at full speed: what is slow is the screen."""
    free = 8_000
    while not stopped.is_set():
        try:
            data = source.recv(65_536 if rate is None or free > 0 else max(1, rate // 10))
            if not data:
                return
            target.sendall(data)
        except OSError:
            return
        free -= len(data)
        if rate is not None and free <= 0:
            stopped.wait(len(data) / rate)
