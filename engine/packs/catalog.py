"""All packs there are, looked up by id, with what holds only between packs: unique ids, subflows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.contracts.pack import FlowView, PackView, Problem
from engine.packs.content import MANIFEST, PackContent, content_digest
from engine.packs.graph import sequences
from engine.packs.loaded_pack import LoadedPack, PackSource
from engine.packs.loader import read_pack
from engine.packs.subflow_rules import subflow_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from engine.contracts.flow import FlowDef

MAX_PACKS = 1000


@dataclass(frozen=True, slots=True)
class Catalog:
    """Packs in the order they were found, shipped ones first. Of two with one id the first is used."""

    packs: tuple[LoadedPack, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What is wrong with the directories that hold packs."""
    tool_names: frozenset[str] = frozenset()
    _by_id: dict[str, LoadedPack] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for pack in self.packs:
            self._by_id.setdefault(pack.pack_id, pack)

    def get(self, pack_id: str) -> LoadedPack | None:
        """The pack of that id, also when it is broken."""
        return self._by_id.get(pack_id)

    def all(self) -> tuple[LoadedPack, ...]:
        """Every pack found, also broken ones and those whose id is taken."""
        return self.packs

    def flow(self, pack_id: str, flow_id: str) -> FlowDef | None:
        """A flow that could be read."""
        pack = self.get(pack_id)
        return pack.flows.get(flow_id) if pack else None

    def views(self) -> tuple[PackView, ...]:
        """Every pack as it is listed."""
        return tuple(pack_view(pack) for pack in self.packs)

    def view(self, pack_id: str) -> PackView | None:
        """The pack of that id as it is listed."""
        pack = self.get(pack_id)
        return pack_view(pack) if pack else None

    def check_view(self, directory: Path) -> PackView:
        """A directory as it would be listed if it were added (blocking)."""
        return pack_view(self.check(directory))

    def check(self, directory: Path) -> LoadedPack:
        """Load a directory as if it were added, among the other packs (blocking)."""
        pack = read_pack(directory, tool_names=self.tool_names)
        others = [other for other in self.packs if other.pack_id != pack.pack_id]
        return _with_subflow_problems([*others, pack])[-1]


def load_catalog(shipped: Path | None, home: Path | None, tool_names: Collection[str]) -> Catalog:
    """Load every pack directory below the two roots (blocking); a root that is not there holds none."""
    packs: list[LoadedPack] = []
    problems: list[Problem] = []
    seen: dict[str, PackSource] = {}
    for root, source in _roots(shipped, home):
        for directory in _pack_directories(root, problems):
            pack = _read(directory, root, source, tool_names)
            if pack.pack_id in seen:
                message = f"there is a {seen[pack.pack_id]} pack with the id `{pack.pack_id}` already"
                taken = Problem(file=MANIFEST, line=1, column=1, field="pack_id", message=message)
                pack = replace(pack, problems=(*pack.problems, taken))
            seen.setdefault(pack.pack_id, source)
            packs.append(pack)
    return Catalog(tuple(_with_subflow_problems(packs)), tuple(problems), frozenset(tool_names))


def pack_view(pack: LoadedPack) -> PackView:
    """A pack as it is listed."""
    manifest = pack.manifest
    return PackView(
        pack=pack.pack_id,
        version=manifest.version if manifest else pack.content.version,
        name=manifest.name if manifest else None,
        description=manifest.description if manifest else "",
        risk_level=manifest.risk_level if manifest else None,
        digest=pack.content.digest,
        source=pack.source,
        trusted=pack.code_trusted,
        has_code=pack.has_code,
        flows=tuple(flow_view(pack.pack_id, flow) for flow in pack.flows.values()),
        unavailable=pack.unavailable,
        problems=pack.problems,
    )


def flow_view(pack_id: str, flow: FlowDef) -> FlowView:
    """A flow as it is listed."""
    document = flow.model_dump(mode="json", by_alias=True)
    return FlowView(
        pack=pack_id,
        flow=flow.id,
        description=flow.description or "",
        version=flow.version,
        autonomy_level=flow.autonomy_level,
        input_schema=flow.input,
        steps=sum(len(sequence.nodes) for sequence in sequences(document)),
    )


def _roots(shipped: Path | None, home: Path | None) -> Iterator[tuple[Path, PackSource]]:
    if shipped is not None:
        yield shipped, "shipped"
    if home is not None:
        yield home, "home"


def _pack_directories(root: Path, problems: list[Problem]) -> list[Path]:
    """Directories that should be packs; `_shared`, `__pycache__` and hidden ones are not."""
    if not os.path.lexists(root):
        return []
    try:
        found = sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        message = f"the directory of packs cannot be read: {error.strerror}"
        problems.append(Problem(file=str(root), line=1, column=1, message=message))
        return []
    visible = [entry for entry in found if not entry.name.startswith((".", "_"))]
    if len(visible) > MAX_PACKS:
        message = f"too many packs: {len(visible)}, at most {MAX_PACKS} are loaded"
        problems.append(Problem(file=str(root), line=1, column=1, message=message))
    return visible[:MAX_PACKS]


def _read(directory: Path, root: Path, source: PackSource, tool_names: Collection[str]) -> LoadedPack:
    if not directory.resolve().is_relative_to(root.resolve()):
        return _refused_link(directory, source)
    return read_pack(directory, source=source, tool_names=tool_names, roots=[root])


def _refused_link(directory: Path, source: PackSource) -> LoadedPack:
    message = "the link leads out of the directory of packs and is not followed"
    problem = Problem(file=MANIFEST, line=1, column=1, message=message)
    content = PackContent(directory.name, None, content_digest({}), {})
    return LoadedPack(content, None, {}, (problem,), source)


def _with_subflow_problems(packs: Sequence[LoadedPack]) -> list[LoadedPack]:
    found = subflow_problems(packs)
    return [replace(pack, problems=(*pack.problems, *more)) for pack, more in zip(packs, found, strict=True)]
