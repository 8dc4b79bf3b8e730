"""From bytes to text: UTF-8 of bounded size, without control characters (issue: Bad input)."""

from __future__ import annotations

import re

from engine.contracts.packs.pack import Problem

MAX_BYTES = 1024 * 1024
FORBIDDEN_CHARACTER = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff"
    r"\u202a-\u202e\u2066-\u2069]"  # bidi overrides and isolates: text that reads as something else
)


def decode_text(raw: bytes, file: str) -> str | Problem:
    """UTF-8 text (BOM dropped, newlines as `\\n`) without control characters, or the Problem."""
    if len(raw) > MAX_BYTES:
        message = f"the file is too large: {len(raw):,} bytes, at most {MAX_BYTES:,} are read"
        return Problem(file=file, line=1, column=1, message=message)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind the BOM
        before = raw.removeprefix(b"\xef\xbb\xbf")[: error.start].decode("utf-8", "replace")
        line, column = _place(before)
        return Problem(
            file=file,
            line=line,
            column=column,
            message="the file is not UTF-8 text: save it as UTF-8",
            found=f"byte 0x{error.object[error.start]:02x}",
            expected="UTF-8",
        )
    bad = FORBIDDEN_CHARACTER.search(text)
    if bad:
        line, column = _place(text[: bad.start()])
        found = f"U+{ord(bad.group()):04X}"
        message = f"control character {found} is not allowed in a text file"
        return Problem(file=file, line=line, column=column, message=message, found=found)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _place(before: str) -> tuple[int, int]:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines), len(lines[-1]) + 1
