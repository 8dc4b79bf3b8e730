from __future__ import annotations

from engine.slo.buckets import DAY, HOUR, MINUTE, SHORTEST, Bucket, folded, since, start_of

NOW = 20_000 * DAY + 5 * HOUR + 3 * MINUTE


def test_old_buckets_become_hours_then_days_and_count_the_same() -> None:
    fine = [
        Bucket(start_of(NOW) - number * SHORTEST, good=3, bad=1, codes={"timeout": 1}, times={50: 3}, asked=1)
        for number in range(20 * DAY // SHORTEST)
    ]
    kept = folded(fine, NOW)
    assert sum(bucket.good for bucket in kept) == 3 * len(fine)
    assert sum(bucket.codes["timeout"] for bucket in kept) == len(fine)
    assert sum(bucket.times[50] for bucket in kept) == 3 * len(fine)
    assert len(kept) < 12 * 12 + 24 * 9 + 15
    assert {bucket.width for bucket in kept} == {SHORTEST, HOUR, DAY}
    assert kept == sorted(kept, key=lambda bucket: bucket.start)


def test_folding_again_changes_nothing() -> None:
    once = folded([Bucket(NOW - number * 7 * HOUR, bad=1) for number in range(200)], NOW)
    assert folded(once, NOW) == once


def test_the_oldest_days_are_dropped_and_a_clock_that_was_set_drops_none() -> None:
    days = [Bucket(start_of(NOW - number * DAY, DAY), DAY, good=1) for number in range(10, 200)]
    assert folded(days, NOW) == sorted(days, key=lambda bucket: bucket.start)[-100:]
    assert folded(days[:50], NOW + 4_000 * DAY) == sorted(days[:50], key=lambda bucket: bucket.start)


def test_a_bucket_of_the_future_stays_as_it_is() -> None:
    later = Bucket(start_of(NOW + 400 * DAY), good=1)
    assert folded([later], NOW) == [later]


def test_a_window_begins_with_the_bucket_that_holds_its_beginning() -> None:
    first, second = Bucket(start_of(NOW) - SHORTEST), Bucket(start_of(NOW))
    assert since([first, second], NOW) == [second]
    assert since([first, second], start_of(NOW) - 1) == [first, second]
