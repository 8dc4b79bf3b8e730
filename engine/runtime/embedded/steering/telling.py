"""What a person says in a run's next question to a model alone, checked before it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.journal.rules.verb_rules import require_room
from engine.machine.model.inputs import Tell
from engine.runtime.worker.sessions.restoring import state_of_run
from engine.safe_text import is_unicode

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.runtime.pack_library.library import PackLibrary

MOST_CHARACTERS = 2_000


class Telling:
    """Makes the verb."""

    def __init__(self, journal: Journal, packs: PackLibrary, redactor: Redactor) -> None:
        self._journal = journal
        self._packs = packs
        self._redactor = redactor

    async def verb(self, now: int, actor: Actor, row: RunRow, text: str) -> Tell:
        """The verb: what is said is masked, as it is kept and told. Raises InvalidInput, PackInvalid."""
        said = text.strip()
        if not is_unicode(said):
            raise InvalidInput("what is said holds half a character, which is no text")
        if not 0 < len(said) <= MOST_CHARACTERS:
            raise InvalidInput(f"say something, in at most {MOST_CHARACTERS:,} characters")
        flow = await self._packs.flow(row["pack"], row["pack_digest"], row["flow"])
        if not any(step.asks_model for step in flow.graph.every_step):
            words = f"{row['pack']}/{row['flow']} asks no model: nobody would be told"
            raise InvalidInput(words, {"run_id": row["run_id"]})
        require_room(len((await state_of_run(self._journal, row)).told or ()))
        return Tell(now=now, actor=actor.name, via=actor.via, text=self._redactor.redact(said))
