"""What calls write while they run: kept by line, masked, bounded, readable while it grows."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import NotFound, Unavailable
from engine.governance.masking import Masker
from engine.governance.redactor import Redactor
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.clock import SystemClock
from engine.runtime.embedded.engine import open_engine
from engine.runtime.files.call_outputs import MOST_BYTES, CallOutputs
from engine.runtime.files.line_writer import LineWriter
from engine.runtime.files.live_output import LiveOutput
from engine.runtime.files.run_folders import RunFolders
from engine.runtime.value_store import ValueStore
from engine.runtime.views.output_files import OutputFiles
from engine.runtime.worker.steps.calls.call_output import CallOutput
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolLimits
from engine.tools.secret_references import Redaction
from tests.engine.runtime.embedded_home import ANN, rest, start, tool, until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from engine.facade.engine import Engine
    from tests.engine.runtime.embedded_home import Home

MAIL = "ann.example@example.org"
PEM = "-----BEGIN PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> None:
    """Not watched here: commands are started in the loop, as asyncio starts its own."""


def sh(step_id: str, script: str, **fields: Any) -> dict[str, Any]:
    return tool(step_id, "command.run", params={"argv": ["sh", "-c", script], **fields})


@asynccontextmanager
async def working(home: Home, **limits: Any) -> AsyncIterator[Engine]:
    allowed = ToolLimits(command_allowlist=frozenset({"sh"}), kill_grace_seconds=0.2, **limits)
    config = home.config(limits=allowed, secrets={"pass": "opensesame"})
    async with open_engine(config, registry=builtin_registry()) as engine, engine.work():
        yield engine


async def written(engine: Engine, run_id: str, **wanted: Any) -> list[tuple[str, int, str, str]]:
    page = await engine.runs.output(run_id, **wanted)
    return [(line.step_id, line.attempt, line.stream, line.text) for line in page.lines]


async def test_lines_of_both_streams_are_kept_when_a_call_succeeds_and_when_it_fails(home: Home) -> None:
    home.flow(
        "main",
        sh("good", "echo one; echo two >&2"),
        sh("bad", "printf 'no newline'; exit 3"),
    )
    async with working(home) as engine:
        run = await rest(engine, await start(engine, "main"), expect=RunStatus.FAILED)
        lines = await written(engine, run.run_id)
        assert sorted(lines) == [
            ("bad", 1, "out", "no newline"),
            ("good", 1, "err", "two"),
            ("good", 1, "out", "one"),
        ]
        assert await written(engine, run.run_id, step_id="bad") == [("bad", 1, "out", "no newline")]
        assert await written(engine, run.run_id, step_id="ba") == []
        with pytest.raises(NotFound):
            await engine.runs.output("run_none")


async def test_lines_can_be_read_while_the_call_still_runs(home: Home, tmp_path: Path) -> None:
    go = tmp_path / "go"
    home.flow("main", sh("slow", f"echo first; while [ ! -e {go} ]; do sleep 0.02; done; echo last"))
    async with working(home) as engine:
        run_id = await start(engine, "main")

        async def first() -> bool:
            return bool(await written(engine, run_id))

        await until(first)
        page = await engine.runs.output(run_id)
        assert [line.text for line in page.lines] == ["first"]
        await asyncio.to_thread(go.touch)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [line.text for line in (await engine.runs.output(run_id, after=page.next)).lines] == ["last"]


async def test_nothing_secret_or_personal_is_kept(home: Home) -> None:
    script = f"echo mail {MAIL}; echo {PEM}; echo c2VjcmV0; echo -----END PRIVATE KEY-----; echo $1; echo end"
    argv = ["sh", "-c", script, "sh", {"$secret": "pass"}]
    home.flow("main", tool("say", "command.run", params={"argv": argv, "parse": "text"}))
    async with working(home) as engine:
        run = await rest(engine, await start(engine, "main"), expect=RunStatus.COMPLETED)
        texts = [text for *_, text in await written(engine, run.run_id)]
    assert texts[-1] == "end"
    kept = CallOutputs(home.root / "runs").path("demo", run.run_id).read_bytes()
    for word in (MAIL, "opensesame", "c2VjcmV0"):
        assert word.encode() not in kept


async def test_what_is_kept_is_bounded(home: Home) -> None:
    home.flow("main", sh("say", "yes | head -c 300000", check=False))
    async with working(home, max_output_bytes=1000) as engine:
        run = await rest(engine, await start(engine, "main"), expect=RunStatus.FAILED)
        texts = [text for *_, text in await written(engine, run.run_id)]
    assert texts[:-1] == ["y"] * 500
    assert "max_output_bytes" in texts[-1]


async def test_a_very_long_line_is_cut(home: Home) -> None:
    home.flow("main", sh("say", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo next"))
    async with working(home) as engine:
        run = await rest(engine, await start(engine, "main"), expect=RunStatus.COMPLETED)
        long, following = [text for *_, text in await written(engine, run.run_id)]
    assert (long[:3], long[-1], following) == ("xxx", "…", "next")
    assert len(long) <= 16_384


async def test_an_archive_has_the_output(home: Home, tmp_path: Path) -> None:
    home.flow("main", sh("good", "echo one"))
    async with working(home) as engine:
        run = await rest(engine, await start(engine, "main"), expect=RunStatus.COMPLETED)
        report = await engine.housekeeping.export(run.run_id, tmp_path / "x.zip", actor=ANN)
    assert report.files == 5


def test_output_is_read_from_any_place(tmp_path: Path) -> None:
    outputs = CallOutputs(tmp_path)
    assert outputs.read("demo", "run_1", 0) == (b"", 0, 0)
    assert outputs.append("demo", "run_1", b"one\ntwo\n")
    assert outputs.append("demo", "run_1", b"half")
    assert outputs.read("demo", "run_1", 0) == (b"one\ntwo\n", 0, 12)
    assert outputs.read("demo", "run_1", 4) == (b"two\n", 4, 12)
    assert outputs.read("demo", "run_1", -9) == (b"two\n", 4, 12)
    assert outputs.read("demo", "run_1", -99) == (b"one\ntwo\n", 0, 12)
    assert not outputs.append("demo", "run_1", b"x" * MOST_BYTES)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("the key is sk-proj-Qm3vX8zLr2Tn", "the key is"),
        ("card 4111 1111 1111 11", "card"),
        ("call +49 170 12", "call"),
        (f"mail {MAIL[:-3]}", "mail"),
        ("one two", "one"),
        ("one", ""),
        ("x " * 5_000, ""),
        (f"{'-' * 4_000} x y", f"{'-' * 4_000} x"),
        (f"a {'1 -' * 1_300}", "a"),
    ],
)
async def test_of_a_line_that_is_being_written_nothing_shows_that_may_become_a_secret(
    written: str, shown: str, tmp_path: Path
) -> None:
    values = ValueStore(MemoryJournal(), Redactor(Masker()))
    facts = {"step_id": "work/0/model", "attempt": 1}
    keep = partial(LineWriter(CallOutputs(tmp_path)).keep, "demo", "run")
    output = CallOutput(keep, facts, values, SystemClock(), 1_000_000, LiveOutput().of("run"))
    output.write("out", written.encode())
    assert [line["text"] for line in output.coming()] == ([shown] if shown else [])


async def test_of_a_secret_of_several_words_nothing_shows_while_its_line_is_being_written(
    tmp_path: Path,
) -> None:
    values, facts = ValueStore(MemoryJournal(), Redactor(Masker())), {"step_id": "a", "attempt": 1}
    live_output = LiveOutput()
    writer = LineWriter(CallOutputs(tmp_path), live_output)
    keep = partial(writer.keep, "demo", "run")
    output = CallOutput(keep, facts, values, SystemClock(), 1_000_000, live_output.of("run"))
    async with output:
        output.hide(Redaction({"correct horse battery staple"}).text)
        output.write("out", b"whole\nsays correct horse batt")
        assert [line["text"] for line in live_output.coming("run")] == ["whole"]
        output.write("out", b"ery staple\n")
        assert [line["text"] for line in live_output.coming("run")] == ["whole", "says [SECRET]"]
    await writer.written("run")


async def test_lines_that_come_together_are_looked_at_and_kept_together(tmp_path: Path) -> None:
    """A command writes thousands of short lines at once; the loop is held up for as long as each takes."""
    outputs, masker = CallOutputs(tmp_path), WatchedMasker()
    writer, kept = LineWriter(outputs), list[bytes]()

    def keep(lines: bytes) -> asyncio.Future[bool]:
        kept.append(lines)
        return writer.keep("demo", "run", lines)

    values = ValueStore(MemoryJournal(), Redactor(masker))
    facts = {"step_id": "a", "attempt": 1}
    output = CallOutput(keep, facts, values, SystemClock(), 1_000_000, LiveOutput().of("run"))
    async with output:
        output.write("out", b"y\r\n" * 10_000 + f"{MAIL}\n".encode() + b"half")
        assert len(kept) == 1
        assert masker.looks < 1_000
    await writer.written("run")
    written = [json.loads(line) for line in outputs.read("demo", "run", 0)[0].splitlines()]
    assert [line["text"] for line in written] == ["y"] * 10_000 + ["[EMAIL]", "half"]
    assert written[0].keys() == {"ts", "step_id", "attempt", "stream", "text"}


async def test_lines_of_many_calls_are_each_in_the_file_of_their_run_in_order(tmp_path: Path) -> None:
    outputs = CallOutputs(tmp_path)
    writer = LineWriter(outputs)
    kept = [writer.keep("demo", f"run_{n % 3}", f"{n}\n".encode()) for n in range(30)]
    assert await asyncio.gather(*kept) == [True] * 30
    for run in range(3):
        lines = b"".join(b"%d\n" % n for n in range(run, 30, 3))
        assert outputs.read("demo", f"run_{run}", 0)[0] == lines


async def test_lines_that_cannot_be_kept_are_told_to_their_call_alone(tmp_path: Path) -> None:
    outputs = CallOutputs(tmp_path)
    writer = LineWriter(outputs)
    outputs.append("demo", "run_full", b"one\n")
    os.truncate(outputs.path("demo", "run_full"), MOST_BYTES)
    (tmp_path / "demo" / "run_bad").write_text("no folder")
    bad, full, good = (writer.keep("demo", f"run_{one}", b"line\n") for one in ("bad", "full", "good"))
    with pytest.raises(Unavailable):
        await bad
    assert (await full, await good) == (False, True)
    assert outputs.read("demo", "run_good", 0)[0] == b"line\n"


class WatchedMasker(Masker):
    """Counts how often it was asked to look at something."""

    looks = 0

    def mask(self, value: Any) -> Any:
        self.looks += 1
        return super().mask(value)


class FakeFull(ThreadPoolExecutor):
    """Starts no thread."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")


async def test_lines_for_which_no_thread_can_be_started_keep_nobody_waiting(tmp_path: Path) -> None:
    """A run waits for its lines before it ends: it would stand still for ever, and its worker with it."""
    writer, loop = LineWriter(CallOutputs(tmp_path)), asyncio.get_running_loop()
    loop.set_default_executor(FakeFull())
    lost = writer.keep("demo", "run", b"lost\n")
    async with asyncio.timeout(PATIENCE):
        await writer.written("run")
    with pytest.raises(RuntimeError):
        await lost
    loop.set_default_executor(ThreadPoolExecutor(1))
    assert await writer.keep("demo", "run", b"kept\n")


@pytest.mark.parametrize("read", [True, False])
async def test_a_pipe_in_place_of_a_runs_file_holds_up_no_call_of_any_run(tmp_path: Path, read: bool) -> None:
    outputs = CallOutputs(tmp_path)
    writer = LineWriter(outputs)
    outputs.append("demo", "run_bad", b"one\n")
    place = outputs.path("demo", "run_bad")
    place.unlink()
    os.mkfifo(place)
    reader = os.open(place, os.O_RDONLY | os.O_NONBLOCK) if read else None
    bad, good = (writer.keep("demo", f"run_{one}", b"line\n") for one in ("bad", "good"))
    with pytest.raises(Unavailable):
        await bad
    assert await good
    with pytest.raises(Unavailable):
        outputs.read("demo", "run_bad", 0)
    if reader is not None:
        os.close(reader)


async def test_a_call_that_is_cancelled_leaves_its_lines_in_the_file(tmp_path: Path) -> None:
    outputs, values = CallOutputs(tmp_path), ValueStore(MemoryJournal(), Redactor(Masker()))
    keep = partial(LineWriter(outputs).keep, "demo", "run")
    output = CallOutput(
        keep, {"step_id": "a", "attempt": 1}, values, SystemClock(), 1000, LiveOutput().of("run")
    )

    async def calling() -> None:
        async with output:
            output.write("out", b"whole\nhalf")
            await asyncio.Event().wait()

    call = asyncio.create_task(calling())
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    texts = [json.loads(line)["text"] for line in outputs.read("demo", "run", 0)[0].splitlines()]
    assert texts == ["whole", "half"]


async def test_lines_of_a_call_that_goes_well_hold_it_up_by_nothing_and_are_shown_until_they_are_in_the_file(
    tmp_path: Path,
) -> None:
    outputs, values, live_output = (
        CallOutputs(tmp_path),
        ValueStore(MemoryJournal(), Redactor(Masker())),
        LiveOutput(),
    )
    writer = LineWriter(outputs, live_output)
    keep = partial(writer.keep, "demo", "run")
    output = CallOutput(
        keep, {"step_id": "a", "attempt": 1}, values, SystemClock(), 1000, live_output.of("run")
    )
    async with output:
        output.write("out", b"whole\nhalf")
        assert [line["text"] for line in live_output.coming("run")] == ["whole"]
    assert [line["text"] for line in live_output.coming("run")] == ["whole", "half"]
    assert outputs.read("demo", "run", 0)[0] == b""
    await writer.written("run")
    assert live_output.coming("run") == []
    texts = [json.loads(line)["text"] for line in outputs.read("demo", "run", 0)[0].splitlines()]
    assert texts == ["whole", "half"]


async def test_lines_that_come_while_others_are_written_are_written_too_when_somebody_waits(
    tmp_path: Path,
) -> None:
    outputs = CallOutputs(tmp_path)
    writer = LineWriter(outputs)
    writer.keep("demo", "run", b"one\n")
    first = asyncio.create_task(writer.written("run"))
    await asyncio.sleep(0)  # it is being written
    await asyncio.sleep(0)
    writer.keep("demo", "run", b"two\n")
    await writer.written("run")
    await first
    assert outputs.read("demo", "run", 0)[0] == b"one\ntwo\n"


class FakeFlood(CallOutputs):
    """While lines are put into the file there come more, fifty times."""

    def __init__(self, root: Path, more: Callable[[], None]) -> None:
        super().__init__(root)
        self.loop = asyncio.get_running_loop()
        self.more = more
        self.written = 0

    def append(self, pack: str, run_id: str, lines: bytes) -> bool:
        self.written += 1
        if self.written < 50:
            came = threading.Event()

            def write() -> None:
                self.more()
                came.set()

            self.loop.call_soon_threadsafe(write)
            came.wait()
        return super().append(pack, run_id, lines)


async def test_a_command_that_goes_on_writing_holds_up_nobody_who_waits_for_its_lines(tmp_path: Path) -> None:
    flood = FakeFlood(tmp_path, lambda: None)
    writer = LineWriter(flood)
    flood.more = lambda: writer.keep("demo", "run", b"more\n").add_done_callback(lambda _: None)
    writer.keep("demo", "run", b"first\n")
    await writer.written("run")
    assert flood.written <= 2
    assert flood.read("demo", "run", 0)[0].startswith(b"first\n")
    flood.written = 50
    await writer.written("run")


async def test_a_line_that_gets_into_the_file_while_that_is_read_is_not_shown_twice(tmp_path: Path) -> None:
    line = {"ts": 1_700_000_000_000_000, "step_id": "say", "attempt": 1, "stream": "out"}
    raw = b"".join(json.dumps({**line, "text": text}).encode() + b"\n" for text in ("one", "two"))
    CallOutputs(tmp_path).append("demo", "run-1", raw)

    def coming(_run_id: str) -> list[dict[str, Any]]:
        return [{**line, "text": text} for text in ("two", "three")]

    files = OutputFiles(RunFolders(tmp_path), CallOutputs(tmp_path), Redactor(Masker()), coming)
    row: Any = {"pack": "demo", "run_id": "run-1"}
    page = await files.output(row, None, 0)
    assert [part.text for part in (*page.lines, *page.coming)] == ["one", "two", "three"]
