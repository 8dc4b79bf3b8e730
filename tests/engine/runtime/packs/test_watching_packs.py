"""Files that change under a running engine, in every way that editors and tools change them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest

from engine.contracts.packs.pack import PackState
from engine.contracts.packs.versions import PackOutcome
from engine.facade.feed import PackChanged
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.clock import SystemClock
from engine.runtime.pack_library.catalog_source import CatalogSource
from engine.runtime.pack_library.pack_status import PackStatusSource
from engine.runtime.pack_library.watch import PackWatch
from tests.engine.runtime.embedded_home import Home, finished, tool, until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.contracts.packs.pack import PackView
    from engine.contracts.packs.versions import PackNotice
    from engine.facade.engine import Engine


class Watched:
    """An engine that watches its packs, and everything it told."""

    def __init__(self, home: Home, engine: Engine) -> None:
        self.home = home
        self.engine = engine
        self.told: list[PackNotice] = []

    async def views(self) -> dict[str, PackView]:
        return {view.pack: view for view in await self.engine.packs.list()}

    async def until(self, pack: str, state: PackState | None, digest: str | None = None) -> None:
        """Return when the pack is in this state (None: gone) and has other content than `digest`."""

        async def reached() -> bool:
            view = (await self.views()).get(pack)
            if view is None or state is None:
                return view is None and state is None
            return view.state is state and view.digest != digest

        await until(reached)

    async def digest(self, pack: str = "demo") -> str | None:
        return (await self.views())[pack].digest

    async def read(self) -> None:
        async with self.engine.feed.subscribe() as batches:
            async for batch in batches:
                self.told += (notice.pack for notice in batch.of(PackChanged))


@asynccontextmanager
async def watched(home: Home, **changes: object) -> AsyncIterator[Watched]:
    """An engine whose watcher is at work: a pack that came after it started has been noticed."""
    async with home.working(**changes) as engine:
        one = Watched(home, engine)
        await engine.packs.list()
        reading = asyncio.create_task(one.read())
        try:
            write(home, pack="zz-first")
            await one.until("zz-first", PackState.OK)
            yield one
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def write(home: Home, word: str = "one", *, pack: str = "demo") -> Path:
    home.flow("greet", tool("say", params={"word": word}), pack=pack, shipped=False)
    return flow_file(home, pack)


def flow_file(home: Home, pack: str = "demo") -> Path:
    return home.root / "home" / pack / "flows" / "greet.yaml"


def text(word: str) -> str:
    return f"id: greet\nsteps:\n- {{id: say, type: tool, tool: fake.echo, params: {{word: {word}}}}}\n"


async def test_a_save_is_in_force_without_a_restart_and_a_broken_one_is_told(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(home)
    async with watched(home) as one:
        before = await one.digest()
        file.write_text(text("two"))
        await one.until("demo", PackState.OK, before)
        assert (await finished(one.engine, "greet")).output == {"word": "two"}
        file.write_text("id: [")
        await one.until("demo", PackState.STALE)
        (problem,) = (await one.engine.packs.get("demo")).view.problems
        assert f"pack demo: {problem}" in caplog.messages
        assert (await finished(one.engine, "greet")).output == {"word": "two"}
        file.write_text(text("three"))
        await one.until("demo", PackState.OK)
        assert [n.outcome for n in one.told if n.pack == "demo"] == [
            PackOutcome.CHANGED,
            PackOutcome.FAILED,
            PackOutcome.CHANGED,
        ]


async def test_editors_that_write_beside_and_rename(home: Home) -> None:
    """vim: a probe `4913`, the old file renamed to `x~`, a new one in its place, the backup removed."""
    file = write(home)
    async with watched(home) as one:
        before = await one.digest()
        (file.parent / "4913").touch()
        (file.parent / "4913").unlink()
        (file.parent / ".greet.yaml.swp").write_bytes(b"b0VIM\0\0")
        file.rename(file.with_name("greet.yaml~"))
        file.write_text(text("two"))
        file.with_name("greet.yaml~").unlink()
        await one.until("demo", PackState.OK, before)
        after = await one.digest()
        beside = file.with_name(".greet.yaml.tmp")  # VS Code's and sed's way
        beside.write_text(text("three"))
        beside.replace(file)
        await one.until("demo", PackState.OK, after)
        assert PackOutcome.FAILED not in {notice.outcome for notice in one.told}


async def test_a_half_written_file_is_stale_until_its_end_comes(home: Home) -> None:
    file = write(home)
    async with watched(home) as one:
        good = await one.digest()
        with file.open("w") as stream:
            stream.write(text("two")[:40])
            stream.flush()
            await one.until("demo", PackState.STALE)
            assert await one.digest() == good
            stream.write(text("two")[40:])
        await one.until("demo", PackState.OK, good)


async def test_a_pack_that_is_deleted_made_again_or_renamed_is_noticed(home: Home) -> None:
    directory = write(home).parents[1]
    async with watched(home) as one:
        kept = home.root / "kept"
        shutil.copytree(directory, kept)
        shutil.rmtree(directory)
        await one.until("demo", None)
        shutil.copytree(kept, directory)
        await one.until("demo", PackState.OK)
        directory.rename(directory.with_name("other-name"))

        async def moved() -> bool:
            view = (await one.views()).get("demo")
            return view is not None and view.directory.endswith("/other-name")

        await until(moved)
        write(home, pack="dropped-in")
        await one.until("dropped-in", PackState.OK)


async def test_the_directory_of_packs_comes_later_goes_and_is_replaced(home: Home) -> None:
    async with home.working() as engine:
        one = Watched(home, engine)
        assert await engine.packs.list() == ()
        write(home)
        await one.until("demo", PackState.OK)
        (home.root / "home").rename(home.root / "old")
        await one.until("demo", None)
        write(home, pack="new")
        await one.until("new", PackState.OK)
        shutil.rmtree(home.root / "home")
        await one.until("new", None)


async def test_2000_events_at_once(home: Home) -> None:
    for number in range(20):
        write(home, pack=f"pack-{number:02}")
    async with watched(home) as one:
        before = {pack: view.digest for pack, view in (await one.views()).items()}
        for turn in range(50):
            for number in range(20):
                flow_file(home, f"pack-{number:02}").write_text(text(f"turn-{turn}"))
                (home.root / "home" / f"pack-{number:02}" / "notes.txt").write_text(str(turn))
        for number in range(20):
            pack = f"pack-{number:02}"
            await one.until(pack, PackState.OK, before[pack])
        run = await one.engine.packs.diff("pack-07", home.root / "home" / "pack-07")
        assert run.files == ()


@pytest.mark.parametrize("packs", [100])
async def test_a_git_checkout_that_touches_100_packs(home: Home, packs: int) -> None:
    root = home.root / "home"

    def git(*words: str) -> None:
        author = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", root, *author, *words], check=True, capture_output=True)

    for number in range(packs):
        write(home, pack=f"pack-{number:03}")
    for words in (["init", "-b", "one"], ["add", "."], ["commit", "-m", "one"], ["checkout", "-b", "two"]):
        await asyncio.to_thread(git, *words)
    for number in range(packs):
        write(home, "two", pack=f"pack-{number:03}")
    await asyncio.to_thread(git, "commit", "-am", "two")
    async with watched(home) as one:
        before = {pack: view.digest for pack, view in (await one.views()).items()}
        await asyncio.to_thread(git, "checkout", "one")

        async def all_changed() -> bool:
            views = await one.views()
            touched = [view for pack, view in views.items() if pack.startswith("pack-")]
            return len(touched) == packs and all(view.digest != before[view.pack] for view in touched)

        await until(all_changed)
        assert {view.state for view in (await one.views()).values()} == {PackState.OK}


async def test_packs_are_looked_at_by_polling_where_events_never_come(home: Home) -> None:
    file = write(home)
    async with watched(home, pack_watch="poll", pack_poll_seconds=0.05) as one:
        before = await one.digest()
        file.write_text(text("two"))
        await one.until("demo", PackState.OK, before)


async def test_a_file_whose_name_is_no_text_ends_no_watching(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(home)
    async with watched(home, pack_poll_seconds=0.05) as one:
        (home.root / "home" / os.fsdecode(b"n\xff")).touch()

        async def told() -> bool:
            return any("every 0.05 s: Unable to decode path" in words for words in caplog.messages)

        await until(told)
        file.write_text(text("two"))
        await one.until("demo", PackState.OK, await one.digest())


async def test_two_packs_with_one_id_are_told_and_the_first_goes_on(home: Home) -> None:
    directory = write(home).parents[1]
    async with watched(home) as one:
        shutil.copytree(directory, directory.with_name("demo-copy"))

        async def told() -> bool:
            return PackOutcome.FAILED in {notice.outcome for notice in one.told}

        await until(told)
        views = [view for view in await one.engine.packs.list() if view.pack == "demo"]
        assert [view.state for view in views] == [PackState.OK, PackState.BROKEN]
        assert "already" in views[1].problems[0].message
        assert (await finished(one.engine, "greet")).output == {"word": "one"}


async def test_what_a_look_that_was_given_up_found_changed_is_in_force(home: Home) -> None:
    asked, may_tell = threading.Event(), threading.Event()
    may_tell.set()

    def names() -> set[str]:
        """Asked in the thread that reads packs."""
        asked.set()
        may_tell.wait(PATIENCE)
        return {"fake.echo"}

    journal = MemoryJournal()
    source = CatalogSource(home.config(), names, journal, PackStatusSource(journal), SystemClock())
    home.flow("greet", tool("say", params={"word": "one"}), shipped=False)
    before = (await source.load()).find("demo")
    home.flow("greet", tool("say", params={"word": "two"}), shipped=False)
    asked.clear()
    may_tell.clear()
    looking = asyncio.create_task(source.refresh())
    await asyncio.to_thread(asked.wait, PATIENCE)
    looking.cancel()
    await asyncio.sleep(0)
    may_tell.set()
    with pytest.raises(asyncio.CancelledError):
        await looking
    await source.refresh()
    after = (await source.load()).find("demo")
    assert before is not None
    assert after is not None
    assert after.pack.content.digest != before.pack.content.digest


class FakeSource:
    """Has a bug in its first look."""

    roots = ()

    def __init__(self) -> None:
        self.looks = 0

    async def refresh(self, _recheck_after: float) -> None:
        self.looks += 1
        if self.looks == 1:
            raise ZeroDivisionError


async def test_a_look_that_fails_by_a_fault_of_the_program_is_not_the_last_one(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    source = FakeSource()
    watch = PackWatch(cast("CatalogSource", source), home.config(pack_watch="poll", pack_poll_seconds=0.01))

    async def looked_again() -> bool:
        return source.looks > 1

    async with watch.watching():
        await until(looked_again)
    assert "looking at packs failed" in caplog.text
