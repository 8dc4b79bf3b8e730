"""How the console looks: a few pictures, clock and ids frozen. Look at a changed one before keeping it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.request import GatedAction
from engine.contracts.run import Actor, RunError
from engine.contracts.status import Risk, RunStatus, StepStatus
from tests.screens.fake_data import NOW, a_form, a_run, a_step, ago, an_approval
from tests.screens.fake_engine import FakeEngine
from vasini_tui.console import ConsoleApp, ConsoleOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

RUN = "01K3M9X2V7QF8R6T4N5B1C0D%02d"
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "note"],
    "properties": {
        "severity": {"title": "Severity", "enum": ["low", "medium", "high"], "description": "How bad is it?"},
        "note": {"type": "string", "title": "Note", "maxLength": 2000, "description": "What happened"},
        "count": {"type": "integer", "minimum": 1},
        "public": {"type": "boolean", "title": "Publish the report", "default": True},
        "contact": {
            "type": "object",
            "title": "Contact",
            "required": ["mail"],
            "properties": {"mail": {"type": "string", "format": "email"}},
        },
    },
}


def engine() -> FakeEngine:
    triage = {"pack": "log-triage", "flow": "incident"}
    steward = {"pack": "repo-steward", "flow": "release-notes"}
    unreadable = RunError(code="backend_error", message="cannot read access.log", step_id="parse")
    made = FakeEngine().add(
        a_run(RUN % 1, RunStatus.COMPLETED, **steward, created_at=ago(90_000), current_step=None),
        a_run(
            RUN % 2, RunStatus.FAILED, **triage, created_at=ago(7300), error=unreadable, current_step="parse"
        ),
        a_run(
            RUN % 3,
            RunStatus.PENDING_HUMAN,
            **triage,
            created_at=ago(4000),
            waiting_for="approval: blocklist",
        ),
        a_run(
            RUN % 4, RunStatus.PENDING_USER_INPUT, **triage, created_at=ago(900), waiting_for="form: triage"
        ),
        a_run(RUN % 5, RunStatus.RETRYING, **steward, created_at=ago(400), waiting_for="retry in 12s"),
        a_run(RUN % 6, RunStatus.PAUSED, created_at=ago(300), requested_by="carol"),
        a_run(RUN % 7, RunStatus.RUNNING, **steward, created_at=ago(42), current_step="draft"),
        a_run(RUN % 8, RunStatus.QUEUED, created_at=ago(3), current_step=None),
        an_approval(
            "01K3M9AP01",
            **triage,
            run_id=RUN % 3,
            risk=Risk.HIGH,
            title="Write the blocklist for 3 clients",
            message="Three clients made 71 % of all failing requests.\n\nI suggest to block them.",
            action=GatedAction(
                step_id="write",
                kind="tool",
                target="files.write",
                params={"path": "out/blocklist.txt", "content": "203.0.113.7\n198.51.100.23\n192.0.2.99\n"},
            ),
            requested_at=ago(3900),
        ),
        an_approval("01K3M9AP02", **steward, run_id=RUN % 1, title="Write \x1b[1mRELEASE.md", risk=Risk.LOW),
        a_form(
            "01K3M9FO01", FORM, **triage, run_id=RUN % 4, title="Triage the incident", requested_at=ago(800)
        ),
    )
    made.stored_steps[RUN % 3] = (
        a_step("parse"),
        a_step("top/0/clients"),
        a_step("top/1/paths", StepStatus.SKIPPED),
        a_step("approve-blocklist", StepStatus.PENDING_HUMAN, finished_at=None),
    )
    return made


@pytest.mark.parametrize(
    ("theme", "size", "keys", "words"),
    [
        ("vasini-dark", (80, 24), (), "queued"),
        ("vasini-light", (120, 40), (), "queued"),
        ("vasini-dark", (120, 40), ("2",), "files.write"),
        ("high-contrast", (80, 24), ("2",), "files.write"),
        ("vasini-dark", (80, 24), ("2", "j"), "hidden or control"),
        ("vasini-dark", (120, 40), ("3", "enter", "f2"), "✗ is required"),
        ("vasini-dark", (120, 40), ("j", "j", "j", "j", "j", "enter"), "top/1/paths"),
        ("vasini-dark", (80, 24), ("?",), "Keys of this screen"),
    ],
    ids=["runs", "runs-light", "approvals", "approvals-contrast", "hidden", "form-errors", "detail", "help"],
)
def test_the_console_looks_as_it_did(
    snap_compare: Callable[..., bool], theme: str, size: tuple[int, int], keys: tuple[str, ...], words: str
) -> None:
    app = ConsoleApp(
        engine(),
        actor=Actor(name="ben", via="console"),
        tenant="default",
        settings=ConsoleOptions(theme=theme, bell=False),
        now=lambda: NOW,
    )

    async def walk(pilot: Pilot[int]) -> None:
        await _until(pilot, "queued")
        for key in keys:
            await pilot.press(key)
            # A list must have come before the next key can mean a row of it.
            await _until(pilot, "" if key != "3" else "Triage")
        await _until(pilot, words)
        app.clear_notifications()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=walk)


async def _until(pilot: Pilot[int], words: str) -> None:
    deadline = time.monotonic() + 10
    while words not in _text(pilot):
        assert time.monotonic() < deadline, f"never {words!r}"
        await asyncio.sleep(0.005)


def _text(pilot: Pilot[int]) -> str:
    strips = pilot.app.screen._compositor.render_strips(pilot.app.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
