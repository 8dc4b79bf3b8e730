"""`vasini models` and `vasini model try`, and the settings behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, VasiniError
from engine.facade.engine import RestingModel
from vasini_tui.settings.loading import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini

SECRET = "sk-ant-api03-Qm3vX8zLr2TnB5yWk7HdQm3vX8zL"


def written(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(text, "utf-8")


def test_out_of_the_box_the_scripted_model_is_listed_and_answers(vasini: Vasini) -> None:
    listed = vasini("models").stdout
    assert listed.split("\n")[0].split() == ["NAME", "PROVIDER", "MODEL", "URL", "KEY", "SERVES"]
    assert listed.split("\n")[1].split() == ["scripted", "scripted", "scripted", "-", "none", "default"]
    tried = vasini("model", "try", "scripted", "hello")
    assert tried.status == 0
    assert tried.stdout == "This answer is scripted, no model was asked. You wrote: hello\n"
    assert "scripted: scripted, ended with stop;" in tried.stderr


def test_an_answer_as_a_document_has_its_parts(vasini: Vasini) -> None:
    document = vasini("model", "try", "EXPLANATION", "hello", "--json").document
    assert (document["name"], document["provider"], document["finish"]) == ("scripted", "scripted", "stop")
    assert document["usage"]["estimated"] is True


def test_what_a_model_says_cannot_act_on_the_terminal(vasini: Vasini) -> None:
    assert "\x1b" not in vasini("model", "try", "scripted", "\x1b[31mred\x1b[0m").stdout


def test_a_named_model_is_listed_without_its_key_and_says_when_that_is_missing(
    vasini: Vasini, home: Path
) -> None:
    written(home, "models: {named: {large: {provider: anthropic, model: l}}}")
    row = vasini("models", "--json").document["models"][1]
    assert row == {
        "name": "large",
        "provider": "anthropic",
        "model": "l",
        "url": "https://api.anthropic.com",
        "key": "missing",
        "key_name": "anthropic_api_key",
        "serves": [],
        "refused": "",
        "resting": [],
    }
    tried = vasini("model", "try", "large", "hello", "--json")
    assert tried.status == 7
    assert (tried.error["code"], tried.error["details"]["reason"]) == ("model_error", "missing_api_key")


def test_a_key_of_the_environment_is_only_ever_set(
    vasini: Vasini, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home, "models: {named: {large: {provider: anthropic, model: l}}}")
    monkeypatch.setenv("VASINI_SECRETS__ANTHROPIC_API_KEY", SECRET)
    outcome = vasini("models", "--json")
    assert outcome.document["models"][1]["key"] == "set"
    assert SECRET not in outcome.stdout + vasini("doctor", "--json").stdout


def test_a_model_can_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASINI_MODELS__DEFAULT", "mine")
    monkeypatch.setenv("VASINI_MODELS__NAMED__MINE__PROVIDER", "openai")
    monkeypatch.setenv("VASINI_MODELS__NAMED__MINE__MODEL", "m")
    monkeypatch.setenv("VASINI_MODELS__NAMED__MINE__TIMEOUTS__TOTAL", "5")
    mine = load_settings().values.models.all["mine"]
    assert (mine.model, mine.timeouts.total) == ("m", 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: {default: gone}", "models.default: there is no model 'gone'"),
        ("models:\n  by_purpose:\n    INSIGHT: gone", "config.yaml:3: models.by_purpose.INSIGHT"),
        ("models: {by_purpose: {GUESSING: scripted}}", "models.by_purpose"),
        ("models: {named: {a: {provider: openai, model: m, key: x}}}", "known here are provider, model"),
        ("models: {named: {a: {provider: openai, model: m, base_url: 'http://x.example'}}}", "over https"),
    ],
)
def test_a_fault_in_the_settings_of_models_is_told_with_its_place(home: Path, text: str, words: str) -> None:
    written(home, text)
    with pytest.raises(VasiniError, match=words) as caught:
        load_settings()
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_unknown_models_and_empty_texts_are_told(vasini: Vasini) -> None:
    assert vasini("model", "try", "gone", "hello").status == 3
    assert vasini("model", "try", "scripted", " ").status == 2


def test_doctor_warns_of_a_model_that_nothing_opens(vasini: Vasini, home: Path) -> None:
    written(home, "models: {named: {large: {provider: anthropic, model: l}}}")
    assert "models.named.large is opened by the secret 'anthropic_api_key'" in vasini("doctor").stdout


ROUTED = """
models:
  default: tier-2
  named:
    one: {provider: ollama, model: o}
    two: {provider: ollama, model: t}
    "no": {provider: ollama, model: n}
  tiers: {tier-1: one, tier-2: two}
  fallback: [tier-1, tier-2]
  by_pack: {hello: tier-1}
  deny: ["no"]
  tenant_tiers: {shop: [tier-2]}
"""


def test_which_models_agents_of_a_pack_ask_is_told_with_the_reasons(vasini: Vasini, home: Path) -> None:
    written(home, ROUTED)
    listed = vasini("models").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["two", "no", "one", "scripted"]
    assert "refused" in listed[2]
    assert vasini("models", "--pack", "hello", "--json").document["models"] == [
        {"name": "one", "why": "by the settings for the pack hello tier-1"},
        {"name": "two", "why": "by the settings for the pack hello tier-1, then tier-2"},
    ]
    assert vasini("models", "--pack", "hello", "--for", "shop").stdout.splitlines()[1].split()[0] == "two"
    assert vasini("models", "--for", "shop").status == 2
    assert vasini("model", "try", "tier-1", "x", "--json").status == 7
    refused = vasini("model", "try", "no", "x")
    assert "models.deny names it" in refused.stderr


def test_which_models_policies_leave_to_a_pack_is_told(vasini: Vasini, home: Path) -> None:
    policies = "policies: {blocked_models: [two], by_pack: {hello: {blocked_models: [ONE, gone]}}}"
    written(home, ROUTED + policies)
    refused = [line.split()[0] for line in vasini("models").stdout.splitlines() if "refused" in line]
    assert refused == ["two", "no"]
    asked = vasini("models", "--pack", "hello", "--json").document["models"]
    assert [one["name"] for one in asked] == ["two"]
    assert "policies.by_pack.hello.blocked_models: there is no model `gone`" in vasini("doctor").stdout


def test_a_model_that_policies_block_is_not_tried_either(vasini: Vasini, home: Path) -> None:
    written(home, "policies: {blocked_models: [Scripted]}")
    for name in ("scripted", "EXPLANATION"):
        tried = vasini("model", "try", name, "hello", "--json")
        assert tried.error["code"] == "model_error"
        assert "policies.blocked_models" in tried.error["message"]
    written(home, "policies: {enforce: false, blocked_models: [scripted]}")
    assert vasini("model", "try", "scripted", "hello").status == 0


def test_models_that_workers_leave_alone_are_told(vasini: Vasini, fake: FakeEngine) -> None:
    fake.resting = (RestingModel("scripted", 21.6), RestingModel("gone", 0.0))
    told = vasini("models")
    assert "scripted failed too often: 1 of the workers (1) leave it alone for 22 s more" in told.stderr
    assert (
        "gone failed too often: 1 of the workers (1) leave it alone until its next call answers"
        in told.stderr
    )
    assert vasini("models", "--json").document["models"][0]["resting"] == [21.6]
    assert 'vasini_model_resting_workers{model="scripted"} 1' in vasini("metrics").stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: {tiers: {tier-1: gone}}", "the tier tier-1 names no model"),
        ("models: {fallback: [tier-1]}", "there is no 'tier-1'"),
        ("models: {deny: [gone]}", "there is no 'gone'"),
    ],
)
def test_tiers_and_lists_that_name_nothing_are_faults_of_the_settings(
    home: Path, vasini: Vasini, text: str, words: str
) -> None:
    written(home, text)
    refused = vasini("models")
    assert "config_invalid" in refused.stderr
    assert words in refused.stderr
