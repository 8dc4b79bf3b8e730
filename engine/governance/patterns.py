"""What secrets and personal data look like. Every pattern takes linear time."""

from __future__ import annotations

import re

HINT_PHRASES = tuple(
    f" {words} "
    for words in (
        *("password", "passwd", "secret", "token", "api key", "apikey", "authorization", "bearer"),
        *("cookie", "session", "private key", "ssh key", "privatekey", "sshkey"),
    )
)
"""Whole words of a key that make its text a secret."""

MEASURES = frozenset(
    {
        "count",
        "counts",
        "used",
        "limit",
        "limits",
        "total",
        "budget",
        "size",
        "length",
        "age",
        "ttl",
        "cost",
        "rate",
    }
)
"""Last words of a key that make it a measure of something: `session_count`, `token_limit`."""

_SECRETS = (
    r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{3,}",
    r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])",
    r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{20,}",
    r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{20,}",
    r"(?i:api[_-]?key[\"']?\s{0,9}[:=]\s{0,9}\S+)",
    r"(?i:authorization[\"']?\s{0,9}[:=]\s{0,9}[\"']?(?:bearer|basic|token)\s{1,9}\S+)",
    r"(?i:(?<![a-z0-9])bearer\s{1,9}[a-z0-9._~+/=-]{16,})",
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
)
SECRET = re.compile("|".join(_SECRETS))
_SECRET_SIGNS = (
    *("sk-", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "private", "ssh", "api"),
    *("bearer", "authorization", "password", "passwd", "secret", "token", "cookie", "session"),
)
_DIGITS_SIGN = re.compile(r"[0-9]{3}(?:[ -][0-9]{3}|\.[0-9]{3}\.[0-9]|[0-9]{10})")
_PREFIX_SIGN = re.compile(r"\+[0-9]|\)[ -]?[0-9]{3}")


def may_hold_secret(text: str) -> bool:
    """Cheap; false only when no secret pattern and no secret key can be in `text` (JSON or plain)."""
    lowered = text.lower()
    return any(map(lowered.__contains__, _SECRET_SIGNS))


def may_hold_personal(text: str) -> bool:
    """Cheap; false only when no personal pattern can match in `text` (JSON or plain)."""
    if "@" in text or _DIGITS_SIGN.search(text) is not None:
        return True
    return ("+" in text or ")" in text) and _PREFIX_SIGN.search(text) is not None


_EMAIL = r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
_CARD = r"(?<![\w.+-])(?:\d{13,19}|\d{4}(?:[ -]\d{3,6}){2,4})(?![\w-]|\.\d)"
_PHONE = (
    r"(?<![\w.+-])\+\d{1,3}(?:[ -]?\(\d{1,5}\))?(?:[ -]?\d{2,5}){2,5}(?![\w:]|[.-]\d)"
    r"|(?<![\w.+-])\+\d{1,3}(?:\.\d{2,4}){2,4}(?![\w:]|[.-]\d)"
    r"|(?<![\w.+-])\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{3,4}(?![\w:]|[.-]\d)"
    r"|(?<![\w.+-])(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w:]|[.-]\d)"
)
# ASCII digits only; letters of any script.
_PERSONAL = re.compile(f"(?P<card>{_CARD})|(?P<phone>{_PHONE})|(?P<email>{_EMAIL})".replace(r"\d", "[0-9]"))

_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d)\d{12}|35\d{14}|62\d{14,17}"
)


def is_personal(text: str) -> bool:
    """True when the text holds a mail address, a card number or a telephone number."""
    return any(_confirmed(match) for match in _PERSONAL.finditer(text))


def mask_personal_text(text: str, mask: str) -> str:
    """`text` with every confirmed match replaced by `mask`."""
    return _PERSONAL.sub(lambda match: mask if _confirmed(match) else match[0], text)


def _confirmed(match: re.Match[str]) -> bool:
    if match["card"]:
        return _starts_with_card(match[0])
    return not match["phone"] or 8 <= sum(map(str.isdigit, match[0])) <= 15


def _starts_with_card(text: str) -> bool:
    digits = ""
    for group in re.split("[ -]", text):  # what follows in groups of its own may be the expiry or the CVV
        digits += group
        if _ISSUERS.fullmatch(digits) is not None and _luhn(digits):
            return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
