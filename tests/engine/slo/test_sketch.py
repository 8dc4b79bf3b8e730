from __future__ import annotations

import math
import random

import pytest

from engine.slo.sketch import MOST_BINS, Sketch, add_all, bin_of, decode, encode, quantile


def _sketch(times: list[int]) -> Sketch:
    sketch: Sketch = {}
    for time in times:
        add_all(sketch, {bin_of(time): 1})
    return sketch


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_quantile_is_right_to_one_per_cent(share: float) -> None:
    chance = random.Random(7)
    times = sorted(round(chance.lognormvariate(14, 1.5)) for _ in range(5_000))
    exact = times[math.ceil(share * len(times)) - 1]
    found = quantile(_sketch(times), share)
    assert found is not None
    assert abs(found - exact) / exact < 0.01


def test_one_slow_run_of_twenty_moves_the_p95_between_both() -> None:
    found = quantile(_sketch([100_000] * 19 + [10_000_000]), 0.95)
    assert found is not None
    assert 99_000 <= found <= 10_000_000


def test_a_merged_sketch_counts_what_its_parts_did() -> None:
    chance = random.Random(3)
    times = [chance.randrange(1_000, 10**9) for _ in range(1_000)]
    parts = [_sketch(times[start::7]) for start in range(7)]
    whole: Sketch = {}
    for part in parts:
        add_all(whole, part)
    assert whole == _sketch(times)
    assert parts[0] == _sketch(times[::7])


def test_bytes_hold_a_sketch_and_a_cut_one_as_far_as_it_goes() -> None:
    sketch = _sketch([1_500, 2_000_000, 2_000_000, 86_400_000_000])
    assert decode(encode(sketch)) == sketch
    assert decode(encode(sketch)[:-3]) == dict(sorted(sketch.items())[:-1])
    assert decode(b"") == {}


def test_absurd_times_have_a_bin() -> None:
    assert bin_of(-5) == bin_of(0) == 0
    assert bin_of(10**30) == MOST_BINS


def test_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.95) is None
