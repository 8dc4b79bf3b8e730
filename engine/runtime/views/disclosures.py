"""Personal data that an approver was shown: recorded in the journal before it is shown, or not shown."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from engine.errors import Unavailable
from engine.machine.events.request_facts import PersonalDataShown

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock

MOST_KNOWN = 10_000
_AUDIT = logging.getLogger("vasini.audit")


class Disclosures:
    """Who was shown what by this process: a card that is drawn again is recorded once."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    async def record(self, approval_id: str, viewer: Actor) -> bool:
        """Whether it stands in the journal that the viewer sees the approval in clear."""
        key = (approval_id, viewer.name, viewer.via)
        if key in self._known:
            return True
        try:
            fact = PersonalDataShown(approval_id)
            noted = await self._journal.note(approval_id, fact, viewer.name, viewer.via, self._clock.now())
        except Unavailable as error:
            _AUDIT.warning("%s is shown masked, as nothing can be recorded: %s", approval_id, error.message)
            return False
        if noted:
            _AUDIT.info("personal data shown: %s to %s by %s", approval_id, viewer.name, viewer.via)
            self._known[key] = None
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return noted
