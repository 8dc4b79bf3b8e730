"""What models cost in the days that are looked at, and how that stands to the caps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.budget import CapScope, CapState, CapWindow
from engine.contracts.governing.money import short_dollars
from engine.safe_text import sanitize
from screens.widgets.ages import zoned
from screens.widgets.plain import NEW_LINE, Part, Plain
from screens.widgets.status_labels import STYLES, StatusLabel, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.governing.budget import Caps, CapView, SpendSum

BAR = 10
SHOWN = 2
"""Caps that have a line of their own; the worst come first."""
_STATES = {
    CapState.HARD: StatusLabel("✗", "reached", Tone.BAD),
    CapState.SOFT: StatusLabel("▲", "warned", Tone.WAITING),
    CapState.OK: StatusLabel("✓", "below", Tone.GOOD),
}
_NONE = " · no caps; `vasini budget set` makes one"


class MoneyLines(Plain):
    """One line of what was spent, then the caps."""

    def __init__(self) -> None:
        super().__init__(id="money")

    def show_money(self, spent: SpendSum, caps: Caps) -> None:
        """Show these; `spent` is that of the days that are looked at."""
        lines: list[list[Part]] = [_spent(spent, caps), *map(_cap, caps.caps[:SHOWN])]
        more = len(caps.caps) - SHOWN
        if more > 0:
            lines.append([(sanitize(f" {more:,} more: vasini budget show"), "$quiet")])
        self.show(*(part for line in lines for part in (*line, NEW_LINE)))


def _spent(spent: SpendSum, caps: Caps) -> list[Part]:
    words = [f"{short_dollars(spent.cost)} in these days"]
    if spent.unpriced:
        words.append(f"{spent.unpriced:,} calls unknown")
    held = max((one.held for one in caps.caps), default=0)
    if held:
        calls = max(one.held_calls for one in caps.caps)
        words.append(f"{short_dollars(held)} held in {calls:,} calls")
    line: list[Part] = [(sanitize(" Money  "), "bold $quiet"), sanitize(" · ".join(words))]
    return line if caps.caps else [*line, (sanitize(_NONE), "$quiet")]


def _cap(cap: CapView) -> list[Part]:
    label = _STATES[cap.state]
    limit = cap.hard or cap.soft or 0
    name = "each run" if cap.scope is CapScope.RUN else f"{cap.scope} {sanitize(cap.name, limit=20)}"
    window = "" if cap.window is CapWindow.TOTAL else f" this {cap.window}"
    if cap.scope is CapScope.RUN:
        return [sanitize(f" {name}: at most {short_dollars(limit)}")]
    full = min(BAR, cap.spent * BAR // limit) if limit else 0
    amounts = f"{short_dollars(cap.spent)} of {short_dollars(limit)} "
    return [
        sanitize(f" {name}{window} {amounts}"),
        (sanitize(f"{'█' * full}{'░' * (BAR - full)} "), STYLES[label.tone]),
        (sanitize(", ".join(_state(cap, label))), STYLES[label.tone]),
    ]


def _state(cap: CapView, label: StatusLabel) -> Iterator[str]:
    yield label.text
    if cap.state is not CapState.HARD and cap.runs_out_at is not None:
        yield f"out {zoned(cap.runs_out_at).strftime('%d %b %H:%M')}"
