"""What an agent's model is asked next: which model, what it is told, and the tools on offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.frozen import frozen
from engine.governance.pipeline import Point, Subject, check
from engine.machine.model.state import find_execution, outer_path_of, scope_path_of
from engine.models.conversation import ModelRequest, ToolCall, ToolOffer
from engine.models.failure import ModelErrorCode, ModelFailure
from engine.models.scripted import SCRIPT_OVER, ScriptedReply
from engine.runtime.worker.steps.agents.askers import asker_of, tries_before
from engine.runtime.worker.steps.agents.messages import images_said, message_of_turn, text_of
from engine.runtime.worker.steps.agents.own_tools.finding import found_since
from engine.runtime.worker.steps.agents.own_tools.handing_over import handover_blocks
from engine.runtime.worker.steps.agents.own_tools.own_call import own_offers
from engine.runtime.worker.steps.agents.told.context import asked_again, context_messages
from engine.runtime.worker.steps.agents.told.conversation import (
    Briefing,
    Window,
    messages_as_they_were,
    messages_of,
)
from engine.runtime.worker.steps.agents.told.images import Gallery, image_block
from engine.runtime.worker.steps.agents.told.narrowed import hidden_tools
from engine.runtime.worker.steps.agents.told.skills import SKILLS, persona_with_skills, skill_blocks
from engine.runtime.worker.steps.calls.call_judge import note_listing
from engine.runtime.worker.steps.plans.planner import plan_messages
from engine.tools.builtin.handing_off import HAND_OFF, hand_off_spec
from engine.values import ImageRef, canonical_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.contracts.tool import ToolSpec
    from engine.machine.model.state import Branches, Execution, RunState
    from engine.models.blocks import Block, ImageBlock
    from engine.models.catalog import ModelCatalog
    from engine.models.conversation import Message
    from engine.models.routing import Asker, Route
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.agents.told.ended_turns import EndedTurns
    from engine.runtime.worker.steps.agents.told.turns import Turn
    from engine.runtime.worker.steps.calls.tool_call import CallSite
    from engine.tools.executor import ToolExecutor


@frozen
class Question:
    """What is asked of which model; a scripted one says `script`."""

    asker: Asker
    route: Route
    request: ModelRequest
    script: ScriptedReply | None
    said: str = ""
    """What a person says to it in this turn."""
    images: tuple[ImageRef, ...] = ()
    """Those that came with it."""
    skills: tuple[dict[str, Any], ...] = ()
    """Those that it names."""
    unseen: int = 0
    """How many of these the model is told of in words only."""
    since: int = 0
    """Turns of the present answer before this one."""
    found: tuple[str, ...] = ()
    """Deferred tools that it has found and is told of."""
    hidden: tuple[str, ...] = ()
    """Tools of its own that a person has hidden in this turn."""
    blind: tuple[str, ...] = ()
    """Those that it is not offered since it is shown no images."""


class Questions:
    """Puts questions together from what runs keep."""

    def __init__(
        self, catalog: ModelCatalog, executor: ToolExecutor, values: ValueStore, turns: EndedTurns
    ) -> None:
        self._catalog = catalog
        self._executor = executor
        self._values = values
        self._turns = turns
        self._offered: dict[str, tuple[ToolSpec, ToolOffer]] = {}

    async def of(
        self, site: CallSite, execution: Execution, state: RunState, route: Route | None = None
    ) -> Question:
        """The question that an execution of a model's step is; `route` is to the model that is asked where
        that is known.

        Raises LoopDetected, ModelFailure, and NotFound or InvalidInput for a model that is not there.
        """
        agent_path = outer_path_of(execution.path)
        agent = find_execution(state.root, agent_path)
        step = site.flow.graph.step_at(agent_path)
        assert isinstance(step, AgentStep | PlanProposalStep), agent_path
        assert agent is not None, agent_path
        told = await self._values.load_stored(agent.input)
        given = await self._values.load(execution.input)
        context = (*context_messages(given), *asked_again(execution.error))
        tried = [one["model"] for one in tries_before(execution)]
        asker = asker_of(site, step.model)
        route = route or self._catalog.router.route(asker, tried)
        with self._catalog.router.until_asked(route):
            hidden = hidden_tools(state, execution, (*told["tools"], *getattr(step, "deferred", ())))
            bound = self._bound(step.max_tokens, route.name, site.flow.policies.model_max_tokens)
            if isinstance(step, PlanProposalStep):
                offers = tuple(await self._offers(site, told["tools"], hidden))
                messages, turns = await self._plan_told(site, step, agent, told, route, offers)
                request = ModelRequest((*messages, *context), (), bound, step.temperature)
                return Question(asker, route, request, _script(told["script"], turns))
            said, images_now = await self._said(state, execution)
            found = await self._found(agent, step)
            blind = self._blind(route.name, (*told["tools"], *step.deferred))
            own = (one for one in own_offers(step, agent_path, site.flow) if one.name not in hidden)
            offers = (*await self._offers(site, [*told["tools"], *found], (*hidden, *blind)), *own)
            room = self._room(route.name, offers, context)
            briefed = [ImageRef(one) for one in told.get("images", ())]  # whatever else was told with them
            takes = self._catalog.takes_images(route.name)
            gallery = Gallery(briefed, images_now, room // 2, takes=takes)
            briefing = await self._briefing_of(site, step, agent, told, briefed, gallery)
            now = await self._images(images_now, gallery.said)
            skills = tuple(given.get(SKILLS, ()))
            beside: tuple[Block, ...] = (*skill_blocks(skills), *now)
            window = Window(briefing, said, room, gallery, beside)
            messages, newest = await self._told(window, site.row["run_id"], agent)
            schema = step.output if self._catalog.takes_schema(route.name) else None
            request = ModelRequest((*messages, *context), offers, bound, step.temperature, schema)
            return Question(
                asker,
                route,
                request,
                _script(told["script"], _branches(agent).ended),
                said=said,
                images=tuple(images_now),
                skills=skills,
                unseen=len({one.digest for one in images_now} - gallery.said),
                since=0 if said or beside or newest is None else newest.since + 1,
                found=tuple(found),
                hidden=tuple(hidden),
                blind=blind,
            )

    def _room(self, model: str, offers: Sequence[ToolOffer], context: Sequence[Message]) -> int:
        """Characters that are left for the conversation. Raises ModelFailure (`context_length`) for none."""
        most, taken = self._catalog.context_characters(model), _characters(offers) + _characters(context)
        if taken >= most:
            message = (
                f"the tools on offer ({len(offers)}), and what is said in this turn alone, take {taken:,} "
                f"characters of the {most:,} that the model is told at the most; offer fewer tools "
                "(`deferred`), or raise context_tokens of the model"
            )
            raise ModelFailure(ModelErrorCode.CONTEXT_LENGTH, message)
        return most - taken

    async def _said(self, state: RunState, execution: Execution) -> tuple[str, list[ImageRef]]:
        """What a person says in this turn, and the images that come with it."""
        heard = message_of_turn(state, scope_path_of(execution.path))
        if heard is None:
            return "", []
        answer = await self._values.load(heard.output)
        return text_of(answer), images_said(answer)

    def _bound(self, of_step: int | None, model: str, of_policies: int | None) -> int | None:
        """The most tokens that an answer may have, where anybody says so."""
        bounds = (of_step, self._catalog.max_tokens(model), of_policies)
        return min((bound for bound in bounds if bound is not None), default=None)

    async def _plan_told(
        self,
        site: CallSite,
        step: PlanProposalStep,
        plan: Execution,
        told: dict[str, Any],
        route: Route,
        offers: tuple[ToolOffer, ...],
    ) -> tuple[tuple[Message, ...], int]:
        """What the model of a plan is told until now, and how many turns of it have ended."""
        persona = persona_with_skills(site.flow, site.row["pack"], told["tools"])
        turns = [await self._values.load(turn) for turn in _branches(plan).outputs.in_order()]
        asked_about = [ImageRef(one) for one in told.get("images", ())]
        gallery = Gallery(asked_about, takes=self._catalog.takes_images(route.name))
        pictures = await self._images(asked_about, gallery.briefed)
        return plan_messages(persona, told, pictures, turns, offers, step.max_steps), len(turns)

    async def _briefing_of(
        self,
        site: CallSite,
        step: AgentStep,
        agent: Execution,
        told: dict[str, Any],
        images: list[ImageRef],
        gallery: Gallery,
    ) -> Briefing:
        """What an agent was told before it began: the same one in all of its turns."""
        briefing = site.briefings.of(agent.path, agent.input)
        if briefing is not None and not images:  # whether its images are shown hangs on the others, too
            return briefing
        fresh = _briefing(site, step, told, await self._images(images, gallery.briefed))
        return site.briefings.same(agent.path, fresh, agent.input)

    async def _told(
        self, window: Window, run_id: str, agent: Execution
    ) -> tuple[tuple[Message, ...], Turn | None]:
        """What the model is told until now, and the newest turn that has ended.

        Where all was told as it was only what ended since is put together. Raises LoopDetected, ModelFailure.
        """
        branches = _branches(agent)
        spoken = await self._turns.spoken(run_id, agent.path, branches)
        if spoken is not None and window.holds(spoken):
            return messages_as_they_were(window, spoken), spoken.newest
        async for page in self._turns.pages(run_id, agent.path, branches):
            for turn in page:  # the newest first, as long as they fit
                window.add(turn)
            if not window.wants_more:
                break
        images = {digest: await self._values.image(digest) for digest in window.gallery.shown}
        messages = messages_of(window, branches.ended, images)
        if spoken is None and window.whole == branches.ended:
            self._turns.keep(run_id, agent.path, window.turns[::-1])
        return messages, window.turns[0]

    async def _images(self, images: list[ImageRef], shown: Collection[str]) -> tuple[ImageBlock, ...]:
        """Blocks of images, each with its bytes once, where it is shown."""
        data = {digest: await self._values.image(digest) for digest in shown}
        return tuple(image_block(one, data.pop(one.digest, b"")) for one in images)

    async def _found(self, agent: Execution, step: AgentStep) -> list[str]:
        """The deferred tools that the agent has found in its turns before this one."""
        newest = _branches(agent).outputs.in_order()[-1:] if step.deferred else ()
        if not newest:
            return []
        kept = await self._values.load(newest[0])
        found = found_since(kept["reply"].get("found", ()), kept["reply"]["calls"], kept["results"])
        return [name for name in found if name in step.deferred]

    async def _offers(self, site: CallSite, tools: list[str], hidden: Collection[str]) -> list[ToolOffer]:
        """The tools that the agent has, that may be called, and that nobody has hidden."""
        offers = []
        for tool in tools:
            if tool in hidden:
                continue
            subject = Subject(tool=tool, layer=site.flow.layer)
            spec = await self._executor.offered(tool, site.flow.code)
            if spec is not None and not check(Point.TOOL_CALL, subject, site.flow.policies).denied:
                note_listing(site.listed, self._executor, tool)
                if tool == HAND_OFF.name:
                    if not site.flow.handoffs:
                        continue
                    spec = hand_off_spec(site.flow.handoffs)
                offers.append(self._offer(tool, spec))
        return offers

    def _blind(self, model: str, tools: Iterable[str]) -> tuple[str, ...]:
        """Those of the tools that only show images, where the model is shown none."""
        if self._catalog.offers_images(model):
            return ()
        specs = ((tool, self._executor.spec(tool)) for tool in tools)
        return tuple(tool for tool, spec in specs if spec is not None and spec.for_images)

    def _offer(self, tool: str, spec: ToolSpec) -> ToolOffer:
        """The same one as before while the tool is the same: it is measured once."""
        before, offer = self._offered.get(tool, (None, None))
        if offer is None or before is not spec:
            offer = ToolOffer(tool, spec.description, spec.parameters)
            self._offered[tool] = (spec, offer)
        return offer


def _briefing(
    site: CallSite, step: AgentStep, told: dict[str, Any], pictures: tuple[ImageBlock, ...]
) -> Briefing:
    """What an agent is told before it begins."""
    persona = persona_with_skills(site.flow, site.row["pack"], told["tools"])
    blocks: tuple[Block, ...] = (
        *skill_blocks(told.get("skills", ())),
        *handover_blocks(told.get("received")),
        *pictures,
    )
    return Briefing(persona, told["instructions"], told["prompt"], step.output, blocks)


def _characters(told: Iterable[ToolOffer | Message]) -> int:
    return sum(one.characters for one in told)


def _branches(agent: Execution) -> Branches:
    assert agent.branches is not None, agent.path
    return agent.branches


def _script(written: list[dict[str, Any]], turn: int) -> ScriptedReply | None:
    """The n-th turn has the n-th answer, whoever asks and how often."""
    if turn >= len(written):
        return SCRIPT_OVER if written else None
    answer = written[turn]
    calls = (
        ToolCall(f"call_{number}", str(call["tool"]), canonical_json(call["arguments"]).decode())
        for number, call in enumerate(answer["calls"])
    )
    return ScriptedReply(str(answer["text"]), tuple(calls))
