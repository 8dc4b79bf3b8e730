"""An id of another tenant is not found by any command that takes one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_type_hints

import pytest

from vasini_tui.cli.commands import COMMANDS, command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

ASKS = """\
steps:
  - id: split
    type: parallel
    branches:
      - - {id: ask, type: human_approval, message: "May I?", gates: act}
        - {id: act, type: tool, tool: text.report, params: {title: yes, body: done}}
      - - id: word
          type: user_input
          params: {form_id: word, title: A word, schema: {type: object, properties: {word: {type: string}}}}
      - - {id: chat, type: agent, instructions: Answer., prompt: "Well?", script: [{text: Yes.}]}
"""
NAMES_SOMETHING_OF_A_RUN = re.compile(r"\b(RUN|ID|REQUEST_ID)\b")
CALLS = {
    ("rerun", "run"): "rerun {run}",
    ("runs", "parent"): "runs --parent {run}",
    ("show", "run"): "show {run}",
    ("events", "run"): "events {run}",
    ("logs", "run"): "logs {run}",
    ("conversation", "run"): "conversation {run}",
    ("approvals", "run"): "approvals --run {run}",
    ("approval", "approval"): "approval {approval}",
    ("approve", "approval"): "approve {approval}",
    ("reject", "approval"): "reject {approval} --comment no",
    ("forms", "run"): "forms --run {run}",
    ("answer", "run"): "answer {run} --values {{}}",
    ("answer", "form"): "answer {run} --form {form} --values {{}}",
    ("outcomes", "run"): "outcomes --run {run}",
    ("outcome", "target"): "outcome {run} fail",
    ("tell", "run"): "tell {run} hello",
    ("narrow", "run"): "narrow {run} --without files.write",
    ("pause", "run"): "pause {run}",
    ("resume", "run"): "resume {run}",
    ("cancel", "run"): "cancel {run}",
    ("retry", "run"): "retry {run}",
    ("handoffs", "run"): "handoffs {run}",
    ("handoff", "run"): "handoff {run} desk",
    ("export", "run"): "export {run}",
    ("ask", "target"): "ask {run} hello",
    ("exclude", "run"): "exclude {run} --reason none",
    ("flag", "run"): "flag {run} --hallucination --comment none",
    ("token", "run"): "token {run}",
}
"""How each parameter that names something of a run is given."""
REQUESTS = ("answer {form} --values {{}}", "token {form}", "outcome {approval} fail", "outcome {form} fail")
"""Where a request may stand for its run."""
OTHER_VIEWS = ("show {run} --snapshot", "narrow {run} --once --without files.write")
"""What an option makes another view or verb of."""


def parameters() -> Iterator[tuple[str, str]]:
    """What of the command line names something of a run."""
    for words in COMMANDS:
        for name, hint in get_type_hints(command(words), include_extras=True).items():
            for given in getattr(hint, "__metadata__", ()):
                if NAMES_SOMETHING_OF_A_RUN.search(getattr(given, "metavar", None) or ""):
                    yield words, name


def test_every_such_parameter_is_tried() -> None:
    assert set(parameters()) == CALLS.keys(), "say in CALLS how it is given; the next test tries it"


def test_what_belongs_to_another_tenant_is_not_found_by_any_command(vasini: Vasini) -> None:
    vasini.make_pack("desk", asks=ASKS)
    run = vasini.ok("run", "desk/asks", "--tenant", "acme", "--wait")["run_id"]
    before = vasini("events", run, "--tenant", "acme", "--json").out
    approval = vasini.ok("approvals", "--tenant", "acme")["approvals"][0]["approval_id"]
    form = vasini.ok("forms", "--tenant", "acme")["forms"][0]["request_id"]
    calls = [
        call.format(run=run, approval=approval, form=form).split()
        for call in (*CALLS.values(), *REQUESTS, *OTHER_VIEWS)
    ]
    for words in calls:
        outcome = vasini(*words, "--json")
        assert approval.encode() not in outcome.out.replace(words[1].encode(), b""), words
        if outcome.status == 0:  # a list that is filtered by it
            (found,) = (value for value in outcome.document.values() if isinstance(value, list))
            assert found == [], words
        else:
            assert (outcome.status, outcome.error["code"]) == (3, "not_found"), (words, outcome)
    assert vasini("events", run, "--tenant", "acme", "--json").out == before
    for words in calls[: len(CALLS)]:
        outcome = vasini(*words, "--tenant", "acme", "--json")
        assert outcome.status != 3, (words, outcome)
