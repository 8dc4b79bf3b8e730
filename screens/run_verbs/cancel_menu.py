"""When to cancel a run: after the step it is in, or at once."""

from __future__ import annotations

from engine.contracts.status import CancelMode
from screens.frame.choice_dialog import ChoiceDialog

_CHOICES = {
    CancelMode.BOUNDARY: "Cancel after this step",
    CancelMode.NOW: "Cancel now: stop the step's work at once",
}


class CancelMenu(ChoiceDialog[CancelMode]):
    """Asks how a run is cancelled: a list of three whose first row changes nothing."""

    def __init__(self, formatted_run: str) -> None:
        super().__init__(
            "Cancel?", [formatted_run], column="When", nothing="Keep it running", choices=_CHOICES
        )
