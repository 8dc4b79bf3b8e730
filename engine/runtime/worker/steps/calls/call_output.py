"""What a call writes while it runs: whole lines, masked, put into the run's file a moment later."""

from __future__ import annotations

import codecs
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from engine.errors import VasiniError
from engine.journal.encoding import encode
from engine.threads import finish

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from engine.journal.rows import RunRow
    from engine.machine.model.state import Execution
    from engine.runtime.clock import Clock
    from engine.runtime.files.line_writer import LineWriter
    from engine.runtime.files.live_output import LiveOutput, LiveOutputOfRun
    from engine.runtime.value_store import ValueStore

LONGEST_LINE = 16_384
"""Characters of a line; what is longer is cut before a place where a secret could stand half."""
_KEY_SIGN = "PRIVATE KEY-----"
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
LONGEST_SHOWN = 4_096
"""Characters of a line that is still coming: what is longer shows when it is whole."""
_IN_NUMBERS = "().+-"
_DECODER = codecs.getincrementaldecoder("utf-8")
logger = logging.getLogger(__name__)
Stream = Literal["out", "err"]


@dataclass(slots=True)
class _OpenLine:
    """The line of a stream that has not ended: in a key, or the end of one that was too long."""

    rest: str = ""
    in_key: bool = False
    in_long: bool = False
    decoder: codecs.IncrementalDecoder = field(default_factory=partial(_DECODER, "replace"))

    def drops(self, line: str) -> bool:
        """Whether the line, which is whole, is left out: the end of one that was too long, and what follows
        the first line of a key, which goes as a whole, whatever line it ends in.
        """
        if self.in_long:
            self.in_long = False
            return True
        if self.in_key:
            self.in_key = _KEY_ENDS.search(line) is None
            return True
        begins = list(_KEY_BEGINS.finditer(line)) if _KEY_SIGN in line else ()
        self.in_key = bool(begins and _KEY_ENDS.search(line, begins[-1].end()) is None)
        return False


class CallOutput:
    """One call's output. Implements `engine.tools.context.OutputSink`; `limit` is in bytes."""

    def __init__(
        self,
        keep: Callable[[bytes], asyncio.Future[bool]],
        facts: dict[str, Any],
        values: ValueStore,
        clock: Clock,
        limit: int,
        live_output: LiveOutputOfRun,
    ) -> None:
        self._live_output = live_output
        self._keep = keep
        self._facts = facts
        self._values = values
        self._clock = clock
        self._left = limit
        self._strike: Callable[[str], str] = str
        self._has_secrets = False
        self._open: dict[Stream, _OpenLine] = {}  # of what was written to: most calls write nothing
        self._storing: asyncio.Future[bool] | None = None

    def coming(self) -> Iterator[dict[str, Any]]:
        """Lines that have not ended, masked.

        The last word is left out: it may be half of a secret. Those of a call that was given secrets may have
        spaces, so that nothing of its line shows.
        """
        for stream, line in self._open.items():
            if self._has_secrets or len(line.rest) > LONGEST_SHOWN or line.in_key or line.in_long:
                continue
            if whole := _without_open_end(line.rest):
                (text,) = self._masked([whole])
                yield {"ts": self._clock.now(), **self._facts, "stream": stream, "text": text}

    def hide(self, strike: Callable[[str], str]) -> None:
        """Secrets of this call, which no pattern would find."""
        self._strike = strike
        self._has_secrets = True

    def write(self, stream: Stream, data: bytes) -> None:
        """What arrived from the call."""
        if self._left <= 0:
            return
        cut, self._left = data[: self._left], self._left - len(data)
        if stream not in self._open:
            self._open[stream] = _OpenLine()
        at = self._open[stream]
        *lines, at.rest = (at.rest + at.decoder.decode(cut)).split("\n")
        if lines:
            self._take(stream, at, lines)
        if len(at.rest) > LONGEST_LINE:
            self._take(stream, at, [at.rest])
            at.rest = ""
            at.in_long = True  # the rest of this line could begin with half a secret
        if self._left <= 0:
            at.rest = ""  # half a line could hold half a secret
            self._put(stream, ["… more was written than tools.max_output_bytes keeps"])

    def _take(self, stream: Stream, at: _OpenLine, lines: list[str]) -> None:
        """Lines that are whole, all that came together: each by itself holds the loop up."""
        if kept := [line.rstrip("\r") for line in lines if not at.drops(line)]:
            self._put(stream, self._masked(kept))

    def _masked(self, lines: list[str]) -> list[str]:
        struck = [self._strike(line) for line in lines]
        if all(len(line) <= LONGEST_LINE for line in struck):
            return self._values.redact_lines(struck)
        return [
            f"{self._values.redact_beginning(line[:LONGEST_LINE])}…"
            if len(line) > LONGEST_LINE
            else str(self._values.redact(line))
            for line in struck
        ]

    def _put(self, stream: Stream, texts: list[str]) -> None:
        facts = encode({"ts": self._clock.now(), **self._facts, "stream": stream}).removesuffix("}")
        lines = (f'{facts},"text":{encode(text)}}}\n' for text in texts)
        storing = self._keep("".join(lines).encode())
        if storing is not self._storing:  # else it goes with the lines before it
            self._storing = storing
            storing.add_done_callback(self._stored)

    def _stored(self, kept: asyncio.Future[bool]) -> None:
        """The call goes on whatever becomes of its lines."""
        if kept.cancelled():
            return
        error = kept.exception()
        if error is not None or not kept.result():
            self._left = 0
        if isinstance(error, VasiniError):
            logger.warning("output of %s is not kept: %s", self._facts["step_id"], error.message)

    async def __aenter__(self) -> Self:
        self._live_output.begin(self)
        return self

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._live_output.end(self)
        for stream, line in self._open.items():
            if line.rest:
                self._take(stream, line, [line.rest])
        if failed is not None and self._storing is not None:  # what is last in the file is why
            with suppress(VasiniError):
                await finish(self._storing)


def _without_open_end(line: str) -> str:
    """The line without what more text could make a secret, a number of a card or a phone of.

    By hand: a pattern for it takes minutes for a line of dashes.
    """
    end = len(line)
    while end and not line[end - 1].isspace():
        end -= 1
    while end and ((sign := line[end - 1]).isspace() or sign.isdigit() or sign in _IN_NUMBERS):
        end -= 1
    return line[:end]


def kept_output(
    writer: LineWriter,
    values: ValueStore,
    clock: Clock,
    limit: int,
    live_output: LiveOutput,
    row: RunRow,
    execution: Execution,
) -> CallOutput:
    """For what the call of an execution writes: a context whose lines are on their way into the run's file
    when it is left, and there when it is left by an error."""
    keep = partial(writer.keep, row["pack"], row["run_id"])
    facts = {"step_id": execution.path, "attempt": execution.attempt}
    return CallOutput(keep, facts, values, clock, limit, live_output.of(row["run_id"]))
