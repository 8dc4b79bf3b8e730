"""When to cancel a run: after the step it is in, or at once."""

from __future__ import annotations

from engine.contracts.status import CancelMode
from screens.frame.choice_dialog import ChoiceDialog

_CHOICES = {
    CancelMode.BOUNDARY: "Cancel after this step",
    CancelMode.NOW: "Cancel now: stop the step's work at once",
}


class CancelMenu(ChoiceDialog[CancelMode]):
    """Asks how runs are cancelled: a list of three whose first row changes nothing.

    `asks_on`: it is asked once more before they are.
    """

    def __init__(self, formatted_runs: str, *, asks_on: bool = False) -> None:
        super().__init__(
            "Cancel?",
            [formatted_runs],
            column="When",
            nothing="Keep it running",
            choices=_CHOICES,
            asks_on=_CHOICES if asks_on else (),
        )
