"""The child's side of `ask`: limits first, one request from stdin, one answer, then the end.

Imports the standard library only.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from engine.tools.process.keeper import confine, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = dict[str, Any]
CONFINED = "confined"
"""In place of the settings: somebody else has confined this process."""


def serve_once(handle: Callable[[Answer], Answer]) -> None:
    """Answer one request and end at once, whatever threads the handler left behind.

    The answer goes to the descriptor in RESULT_FD, so that what a handler prints cannot be taken for it.
    """
    answer_to = int(os.environ.pop("RESULT_FD"))
    os.set_inheritable(answer_to, False)
    if sys.argv[1] != CONFINED:
        confine(read_settings(sys.argv[1]))
    request = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what is printed can be read while it works
    # a lone surrogate becomes \udcXX, which is JSON again
    answer = json.dumps(handle(request), ensure_ascii=False).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    with os.fdopen(answer_to, "wb") as result:
        result.write(answer)
    os._exit(0)
