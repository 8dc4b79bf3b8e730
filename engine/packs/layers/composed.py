"""A value put together from several documents, in which every part knows where it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.packs.source.yaml_source import Document, SourceLocation, SourcePath


@dataclass(frozen=True, slots=True)
class Origin:
    """A part of a document."""

    document: Document
    path: SourcePath = ()

    def at(self, path: SourcePath) -> Origin:
        """A part of this part."""
        return Origin(self.document, (*self.path, *path))

    def place(self) -> SourceLocation:
        """Where it stands."""
        return self.document.place(self.path)


@dataclass(frozen=True, slots=True)
class ComposedDocument:
    """Implements `Document`; each part comes from the origin of its nearest named ancestor."""

    value: Any
    origins: Mapping[SourcePath, Origin]

    @classmethod
    def of(cls, value: Any, origin: Origin) -> ComposedDocument:
        """A document that has one origin."""
        return cls(value, {(): origin})

    def origin(self, path: SourcePath) -> Origin:
        """Where the part at `path` comes from."""
        for length in range(len(path), 0, -1):
            found = self.origins.get(path[:length])
            if found is not None:
                return found.at(path[length:])
        return self.origins[()].at(path)

    def place(self, path: SourcePath) -> SourceLocation:
        """See Document."""
        return self.origin(path).place()

    def written_at(self, path: SourcePath) -> str | None:
        """See Document."""
        origin = self.origin(path)
        return origin.document.written_at(origin.path)


def merged(base: ComposedDocument, override: ComposedDocument) -> ComposedDocument:
    """`base` with `override` over it: mappings merge, lists and scalars replace."""
    origins = dict(base.origins)
    value = _merged(base.value, override, (), origins)
    return replace(base, value=value, origins=origins)


def _merged(
    base: Any, override: ComposedDocument, path: SourcePath, origins: dict[SourcePath, Origin]
) -> Any:
    value = override.value
    for part in path:
        value = value[part]
    if isinstance(base, dict) and isinstance(value, dict):
        result = dict(base)
        for key in value:
            place = (*path, key)
            if key in base:
                result[key] = _merged(base[key], override, place, origins)
            else:
                result[key] = value[key]
                origins[place] = override.origin(place)
        return result
    for known in [known for known in origins if known[: len(path)] == path]:
        del origins[known]
    origins[path] = override.origin(path)
    return value
