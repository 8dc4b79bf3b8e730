"""Symbol, word and tone of what becomes of a pack."""

from __future__ import annotations

from engine.contracts.packs.pack import PackState
from screens.widgets.status_labels import StatusLabel, Tone

PACK_LABELS: dict[PackState, StatusLabel] = {
    PackState.OK: StatusLabel("✓", "ok", Tone.GOOD),
    PackState.STALE: StatusLabel("▲", "stale", Tone.WAITING),
    PackState.BROKEN: StatusLabel("✗", "broken", Tone.BAD),
    PackState.UNTRUSTED_CODE: StatusLabel("‼", "untrusted code", Tone.WAITING),
}
