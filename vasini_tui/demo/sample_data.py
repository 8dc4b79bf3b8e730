"""Generated data for the shipped packs: a repository with a history, and logs with intruders and errors."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMMITS = (
    "feat(cli): add a verb for handovers",
    "fix: lose no decision when the line drops",
    "docs: tell how a lease ends",
    "perf: read lists by page",
    "feat(console): show who is on it",
    "fix(journal): close the file after a failed start",
    "chore: renew the lock file",
    "refactor: one clock",
    "feat!: forms take lists of objects",
    "test: wait for conditions",
)
_PATHS = ("/", "/login", "/api/orders", "/api/orders/17", "/static/app.js", "/search?q=shoes", "/health")
_PROBES = ("/wp-login.php", "/.env", "/admin/config.php", "/../../etc/passwd", "/phpmyadmin/")
_AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Googlebot/2.1")
_LOG_LINES = 4_000
SERVICES = ("cart", "checkout", "search")
_HISTORY_STARTS = datetime(2026, 1, 5, 9, tzinfo=UTC)
RELEASES = 4


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the generated data is. `repository` is None on a machine without git; `out` is for results."""

    repository: Path | None
    logs: tuple[Path, ...]
    service_log: Path
    out: Path

    @property
    def base_dir(self) -> Path:
        """Where a person who starts a run stands."""
        return self.repository or self.out


def make_samples(folder: Path, *, seed: int = 1) -> Samples:
    """Write the data below `folder`; blocks for about a second. The same seed gives the same data."""
    chance = random.Random(seed)  # noqa: S311 - sample data
    out = folder / "out"
    out.mkdir(parents=True)
    repository = _repository(folder / "web-shop", chance) if shutil.which("git") else None
    logs = tuple(_access_log(folder / f"access-{number}.log", chance) for number in range(3))
    return Samples(repository, logs, _service_log(folder / "services.log", chance), out)


def _repository(place: Path, chance: random.Random) -> Path:
    place.mkdir()
    _git(place, "init", "--quiet")
    _write_sources(place, chance)
    _git(place, "add", "--all")
    for release in range(1, RELEASES + 1):
        for number in range(chance.randint(4, 9)):
            message = chance.choice(_COMMITS)
            at = _HISTORY_STARTS + timedelta(days=14 * release, hours=number)
            _git(place, "commit", "--quiet", "--allow-empty", f"--date={at.isoformat()}", "-m", message)
        _git(place, "tag", f"v1.{release}")
    return place


def _git(place: Path, *arguments: str) -> None:
    """git as it is without anybody's settings: no signing, no hooks, no repository around this one."""
    settings = ("-c", "user.name=Mara", "-c", "user.email=mara@shop.example", "-c", "init.defaultBranch=main")
    alone = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    alone |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *settings, *arguments], cwd=place, env=alone, check=True, capture_output=True)


def _write_sources(place: Path, chance: random.Random) -> None:
    for name in ("cart", "checkout", "mail", "search"):
        (place / f"{name}.py").write_text(
            f'"""The {name} of the shop."""\n\nLIMIT = {chance.randint(5, 50)}\n'
        )
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    key = "AKIA" + "".join(chance.choices(letters, k=16))  # looks like a key, opens nothing
    (place / "settings.ini").write_text(f"[mail]\nserver = mail.shop.example\naws_access_key_id = {key}\n")
    password = "".join(chance.choices(letters.lower(), k=20))
    (place / "deploy.env").write_text(f"DB_HOST=db.shop.example\nDB_PASSWORD={password}\n")


def _access_log(file: Path, chance: random.Random) -> Path:
    moment = datetime(2026, 3, 2, 6, tzinfo=UTC)
    intruders = [f"203.0.113.{chance.randint(1, 254)}" for _ in range(3)]
    lines: list[str] = []
    for _ in range(_LOG_LINES):
        moment += timedelta(seconds=chance.expovariate(0.5))
        intruding = chance.random() < 0.12
        client = chance.choice(intruders) if intruding else f"198.51.100.{chance.randint(1, 120)}"
        path = chance.choice(_PROBES if intruding else _PATHS)
        status = (
            chance.choice((401, 403, 404)) if intruding else chance.choices((200, 304, 500), (90, 8, 2))[0]
        )
        when = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
        size, agent = chance.randint(120, 40_000), chance.choice(_AGENTS)
        lines.append(f'{client} - - [{when}] "GET {path} HTTP/1.1" {status} {size} "-" "{agent}"\n')
    file.write_text("".join(lines))
    return file


def _service_log(file: Path, chance: random.Random) -> Path:
    moment = datetime(2026, 3, 2, 6, tzinfo=UTC)
    lines: list[str] = []
    for _ in range(_LOG_LINES):
        moment += timedelta(seconds=chance.expovariate(0.5))
        words = "ERROR no answer from the database" if chance.random() < 0.02 else "INFO request served"
        lines.append(f"{moment.isoformat()} {chance.choice(SERVICES)} {words}\n")
    file.write_text("".join(lines))
    return file
