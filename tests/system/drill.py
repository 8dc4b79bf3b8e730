"""The `drill` pack: one flow per step type, tools that leave traces, and an engine on a home of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.acp.settings import AgentSettings
from engine.config import EngineConfig, Rules
from engine.contracts.tool import ToolSpec
from engine.tools.registry import ToolRegistry
from tests.engine.empty_journal import lay_journal

if TYPE_CHECKING:
    from engine.tools.context import ToolContext

PACK = "drill"
LEASE_SECONDS = 5.0
"""Long: only a process that is gone may lose a run, not one that a busy machine holds up."""
NAP_SECONDS = 0.2
_AGENT = Path(__file__).parents[1] / "fakes" / "agents" / "plain_agent.py"

_MANIFEST = """\
schema_version: "1.0"
pack_id: drill
version: 1.0.0
author: {name: Tests}
role: {title: Tester, domain: Tests, goal: {primary: Be loaded}}
"""

# A composite step ends its flow: the commit that closes it is then told as one of that type.
_FLOWS = {
    "tool": """\
id: tool
steps:
  - {id: first, type: tool, tool: drill.mark, params: {label: first}}
  - {id: second, type: tool, tool: drill.mark, params: {label: "{{ steps.first.output.label }}-second"}}
""",
    "human_approval": """\
id: human_approval
steps:
  - {id: ask, type: human_approval, message: "May {{ run.run_id }} go on?", gates: act}
  - {id: act, type: tool, tool: drill.mark, params: {label: act}}
""",
    "outside": """\
id: outside
steps:
  - {id: before, type: tool, tool: drill.mark, params: {label: before}}
  - {id: work, type: agent, agent: "acp:plain", instructions: Be a test., prompt: Make a file.}
""",
    "user_input": """\
id: user_input
steps:
  - id: ask
    type: user_input
    params:
      form_id: color
      title: Which color?
      schema: {type: object, properties: {color: {type: string, minLength: 1}}, required: [color]}
  - {id: act, type: tool, tool: drill.mark, params: {label: "{{ steps.ask.output['values'].color }}"}}
""",
    "subflow": """\
id: subflow
steps:
  - {id: below, type: subflow, subflow: human_approval}
  - {id: act, type: tool, tool: drill.mark, params: {label: "{{ steps.below.output.label }}-above"}}
""",
    "parallel": """\
id: parallel
steps:
  - id: split
    type: parallel
    branches:
      - - {id: left, type: tool, tool: drill.mark, params: {label: left}}
      - - {id: ask, type: human_approval, message: "Right?", gates: right}
        - {id: right, type: tool, tool: drill.mark, params: {label: right}}
""",
    "for_each": """\
id: for_each
steps:
  - id: each
    type: for_each
    items: [a, b, c]
    as: letter
    max_concurrent: 2
    steps:
      - {id: ask, type: human_approval, message: "Item {{ letter }}?", gates: mark}
      - {id: mark, type: tool, tool: drill.mark, params: {label: "{{ letter }}"}}
""",
    "wait": """\
id: wait
steps:
  - {id: before, type: tool, tool: drill.mark, params: {label: before}}
  - {id: rest, type: wait, duration: 0.2}
  - {id: after, type: tool, tool: drill.mark, params: {label: after}}
""",
    "finally": """\
id: finally
steps:
  - {id: first, type: tool, tool: drill.mark, params: {label: first}}
finally:
  - {id: last, type: tool, tool: drill.mark, params: {label: "after-{{ ending.outcome }}"}}
""",
    "graph": """\
id: graph
steps:
  - id: all
    type: graph
    max_concurrent: 2
    steps:
      - {id: last, type: tool, tool: drill.mark, params: {label: last}, needs: [left, right]}
      - {id: left, type: tool, tool: drill.mark, params: {label: left}, needs: [first]}
      - {id: right, type: tool, tool: drill.mark, params: {label: right}, needs: [first]}
      - {id: first, type: tool, tool: drill.mark, params: {label: first}}
""",
    "retrying": """\
id: retrying
steps:
  - id: stumble
    type: tool
    tool: drill.stumble
    params: {label: stumble}
    retry: {max_attempts: 10, backoff: exponential, backoff_seconds: 0.2, max_backoff_seconds: 0.5}
  - {id: rest, type: wait, duration: 0.3}
  - {id: ask, type: human_approval, message: "Within an hour?", gates: act, timeout: 3600}
  - {id: act, type: tool, tool: drill.mark, params: {label: act}}
""",
    "agent": """\
id: agent
autonomy_level: suggest_only
steps:
  - id: work
    type: agent
    instructions: Leave marks.
    prompt: Leave three of them.
    tools: [drill.mark]
    script:
      - calls:
          - {tool: drill.mark, arguments: {label: one}}
          - {tool: drill.mark, arguments: {label: two}}
      - calls: [{tool: drill.mark, arguments: {label: three}}]
      - {text: all left}
""",
    "conversation": """\
id: conversation
autonomy_level: suggest_only
steps:
  - id: talk
    type: agent
    mode: conversation
    instructions: Leave marks.
    prompt: Leave one.
    tools: [drill.mark]
    script:
      - calls: [{tool: drill.mark, arguments: {label: one}}]
      - {text: one is left}
      - {text: no more}
""",
    "plan": """\
id: plan
steps:
  - id: work
    type: plan_proposal
    instructions: Leave marks.
    prompt: Leave two of them.
    tools: [drill.mark]
    script:
      - no plan
      - summary: Two marks.
        steps:
          - {step_id: one, tool: drill.mark, params: {label: one}}
          - {step_id: two, tool: drill.mark, params: {label: two}, requires_approval: true}
""",
    "deadly": """\
id: deadly
steps:
  - {id: kill, type: tool, tool: drill.kill, params: {label: kill}}
""",
    "napping": """\
id: napping
steps:
  - {id: nap, type: tool, tool: drill.nap, params: {label: nap}}
""",
    "held": """\
id: held
steps:
  - id: split
    type: parallel
    branches:
      - - {id: hold, type: tool, tool: drill.hold, params: {gate: open}}
        - {id: after, type: tool, tool: drill.mark, params: {label: after}}
      - - {id: ask, type: human_approval, message: "Right?", gates: right}
        - {id: right, type: tool, tool: drill.mark, params: {label: right}}
""",
    "held_items": """\
id: held_items
steps:
  - id: each
    type: for_each
    items: [a, b, c]
    as: letter
    max_concurrent: 3
    steps:
      - {id: hold, type: tool, tool: drill.hold, params: {gate: "open"}, when: "letter == 'a'"}
      - {id: ask, type: human_approval, message: "Item {{ letter }}?", gates: mark}
      - {id: mark, type: tool, tool: drill.mark, params: {label: "{{ letter }}"}}
""",
    "healing": """\
id: healing
steps:
  - id: split
    type: parallel
    branches:
      - - {id: left, type: tool, tool: drill.mark, params: {label: left}}
        - {id: ask, type: human_approval, message: "Left?", gates: sick}
        - {id: sick, type: tool, tool: drill.heal, params: {gate: healed}}
      - - {id: right, type: tool, tool: drill.mark, params: {label: right}}
  - id: each
    type: for_each
    items: [a, b]
    as: letter
    steps:
      - {id: one, type: tool, tool: drill.heal, params: {gate: "healed-{{ letter }}"}}
""",
}

FLOWS_WITH_ONE_OF_EACH = (
    "tool",
    "human_approval",
    "user_input",
    "subflow",
    "parallel",
    "for_each",
    "wait",
    "finally",
    "graph",
    "agent",
    "conversation",
    "plan",
    "outside",
)


def make_home(home: Path, *only: str) -> Path:
    """A home with the drill pack in it: all its flows, or those alone, which costs less to load."""
    flows = home / "packs" / PACK / "flows"
    flows.mkdir(parents=True)
    (flows.parent / "profession-pack.yaml").write_text(_MANIFEST)
    for name in only or _FLOWS:
        (flows / f"{name}.yaml").write_text(_FLOWS[name])
    journal = config(home).journal_path
    journal.parent.mkdir(exist_ok=True)
    lay_journal(journal)
    return home


def config(home: Path, lease_seconds: float = LEASE_SECONDS) -> EngineConfig:
    """An engine on `home`."""
    return EngineConfig(
        data_dir=home / "data",
        runs_dir=home / "runs",
        cache_dir=home / "cache",
        home_packs=home / "packs",
        rules=Rules(agents=AgentSettings.model_validate({"acp": {"plain": _agent(home)}})),
        lease_seconds=lease_seconds,
        poll_seconds=0.02,
    )


def _agent(home: Path) -> dict[str, Any]:
    """An agent that asks before it makes a file in the home."""
    return {"command": sys.executable, "args": ["-I", "-S", str(_AGENT), "file", str(home)]}


def effects_file(home: Path) -> Path:
    """One line for every side effect: key, attempt, label."""
    return home / "effects.txt"


def effect_of(home: Path, key: str) -> str | None:
    """The label that the call with this key has left, if it has left one."""
    file = effects_file(home)
    lines = [line.split("\t") for line in file.read_text().splitlines()] if file.exists() else []
    return next((label for found, _, label in lines if found == key), None)


def registry(home: Path) -> ToolRegistry:
    """Tools whose every call leaves a line, by idempotency key."""

    def leave(context: ToolContext, label: str) -> dict[str, Any]:
        line = f"{context.idempotency_key}\t{context.attempt}\t{label}\n".encode()
        file = os.open(effects_file(home), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
        return {"label": label, "key": context.idempotency_key}

    async def mark(params: dict[str, Any], context: ToolContext) -> Any:
        return leave(context, params["label"])

    async def hold(params: dict[str, Any], context: ToolContext) -> Any:
        leave(context, "holding")
        while not (home / params["gate"]).exists():  # noqa: ASYNC110 - the gate is opened by another process
            await asyncio.sleep(0.01)
        return leave(context, "held")

    async def heal(params: dict[str, Any], context: ToolContext) -> Any:
        if not (home / params["gate"]).exists():
            raise ConnectionError("not healed yet")
        return leave(context, params["gate"])

    async def nap(params: dict[str, Any], context: ToolContext) -> Any:
        await asyncio.sleep(NAP_SECONDS)
        return leave(context, params["label"])

    async def stumble(params: dict[str, Any], context: ToolContext) -> Any:
        if context.attempt == 1:
            raise ConnectionError("stumbles once")
        return leave(context, params["label"])

    async def kill(params: dict[str, Any], context: ToolContext) -> Any:
        with suppress(OSError):  # a full disk saves nobody
            leave(context, params["label"])
        await asyncio.sleep(NAP_SECONDS / 2)
        os.kill(os.getpid(), signal.SIGKILL)

    tools = ToolRegistry()
    for name, function, parameter in (
        ("mark", mark, "label"),
        ("nap", nap, "label"),
        ("kill", kill, "label"),
        ("stumble", stumble, "label"),
        ("hold", hold, "gate"),
        ("heal", heal, "gate"),
    ):
        parameters = {
            "type": "object",
            "properties": {parameter: {"type": "string"}},
            "required": [parameter],
        }
        tools.register(ToolSpec(name=f"drill.{name}", parameters=parameters), function)
    return tools
