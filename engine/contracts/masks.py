"""What stands where something was masked: the kind of what stood there, in brackets."""

from __future__ import annotations

import re

STRUCK_OUT = "[SECRET]"
"""A secret that no rule names: found by its field's name, or given to the tool that said it."""

MASKED = re.compile(r"\[(?:SECRET(?: [a-z]+(?:-[a-z]+)*)?|EMAIL|PHONE|CARD|SSN|IBAN)\]")


def secret_mask(rule: str) -> str:
    """The mask of a secret that a rule found."""
    return f"[SECRET {rule}]"


def holds_mask(text: str) -> bool:
    """Whether something of `text` was masked."""
    return MASKED.search(text) is not None
