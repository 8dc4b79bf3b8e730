"""`vasini pack ...` in front of a fake engine."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import pytest

from engine.contracts.packs.agent import FlowOutline, StepOutline
from engine.contracts.packs.pack import PackState, Problem, RunsOfVersion
from engine.contracts.packs.versions import DiffLine, PackDiff, PackSide, TextDiff
from tests.fakes.packs import a_detail, a_review, a_version
from tests.fakes.views import a_pack, a_run
from tests.recorded_names import recorded
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini

DIGEST = "c" * 64


@contextmanager
def keyboard(typed: str, at_once: Callable[[], None] = lambda: None) -> Iterator[FakeKeyboard]:
    """Standard input of a person who has typed that; `at_once` happens when it is waited for."""
    person, terminal = os.openpty()
    try:
        with os.fdopen(terminal, encoding="utf-8") as stream:
            os.write(person, typed.encode())
            yield FakeKeyboard(stream, at_once)
    finally:
        os.close(person)


class FakeKeyboard:
    """A terminal that tells when it is waited for."""

    def __init__(self, stream: TextIO, at_once: Callable[[], None]) -> None:
        self.isatty, self.readline = stream.isatty, stream.readline
        self._stream, self._at_once = stream, at_once

    def fileno(self) -> int:
        """Asked for by who waits."""
        self._at_once()
        return self._stream.fileno()


def test_show_tells_layers_flows_runs_and_problems(vasini: Vasini, fake: FakeEngine) -> None:
    steps = (
        StepOutline(id="ask", type="human_approval", gates="go", on_failure="fail"),
        StepOutline(
            id="both",
            type="parallel",
            branches=((StepOutline(id="a", type="tool", target="files.read"),), ()),
        ),
    )
    flow = FlowOutline(
        flow="main", version="v1", file="flows/main.yaml", sop=False, escalation="ask", steps=steps
    )
    view = a_pack(
        state=PackState.STALE,
        label="1.0.0+edited",
        problems=(Problem(file="flows/main.yaml", line=3, message="broken"),),
        runs=(RunsOfVersion(label="1.0.0", digest=DIGEST, runs=2),),
    )
    fake.packs.details["hello"] = a_detail(view, outlines=(flow,))
    fake.add(*(a_run(name, pack_digest=DIGEST) for name in ("run-1", "run-2")))
    told = vasini("pack", "show", "hello").stdout
    for words in (
        "hello 1.0.0+edited  stale",
        "2 runs in flight on 1.0.0",
        "  ask  human_approval  gates go  else fail",
        "    branch 1",
        "      a  tool  files.read",
        "  escalation: ask",
        "flows/main.yaml:3: broken",
    ):
        assert words in told
    assert vasini("pack", "show", "hello", "--json").document["pack"]["view"]["state"] == "stale"
    assert vasini("pack", "show", "none").status == ExitCode.NOT_FOUND


def test_versions_are_listed_and_published(vasini: Vasini, fake: FakeEngine, tmp_path: Path) -> None:
    fake.packs.versions_known["hello"] = (a_version(version="1.1.0"), a_version(latest=False))
    told = vasini("pack", "versions", "hello")
    assert [line.split()[:2] for line in told.stdout.splitlines()[1:]] == [
        ["1.1.0", "latest"],
        ["1.0.0", "-"],
    ]
    assert len(vasini("pack", "versions", "hello", "--json").document["versions"]) == 2
    bill = tmp_path / "sbom.json"
    bill.write_text("{}")
    assert "1.0.0 is published" in vasini("pack", "publish", "hello", "--sbom", str(bill)).stdout
    assert vasini("pack", "publish", "hello", "--as", "bo", "--json").document["version"]["latest"] is True
    published = fake.asked("pack_publish")
    assert [(pack, sbom) for pack, _, sbom in published] == [("hello", "{}"), ("hello", None)]
    assert published[1][1] == recorded("bo")
    missing = vasini("pack", "publish", "hello", "--sbom", str(tmp_path / "none"), "--json")
    assert (missing.status, missing.error["code"]) == (ExitCode.INVALID_INPUT, "invalid_input")
    endless = vasini("pack", "publish", "hello", "--sbom", "/dev/zero", "--json")
    assert (endless.status, endless.error["code"]) == (ExitCode.INVALID_INPUT, "payload_too_large")


def test_only_the_content_that_a_script_looked_at_is_published(vasini: Vasini, fake: FakeEngine) -> None:
    fake.packs.details["hello"] = a_detail(a_pack(digest=DIGEST))
    fake.stored_packs = (a_pack(digest=DIGEST),)
    seen = vasini("pack", "show", "hello", "--json").document["pack"]["view"]["digest"]
    changed = vasini("pack", "publish", "hello", "--digest", "0" * 64, "--json")
    assert (changed.status, changed.error["code"]) == (ExitCode.REFUSED, "code_changed")
    assert "hello" not in fake.packs.versions_known
    published = vasini("pack", "publish", "hello", "--digest", seen, "--json")
    assert published.document["version"]["digest"] == seen


def test_versions_of_an_unknown_pack_are_not_found(vasini: Vasini, fake: FakeEngine) -> None:
    assert vasini("pack", "versions", "none").status == ExitCode.NOT_FOUND


def test_a_diff_marks_lines_and_gaps(vasini: Vasini, fake: FakeEngine) -> None:
    side = PackSide(pack="hello", label="1.0.0", digest=DIGEST)
    lines = (
        DiffLine(kind="same", before=1, after=1, text="a"),
        DiffLine(kind="removed", before=2, text="b"),
        DiffLine(kind="added", after=2, text="\x1b[31mc"),
        DiffLine(kind="same", before=40, after=40, text="z"),
    )
    text = TextDiff(name="x.yaml", change="changed", lines=lines, added=1, removed=1, shortened=True)
    fake.packs.diffs["hello@1.0.0", "hello"] = PackDiff(before=side, after=side, files=(text,))
    told = vasini("pack", "diff", "hello@1.0.0", "hello").stdout
    assert told.splitlines()[2:] == [
        "files",
        "changed x.yaml  +1 -1",
        "      1   a",
        "      2 - b",
        "      2 + ␛[31mc",
        "  ...",
        "     40   z",
        "  ... and more",
    ]
    assert vasini("pack", "diff", "hello@1.0.0", "hello", "--json").document["diff"]["files"][0]["added"] == 1
    assert "no difference" in vasini("pack", "diff", "hello", "./hello").stdout


def test_code_is_shown_in_full_and_trusted_by_its_digest(vasini: Vasini, fake: FakeEngine) -> None:
    long = "x = '" + "y" * 5000 + "'"
    fake.packs.reviews["hello"] = a_review(text=f"import os\n{long}\n\tz = '\x1b[2J'\n")
    shown = vasini("pack", "trust", "hello")
    assert shown.status == ExitCode.REFUSED
    assert shown.stdout.count("y") >= 5000
    assert "\x1b" not in shown.stdout
    assert f"--digest {DIGEST}" in shown.stderr
    assert not fake.asked("pack_trust")
    given = vasini("pack", "trust", "hello", "--digest", DIGEST, "--json", "--as", "bo")
    assert (given.status, given.document["code"]["trusted_by"]) == (ExitCode.OK, recorded("bo"))
    assert fake.asked("pack_trust") == [("hello", DIGEST, recorded("bo"))]
    fake.packs.reviews["hello"] = a_review()
    other = vasini("pack", "trust", "hello", "--digest", "0" * 64, "--json")
    assert (other.status, other.error["code"]) == (ExitCode.REFUSED, "code_changed")


@pytest.mark.parametrize(
    ("typed", "status"), [("trust\n", ExitCode.OK), ("y\n", ExitCode.REFUSED), ("\x04", ExitCode.REFUSED)]
)
def test_a_person_types_the_word(
    vasini: Vasini, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    fake.packs.reviews["hello"] = a_review()
    with keyboard(typed) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert vasini("pack", "trust", "hello").status == status
    assert len(fake.asked("pack_trust")) == (status == ExitCode.OK)


def test_ctrl_c_ends_the_question_for_the_word(
    vasini: Vasini, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.packs.reviews["hello"] = a_review()
    with keyboard("", lambda: os.kill(os.getpid(), signal.SIGINT)) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert vasini("pack", "trust", "hello").status == ExitCode.INTERRUPTED
    assert fake.asked("pack_trust") == []


def test_trusted_code_is_shown_and_nothing_is_asked(vasini: Vasini, fake: FakeEngine) -> None:
    fake.packs.reviews["hello"] = a_review(trusted=True)
    outcome = vasini("pack", "trust", "hello")
    assert outcome.status == ExitCode.OK
    assert "trusted by the release" in outcome.stdout


def test_a_digest_of_other_code_is_refused_also_when_the_code_is_trusted(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.packs.reviews["hello"] = a_review(trusted=True)
    outcome = vasini("pack", "trust", "hello", "--digest", "0" * 64, "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.REFUSED, "code_changed")
    assert vasini("pack", "trust", "hello", "--digest", DIGEST).status == ExitCode.OK


@pytest.mark.parametrize("name", ["Upper", "../out", "a/b", "-x", "", "x" * 81, "hello"])
def test_a_new_pack_needs_a_free_pack_id(vasini: Vasini, tmp_path: Path, name: str) -> None:
    outcome = vasini("pack", "new", "--json", "--in", str(tmp_path / "packs"), "--", name)
    assert (outcome.status, outcome.error["code"]) == (ExitCode.INVALID_INPUT, "invalid_input")
    assert not (tmp_path / "packs").exists()


def test_a_new_pack_that_would_be_broken_leaves_nothing(
    vasini: Vasini, fake: FakeEngine, tmp_path: Path
) -> None:
    fake.packs.problems = (Problem(file="tools.py", message="taken"),)
    assert vasini("pack", "new", "mine", "--in", str(tmp_path)).status == ExitCode.INVALID_INPUT
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


@pytest.mark.parametrize("place", ["file", "file/below", "taken"])
def test_a_new_pack_in_a_place_that_can_be_none_is_refused(
    vasini: Vasini, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "_schemas").touch()
    outcome = vasini("pack", "new", "mine", "--in", str(tmp_path / place), "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.INVALID_INPUT, "invalid_input")
    assert str(tmp_path / place) in outcome.error["message"]
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["_schemas"]


def test_a_new_pack_says_how_it_is_run_where_it_can_be_run(vasini: Vasini, tmp_path: Path) -> None:
    assert "vasini run mine/main --wait" in vasini("pack", "new", "mine").stdout
    elsewhere = vasini("pack", "new", "other", "--in", str(tmp_path / "else where")).stdout
    assert "vasini run" not in elsewhere
    assert f"vasini pack validate '{tmp_path}/else where/other'" in elsewhere


@pytest.mark.parametrize("template", ["tool", "agent", "sop"])
def test_every_file_of_a_new_pack_names_its_schema(vasini: Vasini, tmp_path: Path, template: str) -> None:
    outcome = vasini("pack", "new", "my-pack", "--template", template, "--in", str(tmp_path), "--json")
    assert outcome.status == ExitCode.OK
    for name in outcome.document["files"]:
        file = tmp_path / "my-pack" / name
        text = file.read_text()
        assert "new-pack" not in text
        assert "new_pack" not in text
        if file.suffix != ".py":
            (line,) = [
                line for line in text.splitlines() if line.startswith("# yaml-language-server: $schema=")
            ]
            assert (file.parent / line.partition("=")[2]).resolve().is_file()
    assert "something" in vasini("pack", "new", "my-pack", "--in", str(tmp_path)).stderr
    assert (
        "File name too long" in vasini("pack", "new", "my-pack", "--in", str(tmp_path / ("x" * 300))).stderr
    )


def test_tools_are_listed_and_shown_in_full(vasini: Vasini) -> None:
    assert "command.run" in vasini("tools").stdout
    shown = vasini("tools", "http.get").stdout
    assert "url (required)" in shown
    assert "with `json: true`" in shown
    (spec,) = vasini("tools", "files.read", "--json").document["tools"]
    assert (spec["effects"], spec["output"]["size"]) == ("none", "bytes")
    assert vasini("tools", "no.such").status == ExitCode.NOT_FOUND


def test_tools_over_http_are_listed_as_the_settings_declare_them(
    vasini: Vasini, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = '{"crm.lookup": {"endpoint": "https://crm.example", "description": "Finds a customer."}}'
    monkeypatch.setenv("VASINI_TOOLS__REMOTE", declared)
    assert "Finds a customer." in vasini("tools").stdout
    assert "called over HTTP" in vasini("tools", "crm.lookup").stdout
    (spec,) = vasini("tools", "crm.lookup", "--json").document["tools"]
    assert (spec["backend"], spec["effects"], spec["risk"]) == ("http", "outside", "high")


def test_the_agents_that_any_flow_may_name_are_listed_with_their_form(vasini: Vasini) -> None:
    found = {one["name"]: one for one in vasini("agents", "--json").document["agents"]}
    assert found.keys() >= {"llm_reasoner", "insight_reasoner"}
    assert (found["llm_reasoner"]["source"], found["llm_reasoner"]["output"]) == ("engine", None)
    insight = found["insight_reasoner"]
    assert (insight["model"], list(insight["output"]["properties"])) == (
        "INSIGHT",
        ["summary", "highlights", "risks"],
    )
    assert "insight_reasoner" in vasini("agents").stdout
