"""A pack's own code as it is read before it is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import SafeText, has_hidden, sanitize
from screens.widgets.text_lines import safe_lines

if TYPE_CHECKING:
    from engine.contracts.packs.versions import CodeReview
    from screens.keys.keymap import Keymap
    from screens.widgets.plain import Part

_NUMBER_CELLS = 12


def numbered(text: str) -> list[SafeText]:
    """Every line with its number."""
    lines = safe_lines(text)
    width = len(str(len(lines)))
    return [
        sanitize(f"{number:>{width}}  {line}", limit=len(line) + _NUMBER_CELLS)
        for number, line in enumerate(lines, 1)
    ]


def token(review: CodeReview) -> tuple[str, ...]:
    """What has to be on the screen, exactly, before it can be trusted."""
    return (review.pack, review.digest, str(review.trusted))


def note(review: CodeReview, keymap: Keymap) -> list[Part]:
    """Whether it runs, who trusted it, and what a reader might not see."""
    found: list[Part] = []
    if has_hidden(review.text):
        found.append((sanitize("‼ contains hidden characters, shown as placeholders · "), "bold $bad"))
    if review.trusted:
        by = f" by {review.trusted_by}" if review.trusted_by else " with the release"
        return [*found, (sanitize(f"✓ trusted{by} · {review.digest[:12]}"), "$good")]
    words = keymap.fill(" does not run before you trust it: {packs.trust}")
    return [*found, (sanitize("‼ not trusted ·"), "bold $waiting"), (words, "$waiting")]
