"""What secrets and personal data look like. Every pattern takes linear time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.contracts.masks import secret_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECRETS = {
    "service-key": r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{3,}",
    "aws-access-key": r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])",
    "answer-token": r"(?<![A-Za-z0-9])vat_[a-z2-7]{40,}",
    "github-pat": r"(?<![A-Za-z0-9])(?:ghp_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "github-token": r"(?<![A-Za-z0-9])gh[ousr]_[A-Za-z0-9]{20,}",
    "api-key": r"(?i:api[_-]?key[\"']?\s{0,9}[:=]\s{0,9})(?!\[SECRET)\S+",
    "authorization": (
        r"(?i:authorization[\"']?\s{0,9}[:=]\s{0,9}[\"']?(?:bearer|basic|token)\s{1,9})(?!\[SECRET)\S+"
    ),
    "bearer-token": r"(?i:(?<![a-z0-9])bearer\s{1,9}[a-z0-9._~+/=-]{16,})",
    "private-key": (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)"
    ),
}
"""What secrets look like, by the rule that finds them."""

_SECRET = re.compile("|".join(f"(?P<{name.replace('-', '_')}>{shape})" for name, shape in _SECRETS.items()))
_TEXT_SIGNS = (
    *("sk-", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "vat_", "api"),
    *("bearer", "authorization", "private key"),
)
_NAME_SIGNS = (
    *("private", "ssh", "password", "passwd", "secret", "token", "cookie", "session", "pwd", "passphrase"),
    "credential",
)
_SHORT_SIGNS = ("otp", "pin")
_SHORT_NAME_SIGN = re.compile(r"(?:[Oo]tp|[Pp]in)s?(?![a-z])|(?:OTP|PIN)S?(?![a-z])")
"""These where they are a word of a name: they are parts of many others."""
_SECRET_SIGNS = (*_TEXT_SIGNS, *_NAME_SIGNS)
_MEASURE = 'put_tokens"'
_MEASURES = ('"input_tokens"', '"output_tokens"')
"""Names that are in every answer of a model, and say nothing secret though there is `token` in them."""
_DIGITS_SIGN = re.compile(r"[0-9]{3}(?:[ -][0-9]{3}|-[0-9]{2}-[0-9]|\.[0-9]{3}\.[0-9]|[0-9]{10})")
_PREFIX_SIGN = re.compile(r"\+[0-9]|\)[ -]?[0-9]{3}")
_PIECE, _LONGEST_SIGN = 256 * 1024, 32
_IBAN_SIGN = re.compile(r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}")


def mask_secret_text(text: str) -> str:
    """`text` with every secret that a rule finds replaced by a mask that names the rule."""
    return _SECRET.sub(lambda match: secret_mask((match.lastgroup or "").replace("_", "-")), text)


def may_hold_secret(text: str) -> bool:
    """Cheap; false only when no secret pattern and no secret key can be in `text` (JSON or plain)."""
    if len(text) > _PIECE:
        return any(may_hold_secret(piece) for piece in _pieces(text))
    lowered = text.lower()
    if _MEASURE in lowered:
        for name in _MEASURES:
            lowered = lowered.replace(name, "")
    if any(map(lowered.__contains__, _SECRET_SIGNS)):
        return True
    short = any(map(lowered.__contains__, _SHORT_SIGNS))
    return short and _SHORT_NAME_SIGN.search(text) is not None


def may_match_secret(text: str) -> bool:
    """The same for a text by itself, whatever it is named: false only when no secret pattern is in it."""
    if len(text) > _PIECE:
        return any(may_match_secret(piece) for piece in _pieces(text))
    lowered = text.lower()
    return any(map(lowered.__contains__, _TEXT_SIGNS))


def may_hold_personal(text: str) -> bool:
    """Cheap; false only when no personal pattern can match in `text` (JSON or plain)."""
    if len(text) > _PIECE:
        return any(may_hold_personal(piece) for piece in _pieces(text))
    if "@" in text or _DIGITS_SIGN.search(text) is not None or _IBAN_SIGN.search(text) is not None:
        return True
    return ("+" in text or ")" in text) and _PREFIX_SIGN.search(text) is not None


def _pieces(text: str) -> Iterator[str]:
    """A long text by pieces, in one of which each sign is whole: one search lets no other thread go on."""
    step = _PIECE - _LONGEST_SIGN
    return (text[start : start + _PIECE] for start in range(0, len(text), step))


_EMAIL = r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
_CARD = r"(?<![\w.+-])(?:\d{13,19}|\d{4}(?:[ -]\d{3,6}){2,4})(?![\w-]|\.\d)"
_PHONE = (
    r"(?<![\w.+-])\+\d{1,3}(?:[ -]?\(\d{1,5}\))?(?:[ -]?\d{2,5}){2,5}(?![\w:]|[.-]\d)"
    r"|(?<![\w.+-])\+\d{1,3}(?:\.\d{2,4}){2,4}(?![\w:]|[.-]\d)"
    r"|(?<![\w.+-])\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{3,4}(?![\w:]|[.-]\d)"
    r"|(?<![\w.+-])(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w:]|[.-]\d)"
)
_SSN = r"(?<![\w.+-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)"
_IBAN = r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
_KINDS = {"iban": _IBAN, "ssn": _SSN, "card": _CARD, "phone": _PHONE, "email": _EMAIL}
# ASCII digits only; letters of any script.
_PERSONAL = re.compile(
    "|".join(f"(?P<{kind}>{shape})" for kind, shape in _KINDS.items()).replace(r"\d", "[0-9]")
)

_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d)\d{12}|35\d{14}|62\d{14,17}"
)


def is_personal(text: str) -> bool:
    """True when the text holds a mail address, a card, telephone, social security or account number."""
    return any(_confirmed(match) for match in _PERSONAL.finditer(text))


def mask_personal_text(text: str) -> str:
    """`text` with every confirmed match replaced by a mask that names its kind."""
    return _PERSONAL.sub(lambda match: _mask(match) if _confirmed(match) else match[0], text)


def _mask(match: re.Match[str]) -> str:
    return f"[{(match.lastgroup or '').upper()}]"


def _confirmed(found: re.Match[str]) -> bool:
    match found.lastgroup:
        case "card":
            return _starts_with_card(found[0])
        case "iban":
            return _is_iban(found[0].replace(" ", ""))
        case "phone":
            return 8 <= sum(map(str.isdigit, found[0])) <= 15
        case _:
            return True


def _is_iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


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
