"""The workloads: W1 throughput, W2 approvals, W3 a kill and a restart. The same for every subject."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Meter, database_bytes, memory_mb, percentile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from benchmarks.runs.subject import Subject

W1_STEPS = 5
SINGLE_APPROVALS = 20
IDLE_SECONDS = 5.0
GIVE_UP_SECONDS = 120.0

Figures = dict[str, Any]


async def pool(items: Iterable[str], width: int, work: Callable[[str], Awaitable[Any]]) -> None:
    """`work` on every item, `width` at once."""
    source = iter(items)

    async def take() -> None:
        for item in source:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(take())


async def w1(subject: Subject, n: int, width: int) -> Figures:
    """`n` runs of five steps, `width` at once."""
    async with subject:
        await _warm(subject)
        before = database_bytes(subject.database)
        took: list[float] = []

        async def one(key: str) -> None:
            begin = time.perf_counter()
            await subject.run_w1(key)
            took.append(time.perf_counter() - begin)

        meter = Meter()
        await pool((f"r-{i}" for i in range(n)), width, one)
        await subject.settle()
        wall, cpu = meter.read()
        return {
            "runs_s": round(n / wall, 1),
            "cpu_s_per_1k_steps": round(cpu / (W1_STEPS * n) * 1000, 3),
            "latency_p50_ms": round(percentile(took, 0.5) * 1e3, 2),
            "latency_p95_ms": round(percentile(took, 0.95) * 1e3, 2),
            "peak_rss_mb": round(memory_mb("VmHWM"), 1),
            "bytes_per_run": round((database_bytes(subject.database) - before) / n),
        }


async def w2(subject: Subject, n: int, width: int) -> Figures:
    """Park `n` runs at an approval, sit idle, approve some one at a time, then all the others."""
    async with subject:
        await _warm(subject)
        before = database_bytes(subject.database)
        meter = Meter()
        handles = await _park(subject, n, width)
        parking, _ = meter.read()
        await subject.settle()
        gc.collect()
        figures = {
            "parked_s": round(n / parking, 1),
            "rss_parked_mb": round(memory_mb("VmRSS"), 1),
            "bytes_per_parked": round((database_bytes(subject.database) - before) / n),
        }
        await asyncio.sleep(1.0)
        meter = Meter()
        await asyncio.sleep(IDLE_SECONDS)
        wall, cpu = meter.read()
        figures["idle_cpu_pct"] = round(cpu / wall * 100, 2)
        await subject.list_parked()  # who decides has looked at what waits
        first = min(SINGLE_APPROVALS, n // 10)
        single = [await _approve_one(subject, handle) for handle in handles[:first]]
        figures["single_p50_ms"] = round(percentile(single, 0.5) * 1e3, 2)
        figures["single_p95_ms"] = round(percentile(single, 0.95) * 1e3, 2)
        return figures | await _approve_all(subject, handles[first:], width)


async def _warm(subject: Subject) -> None:
    for i in range(3):
        await subject.run_w1(f"warm-{i}")


async def _park(subject: Subject, n: int, width: int) -> list[str]:
    handles: list[str] = []

    async def start(key: str) -> None:
        handles.append(await subject.start_w2(key))

    await pool((f"p-{i}" for i in range(n)), width, start)
    while len(subject.parked) < n:  # noqa: ASYNC110 - some subjects park runs in a thread of their own
        await asyncio.sleep(0.005)
    return handles


async def _approve_one(subject: Subject, handle: str) -> float:
    end = asyncio.ensure_future(subject.wait(handle))
    await asyncio.sleep(0)
    begin = time.perf_counter()
    await subject.approve(handle)
    await end
    return time.perf_counter() - begin


async def _approve_all(subject: Subject, handles: list[str], width: int) -> Figures:
    """Every latency counts from when "approve all" was pressed.

    So an engine whose `approve` runs the rest of the flow and one that only leaves word are alike.
    """
    took: list[float] = []
    begin = time.perf_counter()

    async def ended(handle: str) -> None:
        await subject.wait(handle)
        took.append(time.perf_counter() - begin)

    async with asyncio.TaskGroup() as group:

        async def one(handle: str) -> None:
            await subject.approve(handle)
            group.create_task(ended(handle))

        await pool(handles, width, one)
    await subject.settle()
    return {
        "done_s": round(len(handles) / (time.perf_counter() - begin), 1),
        "burst_p50_ms": round(percentile(took, 0.5) * 1e3, 1),
        "burst_p95_ms": round(percentile(took, 0.95) * 1e3, 1),
    }


async def park_and_wait(subject: Subject, n: int, width: int) -> Figures:
    """First half of W3: park `n` runs, say so, and stay until killed."""
    async with subject:
        await _warm(subject)
        await _park(subject, n, width)
        await asyncio.sleep(0.5)
        print("READY", flush=True)
        await asyncio.Event().wait()
    return {}


async def resume(subject: Subject, n: int, width: int, begin: float) -> Figures:
    """Second half of W3: list what is parked and complete it; `begin` is when this process was started."""
    async with subject:
        handles = await subject.list_parked()
        while len(handles) < n and time.time() < begin + GIVE_UP_SECONDS:
            await asyncio.sleep(0.02)
            handles = await subject.list_parked()
        listed = time.time()

        async def one(handle: str) -> None:
            await subject.approve(handle)
            await subject.wait(handle)

        await pool(handles, width, one)
        await subject.settle()
        end = time.time()
    return {
        "listed": len(handles),
        "listed_s": round(listed - begin, 3),
        "complete_s": round(end - listed, 3),
        "total_s": round(end - begin, 3),
    }


def w3(module: str, directory: Path, n: int, width: int) -> str:
    """Park runs in one process, kill it, restart; the restarted process's line of figures."""
    call = [sys.executable, "-m", module]
    arguments = ["--n", str(n), "--concurrency", str(width), "--directory", str(directory)]
    with subprocess.Popen([*call, "w3-park", *arguments], stdout=subprocess.PIPE, text=True) as parker:
        assert parker.stdout is not None
        ready = any(line.startswith("READY") for line in parker.stdout)
        os.kill(parker.pid, signal.SIGKILL)
    if not ready:
        raise SystemExit(f"{module}: no runs were parked")
    time.sleep(1.0)
    begin = ["--begin", repr(time.time())]
    done = subprocess.run(
        [*call, "w3-resume", *arguments, *begin], stdout=subprocess.PIPE, text=True, timeout=400, check=True
    )
    return done.stdout.strip()
