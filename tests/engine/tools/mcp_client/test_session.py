"""What is asked of a session and what is made of it: as far as anybody needs it, and no further."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure
from engine.tools.mcp.listing import MAX_TOOLS
from engine.tools.mcp.session import MAX_PAGES, MAX_PROGRESS, answers, ask_tools, call_tool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mcp.client.session import ClientSession

    Tell = Callable[[float, float | None, str | None], Awaitable[None]]


class FakeLines:
    """What a call writes, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def hide(self, strike: Callable[[str], str]) -> None: ...

    def write(self, stream: str, data: bytes) -> None:
        self.lines.append(data.decode())


class FakeSession:
    """Answers every request with the next of these; before the answer to a call it tells `progress`."""

    def __init__(
        self, *results: Any, progress: Sequence[tuple[float, float | None, str | None]] = ()
    ) -> None:
        self._results, self._progress = list(results), progress
        self.asked: list[Any] = []
        self.was_told = False

    async def send_request(self, request: Any, _: Any, progress_callback: Tell | None = None) -> Any:
        self.asked.append(request)
        if progress_callback is not None:
            self.was_told = True
            for told in self._progress:
                await progress_callback(*told)
        return self._next()

    async def send_ping(self) -> None:
        self._next()

    def _next(self) -> Any:
        result = self._results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


def as_session(fake: FakeSession) -> ClientSession:
    return cast("ClientSession", fake)


def page(count: int, cursor: str | None) -> Any:
    one: dict[str, Any] = {
        "name": "t",
        "description": None,
        "title": "T",
        "input_schema": {},
        "annotations": None,
    }
    return SimpleNamespace(tools=[SimpleNamespace(**one)] * count, next_cursor=cursor)


def brought(**fields: Any) -> Any:
    return SimpleNamespace(**{"content": [], "structured_content": None, "is_error": None, **fields})


async def test_a_listing_is_read_to_its_end_page_by_page() -> None:
    session = FakeSession(page(2, "second"), page(1, "third"), page(0, None), page(9, None))
    found = await ask_tools(as_session(session))
    assert [tool.description for tool in found] == ["T"] * 3, "the title stands in for what it does not say"
    cursors = [request.params.cursor if request.params is not None else None for request in session.asked]
    assert cursors == [None, "second", "third"]


@pytest.mark.parametrize(("count", "pages"), [(0, MAX_PAGES), (MAX_TOOLS, 2), (MAX_TOOLS + 1, 1)])
async def test_a_listing_without_end_is_read_as_far_as_it_can_be_used(count: int, pages: int) -> None:
    session = FakeSession(*[page(count, "more")] * (MAX_PAGES + 1))
    found = await ask_tools(as_session(session))
    assert len(session.asked) == pages
    assert len(found) == min(MAX_TOOLS + 1, count * pages)


async def test_a_page_that_does_not_come_is_a_failure() -> None:
    with pytest.raises(ToolFailure, match="its list of tools did not come: OSError: gone") as raised:
        await ask_tools(as_session(FakeSession(page(1, "more"), OSError("gone"))))
    assert raised.value.code is StepErrorCode.BACKEND_ERROR


async def test_progress_is_one_harmless_short_line_each() -> None:
    told = [(1, 4, "\x1b[2J" + "x" * 9_000), (0.5, None, None), (2e9, None, "so far")]
    lines = FakeLines()
    session = FakeSession(brought(), progress=told)
    assert await call_tool(as_session(session), "t", {}, lines) == ([], None, False)
    assert lines.lines[0].startswith("progress 1/4 ␛[2Jxxx")
    assert len(lines.lines[0]) < 600
    assert lines.lines[1:] == ["progress 0.5\n", "progress 2e+09 so far\n"]


async def test_progress_without_end_is_shown_no_further_and_where_nobody_reads_it_none_is_wanted() -> None:
    lines = FakeLines()
    endless = FakeSession(brought(is_error=True), progress=[(1, None, None)] * (MAX_PROGRESS + 5))
    assert (await call_tool(as_session(endless), "t", {}, lines))[2], "the tool says that it failed"
    assert len(lines.lines) == MAX_PROGRESS
    assert lines.lines[-1] == f"progress is not shown any further after {MAX_PROGRESS} lines\n"
    unread = FakeSession(brought(), progress=[(1, None, None)])
    await call_tool(as_session(unread), "t", {}, None)
    assert not unread.was_told


async def test_a_server_lives_that_answers_anything_at_all() -> None:
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - slow to import

    await answers(as_session(FakeSession(None)))
    await answers(as_session(FakeSession(MCPError(-32_601, "no such method"))))
    with pytest.raises(TimeoutError):
        await answers(as_session(FakeSession(TimeoutError())))
