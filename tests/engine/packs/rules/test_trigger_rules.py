"""Triggers as flow files have them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from engine.contracts.flows.trigger import CronTrigger, WatchTrigger
from tests.engine.packs.rules.test_flow_rules import check_text

INPUT = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "style": {"type": "string", "default": "plain"}},
    "required": ["n", "style"],
}
CRON = {"id": "c", "type": "cron", "schedule": "0 8 * * *"}


def told(*triggers: dict[str, Any], declared: dict[str, Any] | None = None) -> list[str]:
    step = {"id": "a", "type": "tool", "tool": "text.report", "params": {"title": "t", "body": "b"}}
    flow = {"id": "f", "input": declared or {}, "triggers": list(triggers), "steps": [step]}
    return [f"{problem.field}: {problem.message}" for problem in check_text(yaml.safe_dump(flow))]


def test_good_triggers_have_no_faults() -> None:
    watch = {"id": "w", "type": "watch", "path": "/in/*.csv", "payload": {"n": "{{ trigger.name | length }}"}}
    assert told({**CRON, "payload": {"n": 1}}, watch, declared=INPUT) == []


@pytest.mark.parametrize(
    "declared",
    [
        {"definitions": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/definitions/n"}}},
        {"allOf": [{"type": "object"}], "properties": {"n": {"$ref": "#/allOf/0"}, "style": {}}},
        {
            "patternProperties": {"^s": {"type": "integer"}},
            "additionalProperties": False,
            "properties": {"n": {}},
        },
        {"anyOf": [{"required": ["x"]}, {"properties": {"style": {"type": "integer"}}}]},
        {"required": ["style"], "additionalProperties": {"type": "integer"}},
    ],
)
def test_what_a_template_decides_is_not_told_before(declared: dict[str, Any]) -> None:
    payload = {"n": 1, "style": "{{ trigger.date }}"}
    assert told({**CRON, "payload": payload}, declared={"type": "object", **declared}) == []


def test_a_field_that_the_input_has_not_is_told_beside_templates() -> None:
    closed = {**INPUT, "additionalProperties": False}
    (message,) = told({**CRON, "payload": {"n": 1, "style": "{{ trigger.date }}", "m": 2}}, declared=closed)
    assert "the input of the flow: " in message
    assert "m" in message.rpartition("flow: ")[2]


@pytest.mark.parametrize(
    ("triggers", "words"),
    [
        ([{**CRON, "payload": {"n": 1}}] * 2, "triggers.1.id: the trigger id `c` is here twice"),
        ([{**CRON, "payload": {"n": "x"}}], "the input of the flow: n:"),
        ([CRON], "the input of the flow: "),
        ([{**CRON, "payload": {"style": "{{ trigger.date }}"}}], "the input of the flow: n: "),
        ([{**CRON, "payload": {"n": "x", "style": "{{ trigger.date }}"}}], "the input of the flow: n:"),
        ([{**CRON, "payload": {"n": "{{ payload.n }}"}}], "a trigger knows `trigger` only, not `payload`"),
        ([{**CRON, "payload": {"n": "{{ trigger.path }}"}}], "`trigger` has no `path`"),
        ([{**CRON, "payload": {"n": "{{ trigger.tmie }}"}}], "(did you mean `time`?)"),
        ([{**CRON, "payload": {"n": "{{ trigger"}}], "template: "),
    ],
)
def test_what_is_wrong_with_a_trigger_is_told(triggers: list[dict[str, Any]], words: str) -> None:
    (message,) = told(*triggers, declared=INPUT)
    assert words in message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schedule": "0 8 * *"}, "a cron schedule of five fields"),
        ({"schedule": "*/5 * * * * *"}, "a cron schedule of five fields"),
        ({"schedule": "0 0 30 2 *"}, "a cron schedule of five fields"),
        ({"time_zone": "Berlin"}, "a time zone such as"),
        ({"misfire": "twice"}, "'once' or 'skip'"),
    ],
)
def test_what_never_comes_and_is_no_zone_is_refused(fields: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CronTrigger.model_validate({**CRON, **fields})


@pytest.mark.parametrize(
    ("path", "words"), [("in/*.csv", "an absolute path"), ("/in\0/*.csv", "a path without NUL")]
)
def test_a_path_that_is_relative_or_that_no_file_can_have_is_refused(path: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WatchTrigger.model_validate({"id": "w", "type": "watch", "path": path})


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_moments_follow_the_time_zone_through_its_summer_time() -> None:
    trigger = CronTrigger.model_validate({**CRON, "time_zone": "Europe/Berlin"})
    moments = trigger.moments(micros("2026-03-28T06:00:00+00:00"))
    assert next(moments) == micros("2026-03-28T07:00:00+00:00")
    assert next(moments) == micros("2026-03-29T06:00:00+00:00")


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-03-02T08:00:00+00:00", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02T08:00:59+00:00", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02T07:59:59+00:00", "2026-03-01T08:00:00+00:00"),
    ],
)
def test_the_last_moment_is_the_one_that_has_come(now: str, last: str) -> None:
    assert CronTrigger.model_validate(CRON).last(micros(now)) == micros(last)
