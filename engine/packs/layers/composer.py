"""Putting layers together: file, extends with override, inline."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.contracts.packs.agent import LayerSource
from engine.contracts.packs.pack import Problem
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shown
from engine.packs.layers.composed import ComposedDocument, Origin, merged
from engine.packs.source.pack_files import Unreadable
from engine.safe_text import has_hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.packs.source.pack_files import PackFiles
    from engine.packs.source.yaml_source import Document

MAX_CHAIN = 16
LAYER_SUFFIXES = (".yaml", ".yml", ".json")
SKILL_SUFFIXES = (".md",)
_FORMS = "`file`, `extends` with `override`, or the layer's own fields"


@dataclass(frozen=True, slots=True)
class Layer:
    """A composed layer before its contract is checked."""

    document: ComposedDocument
    source: LayerSource


class _Broken(Exception):
    """Ends one layer; its problem has been noted."""


class Composer:
    """Composes the layers of one pack, noting every problem at the place where it stands."""

    def __init__(self, files: PackFiles, manifest: str, problems: list[Problem]) -> None:
        self._files = files
        self._manifest = manifest
        self._problems = problems

    def layer(
        self, name: str, origin: Origin, value: Any, suffixes: tuple[str, ...] = LAYER_SUFFIXES
    ) -> Layer | None:
        """The layer that the manifest refers to at `origin`, or None when it could not be composed."""
        chain = _Chain(self._files, self._problems, suffixes, [self._manifest])
        try:
            document = chain.compose(origin, value)
        except _Broken:
            return None
        return Layer(document, LayerSource(layer=name, form=_form(value), files=tuple(chain.files)))


class _Chain:
    """One way from the manifest down to a layer's last base; `files` are those on it."""

    def __init__(
        self, files: PackFiles, problems: list[Problem], suffixes: tuple[str, ...], way: list[str]
    ) -> None:
        self._files = files
        self._problems = problems
        self._suffixes = suffixes
        self.files = way

    def compose(self, origin: Origin, value: Any) -> ComposedDocument:
        """What the reference or the fields at `origin` amount to. Raises _Broken."""
        if not isinstance(value, dict):
            raise self._broken(origin, f"expected a mapping, found {shown(value)}", expected="a mapping")
        if "file" in value and "extends" not in value:
            self._only(origin, value, {"file"})
            return self._content(*self._target(origin, value, "file"))
        if "extends" in value:
            self._only(origin, value, {"extends", "override"})
            return self._extended(origin, value)
        if "override" in value:
            raise self._broken(origin.at(("override",)), "`override` needs an `extends` beside it")
        return ComposedDocument.of(value, origin)

    def _extended(self, origin: Origin, value: dict[str, Any]) -> ComposedDocument:
        override = value.get("override")
        if override is None:  # `override:` with nothing behind it yet
            override = {}
        if not isinstance(override, dict):
            message = f"expected a mapping, found {shown(override)}"
            raise self._broken(origin.at(("override",)), message, expected="a mapping")
        base = self._content(*self._target(origin, value, "extends"))
        return merged(base, ComposedDocument.of(override, origin.at(("override",))))

    def _content(self, name: str, document: Document) -> ComposedDocument:
        """What a layer file amounts to: its fields, or a base with an override and a skill's own body."""
        value, origin = document.value, Origin(document)
        if not isinstance(value, dict):
            message = "the file is empty" if value is None else f"expected a mapping, found {shown(value)}"
            raise self._broken(origin, message, expected="a mapping")
        self.files.append(name)
        if "extends" not in value:
            return ComposedDocument.of(value, origin)
        allowed = {"extends", "override"} | ({"body"} if name.endswith(SKILL_SUFFIXES) else set())
        self._only(origin, value, allowed)
        composed = self._extended(origin, value)
        if value.get("body"):
            own = ComposedDocument({"body": value["body"]}, {(): origin})
            composed = merged(composed, own)
        return composed

    def _target(self, origin: Origin, value: dict[str, Any], key: str) -> tuple[str, Document]:
        """Name and document of the file that a reference names."""
        named, place = value[key], origin.at((key,))
        name = self._name(place, named)
        if name in self.files:
            way = " -> ".join([*self.files[self.files.index(name) :], name])
            raise self._broken(place, f"the layers form a cycle: {way}", found=shown(named))
        if len(self.files) > MAX_CHAIN:
            message = f"layers extend each other too deeply: at most {MAX_CHAIN} files"
            raise self._broken(place, message, found=shown(named))
        document = self._files.document(name)
        if isinstance(document, Problem):
            if document not in self._problems:  # of a file that several layers share, told once
                self._problems.append(document)
            raise _Broken
        if isinstance(document, Unreadable):
            message = f"`{named[:200]}` cannot be read: {document.reason}"
            raise self._broken(place, message, found=shown(named), expected="a file of the packs directories")
        return name, document

    def _name(self, place: Origin, named: Any) -> str:
        """The file's name relative to the pack, from what is written relative to the file that names it."""
        expected = "a relative path such as `./SOUL.yaml` or `../_shared/souls/calm.yaml`"
        if not isinstance(named, str) or not named.strip():
            raise self._broken(place, f"expected a path, found {shown(named)}", expected=expected)
        if has_hidden(named) or "\n" in named or "\\" in named:
            message = "the path holds a backslash, or invisible or control characters"
            raise self._broken(place, message, found=shown(named), expected=expected)
        if posixpath.isabs(named) or named.startswith("~"):
            message = "the path is absolute: nothing outside the packs directories is read"
            raise self._broken(place, message, found=shown(named), expected=expected)
        if not named.endswith(self._suffixes):
            wanted = " or ".join(self._suffixes)
            message = f"the file must end in {wanted}"
            raise self._broken(place, message, found=shown(named), expected=wanted)
        return posixpath.normpath(posixpath.join(posixpath.dirname(place.place().file), named))

    def _only(self, origin: Origin, value: dict[str, Any], allowed: Iterable[str]) -> None:
        """A reference holds nothing beside itself: what else would win could not be seen."""
        names = sorted(allowed)
        unknown = [key for key in value if key not in allowed]
        for key in unknown:
            message = f"`{key[:60]}` cannot stand beside `{_form(value)}`{close_match(key, names)}"
            self._note(origin.at((key,)), message, expected=f"exactly one of {_FORMS}")
        if unknown:
            raise _Broken

    def _broken(
        self, origin: Origin, message: str, *, found: str | None = None, expected: str | None = None
    ) -> _Broken:
        self._note(origin, message, found=found, expected=expected)
        return _Broken()

    def _note(
        self, origin: Origin, message: str, *, found: str | None = None, expected: str | None = None
    ) -> None:
        self._problems.append(
            problem_at(origin.document, origin.path, message, found=found, expected=expected)
        )


def _form(value: dict[str, Any]) -> Literal["file", "extends", "inline"]:
    if "extends" in value:
        return "extends"
    return "file" if "file" in value else "inline"
