"""Pack and flow files that are wrong: every fault is named with its place, and nothing else suffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import write_pack

if TYPE_CHECKING:
    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

TOOL = "{id: %s, type: tool, tool: text.report, params: {title: x, body: y}}"
GOOD = f"steps:\n  - {TOOL % 'one'}\n"

FAULTS = {
    "broken YAML": ("steps:\n  - {id: one, type: tool\n", 4, "", ""),
    "unknown field": (f"{GOOD}colour: red\n", 4, "colour", "colour"),
    "wrong type": (f"concurrency: many\n{GOOD}", 2, "concurrency", "number"),
    "duplicate id": (f"{GOOD}  - {TOOL % 'one'}\n", 4, "steps.1.id", "first on line 3"),
    "unknown tool": (
        "steps:\n  - {id: one, type: tool, tool: text.repot}\n",
        3,
        "steps.0.tool",
        "text.repot",
    ),
    "cyclic subflow": (
        "steps:\n  - {id: one, type: subflow, subflow: flow}\n",
        3,
        "steps.0.subflow",
        "cycle",
    ),
    "bad template": (
        "steps:\n  - {id: one, type: tool, tool: text.report, params: {title: '{{ payload. }}', body: y}}\n",
        3,
        "steps.0.params.title",
        "",
    ),
    "control characters": ('description: "a\\e[2Jb"\nsteps: []\n', 2, "", "U+001B"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_flow_is_refused_with_file_line_and_field(vasini: Vasini, name: str) -> None:
    text, line, field, words = FAULTS[name]
    place = vasini.make_pack("broken", flow=text)
    checked = vasini("pack", "validate", str(place), "--json")
    assert (checked.status, checked.document["valid"]) == (4, False)
    assert checked.document["error"]["code"] == "pack_invalid"
    problems = checked.document["problems"]
    (problem,) = [item for item in problems if item["line"] == line and item["field"] == field]
    assert problem["file"] == "flows/flow.yaml"
    assert problem["column"] >= 1
    assert words in problem["message"] + str(problem["expected"]) + str(problem["found"])
    people = vasini("pack", "validate", str(place))
    assert people.status == 4
    assert f"flows/flow.yaml:{line}:" in people.stdout
    assert b"\x1b" not in people.out + people.err
    started = vasini("run", "broken/flow", "--json")
    assert (started.status, started.error["code"]) == (4, "pack_invalid")
    assert started.error["details"]["problems"]


def test_one_broken_pack_leaves_the_others_usable(vasini: Vasini) -> None:
    vasini.make_pack("broken", flow=FAULTS["unknown field"][0])
    vasini.make_pack("good", flow=GOOD)
    packs = {pack["pack"]: pack for pack in vasini.ok("packs")["packs"]}
    assert {"hello", "repo-steward", "log-triage", "good", "broken"} <= packs.keys()
    assert packs["broken"]["problems"]
    assert packs["good"]["problems"] == []
    assert vasini.ok("run", "good/flow", "--wait")["status"] == "COMPLETED"
    assert b"flows/flow.yaml:4:" in vasini("packs").out


def test_all_faults_of_a_pack_are_told_at_once(vasini: Vasini) -> None:
    place = vasini.make_pack("broken", one=FAULTS["unknown field"][0], two=FAULTS["wrong type"][0])
    problems = vasini("pack", "validate", str(place), "--json").document["problems"]
    assert {problem["file"] for problem in problems} == {"flows/one.yaml", "flows/two.yaml"}


def test_a_good_pack_is_valid_without_being_installed(vasini: Vasini) -> None:
    write_pack(vasini.cwd / "mine", "mine", flow=GOOD)
    checked = vasini.ok("pack", "validate", "mine")
    assert checked["valid"] is True
    assert checked["problems"] == []
    assert "mine" not in {pack["pack"] for pack in vasini.ok("packs")["packs"]}


def test_code_of_a_pack_nobody_trusts_does_not_run(vasini: Vasini) -> None:
    place = vasini.make_pack("coded", flow="steps:\n  - {id: one, type: tool, tool: coded.act}\n")
    trace = vasini.cwd / "ran"
    (place / "tools.py").write_text(
        f"open({str(trace)!r}, 'w')\n\ndef act() -> dict:\n    'Act.'\n    return {{'x': 1}}\n"
    )
    started = vasini("run", "coded/flow", "--wait", "--json")
    assert (started.status, started.error["code"]) == (5, "pack_untrusted")
    assert not trace.exists()


def test_a_missing_template_value_fails_the_run_and_names_the_path(vasini: Vasini) -> None:
    text = GOOD.replace("title: x", "title: '{{ payload.who.name }}'")
    vasini.make_pack("good", flow=text)
    outcome = vasini("run", "good/flow", "--wait", "--json")
    assert outcome.status == 6
    error = outcome.document["error"]
    assert error["code"] == "template_error"
    assert "payload.who" in error["message"]
    assert error["step_id"] == "one"
