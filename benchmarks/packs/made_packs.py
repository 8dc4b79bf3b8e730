"""Directories of packs to measure with: each of 20 files, composed of own and shared layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SOUL = """\
schema_version: "1.0"
identity: {name: Base, language: en}
personality: {communication_style: professional, verbosity: concise}
tone: {default: Plain and exact, on_error: What failed and what to do next}
principles: [Say what was done, Show the evidence, Ask before anything that cannot be undone]
"""
_LAYERS = {
    "SOUL": "extends: ../_shared/souls/base.yaml\noverride:\n  identity: {name: Agent {n}}\n",
    "ROLE": "title: Role {n}\ndomain: Measuring\ngoal:\n  primary: Be loaded\n  secondary: [Be loaded fast]\n"
    + "competency_graph:\n  skills:\n"
    + "".join(f"    - {{id: c{i}, name: Skill {i}, level: expert, tasks: [one, two]}}\n" for i in range(8)),
    "TOOLS": "available:\n"
    + "".join(
        f"  - {{id: {tool}, name: Tool, sandbox: {{timeout: 30s}}}}\n"
        for tool in ("text.report", "files.read", "files.write", "git.log", "git.diff")
    ),
    "GUARDRAILS": "input: {max_length: 5000}\nbehavioral:\n  prohibited_actions: [One, Two, Three]\n",
    "MEMORY": "short_term: {ttl: 12h}\nepisodic: {enabled: true}\n",
    "WORKFLOW": "sop:\n  - id: sop\n    name: Procedure\n    trigger: Always\n    steps:\n"
    + "".join(
        f"      - {{id: s{i}, action: Step {i}, tool: text.report, params: {{title: 'T', body: B}}}}\n"
        for i in range(8)
    )
    + "    escalation: Ask somebody\n",
}
_SKILL = (
    "---\nid: skill-{i}\nname: Skill {i}\ntrigger: Always\nrequired_tools: [git.diff]\n---\n\n# Skill\n"
    + ("\n1. Do what has to be done, and write down what was done.\n" * 20)
)
_FLOW = (
    "id: flow-{i}\ninput: {type: object, properties: {name: {type: string, title: '{n}'}}}\nsteps:\n"
    + "".join(
        f"  - id: s{i}\n    type: tool\n    tool: text.report\n    params:\n"
        f'      title: "{{{{ payload.name }}}} {i}"\n      body: text\n'
        for i in range(6)
    )
    + "  - {id: ask, type: human_approval, message: Go on?}\n"
    + "  - {id: end, type: tool, tool: git.log, params: {repo: /repository}}\n"
)
SKILLS = 6
FLOWS = 6


def write_packs(root: Path, number: int) -> list[Path]:
    """`number` packs below `root`: manifest, six layers, six skills, six flows, a shared soul: 20 files."""
    shared = root / "_shared" / "souls"
    shared.mkdir(parents=True)
    (shared / "base.yaml").write_text(_SOUL, "utf-8")
    return [_write_pack(root / f"pack-{index:03}", index) for index in range(number)]


def _write_pack(place: Path, index: int) -> Path:
    (place / "SKILLS").mkdir(parents=True)
    (place / "flows").mkdir()
    manifest = [
        f'schema_version: "1.0"\npack_id: {place.name}\nversion: 1.0.0\nauthor: {{name: Bench}}\n',
        *(f"{name.lower()}: {{file: {name}.yaml}}\n" for name in _LAYERS),
        "skills:\n",
        *(f"  - {{file: SKILLS/s{number}.md}}\n" for number in range(SKILLS)),
    ]
    (place / "profession-pack.yaml").write_text("".join(manifest), "utf-8")
    for name, text in _LAYERS.items():
        (place / f"{name}.yaml").write_text(text.replace("{n}", str(index)), "utf-8")
    for number in range(SKILLS):
        (place / "SKILLS" / f"s{number}.md").write_text(_SKILL.replace("{i}", str(number)), "utf-8")
    for number in range(FLOWS):
        (place / "flows" / f"f{number}.yaml").write_text(_flow(number, index), "utf-8")
    return place


def _flow(number: int, index: int) -> str:
    return _FLOW.replace("{i}", str(number), 1).replace("{n}", f"{index}-{number}")
