"""How right the shipped jobs are: precision and recall on sets that are labeled where they are written.

`python -m benchmarks.packs.jobs_bench [--lines 20000]`. Corpora are those of the tests; generated sets mix
their parts at random, with a fixed seed. They hold what we know of: a share of 100 % says that nothing of it
broke, not that nothing else exists.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engine.packs.shipped import (
    access_log_corpus,
    commit_subjects_corpus,
    secret_files_corpus,
    service_log_corpus,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PACKS = Path(__file__).parents[2] / "packs"


@dataclass(slots=True)
class Score:
    """Counts of what was said and what is right."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def add(self, said: set[str], right: set[str]) -> None:
        self.hits += len(said & right)
        self.false += len(said - right)
        self.missed += len(right - said)

    def row(self, name: str, seconds: float) -> str:
        precision = self.hits / (self.hits + self.false) if self.hits + self.false else 1.0
        recall = self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0
        counts = f"{self.hits + self.missed:>7,} | {self.false:>5,} | {self.missed:>6,}"
        return f"| {name:<34} | {precision:>9.1%} | {recall:>6.1%} | {counts} | {seconds:>5.1f} s |"


def load(pack: str) -> ModuleType:
    name = f"job_{pack.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, PACKS / pack / "tools.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    sys.modules[name] = module
    for part in (PACKS / pack).glob("tools_*.py"):  # of another pack, with the same name
        sys.modules.pop(part.stem, None)
    sys.path.insert(0, str(PACKS / pack))
    spec.loader.exec_module(module)
    sys.path.remove(str(PACKS / pack))
    return module


def triage_of_the_corpus(tools: ModuleType, folder: Path) -> Score:
    score = Score()
    for log in access_log_corpus.CORPUS:
        if log.stops:
            continue
        (folder / "access.log").write_bytes(log.content)
        result = tools.analyze(str(folder / "access.log"), list(log.proxies))
        blocked = set(tools.propose_blocklist(result["suspicious"], list(log.allow))["clients"])
        score.add(blocked, set(log.blocked))
    return score


def triage_of_a_mixed_log(tools: ModuleType, folder: Path, lines: int) -> Score:
    """Users with mistakes, editors, own machines; one client in fifty is hostile, in five ways."""
    chance, line = random.Random(11), access_log_corpus.line
    written: list[str] = []
    hostile: set[str] = set()
    for number in range(max(50, lines // 20)):
        client = f"{chance.randrange(11, 99)}.{chance.randrange(256)}.{number // 250}.{number % 250}"
        if number % 50 == 0:
            hostile.add(client)
            written += _attack(client, number // 50 % 5, chance)
            continue
        if number % 50 == 1:
            client = f"10.0.{chance.randrange(256)}.{chance.randrange(256)}"
            written += [line(client, path, 404) for path in access_log_corpus.PROBES]
        paths = (
            "/",
            "/shop",
            "/cart",
            "/wp-login.php",
            "/wp-admin/post.php",
            "/.well-known/x",
            "/api?q=select",
        )
        written += [line(client, chance.choice(paths)) for _ in range(chance.randrange(1, 30))]
        written += [
            line(client, "/logo.png", chance.choice((404, 403, 500))) for _ in range(chance.randrange(4))
        ]
    chance.shuffle(written)
    (folder / "mixed.log").write_text("".join(written))
    result = tools.analyze(str(folder / "mixed.log"))
    score = Score()
    score.add(set(tools.propose_blocklist(result["suspicious"])["clients"]), hostile)
    return score


def _attack(client: str, kind: int, chance: random.Random) -> list[str]:
    line = access_log_corpus.line
    probes = access_log_corpus.PROBES
    usual = [line(client, "/") for _ in range(chance.randrange(5))]
    attacks = (
        [line(client, path, 404) for path in probes],
        [line(client, chance.choice(probes), 200)],
        [line(client, f"/a{number}.php", 404) for number in range(20)],
        [line(client, "/login", 401) for _ in range(30)],
        [line(client, "/", agent="Mozilla/5.0 zgrab/0.x")],
    )
    return [*usual, *attacks[kind]]


def levels_of_the_corpus(tools: ModuleType, folder: Path) -> Score:
    score = Score()
    for lines in service_log_corpus.CORPUS:
        labeled = [*((one, True) for one in lines.errors), *((one, False) for one in lines.others)]
        for line, right in labeled:
            (folder / "service.log").write_text(line + "\n", "utf-8")
            said = tools.collect(str(folder / "service.log"), "checkout")["errors"] > 0
            score.add({line} if said else set(), {line} if right else set())
    return score


def levels_of_a_mixed_log(tools: ModuleType, folder: Path, lines: int) -> Score:
    """Formats, levels, services and numbers put together at random; each line ends with its own number."""
    chance = random.Random(12)
    right: set[str] = set()
    written: list[str] = []
    for number in range(lines):
        level = chance.choice(("debug", "info", "info", "info", "warn", "error", "fatal"))
        service = chance.choice(("checkout", "checkout", "cart", "checkout-worker", "precheckout"))
        words = chance.choice(
            ("served in 503 ms", "no ERROR was found", "refused: error 7", "kept 512 items", "retried 3 of 3")
        )
        line = _line(chance.randrange(6), level, service, f"{words} n{number}")
        written.append(line)
        if level in {"error", "fatal"} and service == "checkout":
            right.add(f"n{number}")
    (folder / "mixed.log").write_text("\n".join(written) + "\n")
    said: set[str] = set()
    for begin in range(0, lines, 10):  # ten lines a time: the sample holds every error then
        (folder / "part.log").write_text("\n".join(written[begin : begin + 10]) + "\n")
        found = tools.collect(str(folder / "part.log"), "checkout")
        said |= {line.rpartition(" ")[2].strip('"}') for line in found["sample"]}
    score = Score()
    score.add(said, right)
    return score


def secrets_of_the_corpus(tools: ModuleType, folder: Path) -> Score:
    """Lines that hold a credential, in files as they are committed."""
    files = secret_files_corpus.FILES
    root = folder / "repo"
    for file in files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, file.encoding)
    result = tools.scan_files(str(root), [file.path for file in files], {"workdir": str(folder)})
    score = Score()
    said = {f"{finding['path']}:{finding['line']}" for finding in result["findings"]}
    score.add(said, {f"{file.path}:{line}" for file in files for line in file.lines})
    return score


def kinds_of_the_corpus(tools: ModuleType) -> Score:
    """Subjects of commits under the heading where a reader looks for them."""
    score = Score()
    for subject, kind in commit_subjects_corpus.SUBJECTS:
        commit = {"sha": "0" * 40, "author": "Ada", "subject": subject, "body": ""}
        (group,) = tools.group_commits([commit])["groups"]
        score.add({group["kind"]}, {kind})
    return score


def _line(form: int, level: str, service: str, words: str) -> str:
    at = "2026-11-28T02:00:00.503Z"
    return (
        f"{at} {level.upper()} {service} {words}",
        f'{{"time":"{at}","level":"{level}","service":"{service}","msg":"{words}"}}',
        f'time={at} level={level} service={service} msg="{words}"',
        f"{level[0].upper()}1128 02:00:00.503123       1 {service}.go:42] {words}",
        f"2026/11/28 02:00:00 [{level}] 7#7: {service} {words}",
        f"Nov 28 02:00:00 web1 {service}[12]: {level}: {words}",
    )[form]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=20_000)
    lines = parser.parse_args().lines
    triage, on_call, steward = load("log-triage"), load("on-call"), load("repo-steward")
    print("| set                                | precision | recall |   right | false | missed | time    |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets: tuple[tuple[str, Callable[[], Score]], ...] = (
            ("triage: who to block, corpus", lambda: triage_of_the_corpus(triage, folder)),
            ("triage: who to block, mixed log", lambda: triage_of_a_mixed_log(triage, folder, lines)),
            ("secrets: lines, corpus", lambda: secrets_of_the_corpus(steward, folder)),
            ("notes: kinds of commits, corpus", lambda: kinds_of_the_corpus(steward)),
            ("levels: errors, corpus", lambda: levels_of_the_corpus(on_call, folder)),
            ("levels: errors, mixed log", lambda: levels_of_a_mixed_log(on_call, folder, lines)),
        )
        for label, measured in sets:
            begun = time.process_time()
            score = measured()
            print(score.row(label, time.process_time() - begun))


if __name__ == "__main__":
    main()
