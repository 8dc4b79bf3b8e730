from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.json_schema.forms import check_schema, check_values

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.engine.packs.conftest import LoadTools


@pytest.fixture
def tools(load_tools: LoadTools) -> ModuleType:
    return load_tools("repo-steward")


def commit(subject: str, body: str = "", author: str = "Ada") -> dict[str, Any]:
    return {"sha": "0123456789abcdef", "author": author, "date": "", "subject": subject, "body": body}


@pytest.mark.parametrize(
    ("subject", "body", "kind", "text"),
    [
        ("feat: search", "", "feature", "search"),
        ("fix(parser): a crash", "", "fix", "a crash"),
        ("feat!: drop Python 3.10", "", "breaking", "drop Python 3.10"),
        ("chore: x", "BREAKING CHANGE: y", "breaking", "x"),
        ("Docs: spelling", "", "documentation", "spelling"),
        ("Fix the crash at start", "", "fix", "Fix the crash at start"),
        ("Add a button", "", "feature", "Add a button"),
        ("Make lists faster", "", "performance", "Make lists faster"),
        ("Bump the linter", "", "maintenance", "Bump the linter"),
        ("Update readme", "", "documentation", "Update readme"),
        ("note: this is no type", "", "other", "note: this is no type"),
        ("Prefix everything", "", "other", "Prefix everything"),
    ],
)
def test_commits_are_grouped(tools: ModuleType, subject: str, body: str, kind: str, text: str) -> None:
    grouped = tools.group_commits([commit(subject, body)])
    assert grouped["total"] == 1
    assert grouped["groups"][0]["kind"] == kind
    assert grouped["groups"][0]["entries"][0]["subject"] == text


def test_merges_are_left_out(tools: ModuleType) -> None:
    assert tools.group_commits([commit("Merge branch 'x'")]) == {"groups": [], "total": 0}


def test_the_draft_has_a_section_for_each_kind_and_no_control_characters(tools: ModuleType) -> None:
    commits = [commit("fix: \x1b[31mred", author="Bob\n# Eve"), commit("feat(ui): keys")]
    text = tools.draft_notes(tools.group_commits(commits)["groups"], "v1", "v2")["text"]
    assert text.splitlines() == [
        "# Release notes: v1 to v2",
        "",
        "## Features",
        "",
        "- **ui**: keys (0123456789)",
        "",
        "## Fixes",
        "",
        "- [31mred (0123456789)",
        "",
        "## Contributors",
        "",
        "Ada, Bob # Eve",
    ]


def test_no_commits_make_a_draft_too(tools: ModuleType) -> None:
    assert "No changes." in tools.draft_notes([], "v1", "v2")["text"]


def test_a_file_is_split_at_the_nearest_directory_that_exists(tools: ModuleType, tmp_path: Path) -> None:
    located = tools.locate(str(tmp_path / "a" / "b.md"))
    assert located == {"root": str(tmp_path), "path": "a/b.md"}
    for bad in ("b.md", str(tmp_path)):
        with pytest.raises(ValueError):
            tools.locate(bad)


# put together here so that no scanner takes this file for a leak
AWS = "AKIA" + "QWERTYUIOPASDFGH"
GITHUB = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
RANDOM = "kX9vQ2mZ7pLw4RtY8sBn3HcJ6dFg1Ae5UiOq0TzW"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----"


def scan(tools: ModuleType, tmp_path: Path, text: str, name: str = "a.py") -> list[dict[str, Any]]:
    (tmp_path / name).write_text(text)
    result = tools.scan_files(str(tmp_path), [name])
    assert result["scanned"] == 1
    findings: list[dict[str, Any]] = result["findings"]
    return findings


@pytest.mark.parametrize(
    ("line", "rule", "secret"),
    [
        (f"key = {AWS}", "aws-access-key", AWS),
        (f"token: {GITHUB}", "github-token", GITHUB),
        ("password = 'hunter2hunter'", "password-assignment", "hunter2hunter"),
        ('"db_password": "s3cr3t-value"', "password-assignment", "s3cr3t-value"),
        ("export API_KEY=abcdef123456", "password-assignment", "abcdef123456"),
        ("url = postgres://bob:pa55word@db/x", "password-in-url", "pa55word"),
        (f"blob = {RANDOM}", "high-entropy", RANDOM),
        ("x = xoxb-" + "123456789012-abcdef", "slack-token", "123456789012-abcdef"),
    ],
)
def test_a_secret_is_found_and_never_shown(
    tools: ModuleType, tmp_path: Path, line: str, rule: str, secret: str
) -> None:
    found = scan(tools, tmp_path, f"first\n{line}\n")
    assert [(f["path"], f["line"], f["rule"]) for f in found] == [("a.py", 2, rule)]
    assert secret not in str(found)
    assert "characters]" in found[0]["excerpt"]


def test_two_secrets_on_one_line_are_both_masked(tools: ModuleType, tmp_path: Path) -> None:
    found = scan(tools, tmp_path, f"a = '{AWS}'; password = 'hunter2hunter'; b = '{RANDOM}'\n")
    assert len(found) == 1
    for secret in (AWS, "hunter2hunter", RANDOM):
        assert secret not in str(found)


def test_a_private_key_is_one_finding(tools: ModuleType, tmp_path: Path) -> None:
    found = scan(tools, tmp_path, f"{PEM}\n{RANDOM}{RANDOM}\n{RANDOM}\n{PEM.replace('BEGIN', 'END')}\nx\n")
    assert [(f["line"], f["rule"]) for f in found] == [(1, "private-key")]


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['PASSWORD']",
        "password = '${PASSWORD}'",
        "password = '<your password>'",
        "password = 'changeme'",
        "sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
        "import engine.packs.something.with.a.rather.long.dotted.name",
        "https://example.org/some/long/path/with/Many/Parts/Version2/Index/Page",
        "def test_a_very_long_function_name_that_says_what_it_does() -> None:",
    ],
)
def test_ordinary_lines_are_not_findings(tools: ModuleType, tmp_path: Path, line: str) -> None:
    assert scan(tools, tmp_path, line + "\n") == []


def test_binary_unreadable_and_linked_files_are_not_read(tools: ModuleType, tmp_path: Path) -> None:
    inside = tmp_path / "repo"
    inside.mkdir()
    (tmp_path / "outside.py").write_text(AWS)
    (inside / "link.py").symlink_to(tmp_path / "outside.py")
    (inside / "data").write_bytes(b"\0" + AWS.encode())
    result = tools.scan_files(str(inside), ["link.py", "data", "gone.py", "../outside.py"])
    assert result == {"findings": [], "scanned": 1, "unreadable": 3}


def test_a_pathological_line_is_bounded(tools: ModuleType, tmp_path: Path) -> None:
    assert len(scan(tools, tmp_path, "\n".join(f"password = 'hunter{n:05}'" for n in range(100)))) == 20
    scan(tools, tmp_path, "a" * 1_000_000 + "\n" + "secret" * 100_000 + "\n" + "aws" * 200_000)


def test_batches_leave_out_what_is_not_source_and_the_report_itself(
    tools: ModuleType, tmp_path: Path
) -> None:
    names = ["a.py", "logo.PNG", "yarn.lock", "app.min.js", "out.md", "b.txt"]
    files = [{"path": name, "size": 10} for name in names] + [{"path": "big.py", "size": 10**9}]
    batched = tools.batch_files(files, str(tmp_path), str(tmp_path / "out.md"))
    assert batched == {"batches": [["a.py", "b.txt"]], "count": 2, "skipped": 4}


def test_many_files_make_a_bounded_number_of_batches(tools: ModuleType) -> None:
    files = [{"path": f"f{number}.py", "size": 1} for number in range(20_000)]
    batches = tools.batch_files(files, "/r", "/o")["batches"]
    assert len(batches) == 40
    assert sum(map(len, batches)) == 20_000
    assert tools.batch_files([], "/r", "/o")["batches"] == []


def test_merged_findings_come_with_a_form_that_takes_their_verdicts(tools: ModuleType) -> None:
    finding = {"path": "b.py", "line": 3, "rule": "x", "excerpt": "e"}
    results = [
        {"findings": [finding], "scanned": 1, "unreadable": 0},
        {"findings": [{**finding, "path": "a.py"}], "scanned": 2, "unreadable": 1},
    ]
    merged = tools.merge_findings(results)
    assert (merged["count"], merged["scanned"], merged["unreadable"]) == (2, 3, 1)
    assert [f["path"] for f in merged["findings"]] == ["a.py", "b.py"]
    assert check_schema(merged["schema"]) == []
    assert check_values(merged["schema"], {"f0001": "real", "f0002": "ignore"}) == ()
    assert len(check_values(merged["schema"], {"f0001": "maybe"})) == 2
    report = tools.arrange_report(
        "/r", merged["findings"], {"f0001": "real"}, 3, 1, truncated=False, state=None
    )
    headings = [section["heading"] for section in report["sections"]]
    assert headings == ["Overview", "Result", "Real secrets: revoke and remove", "Not classified"]
    assert report["summary"] == "2 findings, 1 real, 1 not classified."


def test_an_empty_scan_gives_a_report_as_well(tools: ModuleType) -> None:
    merged = tools.merge_findings([])
    report = tools.arrange_report(
        "/r", merged["findings"], {}, 0, 0, truncated=True, state={"branch": None, "entries": [{}]}
    )
    assert report["summary"] == "No credentials found."
    items = report["sections"][0]["items"]
    assert "Branch: (detached)" in items
    assert any("not complete" in item for item in items)
