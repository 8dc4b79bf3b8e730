"""Questions at soft caps stand as long as their window is in force, however the clock jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.embedded.governing.late_questions import MOST, LateQuestions

if TYPE_CHECKING:
    from engine.journal.spend_rows import ActRow

UTC = ZoneInfo("UTC")
DAY = 86_400_000_000


def reached(number: int, day: int) -> ActRow:
    return {
        "act": number,
        "ts": day * DAY,
        "kind": "soft_reached",
        "scope": "tenant",
        "tenant": "default",
        "name": "default",
        "cap_window": "day",
        "since": day * DAY,
        "actor": "engine",
        "via": "engine",
        "amount": 1,
        "soft": 1,
        "hard": None,
        "comment": "",
    }


@given(days=st.lists(st.integers(0, 3), min_size=1, max_size=30), dies=st.lists(st.booleans(), min_size=30))
def test_after_each_look_exactly_the_day_in_force_is_asked_about(days: list[int], dies: list[bool]) -> None:
    """Each day's cap is reached once; who looks may die before what it withdraws is withdrawn."""
    acts = [reached(number, number - 1) for number in range(1, 5)]
    late = LateQuestions()
    standing: dict[int, str] = {}
    keys: set[str] = set()
    for act in acts:
        late.overtaken(act)
    for day, dead in zip(days, dies, strict=False):
        over = [number for number in standing if number != day + 1]
        for number in over:
            late.overtaken(acts[number - 1])
        for number, times in list(late.due(day * DAY + 1, UTC, standing)):
            key = f"{number} again {times}"
            assert key not in keys  # else the run that was withdrawn would be found, and nobody asked
            keys.add(key)
            standing[number] = key
            late.asked(number, times)
        late = LateQuestions.read(late.noted())
        if not dead:
            for number in over:
                del standing[number]
            assert list(standing) == [day + 1]
        assert day + 1 in standing


def test_only_the_newest_are_known() -> None:
    late = LateQuestions()
    for number in range(1, 3 * MOST):
        late.overtaken(reached(number, number))
    assert sorted(LateQuestions.read(late.noted()).known) == list(range(2 * MOST, 3 * MOST))
