from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.engine.packs.shipped.service_log_corpus import CORPUS, Lines

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.engine.packs.conftest import LoadTools


@pytest.fixture
def tools(load_tools: LoadTools) -> ModuleType:
    return load_tools("on-call")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "shop.log"


def at(minute: int, words: str = "ERROR checkout failed") -> str:
    return f"{datetime(2026, 11, 28, 2, tzinfo=UTC) + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S} {words}\n"


@pytest.mark.parametrize("lines", CORPUS, ids=lambda lines: lines.name)
def test_errors_of_the_service_are_told_from_the_rest(tools: ModuleType, log: Path, lines: Lines) -> None:
    for line, right in [*((line, 1) for line in lines.errors), *((line, 0) for line in lines.others)]:
        log.write_text(line + "\n", "utf-8")
        assert tools.collect(str(log), "checkout")["errors"] == right, line


def test_errors_count_within_the_minutes_before_the_newest_line(tools: ModuleType, log: Path) -> None:
    log.write_text(at(0) + at(29) + at(31) * 2 + at(90, "INFO checkout ready"))
    assert tools.collect(str(log), "checkout", 60)["errors"] == 2
    assert tools.collect(str(log), "checkout", 61)["errors"] == 3
    everything = tools.collect(str(log), "checkout", 0)
    assert (everything["errors"], everything["first"], everything["last"]) == (
        4,
        "2026-11-28T02:00:00Z",
        "2026-11-28T02:31:00Z",
    )


def test_a_line_without_a_time_belongs_to_the_one_before(tools: ModuleType, log: Path) -> None:
    log.write_text(
        at(0) + "ERROR checkout goes on\n" + at(90, "INFO checkout ready") + "ERROR checkout late\n"
    )
    found = tools.collect(str(log), "checkout", 60)
    assert (found["errors"], found["sample"]) == (1, ["ERROR checkout late"])


def test_the_summary_says_what_was_looked_at(tools: ModuleType, log: Path) -> None:
    now = datetime.now(UTC)
    log.write_text(f"{now - timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ} ERROR cart failed\n")
    assert "which ends 5 hours ago" in tools.collect(str(log), "checkout")["summary"]
    assert "No line names checkout: is it the right log" in tools.collect(str(log), "checkout")["summary"]
    log.write_text("ERROR checkout failed\n")
    assert "has no times that could be read" in tools.collect(str(log), "checkout")["summary"]
    log.write_text(f"{now:%Y-%m-%dT%H:%M:%SZ} ERROR checkout failed\n")
    told = tools.collect(str(log), "checkout")["summary"]
    assert told.startswith("1 error of checkout in the last 60 minutes of the log (1 line until ")
    assert "ago" not in told


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-28T02:00:00+00:00", "2026-11-28 03:00:00,123 +0100", "2026/11/28 02:00:00",
        "[28/Nov/2026:02:00:00 +0000]", "2026-11-28 02:00:00 UTC", '{"ts":1795831200.5,"app":"checkout"}',
        '{"time":1795831200500,"app":"checkout"}', '{"@timestamp":"2026-11-28T02:00:00Z","app":"checkout"}',
    ],
)  # fmt: skip
def test_times_are_read(tools: ModuleType, log: Path, time: str) -> None:
    line = time.replace("}", ',"level":"error"}') if time.startswith("{") else f"{time} ERROR checkout failed"
    log.write_text(line + "\n")
    assert tools.collect(str(log), "checkout")["first"] == "2026-11-28T02:00:00Z"


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("Nov  8 02:00:00 web checkout: error: x", "2026-11-08T02:00:00Z"),
        ("Dec 28 02:00:00 web checkout: error: x", "2025-12-28T02:00:00Z"),
        ("E1128 02:00:00.1 1 checkout.go:1] x", "2026-11-28T02:00:00Z"),
    ],
)
def test_a_time_without_a_year_is_the_last_one_before_the_log_was_written(
    tools: ModuleType, log: Path, line: str, first: str
) -> None:
    log.write_text(line + "\n")
    written = datetime(2026, 11, 28, 3, tzinfo=UTC).timestamp()
    os.utime(log, (written, written))
    assert tools.collect(str(log), "checkout")["first"] == first


def test_whole_lines_and_kinds_are_kept(tools: ModuleType, log: Path) -> None:
    long = at(0, "ERROR checkout failed: " + "x" * 2000)
    log.write_text(long + "".join(at(1, f"ERROR checkout order {number} refused") for number in range(7)))
    found = tools.collect(str(log), "checkout")
    assert found["sample"][0] == long.strip()
    assert found["kinds"][0].startswith("7 like: ")
    assert found["kinds"][0].endswith("ERROR checkout order # refused")


def test_no_error_is_not_announced(tools: ModuleType, log: Path) -> None:
    log.write_text(at(0, "INFO checkout ready"))
    found = tools.collect(str(log), "checkout")
    with pytest.raises(ValueError, match=r"0 errors of checkout .* Nothing is announced"):
        tools.require_errors(found)
    log.write_text(at(0))
    found = tools.collect(str(log), "checkout")
    assert tools.require_errors(found) == found
    assert "fail since 2026-11-28T02:00:00Z. Our log shows 1 error." in tools.draft("checkout", found)["text"]


def test_only_what_came_after_the_change_counts(tools: ModuleType, log: Path) -> None:
    log.write_text(at(0) * 3)
    since = tools.mark(str(log))
    silent = tools.verify(str(log), "checkout", since, 0)
    assert "watched for 0 seconds, 0 lines of checkout came. That is no proof" in silent["summary"]
    with log.open("a") as stream:
        stream.write(at(1, "INFO checkout served") + at(1, "ERROR cart failed"))
    assert tools.verify(str(log), "checkout", since, 0)["lines"] == 1
    with log.open("a") as stream:
        stream.write(at(2))
    with pytest.raises(
        ValueError, match=r"1 new error of checkout since .*; the last: 2026-11-28 02:02:00 ERROR"
    ):
        tools.verify(str(log), "checkout", since, 0)


def test_the_log_is_watched_until_an_error_comes(tools: ModuleType, log: Path) -> None:
    log.write_text("")
    since = tools.mark(str(log))
    writer = threading.Timer(0.3, lambda: log.write_text(at(1)))
    writer.start()
    with pytest.raises(ValueError, match="1 new error"):
        tools.verify(str(log), "checkout", since, 600)
    writer.join()


@pytest.mark.parametrize("after", ["old.log.1", "shop.log.1", "shop.log-20261128"])
def test_a_rotated_log_is_followed_by_its_inode(tools: ModuleType, log: Path, after: str) -> None:
    log.write_text(at(0) * 50)
    since = tools.mark(str(log))
    with log.open("a") as stream:
        stream.write(at(1))
    log.rename(log.with_name(after))
    log.write_text(at(2, "INFO checkout ready") * 100)  # longer than the place that was marked
    with pytest.raises(ValueError, match="1 new error of checkout"):
        tools.verify(str(log), "checkout", since, 0)


def test_a_log_that_was_emptied_or_is_gone_is_told(tools: ModuleType, log: Path) -> None:
    log.write_text(at(0) * 50)
    since = tools.mark(str(log))
    log.write_text(at(1, "INFO checkout ready"))
    assert "The log was emptied meanwhile." in tools.verify(str(log), "checkout", since, 0)["summary"]
    other = log.with_name("other")
    other.write_text(at(1, "INFO checkout ready"))
    other.replace(log)
    told = tools.verify(str(log), "checkout", since, 0)["summary"]
    assert "its end before that cannot be read" in told
