"""The command line of a subject: `w1`, `w2` or `w3`, one JSON line of figures on standard output."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.runs import workloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.runs.subject import Subject


def main(make: Callable[[Path], Subject], module: str) -> None:
    """Run one workload in this process; `module` is how a further process of it is started."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("w1", "w2", "w3", "w3-park", "w3-resume"))
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--directory", type=Path, help="database to use (default: a fresh one)")
    parser.add_argument("--begin", type=float, default=0.0, help="when this process was started (w3-resume)")
    options = parser.parse_args()
    if options.directory is not None:
        print(_measure(make(options.directory), options, module), flush=True)
        return
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    # Left where it is: ext4 makes files slowly for minutes after many were deleted, so whoever
    # started the benches deletes all of it at the end.
    directory = Path(tempfile.mkdtemp(dir=root))
    print(_measure(make(directory), options, module), flush=True)


def _measure(subject: Subject, options: argparse.Namespace, module: str) -> str:
    n, width = options.n, options.concurrency
    match options.work:
        case "w3":
            return workloads.w3(module, subject.directory, n, width)
        case "w1":
            figures = asyncio.run(workloads.w1(subject, n, width))
        case "w2":
            figures = asyncio.run(workloads.w2(subject, n, width))
        case "w3-park":
            figures = asyncio.run(workloads.park_and_wait(subject, n, width))
        case _:
            figures = asyncio.run(workloads.resume(subject, n, width, options.begin))
    work = options.work.removesuffix("-resume")
    return json.dumps({"subject": subject.name, "work": work, "n": n, "concurrency": width, **figures})
