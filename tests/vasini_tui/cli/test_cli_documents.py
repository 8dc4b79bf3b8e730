"""What docs/cli.md says of the JSON documents: every key that it names is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import open_engine
from engine.contracts.runs.conversation import Conversation, SpokenCall, SpokenTurn
from engine.contracts.status import RunStatus, StepStatus
from tests.fakes.views import a_form, a_run, a_step, an_approval, an_event, an_outcome
from vasini_tui.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
CALLS = {
    "vasini run PACK/FLOW": "run hello/hello",
    "vasini runs": "runs",
    "vasini show RUN": "show run-1",
    "vasini handoffs RUN": "handoffs run-1",
    "vasini events [RUN]": "events run-1",
    "vasini approvals": "approvals --status all",
    "vasini forms": "forms --status all",
    "vasini outcomes": "outcomes --status all",
    "vasini pause RUN": "pause run-1",
    "vasini budget show": "budget show",
    "vasini budget prices": "budget prices",
    "vasini slo [PACK]": "slo",
    "vasini triggers": "triggers",
    "vasini packs": "packs",
    "vasini tools [NAME]": "tools",
    "vasini agents": "agents",
    "vasini models": "models",
    "vasini keys": "keys",
    "vasini model try NAME TEXT": "model try scripted hello",
    "vasini pack new NAME": "pack new fresh",
}
"""Commands whose documents are compared; the others need an engine that works."""


def shape(text: str) -> Any:
    """A document as it is written in the page: objects with their keys, lists with their first item."""
    tokens = iter(re.findall(r'"[^"]*"|[{}\[\]:]|[^{}\[\]:,"\s]+', text))

    def value(token: str) -> Any:
        if token == "{":
            return members()
        if token == "[":
            items = [value(inner) for inner in iter(lambda: next(tokens), "]")]
            return items[:1] if items and isinstance(items[0], dict) else None
        return None

    def members() -> dict[str, Any]:
        found: dict[str, Any] = {}
        key = ""
        for token in tokens:
            if token == "}":
                break
            if token == ":":
                found[key] = value(next(tokens))
            else:
                key = token.strip('"')
                found[key] = None
        return found

    return value(next(tokens))


def missing(said: Any, real: Any, place: str = "") -> Iterator[str]:
    """Keys that the page names and the document does not have, and those that a whole list leaves out."""
    if isinstance(said, dict) and isinstance(real, dict):
        yield from (f"{place}.{key} is not there" for key in said if key != "..." and key not in real)
        if "..." not in said:
            yield from (f"{place}.{key} is not told" for key in real if key not in said)
        for key in said.keys() & real.keys():
            yield from missing(said[key], real[key], f"{place}.{key}")
    elif isinstance(said, list) and isinstance(real, list) and real:
        yield from missing(said[0], real[0], f"{place}[]")


def told(heading: str) -> Any:
    section = PAGE.read_text("utf-8").partition(f"### `{heading}`\n")[2].partition("\n### ")[0]
    found = re.search(r'`(\{"[^`]*)`', section)
    assert found is not None, heading
    return shape(found[1])


@pytest.mark.parametrize(("heading", "line"), CALLS.items(), ids=CALLS.values())
def test_the_page_names_the_keys_of_the_document(
    vasini: Vasini, fake: FakeEngine, heading: str, line: str
) -> None:
    fake.add(a_run("run-1"), an_approval(), a_form(), an_outcome())
    fake.stored_steps["run-1"] = (a_step("greet"),)
    fake.stored_events["run-1"] = (an_event(1),)
    outcome = vasini(*line.split(), "--json")
    assert outcome.status == 0, outcome.stderr
    assert list(missing(told(heading), json.loads(outcome.stdout.splitlines()[0]))) == []


def test_the_page_names_the_keys_of_a_conversation() -> None:
    call = SpokenCall(step_id="talk/0/calls/0/call", tool="files.read", arguments="{}")
    turn = SpokenTurn(step_id="talk/0/model", status=StepStatus.COMPLETED, calls=(call,))
    whole = Conversation(
        run_id="run-1",
        step_id="talk",
        name="talk",
        status=StepStatus.COMPLETED,
        run_status=RunStatus.COMPLETED,
        turns=(turn,),
    )
    assert list(missing(told("vasini conversation RUN [STEP]"), whole.model_dump(mode="json"))) == []


A_RUN_WHOLE = [
    ("vasini token RUN", "token {run}"),
    ("vasini answer RUN", 'answer {run} --values {{"style":"formal"}}'),
    ("vasini worker", "worker --until-idle"),
    ("vasini approve ID", "approve {approval}"),
    ("vasini worker", "worker --until-idle"),
    ("vasini show RUN", "show {run}"),
    ("vasini export RUN", "export {run} --to {place}/run.zip"),
    ("vasini verify FILE", "verify {place}/run.zip"),
    ("vasini backup FILE", "backup {place}/journal.db"),
    ("vasini flag RUN", "flag {run} --hallucination --comment wrong"),
    ("vasini metrics", "metrics"),
    ("vasini pack validate DIR", "pack validate {place}/home/packs/own"),
    ("vasini pack publish PACK", "pack publish own"),
    ("vasini pack versions PACK", "pack versions own"),
    ("vasini pack diff A B", "pack diff own own@0.1.0"),
    ("vasini pack trust PACK", "pack trust own"),
    ("vasini ask PACK|PACK/FLOW|RUN [TEXT]", "ask senior-python-dev hello --set repo={place}"),
    ("vasini prune", "prune --older-than 1s --dry-run"),
]
"""Commands in this order, from a run that waits for its form on."""


def test_the_page_names_the_keys_of_documents_about_a_run_that_was_really_worked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def document(line: str) -> Any:
        status = main([*line.split(), "--json"], opener=open_engine)
        written = capsys.readouterr()
        assert status == 0, (line, written.err)
        return json.loads(written.out)

    known = {"place": str(tmp_path), "run": document("run hello/hello --set name=Ada --wait")["run_id"]}
    document("pack new own")
    for heading, line in A_RUN_WHOLE:
        if "{approval}" in line:
            known["approval"] = document("approvals")["approvals"][0]["approval_id"]
        assert list(missing(told(heading), document(line.format(**known)))) == [], heading
