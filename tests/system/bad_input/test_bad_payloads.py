"""Outside data that is wrong, too large or hostile, on its way in and on its way to a person."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.system.history import Journal

if TYPE_CHECKING:
    from tests.system.conftest import Outcome, Vasini

pytestmark = pytest.mark.system

HOSTILE = "a\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\u202eb\u200b\x00\x7f"
RAW = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]")

ECHO = """\
description: {description}
input: {{type: object, properties: {{text: {{type: string}}}}, required: [text], additionalProperties: false}}
steps:
  - id: ask
    type: human_approval
    title: "Say {{{{ payload.text }}}}"
    message: "{{{{ payload.text }}}}"
    gates: say
  - {{id: say, type: tool, tool: text.report, params: {{title: x, body: "{{{{ payload.text }}}}"}}}}
  - id: form
    type: user_input
    params:
      form_id: f
      title: "{{{{ payload.text }}}}"
      schema: {{type: object, properties: {{note: {{type: string, title: {description}}}}}}}
"""


@pytest.fixture
def echo(vasini: Vasini) -> Vasini:
    vasini.make_pack("echo", echo=ECHO.format(description=json.dumps("from right\u200b to\u2060 left")))
    return vasini


def clean(outcome: Outcome) -> Outcome:
    """Checks that a person's terminal is safe with it."""
    for stream in (outcome.out, outcome.err):
        assert not RAW.search(stream), stream
    assert b"Traceback" not in outcome.err
    return outcome


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ('{"text": "x",}', "invalid_input"),
        ('{"text": "x", "text": "y"}', "invalid_input"),
        ('{"text": NaN}', "invalid_input"),
        ('{"text": 1e999}', "invalid_input"),
        ("[1]", "invalid_input"),
        ("", "invalid_input"),
        ("[" * 100_000, "invalid_input"),
        ('{"text": "\\ud800"}', "invalid_input"),
        ("@missing.json", "invalid_input"),
        ("@binary", "invalid_input"),
    ],
)
def test_text_that_is_no_json_object_is_refused(echo: Vasini, given: str, code: str) -> None:
    (echo.cwd / "binary").write_bytes(bytes(range(256)))
    outcome = echo("run", "echo/echo", "--input", given, "--json")
    assert (outcome.status, outcome.error["code"]) == (4, code)
    clean(outcome)


def test_a_payload_against_its_schema_leaves_a_refused_run_without_the_payload(echo: Vasini) -> None:
    given = {"text": 7, "stray": "marker-of-this-payload"}
    outcome = echo("run", "echo/echo", "--input", json.dumps(given), "--idempotency-key", "k", "--json")
    assert (outcome.status, outcome.error["code"]) == (4, "invalid_input")
    fields = {fault["field"] for fault in outcome.error["details"]["errors"]}
    assert {"text", "stray"} <= fields
    (run,) = echo.ok("runs")["runs"]
    assert (run["run_id"], run["status"]) == (outcome.error["details"]["run_id"], "FAILED")
    (event,) = echo("events", run["run_id"], "--json").lines
    assert event["kind"] == "run_refused"
    for file in (echo.home / "data").iterdir():
        assert b"marker-of-this-payload" not in file.read_bytes()
    # the key is not used up
    assert echo.ok("run", "echo/echo", "--set", "text=x", "--idempotency-key", "k")["status"] == "QUEUED"


def test_a_payload_of_10_mb_is_refused_by_its_size(echo: Vasini) -> None:
    (echo.cwd / "large.json").write_text(json.dumps({"text": "x" * 10_000_000}))
    outcome = echo("run", "echo/echo", "--input", "@large.json", "--json")
    assert (outcome.status, outcome.error["code"]) == (4, "payload_too_large")
    assert outcome.error["details"]["limit_bytes"] < 10_000_000 < outcome.error["details"]["size_bytes"]
    assert (echo.home / "data" / "journal.db").stat().st_size < 1_000_000
    endless = echo("run", "echo/echo", "--input", "@/dev/zero", "--json")
    assert (endless.status, endless.error["code"]) == (4, "payload_too_large")


def test_hostile_text_reaches_no_terminal(echo: Vasini) -> None:
    payload = json.dumps({"text": HOSTILE})
    started = echo("run", "echo/echo", "--input", payload, "--wait", "--json")
    assert (started.status, started.document["status"]) == (0, "PENDING_HUMAN")
    run_id = started.document["run_id"]
    (approval,) = echo.ok("approvals")["approvals"]
    assert approval["message"] == HOSTILE, "programs get the text as it is, escaped by JSON"
    for command in (("runs",), ("show", run_id), ("approvals",), ("events", run_id), ("packs",)):
        assert clean(echo(*command)).status == 0
        assert not RAW.search(echo(*command, "--json").out)
    decided = echo("approve", approval["approval_id"], "--comment", HOSTILE)
    assert clean(decided).status == 0
    echo.ok("worker", "--until-idle")
    for command in (("show", run_id), ("forms",), ("events", run_id)):
        assert clean(echo(*command)).status == 0
    answer = json.dumps({"note": HOSTILE})
    assert clean(echo("answer", run_id, "--values", answer)).status == 0
    echo.ok("worker", "--until-idle")
    assert clean(echo("show", run_id)).status == 0
    assert echo.ok("show", run_id)["run"]["status"] == "COMPLETED"
    Journal(echo.home).check_history(run_id)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", HOSTILE.replace("\x00", "") + "/x"),
        ("show", HOSTILE.replace("\x00", "")),
        ("approve", HOSTILE.replace("\x00", "")),
        ("runs", "--status", HOSTILE.replace("\x00", "")),
        ("runs", "--after", HOSTILE.replace("\x00", "")),
        ("runs", "--as", HOSTILE.replace("\x00", "")),
        ("run", "hello/hello", "--input", "@" + HOSTILE.replace("\x00", "")),
        ("pack", "validate", HOSTILE.replace("\x00", "")),
        (HOSTILE.replace("\x00", ""),),
    ],
)
def test_hostile_arguments_are_shown_harmless(vasini: Vasini, arguments: tuple[str, ...]) -> None:
    outcome = clean(vasini(*arguments))
    assert outcome.status in {2, 3, 4}
    assert outcome.stderr.count("\n") == 1
    assert vasini(*arguments, "--json").error["message"]


def test_a_secret_in_a_payload_is_never_at_rest(echo: Vasini) -> None:
    secret = "ghp_" + "A1b2C3d4E5" * 4
    started = echo("run", "echo/echo", "--set", f"text=token {secret} here", "--wait", "--json")
    assert started.status == 0
    run_id = started.document["run_id"]
    (approval,) = echo.ok("approvals")["approvals"]
    decided = echo("approve", approval["approval_id"], "--comment", f"as {secret}", "--json")
    echo.ok("worker", "--until-idle")
    answered = echo("answer", run_id, "--values", json.dumps({"note": secret}), "--json")
    echo.ok("worker", "--until-idle")
    told = [echo(command, run_id).out for command in ("show", "events")]
    kept = [file.read_bytes() for file in echo.home.rglob("*") if file.is_file()]
    for seen in (started.out, decided.out, answered.out, *told, *kept):
        assert secret.encode() not in seen
    assert echo.ok("show", run_id)["run"]["status"] == "COMPLETED"
