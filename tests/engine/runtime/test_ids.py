"""Ids: ULIDs in small letters, which sort by when they were made."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from engine.runtime.clock import SystemClock, new_id


def made(count: int) -> list[str]:
    return [new_id("run") for _ in range(count)]


def test_ids_sort_by_when_they_were_made() -> None:
    ids = made(5_000)  # many of them within one millisecond
    assert ids == sorted(set(ids))


def test_ids_of_several_threads_are_different() -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(chain.from_iterable(threads.map(made, [2_000] * 4)))
    assert len(set(found)) == len(found)


def test_an_id_begins_with_the_millisecond_it_was_made_in() -> None:
    before = SystemClock().now() // 1_000
    found = new_id("form")
    after = SystemClock().now() // 1_000
    assert re.fullmatch("form_[0-9a-hjkmnp-tv-z]{26}", found)
    moment = 0
    for digit in found[5:15]:
        moment = moment * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(digit)
    assert before <= moment <= after
