"""What changes of packs cost: `save` until told, `visible` on screen, `checkout`, `startup`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Meter, percentile
from benchmarks.packs.made_packs import write_packs
from benchmarks.packs.visible_saves import visible_saves
from engine.config import EngineConfig
from engine.facade.feed import PackChanged
from engine.runtime.embedded.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.feed import FeedBatch

PATIENCE = 60.0
LIMIT_MS = 500
"""Save to visible, 95th percentile with 100 packs."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("save", "visible", "checkout", "startup"))
    parser.add_argument("--packs", type=int, default=100)
    parser.add_argument("--n", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        match options.work:
            case "save":
                figures = asyncio.run(save(root, options.packs, options.n))
            case "visible":
                figures = visible(root, options.packs, options.n)
            case "checkout":
                figures = asyncio.run(checkout(root, options.packs))
            case _:
                figures = startup(root, options.packs, options.n)
    named = {"subject": "vasini", "work": f"packs-{options.work}", "packs": options.packs}
    print(json.dumps(named | figures), flush=True)


def config(root: Path) -> EngineConfig:
    return EngineConfig(
        data_dir=root / "data", runs_dir=root / "runs", cache_dir=root / "cache", home_packs=root / "packs"
    )


async def save(root: Path, packs: int, n: int) -> dict[str, object]:
    """Milliseconds from a save (every third one broken) until the feed tells it."""
    directories = write_packs(root / "packs", packs)
    good: list[float] = []
    broken: list[float] = []
    async with open_engine(config(root)) as engine, engine.feed.subscribe() as batches:
        await engine.packs.list()
        await warm(directories[0], batches)
        for turn in range(n):
            file = next((directories[turn % packs] / "flows").iterdir())
            whole = file.read_text() + f"# {turn}\n"
            if turn % 3 == 0:
                broken.append(await saved(file, "id: [\n", batches))
            good.append(await saved(file, whole, batches))
    return of_saves(good, broken)


def visible(root: Path, packs: int, n: int) -> dict[str, object]:
    """Milliseconds from a save until the console shows it, and whether the limit is held."""
    figures = of_saves(*visible_saves(root, packs, n))
    return figures | {"limit_ms": LIMIT_MS, "held": int(str(figures["p95_ms"])) <= LIMIT_MS}


def of_saves(good: list[float], broken: list[float]) -> dict[str, object]:
    every = good + broken
    return {
        "n": len(every),
        "p50_ms": round(percentile(every, 0.5)),
        "p95_ms": round(percentile(every, 0.95)),
        "good_p95_ms": round(percentile(good, 0.95)),
        "broken_p95_ms": round(percentile(broken, 0.95)),
    }


async def saved(file: Path, text: str, batches: AsyncIterator[FeedBatch]) -> float:
    begin = time.perf_counter()
    replace(file, text)
    await told(batches, 1)
    return (time.perf_counter() - begin) * 1000


async def checkout(root: Path, packs: int) -> dict[str, object]:
    """Seconds and CPU of taking in packs that all changed at once, as a `git checkout` changes them."""
    directories = write_packs(root / "packs", packs)
    longest = 0.0
    async with open_engine(config(root)) as engine, engine.feed.subscribe() as batches:
        await engine.packs.list()
        await warm(directories[0], batches)
        meter = Meter()
        for directory in directories:
            file = next((directory / "flows").iterdir())
            replace(file, file.read_text() + "# other branch\n")
        watching = asyncio.create_task(longest_pause())
        await told(batches, packs)
        wall, cpu = meter.read()
        watching.cancel()
        (longest,) = await asyncio.gather(watching)
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "longest_pause_ms": round(longest * 1000)}


async def longest_pause() -> float:
    """How long the event loop stood still at most."""
    longest = 0.0
    try:
        while True:
            begin = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - begin - 0.005)
    except asyncio.CancelledError:
        return longest


async def warm(directory: Path, batches: AsyncIterator[FeedBatch]) -> None:
    """Return when the watcher is at work."""
    file = next((directory / "flows").iterdir())
    replace(file, file.read_text() + "# warm\n")
    await told(batches, 1)


async def told(batches: AsyncIterator[FeedBatch], count: int) -> None:
    seen = 0
    async with asyncio.timeout(PATIENCE):
        while seen < count:
            seen += len((await anext(batches)).of(PackChanged))


def replace(file: Path, text: str) -> None:
    """As editors save: beside, then renamed."""
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text)
    os.replace(beside, file)


def startup(root: Path, packs: int, n: int) -> dict[str, object]:
    """Wall and CPU milliseconds of commands with many packs and with one, medians of `n`.

    `packs` reads them all; `runs`, and the console until its first frame, read none.
    """
    write_packs(root / "many" / "packs", packs)
    write_packs(root / "one" / "packs", 1)
    figures: dict[str, object] = {"n": n}
    for command in ("packs", "runs"):
        wall: dict[str, list[float]] = {"one": [], "many": []}
        cpu: dict[str, list[float]] = {"one": [], "many": []}
        for _ in range(n):
            for home in ("one", "many"):
                begin, spent = time.perf_counter(), children_seconds()
                vasini(root / home, command)
                wall[home].append(time.perf_counter() - begin)
                cpu[home].append(children_seconds() - spent)
        for home in ("one", "many"):
            figures[f"{command}_{home}_ms"] = round(percentile(wall[home], 0.5) * 1000)
            figures[f"{command}_{home}_cpu_ms"] = round(percentile(cpu[home], 0.5) * 1000)
    return figures


def children_seconds() -> float:
    """CPU time of all processes started and ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def vasini(home: Path, command: str) -> None:
    program = Path(sys.executable).with_name("vasini")
    environment = {**os.environ, "VASINI_HOME": str(home)}
    subprocess.run([program, command, "--json"], env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
