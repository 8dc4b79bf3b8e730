"""A hard cap is never passed, and at least nine tenths of it can be used, whatever happens in which order."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from engine.budget.admission import Admission, Balance, admit, likely_tokens
from engine.budget.caps import Limit
from engine.contracts.governing.budget import CapScope, CapWindow

CALL = 1_000
"""The dearest call."""
CAP = 10 * CALL
SCHEDULES, AGENTS = 10_000, 100


LIMIT = Limit(CapScope.TENANT, CapWindow.TOTAL, "acme", "acme", None, CAP, "settings")


def balance(spent: int, held: int, hard: int | None = CAP) -> Balance:
    return Balance(LIMIT if hard == CAP else replace(LIMIT, hard=hard), spent, held)


@pytest.mark.parametrize(
    ("spent", "held", "most", "likely", "expected"),
    [
        (0, 0, CAP, CAP, Admission.GO),
        (0, 0, CAP + 1, 1, Admission.REFUSE),
        (9_000, 0, 1_000, 1_000, Admission.GO),
        (9_000, 1, 1_000, 1_000, Admission.WAIT),
        (9_000, 1, 1_000, 1_001, Admission.REFUSE),
        (CAP, 0, 1, 1, Admission.REFUSE),
        (CAP, 500, 1, 1, Admission.REFUSE),
    ],
)
def test_a_call_goes_waits_or_is_refused(
    spent: int, held: int, most: int, likely: int, expected: Admission
) -> None:
    assert admit([balance(spent, held)], most, likely)[0] is expected


def test_of_several_caps_each_has_to_have_room() -> None:
    roomy, full, busy = balance(0, 0), balance(CAP, 0), balance(0, CAP)
    assert admit([roomy, busy], 10, 10) == (Admission.WAIT, busy)
    assert admit([busy, balance(1, CAP)], 10, 10) == (Admission.WAIT, busy)
    assert admit([busy, roomy, full], 10, 10) == (Admission.REFUSE, full)
    assert admit([balance(CAP, 0, None)], 10, 10) == (Admission.GO, None)


@pytest.mark.parametrize(
    ("sent", "learned", "expected"),
    [
        (400, (0, 0), 400),
        (400, (0, 10), 400),
        (400, (10, 0), 400),
        (400, (4, 1), 100),
        (401, (4_000, 1_000), 101),
        (400, (10, 1_000), 400),
    ],
)
def test_bytes_bound_the_tokens_whatever_was_learned(
    sent: int, learned: tuple[int, int], expected: int
) -> None:
    assert likely_tokens(sent, *learned) == expected


def spent_by(chance: Random) -> int:
    """What many agents spend of a cap worth ten of the dearest calls, each until it is refused.

    A call costs what it turns out to, at the most what was held. Some workers die in the middle of one: what
    is held for it stays until its time is over.
    """
    spent = held = 0
    under_way: list[tuple[int, int]] = []
    dead: list[tuple[int, int]] = []
    left, now = AGENTS, 0
    while left or under_way:
        now += 1
        while dead and dead[0][0] <= now:
            held -= dead.pop(0)[1]
        most = CALL // 2 + int(chance.random() * CALL / 2)
        cost = most // 10 + int(chance.random() * most * 0.9)
        admission = admit([balance(spent, held)], most, cost)[0] if left else Admission.WAIT
        if admission is Admission.GO and chance.random() < 0.7:
            held += most
            under_way.append((most, cost))
        elif admission is Admission.REFUSE:
            left -= 1
        elif under_way:
            most, cost = under_way.pop(int(chance.random() * len(under_way)))
            if chance.random() < 0.05:
                dead.append((now + 20, most))
            else:
                held, spent = held - most, spent + cost
                assert spent + held <= CAP
    return spent


def test_over_ten_thousand_schedules_with_deaths_no_cap_is_passed_and_nine_tenths_are_used() -> None:
    chance = Random(7)
    found = [spent_by(chance) for _ in range(SCHEDULES)]
    assert max(found) <= CAP
    assert min(found) >= 0.9 * CAP
