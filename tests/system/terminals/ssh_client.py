"""An ssh client on the terminal it was started on: `ssh_client.py PORT KEY USER COMMAND`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty

import asyncssh

_WINDOW = 64 * 1024


class _Shown(asyncssh.SSHClientSession[bytes]):
    """Writes what comes to the terminal."""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        while data:
            data = data[os.write(1, data) :]


async def _converse(port: int, key: str, user: str, command: str) -> int:
    """Until the remote command has ended; its exit status."""
    async with asyncssh.connect(
        "127.0.0.1", port, username=user, client_keys=[key], known_hosts=None, config=None, agent_path=None
    ) as connection:
        size = os.get_terminal_size()
        channel, _ = await connection.create_session(
            _Shown,
            command,
            term_type=os.environ["TERM"],
            term_size=(size.columns, size.lines),
            env={"VASINI_HOME": os.environ["VASINI_HOME"]},
            encoding=None,
            window=_WINDOW,
        )
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(
            signal.SIGWINCH, lambda: channel.change_terminal_size(*os.get_terminal_size())
        )
        loop.add_reader(0, lambda: channel.write(os.read(0, 65_536)))
        await channel.wait_closed()
        loop.remove_reader(0)
        status = channel.get_exit_status()
        return 255 if status is None else status


if __name__ == "__main__":
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        sys.exit(asyncio.run(_converse(int(sys.argv[1]), *sys.argv[2:5])))
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
