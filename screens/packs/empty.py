"""What stands in a pane of a pack in which there is nothing: that this is so, and what would be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING_IN: Mapping[str, str] = {
    "flows": (
        "No flow can be started.\n\nHere each file below flows/ stands as a tree of its steps. "
        "Problems says why one cannot be read; {packs.edit} opens it."
    ),
    "problems": (
        "No problems.\n\nHere a mistake in a file stands with the lines around it, as soon as the file "
        "is saved. {packs.reload} looks at all packs now."
    ),
    "changes": (
        "Nothing to compare yet: no reload has changed it, nothing is published.\n\nHere stands what the "
        "last reload changed, broken files against the content in force, and each published version "
        "against now. {packs.edit} edits the pack, {packs.publish} publishes it."
    ),
    "code": (
        "No tools.py: this pack brings no code of its own.\n\nHere its code is read, and trusted with "
        "{packs.trust}, before any of it runs."
    ),
}
"""By the name of the pane; keys as `Keymap.fill` takes them."""
SAME = "Nothing differs between the two.\n\n{packs.diff} compares the next, where there is one."
"""In the changes, when there is something to compare."""
