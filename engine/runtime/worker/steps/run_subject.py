"""What a run is about: the `title` of its flow, rendered once when the run is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.safe_text import sanitize
from engine.templates import TemplateError, compile_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.runtime.value_store import ValueStore
    from engine.values import Resolve

MAX_SUBJECT = 200
"""Characters."""


def run_subject(
    title: str,
    payload: Any,
    facts: Mapping[str, Any],
    values: ValueStore,
    resolve: Resolve,
    *,
    handoff: Any = None,
) -> str | None:
    """One masked, harmless line; None when the title cannot be rendered, or is empty.

    `payload` and `handoff` are as they are kept, without secrets; `facts` is what templates know as `run`.
    No run fails for its title: it is for people.
    """
    context = {"payload": payload, "handoff": handoff, "run": facts}
    try:
        text = compile_template(title).render(context, resolve)
    except TemplateError:
        return None
    line = " ".join(str(values.redact("" if text is None else str(text))).split())
    return str(sanitize(line, limit=MAX_SUBJECT)) or None
