from __future__ import annotations

import gzip
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.engine.packs.conftest import LoadTools


@pytest.fixture
def tools(load_tools: LoadTools) -> ModuleType:
    return load_tools("log-triage")


def access(client: str, path: str = "/", status: int = 200, minute: int = 0, agent: str = "Mozilla") -> str:
    stamp = f"10/Oct/2023:{13 + minute // 60:02}:{minute % 60:02}:36 +0200"
    return f'{client} - - [{stamp}] "GET {path} HTTP/1.1" {status} 123 "-" "{agent}"\n'


def counted(requests: int, client: int = 0, server: int = 0, probes: int = 0) -> dict[str, int]:
    return {"requests": requests, "client_errors": client, "server_errors": server, "probes": probes}


def analyze(tools: ModuleType, tmp_path: Path, text: str | bytes) -> dict[str, Any]:
    log = tmp_path / "access.log"
    log.write_bytes(text.encode() if isinstance(text, str) else text)
    result: dict[str, Any] = tools.analyze(str(log))
    return result


def test_counts_what_is_in_the_log(tools: ModuleType, tmp_path: Path) -> None:
    text = access("10.0.0.1") * 6 + access("10.0.0.2", "/x?q=1", 404) * 3 + access("10.0.0.3", "/y", 500)
    result = analyze(tools, tmp_path, text + "not a log line\n\n")
    assert (result["requests"], result["bad_lines"], result["bytes"]) == (10, 1, 1230)
    assert (result["error_rate"], result["client_error_rate"], result["server_error_rate"]) == (
        0.4,
        0.3,
        0.1,
    )
    assert result["status_classes"] == {"2xx": 6, "4xx": 3, "5xx": 1}
    assert result["top_clients"][0] == {"client": "10.0.0.1", "requests": 6, "errors": 0}
    assert result["top_paths"][:2] == [{"path": "/", "requests": 6}, {"path": "/x", "requests": 3}]
    assert result["histogram"] == [{"start": "2023-10-10T11:00:00Z", **counted(10, 3, 1)}]
    assert not result["approximate"]


def test_the_common_format_and_odd_requests_are_understood(tools: ModuleType, tmp_path: Path) -> None:
    lines = (
        '1.2.3.4 - bob [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326\n'
        '::1 - bob smith [10/Oct/2000:13:55:36 -0700] "GET /a \\"quoted\\" HTTP/1.0" 200 -\n'
        '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "-" 408 0 "-" "-"\n'
        '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "\\x16\\x03" 400 0 "-" "-"\r\n'
    )
    result = analyze(tools, tmp_path, lines)
    assert (result["requests"], result["bad_lines"]) == (4, 0)
    assert result["histogram"] == [{"start": "2000-10-10T20:55:00Z", **counted(4, 2)}]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (access("192.0.2.1", "/.env", 404), "1 scanner request"),
        ("".join(access("192.0.2.1", f"/{n}/wp-login.php", 404) for n in range(3)), "3 scanner requests"),
        (access("192.0.2.1", "/a/../../etc/passwd", 400), "1 scanner request"),
        (access("192.0.2.1", "/", 200, agent="sqlmap/1.7"), "1 scanner request"),
        ("".join(access("192.0.2.1", f"/x{n}", 404) for n in range(12)), "12 different paths not found"),
        (access("192.0.2.1", "/login", 401) * 20, "20 refused logins"),
    ],
)
def test_suspicious_clients_are_named_with_the_reason(
    tools: ModuleType, tmp_path: Path, lines: str, reason: str
) -> None:
    result = analyze(tools, tmp_path, access("10.0.0.1") * 50 + access("10.0.0.9", "/x", 404) * 3 + lines)
    assert [client["client"] for client in result["suspicious"]] == ["192.0.2.1"]
    assert result["suspicious"][0]["reasons"] == [reason]


def test_the_histogram_has_a_bounded_number_of_buckets_without_gaps(
    tools: ModuleType, tmp_path: Path
) -> None:
    result = analyze(
        tools, tmp_path, "".join(access("10.0.0.1", minute=minute) for minute in range(0, 600, 7))
    )
    rows = result["histogram"]
    assert 20 <= len(rows) <= 48
    assert sum(row["requests"] for row in rows) == result["requests"] == 86
    assert len({row["start"] for row in rows}) == len(rows)


def test_memory_for_clients_and_paths_is_bounded(
    tools: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = sys.modules["tools_counting"]
    monkeypatch.setattr(counting, "MAX_DISTINCT", 100)
    monkeypatch.setattr(counting, "_MAX_BUCKETS", 10)
    lines = [access(f"10.0.{n // 250}.{n % 250}", f"/p{n}", minute=n % 300) for n in range(2_000)]
    frequent = [access("10.9.9.9", "/home")] * 5
    result = analyze(tools, tmp_path, "".join(frequent + lines + frequent))
    assert result["approximate"]
    assert result["requests"] == 2_010
    assert result["top_clients"][0] == {"client": "10.9.9.9", "requests": 10, "errors": 0}
    assert result["top_paths"][0] == {"path": "/home", "requests": 10}
    assert sum(row["requests"] for row in result["histogram"]) == 2_010


def test_gzip_binary_and_endless_lines_are_read(tools: ModuleType, tmp_path: Path) -> None:
    text = (access("10.0.0.1") * 3).encode()
    assert analyze(tools, tmp_path, gzip.compress(text))["requests"] == 3
    endless = text + b"x" * 3_000_000 + b"\n" + text + b"\x00\xff\xfe\n" + text.rstrip(b"\n")
    result = analyze(tools, tmp_path, endless)
    assert (result["requests"], result["bad_lines"]) == (9, 2)


def test_damaged_and_missing_logs_are_invalid_input(tools: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="damaged"):
        analyze(tools, tmp_path, gzip.compress(access("10.0.0.1").encode() * 1000)[:-4])
    with pytest.raises(ValueError, match="is not a file"):
        tools.analyze(str(tmp_path / "none"))
    damaged = bytearray(gzip.compress(bytes(range(256)) * 100))
    damaged[20:60] = b"x" * 40
    with pytest.raises(ValueError, match="damaged"):
        analyze(tools, tmp_path, bytes(damaged))


def test_a_wrong_clock_does_not_spread_the_histogram(tools: ModuleType, tmp_path: Path) -> None:
    early = access("10.0.0.1").replace("10/Oct/2023", "01/Jan/1970")
    late = access("10.0.0.1").replace("10/Oct/2023", "01/Jan/2093")
    usual = "".join(access("10.0.0.1", minute=minute) * 5 for minute in range(40))
    result = analyze(tools, tmp_path, early + usual + late)
    assert (result["bucket_seconds"], len(result["histogram"]), result["far_off_lines"]) == (60, 40, 2)
    assert "2 lines with a time far from all others" in result["findings"]


def test_a_quiet_month_is_no_wrong_clock(tools: ModuleType, tmp_path: Path) -> None:
    usual = access("10.0.0.1") * 10 + access("10.0.0.1").replace("/Oct/", "/Nov/") * 10
    assert analyze(tools, tmp_path, usual)["far_off_lines"] == 0


def test_what_matters_comes_first(tools: ModuleType, tmp_path: Path) -> None:
    text = (
        access("192.0.2.1", "/.env", 200)
        + access("192.0.2.1", "/.git/config", 404)
        + access("10.0.0.1", "/pay", 502) * 30
        + "".join(access("10.0.0.1", minute=minute) * 3 for minute in range(20))
        + access("10.9.9.9", "/.env", 404)
    )
    found = analyze(tools, tmp_path, text)["findings"]
    beginnings = [
        "192.0.2.1 asked for /.env and got it (200, 123 bytes, 1 time)",
        "30 server errors (32.3%): /pay (502: 30)",
        "Burst at 2023-10-10T11:00:00Z: 30 server errors",
        "1 client of the internet looked for weak spots, 192.0.2.1 first",
        "10.9.9.9 is not proposed (a private address: looks like your own proxy",
    ]
    assert len(found) == len(beginnings)
    for sentence, beginning in zip(found, beginnings, strict=True):
        assert sentence.startswith(beginning), sentence


def test_networks_that_are_none_are_named(tools: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(access("10.0.0.1"))
    with pytest.raises(ValueError, match=r"proxies: 'load-balancer' .* write addresses"):
        tools.analyze(str(tmp_path / "access.log"), ["load-balancer"])
    with pytest.raises(ValueError, match="allow: "):
        tools.propose_blocklist([], ["office"])


def test_what_clients_send_cannot_reach_the_terminal(tools: ModuleType, tmp_path: Path) -> None:
    result = analyze(tools, tmp_path, access("10.0.0.1", "/\x1b[31m") + access("\x1b]0;x\x07", "/.env"))
    assert "\x1b" not in str(result)
    assert result["top_paths"][0]["path"].isprintable()


def test_the_blocklist_holds_addresses_of_the_internet_only(tools: ModuleType) -> None:
    names = (
        "192.0.2.1",
        "2001:db8::1",
        "evil.example.org",
        "127.0.0.1",
        "192.0.2.1\n10.0.0.0/8",
        "192.0.2.7",
    )
    suspicious = [
        {"client": client, "requests": 1200, "reasons": ["1 scanner request"], "got": 0} for client in names
    ]
    proposal = tools.propose_blocklist(suspicious, ["192.0.2.4/30"])
    assert proposal["clients"] == ["192.0.2.1", "2001:db8::1"]
    assert proposal["text"].splitlines()[1:] == ["192.0.2.1", "2001:db8::1"]
    assert re.search(r"^192\.0\.2\.1 +1,200 requests, 1 scanner request$", proposal["overview"], re.M)
    assert "192.0.2.7: on your allowlist" in proposal["overview"]
    assert len(proposal["not_proposed"]) == 4
    assert tools.propose_blocklist([])["overview"] == "No address looks hostile."


def test_the_report_shows_note_severity_and_what_it_is_about(tools: ModuleType, tmp_path: Path) -> None:
    result = analyze(tools, tmp_path, access("192.0.2.1", "/.env", 404) * 3 + access("10.0.0.1"))
    blocklist = tools.propose_blocklist(result["suspicious"])
    report = tools.arrange_report("/l", result, blocklist, "high", "Look here")
    sections = {section["heading"]: section for section in report["sections"]}
    assert next(iter(sections)) == "What matters"
    assert "Severity: high" in sections["Overview"]["items"]
    assert sections["Note"]["text"] == "Look here"
    when = "2023-10-10T11:00:36Z"
    assert sections["Suspicious clients"]["table"]["rows"] == [
        ["192.0.2.1", when, when, 3, 3, 0, "3 scanner requests"]
    ]
    (times,) = (section for heading, section in sections.items() if heading.startswith("Over time"))
    assert times["heading"] == "Over time (1 minute each; the bar is of probes)"
    assert times["table"]["rows"] == [["2023-10-10T11:00:00Z", 4, 3, 0, 3, "█" * 20]]
    assert sections["Bursts"] == {"heading": "Bursts", "text": "None."}


def test_a_directory_is_split_at_the_nearest_one_that_exists(tools: ModuleType, tmp_path: Path) -> None:
    assert tools.locate(str(tmp_path)) == {"root": str(tmp_path), "path": ""}
    assert tools.locate(str(tmp_path / "a" / "b")) == {"root": str(tmp_path), "path": "a/b/"}
    (tmp_path / "file").write_text("")
    for bad in ("relative", str(tmp_path / "file")):
        with pytest.raises(ValueError):
            tools.locate(bad)
