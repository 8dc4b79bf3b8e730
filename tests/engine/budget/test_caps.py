"""Which caps hold for a call, in which window, and how spending stands to them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from engine.budget.admission import Balance
from engine.budget.caps import Cap, Limit, Subject, limits_of, window_around
from engine.budget.settings import BudgetSettings
from engine.budget.standing import standing
from engine.contracts.governing.budget import CapScope, CapState, CapWindow

BERLIN = ZoneInfo("Europe/Berlin")
SUBJECT = Subject("acme", "docs", "strong", "run_1")
DAY = 86_400_000_000


def micros(year: int, month: int, day: int, hour: int = 0) -> int:
    return round(datetime(year, month, day, hour, tzinfo=BERLIN).timestamp()) * 1_000_000


def a_cap(scope: CapScope = CapScope.TENANT, **fields: Any) -> Cap:
    return Cap(**{"scope": scope, "window": CapWindow.DAY, "hard": 100, **fields})


def hard_of(*caps: Cap) -> list[int | None]:
    return [one.hard for one in limits_of(caps, SUBJECT, micros(2026, 11, 28, 12), BERLIN)]


def test_of_one_scope_and_window_the_cap_that_names_its_subject_most_exactly_counts() -> None:
    each, own = a_cap(hard=1), a_cap(name="acme", tenant="acme", hard=2)
    other, person = a_cap(name="other", tenant="other", hard=3), a_cap(hard=4, source="person")
    assert hard_of(each, own, other) == [2]
    assert hard_of(each, person) == hard_of(person, each) == [4]
    assert hard_of(person, own) == [2]
    assert hard_of(other) == []
    assert hard_of(a_cap(CapScope.PACK, tenant="other", name="docs")) == []


def test_a_cap_that_a_person_took_back_holds_nothing_and_one_that_only_warns_holds() -> None:
    assert hard_of(a_cap(hard=1), a_cap(hard=None, source="person")) == []
    assert hard_of(a_cap(hard=None, soft=5)) == [None]


def test_caps_of_different_scopes_and_windows_hold_together() -> None:
    caps = (
        a_cap(hard=1),
        a_cap(hard=2, window=CapWindow.MONTH),
        a_cap(CapScope.PACK, hard=3),
        a_cap(CapScope.MODEL, name="strong", hard=4),
        a_cap(CapScope.MODEL, name="fast", hard=5, window=CapWindow.MONTH),
    )
    assert hard_of(*caps) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("written", "of_pack", "counts"), [(5, 3, 3), (3, 5, 3), (None, 5, 5), (5, 0, 0), (None, 0, 0)]
)
def test_of_a_run_s_cap_and_that_of_its_pack_the_smaller_counts(
    written: int | None, of_pack: int, counts: int
) -> None:
    total, of = CapWindow.TOTAL, CapScope.RUN
    caps = [a_cap(of, window=total, hard=of_pack, source="pack")]
    if written is not None:
        caps.append(a_cap(of, window=total, hard=written))
    assert hard_of(*caps) == [counts]


@pytest.mark.parametrize(
    ("soft", "hard", "counts"), [(2, 5, (2, 3)), (2, None, (2, 3)), (3, 5, (3, 3)), (4, 5, (None, 3))]
)
def test_below_its_pack_s_own_cap_a_run_is_warned_about_as_it_was_written(
    soft: int, hard: int | None, counts: tuple[int | None, int]
) -> None:
    of_run = partial(a_cap, CapScope.RUN, window=CapWindow.TOTAL)
    caps = [of_run(hard=3, source="pack"), of_run(soft=soft, hard=hard, pause=True)]
    (found,) = limits_of(caps, SUBJECT, 0, BERLIN)
    assert ((found.soft, found.hard), found.pause) == (counts, counts[0] is not None)


@pytest.mark.parametrize(
    ("window", "begins", "ends"),
    [
        (CapWindow.DAY, (2026, 10, 25), (2026, 10, 26)),
        (CapWindow.MONTH, (2026, 10, 1), (2026, 11, 1)),
    ],
)
def test_days_and_months_are_those_of_the_time_zone_also_when_its_clock_changes(
    window: CapWindow, begins: tuple[int, int, int], ends: tuple[int, int, int]
) -> None:
    now = micros(2026, 10, 25, 18)
    assert window_around(window, now, BERLIN) == (micros(*begins), micros(*ends))
    assert micros(2026, 10, 26) - micros(2026, 10, 25) == 25 * 3_600_000_000


def test_a_total_has_no_end_and_december_is_followed_by_january() -> None:
    assert window_around(CapWindow.TOTAL, micros(2026, 12, 31), BERLIN) == (0, None)
    assert window_around(CapWindow.MONTH, micros(2026, 12, 31), BERLIN)[1] == micros(2027, 1, 1)


@pytest.mark.parametrize(
    "written",
    [
        {"scope": "tenant", "window": "day"},
        {"scope": "tenant", "window": "day", "soft": 2, "hard": 1},
        {"scope": "tenant", "window": "day", "hard": 0},
        {"scope": "tenant", "window": "day", "hard": -1},
        {"scope": "tenant", "window": "day", "hard": "10000000000"},
        {"scope": "tenant", "hard": 1},
        {"scope": "run", "of": "run_1", "hard": 1},
        {"scope": "run", "window": "day", "hard": 1},
        {"scope": "tenant", "of": "a", "tenant": "b", "window": "day", "hard": 1},
    ],
)
def test_a_cap_that_cannot_hold_is_refused(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BudgetSettings.model_validate({"caps": [written]})


def test_two_caps_of_the_same_are_refused() -> None:
    cap = {"scope": "tenant", "of": "acme", "window": "day", "hard": 1}
    with pytest.raises(ValidationError, match="two of tenant acme"):
        BudgetSettings.model_validate({"caps": [cap, {**cap, "hard": 2}]})


def limit(**fields: Any) -> Limit:
    given = {"soft": 50, "hard": 100, "source": "settings", "since": 0, "until": 10 * DAY, **fields}
    return Limit(CapScope.TENANT, CapWindow.DAY, "acme", "acme", **given)


@pytest.mark.parametrize(
    ("spent", "state"),
    [(0, "ok"), (49, "ok"), (50, "soft"), (99, "soft"), (100, "hard"), (101, "hard")],
)
def test_exactly_at_a_cap_is_reached(spent: int, state: str) -> None:
    view = standing(Balance(limit(), spent, 20), DAY)
    assert view.state is CapState(state)
    assert view.left == max(80 - spent, 0)


def test_one_of_the_two_caps_is_enough() -> None:
    assert standing(Balance(limit(hard=None), 101, 0), DAY).state is CapState.SOFT
    assert standing(Balance(limit(soft=None), 99, 0), DAY).state is CapState.OK


def test_when_it_runs_out_is_told_if_that_is_within_the_window() -> None:
    soon = standing(Balance(limit(), 25, 0), DAY).runs_out_at
    assert soon is not None
    assert soon.timestamp() * 1_000_000 == 4 * DAY
    assert standing(Balance(limit(), 10, 0), DAY).runs_out_at is None
    assert standing(Balance(limit(until=None), 25, 0), DAY).runs_out_at is None
    for of, spent in ((limit(since=DAY), 25), (limit(), 0), (limit(hard=None), 25)):
        assert standing(Balance(of, spent, 20), DAY).runs_out_at is None


def test_what_is_used_up_runs_out_at_no_moment_that_is_to_come() -> None:
    for spent in (100, 125):
        view = standing(Balance(limit(since=DAY), spent, 0), 3 * DAY)
        assert (view.state, view.runs_out_at) == (CapState.HARD, None)
    assert standing(Balance(limit(since=DAY, until=9 * DAY), 99, 0), 3 * DAY).runs_out_at is not None


def test_a_top_up_raises_both_caps() -> None:
    raised = limit().raised(10)
    assert (raised.soft, raised.hard, raised.topped_up) == (60, 110, 10)


@pytest.mark.parametrize("amount", ["1_000", "١٢", "1e3", "$5"])
def test_an_amount_in_the_settings_is_digits_and_perhaps_a_point(amount: str) -> None:
    with pytest.raises(ValidationError, match="no amount in dollars"):
        BudgetSettings.model_validate({"caps": [{"scope": "tenant", "window": "day", "hard": amount}]})
