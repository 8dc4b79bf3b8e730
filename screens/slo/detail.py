"""One service level in full: what is left over time, when it runs out, how fast it burns, and why."""

from __future__ import annotations

import textwrap
from math import ceil
from typing import TYPE_CHECKING

from engine.contracts.governing.money import BILLIONTHS, short_dollars
from engine.contracts.governing.slo import DriftMetric, SloState
from engine.safe_text import sanitize
from screens.slo.alerts import kinds_of
from screens.slo.budget_plot import budget_plot
from screens.slo.rows import STATES, burn_words, milliseconds
from screens.slo.spend_rows import waiting_share
from screens.widgets.ages import zoned
from screens.widgets.numbers import counted, percent, percent_of_bad
from screens.widgets.plain import NEW_LINE, Part, Plain
from screens.widgets.status_labels import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from engine.contracts.governing.slo import (
        AlertView,
        BurnView,
        DriftView,
        HallucinationView,
        RoleView,
        ServiceLevel,
        ServiceLevelDetail,
    )
    from engine.facade.levels import LevelSummary
    from screens.keys.keymap import Keymap

LOW_PLOT, TALL_PLOT = 3, 6
TALL = 40
"""Lines of a terminal that has room for the taller plot and for ten packs above it."""
_PLOT_SHARE = 0.55
_MILLION = 1_000_000
"""Shares are exact in millionths: of a goal of 0.9 one run of 10 may fail."""
MOST_ALERTS = 3
_EMPTY = (
    "No run of this pack has ended in these days. Here will stand how many runs may still fail, the budget "
    "left over time, how fast it is used, why runs failed, and how long people took. {app.runs}, then "
    "{runs.create} starts a run."
)


class LevelDetail(Plain):
    """Drawn again for another width."""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__(id="level")
        self._keymap = keymap
        self._level: LevelSummary | None = None
        self._detail: ServiceLevelDetail | None = None
        self._now: datetime | None = None

    def show_level(
        self, level: LevelSummary | None, detail: ServiceLevelDetail | None, now: datetime
    ) -> None:
        """Show this one; `detail` is what is told of one alone, when it is read."""
        self._level, self._detail, self._now = level, detail, now
        self._draw()

    def on_resize(self) -> None:
        """Another width."""
        self._draw()

    def _draw(self) -> None:
        level, now = self._level, self._now
        if level is None or now is None:
            self.show()
            return
        label = STATES[level.state]
        head: list[Part] = [
            (sanitize(f" {level.pack} "), "bold"),
            (sanitize(f"{level.tenant} "), "$quiet"),
            (label.text, STYLES[label.tone]),
        ]
        if level.state is SloState.NO_DATA:
            # Its lines are cut at the edge, as those of the plot have to be.
            words = textwrap.wrap(self._keymap.fill(_EMPTY), max(1, self.size.width - 2))
            empty = "".join(f"\n {line}" for line in words)
            self.show(*head, NEW_LINE, (sanitize(empty, multiline=True), "$quiet"))
            return
        if self._detail is None:
            self.show(*head)
            return
        told = self._detail.level
        lines: list[list[Part]] = [
            [*head, (sanitize(f" · {format_left(told)}"), "")],
            *self._plot(told, self._detail.budget, now),
            *_words(told, self._detail.alerts, tall=self._tall),
        ]
        self.show(*(part for line in lines for part in (*line, NEW_LINE)))

    @property
    def _tall(self) -> bool:
        return self.app.size.height >= TALL

    def _plot(
        self, level: ServiceLevel, budget: Sequence[float | None], now: datetime
    ) -> Iterator[list[Part]]:
        width = max(10, int(self.size.width * _PLOT_SHARE) - 12)
        height = TALL_PLOT if self._tall else LOW_PLOT
        beside = [*_beside(level), *[""] * (height - LOW_PLOT)]
        plot = budget_plot(budget, width, height)
        for number, line in enumerate(plot):
            scale = "left 100 %" if number == 0 else "0 %" if number == height - 1 else ""
            yield [
                (sanitize(f" {scale:>10} "), "$quiet"),
                (sanitize(line), "$good" if level.may_fail >= 0 else "$bad"),
                (sanitize(f"  {beside[number]}"), "$quiet"),
            ]
        first, last = _day(level.since), _day(now)
        axis = f"{'':12}{first}{last:>{max(0, width - len(first))}}  "
        yield [(sanitize(axis + beside[height]), "$quiet")]


def format_left(level: ServiceLevel) -> str:
    """What an operator wants to know first."""
    if level.may_fail < 0:
        since = f", since {_moment(level.out_since)}" if level.out_since is not None else ""
        return f"{-level.may_fail:,} too many failed{since}"
    if not level.runs:
        return "no runs"
    if not level.allowed:
        fewest = ceil(_MILLION / (_MILLION - round(level.goal * _MILLION)))
        return f"none may fail among so few: the goal allows 1 of {fewest:,}"
    return f"{level.may_fail:,} more may fail of {level.allowed:,}"


def _beside(level: ServiceLevel) -> list[str]:
    lasts = "already" if level.may_fail < 0 else "not at this rate"
    ends = _moment(level.runs_out) if level.runs_out is not None else lasts
    excluded = f", {level.excluded:,} excluded" if level.excluded else ""
    return [
        f"runs out {ends}",
        f"runs     {level.runs:,}, {level.failed:,} failed{excluded}",
        f"p50 p95  {milliseconds(level.p50_ms)} {milliseconds(level.p95_ms)}",
        f"goal     {percent(level.goal)} %, p95 {milliseconds(level.p95_goal_ms)}, {level.goal_from}",
    ]


def _words(level: ServiceLevel, alerts: Sequence[AlertView], *, tall: bool) -> Iterator[list[Part]]:
    burns: list[Part] = [(sanitize(" Burn  "), "bold $quiet")]
    for burn in level.burns:
        burns += [(sanitize(_burn(burn)), "bold $bad" if burn.fires else ""), sanitize("  ")]
    yield burns
    told = "  ".join(f"{one.runs:,} {one.code}" for one in level.why) or "nothing failed"
    why: list[Part] = [(sanitize(" Why   "), "bold $quiet"), sanitize(told, limit=300)]
    drift: list[Part] = []
    if level.drift:
        other = " · ".join(map(_drift, level.drift))
        drift = [(sanitize(" Drift "), "bold $quiet"), (sanitize(other), "$waiting")]
    flagged = _flagged(level.hallucination)
    if tall:
        yield from filter(None, (why, drift, flagged, _told(alerts)))
        yield _people(level)
        for one in level.people.roles:
            yield [(sanitize(f"        {_role(one)}"), "$quiet")]
        return
    rest = [part for line in (drift, flagged) if line for part in (*line, sanitize(" "))]
    yield [*rest, *why]
    yield _people(level)


def _told(alerts: Sequence[AlertView]) -> list[Part]:
    """The newest alerts, and how long they stood."""
    if not alerts:
        return []
    words = " · ".join(map(_times, alerts[:MOST_ALERTS]))
    tone = "bold $bad" if any(one.ended is None for one in alerts[:MOST_ALERTS]) else "$quiet"
    return [(sanitize(" Alerts "), "bold $quiet"), (sanitize(words), tone)]


def _times(alert: AlertView) -> str:
    if alert.ended is None:
        return f"{kinds_of([alert])} since {_moment(alert.began)}"
    return f"{kinds_of([alert])} {_moment(alert.began)} to {_moment(alert.ended)}"


def _flagged(found: HallucinationView) -> list[Part]:
    """Runs that told what is not so, as far as people said it, or their agents doubt it themselves."""
    if not found.flagged and not found.doubtful:
        return []
    doubt = f" + {found.doubtful:,} of {found.stated:,} doubtful" if found.stated else ""
    told = f"{counted(found.flagged, 'run')}{doubt}"
    words = f"{told}, {percent_of_bad(found.rate)} % (goal {percent(found.goal)} %)"
    return [
        (sanitize(" Flagged "), "bold $quiet"),
        (sanitize(words), "bold $bad" if found.kept is False else ""),
    ]


def _role(role: RoleView) -> str:
    took = f"p50 {milliseconds(role.p50_ms)}, p95 {milliseconds(role.p95_ms)}"
    return f"{role.role}: {role.asked:,} asked · {took} · {role.expired:,} expired"


def _people(level: ServiceLevel) -> list[Part]:
    people = level.people
    share = waiting_share(level.worked_ms, people.waited_ms)
    took = [f"{people.asked:,} asked"] if people.asked else ["were asked nothing"]
    if people.asked and share is not None:
        took.append(f"{share * 100:.0f} % of the time")
    if people.asked:
        goal = _goal(milliseconds(people.p95_goal_ms), people.p95_goal_ms)
        took.append(f"p50 {milliseconds(people.p50_ms)}, p95 {milliseconds(people.p95_ms)}{goal}")
        most = _goal(f"{percent(people.expired_goal)} %", people.expired_goal)
        took.append(f"{people.expired:,} expired{most}")
    tone = "bold $bad" if people.kept is False else ""
    return [(sanitize(" People "), "bold $quiet"), (sanitize(" · ".join(took)), tone)]


def _goal(words: str, goal: float | None) -> str:
    return f" (goal {words})" if goal is not None else ""


def _drift(drift: DriftView) -> str:
    """`time 0.90s → 4.1s (warning)`: means of the days before, and of today and yesterday."""
    if drift.metric is DriftMetric.TIME:
        before, now = milliseconds(round(drift.baseline * 1000)), milliseconds(round(drift.current * 1000))
    elif drift.metric is DriftMetric.FAILURES:
        before, now = (f"{percent_of_bad(one)} %" for one in (drift.baseline, drift.current))
    elif drift.metric is DriftMetric.COST:
        before, now = (short_dollars(round(one * BILLIONTHS)) for one in (drift.baseline, drift.current))
    else:
        before, now = f"{drift.baseline:,.0f}", f"{drift.current:,.0f}"
    return f"{drift.metric} {before} → {now} ({drift.severity})"


def _burn(burn: BurnView) -> str:
    """`6h 6.2/6 PAGE`: the burn of its long window and the factor, and what it asks for; `few`: too few runs
    failed to ask for anything. All four stand in a line of 80 cells."""
    hours = burn.long_seconds // 3600
    long = f"{hours}h" if hours < 24 else f"{hours // 24}d"
    passed = burn.long_burn > burn.factor and burn.short_burn > burn.factor
    says = f" {burn.severity.value.upper()}" if burn.fires else " few" if passed else ""
    return f"{long} {burn_words(burn.long_burn)}/{burn.factor:g}{says}"


def _moment(moment: datetime | None) -> str:
    return zoned(moment).strftime("%d %b %H:%M %Z") if moment is not None else ""


def _day(moment: datetime) -> str:
    return zoned(moment).strftime("%d %b")
