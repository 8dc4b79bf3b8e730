"""A pack as far as it could be loaded: what a catalog holds and a run pins."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from engine.contracts.packs.pack import Problem
from engine.errors import NotFound, PackInvalid
from engine.governance.tools_layer import ToolsLayer, tools_layer
from engine.packs.source.content import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.flows.flow import FlowDef
    from engine.contracts.layers.guardrails import Guardrails
    from engine.contracts.packs.agent import ComposedAgent
    from engine.contracts.packs.pack import PackManifest
    from engine.packs.source.content import PackContent

PackSource = Literal["shipped", "home"]


@dataclass(frozen=True, slots=True)
class SubflowReference:
    """A subflow step: in which flow, what it names, and where that stands."""

    flow: str
    target: str
    file: str
    line: int
    column: int
    field: str

    def problem(self, message: str) -> Problem:
        """A Problem at this reference."""
        return Problem(
            file=self.file,
            line=self.line,
            column=self.column,
            field=self.field,
            message=message,
            found=self.target,
        )


@dataclass(frozen=True)  # no slots: cached_property needs a __dict__
class LoadedPack:
    """A pack as far as it could be read; it may start runs only when there are no problems."""

    content: PackContent
    manifest: PackManifest | None
    flows: Mapping[str, FlowDef]
    problems: tuple[Problem, ...]
    source: PackSource
    named: bool
    """Whether its manifest says its id; else that is the name of its directory."""
    subflows: tuple[SubflowReference, ...] = ()
    agent: ComposedAgent | None = None
    """Every layer with its defaults; None while one of them is broken."""
    flow_files: Mapping[str, str] = field(default_factory=dict)
    """The file each flow stands in; for a procedure, the file of the workflow layer."""
    sops: frozenset[str] = frozenset()
    """Flows that were compiled from procedures."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """Stamps of the files it asked for, there or not, that no look at its directory finds."""
    not_in_force: tuple[Problem, ...] = ()
    """Fields of its layers that protect nobody yet."""

    @property
    def pack_id(self) -> str:
        """The manifest's id, or the directory's name while the manifest has none."""
        return self.content.pack_id

    @property
    def version(self) -> str:
        """The manifest's version; `0.0.0` while the manifest has none."""
        return self.content.version or "0.0.0"

    def startable(self, flow_id: str) -> FlowDef:
        """The flow of that id.

        Raises PackInvalid when the pack has problems, NotFound when there is no such flow.
        """
        if self.problems:
            count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
            raise _invalid(f"pack {self.pack_id} has {count}: {self.problems[0]}", self.problems)
        found = self.flows.get(flow_id)
        if found is not None:
            return found
        known = ", ".join(sorted(self.flows)) or "none"
        message = f"pack {self.pack_id} has no flow {flow_id}; it has: {known}"
        raise NotFound(message, {"pack": self.pack_id, "flow": flow_id})

    @cached_property
    def tools_layer(self) -> ToolsLayer | None:
        """The tools layer as it binds calls; None when the pack gives none."""
        return tools_layer(self.agent.tools) if self.agent is not None and self._gives("tools") else None

    @property
    def guardrails(self) -> Guardrails | None:
        """The guardrails layer; None when the pack gives none."""
        return self.agent.guardrails if self.agent is not None and self._gives("guardrails") else None

    def _gives(self, layer: str) -> bool:
        sources = self.agent.sources if self.agent is not None else ()
        return any(source.layer == layer and source.form != "default" for source in sources)

    @property
    def has_code(self) -> bool:
        """Whether the pack brings a `tools.py`."""
        return CODE in self.content.files


def _invalid(message: str, problems: Sequence[Problem]) -> PackInvalid:
    return PackInvalid(message, {"problems": [problem.model_dump(mode="json") for problem in problems]})
