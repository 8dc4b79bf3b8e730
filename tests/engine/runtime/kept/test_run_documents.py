from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from engine.tools.builtin.files.file_tools import file_tools
from engine.tools.context import ToolLimits
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    failed,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
    until,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.on_disk


async def test_the_response_of_a_completed_run(home: Home) -> None:
    value = {"summary": "all good", "of": 4, "details": {"n": 3}}
    home.flow("sum", tool("a", "fake.give", params={"value": value}))
    async with home.working() as engine:
        run = await finished(engine, "sum")
        response = home.document(run, "output/response.json")
        assert run.finished_at is not None
        assert response.pop("finished_at").endswith("Z")
        assert response == {
            "response_version": "1.0",
            "run_id": run.run_id,
            "pack": "demo",
            "pack_version": "1.0.0",
            "flow": "sum",
            "status": "COMPLETED",
            "result": {"summary": "all good", "n": 3, "of": 4},
            "error": None,
            "files": [],
        }
        (written,) = [e for e in await engine.runs.events(run.run_id) if e.kind == "output_written"]
        raw = (home.root / "runs" / "demo" / run.run_id / "output" / "response.json").read_bytes()
        assert written.payload["sha256"] == hashlib.sha256(raw).hexdigest()


async def test_the_response_of_a_failed_run(home: Home) -> None:
    home.flow("bad", tool("a", params={"x": 1}), tool("b", "fake.fail", params={"message": "no paper"}))
    async with home.working() as engine:
        run = await failed(engine, "bad")
        response = home.document(run, "output/response.json")
        assert (response["status"], response["result"]) == ("FAILED", None)
        error = response["error"]
        assert (error["code"], error["message"], error["step_id"]) == ("backend_error", "no paper", "b")


async def test_the_response_of_a_cancelled_run(home: Home) -> None:
    home.flow("ask", form("word"))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await pending_form(engine, run_id)
        await engine.runs.cancel(run_id, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.CANCELLED)
        response = home.document(run, "output/response.json")
        assert (response["status"], response["error"]["code"]) == ("CANCELLED", "cancelled")


async def test_output_files_are_stored_with_names_roles_and_digests(home: Home) -> None:
    names = ["report.pdf", "../../page.html", "data.csv", "data.csv"]
    home.flow("make", tool("a", "fake.files", params={"names": names}))
    async with home.working() as engine:
        run = await finished(engine, "make")
        detail = await engine.runs.get(run.run_id)
        files = {file.stored_name: file for file in detail.files}
        assert {name: file.role for name, file in files.items()} == {
            "report.pdf": "primary",
            "page.html": "interactive",
            "data.csv": "supporting",
            "1_data.csv": "supporting",
        }
        for file in detail.files:
            raw = (home.root / "runs" / "demo" / run.run_id / "output" / file.stored_name).read_bytes()
            assert hashlib.sha256(raw).hexdigest() == file.sha256
            assert str(home.root) in file.path
        assert run.output == {"summary": "made files"}
        response = home.document(run, "output/response.json")
        assert [file["stored_name"] for file in response["files"]] == sorted(files)
        step = await engine.runs.step(run.run_id, "a")
        assert "content_base64" not in json.dumps(step.output)
    assert not (home.root / "page.html").exists()


async def test_a_run_whose_only_output_is_files_says_so(home: Home) -> None:
    files = [{"name": "a.txt", "content_base64": base64.b64encode(b"x").decode()}]
    home.flow("make", tool("a", "fake.give", params={"value": {"output_files": files}}))
    async with home.working() as engine:
        run = await finished(engine, "make")
        assert run.output == {"kind": "files"}
        assert [file.name for file in (await engine.runs.get(run.run_id)).files] == ["a.txt"]


async def test_a_run_in_which_only_a_person_decided_completes_with_the_decision(home: Home) -> None:
    home.flow("ask", approval("seen", gates="none"))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB, comment="fine")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (run.output["decision"], run.output["comment"]) == ("APPROVED", "fine")


async def test_output_files_that_are_not_usable_fail_the_step(home: Home) -> None:
    files = [{"name": "a.txt", "content_base64": "not base64!"}]
    home.flow("make", tool("a", "fake.give", params={"value": {"output_files": files}}))
    async with home.working() as engine:
        run = await failed(engine, "make")
        assert run.error is not None
        assert run.error.code == "contract_violation"
        assert "a.txt" in run.error.message


async def test_input_answers_and_comments_are_documents(home: Home) -> None:
    home.flow("talk", form("word"), approval("ok"), tool("a", params={"x": 1}))
    async with home.working() as engine:
        payload = {"n": 1, "comments": [{"comment": "from the ticket"}], "messages": [{"text": "hi"}]}
        run_id = await start(engine, "talk", payload)
        asked = await pending_form(engine, run_id)
        await engine.requests.answer(asked.request_id, {"word": "yes"}, actor=ANN, comment="sure")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB, comment="fine")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.document(run, "input/input.json") == payload
        assert home.document(run, "input/messages.json") == [{"text": "hi"}]
        answer = home.document(run, f"runtime/user_input/word_form.{asked.request_id}.json")
        assert answer == {"form_id": "word_form", "values": {"word": "yes"}, "comment": "sure"}
        first, second = home.document(run, "input/comments.json")
        assert first == {"comment": "from the ticket"}
        assert second.pop("ts").endswith("Z")
        assert second == {"comment": "fine", "decision": "APPROVED", "step_id": "ok", "by": "bob"}


async def test_comments_on_what_no_step_of_the_flow_asks_are_documents_too(home: Home) -> None:
    home.flow("act", tool("a", params={"x": 1}), autonomy_level="suggest_only")
    home.flow("talk", form("word"), tool("b", when=False))
    async with home.working() as engine:
        run_id = await start(engine, "act")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB, comment="fine")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (comment,) = home.document(run, "input/comments.json")
        assert (comment["comment"], comment["decision"], comment["step_id"]) == ("fine", "APPROVED", "a")
        run_id = await start(engine, "talk")
        asked = await pending_form(engine, run_id)
        await engine.requests.answer(asked.request_id, {"word": "yes"}, actor=ANN, comment="sure")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        folder = home.root / "runs" / "demo" / run.run_id / "input"
        assert not (folder / "comments.json").exists(), "it stands with the answer"


async def test_an_answer_that_has_its_file_is_not_written_again_and_one_that_lost_it_is(home: Home) -> None:
    home.flow("talk", form("one"), form("two"), form("three"), tool("a", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "talk", {})
        first = await pending_form(engine, run_id)
        await engine.requests.answer(first.request_id, {"word": "1"}, actor=ANN)
        second = await pending_form(engine, run_id)
        await engine.requests.answer(second.request_id, {"word": "2"}, actor=ANN)
        third = await pending_form(engine, run_id)
        folder = home.root / "runs" / "demo" / run_id / "runtime" / "user_input"
        kept = folder / f"one_form.{first.request_id}.json"
        lost = folder / f"two_form.{second.request_id}.json"

        async def written() -> bool:
            return kept.exists() and lost.exists()

        await until(written)
        kept.write_text("{}")
        lost.unlink()
        await engine.requests.answer(third.request_id, {"word": "3"}, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.document(run, f"runtime/user_input/{kept.name}") == {}
        assert home.document(run, f"runtime/user_input/{lost.name}")["values"] == {"word": "2"}


async def test_attachments_are_copied_into_the_run(home: Home, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "log.txt").write_text("hello")
    (tmp_path / "denied").mkdir()
    (tmp_path / "denied" / "secret.txt").write_text("no")
    files = [
        {"name": "log.txt", "path": str(tmp_path / "given" / "log.txt")},
        {"name": "secret.txt", "path": str(tmp_path / "denied" / "secret.txt")},
        {"name": "elsewhere.pdf"},
        {"name": "gone.txt", "path": str(tmp_path / "given" / "gone.txt")},
        {"name": "up.txt", "path": str(tmp_path / "given" / ".." / "denied" / "secret.txt")},
    ]
    home.flow("look", tool("a", params={"x": 1}))
    async with home.working(limits=ToolLimits(denied_roots=(tmp_path / "denied",))) as engine:
        run = await finished(engine, "look", {"files": files})
        listed = {item["name"]: item for item in home.document(run, "input/attachments.json")}
        assert listed["log.txt"]["sha256"] == hashlib.sha256(b"hello").hexdigest()
        assert {item["source"] for name, item in listed.items() if name != "log.txt"} == {"ref"}
        folder = home.root / "runs" / "demo" / run.run_id / "input"
        assert (folder / listed["log.txt"]["stored_name"]).read_text() == "hello"
        assert sorted(path.name for path in folder.iterdir()) == ["attachments.json", "input.json", "log.txt"]


async def test_an_attachment_is_the_file_as_it_was_before_the_first_step(home: Home, tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("as it was")
    home.flow("look", tool("a", "fake.slow"))
    async with home.working() as engine:
        run_id = await start(engine, "look", {"files": [{"name": "given.txt", "path": str(given)}]})

        async def called() -> bool:
            return home.tools.under_way > 0

        await until(called)
        (told,) = home.tools.contexts
        assert (told.tenant, told.pack, told.flow) == ("default", "demo", "look")
        assert told.input_dir is not None
        assert (told.input_dir / "given.txt").read_text() == "as it was"
        given.write_text("replaced while the first step was at work")
        home.tools.release()
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (listed,) = home.document(run, "input/attachments.json")
        folder = home.root / "runs" / "demo" / run.run_id / "input"
        assert (folder / listed["stored_name"]).read_text() == "as it was"


async def test_a_run_whose_folder_cannot_be_made_ends_when_it_can(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    (home.root / "runs").write_text("in the way")
    async with home.working() as engine:
        run_id = await start(engine, "one")
        run = await engine.runs.wait(run_id, timeout=PATIENCE)
        assert run.status is RunStatus.COMPLETED
    (home.root / "runs").unlink()
    async with home.working() as engine:
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.document(run, "output/response.json")["status"] == "COMPLETED"


@pytest.mark.parametrize(
    "value",
    [
        *("one string", 5, True, [1, 2], {"summary": "s", "details": "text"}),
        {"summary": "s", "n": 1, "details": {"n": 2}},
    ],
)
async def test_any_output_becomes_an_object(home: Home, value: object) -> None:
    home.flow("any", tool("a", "fake.give", params={"value": value}))
    async with home.working() as engine:
        run = await finished(engine, "any")
        expected = {"items": value} if isinstance(value, list) else {"value": value}
        assert run.output == (value if isinstance(value, dict) else expected)


async def test_what_a_run_writes_elsewhere_is_among_its_files(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for known in file_tools():
        home.tools.registry.add(known)
    params = {"root": str(tmp_path), "path": "out/report.md", "text": "# Done\n"}
    home.flow("write", tool("w", "files.write", params=params))
    async with home.working() as engine:
        run = await finished(engine, "write")
        (file,) = (await engine.runs.get(run.run_id)).files
        assert (file.name, file.copy_of) == ("report.md", str(out / "report.md"))
        (out / "report.md").unlink()
        assert (await engine.runs.file_text(run.run_id, file.stored_name)).text == "# Done\n"
