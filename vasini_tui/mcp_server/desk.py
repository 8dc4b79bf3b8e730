"""What an agent elsewhere asks, as runs of the pack `outside`. Decides nothing: it asks, waits, withdraws.

Every question is a run of its own, which names the run of its connection. An approval counts only where its
run has completed with the digest of the very call that was sent here.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.actor import acting_as
from engine.contracts.packs.started_for_people import OUTSIDE_PACK
from engine.contracts.runs.request import UserInputRequest
from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus, WaitKind
from engine.errors import InvalidInput, NotFound, VasiniError
from engine.json_schema.forms import check_schema, form_schema
from engine.safe_text import sanitize
from engine.tools.secret_references import names_a_secret
from engine.values import canonical_json, digest_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from engine.contracts.actor import Actor
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine

    Tell = Callable[[str], Awaitable[None]]
    """Takes what a question waits for now, in words."""

PACK = OUTSIDE_PACK
MAX_TITLE, MAX_MESSAGE = 300, 20_000
MAX_CLIENT = 24
"""Characters of a client's name: it stands before what it asks, which lists have to show."""
MAX_CALL = 1_000_000
"""Bytes of what is to be approved."""
MAX_OPEN = 50
"""Questions of one connection that may wait at once."""
_NAMELESS = "an agent"
_UNREADABLE = re.compile(r"[^\w .@+-]+")


@dataclass(frozen=True, slots=True)
class HumanReply:
    """What became of a question: whether a person said yes (or answered), and why not in words."""

    yes: bool
    run_id: str
    words: str = ""
    output: Any = None


@dataclass(slots=True)
class Desk:
    """The questions of one connection."""

    engine: Engine
    account: Actor
    process: str
    actor: Actor = field(init=False)
    """As whom the connected client asks."""
    client: str = ""
    _connection: RunView | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asking: int = 0
    _open: set[str] = field(default_factory=set)
    _withdrawing: set[asyncio.Task[None]] = field(default_factory=set)
    _hung_up: bool = False

    async def connect(self, client: str) -> None:
        """Note who connected, at the first question; later ones are of the same connection."""
        async with self._connecting:
            if self._connection is None:
                self.client = client_name(client)
                self.actor = replace(self.account, name=self._recorded(), via="mcp")
                given = {"client": self.client, "process": self.process}
                self._connection = await self.engine.runs.start(PACK, "connection", given, actor=self.actor)

    async def allowed(
        self, title: str, message: str, tool: str, given: Mapping[str, Any], *, high: bool, tell: Tell
    ) -> HumanReply:
        """Whether exactly this call may be made. Raises InvalidInput, and what `Runs.start` raises."""
        try:
            size = len(canonical_json(given))
        except ValueError as error:
            raise InvalidInput(f"the call cannot be written down: {error}") from error
        if size > MAX_CALL:
            raise InvalidInput(f"the call is larger than {MAX_CALL:,} bytes, more than a person can read")
        if names_a_secret(given):
            raise InvalidInput("the call names a secret of the people here ($secret), which no agent may do")
        digest = digest_of({"tool": tool, "input": given})
        call = {"tool": one_line(tool, 200), "input": given, "digest": digest, "high": high}
        return exactly(await self._ask("approval", title, {"message": told(message), **call}, tell), digest)

    async def answered(self, title: str, message: str, schema: Mapping[str, Any], tell: Tell) -> HumanReply:
        """What a person answers to a form. Raises InvalidInput for a schema that no form has, and what
        `Runs.start` raises.
        """
        await asyncio.to_thread(_require_form, schema)
        return await self._ask("question", title, {"message": told(message), "schema": schema}, tell)

    async def reported(self, title: str, text: str) -> str:
        """Keep what the agent tells; the id of its run. Raises what `Runs.start` raises."""
        return (await self._start("report", title, {"text": text})).run_id

    async def started(self, flow: str, given: Mapping[str, Any], approved: HumanReply) -> RunView:
        """Start a run that a person has allowed. Raises what `Runs.start` raises."""
        pack, _, name = flow.partition("/")
        return await self.engine.runs.start(
            pack, name, given, actor=self.actor, idempotency_key=f"outside {approved.run_id}"
        )

    async def own_run(self, run_id: str) -> RunView:
        """A run that this agent asked for, in this connection or an earlier one. Raises NotFound."""
        view = await self.engine.runs.summary(run_id)
        if view.requested_by != self.actor.name:
            raise NotFound(f"there is no run {run_id} of yours", {"run_id": run_id})
        return view

    def hang_up(self) -> None:
        """The client says no more: nobody is asked any more, and what people were asked is withdrawn."""
        self._hung_up = True
        for run_id in tuple(self._open):
            self._withdraw(run_id)

    async def close(self) -> None:
        """Withdraw what is still open; return when all that is withdrawn is written."""
        self.hang_up()
        while self._withdrawing:
            await asyncio.wait(self._withdrawing)

    def _recorded(self) -> str:
        return acting_as(self.account.account or self.account.name, self.client)

    async def _ask(self, flow: str, title: str, given: Mapping[str, Any], tell: Tell) -> HumanReply:
        if self._asking >= MAX_OPEN:
            raise InvalidInput(f"{MAX_OPEN} questions of this connection wait already; wait for an answer")
        if self._hung_up:
            raise InvalidInput("the client has closed its end: nobody is asked")
        self._asking += 1  # before anything is awaited: many may come at once
        starting = asyncio.create_task(self._begin(flow, title, given))
        said: HumanReply | None = None
        try:
            said = await self._outcome(await asyncio.shield(starting), tell)
        finally:
            self._asking -= 1
            if said is None:  # the client takes its question back, or is gone, or the storage fails
                self._after(self._given_up(starting))
            else:
                self._open.discard(said.run_id)
        return said

    async def _begin(self, flow: str, title: str, given: Mapping[str, Any]) -> str:
        run = await self._start(flow, title, given)
        self._open.add(run.run_id)
        if self._hung_up:
            self._withdraw(run.run_id)
        return run.run_id

    async def _start(self, flow: str, title: str, given: Mapping[str, Any]) -> RunView:
        assert self._connection is not None, "whoever asks has connected"
        payload = {
            "client": self.client,
            "process": self.process,
            "connection": self._connection.run_id,
            "title": one_line(title, MAX_TITLE),
            **given,
        }
        trace = self._connection.trace_id
        parent = f"00-{trace}-{trace[:16]}-01" if trace else None
        return await self.engine.runs.start(PACK, flow, payload, actor=self.actor, traceparent=parent)

    async def _outcome(self, run_id: str, tell: Tell) -> HumanReply:
        """What became of the question once its run is over."""
        last = ""
        async with self.engine.feed.subscribe(run_id=run_id) as news:
            view = await self.engine.runs.summary(run_id)
            while view.status not in RUN_TERMINAL:
                waits = _waits_for(view)
                if waits != last:
                    last = waits
                    await tell(waits)
                await anext(news)
                view = await self.engine.runs.summary(run_id)
        if view.status is RunStatus.COMPLETED:
            return HumanReply(yes=True, run_id=run_id, output=view.output)
        if view.status is RunStatus.CANCELLED:
            return HumanReply(yes=False, run_id=run_id, words="the question was withdrawn")
        words = view.error.message if view.error is not None else f"the question ended {view.status}"
        return HumanReply(yes=False, run_id=run_id, words=words)

    def _after(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._withdrawing.add(task)
        task.add_done_callback(self._withdrawing.discard)

    async def _given_up(self, starting: asyncio.Task[str]) -> None:
        """A question that nobody waits for any more, also one that was just being asked."""
        try:
            run_id = await starting
        except VasiniError:
            return
        await self._cancel(run_id)

    def _withdraw(self, run_id: str) -> None:
        self._after(self._cancel(run_id))

    async def _cancel(self, run_id: str) -> None:
        self._open.discard(run_id)
        try:
            await self.engine.runs.cancel(run_id, actor=self.actor, mode=CancelMode.NOW)
        except VasiniError:  # decided in this very moment; or the storage fails, and workers withdraw it
            return


def exactly(said: HumanReply, digest: str) -> HumanReply:
    """A yes counts only for the call of that digest."""
    if said.yes and (not isinstance(said.output, dict) or said.output.get("digest") != digest):
        return replace(said, yes=False, words="what was approved is not what was asked")
    return said


def _require_form(schema: Mapping[str, Any]) -> None:
    """What the step would refuse is refused before a run is started, so that none fails for it."""
    try:
        request = UserInputRequest.model_validate({"form_id": "question", "prompt": "?", "schema": schema})
    except ValidationError as error:
        raise InvalidInput(f"the schema is of no form: {error.errors()[0]['msg']}") from None
    problems = check_schema(form_schema(request))
    if problems:
        raise InvalidInput(f"the schema is of no form: {problems[0]}")


def client_name(given: str) -> str:
    """The name that a client gave itself, as far as people can read it."""
    return " ".join(_UNREADABLE.sub(" ", sanitize(given, limit=60)).split())[:MAX_CLIENT].strip() or _NAMELESS


def one_line(text: str, limit: int) -> str:
    """A text from outside for lists and titles; never empty."""
    return sanitize(" ".join(text.split()), limit=limit) or "(no title)"


def told(text: str) -> str:
    """A message from outside as people may read it."""
    return sanitize(text, multiline=True, limit=MAX_MESSAGE)


def _waits_for(view: RunView) -> str:
    waiting = view.waiting_for
    if waiting is not None and waiting.kind in {WaitKind.APPROVAL, WaitKind.FORM}:
        return f"waits for a person ({view.run_id})"
    if waiting is not None and waiting.kind is not WaitKind.WORKER:  # it is paused, say
        return f"is {view.status}, waits for {waiting.text} ({view.run_id})"
    return f"is {view.status}: a console or `vasini worker` has to be open ({view.run_id})"
