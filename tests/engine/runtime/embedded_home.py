"""A home of its own for an embedded engine: packs as an author writes them, journal, run folders."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import yaml

from engine.config import EngineConfig, Rules
from engine.contracts.actor import Actor
from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.runtime.embedded.engine import open_engine
from tests.engine.empty_journal import lay_journal
from tests.engine.runtime.fake_tools import FakeTools
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.request import ApprovalView, FormView
    from engine.facade.engine import Engine
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.worker.sessions.faults import Faults

ANN = Actor(name="ann", via="cli")
BOB = Actor(name="bob", via="console")

Step = dict[str, Any]


class Home:
    """Everything below `root`; `tools` are those of every engine opened on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = FakeTools()
        self.round_seconds = 1.0

    def flow(
        self, flow_id: str, *steps: Step, pack: str = "demo", shipped: bool = True, **fields: Any
    ) -> None:
        """Write a flow file, and the pack's manifest when there is none."""
        directory = self.root / ("shipped" if shipped else "home") / pack
        (directory / "flows").mkdir(parents=True, exist_ok=True)
        manifest = directory / "profession-pack.yaml"
        if not manifest.exists():
            content = {
                "schema_version": "1.0",
                "pack_id": pack,
                "version": "1.0.0",
                "author": {"name": "Somebody"},
                "role": {"title": "Tester", "domain": "Tests", "goal": {"primary": "Be run"}},
            }
            manifest.write_text(as_yaml(content))
        flow = {"id": flow_id, **fields, "steps": list(steps)}
        (directory / "flows" / f"{flow_id}.yaml").write_text(as_yaml(flow))

    def config(self, **changes: Any) -> EngineConfig:
        """Settings with short waits; what is of the rules goes there."""
        rules = {name: changes.pop(name) for name in changes.keys() & set(vars(Rules))}
        given: dict[str, Any] = {
            "data_dir": self.root / "data",
            "runs_dir": self.root / "runs",
            "cache_dir": self.root / "cache",
            "shipped_packs": self.root / "shipped",
            "home_packs": self.root / "home",
            "poll_seconds": 0.05,
            "round_seconds": self.round_seconds,
            "drain_seconds": 0.0,
            "rules": Rules(**rules),
            **changes,
        }
        config = EngineConfig(**given)
        if not config.data_dir.exists():
            config.data_dir.mkdir()
            lay_journal(config.journal_path)
        return config

    def open(
        self,
        *,
        journal: Journal | None = None,
        clock: Clock | None = None,
        faults: Faults | None = None,
        **changes: Any,
    ) -> AbstractAsyncContextManager[Engine]:
        """An engine on this home."""
        registry = self.tools.registry
        return open_engine(
            self.config(**changes), journal=journal, registry=registry, clock=clock, faults=faults
        )

    @asynccontextmanager
    async def working(self, **changes: Any) -> AsyncIterator[Engine]:
        """An engine on this home that also works runs."""
        async with self.open(**changes) as engine, engine.work():
            yield engine

    def bytes_at_rest(self) -> bytes:
        """Everything the engine has written: journal, its log, run folders."""
        places = (self.root / "data", self.root / "runs", self.root / "cache")
        return b"\n".join(
            path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()
        )

    def document(self, run: RunView, name: str) -> Any:
        """A JSON document of a run's folder."""
        return json.loads((self.root / "runs" / run.pack / run.run_id / name).read_text())


def as_yaml(value: Step) -> str:
    """A file of a pack; written by C, for every test writes some."""
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper))


def tool(step: str, name: str = "fake.echo", /, **fields: Any) -> Step:
    return {"id": step, "type": "tool", "tool": name, **fields}


def approval(step: str = "ask", message: str = "Go on?", /, **fields: Any) -> Step:
    return {"id": step, "type": "human_approval", "message": message, **fields}


def form(step: str = "ask", /, *, params: Step | None = None, **fields: Any) -> Step:
    """A form with one required text field `word`."""
    schema = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    given = {"form_id": f"{step}_form", "title": "Say it", "schema": schema, **(params or {})}
    return {"id": step, "type": "user_input", "params": given, **fields}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return when the condition holds; a test that waits for ever fails.

    What takes its time is looked at less often: looking takes the processor from what is waited for.
    """
    pause = 0.002
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)


async def start(
    engine: Engine, flow: str, payload: dict[str, Any] | None = None, *, pack: str = "demo"
) -> str:
    """Start a run; its id."""
    return (await engine.runs.start(pack, flow, payload or {}, actor=ANN)).run_id


async def rest(engine: Engine, run_id: str, *, expect: RunStatus | None = None) -> RunView:
    """The run when it has ended or waits for a person; ended ones with their documents written."""
    async with asyncio.timeout(PATIENCE):
        view = await engine.runs.wait(run_id)
    if expect is not None:
        assert view.status is expect, view.error or view.status
    if view.status in RUN_TERMINAL:
        await until(lambda: documented(engine, run_id, after=view.run_seq - 1))
    return await engine.runs.summary(run_id)


async def documented(engine: Engine, run_id: str, *, after: int = 0) -> bool:
    """Whether the newest event, which comes after the number `after`, tells that documents are written."""
    return (await engine.runs.events(run_id, after_run_seq=after, limit=1_000))[-1].kind == "output_written"


async def finished(engine: Engine, flow: str, payload: dict[str, Any] | None = None) -> RunView:
    """A run that completes without a person."""
    return await rest(engine, await start(engine, flow, payload), expect=RunStatus.COMPLETED)


async def failed(engine: Engine, flow: str, payload: dict[str, Any] | None = None) -> RunView:
    """A run that fails without a person."""
    return await rest(engine, await start(engine, flow, payload), expect=RunStatus.FAILED)


async def retry(engine: Engine, run_id: str) -> None:
    """Retry an ended run; return when it has begun again."""
    before = (await kinds(engine, run_id)).count("run_retried")
    assert (await engine.runs.retry(run_id, actor=ANN)).changed

    async def begun() -> bool:
        return (await kinds(engine, run_id)).count("run_retried") > before

    await until(begun)


async def kinds(engine: Engine, run_id: str) -> list[str]:
    """The run's history, kinds only."""
    return [event.kind for event in await engine.runs.events(run_id, limit=1_000)]


async def statuses(engine: Engine, run_id: str) -> dict[str, str]:
    """Status of every execution by its path."""
    return {step.step_id: step.status.value for step in (await engine.runs.steps(run_id)).items}


async def pending_approval(engine: Engine, run_id: str) -> ApprovalView:
    """The approval a run waits for."""
    await rest(engine, run_id, expect=RunStatus.PENDING_HUMAN)
    (found,) = (await engine.requests.approvals(run_id=run_id)).items
    return found


async def pending_form(engine: Engine, run_id: str) -> FormView:
    """The form a run waits for."""
    await rest(engine, run_id, expect=RunStatus.PENDING_USER_INPUT)
    (found,) = (await engine.requests.forms(run_id=run_id)).items
    return found


async def error_of(engine: Engine, run_id: str) -> tuple[str, str]:
    """Code and message of a run's error."""
    error = (await engine.runs.summary(run_id)).error
    assert error is not None
    return error.code, error.message
