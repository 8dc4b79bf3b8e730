"""A stream that drips is read a few times a second; nothing else waits for more."""

from __future__ import annotations

import asyncio

import pytest

from engine.models.wire.pace import AT_ONCE, DRIP, GATHER_SECONDS, Pace

SMALL = 100


class _FakeClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def waits(pace: Pace, size: int = SMALL) -> bool:
    """Whether a piece that is there now is kept waiting."""
    reading = pace.has_read(size)
    try:
        reading.send(None)
    except StopIteration:
        return False
    reading.close()
    return True


async def from_line(pace: Pace, size: int = SMALL) -> bool:
    pace.asks()
    await asyncio.sleep(0)
    return waits(pace, size)


@pytest.fixture(name="clock")
def _clock() -> _FakeClock:
    return _FakeClock()


async def test_the_first_pieces_wait_for_nothing_and_then_a_drip_does(clock: _FakeClock) -> None:
    pace = Pace(clock)
    assert [await from_line(pace) for _ in range(AT_ONCE + 2)] == [*[False] * AT_ONCE, True, True]


async def test_who_sends_much_or_seldom_is_read_as_it_sends(clock: _FakeClock) -> None:
    pace = Pace(clock)
    assert not any([await from_line(pace, DRIP) for _ in range(10 * AT_ONCE)])
    for _ in range(10 * AT_ONCE):
        clock.seconds += GATHER_SECONDS
        assert not await from_line(pace)


async def test_what_has_been_read_already_is_not_waited_for(clock: _FakeClock) -> None:
    pace = Pace(clock)
    for _ in range(10 * AT_ONCE):
        pace.asks()
        assert not waits(pace)


async def test_a_drip_that_has_rested_begins_anew(clock: _FakeClock) -> None:
    pace = Pace(clock)
    while not await from_line(pace):
        pass
    clock.seconds += 2 * AT_ONCE * GATHER_SECONDS
    assert not await from_line(pace)
