"""Flows as runs pinned them: by content digest, whatever happened to the files since."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.status import Risk
from engine.errors import PackInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config import Rules
    from engine.contracts.flows.flow import FlowDef
    from engine.contracts.layers.guardrails import Guardrails
    from engine.contracts.layers.hook import Hook
    from engine.contracts.layers.skill import Skill
    from engine.contracts.layers.workflow import Handoff
    from engine.governance.policies import Policies
    from engine.governance.tools_layer import ToolsLayer
    from engine.journal.port import Journal
    from engine.machine.model.graph import FlowGraph, RunLimits
    from engine.packs.loaded_pack import LoadedPack
    from engine.tools.context import PackCode

HELD_PACKS = 256


@dataclass(frozen=True, slots=True)
class PinnedFlow:
    """A flow of a pinned pack, ready to be worked."""

    graph: FlowGraph
    code: PackCode | None
    pack_digest: str
    policies: Policies
    siblings: Mapping[str, FlowDef]
    layer: ToolsLayer | None = None
    guardrails: Guardrails | None = None
    risk: Risk = Risk.LOW
    persona: str = ""
    """Who the pack's agents are: its role and soul in words."""
    llm: str | None = None
    """The model or tier that its pack wants."""
    skills: Mapping[str, Skill] = field(default_factory=dict)
    """Those of the pack, by id."""
    handoffs: tuple[Handoff, ...] = ()
    """To which packs its runs may be handed off."""

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """What stops its agents: hooks of the operator, then those of the pack."""
        own = self.guardrails.hooks if self.guardrails is not None else ()
        return (*self.policies.hooks, *own)


class PinnedPacks:
    """Packs by digest; read from the journal when they are not held."""

    def __init__(self, journal: Journal, rules: Rules) -> None:
        self._journal = journal
        self._rules = rules
        self._packs: OrderedDict[str, LoadedPack] = OrderedDict()
        self._flows: dict[tuple[str, str], PinnedFlow] = {}
        self._stored: set[str] = set()
        self._policies: dict[str, tuple[Policies, str]] = {}

    def policies(self, pack_id: str) -> tuple[Policies, str]:
        """The policies that hold for the pack's runs, and their digest; put together once."""
        found = self._policies.get(pack_id)
        if found is None:
            policies = self._rules.policies.for_pack(pack_id)
            found = self._policies[pack_id] = (policies, policies.digest())
        return found

    async def pin(self, pack: LoadedPack) -> None:
        """Make sure the journal holds this content before a run refers to it."""
        digest = pack.content.digest
        self._hold(digest, pack)
        if digest not in self._stored:
            await self._journal.pin_content(digest, pack.content.to_json())
            self._stored.add(digest)

    async def pack(self, pack_id: str, digest: str) -> LoadedPack:
        """The pinned pack. Raises PackInvalid when its content is gone."""
        return self._packs.get(digest) or await self._load(pack_id, digest)

    async def flow(self, pack_id: str, digest: str, flow_id: str) -> PinnedFlow:
        """The pinned flow. Raises PackInvalid when its content is gone or does not load any more."""
        held = self._flows.get((digest, flow_id))
        if held is not None:
            return held
        pack = await self.pack(pack_id, digest)
        definition = pack.flows.get(flow_id)
        if definition is None:
            raise PackInvalid(f"the pinned content of {pack_id} has no flow {flow_id}", {"digest": digest})
        from engine.machine.model.graph import FlowGraph  # noqa: PLC0415 - lists walk no flow
        from engine.packs.layers.persona import persona_of  # noqa: PLC0415 - likewise
        from engine.tools.context import PackCode  # noqa: PLC0415 - likewise
        from engine.tools.pack_code.pack_tools import tool_prefix  # noqa: PLC0415 - likewise

        policies, _ = self.policies(pack_id)
        limits = _limits(policies, pack.tools_layer)
        files = pack.content.code
        # a run exists only when its pack's code was trusted at the start, and it pinned that code
        layer = pack.tools_layer
        wish = layer.level_of_code(tool_prefix(pack_id)) if layer is not None else "process"
        code = PackCode(pack_id, digest, files, wish) if files else None
        manifest, agent = pack.manifest, pack.agent
        flow = PinnedFlow(
            graph=FlowGraph(definition, limits, "artifacts" in definition.model_dump_json()),
            code=code,
            pack_digest=digest,
            policies=policies,
            siblings=pack.flows,
            layer=layer,
            guardrails=pack.guardrails,
            risk=manifest.risk_level if manifest is not None else Risk.LOW,
            persona=persona_of(agent) if agent is not None else "",
            llm=manifest.llm if manifest is not None else None,
            skills={one.id: one for one in agent.skills} if agent is not None else {},
            handoffs=agent.workflow.handoffs if agent is not None else (),
        )
        self._flows[digest, flow_id] = flow
        return flow

    async def _load(self, pack_id: str, digest: str) -> LoadedPack:
        text = await self._journal.content(digest)
        if text is None:
            raise PackInvalid(
                f"the content of pack {pack_id} that the run pinned is not stored", {"digest": digest}
            )
        pack = await asyncio.to_thread(_read_content, text, digest)
        self._hold(digest, pack)
        self._stored.add(digest)
        return pack

    def _hold(self, digest: str, pack: LoadedPack) -> None:
        self._packs[digest] = pack
        while len(self._packs) > HELD_PACKS:
            old, _ = self._packs.popitem(last=False)
            for key in [key for key in self._flows if key[0] == old]:
                del self._flows[key]


def _limits(policies: Policies, layer: ToolsLayer | None) -> RunLimits:
    """The smallest ceiling counts, and has its name."""
    calls, setting = policies.max_tool_calls, "policies.max_tool_calls"
    if layer is not None and (calls is None or layer.max_calls < calls):
        calls, setting = layer.max_calls, "tool_policies.max_calls_per_task of the pack's tools layer"
    from engine.machine.model.graph import RunLimits  # noqa: PLC0415 - see flow

    at_once = layer.max_concurrent if layer is not None else None
    tokens = policies.max_tokens_per_run
    return RunLimits(policies.max_steps, calls, tokens, at_once, calls_setting=setting)


def _read_content(text: str, digest: str) -> LoadedPack:
    from engine.packs.loader import load_content  # noqa: PLC0415
    from engine.packs.source.content import PackContent  # noqa: PLC0415 - see CatalogSource

    return load_content(PackContent.from_json(text, digest))
