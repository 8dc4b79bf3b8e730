"""Sessions over ssh on loopback for this account alone: a server and a client that need nothing installed.

The server is a process of its own (`python -m tests.system.terminals.ssh_server PLACE`); what it starts gets
a terminal and the environment that sshd would give it. A shell performs the command; one that begins with
`warm` is `vasini` with the rest as arguments, forked from a warm process.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import pwd
import shlex
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh

from tests.system.warm_command import WarmCommand, warm_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROOT = Path(__file__).parents[3]
_PASSED_ON = ("VASINI_HOME",)


@dataclass(frozen=True)
class SshServer:
    """Where it listens and what it lets in."""

    place: Path
    port: int

    def command(self, remote: str, *, port: int | None = None) -> Sequence[str | Path]:
        """The client with a terminal, as a person would start it."""
        user = pwd.getpwuid(os.getuid()).pw_name
        client = Path(__file__).with_name("ssh_client.py")
        return (sys.executable, client, str(port or self.port), str(self.place / "user_key"), user, remote)


@contextmanager
def ssh_server(place: Path) -> Iterator[SshServer]:
    """A server as long as the context, with keys of its own."""
    for name in ("host_key", "user_key"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(place / name)
        key.write_public_key(place / f"{name}.pub")
    command = [sys.executable, "-m", "tests.system.terminals.ssh_server", str(place)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield SshServer(place, int(process.stdout.readline()))
        finally:
            process.terminate()


class _Session(asyncssh.SSHServerSession[bytes]):
    """One program on a terminal of its own; the terminal is closed with the line."""

    def __init__(self, peer: str, warm: WarmCommand) -> None:
        self._peer = peer
        self._warm = warm
        self._command = ""
        self._master, self._slave = pty.openpty()
        self._ends: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: object) -> bool:
        self._term = term_type
        self.terminal_size_changed(*term_size)
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def session_started(self) -> None:
        self._ends = asyncio.create_task(self._perform())

    def data_received(self, data: bytes, datatype: int | None) -> None:
        with suppress(OSError):
            os.write(self._master, data)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        with suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def pause_writing(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)

    def resume_writing(self) -> None:
        asyncio.get_running_loop().add_reader(self._master, self._pass_on)

    def connection_lost(self, exc: Exception | None) -> None:
        self._close()

    async def _perform(self) -> None:
        self.resume_writing()
        words = shlex.split(self._command)
        if words[0] == "warm":
            console = self._warm.on_terminal(words, self._slave, Path.home(), self._environment())
            status = await asyncio.to_thread(console.wait)
            os.close(self._slave)  # not before: a terminal that nobody has opened yet would be gone
        else:
            program = await asyncio.create_subprocess_exec(
                "setsid", "--ctty", "sh", "-c", self._command,
                stdin=self._slave, stdout=self._slave, stderr=self._slave, env=self._environment(),
            )  # fmt: skip
            os.close(self._slave)
            status = await program.wait()
        while self._pass_on():
            pass
        self._channel.exit(status)

    def _environment(self) -> dict[str, str]:
        account = pwd.getpwuid(os.getuid())
        sent = self._channel.get_environment()
        return {
            "HOME": account.pw_dir,
            "LOGNAME": account.pw_name,
            "USER": account.pw_name,
            "SHELL": account.pw_shell,
            "PATH": os.environ["PATH"],
            "TERM": self._term,
            "SSH_CONNECTION": self._peer,
        } | {name: sent[name] for name in _PASSED_ON if name in sent}

    def _pass_on(self) -> bool:
        """Whether there was something that the program had written."""
        try:
            data = os.read(self._master, 4_096)
        except OSError:  # the program has ended, or the line is lost
            self._close()
            return False
        self._channel.write(data)
        return True

    def _close(self) -> None:
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            self._master = -1


class _Server(asyncssh.SSHServer):
    """Lets in whoever has the key."""

    def __init__(self, warm: WarmCommand) -> None:
        self._warm = warm

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        ends = (*conn.get_extra_info("peername")[:2], *conn.get_extra_info("sockname")[:2])
        self._peer = " ".join(map(str, ends))

    def session_requested(self) -> _Session:
        return _Session(self._peer, self._warm)


async def _serve(place: Path, warm: WarmCommand) -> None:
    listening = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Server(warm),
        server_host_keys=[str(place / "host_key")],
        authorized_client_keys=str(place / "user_key.pub"),
        encoding=None,
        line_editor=False,
    )
    print(listening.get_port(), flush=True)  # noqa: T201 - read by the test
    await listening.wait_closed()


if __name__ == "__main__":
    with warm_command() as started:
        asyncio.run(_serve(Path(sys.argv[1]), started))
