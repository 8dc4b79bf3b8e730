"""The key that says that a run told what is not so, and its dialog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import show_notice
from screens.frame.current_run import CurrentRunScreen
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult

MOST_COMMENT = 500


@dataclass(frozen=True, slots=True)
class FlagChange:
    """What somebody said of a run: that it is flagged because of this, or no more."""

    comment: str
    on: bool


class FlagDialog(Dialog[FlagChange]):
    """Returns what is not so; of a run that is flagged or doubtful (`known`) why that is taken back; of a
    `doubtful` one either. Enter decides nothing."""

    BINDINGS = bindings("dialog.confirm", "flag.doubtful")

    def __init__(self, known: str | None, *, doubtful: bool = False) -> None:
        super().__init__()
        self._known = known
        self._doubtful = doubtful

    def compose(self) -> ComposeResult:
        """What somebody said already, and a line to say it."""
        new = self._known is None
        asked = "what is not so, or why that is no doubt" if self._doubtful else "why, if you like"
        asked = "what is not so" if new else asked
        with Vertical(classes="dialog"):
            title = "The run told what is not so" if new else f"{self._known}. Take it back?"
            yield Plain(sanitize(title, limit=300), classes="dialog-title")
            yield Plain(classes="dialog-hint")
            yield SafeInput(placeholder=asked, id="comment")
            does = "flag the run" if new else "take it back"
            flags = "   {flag.doubtful} flag the run" if self._doubtful else ""
            yield KeyHint(f"{{dialog.confirm}} {does}{flags}   {{dialog.close}} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one("#comment").focus()

    def action_confirm(self) -> None:
        """Close with what was typed."""
        self._say(on=self._known is None)

    def action_flag_doubtful(self) -> None:
        """The doubt is right: flag the run."""
        if self._doubtful:
            self._say(on=True)

    def _say(self, *, on: bool) -> None:
        comment = self.query_one("#comment", SafeInput).value.strip()
        if on and not comment:
            self.hint("Say what is not so: it stands in the history of the run")
        elif len(comment) > MOST_COMMENT:
            self.hint(f"At most {MOST_COMMENT} characters")
        else:
            self.dismiss(FlagChange(comment, on))


class FlagVerb(CurrentRunScreen):
    """Flag a run that told what is not so, or take that back."""

    BINDINGS = bindings("run.flag")

    def action_flag(self) -> None:
        """Ask what is not so."""
        if self.may_act() and (run_id := self.current_run()):
            self.act(self._ask_for_flag(run_id))

    async def _ask_for_flag(self, run_id: str) -> None:
        run = await self.state.engine.runs.summary(run_id)
        known = f"Flagged: {run.flagged}" if run.flagged else None
        if run.doubtful is not None:
            known = f"Doubtful: {run.doubtful}"

        def said(what: FlagChange | None) -> None:
            if what is not None:
                self.act(self._flag(run_id, what.comment, on=what.on))

        if self.is_current:
            self.app.push_screen(FlagDialog(known, doubtful=run.doubtful is not None), said)

    async def _flag(self, run_id: str, comment: str, *, on: bool) -> None:
        levels, actor = self.state.engine.levels, self.state.actor
        changed = await (levels.flag if on else levels.unflag)(run_id, comment, actor=actor)
        words = "The run is flagged" if on else "The run is flagged no more"
        show_notice(self, words if changed else "Somebody was quicker: nothing to change")
