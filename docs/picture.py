"""Draws docs/console.svg and docs/approvals.svg: the real console on a real engine, with shipped flows.

Run by `make picture`. Everything happens in a temporary directory that is gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engine import open_engine
from engine.config import EngineConfig
from engine.contracts.run import Actor
from screens.approvals import ApprovalsScreen
from screens.runs import RunsScreen
from vasini_tui.console import ConsoleApp, ConsoleOptions
from vasini_tui.shipped import shipped_packs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from engine.facade import Engine

WIDTH, HEIGHT = 110, 32
DOCS = Path(__file__).parent
COMMITS = (
    "feat: import orders from CSV",
    "fix: totals of empty carts",
    "feat: export invoices as PDF",
    "docs: how to restore a backup",
    "fix: time zones of delivery slots",
)
DEADLINE = 60.0
MINUTE = 60_000_000
DAY = 86_400.0


class PastClock:
    """A clock set back by some minutes, so that the runs of the picture have different ages."""

    def __init__(self) -> None:
        self.minutes_ago = 0

    def now(self) -> int:
        """Microseconds since the epoch."""
        return time.time_ns() // 1_000 - self.minutes_ago * MINUTE


async def main() -> None:
    """Make the work, open the console on it, draw."""
    with TemporaryDirectory() as place:
        home = Path(place)
        repository, log = _make_repository(home / "shop"), _make_log(home / "access.log")
        clock = PastClock()
        async with _engine(home, clock) as engine, engine.work():
            async for minutes_ago in _work(engine, repository, log, home):
                clock.minutes_ago = minutes_ago
            await _draw(engine, home)


@asynccontextmanager
async def _engine(home: Path, clock: PastClock) -> AsyncIterator[Engine]:
    config = EngineConfig(
        data_dir=home / "data",
        runs_dir=home / "runs",
        cache_dir=home / "cache",
        shipped_packs=shipped_packs(),
        lease_seconds=DAY,  # the clock jumps
    )
    for directory in (config.data_dir, config.runs_dir, config.cache_dir):
        directory.mkdir()
    async with open_engine(config, clock=clock) as engine:
        yield engine


async def _work(engine: Engine, repository: Path, log: Path, home: Path) -> AsyncIterator[int]:
    """Runs in different states, as on an ordinary morning; before each how many minutes ago it was."""
    notes = {"repo": str(repository), "from_ref": "v1.0", "out": str(home / "NOTES.md")}
    incident = {"log": str(log), "out_dir": str(home / "triage")}
    yield 190
    await _approve(engine, await _start(engine, "repo-steward/release-notes", notes, "ana"))
    yield 131
    await _start(engine, "log-triage/incident", {**incident, "log": str(home / "missing.log")}, "nightly")
    yield 47
    greeted = await _start(engine, "hello/hello", {"name": "Ada"}, "mei")
    await _answer(engine, greeted, {"style": "friendly", "exclamation": True})
    yield 24
    triage = await _start(engine, "log-triage/incident", incident, "nightly")
    await _answer(engine, triage, {"severity": "high", "note": "Somebody tries passwords."})
    yield 12
    await _start(engine, "repo-steward/release-notes", notes, "ana")
    yield 6
    await _start(engine, "log-triage/incident", incident, "jonas")
    yield 2
    paused = await _start(engine, "hello/hello", {"name": "Grace"}, "mei")
    await engine.runs.pause(paused, actor=Actor(name="mei"))
    yield 0


async def _start(engine: Engine, flow: str, payload: dict[str, Any], who: str) -> str:
    pack, _, name = flow.partition("/")
    run = await engine.runs.start(pack, name, payload, actor=Actor(name=who))
    await engine.runs.wait(run.run_id, timeout=DEADLINE)
    return run.run_id


async def _answer(engine: Engine, run_id: str, values: dict[str, Any]) -> None:
    form = (await engine.requests.forms(run_id=run_id)).items[0]
    async with asyncio.timeout(DEADLINE), engine.feed.subscribe(run_id=run_id) as news:
        await engine.requests.answer(form.request_id, values, actor=Actor(name="ana"))
        async for batch in news:
            if any(event.kind == "pending_human" for event in batch.events):
                return


async def _approve(engine: Engine, run_id: str) -> None:
    approval = (await engine.requests.approvals(run_id=run_id)).items[0]
    await engine.requests.approve(approval.approval_id, actor=Actor(name="ana"))
    await engine.runs.wait(run_id, timeout=DEADLINE)


async def _draw(engine: Engine, home: Path) -> None:
    app = ConsoleApp(engine, actor=Actor(name="ana"), tenant="default", settings=ConsoleOptions(bell=False))
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await _until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.pause(1)
        _write(app, "console.svg", home)
        await pilot.press("2")
        await _until(pilot, lambda: isinstance(app.screen, ApprovalsScreen))
        await pilot.pause(1)
        _write(app, "approvals.svg", home)


async def _until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await pilot.pause(0.02)


def _write(app: ConsoleApp, name: str, home: Path) -> None:
    picture = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="vasini"), flags=re.DOTALL)
    # Not every viewer keeps the spaces a text begins with.
    picture = picture.replace("<text ", '<text xml:space="preserve" ')
    if home.name in picture:
        sys.exit(f"{name} shows a path of this machine")
    (DOCS / name).write_text(picture, "utf-8")


def _make_repository(place: Path) -> Path:
    place.mkdir()
    _git(place, "init", "--quiet", "--initial-branch=main")
    _git(place, "commit", "--quiet", "--allow-empty", "--message", "chore: begin")
    _git(place, "tag", "v1.0")
    for message in COMMITS:
        _git(place, "commit", "--quiet", "--allow-empty", "--message", message)
    return place


def _git(place: Path, *arguments: str) -> None:
    names = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Ana"), ("EMAIL", "ana@example.org"))
    }
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=place, check=True, env={**os.environ, **names, **alone})


def _make_log(place: Path) -> Path:
    """An ordinary hour of a shop, and two clients that try passwords."""
    lines = []
    for second in range(3600):
        when = f"14/Mar/2026:09:{second // 60:02}:{second % 60:02} +0000"
        lines.append(f'192.0.2.{second % 90} - - [{when}] "GET /shop/{second % 40} HTTP/1.1" 200 5120')
        if second % 3 == 0:
            client = "203.0.113.7" if second % 2 else "198.51.100.23"
            lines.append(f'{client} - - [{when}] "POST /login HTTP/1.1" 401 128')
    place.write_text("\n".join(lines) + "\n")
    return place


if __name__ == "__main__":
    asyncio.run(main())
