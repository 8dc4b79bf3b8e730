"""The minimal masker: secrets are replaced before a value enters the machine, personal data when shown.

Two switches are not the same: secrets are always scrubbed, `redact: false` (`enabled=False`) only turns
off the masking of personal data. Both ways are deterministic and idempotent, never cut JSON, and return
the very object they were given when there is nothing to mask. A number is masked only under a secret's
name: a count, an id or a time is no secret and no telephone number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from engine.contracts.masks import MASKED, STRUCK_OUT, secret_mask
from engine.errors import ErrorCode, InvalidInput
from engine.governance.patterns import (
    is_personal,
    mask_personal_text,
    mask_secret_text,
    may_hold_personal,
    may_hold_secret,
    may_match_secret,
)
from engine.governance.secret_names import is_plural_name, is_secret_name
from engine.safe_pattern import repeats_are_safe
from engine.values import IMAGE_KEY, ImageRef, with_images_shown

MAX_DEPTH = 64
"""What is nested deeper is replaced as a whole: it cannot be vouched for."""
_MAX_PASSES = 8
_MAX_PATTERN = 500
_FEW_LINES = 64
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
_CUSTOM = secret_mask("custom")
_TextMask = Callable[[str], str]


_SECRET_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Masker:
    """Scrubs secrets and masks personal data in JSON values.

    `extra_patterns` are the operator's own secret patterns (regular expressions); one that does not
    compile raises InvalidInput (`config_invalid`) naming it. `enabled=False` leaves personal data as it is.
    """

    def __init__(self, extra_patterns: Sequence[str] = (), enabled: bool = True) -> None:
        self.enabled = enabled
        self._extra = tuple(_compile(pattern) for pattern in extra_patterns)

    def scrub_secrets(self, value: Any) -> Any:
        """`value` without secrets: by pattern in every text, by key for what stands under a secret's name."""
        if not self._extra and _lacks(may_hold_secret, value):
            return value
        return _walk(value, self._scrub_text, by_key=True)

    def mask_personal(self, value: Any) -> Any:
        """`value` without personal data: mail addresses, card numbers, telephone numbers."""
        if not self.enabled or _lacks(may_hold_personal, value):
            return value
        return _walk(value, _mask_personal_fully, by_key=False)

    def mask(self, value: Any) -> Any:
        """Both: what logs, events and screens show."""
        if _lacks(lambda text: IMAGE_KEY in text or not self.is_clean(text), value):
            return value
        value = with_images_shown(value)
        # Masking a key can turn it into a secret's name, so secrets are looked for once more.
        return self.scrub_secrets(self.mask_personal(self.scrub_secrets(value)))

    def mask_lines(self, lines: list[str]) -> list[str]:
        """The same for texts without line ends: many with nothing to mask are looked at together.

        Our own patterns find in many lines whatever they find in one; an operator's may not.
        """
        if not self._extra and len(lines) > 1:
            together = "\n".join(lines)
            if self.mask(together) == together:
                return lines
        if len(lines) <= _FEW_LINES:
            return [self.mask(line) for line in lines]
        parts = (lines[start : start + _FEW_LINES] for start in range(0, len(lines), _FEW_LINES))
        return [line for part in parts for line in self.mask_lines(part)]

    def has_personal(self, value: Any) -> bool:
        """True when `mask_personal` would change something."""
        return self.mask_personal(value) is not value

    def is_clean(self, text: str) -> bool:
        """Cheap: true only when nothing in this JSON text needs scrubbing or masking."""
        if self._extra or may_hold_secret(text):
            return False
        return not (self.enabled and may_hold_personal(text))

    def _scrub_text(self, text: str) -> str:
        if not self._extra and not may_match_secret(text):
            return text
        return _until_stable(text, self._scrub_once)

    def _scrub_once(self, text: str) -> str:
        text = mask_secret_text(text)
        for pattern in self._extra:
            text = _outside_masks(text, pattern)
        return text


def _lacks(sign: Callable[[str], bool], value: Any) -> bool:
    try:
        return not sign(value if isinstance(value, str) else _encode(value))
    except (RecursionError, ValueError):  # too deep or circular for JSON: the walk is bounded
        return False


def _compile(pattern: str) -> re.Pattern[str]:
    shown = pattern[:80]
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        raise InvalidInput(
            f"the redaction pattern {shown!r} is no regular expression: {fault}",
            {"pattern": shown},
            code=ErrorCode.CONFIG_INVALID,
        ) from None
    if len(pattern) > _MAX_PATTERN or compiled.match("") is not None:
        raise InvalidInput(
            f"the redaction pattern {shown!r} is too long ({_MAX_PATTERN}) or matches empty text",
            {"pattern": shown},
            code=ErrorCode.CONFIG_INVALID,
        )
    if not repeats_are_safe(pattern):
        raise InvalidInput(
            f"the redaction pattern {shown!r} repeats what itself repeats, so a text could make it take for "
            "ever; let every round begin with a character of its own, as in `a+(-a+)*`",
            {"pattern": shown},
            code=ErrorCode.CONFIG_INVALID,
        )
    return compiled


def _mask_personal_fully(text: str) -> str:
    if not may_hold_personal(text) or not is_personal(text):
        return text
    return _until_stable(text, mask_personal_text)


def _outside_masks(text: str, pattern: re.Pattern[str]) -> str:
    """What an operator's pattern finds, masked; masks that stand there already are left alone."""
    done, end = [], 0
    for masked in MASKED.finditer(text):
        done += [pattern.sub(_CUSTOM, text[end : masked.start()]), masked[0]]
        end = masked.end()
    return "".join([*done, pattern.sub(_CUSTOM, text[end:])])


def _until_stable(text: str, once: _TextMask) -> str:
    # A replacement may uncover another match; text that never comes to rest is masked as a whole.
    for _ in range(_MAX_PASSES):
        masked = once(text)
        if masked == text:
            return text
        text = masked
    return STRUCK_OUT


def _walk(
    value: Any,
    mask_text: _TextMask,
    *,
    by_key: bool,
    depth: int = 0,
    secret: bool = False,
    names: bool = False,
) -> Any:
    if isinstance(value, str):
        return _hidden(value, mask_text) if secret else mask_text(value)
    if isinstance(value, int | float):
        return STRUCK_OUT if secret else value
    if isinstance(value, ImageRef) and not secret:  # digits of a digest are no telephone number
        return value
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            return STRUCK_OUT
        return _walk_dict(value, mask_text, by_key=by_key, depth=depth + 1, secret=secret, names=names)
    if isinstance(value, list | tuple):
        if depth >= MAX_DEPTH:
            return STRUCK_OUT
        items = [_walk(item, mask_text, by_key=by_key, depth=depth + 1, secret=secret) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _walk_dict(
    value: dict[Any, Any], mask_text: _TextMask, *, by_key: bool, depth: int, secret: bool, names: bool
) -> dict[Any, Any]:
    if is_secret_reference(value):
        return value
    changed = False
    result: dict[Any, Any] = {}
    for key, item in value.items():
        new_key = mask_text(key) if isinstance(key, str) else key
        named = by_key and (is_secret_name(key) or is_secret_name(new_key))
        hinted = secret or (named and not _is_harmless(key, item, names=names))
        # JSON Schema names fields under `properties`: what stands under such a name describes a field.
        inside = key == "properties"
        new = _walk(item, mask_text, by_key=by_key, depth=depth, secret=hinted, names=inside)
        changed = changed or new is not item or new_key != key
        while new_key in result:
            new_key = f"{new_key}~"
        result[new_key] = new
    return result if changed else value


def _is_harmless(key: Any, item: Any, *, names: bool) -> bool:
    """What under a secret's name is none: the schema of a field, or how many there are."""
    if names:
        return isinstance(item, dict | bool)
    return type(item) in (int, float) and is_plural_name(str(key))


def _hidden(value: str, mask_text: _TextMask) -> str:
    """A text under a secret's name, as the mask of the rule that knows it, else as any secret."""
    if not value:
        return value
    masked = mask_text(value)
    return masked if MASKED.fullmatch(masked) else STRUCK_OUT


def is_secret_reference(value: dict[Any, Any]) -> bool:
    """True for `{"$secret": "name"}`: it names a secret of the operator's, and holds none."""
    name = value.get("$secret") if len(value) == 1 else None
    return isinstance(name, str) and _SECRET_NAME.fullmatch(name) is not None
