from __future__ import annotations

from engine.slo.buckets import DAY, HOUR, MINUTE, SHORTEST, Bucket, folded, merged, since, start_of

NOW = 20_000 * DAY + 5 * HOUR + 3 * MINUTE


def test_a_longer_bucket_counts_what_its_parts_did() -> None:
    fine = [
        Bucket(start_of(NOW) - number * SHORTEST, good=3, bad=1, codes={"timeout": 1}, times={50: 3}, asked=1)
        for number in range(3 * DAY // SHORTEST)
    ]
    days = folded(fine, DAY)
    assert [day.start for day in days] == [start_of(NOW - number * DAY, DAY) for number in (3, 2, 1, 0)]
    assert {day.width for day in days} == {DAY}
    whole = merged(fine, 0, DAY)
    assert merged(days, 0, DAY) == whole
    assert (whole.good, whole.codes, whole.times) == (
        3 * len(fine),
        {"timeout": len(fine)},
        {50: 3 * len(fine)},
    )


def test_a_window_begins_with_the_bucket_that_holds_its_beginning() -> None:
    first, second = Bucket(start_of(NOW) - SHORTEST), Bucket(start_of(NOW))
    assert since([first, second], NOW) == [second]
    assert since([first, second], start_of(NOW) - 1) == [first, second]
