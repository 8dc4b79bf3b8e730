"""The process of an agent, spoken with: what it writes reaches the session, and how it ends does, too."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from engine.acp.failure import AgentFailure, AgentReason
from engine.acp.session import AgentSession
from engine.tools.failure import ToolFailure
from engine.tools.process.command_runner import last_lines
from engine.tools.process.held_program import held_program
from engine.tools.process.limit_words import met_limit

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable

    from engine.acp.session import Question
    from engine.runtime.worker.steps.outside.launching import Launch
    from engine.tools.context import OutputSink
    from engine.tools.process.process_group import Outcome


@asynccontextmanager
async def held_agent(
    launch: Launch,
    schema: Any,
    first: int,
    asked: Callable[[Question], None],
    waits: Callable[[bool], None],
    output: OutputSink,
) -> AsyncIterator[AgentSession]:
    """A session with the program, which is gone with all that it started when the context is left."""

    def heard(stream: Literal["out", "err"], data: bytes) -> None:
        if stream == "out":
            session.peer.feed(data)
        else:
            output.write("err", data)

    def shown(lines: str) -> None:
        output.write("out", lines.encode("utf-8", "replace"))

    async with held_program(launch.argv, launch.cwd, launch.environment, launch.limits, heard) as program:
        session = AgentSession(program, schema, first, asked, shown, waits)
        program.ended.add_done_callback(lambda ended: session.peer.fail(_ending(ended, launch)))
        try:
            yield session
        finally:
            shown("\n")


def _ending(ended: asyncio.Task[Outcome], launch: Launch) -> AgentFailure:
    if ended.cancelled():
        return AgentFailure(AgentReason.ENDED, "the agent was ended")
    error = ended.exception()
    if error is not None:
        words = error.message if isinstance(error, ToolFailure) else type(error).__name__
        return AgentFailure(AgentReason.CANNOT_START, f"the agent cannot start: {words}")
    outcome = ended.result()
    words = launch.redaction.text(last_lines(outcome.ends[1])).strip()
    limit = met_limit(outcome.returncode, outcome.ended_by, words, launch.limits)
    how = f"exit status {outcome.returncode}" if outcome.returncode >= 0 else f"signal {-outcome.returncode}"
    why = f"; {limit}" if limit else ""
    return AgentFailure(
        AgentReason.ENDED,
        f"the agent ended before it had answered ({how}{why})",
        exit_status=outcome.returncode,
        stderr=words,
    )
