"""Bars on an axis of time, and a timeline as it was."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineRow, TimelineSpan
from engine.contracts.status import StepStatus
from screens.run.timeline.past import as_it_was
from screens.widgets.time_axis import Axis, Interval, bar, since, ticks, whole
from tests.fakes.views import NOW, ago

WORKING, WAITING, FAILED = SpanKind.WORKING, SpanKind.WAITING, SpanKind.FAILED
_seconds = st.floats(0, 1e6, allow_nan=False)


def test_a_bar_fills_the_cells_of_its_time() -> None:
    axis = Axis(0, 10, 10, 10)
    cells = bar(axis, [Interval(WORKING, 0, 3), Interval(WAITING, 3, 8), Interval(FAILED, 8, 8.01)])
    assert cells == [WORKING] * 3 + [WAITING] * 5 + [FAILED, None]


def test_the_kind_that_fills_most_of_a_cell_is_shown_and_a_failure_always() -> None:
    axis = Axis(0, 10, 10, 1)
    assert bar(axis, [Interval(WORKING, 0, 2), Interval(WAITING, 2, 10)]) == [WAITING]
    assert bar(axis, [Interval(FAILED, 0, 0.1), Interval(WAITING, 0.1, 10)]) == [FAILED]


def test_a_moment_at_the_right_edge_is_seen() -> None:
    assert bar(Axis(0, 10, 10, 5), [Interval(WORKING, 10, 10)]) == [None] * 4 + [WORKING]


@given(
    start=_seconds, seconds=st.floats(0.001, 1e6), begin=_seconds, length=_seconds, width=st.integers(1, 200)
)
def test_what_overlaps_the_axis_shows_and_nothing_else(
    start: float, seconds: float, begin: float, length: float, width: int
) -> None:
    cells = bar(Axis(start, seconds, start + seconds, width), [Interval(WORKING, begin, begin + length)])
    assert len(cells) == width
    if begin > start + seconds or begin + length < start:
        assert set(cells) == {None}
    elif start <= begin <= start + seconds * 0.99:
        assert WORKING in cells


@given(
    total=st.floats(0.01, 1e6),
    steps=st.lists(st.sampled_from(["in", "out", "left", "right", "to"]), max_size=30),
    width=st.integers(1, 200),
)
def test_zoom_and_scroll_never_leave_the_run(total: float, steps: list[str], width: int) -> None:
    axis = whole(total, width, live=False)
    for step in steps:
        match step:
            case "in":
                axis = axis.zoomed(0.5, axis.start + axis.seconds / 3)
            case "out":
                axis = axis.zoomed(2, axis.start)
            case "left":
                axis = axis.scrolled(-0.25)
            case "right":
                axis = axis.scrolled(0.25)
            case _:
                axis = axis.containing(total / 2)
                assert axis.start <= total / 2 * 1.0001
        assert axis.start >= 0
        assert axis.start + axis.seconds <= total * 1.0001
        assert axis.seconds > 0


def test_a_zoom_keeps_its_center_in_place() -> None:
    axis = whole(100, 100, live=False).zoomed(0.5, 50)
    assert (axis.start, axis.seconds, axis.cell(50)) == (25, 50, 50)


def test_the_axis_of_a_live_run_ends_at_a_round_time() -> None:
    ends = [whole(total, 10, live=True).seconds for total in (0.4, 12, 31, 400)]
    assert ends == [0.5, 15, 45, 450]
    assert whole(12, 10, live=False).seconds == 12


def test_ticks_stand_apart_at_round_times() -> None:
    assert ticks(whole(60, 40, live=False)) == [
        (0, "0"),
        (6, "10s"),
        (13, "20s"),
        (20, "30s"),
        (26, "40s"),
        (33, "50s"),
    ]
    assert ticks(whole(60, 40, live=False), NOW)[0] == (4, "09:27:00")


@given(start=_seconds, seconds=st.floats(0.001, 1e7), width=st.integers(1, 250), clock=st.booleans())
def test_ticks_never_overlap(start: float, seconds: float, width: int, clock: bool) -> None:
    found = ticks(Axis(start, seconds, start + seconds, width), NOW if clock else None)
    for (cell, words), (following, _) in pairwise(found):
        assert cell >= 0
        assert cell + len(words) < following <= width


@pytest.mark.parametrize(
    ("seconds", "step", "words"),
    [
        (0, 1, "0"),
        (0.25, 0.01, "0.25s"),
        (90, 1, "1m30s"),
        (5400, 60, "1h30m"),
        (172_800, 3600, "2d"),
        (12, 1, "12s"),
    ],
)
def test_times_since_the_start_are_short(seconds: float, step: float, words: str) -> None:
    assert since(seconds, step) == words


def span(kind: SpanKind, start: float, end: float | None) -> TimelineSpan:
    return TimelineSpan(kind=kind, start=ago(100 - start), end=None if end is None else ago(100 - end))


def row(step_id: str, *spans: TimelineSpan, run_id: str = "run-1", depth: int = 0) -> TimelineRow:
    return TimelineRow(
        run_id=run_id,
        step_id=step_id,
        name=step_id,
        type="tool",
        status=StepStatus.COMPLETED,
        depth=depth,
        spans=spans,
    )


def test_a_timeline_as_it_was_ends_at_the_moment() -> None:
    timeline = Timeline(
        run_id="run-1",
        start=ago(100),
        end=ago(10),
        rows=(
            row("a", span(WORKING, 0, 10)),
            row("b", span(WORKING, 10, 20), span(WAITING, 20, 60), span(WORKING, 60, 70)),
            row("child/x", span(WORKING, 12, 15), run_id="run-2", depth=1),
            row("child/y", span(WAITING, 20, 40), run_id="run-2", depth=1),
            row("child/z", span(WORKING, 40, 41), run_id="run-2", depth=1),
            row("c", span(WORKING, 70, 80)),
        ),
    )
    then = as_it_was(
        timeline, {"a": StepStatus.COMPLETED, "b": StepStatus.PENDING_HUMAN}, NOW - timedelta(seconds=70)
    )
    assert then.end == ago(10)
    assert [(seen.step_id, seen.status) for seen in then.rows] == [
        ("a", StepStatus.COMPLETED),
        ("b", StepStatus.PENDING_HUMAN),
        ("child/x", StepStatus.COMPLETED),
        ("child/y", StepStatus.PENDING_HUMAN),
    ]
    assert then.rows[1].spans == (span(WORKING, 10, 20), span(WAITING, 20, None))
