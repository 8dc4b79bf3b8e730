"""The triggers of all packs in force, and why one is off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.flows.trigger import CronTrigger, TriggerList, TriggerStart, TriggerState
from engine.errors import VasiniError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.flows.trigger import WatchTrigger
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.pack_library.library import PackLibrary


@dataclass(frozen=True, slots=True)
class TriggerSource:
    """A trigger with the flow it starts; `off` says why it starts nothing."""

    pack: LoadedPack
    flow: str
    trigger: CronTrigger | WatchTrigger
    off: str | None

    @property
    def name(self) -> str:
        """What it is known by in the journal."""
        return f"{self.pack.pack_id}/{self.flow}/{self.trigger.id}"

    @property
    def on(self) -> str:
        """When it starts, in words."""
        if isinstance(self.trigger, CronTrigger):
            return f"{self.trigger.schedule} {self.trigger.time_zone}"
        return self.trigger.path


async def trigger_sources(packs: PackLibrary) -> list[TriggerSource]:
    """Every trigger, in the order of packs and flows."""
    found: list[TriggerSource] = []
    for entry in (await packs.catalog()).used():
        pack = entry.pack
        declaring = {flow_id: flow for flow_id, flow in pack.flows.items() if flow.triggers}
        if not declaring:
            continue
        trusted = await packs.trusts(pack)
        for flow_id, flow in sorted(declaring.items()):
            off = _broken(pack, flow_id) if trusted else "its pack's code is not trusted"
            for trigger in flow.triggers:
                reason = off or (None if trigger.enabled else "its flow says `enabled: false`")
                found.append(TriggerSource(pack, flow_id, trigger, reason))
    return found


def _broken(pack: LoadedPack, flow_id: str) -> str | None:
    try:
        pack.startable(flow_id)
    except VasiniError as error:
        return error.message
    return None


def trigger_list(sources: Sequence[TriggerSource], now: int, limit: int) -> TriggerList:
    """Every trigger, and the starts that come next, `limit` at most."""
    starts = sorted(
        (start for source in sources for start in _starts(source, now, limit)), key=lambda s: s.at
    )
    return TriggerList(starts=tuple(starts[:limit]), triggers=tuple(map(trigger_state, sources)))


def trigger_state(source: TriggerSource) -> TriggerState:
    """The trigger as readers see it."""
    return TriggerState(
        pack=source.pack.pack_id,
        flow=source.flow,
        trigger=source.trigger.id,
        type=source.trigger.type,
        on=source.on,
        off=source.off,
    )


def _starts(source: TriggerSource, now: int, limit: int) -> Iterator[TriggerStart]:
    trigger = source.trigger
    if source.off is not None or not isinstance(trigger, CronTrigger):
        return
    for moment, _ in zip(trigger.moments(now), range(limit), strict=False):
        yield TriggerStart(
            at=trigger.local(moment),
            pack=source.pack.pack_id,
            flow=source.flow,
            trigger=trigger.id,
            schedule=source.on,
        )
