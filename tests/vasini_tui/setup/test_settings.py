from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import ErrorCode, VasiniError
from vasini_tui.settings.loading import load_settings, load_what_can_be
from vasini_tui.settings.variables import unknown_variables


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def refusal() -> VasiniError:
    with pytest.raises(VasiniError) as caught:
        load_settings()
    assert caught.value.code is ErrorCode.CONFIG_INVALID
    return caught.value


def sources() -> dict[str, str]:
    return {setting.key: setting.source for setting in load_settings().in_force()}


def test_defaults_hold_where_nothing_is_said() -> None:
    loaded = load_settings()
    assert loaded.values.policies.max_payload_bytes == 4 * 1024 * 1024
    assert loaded.values.tools.roots == (Path("/"),)
    assert loaded.values.engine.lease_seconds == 10.0
    assert set(sources().values()) == {"default"}


def test_environment_wins_over_secrets_file_over_config_file_over_default(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "config.yaml", "policies:\n  max_steps: 1\n  max_tool_calls: 1\n  enforce: false\n")
    write(home / "secrets.yaml", "policies:\n  max_steps: 2\n  max_tool_calls: 2\n")
    monkeypatch.setenv("VASINI_POLICIES__MAX_STEPS", "3")
    policies = load_settings().values.policies
    assert (policies.max_steps, policies.max_tool_calls, policies.enforce) == (3, 2, False)
    known = sources()
    assert known["policies.max_steps"] == "env"
    assert known["policies.max_tool_calls"] == "secrets file"
    assert known["policies.enforce"] == "config file"
    assert known["policies.allow_full_autonomy"] == "default"


def test_an_empty_variable_and_an_empty_group_mean_the_default(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_POLICIES__MAX_STEPS", "")
    write(home / "config.yaml", "policies:\n")
    assert load_settings().values.policies.max_steps is None


def test_policies_of_one_pack_name_only_what_differs(home: Path) -> None:
    write(home / "config.yaml", "policies:\n  max_steps: 9\n  by_pack:\n    hello: {max_tool_calls: 2}\n")
    assert sources()["policies.by_pack.hello.max_tool_calls"] == "config file"
    assert load_settings().values.policies.by_pack["hello"].model_fields_set == {"max_tool_calls"}


REMOTE = "tools:\n  remote:\n    crm.lookup: {endpoint: 'https://crm.example/call', effects: none}\n"


def test_tools_over_http_are_read_by_their_names(home: Path) -> None:
    write(home / "config.yaml", REMOTE)
    declared = load_settings().values.tools.remote["crm.lookup"]
    assert (declared.timeout_seconds, declared.effects, declared.risk) == (30.0, "none", "high")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (REMOTE.replace("crm.lookup", "http.lookup"), "begins as built-in tools do"),
        (REMOTE.replace("crm.lookup", "crm"), "should match pattern"),
        (REMOTE.replace("effects", "effect"), "known here are endpoint"),
        (f"{REMOTE}  mcp: {{servers: {{crm: {{command: [a]}}}}}}\n", "as the tools of the MCP server crm do"),
    ],
)
def test_a_tool_over_http_that_cannot_be_is_refused(home: Path, text: str, words: str) -> None:
    write(home / "config.yaml", text)
    assert words in refusal().message


WITH_HEADERS = (
    "tools: {remote: {a.b: {endpoint: 'https://a', headers: {Authorization: %s}}}}",
    "tools: {mcp: {servers: {crm: {url: 'https://a', headers: {Authorization: %s}}}}}",
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[a]", "Authorization: Input should be a valid string"),
        ('"a\\n"', "Authorization: may hold no line ends"),
        ("{$secret: no no}", "Authorization.$secret: String should match pattern"),
        ("{secret: a}", "Authorization.$secret: Field required"),
        ("{$secret: a, b: c}", "Authorization.b: unknown key; known here are $secret"),
    ],
)
@pytest.mark.parametrize("place", WITH_HEADERS)
def test_a_header_that_cannot_be_is_named_as_it_was_written(
    home: Path, place: str, value: str, words: str
) -> None:
    write(home / "config.yaml", place % value)
    error = refusal()
    assert f"headers.{words}" in error.message
    assert "function" not in error.message


def test_an_unknown_key_is_an_error_that_names_file_line_key_and_what_is_known(home: Path) -> None:
    path = write(home / "config.yaml", "console:\n  bell: true\n  grase_ms: 5\n")
    error = refusal()
    assert error.message.startswith(f"{path}:3: console.grase_ms: unknown key")
    assert "grace_ms" in error.message
    problem = error.details["problems"][0]
    assert (problem["file"], problem["line"], problem["key"]) == (str(path), 3, "console.grase_ms")


def test_unknown_keys_of_a_pack_policy_and_of_the_top_name_what_is_known(home: Path) -> None:
    write(home / "config.yaml", "policies:\n  by_pack:\n    hello:\n      max_step: 1\n")
    assert "known here are enforce" in refusal().message
    write(home / "config.yaml", "policy: {}\n")
    assert "known here are policies" in refusal().message


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("slo: {by_pack: {hello: {x: 1}}}", "success_rate"),
        ("slo: {by_product: {hello: {x: 1}}}", "success_rate"),
        ("budget: {caps: [{scope: tenant, window: day, hard: 1, x: 1}]}", "scope, of, tenant"),
        ("budget: {prices: {strong: {input: 1, output: 2, x: 1}}}", "input, output, cached"),
        ("policies: {hooks: [{id: a, at: start, reason: b, x: 1}]}", "id, "),
        ("policies: {by_pack: {hello: {hooks: [{id: a, at: start, reason: b, x: 1}]}}}", "id, "),
        ("agents: {acp: {coder: {command: a, x: 1}}}", "command, "),
        ("models: {named: {timeouts: {provider: ollama, model: m, x: 1}}}", "provider, model"),
        ("models: {named: {a: {provider: ollama, model: m, timeouts: {x: 1}}}}", "connect, "),
        ("models: {breaker: {x: 1}}", "failures, "),
        ("tools: {mcp: {servers: {a: {command: [b], x: 1}}}}", "command, url"),
        ("identity: {operators: {ana: {tenants: [a], roles: [admin], x: 1}}}", "tenants, roles"),
        ("console: {x: 1}", "theme, "),
    ],
)
def test_an_unknown_key_anywhere_names_what_is_known_there(home: Path, text: str, known: str) -> None:
    write(home / "config.yaml", text)
    assert f"x: unknown key; known here are {known}" in refusal().message


def test_a_key_that_stands_twice_in_an_item_of_a_list_is_refused_at_its_line(home: Path) -> None:
    caps = "budget:\n  caps:\n    - {scope: run, hard: 5}\n    - scope: pack\n      window: day\n"
    path = write(home / "config.yaml", caps + "      hard: 100\n      hard: 1000000\n")
    words = f"{path}:7: the key budget.caps.1.hard stands here a second time"
    assert refusal().message == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('[{"scope": "run", "hard": 1, "hard": 1000}]', "written here: the key 'hard' stands there twice"),
        ("[" * 100_000, "written here"),
    ],
    ids=["twice", "deep"],
)
def test_json_of_a_variable_keeps_to_the_rules_of_files(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setenv("VASINI_BUDGET__CAPS", value)
    assert refusal().message.endswith(words)
    assert refusal().details["problems"][0]["key"] == "VASINI_BUDGET__CAPS"


def test_a_fault_in_an_item_of_a_list_names_the_line_of_the_item(home: Path) -> None:
    caps = "budget:\n  caps:\n    - {scope: tenant, window: day, hard: 5}\n    - scope: pack\n"
    path = write(home / "config.yaml", caps + "      window: year\n      hard: 100\n")
    assert refusal().message.startswith(f"{path}:5: budget.caps.1.window: ")


def test_aliases_that_stand_for_more_than_a_settings_file_holds_are_refused(home: Path) -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{place}: &a{place} {{x: *a{place - 1}, y: *a{place - 1}}}" for place in range(1, 40)]
    path = write(home / "config.yaml", "\n".join(lines))
    assert refusal().message.startswith(f"{path}:14: too many values")


def test_all_faults_of_a_file_are_told_at_once(home: Path) -> None:
    write(home / "config.yaml", "engine:\n  slots: many\n  lease_seconds: 0\n")
    error = refusal()
    assert [problem["key"] for problem in error.details["problems"]] == [
        "engine.lease_seconds",
        "engine.slots",
    ]
    assert "and 1 more" in error.message


def test_a_wrong_variable_is_named_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASINI_ENGINE__SLOTS", "many")
    assert "VASINI_ENGINE__SLOTS" in refusal().message
    monkeypatch.setenv("VASINI_ENGINE__SLOTS", "1")
    for name in ("VASINI_TOOLS__ROOTS", "VASINI_MODELS"):
        monkeypatch.setenv(name, "/srv")
        error = refusal()
        assert f"environment: {name}: is no JSON" in error.message
        assert error.details["problems"][0]["key"] == name
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("policies: [", "not valid YAML"),
        ("- a\n- b\n", "must be a mapping"),
        ("engine: {slots: 1}\nengine: {slots: 2}\n", "a second time"),
        ("1: x\n", "a key must be plain text"),
        ("tools: {roots: [relative/path]}\n", "must be an absolute path"),
        ("tools: {command_env: [VASINI_HOME]}\n", "and none of vasini's own"),
        ("tools: {command_env: ['A=1']}\n", "must be the name of an environment variable"),
        ("tools: {processes: 1}\n", "greater than or equal to 4"),
        ("logging: {redact_patterns: ['(']}\n", "not a regular expression"),
        pytest.param("a: " + "[" * 1000, "nested too deeply", id="deep"),
    ],
)
def test_a_broken_config_file_is_refused_with_its_name(home: Path, text: str, words: str) -> None:
    path = write(home / "config.yaml", text)
    error = refusal()
    assert str(path) in error.message
    assert words in error.message


def test_a_config_file_that_is_no_text_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refusal().message


def test_a_pipe_in_place_of_a_config_file_is_refused_and_waited_for_by_nobody(home: Path) -> None:
    home.mkdir()
    os.mkfifo(home / "config.yaml")
    assert "no plain file" in refusal().message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secrets_file_open_to_others_is_refused_with_the_remedy(home: Path, mode: int) -> None:
    path = write(home / "secrets.yaml", "secrets: {token: hush-hush}\n", mode)
    assert f"chmod 600 {path}" in refusal().message


def test_a_secret_is_never_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "secrets.yaml", "secrets: {token: hush-hush}\n")
    monkeypatch.setenv("VASINI_SECRETS__PIN", "12345678")
    loaded = load_settings()
    shown = [setting for setting in loaded.in_force() if setting.key.startswith("secrets.")]
    assert [(s.key, s.value, s.source) for s in shown] == [
        ("secrets.pin", "set", "env"),
        ("secrets.token", "set", "secrets file"),
    ]
    assert "hush-hush" not in repr(loaded.values)
    assert set(loaded.secret_values()) == {"12345678", "hush-hush"}


@pytest.mark.parametrize("text", ["12345", '{"key": "x"}', "true", "null"])
def test_a_secret_from_the_environment_is_text_whatever_it_looks_like(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_SECRETS__TOKEN", text)
    assert load_settings().secret_values() == (text,)


def test_a_refused_secret_is_not_in_the_error(home: Path) -> None:
    write(home / "secrets.yaml", "secrets:\n  token: [hush-hush]\n  UPPER: hush-hush\nengine: hush-hush\n")
    error = refusal()
    assert "hush-hush" not in f"{error.message} {error.details}"
    assert error.__cause__ is None


def test_doctor_loads_what_can_be_and_tells_every_faulty_source(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "config.yaml", "nonsense: 1\n")
    write(home / "secrets.yaml", "engine: {slots: 7}\n", 0o644)
    monkeypatch.setenv("VASINI_CONSOLE__GRACE_MS", "250")
    loaded = load_what_can_be()
    assert loaded.values.console.grace_ms == 250
    assert loaded.values.engine.slots == 64
    assert {problem.details["source"] for problem in loaded.problems} == {"config file", "secrets file"}


def test_variables_that_set_nothing_are_found() -> None:
    environ = {"VASINI_HOME": "/x", "VASINI_POLICY__MAX_STEPS": "1", "VASINI_POLICIES__MAX_STEPS": "1"}
    assert unknown_variables(environ) == ("VASINI_POLICY__MAX_STEPS",)


def test_other_keys_are_read_and_told_with_their_source(home: Path) -> None:
    write(home / "config.yaml", "console:\n  keys:\n    approvals.approve: A Ctrl-n\n    app.help: [z]\n")
    assert load_settings().values.console.keys == {"approvals.approve": ("A", "Ctrl-n"), "app.help": ("z",)}
    assert sources()["console.keys.approvals.approve"] == "config file"


def test_a_clash_of_keys_names_file_line_and_both_actions(home: Path) -> None:
    text = "console:\n  keys:\n    approvals.reject: R\n    approvals.approve: x\n"
    path = write(home / "config.yaml", text)
    error = refusal()
    assert error.message.startswith(
        f"{path}:4: console.keys.approvals.approve: x is also the key of plan.take_out"
    )
    assert error.details["source"] == "config file"


def test_keys_of_two_sources_are_checked_together_and_every_fault_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        home / "config.yaml", "console:\n  keys:\n    runs.sort: Z\n    run.nap: z\n    app.help: alt+h\n"
    )
    monkeypatch.setenv("VASINI_CONSOLE__KEYS", '{"runs.next_match": "Z"}')
    problems = refusal().details["problems"]
    assert {(problem["file"], problem["line"], problem["key"]) for problem in problems} == {
        ("environment", None, "console.keys.runs.next_match"),
        (str(path), 4, "console.keys.run.nap"),
        (str(path), 5, "console.keys.app.help"),
    }


def test_doctor_goes_on_without_the_source_of_faulty_keys(home: Path) -> None:
    write(home / "config.yaml", "console: {bell: false, keys: {app.help: []}}\n")
    assert "console.keys.app.help" in load_what_can_be().problems[0].message
    write(home / "config.yaml", "console: {bell: false, keys: {app.help: alt+h}}\n")
    loaded = load_what_can_be()
    assert (len(loaded.problems), loaded.values.console.bell, loaded.values.console.keys) == (1, True, {})


def test_hooks_of_an_operator_are_read_whole_and_a_wrong_one_is_named(home: Path) -> None:
    hook = "{id: stop, at: before_tool, tool: 'files.*', contains: [prod], reason: No.}"
    write(home / "config.yaml", f"policies:\n  hooks: [{hook}]\n")
    (read,) = load_settings().values.policies.hooks
    assert (read.id, read.at.value, read.contains) == ("stop", "before_tool", ("prod",))
    write(home / "config.yaml", f"policies:\n  hooks: [{hook.replace('before_tool', 'whenever')}]\n")
    with pytest.raises(VasiniError, match=r"config\.yaml.*policies\.hooks\.0\.at"):
        load_settings()
    write(home / "config.yaml", f"policies:\n  hooks: [{hook.replace('prod', repr(' '))}]\n")
    with pytest.raises(VasiniError, match=r"policies\.hooks\.0\.contains\.0.*a character that is seen"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("identity: {operators: {ana: {tenants: [acme], roles: [admin]}}}", "identity.operators"),
        ("policies: {separate_duties: false}", "policies.separate_duties"),
        ("policies: {by_pack: {hello: {separate_duties: false}}}", "policies.by_pack.hello.separate_duties"),
    ],
)
def test_who_may_decide_is_refused_in_the_secrets_file(home: Path, text: str, key: str) -> None:
    write(home / "secrets.yaml", f"secrets: {{a: b}}\n{text}\n")
    assert f"secrets.yaml:2: {key}: is read from config.yaml only" in refusal().message
