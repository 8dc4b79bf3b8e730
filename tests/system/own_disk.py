"""Commands that see another file system at their home than everybody else: a small one, or one for reading.

They are forked from the warm process as other commands are (tests.system.warm_command), below one that has
left for a name space of mounts of its own, which needs no more rights than its user has.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system import warm_command
from tests.system.warm_process import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Vasini

SMALL = "mount -t tmpfs -o size=2m none {home} && chmod 700 {home}"
FOR_READING = "mount --bind {home} {home} && mount -o remount,ro,bind {home}"
_OWN_USERS_AND_MOUNTS = 0x10000000 | 0x00020000
"""CLONE_NEWUSER and CLONE_NEWNS."""


@dataclass(frozen=True)
class OwnDisk:
    """A home on a file system of its own; `place` is where this process finds it."""

    vasini: Vasini
    place: Path

    def fill(self) -> None:
        """Leave no room, until `make_room`."""
        try:
            with (self.place / "ballast").open("wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(1024))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def make_room(self) -> None:
        """As before `fill`."""
        (self.place / "ballast").unlink()


@contextmanager
def own_disk(vasini: Vasini, mounting: str) -> Iterator[OwnDisk]:
    """The home mounted in that way for the commands of the result; skips where that may not be done."""
    vasini.home.mkdir(exist_ok=True)
    with connect("own disk") as line:
        line.sendall(json.dumps({"home": str(vasini.home), "mounting": mounting}).encode() + b"\n")
        pid = int(line.recv(16))
        if pid == 0:
            pytest.skip("no mount name spaces here")
        with closing(warm_command.WarmCommand(line)) as warm:
            place = Path(f"/proc/{pid}/root", *vasini.home.parts[1:])
            yield OwnDisk(replace(vasini, warm=warm), place)


def learn() -> None:
    """Nothing beside what commands do."""


def serve() -> None:
    """Leave, mount, and perform commands on order; tells its process id, or 0 where it may not."""
    order = json.loads(sys.stdin.buffer.readline())
    mounted = _left() and _mounted(Path(order["home"]), order["mounting"])
    sys.stdout.write(f"{os.getpid() if mounted else 0}\n")
    sys.stdout.flush()
    if mounted:
        warm_command.serve()


def _left() -> bool:
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None).unshare(_OWN_USERS_AND_MOUNTS) != 0:
        return False
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"0 {user} 1")
    (own / "gid_map").write_text(f"0 {group} 1")
    return True


def _mounted(home: Path, mounting: str) -> bool:
    command = ["sh", "-c", mounting.format(home='"$1"'), "sh", str(home)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
