"""Words for numbers, shares, moments and bytes of a log."""

from __future__ import annotations

from datetime import UTC, datetime


def format_moment(moment: int) -> str:
    """Seconds UTC as RFC 3339."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def share_of(part: int, whole: int) -> float:
    """Part of the whole, 0 of nothing."""
    return part / whole if whole else 0.0


def as_text(raw: bytes) -> str:
    """Printable text: what stands in a log was sent by anybody."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def counted(number: int, what: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
