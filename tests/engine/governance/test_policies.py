from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.contracts.status import AutonomyLevel, Effects
from engine.governance.pipeline import (
    ALLOWED,
    Outcome,
    Point,
    Reason,
    Subject,
    Verdict,
    characters_of,
    check,
    strictest,
)
from engine.governance.policies import Policies


class WithFiles(Policies):
    """What adding a policy takes: one field."""

    max_files: int | None = None
    suffixes: frozenset[str] = frozenset()


def test_a_policy_is_added_by_one_field() -> None:
    policies = WithFiles.model_validate({"max_files": 5, "by_pack": {"careful": {"max_files": 1}}})
    assert "max_files" in WithFiles.names()
    assert policies.for_pack("careful").max_files == 1
    assert policies.for_pack("other").max_files == 5
    assert policies.for_pack("careful").digest() != policies.for_pack("other").digest()
    names = [f"n{number}" for number in range(500)]
    one, other = (WithFiles(suffixes=frozenset(listed)) for listed in (names, names[::-1]))
    assert list(one.suffixes) != list(other.suffixes), "a set keeps no order"
    assert one.digest() == other.digest()


def test_a_pack_inherits_what_its_own_policies_do_not_name() -> None:
    policies = Policies(
        max_steps=9, blocked_tools=frozenset({"http.get"}), by_pack={"p": Policies(max_tool_calls=2)}
    )
    own = policies.for_pack("p")
    assert (own.max_steps, own.max_tool_calls, own.by_pack) == (9, 2, {})
    assert own.blocked_tools == {"http.get"}


def test_a_packs_own_policies_have_no_packs_below_them() -> None:
    with pytest.raises(ValidationError, match="no by_pack"):
        Policies.model_validate({"by_pack": {"p": {"by_pack": {}}}})


def test_the_digest_is_the_same_for_equal_policies_however_they_were_written() -> None:
    one = Policies(blocked_tools=frozenset({"a.b", "c.d"})).for_pack("x").digest()
    assert Policies(blocked_tools=frozenset({"C.D ", " A.B"})).for_pack("y").digest() == one
    assert Policies().for_pack("x").digest() != one


def test_names_are_compared_without_case_and_outer_spaces() -> None:
    verdict = check(
        Point.TOOL_CALL, Subject(tool="http.get"), Policies(blocked_tools=frozenset({" HTTP.Get "}))
    )
    assert verdict.denied
    assert verdict.reason is Reason.TOOL_BLOCKED


def test_blocked_wins_over_allowed() -> None:
    policies = Policies(blocked_tools=frozenset({"http.get"}), allowed_tools=frozenset({"http.get"}))
    assert check(Point.TOOL_CALL, Subject(tool="http.get"), policies).denied


@pytest.mark.parametrize(
    ("point", "subject", "policies", "denied"),
    [
        (Point.TOOL_CALL, Subject(tool="http.get"), {"blocked_tools": ["http.get"]}, False),
        (Point.TOOL_CALL, Subject(tool="http.get"), {"allowed_tools": ["files.read"]}, False),
        (Point.START, Subject(autonomy=AutonomyLevel.FULL_AUTO), {}, False),
        (Point.START, Subject(steps=3), {"max_steps": 2}, True),
        (Point.START, Subject(size_bytes=11), {"max_payload_bytes": 10}, True),
        (Point.FORM, Subject(size_bytes=11), {"max_payload_bytes": 10}, True),
        (Point.OUTPUT, Subject(size_bytes=11), {"max_payload_bytes": 10}, True),
    ],
)
def test_enforce_false_switches_off_lists_and_autonomy_and_no_limit(
    point: Point, subject: Subject, policies: dict[str, Any], denied: bool
) -> None:
    assert check(point, subject, Policies(**policies)).denied
    assert check(point, subject, Policies(enforce=False, **policies)).denied is denied


def test_deny_beats_asking_beats_allowing() -> None:
    asks = Verdict(Outcome.PENDING_APPROVAL, Reason.TOOL_NEEDS_APPROVAL)
    denies = Verdict(Outcome.DENY, Reason.TOOL_BLOCKED)
    asks_too = Verdict(Outcome.PENDING_APPROVAL, Reason.AUTONOMOUS_STEPS)
    for verdicts, expected in (
        ([asks, denies, None], denies),
        ([denies, asks, None], denies),
        ([None, asks, asks_too], asks),
        ([None], ALLOWED),
    ):
        rules = [lambda _subject, _policies, found=found: found for found in verdicts]
        assert strictest(rules, Subject(), Policies()) is expected


def test_exactly_the_longest_input_passes() -> None:
    assert not check(Point.START, Subject(characters=5, max_characters=5), Policies()).denied
    verdict = check(Point.START, Subject(characters=6, max_characters=5), Policies())
    assert verdict.reason is Reason.INPUT_TOO_LONG
    assert verdict.details == {"characters": 6, "limit": 5}


@pytest.mark.parametrize(
    ("point", "policies", "last", "beyond"),
    [
        (Point.FORM, {"max_payload_bytes": 9}, {"size_bytes": 9}, {"size_bytes": 10}),
        (Point.START, {"max_steps": 3}, {"steps": 3}, {"steps": 4}),
        (Point.TOOL_CALL, {}, {"max_autonomous": 2, "autonomous": 1}, {"max_autonomous": 2, "autonomous": 2}),
    ],
)
def test_a_limit_is_passed_by_what_is_more_than_it_says(
    point: Point, policies: dict[str, Any], last: dict[str, Any], beyond: dict[str, Any]
) -> None:
    given = Policies.model_validate(policies)
    assert check(point, Subject(**last), given) == ALLOWED
    assert check(point, Subject(**beyond), given).outcome is not Outcome.ALLOW


def test_lists_of_tools_say_nothing_about_others() -> None:
    policies = Policies(blocked_tools=frozenset({"http.get"}))
    assert check(Point.TOOL_CALL, Subject(tool="files.read"), policies) == ALLOWED
    policies = Policies(allowed_tools=frozenset({"files.read"}))
    assert check(Point.TOOL_CALL, Subject(tool="Files.Read"), policies) == ALLOWED


def test_a_flow_that_only_suggests_asks_for_all_that_does_more_than_read() -> None:
    def asked(effects: Effects, autonomy: AutonomyLevel = AutonomyLevel.SUGGEST_ONLY) -> bool:
        subject = Subject(tool="files.write", autonomy=autonomy, effects=effects)
        return check(Point.TOOL_CALL, subject, Policies()).reason is Reason.SUGGEST_ONLY

    assert [asked(effects) for effects in Effects] == [False, True, True]
    assert not asked(Effects.OUTSIDE, AutonomyLevel.FULL_AUTO)


def test_full_autonomy_has_to_be_allowed() -> None:
    subject = Subject(autonomy=AutonomyLevel.FULL_AUTO)
    assert check(Point.START, subject, Policies()).reason is Reason.FULL_AUTONOMY
    assert check(Point.START, subject, Policies(allow_full_autonomy=True)) == ALLOWED


def test_characters_are_those_of_all_texts() -> None:
    assert characters_of({"name": "four", "list": ["é", {"x": "ab"}, 12, None]}) == 7


def test_unknown_names_are_warned_of() -> None:
    policies = Policies(
        blocked_tools=frozenset({"http.gte"}),
        allowed_models=frozenset({"strong"}),
        by_pack={
            "helo": Policies(
                allowed_tools=frozenset({"files.read", "x.y"}), blocked_models=frozenset({" Stong "})
            )
        },
    )
    known = frozenset({"files.read"}), frozenset({"strong"}), frozenset({"hello"})
    assert policies.unknown_names(*known) == [
        "policies.blocked_tools: there is no tool `http.gte`",
        "policies.by_pack: there is no pack `helo`",
        "policies.by_pack.helo.allowed_tools: there is no tool `x.y`",
        "policies.by_pack.helo.blocked_models: there is no model `stong`",
    ]
