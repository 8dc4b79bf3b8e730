"""The greeting, and a first attempt that fails so that a retry can be seen."""

from __future__ import annotations

from typing import Any

_GREETINGS = {"friendly": "Hi, {name}", "formal": "Good day, {name}", "brief": "Hello"}


def greet(name: str, style: str, exclamation: bool, context: dict[str, Any]) -> dict[str, Any]:
    """Greet somebody. The first attempt fails on purpose."""
    if style not in _GREETINGS:
        raise ValueError(f"unknown style {style!r}: use one of {', '.join(_GREETINGS)}")
    if context["attempt"] < 2:
        raise ConnectionError("the greeting service is not ready yet (this first failure is on purpose)")
    greeting = _GREETINGS[style].format(name=name) + ("!" if exclamation else ".")
    return {"summary": greeting, "greeting": greeting, "attempt": context["attempt"]}
