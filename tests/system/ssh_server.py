"""A real sshd on loopback for this account alone, with keys of its own; and a slow line to it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vasini_tui.identity import login_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {place}/host_key
AuthorizedKeysFile {place}/user_key.pub
PidFile {place}/sshd.pid
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
PermitRootLogin prohibit-password
PermitUserEnvironment no
AcceptEnv VASINI_HOME
PrintMotd no
PrintLastLog no
"""


def missing() -> str | None:
    """What a session over ssh needs and this machine does not have."""
    for name, place in (("sshd", "/usr/sbin"), ("ssh", None), ("ssh-keygen", None)):
        if shutil.which(name) is None and not (place and Path(place, name).exists()):
            return f"{name} is not installed"
    return None


@dataclass(frozen=True)
class SshServer:
    """Where it listens and what it lets in."""

    place: Path
    port: int

    def command(self, remote: str, *options: str, port: int | None = None) -> Sequence[str]:
        """The ssh client with a terminal, as a person would start it."""
        return (
            "ssh", "-tt", "-p", str(port or self.port), "-i", str(self.place / "user_key"),
            "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
            "-o", f"UserKnownHostsFile={self.place}/known_hosts", "-F", "none", *options,
            f"{login_name()}@127.0.0.1", remote,
        )  # fmt: skip


@contextmanager
def ssh_server(place: Path) -> Iterator[SshServer]:
    """sshd as long as the context; nothing of the machine's own ssh settings is used."""
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    port = _free_port()
    config = place / "sshd_config"
    config.write_text(_CONFIG.format(port=port, place=place))
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    process = subprocess.Popen([program, "-D", "-e", "-f", config], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield SshServer(place, port)
    finally:
        process.terminate()
        process.wait()


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise AssertionError("sshd does not listen")
        time.sleep(0.05)
