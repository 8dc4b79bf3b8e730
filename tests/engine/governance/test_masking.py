from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.masks import MASKED, STRUCK_OUT, holds_mask
from engine.errors import ErrorCode, InvalidInput
from engine.governance.masking import MAX_DEPTH, Masker
from engine.governance.patterns import may_hold_personal, may_hold_secret
from engine.governance.secret_names import is_secret_name
from engine.values import image_ref

if TYPE_CHECKING:
    from collections.abc import Callable

MASKER = Masker()
FRAGMENTS = st.sampled_from(
    [
        "sk-abc123",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 12,
        "api_key=xyz",
        "Authorization: Bearer abcdefghijklmnop",
        "-----BEGIN RSA PRIVATE KEY-----\nAAA\n",
        "-----END RSA PRIVATE KEY-----",
        "ann@example.org",
        "4111 1111 1111 1111",
        "+49 170 1234567",
        "555-123-4567",
        "(030) 123 4567",
        "[SECRET]",
        "[SECRET github-pat]",
        "[EMAIL]",
        "123-45-6789",
        "DE89 3704 0044 0532 0130 00",
        "bearer",
        " ",
        "@",
        "-",
        "1",
        "a",
        "\n",
        ":",
        "é",
    ]
)
TEXT = st.lists(FRAGMENTS, max_size=8).map("".join) | st.text(max_size=30)
KEYS = st.sampled_from(["token", "apiKey", "tokens_used", "properties", "note"]) | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        "sk-abc123",
        "use sk-proj-AbC_123-x now",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0123456789_abcdefghij",
        "api_key = hunter2",
        "API-KEY: hunter2",
        'apikey="hunter2"',
        "Authorization: Bearer abc.def.ghi",
        "authorization: basic dXNlcjpwYXNz",
        "bearer abcdefghijklmnopqrst",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncut off",
    ],
)
def test_secrets_are_found_by_pattern(text: str) -> None:
    masked = MASKER.scrub_secrets({"log": f"before {text}"})["log"]
    assert masked.startswith("before ")
    assert holds_mask(masked)
    for word in (
        "abc123",
        "AKIA",
        "ghp_",
        "hunter2",
        "abc.def",
        "dXNlcj",
        "abcdefgh",
        "MIIE",
        "cut off",
        "proj",
    ):
        assert word not in masked


@pytest.mark.parametrize(
    "text", ["risk-based task-force", "disk-usage", "the bearer of news", "an API key", "sk-"]
)
def test_ordinary_words_are_no_secrets(text: str) -> None:
    assert MASKER.scrub_secrets(text) == text


@pytest.mark.parametrize(
    "key",
    [
        *("token", "access_token", "apiKey", "API_KEY", "api-key", "session_cookie", "dbPassword"),
        *(
            "sshKey",
            "client_secret",
            "Authorization",
            "privateKey",
            "SECRET",
            "session",
            "x.bearer",
            "apikey",
        ),
        *("accesstoken", "dbpassword", "apikeys", "clientsecret", "sessionid", "secretkey", "passwords"),
        *("sessions", "credentials", "pwd", "passphrase", "card_pin", "otp"),
        *("otpCode", "otp-code", "OTP1", "totp.OTPValue", "pin-code", "pinNumber", "user pin", "PIN2"),
    ],
)
def test_whole_words_of_a_key_name_a_secret(key: str) -> None:
    assert is_secret_name(key)
    assert MASKER.scrub_secrets({key: "v", "n": 1}) == {key: STRUCK_OUT, "n": 1}
    assert MASKER.scrub_secrets({key: {"inner": ["v", 3, None, True, ""]}}) == {
        key: {"inner": [STRUCK_OUT, STRUCK_OUT, None, STRUCK_OUT, ""]}
    }


@pytest.mark.parametrize(
    "key",
    [
        "tokens_used",
        "session_count",
        "token_estimate",
        "token_limit",
        "tokenizer",
        "max_tokens",
        "input_tokens",
        "total_secrets",
        "secretary",
        "mapping",
        "spinning",
        "keys",
        "monkey",
        "",
    ],
)
def test_other_keys_do_not(key: str) -> None:
    value = {key: "v"}
    assert MASKER.scrub_secrets(value) is value


def test_numbers_under_a_secret_name_are_masked_and_counts_stay() -> None:
    value = {"password": 12345678, "pin": 1.5, "session": True, "cookie": None}
    masked = {"password": STRUCK_OUT, "pin": STRUCK_OUT, "session": STRUCK_OUT, "cookie": None}
    assert MASKER.scrub_secrets(value) == masked
    counts = {"tokens_used": 5, "max_tokens": 9, "session_count": 3, "passwords": 7, "tokens": 100}
    assert MASKER.scrub_secrets(counts) is counts
    assert MASKER.scrub_secrets({"pins": [1234]}) == {"pins": [STRUCK_OUT]}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("sk-abc123", "[SECRET service-key]"),
        ("AKIAABCDEFGHIJKLMNOP", "[SECRET aws-access-key]"),
        ("ghp_" + "a1" * 12, "[SECRET github-pat]"),
        ("github_pat_11ABCDEFG0123456789_abcdefghij", "[SECRET github-pat]"),
        ("ghs_" + "a1" * 12, "[SECRET github-token]"),
        ("api_key = hunter2", "[SECRET api-key]"),
        ("Authorization: Bearer abc.def.ghi", "[SECRET authorization]"),
        ("bearer abcdefghijklmnopqrst", "[SECRET bearer-token]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "[SECRET private-key]"),
        ("ann@example.org", "[EMAIL]"),
        ("+49 170 1234567", "[PHONE]"),
        ("4111 1111 1111 1111", "[CARD]"),
        ("123-45-6789", "[SSN]"),
        ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
        ("GB82WEST12345698765432", "[IBAN]"),
    ],
)
def test_a_mask_names_what_stood_there(text: str, masked: str) -> None:
    assert MASKER.mask(f"see {text}") == f"see {masked}"
    assert MASKER.mask({"token": text}) == {"token": masked if "SECRET" in masked else STRUCK_OUT}
    assert MASKED.fullmatch(masked)


def test_a_schema_keeps_its_fields_named_like_secrets() -> None:
    schema = {"properties": {"token": {"type": "string", "title": "Token"}}}
    assert MASKER.scrub_secrets(schema) == schema
    assert MASKER.scrub_secrets({"properties": {"token": "v"}}) == {"properties": {"token": STRUCK_OUT}}


@pytest.mark.parametrize(
    "text",
    [
        "ann.b+c@mail.example.org",
        "4111 1111 1111 1111",
        "4111111111111111",
        "5500-0000-0000-0004",
        "4111 1111 1111 1111 123",
        "3782 822463 10005",
        "+49 170 1234567",
        "+1 (555) 123-4567",
        "+14155550123",
        "(555) 123-4567",
        "555-123-4567",
        "555.123.4567",
    ],
)
def test_personal_data_is_masked(text: str) -> None:
    masked = MASKER.mask_personal({"note": f"see {text}, please"})["note"]
    assert MASKED.fullmatch(masked.removeprefix("see ").removesuffix(", please"))
    assert MASKER.has_personal([text])


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "2024-05-01 10:00:00.000000",
        "2024-05-01T10:00:00.123456+02:00",
        "20240501T100000Z",
        "1714550400",
        "1714550400000000",
        "4111 1111 1111 1112",
        "run 01HWX3V5Y7ZK9M2N4P6Q8R0S1T",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "192.168.100.200",
        "10.0.0.1:8080",
        "12,345,678.90",
        "v1.234.5678",
        "lines 100-200",
        "1e+100",
        "+5",
        "user@localhost",
        "@decorator",
        "a - b 123 456",
        "000-12-3456",
        "DE00 3704 0044 0532 0130 00",
    ],
)
def test_ids_dates_and_numbers_survive(text: str) -> None:
    value = {"note": text}
    assert MASKER.mask(value) is value


@given(st.integers(), st.datetimes(timezones=st.just(UTC)), st.dates(), st.floats(allow_nan=False))
def test_plain_numbers_and_iso_times_survive(number: int, moment: datetime, day: Any, ratio: float) -> None:
    value = {
        "number": number,
        "ratio": ratio,
        "times": [moment.isoformat(), str(moment), day.isoformat(), f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"],
        "text": str(number % 10**12),
    }
    assert MASKER.mask(value) is value


@given(JSON)
def test_masking_twice_changes_nothing_more(value: Any) -> None:
    for step in (MASKER.scrub_secrets, MASKER.mask_personal, MASKER.mask):
        once = step(value)
        assert step(once) == once
    assert not MASKER.has_personal(MASKER.mask_personal(value))


@given(JSON)
def test_what_is_clean_is_the_same_object_and_masking_is_deterministic(value: Any) -> None:
    masked = MASKER.mask(value)
    assert MASKER.mask(masked) is masked
    assert masked == Masker().mask(value)


def test_redact_off_still_scrubs_secrets() -> None:
    off = Masker(enabled=False)
    value = {"mail": "ann@example.org", "token": "x"}
    assert off.mask(value) == {"mail": "ann@example.org", "token": STRUCK_OUT}
    assert not off.has_personal(value)


def test_extra_patterns_are_secrets_too() -> None:
    masker = Masker([r"CUST-\d+"])
    assert masker.mask({"note": "for CUST-123."}) == {"note": "for [SECRET custom]."}
    greedy = Masker(["[A-Z]+"])
    once = greedy.mask("a B c")
    assert greedy.mask(once) == once
    assert "B" not in once


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a" * 501, "x*", "(a+)+$", "([a-z]+[.])+internal", "(?i)([a-z]|k)+key"]
)
def test_a_pattern_that_cannot_be_used_is_named(pattern: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Masker(["ok", pattern])
    assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert pattern[:80] in caught.value.message


def test_a_pattern_may_be_as_long_as_is_said() -> None:
    assert Masker(["a" * 500]).mask("a" * 500) != "a" * 500


def test_what_is_nested_too_deeply_is_replaced_as_a_whole() -> None:
    deep: Any = "sk-abc123"
    for _ in range(80):
        deep = {"d": deep}
    masked = MASKER.scrub_secrets(deep)
    assert "abc123" not in str(masked)
    assert MASKER.scrub_secrets(masked) == masked
    for _ in range(100_000):
        deep = [deep]
    assert "abc123" not in str(MASKER.mask(deep))


@pytest.mark.parametrize("around", [lambda inner: {"d": inner}, lambda inner: [inner]])
def test_what_is_nested_as_deeply_as_may_be_is_masked_part_by_part(around: Callable[[Any], Any]) -> None:
    deep: Any = ["ok", "sk-abc123"]
    for _ in range(MAX_DEPTH - 1):
        deep = around(deep)
    assert "ok" in str(MASKER.scrub_secrets(deep))
    assert "ok" not in str(MASKER.scrub_secrets(around(deep)))
    assert "abc123" not in str(MASKER.scrub_secrets([deep, around(deep)]))


def test_only_the_name_of_a_secret_stands_for_it() -> None:
    named = {"token": {"$secret": "deploy_key"}}
    assert MASKER.scrub_secrets(named) is named
    for shown in ({"$secret": "sk-abc123"}, {"$secret": "deploy_key", "note": "sk-abc123"}):
        assert "abc123" not in str(MASKER.scrub_secrets(shown))


def test_an_image_is_left_alone_unless_it_stands_under_a_secret_s_name() -> None:
    image = image_ref(b"4111111111111111", "png", 640, 480)
    assert MASKER.scrub_secrets({"photo": image})["photo"] is image
    assert image["$image"] not in str(MASKER.scrub_secrets({"password": image}))


def test_personal_data_is_masked_by_what_it_is_not_by_its_name() -> None:
    assert MASKER.mask_personal({"password": "hunter2 ann@example.org"}) == {"password": "hunter2 [EMAIL]"}


def test_keys_are_masked_and_stay_distinct() -> None:
    masked = MASKER.mask({"ann@example.org": 1, "bob@example.org": 2})
    assert masked == {"[EMAIL]": 1, "[EMAIL]~": 2}


def test_large_and_hostile_texts_take_linear_time() -> None:
    for text in (
        "a@" * 200_000,
        "1 " * 200_000,
        "api_key " * 50_000,
        "-----BEGIN " * 30_000,
        "a" * 500_000 + "@",
    ):
        MASKER.mask({"v": text})
    chain = "".join(f"AKIA{'A' * 16}sk-x" for _ in range(2_000))
    assert "sk-x" not in MASKER.mask(chain)


@pytest.mark.parametrize("before", [-1, 0, 1, 8, 20])
@pytest.mark.parametrize(
    "sign", ["github_pat_", "Authorization", "ana@example.com", "+4915112345678", "DE89 3704"]
)
def test_a_sign_in_a_long_text_is_found_wherever_it_stands(sign: str, before: int) -> None:
    long = 256 * 1024
    text = f"{' ' * (long - before)}{sign}{' ' * long}"
    assert may_hold_secret(text) or may_hold_personal(text)
    nothing = text.replace(sign, "")
    assert not may_hold_secret(nothing)
    assert not may_hold_personal(nothing)
