"""Hooks of operators and packs: what is looked at, and which of them says no. Pure: nothing is run for it."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from engine.contracts.layers.hook import HookPoint
from engine.governance.pipeline import Outcome, Point, Reason, Verdict
from engine.safe_text import with_few_marks
from engine.values import ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.contracts.layers.hook import Hook

POINTS = {
    HookPoint.START: Point.AGENT_START,
    HookPoint.BEFORE_MODEL: Point.MODEL_CALL,
    HookPoint.AFTER_MODEL: Point.MODEL_ANSWER,
    HookPoint.BEFORE_TOOL: Point.TOOL_CALL,
    HookPoint.AFTER_TOOL: Point.TOOL_RESULT,
    HookPoint.COMPLETED: Point.AGENT_OUTPUT,
}
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Control characters that are no blanks, and what Unicode lets programs leave out when they show a text."""

_TERMINAL = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-Z\\^-~]")
_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{1,3})|[\s\S])"
)
_LETTERS = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "f": "\f",
    "v": "\v",
    "b": "\b",
    "e": "\x1b",
    "\n": "",
}
_READ_AGAIN = 6
"""So often escapes are read that escapes make."""


def vetoes(known: Iterable[Hook], at: HookPoint, value: Any, tool: str | None = None) -> Iterator[Hook]:
    """The hooks that say no to this, in their order; `value` is looked through for texts, in keys as well."""
    hooks = [hook for hook in known if hook.at is at]
    if not hooks:
        return
    text = "\n".join(_folded(read) for one in texts_in(value) for read in readings(one))
    for hook in hooks:
        if hook.tool is not None and (tool is None or not fnmatchcase(tool, hook.tool)):
            continue
        if not hook.contains or any(_folded(words) in text for words in hook.contains):
            yield hook


def verdict_of(hook: Hook, *, of_pack: bool) -> Verdict:
    """What the hook says; the text that it found is not repeated."""
    reason = Reason.HOOK_VETO if of_pack else Reason.OPERATOR_HOOK_VETO
    return Verdict(Outcome.DENY, reason, f"{hook.reason} (hook {hook.id})", {"hook": hook.id})


def texts_in(value: Any) -> Iterable[str]:
    """Every text of a JSON value, and its numbers as texts: whoever may write one may write the other."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, ImageRef):
            yield one.shown
        elif isinstance(one, dict):
            waiting += [*one.values(), *one.keys()]
        elif isinstance(one, list | tuple):
            waiting += one
        elif one is not None:  # a number, true, false: as JSON has them
            yield json.dumps(one)


def readings(text: str) -> Iterator[str]:
    """What a text may come to mean where it is used: as it stands, without sequences that steer a terminal,
    and with its escapes read, as programs read JSON or code in a text, also several times over.
    """
    yield text
    read = text
    for _ in range(_READ_AGAIN):
        if "\x1b" in read or "\x9b" in read:
            yield _TERMINAL.sub("", read)
        if "\\" not in read or (plain := _unescaped(read)) == read:
            return
        yield read.replace("\\", "")  # as a shell reads it
        read = plain
        yield read


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(_meant, text)
    halves = any("\ud800" <= one <= "\udfff" for one in plain)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if halves else plain


def _meant(escape: re.Match[str]) -> str:
    if escape[5]:
        return chr(int(escape[5], 8))
    code = next(filter(None, escape.groups()), "")
    if code and int(code, 16) <= sys.maxunicode:
        return chr(int(code, 16))
    return _LETTERS.get(escape[0][1], escape[0][1:])


def _folded(text: str) -> str:
    """As texts are compared: no invisible characters, one form of each, one blank for many."""
    plain = unicodedata.normalize("NFKC", with_few_marks(_INVISIBLE.sub("", text))).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())
