"""`vasini slo` and `vasini metrics` in front of a fake engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import (
    AlertKind,
    FailureCount,
    HallucinationView,
    PeopleView,
    RoleView,
    SloState,
)
from engine.contracts.status import RunStatus
from tests.fakes.levels import a_level, an_alert, some_burns
from tests.fakes.views import NOW, a_run, ago
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def known(fake: FakeEngine) -> None:
    bad = a_level(
        "on-call",
        SloState.VIOLATED,
        runs=412,
        failed=12,
        success_rate=400 / 412,
        may_fail=-4,
        allowed=8,
        burns=some_burns(0.0, 6.2, 3.1, 1.4, fires=True),
        why=(FailureCount(code="timeout", runs=9), FailureCount(code="model_error", runs=3)),
    )
    none = a_level("hello", SloState.NO_DATA, runs=0, failed=0, success_rate=None, p95_ms=None, p50_ms=None)
    fake.levels.stored = (bad, none)


def test_packs_are_told_with_the_runs_that_may_still_fail(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    heads, bad, none = vasini("slo").stdout.splitlines()
    assert heads.startswith("PACK")
    assert max(map(len, (heads, bad, none))) <= 80
    assert " ".join(bad.split()) == "on-call 412 97.08 98.00 -4 6.2/3.1 2.2 s violated"
    assert " ".join(none.split()) == "hello 0 - 98.00 - - - no runs"


def test_several_tenants_are_told_apart(vasini: Vasini, fake: FakeEngine) -> None:
    fake.levels.stored = (a_level("hello", tenant="acme"), a_level("hello", tenant="default"))
    heads, *rows = vasini("slo", "--all-tenants").stdout.splitlines()
    assert heads.startswith("TENANT")
    assert [row.split()[0] for row in rows] == ["acme", "default"]


def test_one_pack_is_told_in_full(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    people = PeopleView(asked=9, expired=3, p95_ms=9_000, p95_goal_ms=5_000, expired_goal=0.1, kept=False)
    fake.levels.stored = (fake.levels.stored[0].model_copy(update={"people": people}),)
    told = vasini("slo", "on-call", "--window", "7").stdout
    assert "p95 5.0 s, 10 % expired, not kept" in told
    assert "-4 of 8" in told
    assert "7 days" in told
    assert "ticket  24 h  3.1   120 min  3.1   3.0    yes" in told
    assert "9       timeout" in told
    assert fake.asked("level") == [("on-call", None, 7)]


def test_a_pack_has_its_newest_alerts(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    ended = an_alert(1, pack="on-call", kind=AlertKind.TICKET, began=ago(60), ended=NOW)
    fake.levels.alerts = (an_alert(2, pack="on-call"), ended, an_alert(3))
    told = [" ".join(line.split()) for line in vasini("slo", "on-call").stdout.splitlines()]
    place = told.index("ALERT BEGAN ENDED")
    assert [line.split()[0] for line in told[place + 1 : place + 3]] == ["page", "ticket"]
    assert told[place + 1].endswith(" stands")
    assert "last alert hello: page alert, runs fail 20.0 times faster than the goal allows" in told
    alerts = vasini("slo", "on-call", "--json").document["alerts"]
    assert [(one["number"], one["kind"], one["ended"] is None) for one in alerts] == [
        (2, "page", True),
        (1, "ticket", False),
    ]


def test_states_and_alerts_are_told_in_the_words_of_the_console(vasini: Vasini, fake: FakeEngine) -> None:
    fake.levels.stored = (a_level("a", SloState.AT_RISK), a_level("b", SloState.FEW_EVENTS))
    fake.levels.alerts = (an_alert(1, pack="a", kind=AlertKind.DRIFT_TIME),)
    assert [line.split("  ")[-1].strip() for line in vasini("slo").stdout.splitlines()[1:]] == [
        "at risk",
        "few runs",
    ]
    alone = vasini("slo", "a").stdout
    assert "drift of time" in alone
    assert "at risk" in alone
    assert "_" not in alone


def test_programs_get_every_field(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    bad, none = vasini("slo", "--json").document["levels"]
    assert (bad["state"], bad["may_fail"], bad["burns"][1]["fires"]) == ("violated", -4, True)
    assert none["success_rate"] is None
    assert vasini("slo", "on-call", "--json").document["level"]["why"][0] == {"code": "timeout", "runs": 9}


def test_a_pack_that_is_not_there_is_an_error(vasini: Vasini) -> None:
    outcome = vasini("slo", "nope", "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.NOT_FOUND, "not_found")


def test_metrics_are_lines_that_prometheus_reads(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    lines = vasini("metrics").stdout.splitlines()
    assert 'vasini_runs{status="QUEUED"} 0' in lines
    assert 'vasini_requests_waiting{kind="approval"} 0' in lines
    assert "vasini_workers 1" in lines
    assert 'vasini_slo_runs{tenant="default",pack="on-call",outcome="bad"} 12' in lines
    assert 'vasini_slo_may_still_fail{tenant="default",pack="on-call"} -4' in lines
    assert 'vasini_slo_run_seconds{tenant="default",pack="on-call",quantile="0.95"} 2.2' in lines
    assert 'vasini_slo_burn_rate{tenant="default",pack="on-call",window="6h"} 6.2' in lines
    assert 'vasini_slo_state{tenant="default",pack="hello",state="no_data"} 1' in lines
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_a_quote_in_a_name_stays_in_its_label(vasini: Vasini, fake: FakeEngine) -> None:
    fake.levels.stored = (a_level('a"b\\c'),)
    assert 'vasini_slo_goal_ratio{tenant="default",pack="a\\"b\\\\c"} 0.98' in vasini("metrics").stdout


def test_programs_get_metrics_as_json(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    told = vasini("metrics", "--json").document["metrics"]
    assert {"name": "vasini_workers", "labels": {}, "value": 1.0} in told


def test_another_tenant_is_not_told(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    assert "on-call" not in vasini("slo", "--tenant", "acme").stdout
    assert "on-call" not in vasini("metrics", "--tenant", "acme").stdout
    assert "on-call" in vasini("slo", "--all-tenants").stdout


def test_a_run_is_excluded_with_a_reason(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(status=RunStatus.FAILED))
    assert "does not count" in vasini("exclude", "run-1", "--reason", "a deployment").stdout
    assert fake.asked("exclude")[0][:2] == ("run-1", "a deployment")
    again = vasini("exclude", "run-1", "--reason", "a deployment", "--json").document
    assert again == {"run_id": "run-1", "excluded": True, "changed": False}
    assert "a deployment" in vasini("show", "run-1").stdout
    assert vasini("exclude", "run-1").status == ExitCode.USAGE


def test_a_run_is_flagged_with_a_comment_and_that_is_taken_back(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run-1", RunStatus.COMPLETED))
    assert "is flagged" in vasini("flag", "run-1", "--hallucination", "--comment", "no such file").stdout
    assert fake.asked("flag")[0][:2] == ("run-1", "no such file")
    off = vasini("flag", "run-1", "--off", "--json").document
    assert off == {"run_id": "run-1", "flagged": False, "changed": True}
    assert vasini("flag", "run-1", "--comment", "no such file").status == ExitCode.USAGE
    assert vasini("flag", "run-1", "--hallucination").status == ExitCode.INVALID_INPUT


def test_one_pack_tells_who_was_asked_and_what_was_flagged(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    roles = (RoleView(role="approver", asked=9, expired=1, p50_ms=1_000, p95_ms=9_000),)
    told = HallucinationView(flagged=4, rate=0.02, goal=0.05, kept=True)
    more = {"people": PeopleView(asked=9, roles=roles), "hallucination": told}
    fake.levels.stored = (fake.levels.stored[0].model_copy(update=more),)
    text = vasini("slo", "on-call").stdout
    assert "4 flagged, confidence not stated: 2 % (goal 5 %)" in text
    doubted = told.model_copy(update={"doubtful": 3, "stated": 40})
    fake.levels.stored = (fake.levels.stored[0].model_copy(update={"hallucination": doubted}),)
    assert "4 flagged, 3 of 40 doubtful: 2 % (goal 5 %)" in vasini("slo", "on-call").stdout
    assert 'vasini_slo_doubtful_runs{tenant="default",pack="on-call"} 3' in vasini("metrics").stdout
    assert "approver  9      1        1.0 s  9.0 s" in text
    lines = vasini("metrics").stdout
    assert 'vasini_slo_flagged_runs{tenant="default",pack="on-call"} 4' in lines


def test_a_tenant_of_which_there_is_no_run_is_said_to_be_so(vasini: Vasini, fake: FakeEngine) -> None:
    known(fake)
    for command in ("slo", "metrics"):
        assert "no run is of the tenant nosuch" in vasini(command, "--tenant", "nosuch").stderr
    assert not vasini("slo").stderr
