"""What isolates is found once; that nothing does is believed for a minute."""

from __future__ import annotations

from engine.tools.sandbox.bubblewrap import KEPT_SECONDS, Bubblewrap, Search


class FakeMachine:
    """A machine on which bubblewrap may be installed."""

    def __init__(self) -> None:
        self.there = False
        self.looks = 0
        self.time = 0.0

    def look(self) -> Bubblewrap:
        self.looks += 1
        return Bubblewrap("/usr/bin/bwrap", "there") if self.there else Bubblewrap(None, "not there")

    def now(self) -> float:
        return self.time


def test_bubblewrap_that_is_installed_meanwhile_is_found_and_then_kept() -> None:
    machine = FakeMachine()
    search = Search(machine.look, machine.now)
    assert search().program is None
    machine.there = True
    assert search() == Bubblewrap(None, "not there")
    machine.time += KEPT_SECONDS
    assert search().program == "/usr/bin/bwrap"
    machine.there = False
    machine.time += KEPT_SECONDS
    assert search().program == "/usr/bin/bwrap"
    assert machine.looks == 2
