"""Imports go one way: no circle between modules, and none from a lower room to a higher one.

Type-only imports and those inside functions count: what a reader has to follow is the same.
"""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "screens", "vasini_tui")

FLOORS: tuple[tuple[str, ...], ...] = (
    ("vasini_tui.entry",),
    ("vasini_tui", "vasini_tui.__main__"),
    ("vasini_tui.cli",),
    ("vasini_tui.cli.runs", "vasini_tui.cli.requests"),
    ("vasini_tui.cli.packs",),
    ("vasini_tui.cli.host",),
    ("vasini_tui.cli.call", "vasini_tui.cli.arguments", "vasini_tui.cli.approval_text"),
    ("vasini_tui.demo", "vasini_tui.mcp_server"),
    ("vasini_tui.doctor", "vasini_tui.scaffold"),
    ("vasini_tui.outside_agents",),
    ("vasini_tui.console",),
    ("vasini_tui.console.terminal", "vasini_tui.console.themes"),
    ("vasini_tui.wiring",),
    ("vasini_tui.notify",),
    ("vasini_tui.identity", "vasini_tui.log_file", "vasini_tui.output"),
    ("vasini_tui.settings",),
    (
        "vasini_tui.exit_codes",
        *("vasini_tui.server_text", "vasini_tui.shipped", "vasini_tui.text_table", "vasini_tui.version"),
    ),
    ("screens",),
    ("screens.runs", "screens.run"),
    ("screens.run_verbs",),
    ("screens.packs", "screens.compare", "screens.handoff", "screens.slo"),
    ("screens.approvals",),
    ("screens.outcomes",),
    ("screens.forms",),
    ("screens.overlays",),
    ("screens.frame",),
    ("screens.widgets.json",),
    ("screens.widgets.tables",),
    ("screens.widgets",),
    ("screens.keys",),
    ("engine",),
    ("engine.runtime.embedded",),
    ("engine.runtime.notice_sender",),
    ("engine.runtime.slo_alerts",),
    ("engine.runtime.worker",),
    ("engine.runtime.worker.sessions",),
    ("engine.runtime.worker.steps",),
    ("engine.runtime.archive",),
    ("engine.runtime.pack_library", "engine.runtime.views", "engine.runtime.plans"),
    ("engine.runtime.rounds",),
    (
        "engine.runtime.files",
        "engine.runtime.intake",
        "engine.runtime.value_store",
        "engine.runtime.clock",
        "engine.runtime.server_changes",
        "engine.runtime.gc_tuning",
        "engine.runtime.shared_notes",
        "engine.runtime.processes",
    ),
    ("engine.runtime.background", "engine.runtime.failing"),
    ("engine.journal.sqlite.journal",),
    ("engine.journal.sqlite.lists",),
    ("engine.journal.sqlite", "engine.journal.memory"),
    ("engine.journal.port",),
    ("engine.journal.parts",),
    ("engine.journal.rules",),
    ("engine.journal",),
    ("engine.machine",),
    ("engine.machine.steps",),
    ("engine.machine.control",),
    ("engine.machine.escalation", "engine.machine.ending", "engine.machine.retrying"),
    ("engine.machine.transition_builder",),
    ("engine.machine.walk", "engine.machine.events"),
    ("engine.machine.model",),
    ("engine.facade",),
    ("engine.packs.catalog", "engine.packs.editor_schemas"),
    ("engine.packs.publishing", "engine.packs.loader"),
    ("engine.packs.layers", "engine.packs.code"),
    ("engine.packs.checks",),
    ("engine.packs.loaded_pack",),
    ("engine.packs.source", "engine.packs.versions"),
    ("engine.config",),
    ("engine.acp",),
    ("engine.tools.executor",),
    ("engine.tools.mcp.servers",),
    ("engine.tools.builtin", "engine.tools.pack_code", "engine.tools.remote"),
    ("engine.tools.registry",),
    ("engine.tools.mcp",),
    ("engine.tools.process",),
    ("engine.tools.sandbox",),
    ("engine.tools",),
    ("engine.budget",),
    ("engine.models",),
    ("engine.governance", "engine.templates", "engine.json_schema"),
    ("engine.slo",),
    ("engine.contracts.packs",),
    ("engine.contracts",),
    ("engine.contracts.layers",),
    (
        "engine.contracts.model",
        "engine.contracts.governing.money",
        "engine.contracts.quantity",
        "engine.contracts.sandbox_level",
        "engine.contracts.schema_version",
        "engine.contracts.status",
    ),
    (
        "engine.values",
        "engine.foreign_json",
        "engine.frozen",
        "engine.large_values",
        "engine.line_diff",
        "engine.named_table",
        "engine.errors",
        "engine.safe_text",
        "engine.safe_files",
        "engine.safe_pattern",
        "engine.process_tree",
        "engine.threads",
        "engine.tracing",
    ),
    ("engine.images",),
)
"""Rooms and single modules from the top of the house to its ground: imports go down or stay in their room."""

FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path
    return found


@cache
def imports() -> dict[str, frozenset[str]]:
    return {name: frozenset(_imported(name, path)) for name, path in modules().items()}


def _imported(name: str, path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module)):
                inside = {f"{module}.{alias.name}" for alias in node.names}
                found |= {one if one in modules() else module for one in inside}
    return {one for one in found if one in modules() and one != name}


def room_of(name: str) -> str:
    """The longest entry of FLOORS that holds the module."""
    while name not in FLOOR_OF:
        name = name.rpartition(".")[0]
    return name


def test_no_import_makes_a_circle() -> None:
    try:
        TopologicalSorter({name: set(targets) for name, targets in imports().items()}).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_no_arrow_points_up() -> None:
    up = [
        f"{name} -> {target}"
        for name, targets in sorted(imports().items())
        for target in sorted(targets)
        if room_of(name) != room_of(target) and FLOOR_OF[room_of(name)] >= FLOOR_OF[room_of(target)]
    ]
    assert not up, "\n".join(up)


def test_a_circle_and_an_arrow_up_would_be_seen() -> None:
    assert room_of("engine.journal.sqlite.writer") == "engine.journal.sqlite"
    assert (
        FLOOR_OF[room_of("engine.contracts.runs.run")]
        > FLOOR_OF[room_of("engine.runtime.worker.sessions.session")]
    )
    assert "engine.errors" in imports()["engine.runtime.value_store"], "type-only imports are read too"
