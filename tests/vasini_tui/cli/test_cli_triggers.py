"""`vasini triggers` in front of a fake engine."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from engine.contracts.flows.trigger import TriggerList, TriggerStart, TriggerState
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini

AT = "2030-03-02T08:00:00+01:00"


def known(fake: FakeEngine) -> None:
    start = TriggerStart(
        at=datetime.fromisoformat(AT), pack="hello", flow="hello", trigger="morning", schedule="0 8 * * *"
    )
    state = TriggerState(
        pack="hello", flow="hello", trigger="in", type="watch", on="/in/*", off="its pack is broken"
    )
    fake.packs.trigger_list = TriggerList(starts=(start,) * 12, triggers=(state,))


def test_the_next_ten_starts_and_every_trigger_are_told(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    lines = vasini("triggers").stdout.splitlines()
    assert lines[0].split() == ["TRIGGER", "FLOW", "WHEN", "OFF", "BECAUSE"]
    assert "/in/*" in lines[1]
    assert lines[1].endswith("its pack is broken")
    assert [line.split() for line in lines[4:]] == [[AT, "hello/hello", "morning"]] * 10


def test_programs_get_the_same_as_json(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    outcome = vasini("triggers", "--json", "--limit", "1")
    assert outcome.status == ExitCode.OK
    told = json.loads(outcome.stdout)
    assert [start["at"] for start in told["starts"]] == [AT]
    assert told["triggers"][0]["off"] == "its pack is broken"


def test_a_trigger_is_turned_off_and_on(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    told = vasini("trigger", "hello/hello/in", "off").stdout
    assert told.startswith("hello/hello/in  off: ")
    assert vasini("trigger", "in", "on", "--json").document["off"] is None
    assert [call[:2] for call in fake.asked("switch_trigger")] == [("hello/hello/in", False), ("in", True)]


def test_a_trigger_that_is_not_there_and_another_word_are_refused(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    assert vasini("trigger", "out", "off").status == ExitCode.NOT_FOUND
    assert vasini("trigger", "in", "perhaps").status == ExitCode.USAGE
