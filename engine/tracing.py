"""Trace ids of W3C Trace Context: a run goes on in its starter's trace, or begins one."""

from __future__ import annotations

import re
import secrets

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def trace_id_of(traceparent: str | None) -> str:
    """The trace id in a `traceparent`; a new one where there is none, or none that can be read."""
    found = _TRACEPARENT.fullmatch(traceparent.strip()) if traceparent is not None else None
    return found.group(1) if found is not None else secrets.token_hex(16)
