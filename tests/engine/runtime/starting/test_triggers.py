"""Triggers: runs that start at moments of a calendar, and when files appear."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.embedded.triggering.files import MAX_FILES, files_of
from tests.engine.runtime.embedded_home import ANN, Home, approval, tool, until
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine
    from engine.journal.port import Journal
    from engine.journal.records import NewRun
    from engine.journal.sqlite.journal import SqliteJournal

DAY = 86_400.0
WORK = tool("a", params={"got": "{{ payload }}"})
EVERY_DAY = {"id": "daily", "type": "cron", "schedule": "0 12 * * *", "time_zone": "Europe/Berlin"}


@pytest.fixture(autouse=True)
def _short_rounds(home: Home) -> None:
    home.round_seconds = 0.02


def job(home: Home, trigger: dict[str, Any], *steps: dict[str, Any], **fields: Any) -> None:
    more: dict[str, Any] = {"triggers": [trigger], **fields}
    home.flow("job", *(steps or (WORK,)), **more)


async def noted(journal: Journal, name: str = "demo/job/daily") -> str:
    """What the trigger has seen, once it has looked."""

    async def has() -> bool:
        return await journal.shared_notes.read(name) is not None

    await until(has)
    found = await journal.shared_notes.read(name)
    assert found is not None
    return found[1]


async def looked_again(journal: Journal, before: str, name: str = "demo/job/daily") -> None:
    async def changed() -> bool:
        return await noted(journal, name) != before

    await until(changed)


async def runs(engine: Engine) -> list[Any]:
    return [run.status for run in (await engine.runs.list()).items]


async def count_is(engine: Engine, number: int) -> None:
    async def holds() -> bool:
        return await engine.runs.count() == number

    await until(holds)


async def test_a_moment_starts_one_run_with_its_payload(home: Home, journal: SqliteJournal) -> None:
    job(home, {**EVERY_DAY, "payload": {"day": "{{ trigger.date }}", "by": "{{ trigger.id }}"}})
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        before = await noted(journal)
        clock.set_by(DAY)
        await looked_again(journal, before)
        await count_is(engine, 1)
        (run,) = (await engine.runs.list()).items
        assert run.requested_by == "trigger daily"
        shown = await engine.runs.summary(run.run_id)
        (start,) = (await engine.packs.triggers(limit=1)).starts
        assert shown.input["by"] == "daily"
        assert shown.input["day"] < start.at.date().isoformat()


@pytest.mark.parametrize(("misfire", "started"), [("once", 1), ("skip", 0)])
async def test_moments_at_which_nobody_worked_are_made_up_for_once_or_not(
    home: Home, journal: SqliteJournal, misfire: str, started: int
) -> None:
    job(home, {**EVERY_DAY, "misfire": misfire, "schedule": "59 23 31 12 *"})
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        before = await noted(journal)
        clock.set_by(800 * DAY)
        await looked_again(journal, before)
        assert await engine.runs.count() == started


@pytest.mark.parametrize(("overlap", "started"), [("skip", 1), ("start", 2)])
async def test_while_a_run_is_not_over_the_next_one_is_left_out_or_not(
    home: Home, journal: SqliteJournal, overlap: str, started: int
) -> None:
    job(home, {**EVERY_DAY, "overlap": overlap}, approval(gates="none"), WORK)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        for _ in range(2):
            before = await noted(journal)
            clock.set_by(DAY)
            await looked_again(journal, before)
        assert await engine.runs.count() == started


async def test_a_start_that_is_refused_is_recorded_once(home: Home, journal: SqliteJournal) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "integer"}}, "required": ["day"]}
    job(home, {**EVERY_DAY, "payload": {"day": "{{ trigger.date }}"}}, input=schema)
    clock = FakeClock()
    async with (
        home.working(journal=journal, clock=clock) as engine,
        home.open(clock=clock) as other,
        other.work(),
    ):
        before = await noted(journal)
        clock.set_by(DAY)
        await looked_again(journal, before)
        assert await runs(engine) == [RunStatus.FAILED]


async def test_each_file_that_appears_starts_one_run(
    home: Home, journal: SqliteJournal, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "old.csv").write_text("1")
    watch = {"id": "in", "type": "watch", "path": f"{inbox}/*.csv", "payload": {"file": "{{ trigger.name }}"}}
    job(home, {**watch, "overlap": "start"})
    async with home.working(journal=journal) as engine:
        await noted(journal, "demo/job/in")
        for name in ("a.csv", "b.csv", "c.txt"):
            (inbox / name).write_text("1")
        await count_is(engine, 2)
        found = [await engine.runs.summary(run.run_id) for run in (await engine.runs.list()).items]
        assert sorted(run.input["file"] for run in found) == ["a.csv", "b.csv"]
        (inbox / "a.csv").unlink()

        async def seen_to_be_gone() -> bool:
            return "a.csv" not in await noted(journal, "demo/job/in")

        await until(seen_to_be_gone)
        (inbox / "a.csv").write_text("2")
        await count_is(engine, 3)


class FakeFullJournal(MemoryJournal):
    """Has no room for the first run of each of these triggers."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.full_for = {f"trigger {name}" for name in names}

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        if run.requested_by in self.full_for:
            self.full_for.remove(run.requested_by)
            raise Unavailable(ErrorCode.DISK_FULL, "the disk is full")
        return await super().create_run(run)


@pytest.mark.parametrize("type_", ["cron", "watch"])
async def test_a_start_that_could_not_be_written_is_made_at_the_next_look(
    home: Home, tmp_path: Path, type_: str
) -> None:
    watch = {"id": "in", "type": "watch", "path": f"{tmp_path}/*.csv"}
    trigger = EVERY_DAY if type_ == "cron" else watch
    job(home, trigger)
    journal, clock = FakeFullJournal("daily", "in"), FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        await noted(journal, f"demo/job/{trigger['id']}")
        if type_ == "cron":
            clock.set_by(DAY)
        (tmp_path / "a.csv").write_text("1")
        await count_is(engine, 1)
        assert journal.full_for == {"trigger in" if type_ == "cron" else "trigger daily"}


async def test_a_clock_that_was_far_ahead_and_is_set_right_silences_no_trigger(
    home: Home, journal: SqliteJournal
) -> None:
    job(home, EVERY_DAY)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        started = 0
        for days in (400, -400, 1):
            before = await noted(journal)
            clock.set_by(days * DAY)
            await looked_again(journal, before)
            started += days > 0
            await count_is(engine, started)


async def test_a_moment_that_comes_again_since_the_clock_was_set_back_starts_nothing_twice(
    home: Home, journal: SqliteJournal
) -> None:
    job(home, EVERY_DAY)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        for days in (1, -1, 1):
            before = await noted(journal)
            clock.set_by(days * DAY)
            await looked_again(journal, before)
        await count_is(engine, 1)


async def test_files_in_a_folder_that_cannot_be_read_for_a_moment_start_nothing_again(
    home: Home, journal: SqliteJournal, tmp_path: Path
) -> None:
    inbox, files, looks = tmp_path / "inbox", tmp_path / "files", tmp_path / "looks"
    files.mkdir()
    looks.mkdir()
    inbox.symlink_to(files)
    watches = [
        {"id": name, "type": "watch", "path": f"{place}/*", "overlap": "start"}
        for name, place in (("in", inbox), ("looked", looks))
    ]
    home.flow("job", WORK, triggers=watches)
    async with home.working(journal=journal) as engine:
        for name in ("in", "looked"):
            await noted(journal, f"demo/job/{name}")
        (files / "a.csv").write_text("1")
        await count_is(engine, 1)
        inbox.unlink()
        inbox.symlink_to(inbox)  # no file below it can be looked at
        (looks / "while it is so").write_text("1")
        await count_is(engine, 2)
        inbox.unlink()
        inbox.symlink_to(files)
        (files / "b.csv").write_text("1")
        await count_is(engine, 3)
        by = sorted(run.requested_by for run in (await engine.runs.list()).items)
        assert by == ["trigger in", "trigger in", "trigger looked"]


def test_where_there_are_more_files_than_are_looked_at_those_that_are_known_stay(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 10):
        (tmp_path / str(number)).touch()
    known, hidden = files_of(f"{tmp_path}/*", ())
    assert (len(known), hidden) == (MAX_FILES, set())
    there = [str(path) for path in tmp_path.iterdir()]
    last = [path for path in there if path not in known]
    found, _ = files_of(f"{tmp_path}/*", last)
    assert set(last) <= set(found)


async def test_a_file_whose_name_is_no_text_holds_no_other_one_up(
    home: Home, journal: SqliteJournal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watch = {"id": "in", "type": "watch", "path": f"{inbox}/*", "payload": {"file": "{{ trigger.name }}"}}
    job(home, {**watch, "overlap": "start"})
    async with home.working(journal=journal) as engine:
        await noted(journal, "demo/job/in")
        for name in ("a\udcff", "b", "\udcff"):  # bytes that are no UTF-8
            (inbox / name).write_text("1")

        async def all_told() -> bool:
            return sum("its name is no UTF-8" in one.message for one in caplog.records) == 2

        await until(all_told)
        await count_is(engine, 1)
        (run,) = (await engine.runs.list()).items
        assert (await engine.runs.summary(run.run_id)).input["file"] == "b"


async def test_an_untrusted_pack_starts_nothing_and_says_so(home: Home, journal: SqliteJournal) -> None:
    more: dict[str, Any] = {"triggers": [EVERY_DAY]}
    home.flow("job", WORK, shipped=False, **more)
    code = home.root / "home" / "demo" / "tools.py"
    code.write_text("def go() -> int:\n    return 1\n")
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        found = await engine.packs.triggers()
        assert found.starts == ()
        assert [state.off for state in found.triggers] == ["its pack's code is not trusted"]
        review = await engine.packs.code("demo")
        await engine.packs.trust("demo", review.digest, actor=ANN)
        before = await noted(journal)
        clock.set_by(DAY)
        await looked_again(journal, before)
        await count_is(engine, 1)


async def test_the_next_starts_are_told_in_the_time_zone_of_the_trigger(home: Home) -> None:
    job(home, EVERY_DAY)
    async with home.open() as engine:
        found = await engine.packs.triggers(limit=10)
        assert len(found.starts) == 10
        assert {(start.at.hour, start.at.minute) for start in found.starts} == {(12, 0)}
        assert [start.at for start in found.starts] == sorted(start.at for start in found.starts)
        assert [(state.on, state.off) for state in found.triggers] == [("0 12 * * * Europe/Berlin", None)]


async def test_a_trigger_that_is_turned_off_starts_nothing_and_counts_anew_when_it_is_on(
    home: Home, journal: SqliteJournal
) -> None:
    job(home, EVERY_DAY)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        before = await noted(journal)
        state = await engine.packs.switch_trigger("daily", on=False, actor=ANN)
        assert (state.off or "").startswith("ann turned it off, 20")
        assert (await engine.packs.triggers()).starts == ()
        clock.set_by(2 * DAY)
        assert await engine.packs.switch_trigger("demo/job/daily", on=False, actor=ANN) == state
        off = await noted(journal)
        assert off != before
        assert (await engine.packs.switch_trigger("demo/job/daily", on=True, actor=ANN)).off is None

        async def counts_anew() -> bool:
            return "definition" in json.loads(await noted(journal))

        await until(counts_anew)
        assert await engine.runs.count() == 0
        before = await noted(journal)
        clock.set_by(DAY)
        await looked_again(journal, before)
        await count_is(engine, 1)


async def test_a_trigger_that_is_off_is_off_in_the_next_process(home: Home, journal: SqliteJournal) -> None:
    job(home, EVERY_DAY)
    async with home.open(journal=journal) as engine:
        await engine.packs.switch_trigger("daily", on=False, actor=ANN)
    clock = FakeClock()
    async with home.working(clock=clock) as engine:
        clock.set_by(2 * DAY)
        (state,) = (await engine.packs.triggers()).triggers
        assert state.off is not None
        assert await engine.runs.count() == 0


async def test_a_trigger_that_its_flow_turns_off_counts_anew_when_the_flow_turns_it_on(
    home: Home, journal: SqliteJournal
) -> None:
    job(home, EVERY_DAY)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        before = await noted(journal)
        job(home, {**EVERY_DAY, "enabled": False})
        await engine.packs.reload()
        await looked_again(journal, before)
        (state,) = (await engine.packs.triggers()).triggers
        assert state.off == "its flow says `enabled: false`"
        clock.set_by(2 * DAY)
        before = await noted(journal)
        job(home, EVERY_DAY)
        await engine.packs.reload()
        await looked_again(journal, before)
        assert await engine.runs.count() == 0


async def test_a_copy_of_a_pack_whose_trigger_is_off_turns_off_no_other(
    home: Home, journal: SqliteJournal
) -> None:
    job(home, {**EVERY_DAY, "enabled": False})
    shutil.copytree(home.root / "shipped" / "demo", home.root / "home" / "demo-old")
    job(home, EVERY_DAY)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        (state,) = (await engine.packs.triggers()).triggers
        assert state.off is None
        await noted(journal)
        clock.set_by(DAY)
        await count_is(engine, 1)
        assert (await engine.packs.switch_trigger("daily", on=False, actor=ANN)).off is not None


async def test_a_trigger_that_is_not_there_or_one_of_several_cannot_be_turned(home: Home) -> None:
    for flow in ("job", "other"):
        home.flow(flow, WORK, triggers=[EVERY_DAY])
    async with home.open() as engine:
        with pytest.raises(NotFound):
            await engine.packs.switch_trigger("nightly", on=False, actor=ANN)
        with pytest.raises(InvalidInput) as caught:
            await engine.packs.switch_trigger("daily", on=False, actor=ANN)
        assert caught.value.details["triggers"] == ["demo/job/daily", "demo/other/daily"]
        scoped = engine.for_(ANN, tenant="acme")
        assert (await scoped.packs.triggers()).triggers == ()
        with pytest.raises(NotFound):
            await scoped.packs.switch_trigger("demo/job/daily", on=False, actor=ANN)
