"""Reads the JSON lines of one run of the benches; prints medians and every bar with its ratio."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Case = tuple[str, int]
"""A workload and its size: concurrency of W1, number of runs of W2 and W3, history of growth."""
_NOT_FIGURES = frozenset({"subject", "work", "n", "concurrency", "events", "runs"})


@dataclass(frozen=True, slots=True)
class Bar:
    """`figure` of ours by the same figure of the baseline is at least (or at most) `limit`."""

    text: str
    work: str
    figure: str
    limit: float
    at_least: bool = False
    size: int | None = None
    biggest: bool = False
    absolute: bool = False


BARS = (
    Bar("W1 runs/s, 50 at once, >= 5x", "w1", "runs_s", 5, at_least=True, size=50),
    Bar("W1 runs/s, 1 at once, >= 2x", "w1", "runs_s", 2, at_least=True, size=1),
    Bar("W1 CPU per 1,000 steps <= 1/3", "w1", "cpu_s_per_1k_steps", 1 / 3, size=50),
    Bar("W1 database bytes per run <= 1x", "w1", "bytes_per_run", 1, size=50),
    Bar("W2 parked/s >= 4x", "w2", "parked_s", 4, at_least=True),
    Bar("W2 done/s >= 4x", "w2", "done_s", 4, at_least=True),
    Bar("W2 single approval p50 <= 1x", "w2", "single_p50_ms", 1),
    Bar("W2 RSS, most parked, <= 1x", "w2", "rss_parked_mb", 1, biggest=True),
    Bar("W2 idle CPU, most parked, < 1 %", "w2", "idle_cpu_pct", 1, biggest=True, absolute=True),
    Bar("W3 parked runs listed <= 0.3 s", "w3", "listed_s", 0.3, absolute=True),
    Bar("W3 all completed <= 0.5x", "w3", "total_s", 0.5),
    Bar("Growth: W1 runs/s >= 0.9x of an empty journal", "growth-w1", "runs_s", 0.9, at_least=True),
    Bar("Growth: first page of runs <= 1.2x", "growth-page", "first_page_ms", 1.2),
)


class Results:
    """Medians by subject, case and figure."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        found: dict[tuple[str, Case, str], list[float]] = {}
        for line in lines:
            case = (line["work"], _size(line))
            for figure in line.keys() - _NOT_FIGURES:
                found.setdefault((line["subject"], case, figure), []).append(float(line[figure]))
        self._medians = {key: statistics.median(values) for key, values in found.items()}
        self.subjects = list(dict.fromkeys(str(line["subject"]) for line in lines))

    def sizes(self, work: str) -> list[int]:
        """Sizes a workload was run at, ascending."""
        return sorted(
            {case[1] for _, case, _ in self._medians if case[0] == work}, key=lambda size: size or 0
        )

    def median(self, subject: str, work: str, size: int, figure: str) -> float | None:
        """None when it was not measured."""
        return self._medians.get((subject, (work, size), figure))

    def figures(self) -> list[tuple[Case, str]]:
        """Every case with every figure."""
        return sorted({(case, figure) for _, case, figure in self._medians}, key=str)


def _size(line: dict[str, Any]) -> int:
    name = {"w1": "concurrency", "growth-w1": "events", "growth-page": "runs"}.get(line["work"], "n")
    return int(line[name])


def judge(results: Results, bar: Bar) -> str:
    """One line: the bar, the figures, the ratio, PASS or MISS."""
    sizes = results.sizes(bar.work)
    if not sizes:
        return f"{bar.text:48s} not measured"
    growth = bar.work.startswith("growth")
    size = bar.size or (sizes[-1] if bar.biggest or growth else sizes[0])
    ours = results.median("vasini", bar.work, size, bar.figure)
    base = (
        results.median("vasini", bar.work, sizes[0], bar.figure)
        if growth
        else results.median("langgraph", bar.work, size, bar.figure)
    )
    if ours is None or (base is None and not bar.absolute):
        return f"{bar.text:48s} not measured"
    value = ours if bar.absolute or base is None else ours / base if base else float("inf")
    passed = value >= bar.limit if bar.at_least else value <= bar.limit
    against = "" if base is None else f"{base:10.2f}"
    shown = f"{value:8.2f}{' ' if bar.absolute else 'x'}"
    return f"{bar.text:48s} {ours:10.2f} {against:>10s} {shown} {'PASS' if passed else 'MISS'}"


def main() -> None:
    """Print the report of the file named on the command line."""
    lines = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    results = Results([line for line in lines if "work" in line])
    print(f"{'case':34s}" + "".join(f"{subject:>12s}" for subject in results.subjects))
    for (work, size), figure in results.figures():
        row = [results.median(subject, work, size, figure) for subject in results.subjects]
        cells = "".join(f"{'-' if value is None else f'{value:.2f}':>12s}" for value in row)
        print(f"{f'{work} {size} {figure}':34s}{cells}")
    print(f"\n{'bar':48s} {'ours':>10s} {'baseline':>10s} {'value':>9s}")
    for bar in BARS:
        print(judge(results, bar))


if __name__ == "__main__":
    main()
