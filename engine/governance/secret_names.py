"""Which names of fields say that what stands under them is a secret."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_PHRASES = (
    *("password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "authorization"),
    *("bearer", "cookie", "session", "otp", "pin"),
    *("api key", "private key", "ssh key", "secret key", "session id"),
)
_HINTS = frozenset(f" {phrase}{plural} " for phrase in _PHRASES for plural in ("", "s"))
_JOINED = tuple(
    f"{word}{plural}"
    for word in (
        *("password", "passwd", "passphrase", "secret", "token", "credential", "cookie"),
        *("apikey", "privatekey", "sshkey", "secretkey", "sessionid"),
    )
    for plural in ("", "s")
)
"""Ends of words written together: `accesstoken`, `dbpassword`, `apikeys`."""

_MEASURES_LAST = frozenset(
    (
        *("count", "counts", "used", "limit", "limits", "total", "budget", "size", "length", "age", "ttl"),
        *("cost", "rate", "left", "remaining", "estimate", "estimates"),
    )
)
_MEASURES_FIRST = frozenset(
    ("max", "min", "total", "num", "number", "count", "avg", "prompt", "completion", "input", "output")
)
"""First words of a name that make its plural a measure: `max_tokens`, `input_tokens`."""


def is_secret_name(name: Any) -> bool:
    """True when the name says secret: `access_token`, `apiKeys`, `dbpassword`; not `tokens_used`."""
    return isinstance(name, str) and (_is_secret(name) if len(name) <= 100 else _is_secret.__wrapped__(name))


def is_plural_name(name: str) -> bool:
    """Whether a number under this secret name is a count of secrets and none itself."""
    return name.rstrip("0123456789_-. ").lower().endswith("s")


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _MEASURES_LAST:
        return False
    if words[0] in _MEASURES_FIRST and words[-1].endswith("s"):
        return False
    joined = f" {' '.join(words)} "
    return any(hint in joined for hint in _HINTS) or any(word.endswith(_JOINED) for word in words)
