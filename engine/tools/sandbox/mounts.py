"""A sandbox as bubblewrap's arguments. Everything here blocks on the file system: call it in a thread."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.tools.sandbox_spec import SandboxSpec

_ROOT = Path("/")
_TMP = Path("/tmp")  # noqa: S108 - its own, unless the whole machine is in sight
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
# of /etc what programs need to run, and nothing that is somebody's, such as keys and passwords
_SETTINGS = (
    "alternatives", "group", "hosts", "java*", "ld.so.cache", "localtime", "nsswitch.conf", "os-release",
    "passwd", "perl", "pki/ca-trust/extracted", "pki/tls/certs", "pki/tls/openssl.cnf", "ssl/certs",
    "ssl/openssl.cnf",
)  # fmt: skip
_SETTINGS_OF_NETWORKS = ("gai.conf", "host.conf", "protocols", "resolv.conf", "services")
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


def mount_arguments(sandbox: SandboxSpec, cwd: Path, memory_bytes: int) -> list[str]:
    """Arguments of bubblewrap, up to the command. What is kept in memory holds `memory_bytes` each."""
    links, system, more = _system(os.environ.get("PATH", ""), sandbox.network)
    mounts = _Mounts({**system, **more}, frozenset(system))
    for path in sandbox.reads:
        mounts.add(path, "read")
    for path in sandbox.writes:
        mounts.add(path, "write")
    for path in sandbox.empty:
        mounts.add(path, "empty")
    for copy, place in sandbox.instead:
        mounts.at[place] = _Mount("write", copy)
    if sandbox.folder is not None:
        mounts.add(cwd, sandbox.folder)
    if (root := mounts.at.get(_ROOT)) is not None:
        mounts.take_ours_out()
        links = ()
    mounts.cover(sandbox.hidden, sandbox.denied)
    arguments = [*_APART, *([] if sandbox.network else ["--unshare-net"]), *links]
    memory = ["--size", str(memory_bytes), "--tmpfs"]
    arguments += mounts.arguments(memory, [place for _, place in sandbox.instead])
    if root is None:
        arguments += ["--remount-ro", "/"]
    return [*arguments, "--chdir", str(cwd), "--"]


@dataclass(slots=True)
class _Mounts:
    """What is where; a deeper one lies upon those above it."""

    at: dict[Path, _Mount]
    system: frozenset[Path]

    def add(self, path: Path, kind: Kind) -> None:
        """A directory or file under its real path, and under the name that it has for the caller."""
        real = path.resolve()
        if not _can_be_seen(real) or any(real.is_relative_to(ours) for ours in _OURS):
            return
        for place in {real, path} - self.system:
            known = self.at.get(place)
            if known is None or (known.kind, kind) != ("write", "read"):
                self.at[place] = _Mount(kind, real)

    def take_ours_out(self) -> None:
        """Where all of the machine is in sight: not its services, nor its settings to be changed."""
        if self.at[_TMP].kind == "empty":
            del self.at[_TMP]
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

    def arguments(self, memory: list[str], instead: Collection[Path]) -> list[str]:
        """In the order in which they have to be made."""
        made: list[str] = []
        closed: list[str] = []
        for place in sorted(self.at, key=lambda place: (len(place.parts), place)):
            if len(place.parts) > 1 and not closed:
                made, closed = [*made, *_own_places(memory)], ["--remount-ro", "/dev"]
            name, (kind, source) = str(place), self.at[place]
            if (
                source != place
                and place not in instead
                and self._kind_over(place.parent) in {"read", "write"}
            ):
                continue  # the link that it is can be seen itself
            match kind:
                case "read":
                    made += ["--ro-bind-try", str(source), name]
                case "write":
                    made += ["--bind-try", str(source), name]
                case "empty":
                    made += [*memory, name]
                case "hidden" if place.is_dir():
                    made += ["--tmpfs", name]
                    closed += ["--remount-ro", name]
                case _:
                    made += ["--ro-bind", os.devnull, name]
        return made + closed


def _can_be_seen(path: Path) -> bool:
    """Whether it is there, for us: a PATH may name what only somebody else may look at."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _own_places(memory: list[str]) -> list[str]:
    """Processes, devices and a home of its own.

    Root of the machine changes the kernel's settings without a single capability: they are read-only.
    """
    processes = ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    return [*processes, "--dev", "/dev", *memory, "/dev/shm", "--dir", HOME]  # noqa: S108 - its own


@lru_cache(maxsize=4)
def _system(
    search_path: str, network: bool
) -> tuple[tuple[str, ...], Mapping[Path, _Mount], Mapping[Path, _Mount]]:
    """What programs are and need: links as arguments, the system, and what is seen like it."""
    links: list[str] = []
    system: dict[Path, _Mount] = {}
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            links += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            system[path] = _Mount("read", path)
    for pattern in (*_SETTINGS, *(_SETTINGS_OF_NETWORKS if network else ())):
        found = (path for path in Path("/etc").glob(pattern) if path.exists())
        system |= {path: _Mount("read", path.resolve()) for path in found}
    more = _Mounts({}, frozenset(system))
    programs = map(Path, search_path.split(os.pathsep))
    for path in (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2], *programs):
        seen = any(path.resolve().is_relative_to(known) for known in (*system, *more.at))
        if path.is_absolute() and path != _ROOT and not seen:
            more.add(path, "read")
    more.at[_TMP] = _Mount("empty", _TMP)
    return tuple(links), system, more.at
