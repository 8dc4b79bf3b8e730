"""The keys in force: those of the registry, changed by the operator where the check finds no fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.keys.bindings import action, find
from screens.keys.key_names import character_of, format_key, read_key
from screens.keys.registry import ACTIONS
from screens.keys.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.safe_text import SafeText
    from screens.keys.action import Action

NEVER = frozenset({"ctrl+s", "ctrl+q", "ctrl+a", "ctrl+b", "shift+enter"})
"""Keys that terminals and multiplexers keep to themselves; alt is another."""

SAME_AS = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+h": "backspace"}
"""Keys that a terminal cannot tell from another."""

KEPT = frozenset({"enter", "escape", "ctrl+c", "ctrl+d"})
"""Keys with one meaning: Enter opens, Esc leaves, Ctrl-c quits, Ctrl-d scrolls. No other action gets them."""

EDITING = frozenset(
    {"backspace", "delete", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "f6", "f7"}
    | {f"ctrl+{letter}" for letter in "acdekuvwxyz"}
    | {f"{modifier}+{key}" for modifier in ("ctrl", "shift", "ctrl+shift") for key in ("left", "right")}
    | {"ctrl+backspace", "ctrl+shift+a", "ctrl+shift+k", "shift+up", "shift+down", "shift+home", "shift+end"}
)
"""Keys that fields to type into use themselves."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+\.[a-z_]+)\}")
_TYPING = frozenset({"form", "start", "dialog", "palette", "screen"})
_MODAL = frozenset({"dialog", "palette", "saved"})
_OF_VIEWS = frozenset(view.group for view in VIEWS if view.group)
_NOT_IN_DIALOGS = (_OF_VIEWS - {"form"}) | {"app", "compare", "log", "run", "start", "time"}
_APART = (
    _OF_VIEWS,
    frozenset({"approvals", "runs", "start", "packs"}),
    frozenset({"run", "packs"}),
    frozenset({"list", "text"}),
)


@dataclass(frozen=True, slots=True)
class KeyFault:
    """Why the keys of one action cannot be what was asked for."""

    action_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Keymap:
    """Textual's names of the keys by action, for the actions whose keys were changed."""

    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def in_force(self, entry: Action) -> Action:
        """The action with the keys it has now."""
        names = self.changed.get(entry.id)
        return replace(entry, key=",".join(names)) if names else entry

    def action(self, action_id: str) -> Action:
        """The registered action as in force; KeyError names one that is not registered."""
        return self.in_force(action(action_id))

    def actions(self) -> tuple[Action, ...]:
        """Every action as in force, in the order of the registry."""
        return tuple(map(self.in_force, ACTIONS))

    def fill(self, words: str) -> SafeText:
        """Words of ours in which `{runs.create}` stands for the first key of that action."""
        filled = _PLACEHOLDER.sub(lambda found: self.action(found[1]).first_key(), words)
        return sanitize(filled, multiline=True)

    def for_textual(self) -> dict[str, str]:
        """What Textual takes: bindings by id."""
        return {action_id: ",".join(names) for action_id, names in self.changed.items()}


def read_keymap(wanted: Mapping[str, Sequence[str]]) -> tuple[Keymap, tuple[KeyFault, ...]]:
    """The keys in force, and everything that is wrong with what was asked for.

    A keymap with faults is not for use: nothing of it is left out without a word.
    """
    faults: list[KeyFault] = []
    changed: dict[str, tuple[str, ...]] = {}
    for action_id, words in wanted.items():
        entry = find(action_id)
        if entry is None:
            faults.append(KeyFault(action_id, f"there is no such action; {_nearest(action_id)}"))
            continue
        found = [KeyFault(action_id, message) for message in _faults_of(entry, words)]
        faults += found
        if not found:
            changed[action_id] = tuple(dict.fromkeys(name for word in words if (name := read_key(word))))
    keymap = Keymap(changed)
    return keymap, (*faults, *_clashes(keymap))


def together(one: Action, other: Action) -> bool:
    """Whether a key press can mean either: they are bound on one screen, its focused part or the console."""
    pair = {one.group, other.group}
    if pair & _MODAL and pair & _NOT_IN_DIALOGS:
        return False
    return len(pair) == 1 or not any(pair <= apart for apart in _APART)


def _faults_of(entry: Action, words: Sequence[str]) -> Iterator[str]:
    usable = False
    for word in words:
        name = read_key(word)
        plain = word.lower().replace("-", "+")
        if plain in NEVER or plain.startswith(("alt+", "meta+", "super+", "hyper+")):
            yield f"{word} does not reach the console from every terminal; choose another key"
        elif name is None:
            yield f"there is no key {word!r}; write a, A, F3, Ctrl-n, PgUp, Esc"
        elif name in SAME_AS:
            yield f"a terminal cannot tell {word} from {format_key(SAME_AS[name])}"
        elif name in KEPT and name not in entry.names:
            yield f"{format_key(name)} keeps its one meaning and cannot be the key of {_named(entry)}"
        else:
            usable |= not _taken_by_fields(name)
    if not usable and _used_while_typing(entry):
        yield f"{_named(entry)} is used while typing: it needs a key that fields do not take, such as F3"


def _used_while_typing(entry: Action) -> bool:
    return entry.group in _TYPING and not any(map(_taken_by_fields, entry.names))


def _taken_by_fields(name: str) -> bool:
    return name == "space" or bool(character_of(name)) or name in EDITING


def _clashes(keymap: Keymap) -> Iterator[KeyFault]:
    for one, other in combinations(ACTIONS, 2) if keymap.changed else ():
        if one.id not in keymap.changed and other.id not in keymap.changed:
            continue
        shared = set(keymap.in_force(one).names) & set(keymap.in_force(other).names)
        # What shares a key in the registry is made for it: the part in use does it, or the screen for all.
        if shared and together(one, other) and not set(one.names) & set(other.names):
            mine, its = (other, one) if other.id in keymap.changed else (one, other)
            where = f"{format_key(min(shared))} is also the key of {_named(its)}"
            yield KeyFault(mine.id, f"{where}, and {_named(mine)} can be in use at the same time")


def _named(entry: Action) -> str:
    return f"{entry.id} ({entry.title})"


def _nearest(action_id: str) -> str:
    group = action_id.partition(".")[0]
    known = [entry.id for entry in ACTIONS if entry.group == group]
    return f"known here are {', '.join(known)}" if known else "vasini keys lists them"
