"""A step type and an event kind are added here, in this file, each by its own class and its registration."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal

import pytest

from engine.contracts.flows.step import STEP_TYPES, StepFields
from engine.contracts.status import RunStatus
from engine.frozen import frozen
from engine.machine.control import complete
from engine.machine.events.event import Event, Fact, doc
from engine.machine.events.table import FACTS
from engine.machine.model.inputs import StepPrepared
from engine.machine.steps.kind import StepKind
from engine.machine.steps.registry import STEP_KINDS
from engine.runtime.worker.steps.registry import STEP_RENDERERS
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer
from tests.engine.runtime.embedded_home import ANN, Home, failed, finished, kinds, tool
from tests.engine.runtime.fake_faults import FakeFaults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.machine.model.state import RunState
    from engine.machine.transition_builder import TransitionBuilder


class NoteStep(StepFields):
    """Puts a rendered text into the run's history and hands it on."""

    templates = ("text",)

    type: Literal["note"]
    text: str


@frozen
class Noted(Fact):
    """A step noted something."""

    kind: ClassVar[str] = "noted"
    text: str = field(metadata=doc("what"))

    def apply(self, state: RunState, event: Event) -> RunState:
        return state


class NoteKind(StepKind[NoteStep]):
    type = "note"

    def start(
        self, builder: TransitionBuilder, step: NoteStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        self.started(builder, step, prepared.path, approval, input=prepared.value)
        builder.emit(Noted(prepared.value), prepared.path)
        complete(builder, prepared.path, {"noted": prepared.value})


class NoteRenderer(StepRenderer[NoteStep]):
    type = "note"

    def prepare(self, step: NoteStep, at: Rendering) -> StepPrepared:
        return StepPrepared(now=at.now, path=at.path, value=at.text(step.text))


@pytest.fixture
def note_flow(home: Home) -> Iterator[Home]:
    """The step type `note` and the event `noted` are there, and a flow that uses them."""
    step = [STEP_TYPES.add(NoteStep), STEP_KINDS.add(NoteKind()), STEP_RENDERERS.add(NoteRenderer())]
    undo = [*step, FACTS.add(Noted)]
    inner = {"id": "in", "type": "note"}
    home.flow(
        "noting",
        tool("first", params={"n": 7}),
        {"id": "note", "type": "note", "text": "n is {{ steps.first.output.n }}"},
        {
            "id": "each",
            "type": "for_each",
            "items": [1, 2],
            "steps": [{**inner, "text": "x"}],
        },
    )
    try:
        yield home
    finally:
        for one in undo:
            one()


async def test_an_added_step_type_and_event_kind_are_worked_stored_and_shown(note_flow: Home) -> None:
    async with note_flow.working() as engine:
        run = await finished(engine, "noting")
        assert (await engine.runs.step(run.run_id, "note")).output == {"noted": "n is 7"}
        noted = [event for event in await engine.runs.events(run.run_id) if event.kind == "noted"]
        assert [event.payload for event in noted] == [{"text": "n is 7"}, {"text": "x"}, {"text": "x"}]
        assert run.output == {"items": [{"noted": "x"}, {"noted": "x"}]}


async def test_a_step_type_that_only_the_flow_knows_fails_the_run_and_says_so(home: Home) -> None:
    undo = STEP_TYPES.add(NoteStep)
    try:
        home.flow("noting", {"id": "note", "type": "note", "text": "hello"})
        async with home.working() as engine:
            run = await failed(engine, "noting")
            assert run.error is not None
            assert run.error.code == "unknown_step_type"
            assert "note" in run.error.message
            assert (await kinds(engine, run.run_id))[-1] == "output_written"
    finally:
        undo()


async def test_a_stored_flow_with_a_step_type_of_another_version_ends_the_run(home: Home) -> None:
    undo = STEP_TYPES.add(NoteStep)
    home.flow("noting", {"id": "note", "type": "note", "text": "hello"})
    async with home.open() as engine:
        run_id = (await engine.runs.start("demo", "noting", {}, actor=ANN)).run_id
    undo()

    async with home.working() as other:
        run = await other.runs.wait(run_id)
        assert run.status is RunStatus.FAILED
        assert run.error is not None
        assert run.error.code == "flow_unavailable"


async def test_a_run_that_had_ended_stays_so_when_its_flow_cannot_be_read_any_more(home: Home) -> None:
    undo, faults = STEP_TYPES.add(NoteStep), FakeFaults()
    try:
        home.flow("noting", {"id": "note", "type": "note", "text": "hello"})
        faults.fail("before_document")  # so that a worker takes it up once more
        async with home.working(faults=faults) as engine:
            run_id = (await engine.runs.start("demo", "noting", {}, actor=ANN)).run_id
            await engine.runs.wait(run_id)
    finally:
        undo()

    async with home.open() as other, other.work() as worker:
        await worker.idle()
        run = await other.runs.summary(run_id)
        assert run.error is not None
        assert run.error.code == "unknown_step_type"
        assert (await kinds(other, run_id)).count("run_failed") == 1
        await other.runs.retry(run_id, actor=ANN)  # is refused again, and says why
        await worker.idle()
        run = await other.runs.summary(run_id)
        assert run.error is not None
        assert run.error.code == "flow_unavailable"
