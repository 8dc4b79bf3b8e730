"""Words of ours never name a key themselves: they ask the keymap, so that they are true with other keys."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SCREENS = Path(__file__).parents[3] / "screens"
WHERE_KEYS_ARE_NAMED = {"key_names.py", "keymap.py", "registry.py"}
# Enter and Esc can be said to decide nothing, which holds whatever keys there are.
NAMED = re.compile(
    r"\b(F\d+|Esc (?!never)|Ctrl-\w|Shift-Tab|Tab|PgUp|PgDn)\b|\b[Pp]ress ([a-zA-Z]\b|\d|[^\w{\s])"
)


def words_of_ours(path: Path) -> list[tuple[int, str]]:
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def test_no_words_name_a_key() -> None:
    named = [
        f"{path.name}:{line}: {words}"
        for path in SCREENS.rglob("*.py")
        if path.name not in WHERE_KEYS_ARE_NAMED
        for line, words in words_of_ours(path)
        if NAMED.search(words)
    ]
    assert not named
