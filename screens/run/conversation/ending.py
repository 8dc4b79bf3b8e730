"""Whether to end a conversation: it does not begin again."""

from __future__ import annotations

from enum import Enum

from screens.frame.choice_dialog import ChoiceDialog


class Ending(Enum):
    """What can be done about a conversation."""

    END = "end"


class EndMenu(ChoiceDialog[Ending]):
    """Asks before a conversation is ended: a list whose first row changes nothing."""

    def __init__(self, agent: str) -> None:
        super().__init__(
            "End the conversation?",
            [agent],
            column="What",
            nothing="Go on talking",
            choices={Ending.END: "End it for good: its run goes on without it"},
        )
