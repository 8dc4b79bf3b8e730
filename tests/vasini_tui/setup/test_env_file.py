"""Variables in `.env`, and the keys of models as other programs call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.vasini_tui.setup.test_settings import refusal, sources, write
from vasini_tui.settings.config_content import BY_PACK, OF_PACKS
from vasini_tui.settings.in_force import Settings, leaves
from vasini_tui.settings.loading import load_settings, load_what_can_be
from vasini_tui.settings.settings_now import SettingsNow
from vasini_tui.settings.variables import REFERENCE, SECRETS

if TYPE_CHECKING:
    from pathlib import Path

MODELS = "models: {named: {big: {provider: openai, model: m}}}\n"
THEIRS = [*SECRETS, *(f"{name}{REFERENCE}" for name in SECRETS)]


@pytest.fixture(autouse=True)
def _no_keys_of_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THEIRS:
        monkeypatch.delenv(name, raising=False)


def secrets() -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in load_settings().values.secrets.items()}


def test_variables_of_the_file_are_below_the_environment_and_above_the_secrets_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "secrets.yaml", "policies: {max_steps: 1, max_tool_calls: 1, max_payload_bytes: 9}\n")
    write(
        home / ".env",
        "# ours\nexport VASINI_POLICIES__MAX_STEPS=2\n\nVASINI_POLICIES__MAX_TOOL_CALLS='2' # so\nPATH=/x\n",
    )
    monkeypatch.setenv("VASINI_POLICIES__MAX_STEPS", "3")
    policies = load_settings().values.policies
    assert (policies.max_steps, policies.max_tool_calls, policies.max_payload_bytes) == (3, 2, 9)
    assert sources()["policies.max_tool_calls"] == "env file"


def test_policies_by_product_are_those_by_pack_wherever_they_stand(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    having = {key[0] for key, _ in leaves(Settings()) if key[1:] == (BY_PACK,)}
    assert having == OF_PACKS
    own = "{hello: {max_steps: 3}}"
    write(
        home / "config.yaml",
        f"policies: {{by_product: {own}}}\nslo: {{by_product: {{hello: {{}}}}}}\n{MODELS}",
    )
    monkeypatch.setenv("VASINI_MODELS__BY_PRODUCT", '{"hello": "big"}')
    write(
        home / ".env", "VASINI_POLICIES__BY_PRODUCT__HELLO__MAX_TOOL_CALLS=2\nVASINI_SECRETS__BY_PRODUCT=x\n"
    )
    values = load_settings().values
    assert values.policies.by_pack["hello"].model_dump(exclude_unset=True) == {
        "max_steps": 3,
        "max_tool_calls": 2,
    }
    assert (values.models.by_pack, list(values.slo.by_pack)) == ({"hello": "big"}, ["hello"])
    assert secrets() == {"by_product": "x"}
    assert sources()["policies.by_pack.hello.max_steps"] == "config file"


def test_by_product_hides_no_fault(home: Path) -> None:
    path = write(home / "config.yaml", "policies:\n  by_product:\n    hello:\n      max_step: 1\n")
    assert refusal().message.startswith(f"{path}:4: policies.by_pack.hello.max_step: unknown key")
    write(home / "config.yaml", "policies: {by_product: {}, by_pack: {}}\n")
    assert "policies.by_product: unknown key" in refusal().message
    write(home / "config.yaml", "")
    write(home / "secrets.yaml", "policies: {by_product: {hello: {separate_duties: false}}}\n")
    assert "policies.by_pack.hello.separate_duties: is read from config.yaml only" in refusal().message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n\nVASINI_POLICY__MAX_STEPS=1\n", ".env:3: VASINI_POLICY__MAX_STEPS: sets nothing"),
        ("VASINI_HOME=/elsewhere\n", ".env:1: VASINI_HOME: sets nothing"),
        ("A=1\nwithout a sign\n", ".env:2: is no line NAME=value"),
        ("A=1\nVASINI_ENGINE__SLOTS=many\n", ".env:2: engine.slots: "),
        ("VASINI_POLICIES__BY_PRODUCT__A__MAX_STEPS=0\n", ".env:1: policies.by_pack.a.max_steps: "),
        ("A=1\nVASINI_TOOLS__ROOTS=[\n", ".env:2: VASINI_TOOLS__ROOTS: is no JSON"),
        (
            "VASINI_POLICIES__SEPARATE_DUTIES=true\n",
            ".env:1: policies.separate_duties: is read from",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(home: Path, text: str, message: str) -> None:
    write(home / ".env", text)
    error = refusal()
    assert message in error.message
    assert error.details["source"] == "env file"
    assert [one.details["source"] for one in load_what_can_be().problems] == ["env file"]


def test_a_file_open_to_others_is_refused_before_it_is_read(home: Path) -> None:
    path = write(home / ".env", "no sense at all", 0o640)
    assert f"chmod 600 {path}" in refusal().message


def test_keys_as_other_programs_call_them_open_models_where_some_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".env", "OPENAI_API_KEY=of-the-file\nOPENAI_ORG_ID=org-1\n")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of-the-shell")
    assert secrets() == {}
    write(home / "config.yaml", MODELS)
    write(home / "secrets.yaml", "secrets: {openai_api_key: of-the-yaml, other: x}\n")
    assert secrets() == {
        "openai_api_key": "of-the-file",
        "openai_org_id": "org-1",
        "anthropic_api_key": "of-the-shell",
        "other": "x",
    }
    found = sources()
    assert (found["secrets.openai_api_key"], found["secrets.anthropic_api_key"]) == ("env file", "env")
    monkeypatch.setenv("VASINI_SECRETS__OPENAI_API_KEY", "ours")
    assert secrets()["openai_api_key"] == "ours"


def test_a_key_may_be_one_of_the_secrets_by_its_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "config.yaml", MODELS)
    write(home / "secrets.yaml", "secrets: {team_key: of-the-team}\n")
    monkeypatch.setenv("OPENAI_API_KEY_REF", "secrets.team_key")
    assert secrets()["openai_api_key"] == "of-the-team"
    monkeypatch.setenv("OPENAI_API_KEY", "own")
    assert secrets()["openai_api_key"] == "own"
    monkeypatch.setenv("ANTHROPIC_API_KEY_REF", "nobody")
    assert "anthropic_api_key" not in secrets()


def test_a_worker_hears_of_a_key_that_is_written_there_while_it_works(home: Path) -> None:
    write(home / "config.yaml", MODELS)
    now = SettingsNow(home / "config.yaml", home / ".env", hide=lambda _: None)
    write(home / ".env", "OPENAI_API_KEY=new-key\n")
    found = now()
    assert found is not None
    assert found.secrets["openai_api_key"] == "new-key"
