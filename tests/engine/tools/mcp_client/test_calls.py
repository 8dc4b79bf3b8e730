"""Tools of a server through the tool door: what they bring, and what becomes of hostile ones."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import psutil

from engine.contracts.layers.tools import Tools
from engine.contracts.masks import STRUCK_OUT
from engine.contracts.status import Effects, StepErrorCode
from engine.governance.policies import Policies
from engine.governance.tools_layer import tools_layer
from engine.tools.context import ToolContext
from engine.tools.mcp.records import views
from engine.tools.mcp.session import MAX_PROGRESS
from tests.engine.tools.isolation.isolating import layer
from tests.engine.tools.mcp_client.conftest import bench, declared
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from engine.contracts.tool import ToolResult

SUM = {"a": 1, "b": 2}


class Lines:
    """What a call writes."""

    def __init__(self) -> None:
        self.written = b""

    def hide(self, strike: Callable[[str], str]) -> None: ...

    def write(self, stream: str, data: bytes) -> None:
        self.written += data


async def holds(condition: Callable[[], bool]) -> None:
    """Return when it does; another process makes it so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def appears(path: Path) -> None:
    await holds(path.exists)


async def gone(pid: int) -> None:
    await holds(lambda: not psutil.pid_exists(pid))


def refused(result: ToolResult) -> tuple[StepErrorCode, Any]:
    assert result.error is not None, result.data
    return result.error.code, result.error.details.get("reason")


async def test_tools_are_called_like_every_other(root: Path) -> None:
    """One server, so that it is started once: results, checks, policy, environment, progress, errors."""
    environment = {"GIVEN": "plain", "KEY": {"$secret": "key"}}
    async with bench(root, declared(env=environment), secrets={"key": "s3cr3t"}) as loop:
        done = await loop.call("loop.get_sum", SUM)
        assert done.data == {"text": "3", "structured": {"sum": 3}}
        assert (done.meta.backend, done.meta.sandbox) == ("mcp", "process")
        assert refused(await loop.call("loop.get_sum", {"a": "x"})) == (StepErrorCode.INVALID_INPUT, None)
        assert loop.executor.faults("loop.get_sum", {"a": 1}) == [("/b", "is required")]
        assert loop.executor.faults("loop.get_sum", "1") == [("", "the parameters are not an object")]
        assert loop.executor.faults("loop.odd", {"a": 1}) == [], "a schema that none is its server's business"

        blocked = Policies(blocked_tools=frozenset({"loop.get_sum"}))
        assert (
            refused(await loop.call("loop.get_sum", SUM, policies=blocked))[0]
            is StepErrorCode.PERMISSION_DENIED
        )
        isolated = await loop.call("loop.get_sum", SUM, sandbox="isolated")
        assert refused(isolated) == (StepErrorCode.PERMISSION_DENIED, "sandbox_unavailable")
        of_all = tools_layer(Tools.model_validate({"tool_policies": {"level": "isolated"}}, strict=False))
        for demanded in (of_all, layer("loop.get_sum")):
            isolated = await loop.call("loop.get_sum", SUM, layer=demanded)
            assert refused(isolated) == (StepErrorCode.PERMISSION_DENIED, "sandbox_unavailable")

        seen = dict(line.split("=", 1) for line in (await loop.call("loop.env")).data["text"].splitlines())
        assert seen.keys() <= {"PATH", "LANG", "HOME", "GIVEN", "KEY", "LC_CTYPE"}
        assert (seen["GIVEN"], seen["HOME"]) == ("plain", str(loop.folder))
        assert seen["KEY"] == STRUCK_OUT, "it has the secret, and cannot hand it on"

        leaked = await loop.call("loop.leak")
        assert refused(leaked) == (StepErrorCode.BACKEND_ERROR, "refused_there")
        assert leaked.error is not None
        assert leaked.error.message.endswith(f"denied: {STRUCK_OUT}"), "nor in what it refuses"

        mixed = (await loop.call("loop.mixed")).data["text"]
        assert mixed.split("\n")[1:] == [
            "[image 640x480 png]",
            "[audio audio/wav, 3 bytes]",
            "[resource a://b]",
            "inside",
        ]

        failed = await loop.call("loop.fail")
        assert refused(failed) == (StepErrorCode.BACKEND_ERROR, "tool_failed")
        assert failed.error is not None
        assert failed.error.message == "loop.fail failed: no such row ␛[2J"

        output = Lines()
        await loop.call("loop.slow", {"seconds": 0}, output=output)
        assert output.written.decode().splitlines() == ["progress 1/2 on ␛[31mit", "progress 2/2 on ␛[31mit"]

        assert (await loop.call("loop.garbage")).ok, "what is no message is not looked at"
        wrong = await loop.call("loop.wrong")
        assert refused(wrong) == (StepErrorCode.CONTRACT_VIOLATION, "not_the_protocol")
        assert refused(await loop.call("loop.gone")) == (StepErrorCode.NOT_FOUND, None)
        assert refused(await loop.call("loop.twin_one")) == (StepErrorCode.NOT_FOUND, None)
        (kept,) = views(loop.records, {"loop": declared(env=environment)})
        assert (kept.state, kept.program) == ("ready", "loopback 1.0")
        assert "loop.get_sum" in {tool.name for tool in kept.tools}
        assert kept.left_out == ("twin one, twin-one: they would all be loop.twin_one",)
        assert "s3cr3t" not in json.dumps(kept.model_dump(mode="json"))
        (other,) = views(loop.records, {"loop": declared()})
        assert other.state == "unasked", "it was started with other settings"
        (server,) = loop.pids()
    await gone(server)


async def test_a_cancelled_call_is_cancelled_there(root: Path) -> None:
    async with bench(root, declared()) as loop:
        calling = asyncio.create_task(loop.call("loop.slow"))
        await appears(loop.folder / "begun")
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await appears(loop.folder / "cancelled")
        assert (await loop.call("loop.get_sum", SUM)).ok
        assert len(loop.pids()) == 1
        late = await loop.call("loop.slow", {"stubborn": True, "seconds": 1}, timeout=0.1)
        assert refused(late)[0] is StepErrorCode.TIMEOUT
        assert (await loop.call("loop.get_sum", SUM)).ok, "one that goes on all the same is in nobody's way"


async def test_a_result_that_is_too_large_is_a_failure_of_its_call_alone(root: Path) -> None:
    async with bench(root, declared(), max_output_bytes=10_000) as loop:
        beside = asyncio.create_task(loop.call("loop.slow", {"seconds": 1}))
        await appears(loop.folder / "begun")
        assert refused(await loop.call("loop.huge", {"bytes": 5_000_000})) == (
            StepErrorCode.CONTRACT_VIOLATION,
            "too_large",
        )
        assert refused(await loop.call("loop.huge", {"bytes": 15_000}))[0] is StepErrorCode.CONTRACT_VIOLATION
        assert (await beside).ok


async def test_a_server_that_dies_says_why_and_is_started_again_with_back_off(root: Path) -> None:
    async with bench(root, declared()) as loop:
        died = await loop.call("loop.die")
        assert refused(died) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert died.error is not None
        assert died.error.recoverable
        assert "ended with status 3; it wrote: Fatal: out of luck" in died.error.message
        assert (await loop.call("loop.get_sum", SUM)).ok, "after the first failure it is started at once"
        await loop.call("loop.die")
        assert (await loop.call("loop.get_sum", SUM)).ok, "a call that ended well begins the count anew"
        loop.says("crash")
        await loop.call("loop.die")
        failed = await loop.call("loop.get_sum", SUM)
        assert failed.error is not None
        assert "cannot read my settings" in failed.error.message
        lives = len(loop.pids())
        assert refused(await loop.call("loop.get_sum", SUM)) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert len(loop.pids()) == lives, "it is left alone for a while"
        (kept,) = views(loop.records, {"loop": declared()})
        assert kept.state == "failed"
        assert "cannot read my settings" in kept.error


async def test_one_that_sends_without_end_is_ended(root: Path) -> None:
    async with bench(root, declared()) as loop:
        flooded = await loop.call("loop.flood")
        assert refused(flooded) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert flooded.error is not None
        assert "messages" in flooded.error.message
        again = await loop.call("loop.get_sum", SUM)
        assert again.ok, again


async def test_one_that_reads_nothing_is_ended_before_it_takes_all_memory(root: Path) -> None:
    text = {"text": "x" * 4 * 1024 * 1024}
    async with bench(root, declared()) as loop, asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(loop.call("loop.deaf"))]
        await appears(loop.folder / "begun")
        calls += [tasks.create_task(loop.call("loop.write", text)) for _ in range(10)]
        for call in calls:
            result = await call
            assert refused(result) == (StepErrorCode.BACKEND_ERROR, "server_failed")
            assert result.error is not None
            assert "it does not read what it is sent" in result.error.message


async def test_one_that_answers_nothing_has_its_time_to_start_and_no_more(root: Path) -> None:
    async with bench(root, declared(start_seconds=1)) as loop:
        loop.says("mute")
        result = await loop.call("loop.get_sum", SUM)
        assert refused(result) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert result.error is not None
        assert "it did not answer in time" in result.error.message
        assert len(loop.pids()) == 1, "who waits for it does not start it again and again"
        await gone(loop.pids()[-1])


async def test_progress_is_shown_as_far_as_anybody_reads_it(root: Path) -> None:
    output = Lines()
    async with bench(root, declared()) as loop:
        given = {"seconds": 0, "steps": MAX_PROGRESS + 20}
        assert (await loop.call("loop.slow", given, output=output)).ok
        assert (await loop.call("loop.slow", {"seconds": 0})).ok
    lines = output.written.decode().splitlines()
    assert len(lines) == MAX_PROGRESS
    assert lines[-1] == f"progress is not shown any further after {MAX_PROGRESS} lines"


async def test_what_is_listed_can_be_called_where_it_cannot_be_kept(root: Path) -> None:
    (root / "records").write_text("no folder")
    async with bench(root, declared()) as loop:
        assert (await loop.call("loop.get_sum", SUM)).ok


async def test_one_that_hangs_is_ended_when_it_is_needed_again(root: Path) -> None:
    """Its process lives on: nothing tells that it hangs but that no answer comes."""
    async with bench(root, declared(), answer_seconds=0.2) as loop:
        await loop.servers.ask_all()
        assert refused(await loop.call("loop.hang", timeout=0.2))[0] is StepErrorCode.TIMEOUT
        hung = await loop.call("loop.get_sum", SUM)
        assert refused(hung) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert hung.error is not None
        assert "it does not answer" in hung.error.message
        assert (await loop.call("loop.get_sum", SUM)).ok
        await gone(loop.pids()[0])


async def test_endless_pages_are_read_no_further(root: Path) -> None:
    async with bench(root, declared()) as loop:
        loop.says("many")
        assert refused(await loop.call("loop.nothing")) == (StepErrorCode.NOT_FOUND, None)
        (kept,) = views(loop.records, {"loop": declared()})
        assert 0 < len(kept.tools) <= 500


async def test_a_program_that_is_not_there_is_a_typed_failure(root: Path) -> None:
    async with bench(root, declared(command=("no-such-program-here",))) as loop:
        failed = await loop.call("loop.get_sum", SUM)
        assert refused(failed) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert failed.error is not None
        assert "there is no program 'no-such-program-here'" in failed.error.message
        spec = loop.executor.spec("loop.get_sum")
        assert spec is not None
        assert spec.effects is Effects.OUTSIDE


async def test_a_secret_that_is_not_there_starts_nothing(root: Path) -> None:
    async with bench(root, declared(env={"KEY": {"$secret": "missing"}})) as loop:
        failed = await loop.call("loop.get_sum", SUM)
        assert failed.error is not None
        assert "secret 'missing' is not known here" in failed.error.message


async def test_a_tool_that_changed_since_it_was_planned_is_not_called(root: Path) -> None:
    async with bench(root, declared()) as loop:
        await loop.servers.ask_all()
        planned = loop.executor.listed("loop.get_sum")
        assert planned is not None
        assert (await loop.call("loop.get_sum", SUM, listed=planned)).ok
        loop.says("changed")
        await loop.call("loop.listing")  # it says that its tools have changed
        await holds(lambda: loop.executor.listed("loop.get_sum") != planned)
        changed = await loop.call("loop.get_sum", SUM, listed=planned)
        assert refused(changed) == (StepErrorCode.CONTRACT_VIOLATION, "tool_changed")
        loop.says("renamed")
        await loop.call("loop.listing")
        await holds(lambda: loop.executor.listed("loop.get_sum") is None)
        await holds(lambda: "loop.total" in {tool.name for tool in loop.servers.views()[0].tools})
        assert refused(await loop.call("loop.get_sum", SUM, listed=planned))[0] is StepErrorCode.NOT_FOUND


async def test_one_that_says_that_it_changed_and_does_not_say_how_is_not_called(root: Path) -> None:
    given = declared(env={"KEY": {"$secret": "key"}})
    async with bench(root, given, secrets={"key": "s3cr3t"}) as loop:
        await loop.servers.ask_all()
        says_no = loop.says("refuses")
        await loop.call("loop.listing")
        refusals = 0
        async with asyncio.timeout(PATIENCE):
            while refusals < 3:  # and however often it is tried
                refusals += not (await loop.call("loop.get_sum", SUM)).ok
        unlisted = await loop.call("loop.get_sum", SUM)
        assert unlisted.error is not None
        assert unlisted.error.message.endswith(f"not now: {STRUCK_OUT}"), "it says so without its secret"
        says_no.unlink()
        assert (await loop.call("loop.get_sum", SUM)).ok
        assert len(loop.pids()) == 1


async def test_one_that_answers_what_nobody_asked_and_asks_back_is_in_nobodys_way(root: Path) -> None:
    async with bench(root, declared()) as loop:
        confused = await loop.call("loop.confused")
        assert confused.ok, confused
        assert confused.data["text"] == "first"
        assert (await loop.call("loop.get_sum", SUM)).ok
        assert len(loop.pids()) == 1


async def test_what_is_shown_before_an_approval_is_the_tool_as_it_is_listed_then(root: Path) -> None:
    async with bench(root, declared()) as loop:
        context = ToolContext("run", "step", 1, "run/step", "default", root / "work")
        first = await loop.executor.preview("loop.get_sum", SUM, context)
        assert first is not None
        assert (first.kind, first.base) == ("call", loop.executor.listed("loop.get_sum"))
        assert first.text.startswith("server: loop (not trusted), loopback 1.0\ntool: Get-Sum\n")
        loop.says("changed")  # and it does not say so
        second = await loop.executor.preview("loop.get_sum", SUM, context)
        assert second is not None
        assert second.base != first.base
        stale = await loop.call("loop.get_sum", SUM, previewed=first)
        assert refused(stale) == (StepErrorCode.CONTRACT_VIOLATION, "tool_changed")
        assert stale.error is not None
        assert stale.error.recoverable is False
        loop.says("renamed")
        third = await loop.executor.preview("loop.get_sum", SUM, context)
        assert third is not None
        assert third.kind == "unavailable"


async def test_a_listing_that_was_given_up_is_asked_for_again_before_the_next_call(root: Path) -> None:
    async with bench(root, declared()) as loop:
        context = ToolContext("run", "step", 1, "run/step", "default", root / "work")
        assert (await loop.call("loop.get_sum", SUM)).ok
        planned = loop.executor.listed("loop.get_sum")
        silent = loop.says("silent")
        looking = asyncio.create_task(loop.executor.preview("loop.get_sum", SUM, context))
        await appears(loop.folder / "unlisted")
        looking.cancel()
        await asyncio.wait((looking,))
        silent.unlink()
        loop.says("changed")
        changed = await loop.call("loop.get_sum", SUM, listed=planned)
        assert refused(changed) == (StepErrorCode.CONTRACT_VIOLATION, "tool_changed")


async def test_servers_that_change_drain_first_and_the_log_tells_how_far_they_are(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "engine.tools.mcp")
    async with bench(root, declared()) as loop:
        calling = asyncio.create_task(loop.call("loop.slow", {"seconds": 1}))
        await appears(loop.folder / "begun")
        loop.servers.apply({"loop": declared(env={"NEW": "1"})}, {})
        assert "NEW=1" in (await loop.call("loop.env")).data["text"]
        assert (await calling).ok, "a call that was under way ends on the server that it began on"
        old, new = loop.pids()
        await gone(old)
        said = [one.getMessage().partition(":")[0] for one in caplog.records]
        assert [words for words in said if "has ended" not in words] == [
            "the MCP server loop can be called",
            "the MCP server loop gets no new calls",
            "the MCP server loop can be called",
        ]
        assert "1 end first" in caplog.text
        loop.servers.apply({}, {})
        assert refused(await loop.call("loop.get_sum", SUM)) == (StepErrorCode.NOT_FOUND, None)
        await gone(new)
    assert caplog.text.count("the MCP server loop has ended, as it was declared before") == 2


async def test_who_waits_for_a_server_that_is_declared_otherwise_meanwhile_is_told(root: Path) -> None:
    async with bench(root, declared()) as loop:
        loop.says("mute")
        calling = asyncio.create_task(loop.call("loop.get_sum", SUM))
        await appears(loop.folder / "pids")
        loop.servers.apply({"loop": declared(env={"NEW": "1"})}, {})
        assert refused(await calling) == (StepErrorCode.BACKEND_ERROR, "server_failed")


async def test_who_waits_for_a_server_is_told_when_all_of_them_end(root: Path) -> None:
    async with bench(root, declared()) as loop:
        loop.says("mute")
        getting_ready = asyncio.create_task(loop.servers.get_ready(["loop.get_sum"]))
        await appears(loop.folder / "pids")
    await getting_ready  # a run that is opened meanwhile would keep its worker from ending
