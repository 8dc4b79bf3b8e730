"""The files of a trigger's pattern, and which of those that were there can only not be seen."""

from __future__ import annotations

import stat
from glob import iglob
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from engine.safe_files.naming import at_home

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FILES = 10_000
"""Files of one pattern that are looked at."""

Stamp = tuple[int, int]
"""Time of the last change, and size."""


def files_of(pattern: str, known: Iterable[str]) -> tuple[dict[str, Stamp], set[str]]:
    """The regular files of a pattern by path, those `known` among them, and the known ones that may be there.

    A folder that cannot be read (no right to, no more files may be opened, a disk that fails) lists nothing,
    and beyond `MAX_FILES` which ones are listed is chance: only what is known not to be there is gone.
    Blocks.
    """
    listed = islice(iglob(str(at_home(Path(pattern)))), MAX_FILES)  # noqa: PTH207 - a pattern with `~`
    found: dict[str, Stamp] = {}
    hidden: set[str] = set()
    for name in dict.fromkeys((*listed, *known)):
        try:
            status = Path(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            hidden.add(name)
            continue
        if stat.S_ISREG(status.st_mode):
            found[name] = (status.st_mtime_ns, status.st_size)
    return dict(sorted(found.items())), hidden
