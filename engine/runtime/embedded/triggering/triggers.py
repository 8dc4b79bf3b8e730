"""Starting runs by triggers: each start once over all processes on the journal.

What a trigger has seen is noted in the journal, version by version. A start has an idempotency key made of
the trigger and its moment (or file), and is noted after it: whoever dies in between, or is at it at the same
time, starts nothing twice and leaves nothing out.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.actor import Actor
from engine.contracts.flows.trigger import CronTrigger, WatchTrigger
from engine.contracts.status import RUN_TERMINAL
from engine.errors import Unavailable, VasiniError
from engine.governance.access import DEFAULT_TENANT
from engine.runtime.embedded.starting.run_starter import StartRequest
from engine.runtime.embedded.triggering.files import MAX_FILES, files_of
from engine.runtime.embedded.triggering.sources import TriggerSource, trigger_sources
from engine.runtime.embedded.triggering.switch import COUNTS_FROM, OFF, without
from engine.runtime.rounds import NEXT_ROUND
from engine.runtime.shared_notes import read_notes
from engine.safe_text import is_unicode
from engine.templates import render_value
from engine.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.starting.run_starter import RunStarter
    from engine.runtime.pack_library.library import PackLibrary

logger = logging.getLogger(__name__)

LATE = 60_000_000
"""Microseconds after its moment from which a start is late: nobody worked then."""

Seen = dict[str, Any]


class Triggers:
    """Looks at all triggers while runs are worked in this process: when something changed, at the next moment
    of a calendar, and in every round while there is one for files."""

    def __init__(
        self, journal: Journal, clock: Clock, packs: PackLibrary, starter: Callable[[], RunStarter]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._packs = packs
        self._starter = starter
        self._stamps: dict[str, dict[str, tuple[int, int]]] = {}

    async def look(self) -> float | None:
        """Make every start that is due. The seconds until there can be one more; None: never.

        Raises Unavailable when one could not be written, after all others were made: the next look makes it.
        """
        waits: list[float | None] = []
        unavailable: Unavailable | None = None
        for source in await trigger_sources(self._packs):
            try:
                waits.append(await self._look_at(source))
            except Unavailable as error:
                unavailable = error
        if unavailable is not None:
            raise unavailable
        return min((wait for wait in waits if wait is not None), default=None)

    async def _look_at(self, source: TriggerSource) -> float | None:
        version, seen = await read_notes(self._journal.shared_notes, source.name)
        if not source.trigger.enabled or OFF in seen:
            if COUNTS_FROM in seen:  # once it is on again it counts from then
                await self._note(source.name, without(seen, COUNTS_FROM), version)
        elif source.off is not None:
            return None
        elif isinstance(source.trigger, CronTrigger):
            await self._look_at_calendar(source, source.trigger, version, seen)
            now = self._clock.now()
            following = next(source.trigger.moments(now), None)
            return None if following is None else (following - now) / 1_000_000
        else:
            await self._look_at_files(source, source.trigger, version, seen)
            return NEXT_ROUND  # that a file came nobody tells
        return None

    async def _look_at_calendar(
        self, source: TriggerSource, trigger: CronTrigger, version: int, seen: Seen
    ) -> None:
        now = self._clock.now()
        definition = digest_of([trigger.schedule, trigger.time_zone])
        if seen.get(COUNTS_FROM) != definition:  # it counts from now on
            await self._note(source.name, {**seen, COUNTS_FROM: definition, "moment": now}, version)
            return
        if seen["moment"] > now:  # the clock was set back: whatever was started already has its key
            await self._note(source.name, {**seen, "moment": now}, version)
            return
        due = trigger.last(now)
        if due is None or due <= seen["moment"]:
            return
        missed = now - due > LATE and trigger.misfire == "skip"
        if not missed and not await self._held_up(source, seen):
            at = trigger.local(due)
            given = {"time": at.isoformat(), "date": at.date().isoformat()}
            seen = {**seen, "run": await self._start(source, f"{source.name}@{due}", given)}
        await self._note(source.name, {**seen, "moment": due}, version)

    async def _look_at_files(
        self, source: TriggerSource, trigger: WatchTrigger, version: int, seen: Seen
    ) -> None:
        found, hidden = await asyncio.to_thread(files_of, trigger.path, tuple(seen.get("files", ())))
        before, self._stamps[source.name] = self._stamps.get(source.name, {}), found
        if seen.get(COUNTS_FROM) != trigger.path:  # files that are there already have not appeared
            files = dict.fromkeys(found, 0)
            first = {"next": 1, **seen, COUNTS_FROM: trigger.path, "files": files}
            await self._note(source.name, first, version)
            return
        files = {path: number for path, number in seen["files"].items() if path in found or path in hidden}
        new = [path for path in found if path not in files][: max(MAX_FILES - len(files), 0)]
        if new or len(files) != len(seen["files"]):
            numbers = dict(zip(new, range(seen["next"], seen["next"] + len(new)), strict=True))
            seen = {**seen, "next": seen["next"] + len(new), "files": {**files, **numbers}}
            if not await self._note(source.name, seen, version):
                return
            version += 1
        for path, number in seen["files"].items():
            # its writer may still be at it: two looks have to agree
            if not number or path not in found or before.get(path) != found[path]:
                continue
            if await self._held_up(source, seen):
                return
            run_id = await self._start_for(source, path, number)
            seen = {**seen, "run": run_id, "files": {**seen["files"], path: 0}}
            if not await self._note(source.name, seen, version):
                return
            version += 1

    async def _start_for(self, source: TriggerSource, path: str, number: int) -> str | None:
        """The run for a file. No run can be told of a name that is no text."""
        if not is_unicode(path):
            logger.warning("the trigger %s starts nothing for %r: its name is no UTF-8", source.name, path)
            return None
        given = {"path": path, "name": Path(path).name}
        return await self._start(source, f"{source.name}@{path}#{number}", given)

    async def _held_up(self, source: TriggerSource, seen: Seen) -> bool:
        """Whether the run before is not over, and has to be."""
        run_id = seen.get("run")
        if source.trigger.overlap == "start" or run_id is None:
            return False
        row = await self._journal.run_row(run_id)
        return row is not None and row["status"] not in RUN_TERMINAL

    async def _start(self, source: TriggerSource, key: str, given: dict[str, str]) -> str | None:
        """The run that the key stands for, or the record of its refusal.

        Raises Unavailable: nothing was written.
        """
        trigger = source.trigger
        context = {"trigger": {"id": trigger.id, "type": trigger.type, **given}}
        try:
            request = StartRequest(
                source.pack.pack_id,
                source.flow,
                render_value(trigger.payload, context),
                Actor(name=f"trigger {trigger.id}", via="trigger"),
                DEFAULT_TENANT,
                f"trigger {key}",
                None,
                refused_once=True,
            )
            run_id, _ = await self._starter().start(request)
        except Unavailable:
            raise
        except VasiniError as error:
            logger.warning("the trigger %s could not start its run: %s", source.name, error.message)
            found = error.details.get("run_id")
            return found if isinstance(found, str) else None
        return run_id

    async def _note(self, name: str, seen: Seen, before: int) -> bool:
        return await self._journal.shared_notes.note(name, json.dumps(seen), before)
