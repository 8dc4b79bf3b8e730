"""A pack's files while it is loaded: each read and parsed once, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.packs.source.skill_source import parse_skill
from engine.packs.source.yaml_source import SourceDocument, parse_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.contracts.packs.pack import Problem


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why there is no text; whoever names the file says where it is named."""

    reason: str


MISSING = Unreadable("there is no such file")


class PackFiles:
    """Texts and documents by name. What was read is kept, so that it can be pinned."""

    def __init__(self, read: Callable[[str], str | Problem | Unreadable]) -> None:
        self._read = read
        self._read_before: dict[str, str | Problem | Unreadable] = {}
        self._documents: dict[str, SourceDocument | Problem] = {}

    @property
    def texts(self) -> dict[str, str]:
        """Every text read so far, by name."""
        return {name: text for name, text in self._read_before.items() if isinstance(text, str)}

    def text(self, name: str) -> str | Problem | Unreadable:
        """The file's text, what is wrong inside it, or why there is none."""
        if name not in self._read_before:
            self._read_before[name] = self._read(name)
        return self._read_before[name]

    def document(self, name: str) -> SourceDocument | Problem | Unreadable:
        """The file's value: YAML, JSON, or a skill's front matter with its body."""
        if name in self._documents:
            return self._documents[name]
        text = self.text(name)
        if not isinstance(text, str):
            return text
        parse = parse_skill if name.endswith(".md") else parse_document
        self._documents[name] = parse(text, name)
        return self._documents[name]
