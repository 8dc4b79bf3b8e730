"""`vasini budget`, and the settings behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import open_engine
from engine.contracts.governing.budget import (
    Caps,
    CapScope,
    CapState,
    CapView,
    CapWindow,
    SpendBy,
    SpendRow,
    SpendSum,
    TokenCeiling,
)
from engine.errors import ErrorCode, VasiniError
from tests.fakes.budget import a_cap
from tests.fakes.views import NOW
from tests.vasini_tui.conftest import Outcome
from vasini_tui.__main__ import main
from vasini_tui.exit_codes import ExitCode
from vasini_tui.settings.loading import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini

PRICED = """
models:
  named:
    own: {provider: openai, base_url: "http://127.0.0.1:1/v1", model: m, api_key: ''}
    local: {provider: ollama, model: l}
budget:
  prices:
    own: {input: 0.15, output: "0.60"}
"""


def written(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(text, "utf-8")


def test_prices_say_where_they_are_from_and_which_are_unknown(vasini: Vasini, home: Path) -> None:
    written(home, PRICED)
    rows = {line.split()[0]: line.split() for line in vasini("budget", "prices").stdout.splitlines()}
    assert rows["own"] == ["own", "openai/m", "0.15", "0.15", "0.6", "settings", "-"]
    assert rows["local"] == ["local", "ollama/l", "unknown", "unknown", "unknown", "unknown", "-"]
    assert rows["scripted"] == ["scripted", "scripted/scripted", "0", "0", "0", "scripted", "-"]


def test_prices_as_a_document_are_exact_and_name_their_table(vasini: Vasini, home: Path) -> None:
    written(home, PRICED)
    document = vasini("budget", "prices", "--json").document
    own = next(one for one in document["models"] if one["name"] == "own")
    assert own["per_million"] == [{"above": 0, "input": "0.15", "cached": "0.15", "output": "0.6"}]
    assert next(one for one in document["models"] if one["name"] == "local")["per_million"] is None
    assert document["table"]["date"]
    assert len(document["table"]["digest"]) == len(document["table"]["in_force"]) == 64


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("budget: {prices: {other: {input: 1, output: 1}}}", "there is no model 'other'"),
        ("budget: {prices: {scripted: {input: 1, output: 1}}}", "scripted"),
        (PRICED.replace("0.15", "-1"), "greater than or equal to 0"),
        ("budget: {caps: [{scope: model, of: other, window: day, hard: 1}]}", "a model 'other'"),
        ("budget: {caps: [{scope: tenant, window: day, soft: 2, hard: 1}]}", "above the hard one"),
        ("budget: {time_zone: Nowhere/Land}", "time zone"),
    ],
)
def test_a_price_that_cannot_count_is_refused_with_its_place(home: Path, text: str, word: str) -> None:
    written(home, text)
    with pytest.raises(VasiniError, match="config") as refused:
        load_settings()
    assert refused.value.code is ErrorCode.CONFIG_INVALID
    assert word in str(refused.value.details)


@pytest.fixture
def embedded(home: Path, capsys: pytest.CaptureFixture[str]) -> Vasini:
    """Perform a command line against a journal of its own."""

    def perform(*arguments: str) -> Outcome:
        status = main(arguments, opener=open_engine)
        written = capsys.readouterr()
        return Outcome(status, written.out, written.err)

    written(home, f"{PRICED}  caps:\n    - {{scope: model, of: own, window: day, hard: 20}}\n")
    return perform


def test_a_word_that_no_list_has_is_told_in_words_for_a_person(vasini: Vasini) -> None:
    outcome = vasini("budget", "show", "--by", "nope")
    assert outcome.status == ExitCode.USAGE
    assert "Invalid value for '--by': 'nope' is not one of 'tenant'," in outcome.stderr


def test_caps_are_set_shown_and_taken_back(embedded: Vasini) -> None:
    done = embedded("budget", "set", "model", "own", "--window", "day", "--hard", "2.50", "--comment", "less")
    assert done.status == 0, done.stderr
    shown = embedded("budget", "show", "--json").document["caps"]
    (cap,) = shown["caps"]
    assert (cap["scope"], cap["name"], cap["hard"], cap["source"]) == (
        "model",
        "own",
        2_500_000_000,
        "person",
    )
    (act,) = shown["acts"]
    assert (act["kind"], act["comment"], act["via"]) == ("cap_set", "less", "cli")
    topped = embedded(
        "budget", "top-up", "model", "own", "1", "--window", "day", "--comment", "rush", "--json"
    )
    assert topped.document["caps"]["caps"][0]["hard"] == 3_500_000_000
    again = ("budget", "top-up", "model", "own", "1", "--window", "day", "--comment", "rush")
    late = embedded(*again, "--seen", "2.50")
    assert "the hard cap of model own is $3.50, not $2.50: nothing was done" in late.stderr
    assert embedded(*again, "--seen", "3.50").status == 0
    warned = embedded("budget", "set", "model", "own", "--window", "day", "--soft", "2")
    assert "calls may pass $2.50 now: --soft alone leaves no hard cap" in warned.stderr
    assert not embedded("budget", "set", "model", "own", "--window", "day", "--soft", "1").stderr
    assert embedded("budget", "set", "model", "own", "--window", "day", "--off").status == 0
    rows = embedded("budget", "show").stdout
    assert "$22.00" in rows
    assert "settings" in rows


def test_caps_fit_into_eighty_columns(vasini: Vasini, fake: FakeEngine) -> None:
    given = {"scope": "pack", "tenant": "acme", "window": "month", "spent": 141_900_000_000}
    soft = {"soft": 140 * 10**9, "hard": 150 * 10**9, "state": "soft", "runs_out_at": NOW}
    caps = (a_cap(**given, **soft, name="log-triage"), a_cap(**given, name="on-call"))
    fake.budget.of_caps = Caps(time_zone="UTC", held=10**9, held_calls=3, caps=caps)
    lines = vasini("budget", "show").stdout.splitlines()
    assert lines[0].split() == ["CAP", "OF", "IN", "SPENT", "SOFT", "HARD", "RUNS", "OUT", "STATE", "FROM"]
    assert " ".join(lines[1].split()) == (
        "pack log-triage month $141.90 $140.00 $150.00 03-14 09:26Z soft settings"
    )
    assert "held now: $1.00 in 3 calls under way" in lines
    assert max(map(len, lines)) <= 80


def test_ceilings_of_tokens_stand_beside_caps_of_money(vasini: Vasini, fake: FakeEngine) -> None:
    ceilings = (
        TokenCeiling(pack="*", limit=200_000),
        TokenCeiling(pack="on-call", limit=5_000),
        TokenCeiling(pack="desk", limit=None),
    )
    fake.budget.of_caps = Caps(time_zone="UTC", run_tokens=ceilings)
    lines = vasini("budget", "show").stdout.splitlines()
    assert lines[:3] == [
        "each run: 200,000 tokens at most (policies.max_tokens_per_run)",
        "each run of on-call: 5,000 tokens at most (policies.max_tokens_per_run)",
        "each run of desk: any number of tokens (policies.max_tokens_per_run)",
    ]


def test_a_cap_of_a_model_that_is_not_there_would_hold_nothing_and_is_refused(embedded: Vasini) -> None:
    refused = embedded("budget", "set", "model", "onw", "--hard", "1")
    assert refused.status == 4
    assert "there is no model 'onw'" in refused.stderr
    assert embedded("budget", "set", "model", "*", "--hard", "1").status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "tenant", "default"),
        ("set", "tenant", "default", "--hard", "1", "--off"),
        ("set", "tenant", "default", "--hard", "much"),
        ("set", "tenant", "default", "--hard", "1", "--soft", "2"),
        ("set", "run", "run_1", "--hard", "1"),
        ("top-up", "tenant", "default", "0", "--comment", "x"),
        ("top-up", "tenant", "default", "1"),
        ("top-up", "tenant", "default", "1", "--comment", "without a cap"),
    ],
)
def test_caps_that_cannot_hold_are_refused_and_nothing_is_recorded(
    embedded: Vasini, arguments: tuple[str, ...]
) -> None:
    assert embedded("budget", *arguments).status in {2, 4}
    assert embedded("budget", "show", "--json").document["caps"]["acts"] == []


def test_metrics_round_no_digit_away(vasini: Vasini, fake: FakeEngine) -> None:
    total = SpendSum(calls=1, input_tokens=1_234_567_891, output_tokens=7, cost=12_345_678_901_234)
    fake.budget.rows = {SpendBy.MODEL: (SpendRow(name="own", sum=total),)}
    lines = vasini("metrics").stdout.splitlines()
    assert 'vasini_model_tokens{model="own",kind="input"} 1234567891' in lines
    assert 'vasini_model_cost_dollars{model="own"} 12345.678901234' in lines


def test_metrics_tell_what_models_cost_and_what_is_left(vasini: Vasini, fake: FakeEngine) -> None:
    spent = SpendSum(
        calls=2, unpriced=1, input_tokens=30, output_tokens=4, cached_tokens=10, cost=1_500_000_000
    )
    fake.budget.rows = {SpendBy.MODEL: (SpendRow(name="own", sum=spent),)}
    cap = CapView(
        scope=CapScope.TENANT,
        tenant="acme",
        name="acme",
        window=CapWindow.DAY,
        source="settings",
        hard=2 * 10**9,
        left=5 * 10**8,
        state=CapState.OK,
    )
    fake.budget.of_caps = Caps(time_zone="UTC", caps=(cap,))
    lines = vasini("metrics").stdout.splitlines()
    assert 'vasini_model_tokens{model="own",kind="cached"} 10' in lines
    assert 'vasini_model_cost_dollars{model="own"} 1.5' in lines
    assert 'vasini_model_unpriced_calls{model="own"} 1' in lines
    left = 'vasini_budget_remaining_dollars{scope="tenant",tenant="acme",name="acme",window="day"} 0.5'
    assert left in lines


@pytest.mark.parametrize("amount", ["1_000", "١٢", "1e3", "nan", "0x10", "1,000", "12 34"])
def test_an_amount_is_digits_and_perhaps_a_point(vasini: Vasini, amount: str) -> None:
    done = vasini("budget", "set", "pack", "demo", "--hard", amount)
    assert done.status == ExitCode.USAGE
    assert "no amount in dollars" in done.stderr
