"""Files with and without credentials, and what a person is asked and told about them."""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from engine.json_schema.forms import check_schema, check_values
from tests.engine.packs.shipped.secret_files_corpus import FILES, LabeledFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.packs.conftest import LoadTools

# put together here so that no scanner takes this file for a leak
AWS = "AKIA" + "QWERTYUIOPASDFGH"
RANDOM = "kX9vQ2mZ7pLw4RtY8sBn3HcJ6dFg1Ae5UiOq0TzW"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----"


@pytest.fixture
def tools(load_tools: LoadTools) -> ModuleType:
    return load_tools("repo-steward")


@pytest.fixture
def context(tmp_path: Path) -> dict[str, Any]:
    return {"workdir": str(tmp_path)}


def scan(tools: ModuleType, folder: Path, *names: str) -> dict[str, Any]:
    result: dict[str, Any] = tools.scan_files(str(folder), list(names), {"workdir": str(folder)})
    return result


def finding(number: int, path: str = "a.py", rule: str = "x", test: str = "") -> dict[str, Any]:
    known = f"k{number}"
    return {
        "path": path, "line": number, "rule": rule, "excerpt": "e", "known_as": known, "likely_test": test,
    }  # fmt: skip


def merged(tools: ModuleType, findings: list[dict[str, Any]], **known: str) -> dict[str, Any]:
    result = {"findings": findings, "scanned": 1, "not_read": [], "capped": []}
    found: dict[str, Any] = tools.merge_findings([result], {"skipped": [], "truncated": False}, [], known)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_a_file_gives_the_lines_that_hold_a_credential(
    tools: ModuleType, tmp_path: Path, file: LabeledFile
) -> None:
    path = tmp_path / "repo" / file.path
    path.parent.mkdir(parents=True)
    path.write_text(file.text, file.encoding)
    result = scan(tools, tmp_path / "repo", file.path)
    assert (result["scanned"], result["not_read"]) == (1, [])
    assert tuple(dict.fromkeys(found["line"] for found in result["findings"])) == file.lines


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_no_credential_is_in_a_finding(tools: ModuleType, tmp_path: Path, file: LabeledFile) -> None:
    (tmp_path / "f").mkdir()
    path = tmp_path / "f" / file.path.replace("/", "-")
    path.write_text(file.text, file.encoding)
    lines = file.text.splitlines()
    for found in scan(tools, tmp_path / "f", path.name)["findings"]:
        masked = found["excerpt"]
        assert " characters]" in masked
        secrets = [word for word in lines[found["line"] - 1].split() if any(char.isdigit() for char in word)]
        assert not [word for word in secrets if len(word) > 24 and word in masked]


def test_every_secret_of_a_line_is_a_finding_and_masked_in_all(tools: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"a = '{AWS}'; password = 'hunter2hunter'; b = '{RANDOM}'\n")
    found = scan(tools, tmp_path, "a.py")["findings"]
    assert [one["rule"] for one in found] == ["aws-access-key", "password-assignment", "high-entropy"]
    for secret in (AWS, "hunter2hunter", RANDOM):
        assert secret not in str(found)


def test_a_private_key_is_one_finding_and_what_follows_is_read(tools: ModuleType, tmp_path: Path) -> None:
    body = f"{PEM}\n{RANDOM}{RANDOM}\n{RANDOM}\n{PEM.replace('BEGIN', 'END')}\npassword: s3cret-Pa55\n"
    (tmp_path / "a.yml").write_text(body)
    assert [(f["line"], f["rule"]) for f in scan(tools, tmp_path, "a.yml")["findings"]] == [
        (1, "private-key"), (5, "password-assignment"),
    ]  # fmt: skip


def test_what_is_not_read_says_why(tools: ModuleType, tmp_path: Path) -> None:
    inside = tmp_path / "repo"
    inside.mkdir()
    (tmp_path / "outside.py").write_text(AWS)
    (inside / "link.py").symlink_to(tmp_path / "outside.py")
    (inside / "data").write_bytes(b"\0\1\2\3" + AWS.encode())
    result = scan(tools, inside, "link.py", "data", "gone.py", "../outside.py")
    assert result["findings"] == []
    assert {row["path"]: row["why"] for row in result["not_read"]} == {
        "link.py": "Too many levels of symbolic links",
        "data": "binary",
        "gone.py": "No such file or directory",
        "../outside.py": "outside the directory",
    }


def test_names_that_are_not_utf8_are_read(tools: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xe9.env")).write_text("DB_PASSWORD=Tr0ub4dor-x\n")
    found = scan(tools, tmp_path, "caf\\xe9")["findings"]
    assert [one["path"] for one in found] == ["caf\\xe9/\\xe9.env"]


def test_more_findings_than_a_file_may_have_are_counted(tools: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("".join(f"P{n}_PASSWORD=Tr0ub4dor{n:04}\n" for n in range(300)))
    result = scan(tools, tmp_path, "a.env")
    assert len(result["findings"]) == 200
    assert result["capped"] == [{"path": "a.env", "shown": 200, "count": 300}]


def test_a_pathological_line_is_bounded(tools: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "a" * 200_000 + "\n" + "secret" * 30_000 + "\n" + "aws" * 30_000 + "=://:" * 9_000
    )
    assert scan(tools, tmp_path, "a.py")["scanned"] == 1


def test_batches_leave_out_what_is_not_text_and_the_scans_own_files(
    tools: ModuleType, tmp_path: Path
) -> None:
    names = ["a.py", "logo.PNG", "yarn.lock", "app.min.js", "out.md", "base.json"]
    files = [{"path": name, "size": 10} for name in names] + [{"path": "big.py", "size": 10**9}]
    listing = {"files": files, "skipped": ["caf\\xe9.env", "locked"]}
    out, base = str(tmp_path / "out.md"), str(tmp_path / "base.json")
    batched = tools.batch_files(listing, str(tmp_path), out, base)
    assert batched["batches"] == [["a.py", "yarn.lock", "app.min.js", "caf\\xe9.env"]]
    assert batched["left_out"] == [
        {"path": "logo.PNG", "why": "binary"}, {"path": "big.py", "why": "larger than 10 MB"},
    ]  # fmt: skip
    many = {"files": [{"path": f"f{number}.py", "size": 1} for number in range(50_000)]}
    batches = tools.batch_files(many, "/r", "/o")["batches"]
    assert (len(batches), sum(map(len, batches))) == (24, 50_000)


def test_many_findings_are_judged_at_once_and_the_rest_by_place(tools: ModuleType) -> None:
    findings = [finding(n, "tests/a.py", test="tests") for n in range(3)]
    findings += [finding(10 + n, "src/b.py", "y") for n in range(2)] + [finding(20, "src/c.py")]
    found = merged(tools, findings)
    form = found["at_once"]
    assert form["worth"]
    assert check_schema(form["schema"]) == []
    assert check_values(form["schema"], {}) == ()
    titles = {
        name: field["title"]
        for part in form["schema"]["properties"].values()
        for name, field in part["properties"].items()
    }
    assert "tests: 3 findings; 3 look like test data" in titles.values()
    by_title = {
        title.partition(":")[0]: name for name, title in titles.items() if not name.startswith("rule")
    }
    values = {"folder": {by_title["src"]: "real"}, "file": {by_title["src/b.py"]: "ignore"}}
    left = tools.ask_each(found["findings"], form["groups"], values)
    assert sorted(left["verdicts"].values()) == ["ignore", "ignore", "real"]
    questions = list(left["schema"]["properties"].values())
    assert questions[0]["title"] == "1 of 3 · tests/a.py:0 x"
    assert "Perhaps test data: tests." in questions[0]["description"]
    assert "default" not in questions[0]
    assert check_schema(left["schema"]) == []


def test_few_findings_are_asked_one_by_one(tools: ModuleType) -> None:
    found = merged(tools, [finding(1), finding(2)])
    assert not found["at_once"]["worth"]
    assert tools.ask_each(found["findings"], {}, {})["asked"] == 2


def test_a_form_of_too_many_findings_says_how_many_are_left(tools: ModuleType) -> None:
    found = merged(tools, [finding(n) for n in range(250)])
    left = tools.ask_each(found["findings"], {}, {})
    assert (left["asked"], left["left"]) == (200, 50)


def test_a_baseline_is_not_asked_again_and_holds_no_secret(tools: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    file.write_text("X_PASSWORD=Tr0ub4dor-x\nY_PASSWORD=Tr0ub4dor-y\n")
    first = tools.merge_findings([scan(tools, tmp_path, "a.env")], {"skipped": []}, [], {})
    verdicts = {first["findings"][0]["id"]: "false_positive"}
    report = tools.arrange_report(str(tmp_path), first, verdicts, {}, "own rules", [".git"])
    (tmp_path / "base.json").write_text(report["baseline"])
    assert "Tr0ub4dor" not in report["baseline"]
    known = tools.read_baseline(str(tmp_path / "base.json"))["known"]
    file.write_text("# a line more\nX_PASSWORD=Tr0ub4dor-x\nY_PASSWORD=Tr0ub4dor-y\n")
    again = tools.merge_findings([scan(tools, tmp_path, "a.env")], {"skipped": []}, [], known)
    assert [(one["line"], one["known"]) for one in again["findings"]] == [(2, "false_positive"), (3, "")]
    file.write_text("X_PASSWORD=Tr0ub4dor-z\n")  # another secret in the same place is another finding
    changed = tools.merge_findings([scan(tools, tmp_path, "a.env")], {"skipped": []}, [], known)
    assert changed["known"] == 0
    assert tools.read_baseline("") == {"known": {}}
    (tmp_path / "base.json").write_text("[]")
    with pytest.raises(ValueError, match="not a baseline"):
        tools.read_baseline(str(tmp_path / "base.json"))


def test_the_report_tells_verdicts_rules_and_what_was_not_looked_at(tools: ModuleType) -> None:
    results = [
        {
            "findings": [finding(3, "b.py"), finding(1, "a.py")],
            "scanned": 2,
            "not_read": [{"path": "x.bin", "why": "binary"}],
            "capped": [{"path": "b.py", "shown": 200, "count": 300}],
        }
    ]
    listing = {"skipped": ["locked"], "truncated": True}
    found = tools.merge_findings(results, listing, [{"path": "big", "why": "larger than 10 MB"}], {})
    report = tools.arrange_report("/r", found, {"f0001": "real"}, {}, "own rules", [".git"])
    assert [section["heading"] for section in report["sections"]] == [
        "Result", "Overview", "Real secrets: revoke and remove", "Not classified", "Not looked at",
    ]  # fmt: skip
    assert report["summary"].startswith("2 findings, 1 real, 1 not classified. Not looked at: ")
    for words in (
        "1 binary",
        "1 larger than 10 MB",
        "1 could not be listed",
        "100 more findings in b.py",
        "50,000",
    ):
        assert words in report["summary"]
    assert "Rules: own rules" in report["sections"][1]["items"]
    assert "x.bin: binary" in report["sections"][-1]["items"]


def test_an_empty_scan_gives_a_report_as_well(tools: ModuleType) -> None:
    found = tools.merge_findings([], {"skipped": []}, [], {})
    state: dict[str, Any] = {"branch": None, "entries": [{}]}
    report = tools.arrange_report("/r", found, {}, {}, "own rules", [".git"], state)
    assert report["summary"] == "No credentials found."
    assert "Branch: (detached)" in report["sections"][1]["items"]


class FoundByProvider:
    """As the package's findings are."""

    visible = True
    rule_id = "betterleaks.acme-token"
    location: dict[str, int]

    def __init__(self, start: int, end: int) -> None:
        self.location = {"start_offset": start, "end_offset": end}


def test_the_providers_rules_are_asked_where_they_are_installed(
    tools: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# Größe\nx = 'acme-77-77-77-77'\npassword = 'acme-88-88-88-88'\n"
    raw = text.encode()
    places = [raw.index(b"acme-77"), raw.index(b"acme-88")]
    package = ModuleType("kingfisher_sdk")
    vars(package).update(
        __version__="1.0",
        Rules=lambda cache_dir: ["rule"] * 3,
        Scanner=lambda _rules: SimpleNamespace(
            scan=lambda data: [FoundByProvider(start, start + 16) for start in places if data == raw]
        ),
    )
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", package)
    (tmp_path / "a.py").write_text(text)
    result = scan(tools, tmp_path, "a.py")
    assert result["rules"] == "3 providers' rules (kingfisher 1.0) and own rules"
    assert [(one["line"], one["rule"], one["excerpt"]) for one in result["findings"]] == [
        (2, "acme-token", "x = '[16 characters]'"),
        (3, "acme-token", "password = '[16 characters]'"),
    ]


def test_without_them_the_result_says_so(
    tools: ModuleType, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    assert tools.prepare_rules(context)["rules"].startswith("own rules only: the package kingfisher")
