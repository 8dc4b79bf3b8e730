"""What a person says of the tools of a run, checked before it is written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.safe_text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.contracts.actor import Actor
    from engine.journal.rows import RunRow
    from engine.machine.model.inputs import Narrow
    from engine.runtime.pack_library.library import PackLibrary

MOST_PATTERNS = 100
_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,120}")


def narrowing(
    now: int, actor: Actor, only: Iterable[str] | None, without: Iterable[str], *, once: bool
) -> Narrow:
    """The verb: names of tools, `*` in them any characters, each once. Raises InvalidInput."""
    from engine.machine.model.inputs import Narrow  # noqa: PLC0415 - lists need no machine

    kept = None if only is None else _patterns(only)
    hidden = _patterns(without)
    if once and kept is None and not hidden:
        raise InvalidInput("say which tools the next turn does not have: `only` or `without`")
    return Narrow(now=now, actor=actor.name, via=actor.via, only=kept, without=hidden, once=once)


async def require_choice(packs: PackLibrary, row: RunRow) -> None:
    """Raises InvalidInput for a run none of whose models chooses among tools, PackInvalid."""
    from engine.contracts.flows.agent_step import ModelStep  # noqa: PLC0415 - lists know no steps

    flow = await packs.flow(row["pack"], row["pack_digest"], row["flow"])
    if not any(isinstance(step, ModelStep) for step in flow.graph.every_step):
        words = f"no model chooses among tools in {row['pack']}/{row['flow']}: there is nothing to bound"
        raise InvalidInput(words, {"run_id": row["run_id"]})


def _patterns(given: Iterable[str]) -> list[str]:
    patterns = list(dict.fromkeys(given))
    if len(patterns) > MOST_PATTERNS:
        raise InvalidInput(f"these are {len(patterns)} names of tools; at most {MOST_PATTERNS} are taken")
    for one in patterns:
        if not _PATTERN.fullmatch(one):
            shown = sanitize(one, limit=80)
            raise InvalidInput(
                f"{shown} is no name of a tool; `*` stands for any characters", {"tool": shown}
            )
    return patterns
