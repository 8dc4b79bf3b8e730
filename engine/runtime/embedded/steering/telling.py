"""What a person says in a run's next question to a model alone, checked before it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import ModelStep
from engine.errors import InvalidInput
from engine.journal.rules.verb_rules import require_room
from engine.machine.model.inputs import Tell
from engine.runtime.worker.sessions.restoring import state_of_run
from engine.safe_text import is_unicode
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.actor import Actor
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.runtime.pack_library.library import PackLibrary

MOST_CHARACTERS = 2_000

MOST_LEVELS = 50
"""Of what tools are given: a call, and what it brings, hold it nested deeper."""


class Telling:
    """Makes the verb."""

    def __init__(self, journal: Journal, packs: PackLibrary, redactor: Redactor) -> None:
        self._journal = journal
        self._packs = packs
        self._redactor = redactor

    async def verb(
        self, now: int, actor: Actor, row: RunRow, text: str, data: Mapping[str, Any] | None
    ) -> Tell:
        """The verb: what is said and given is masked, as it is kept and told.

        Raises InvalidInput, PackInvalid.
        """
        said = text.strip()
        if not is_unicode(said):
            raise InvalidInput("what is said holds half a character, which is no text")
        given = _given(data)
        if given:
            self._redactor.storable(given, levels=MOST_LEVELS)
        if len(said) > MOST_CHARACTERS or not (said or given):
            raise InvalidInput(f"say something, in at most {MOST_CHARACTERS:,} characters")
        flow = await self._packs.flow(row["pack"], row["pack_digest"], row["flow"])
        if not any(
            isinstance(step, ModelStep) for step in flow.graph.every_step
        ):  # programs are told nothing
            words = f"{row['pack']}/{row['flow']} asks no model: nobody would be told"
            raise InvalidInput(words, {"run_id": row["run_id"]})
        require_room(len((await state_of_run(self._journal, row)).told or ()))
        kept = self._redactor.redact(given) if given else None
        return Tell(now=now, actor=actor.name, via=actor.via, text=self._redactor.redact(said), data=kept)


def _given(data: Mapping[str, Any] | None) -> dict[str, Any]:
    """What tools are given. Raises InvalidInput."""
    if not data:
        return {}
    try:
        size = len(canonical_json(dict(data)))
    except (TypeError, ValueError):
        raise InvalidInput("what tools are given is a JSON object") from None
    if size > MOST_CHARACTERS:
        raise InvalidInput(f"what tools are given has {size:,} bytes as JSON, more than {MOST_CHARACTERS:,}")
    return dict(data)
