"""A git directory of our own in front of a repository's: its data is linked, its settings are not read.

Git starts programs that settings name (filters, text conversions, external diffs, hooks, a file system
monitor, fetch helpers, signature checkers, pagers, aliases), and each version knows more of them. So git
never sees a repository's `config`: the few settings that change how content is read are copied by name,
with values that can only be words.
All functions block on the file system: call them in a thread.
"""

from __future__ import annotations

import re
import shutil
import stat
from typing import TYPE_CHECKING

from engine.tools.builtin.git.place import open_regular, small_file
from engine.tools.failure import from_os_error, invalid_input

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.tools.builtin.files.paths import PathScope
    from engine.tools.builtin.git.place import GitPlace

_COPIED = (
    "core.autocrlf",
    "core.checkstat",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
    "core.symlinks",
    "core.trustctime",
    "extensions.objectformat",
    "extensions.refstorage",
)
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
_OF_THE_WORK_TREE = ("ORIG_HEAD", "MERGE_HEAD", "FETCH_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "logs")
_OF_THE_REPOSITORY = (
    "objects",
    "refs",
    "packed-refs",
    "shallow",
    "reftable",
    "info/exclude",
    "info/attributes",
)


def build_shadow(
    shadow: Path, place: GitPlace, settings: Mapping[str, str], scope: PathScope
) -> tuple[Path, ...]:
    """Fill the empty directory `shadow`; what of the repository its links lead to.

    Raises ToolFailure when the repository's files are not git's.
    """
    (shadow / "info").mkdir()
    (shadow / "config").write_text(_config(place, settings), "utf-8")
    # git takes a HEAD that is a link for a branch's name, so it is copied
    (shadow / "HEAD").write_text(small_file(place.git_dir / "HEAD", scope) + "\n", "utf-8", "surrogateescape")
    own = [*_OF_THE_WORK_TREE, "info/sparse-checkout"]
    targets = [(place.git_dir / name, shadow / name) for name in own]
    targets += [(place.common_dir / name, shadow / name) for name in _OF_THE_REPOSITORY]
    targets += [(path, shadow / path.name) for path in place.git_dir.glob("sharedindex.*")]
    linked = [_link(target, link, scope) for target, link in targets]
    _copy_index(place.git_dir / "index", shadow / "index", scope)
    return tuple(real for real in linked if real is not None)


def _config(place: GitPlace, settings: Mapping[str, str]) -> str:
    lines: dict[str, list[str]] = {"core": [f"bare = {'false' if place.work_tree else 'true'}"]}
    for key in _COPIED:
        value = settings.get(key)
        if value is not None and _WORD.match(value):
            section, _, name = key.partition(".")
            lines.setdefault(section, []).append(f"{name} = {value}")
    lines["core"].append(f"repositoryformatversion = {int('extensions' in lines)}")
    return "".join(f"[{section}]\n" + "".join(f"\t{line}\n" for line in lines[section]) for section in lines)


def _link(target: Path, link: Path, scope: PathScope) -> Path | None:
    """Where the link leads; None when the repository has no such thing."""
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise from_os_error(error, f"cannot read {str(target)!r}") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise invalid_input(f"{str(target)!r} is neither a file nor a directory")
    real = target.resolve()
    scope.require(real, str(target))
    link.symlink_to(real)
    return real


def _copy_index(index: Path, copy: Path, scope: PathScope) -> None:
    """A copy, so that paths can be marked in it without touching the repository."""
    if not index.exists():
        return
    scope.require(index.resolve(), str(index))
    try:
        with open_regular(index) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        shutil.copystat(index, copy)  # git compares times of files with the index's own
    except OSError as error:
        raise from_os_error(error, f"cannot copy {str(index)!r}") from error
