"""How keys are written: Textual's names, and the words a person reads and may write in the settings."""

from __future__ import annotations

from textual.keys import Keys, _character_to_key, key_to_character

KEY_WORDS = {
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "space": "Space",
    "backspace": "Backspace",
    "insert": "Ins",
    "delete": "Del",
    "home": "Home",
    "end": "End",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}
_NAMES = frozenset(key.value for key in Keys if "<" not in key.value) - {"return", "ctrl-at", "ctrl+@"}
_READ = {words.lower(): name for name, words in KEY_WORDS.items()}
_CHARACTERS = {_character_to_key(character): character for character in map(chr, range(0x21, 0x7F))}


def format_key(key: str) -> str:
    """A key as a person reads it: `ctrl+d` is Ctrl-d, `comma` is a comma."""
    if key in KEY_WORDS:
        return KEY_WORDS[key]
    *modifiers, name = key.split("+") if len(key) > 1 else (key,)
    if not modifiers:
        return name.upper() if is_function_key(name) else character_of(name) or name
    return "-".join([*(word.capitalize() for word in modifiers), KEY_WORDS.get(name, name)])


def read_key(words: str) -> str | None:
    """Textual's name of a key written as in the help or as Textual has it; None when there is no such key."""
    if len(words) == 1:
        return _READ.get(words) or (textual_name(words) if words.isprintable() and words != " " else None)
    lower = words.lower()
    modified = lower.replace("-", "+")
    modifiers, _, last = modified.rpartition("+")
    for name in (_READ.get(lower), lower, modified, f"{modifiers}+{_READ.get(last, last)}"):
        if name in _NAMES:
            return name
    return None


def textual_name(key: str) -> str:
    """The name Textual has for a key of the registry, where a character stands for itself."""
    return _character_to_key(key) if len(key) == 1 else key


def character_of(name: str) -> str:
    """The character a key types, empty when it types none."""
    character = _CHARACTERS.get(name) or key_to_character(name) or ""
    return character if character.isprintable() else ""


def is_function_key(name: str) -> bool:
    """F1 and the like."""
    return len(name) > 1 and name[0] == "f" and name[1:].isdigit()
