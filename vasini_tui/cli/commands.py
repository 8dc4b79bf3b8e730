"""Every command by its words, and the function that parses it. A command is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vasini_tui.cli.call import Invocation

COMMANDS = {
    "run": "runs.start:run",
    "rerun": "runs.again:rerun",
    "runs": "runs.look:runs",
    "show": "runs.look:show",
    "events": "runs.look:events",
    "logs": "runs.logs:logs",
    "ask": "runs.ask:ask",
    "conversation": "runs.conversation:conversation",
    "approvals": "requests.approvals:approvals",
    "approval": "requests.approvals:approval",
    "approve": "requests.approvals:approve",
    "reject": "requests.approvals:reject",
    "forms": "requests.forms:forms",
    "answer": "requests.forms:answer",
    "token": "requests.token:token",
    "outcomes": "requests.outcomes:outcomes",
    "outcome": "requests.outcomes:outcome",
    "narrow": "runs.narrowing:narrow",
    "tell": "runs.steer:tell",
    "pause": "runs.steer:pause",
    "resume": "runs.steer:resume",
    "cancel": "runs.steer:cancel",
    "retry": "runs.steer:retry",
    "handoffs": "runs.handoff:handoffs",
    "handoff": "runs.handoff:handoff",
    "triggers": "packs.triggers:triggers",
    "trigger": "packs.triggers:trigger",
    "packs": "packs.look:packs",
    "tools": "packs.tools:tools",
    "agents": "packs.agents:agents",
    "models": "host.models:models",
    "model try": "host.models:try_out",
    "budget show": "host.budget:show",
    "budget set": "host.budget:set_cap",
    "budget top-up": "host.budget:top_up",
    "budget prices": "host.prices:prices",
    "pack validate": "packs.look:validate",
    "pack show": "packs.look:show",
    "pack versions": "packs.versions:versions",
    "pack publish": "packs.versions:publish",
    "pack diff": "packs.versions:diff",
    "pack trust": "packs.trust:trust",
    "pack new": "packs.new:new",
    "worker": "host.worker:worker",
    "slo": "host.slo:slo",
    "exclude": "runs.exclude:exclude",
    "flag": "runs.flag:flag",
    "metrics": "host.metrics:metrics",
    "mcp": "host.mcp:mcp",
    "export": "runs.archive:export",
    "verify": "runs.archive:verify",
    "prune": "host.upkeep:prune",
    "backup": "host.upkeep:backup",
    "doctor": "host.doctor:doctor",
    "keys": "host.keys:keys",
    "notify test": "host.notify:try_out",
    "completion": "completion:completion",
}
"""In the order of the help; `module:function` below `vasini_tui.cli`."""

GROUPS = {
    "pack": "Work on one pack.",
    "model": "Work with one model.",
    "budget": "What models cost and may cost.",
    "notify": "Telling people what waits or failed.",
}
"""First words that several commands share."""

SECTIONS = {
    "Start": "run rerun ask handoffs handoff triggers trigger",
    "Look": "runs show events logs conversation",
    "Decide and answer": "approvals approval approve reject forms answer token outcomes outcome",
    "Steer": "pause resume cancel retry tell narrow",
    "Service levels and money": "slo exclude flag budget metrics",
    "Packs, tools and models": "packs pack tools agents models model",
    "Installation": "worker mcp notify doctor keys export verify prune backup completion",
}
"""First words, below their headings in the help."""


def asked_for(arguments: Sequence[str]) -> Iterable[str]:
    """The command that the arguments name, or all of them: help and a misspelt word need every one."""
    named = [words for words in COMMANDS if words.split() == list(arguments[: len(words.split())])]
    return named or COMMANDS


def command(words: str) -> Callable[..., Invocation]:
    """The function of a command; its docstring is the help, its parameters are the options."""
    module, _, name = COMMANDS[words].partition(":")
    found: Callable[..., Invocation] = getattr(import_module(f"vasini_tui.cli.{module}"), name)
    return found
