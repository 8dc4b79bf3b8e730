"""From a room to bubblewrap's arguments. Everything here blocks on the file system: call it in a thread."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.tools.sandbox.room import Room

_ROOT = Path("/")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
# of /etc what programs need to run, and nothing that is somebody's: keys, passwords, addresses of services
_SETTINGS = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "debian_version", "fonts",
    "gai.conf", "group", "host.conf", "hosts", "inputrc", "java*", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "magic", "mime.types", "networks",
    "nsswitch.conf", "os-release", "passwd", "perl", "pki/ca-trust/extracted", "pki/tls/certs",
    "pki/tls/openssl.cnf", "profile", "protocols", "python3*", "resolv.conf", "rpc", "services", "ssl/certs",
    "ssl/openssl.cnf", "system-release", "terminfo", "timezone",
)  # fmt: skip
_OURS = (Path("/proc"), Path("/sys"), Path("/dev"), Path("/run"))
"""Never those of the machine: they lead to its devices, processes and services."""
HOME = "/dev/shm/home"  # noqa: S108 - its own
"""In memory, below a directory that is never one of the machine's."""
_APART = (
    "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--die-with-parent", "--cap-drop", "ALL",
)  # fmt: skip

Kind = Literal["read", "write", "empty", "hidden"]


class _Mount(NamedTuple):
    kind: Kind
    source: Path
    """What of the machine is there; for what is empty or hidden, nothing is."""


def mount_arguments(room: Room, cwd: Path, memory_bytes: int) -> list[str]:
    """Arguments of bubblewrap, up to the command. What is kept in memory holds `memory_bytes` each."""
    mounts = _Mounts()
    links = list(_system(mounts))
    for path in room.reads:
        mounts.add(path, "read")
    for path in room.writes:
        mounts.add(path, "write")
    for path in room.empty:
        mounts.add(path, "empty")
    if room.folder is not None:
        mounts.add(cwd, room.folder)
    if (root := mounts.at.get(_ROOT)) is not None:
        mounts.take_ours_out()
        links = []
    mounts.cover(room.hidden, room.denied)
    arguments = [*_APART, *([] if room.network else ["--unshare-net"]), *links]
    memory = ["--size", str(memory_bytes), "--tmpfs"]
    arguments += mounts.arguments(memory)
    if root is None:
        arguments += ["--remount-ro", "/"]
    return [*arguments, "--chdir", str(cwd), "--"]


@dataclass(slots=True)
class _Mounts:
    """What is where; a deeper one lies upon those above it."""

    at: dict[Path, _Mount] = field(default_factory=dict)
    system: set[Path] = field(default_factory=set)

    def add(self, path: Path, kind: Kind) -> None:
        """A directory or file under its real path, and under the name that it has for the caller."""
        real = path.resolve()
        if not real.exists() or any(real.is_relative_to(ours) for ours in _OURS):
            return
        for place in {real, path} - self.system:
            known = self.at.get(place)
            if known is None or (known.kind, kind) != ("write", "read"):
                self.at[place] = _Mount(kind, real)

    def take_ours_out(self) -> None:
        """Where all of the machine is in sight: not its services, nor its settings to be changed."""
        self.at |= {Path(name): _Mount("hidden", Path(name)) for name in ("/run", "/sys")}
        changed = (Path(name) for name in ("/boot", "/etc"))
        self.at |= {path: _Mount("read", path) for path in changed if path.is_dir()}

    def cover(self, hidden: Iterable[Path], denied: Iterable[Path]) -> None:
        """Take out of sight what is in sight by now."""
        for path in {path.resolve() for path in hidden} - self.at.keys():
            self._cover(path)
        for path in {path.resolve() for path in denied}:
            self.at = {
                place: mount for place, mount in self.at.items() if not mount.source.is_relative_to(path)
            }
            self._cover(path)
            if not path.exists():  # nobody may put a file there that would be taken for ours
                there = next(parent for parent in path.parents if parent.exists())
                if self._kind_over(there) == "write":
                    self.at[there] = _Mount("read", there)

    def _cover(self, path: Path) -> None:
        if path.exists() and self._kind_over(path) in {"read", "write"}:
            self.at[path] = _Mount("hidden", path)

    def _kind_over(self, path: Path) -> Kind | None:
        over = next((place for place in (path, *path.parents) if place in self.at), None)
        return self.at[over].kind if over is not None else None

    def arguments(self, memory: list[str]) -> list[str]:
        """In the order in which they have to be made."""
        made: list[str] = []
        closed: list[str] = []
        for place in sorted(self.at, key=lambda place: (len(place.parts), place)):
            if len(place.parts) > 1 and not closed:
                made, closed = [*made, *_own_places(memory)], ["--remount-ro", "/dev"]
            name, (kind, source) = str(place), self.at[place]
            match kind:
                case "read":
                    made += ["--ro-bind", str(source), name]
                case "write":
                    made += ["--bind", str(source), name]
                case "empty":
                    made += [*memory, name]
                case "hidden" if place.is_dir():
                    made += ["--tmpfs", name]
                    closed += ["--remount-ro", name]
                case _:
                    made += ["--ro-bind", os.devnull, name]
        return made + closed


def _own_places(memory: list[str]) -> list[str]:
    """Processes, devices and a home of its own.

    Root of the machine changes the kernel's settings without a single capability: they are read-only.
    """
    processes = ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    return [*processes, "--dev", "/dev", *memory, "/dev/shm", "--dir", HOME]  # noqa: S108 - its own


def _system(mounts: _Mounts) -> Iterator[str]:
    """Mount what programs are and need; gives the links among it as arguments."""
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            mounts.at[path] = _Mount("read", path)
    for pattern in _SETTINGS:
        for path in Path("/etc").glob(pattern):
            if path.exists():
                mounts.at[path] = _Mount("read", path.resolve())
    mounts.system |= mounts.at.keys()
    searched = map(Path, os.environ.get("PATH", "").split(os.pathsep))
    engine = Path(__file__).parents[2]
    for path in (*searched, Path(sys.prefix), Path(sys.base_prefix), engine):
        if path.is_absolute() and path != _ROOT and not _is_system(path):
            mounts.add(path, "read")
    mounts.at[Path("/tmp")] = _Mount("empty", Path("/tmp"))  # noqa: S108 - its own


def _is_system(path: Path) -> bool:
    return any(path.resolve().is_relative_to(Path(name)) for name in _SYSTEM)
