"""The shipped flows with agents at work: as they come, and with a server that speaks a known wire format."""

from __future__ import annotations

import json
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.config import EngineConfig, Rules
from engine.contracts.runs.plan import PlanEdit, PlanEdits
from engine.contracts.status import RunStatus
from engine.models.settings import ModelSettings
from engine.runtime.embedded.engine import open_engine
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import ANN, pending_approval, rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine

pytestmark = pytest.mark.on_disk

PACKS = Path(__file__).parents[4] / "packs"
BROKEN = "def add(a, b):\n    return a - b\n"
MENDED = "def add(a, b):\n    return a + b\n"
PROBLEM = {"problem": "add subtracts", "file": "calc.py"}


@asynccontextmanager
async def working(root: Path, models: ModelSettings | None = None) -> AsyncIterator[Engine]:
    places = {name: root / name for name in ("data", "runs", "cache")}
    for place in places.values():
        place.mkdir()
    config = EngineConfig(
        data_dir=places["data"],
        runs_dir=places["runs"],
        cache_dir=places["cache"],
        shipped_packs=PACKS,
        rules=Rules(models=models or ModelSettings()),
        poll_seconds=0.05,
        drain_seconds=0.0,
    )
    async with open_engine(config) as engine, engine.work():
        yield engine


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    place = tmp_path / "repo"
    place.mkdir()
    (place / "calc.py").write_text(BROKEN)
    alone = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main")
    for words in (("init", "--quiet"), ("add", "calc.py"), ("commit", "--quiet", "-m", "begin")):
        subprocess.run(["git", *alone, *words], cwd=place, check=True)
    (place / "calc.py").write_text(BROKEN + "# open\n")
    return place


async def begin(engine: Engine, flow: str, payload: dict[str, Any], base: Path) -> str:
    pack, _, flow_id = flow.partition("/")
    return (await engine.runs.start(pack, flow_id, payload, actor=ANN, base_dir=base)).run_id


async def completed(engine: Engine, run_id: str) -> RunView:
    return await rest(engine, run_id, expect=RunStatus.COMPLETED)


def text_of(run: RunView) -> str:
    assert run.output is not None
    return str(run.output["text"])


@pytest.mark.parametrize("flow", ["survey", "review"])
async def test_as_shipped_they_read_and_say_that_no_model_was_asked(
    tmp_path: Path, repo: Path, flow: str
) -> None:
    async with working(tmp_path) as engine:
        run = await completed(engine, await begin(engine, f"senior-python-dev/{flow}", {"repo": "."}, repo))
        assert "the answers are scripted, no model was asked" in text_of(run)


async def test_a_review_of_nothing_asks_no_model(tmp_path: Path, repo: Path) -> None:
    (repo / "calc.py").write_text(BROKEN)
    async with working(tmp_path) as engine:
        run = await completed(engine, await begin(engine, "senior-python-dev/review", {"repo": "."}, repo))
        assert "There is no change against HEAD" in text_of(run)
        assert run.tokens_used == 0


async def test_a_review_writes_the_worst_remark_first(tmp_path: Path, repo: Path) -> None:
    remarks = [
        {"severity": "MINOR", "path": "calc.py", "text": "a name"},
        {"severity": "CRITICAL", "path": "calc.py", "line": 2, "text": "it loses {{ data }}"},
    ]
    served = spoken(json.dumps({"summary": "Two things.", "remarks": remarks}))
    async with (
        serving(answering_in_turn(served)) as server,
        working(tmp_path, models_at(server.url)) as engine,
    ):
        run = await completed(engine, await begin(engine, "senior-python-dev/review", {"repo": "."}, repo))
        text = text_of(run)
        assert text.index("- **CRITICAL** `calc.py:2`: it loses {{ data }}") < text.index("- **MINOR**")
        assert "The model m. Nobody has checked it." in text


async def test_a_fix_is_approved_as_a_diff_and_a_rejection_is_told_to_the_agent(
    tmp_path: Path, repo: Path
) -> None:
    def proposed(text: str) -> bytes:
        files = [{"path": "calc.py", "text": text, "why": "the sign"}]
        return spoken(json.dumps({"summary": "The sign was wrong.", "files": files}))

    reading = spoken("", ("files__read", json.dumps({"root": str(repo), "path": "calc.py"})))
    answers = answering_in_turn(reading, proposed("# no\n"), proposed(MENDED))
    async with serving(answers) as server, working(tmp_path, models_at(server.url)) as engine:
        run_id = await begin(engine, "senior-python-dev/fix", {"repo": ".", **PROBLEM}, repo)
        card = await pending_approval(engine, run_id)
        await engine.requests.reject(card.approval_id, actor=ANN, digest=card.digest, comment="mend it")
        await rest(engine, run_id, expect=RunStatus.PENDING_HUMAN)
        card = await pending_approval(engine, run_id)
        assert card.step_id == "write~2/0/approve"
        assert card.preview is not None
        assert "-    return a - b" in card.preview.text
        assert "+    return a + b" in card.preview.text
        assert (repo / "calc.py").read_text() == BROKEN + "# open\n"
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        run = await completed(engine, run_id)
        assert (repo / "calc.py").read_text() == MENDED
        assert "a person has approved every file" in text_of(run)
        assert "rejected by ann: mend it" in server.asked[2].body["messages"][1]["content"]


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", ".git/hooks/pre-commit"])
async def test_a_fix_outside_of_the_repository_is_asked_for_again_and_nobody_is_bothered(
    tmp_path: Path, repo: Path, path: str
) -> None:
    files = [{"path": path, "text": "x", "why": "y"}]
    wrong = spoken(json.dumps({"summary": "Out.", "files": files}))
    nothing = spoken(json.dumps({"summary": "Nothing is to be changed.", "files": []}))
    answers = answering_in_turn(wrong, nothing)
    async with serving(answers) as server, working(tmp_path, models_at(server.url)) as engine:
        run_id = await begin(engine, "senior-python-dev/fix", {"repo": ".", **PROBLEM}, repo)
        assert "Nothing is to be changed." in text_of(await completed(engine, run_id))
        assert "files.0.path" in server.asked[1].body["messages"][-1]["content"]


async def test_a_triage_reads_its_logs_only_and_does_the_one_thing_that_was_approved(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "shop.log").write_text("2026-01-01T02:00:01Z shop ERROR the database does not answer\n")
    (tmp_path / "secret.txt").write_text("private")
    given = {"service": "shop", "logs": str(logs), "log": "shop.log", "out_dir": str(tmp_path / "out")}
    outside = spoken("", ("files__read", json.dumps({"root": str(tmp_path), "path": "secret.txt"})))
    action = {"action": "maintenance", "finding": "No database.", "confidence": "high", "text": "Back soon."}
    answers = answering_in_turn(outside, spoken(json.dumps(action)))
    async with serving(answers) as server, working(tmp_path, models_at(server.url)) as engine:
        run_id = await begin(engine, "on-call/triage", given, tmp_path)
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.risk) == ("approve", "high")
        assert "Proposed by the model m, confidence high." in card.message
        assert not (tmp_path / "out").exists()
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        run = await completed(engine, run_id)
        assert (tmp_path / "out" / "shop.maintenance").read_text() == "Back soon."
        assert run.output is not None
        assert run.output["summary"] == "maintenance, approved by ann. No database."
        told = server.asked[1].body["messages"][-1]["content"]
        assert "permission_denied" in told
        assert "private" not in told
        offered = {one["function"]["name"] for one in server.asked[0].body["tools"]}
        assert offered == {"files__list", "files__read", "files__search"}


async def test_a_response_writes_the_files_of_the_plan_that_was_approved_as_it_was_changed(
    tmp_path: Path,
) -> None:
    log = tmp_path / "shop.log"
    log.write_text("2026-01-01T02:00:01Z shop ERROR the database does not answer\n")
    given = {"service": "shop", "log": str(log), "out_dir": str(tmp_path / "out")}
    async with working(tmp_path) as engine:
        run_id = await begin(engine, "on-call/respond", given, tmp_path)
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.risk) == ("plan/0/review", "high")
        assert [step.step_id for step in card.planned] == ["page", "maintenance"]
        assert "Scripted, no model was asked." in card.message
        assert not (tmp_path / "out").exists()
        page = {**card.planned[0].params, "text": "Wake up.\n"}
        edits = PlanEdits(steps=(PlanEdit(step_id="page", params=page),))
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest, edits=edits)
        run = await completed(engine, run_id)
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["shop.page.md"]
        assert (tmp_path / "out" / "shop.page.md").read_text() == "Wake up.\n"
        assert run.output is not None
        assert run.output["files"] == ["out/shop.page.md"]


async def test_a_response_to_nothing_asks_nobody(tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text("2026-01-01T02:00:01Z shop INFO all well\n")
    given = {"service": "shop", "log": str(log), "out_dir": str(tmp_path / "out")}
    async with working(tmp_path) as engine:
        run = await completed(engine, await begin(engine, "on-call/respond", given, tmp_path))
        assert run.output is not None
        assert run.output["summary"].startswith("Nothing was changed.")


async def test_a_procedure_without_parameters_is_worked_by_agents_each_with_its_own_tool(
    tmp_path: Path, repo: Path
) -> None:
    async with working(tmp_path) as engine:
        given = {"repo": ".", "request": "multiply"}
        run_id = await begin(engine, "senior-python-dev/feature-implementation", given, repo)
        await completed(engine, run_id)
        plan = await engine.runs.conversation(run_id, "plan")
        assert plan.tools == ()
        assert plan.prompt.startswith("Write down a plan\n")
        assert "What the step understand brought: This answer is scripted" in plan.prompt
        assert (await engine.runs.conversation(run_id, "implement")).tools == ("files.write",)
