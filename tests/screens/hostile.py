"""Text that does harm where it is shown as it is, and an engine in which every text is such."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from engine.contracts.packs.pack import Problem
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.runs.request import GatedAction
from engine.contracts.runs.run import RunFile
from engine.contracts.status import RequestStatus, Risk, RunStatus, StepStatus, WaitKind
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_flow, a_form, a_pack, a_run, a_step, ago, an_approval, an_event

if TYPE_CHECKING:
    from tests.screens.conftest import Stage


PAYLOADS = (
    "\x1b[2J\x1b[H\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]52;c;c3RvbGVu\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mC1",
    "\x90dcs\x9c",
    "\x1bPdcs\x1b\\ \x1b_apc\x1b\\ \x9fapc\x9c \x1b^pm\x1b\\",
    "bell\x07back\x08\x08\x7f",
    "line\r\nfeed\rover",
    "nul\x00tab\tff\x0c",
    "abc\u202edef\u202c",
    "\u2066iso\u2069\u200b\u200d\ufeff",
    "[/]",
    "[@click=app.exit]click[/]",
    "[bold red]not bold[/bold red] [unclosed",
    "[/nothing] $error {0} %s [0] [/",
    "e" + "\u0301" * 60,
    "\U000e0041\U000e0042 \ufff9a\ufffbb",
    "広" * 50 + "👩‍👩‍👧‍👦",
    "x" * 1_000_000,
)


SHORT = PAYLOADS[:-1]


ALL = " ".join(SHORT)


_FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def assert_harmless(stage: Stage) -> None:
    """No control or hidden character in what is drawn, and no action in its style."""
    for strip in stage.app.screen._compositor.render_strips(stage.app.size):
        for segment in strip:
            bad = [hex(ord(sign)) for sign in segment.text if unicodedata.category(sign) in _FORBIDDEN]
            assert not bad, f"{bad} in {segment.text!r}"
            meta = segment.style.meta if segment.style is not None else {}
            assert "@click" not in meta
            assert segment.style is None or segment.style.link is None
    for notice in stage.app._notifications:
        assert not any(
            unicodedata.category(sign) in _FORBIDDEN - {"Cc"} or sign in "\x1b\x07\x9b"
            for sign in notice.message
        )


def hostile_engine() -> FakeEngine:
    error = RunError(code=ALL, message=ALL, step_id=ALL)
    engine = FakeEngine()
    common: dict[str, Any] = {
        "pack": ALL,
        "pack_version": ALL,
        "flow": ALL,
        "requested_by": ALL,
        "subject": ALL,
    }
    run = a_run(
        f"run{ALL}",
        RunStatus.FAILED,
        **common,
        current_step=ALL,
        waiting_for=WaitingFor(kind=WaitKind.CHILD, id=ALL),
        error=error,
        input={ALL: [ALL, {"deep": ALL}]},
        output=ALL,
        folder=ALL,
        created_at=ago(5),
        cancel_requested=ALL,
    )
    engine.add(run, *(a_run(f"{number}{text}", pack=text) for number, text in enumerate(PAYLOADS)))
    mine: dict[str, Any] = {**common, "run_id": run.run_id, "step_id": ALL, "title": ALL}
    action = GatedAction(step=ALL, kind=ALL, target=ALL, params={ALL: list(PAYLOADS)})
    engine.add(
        an_approval(
            f"1{ALL}",
            **mine,
            message=ALL,
            intent=ALL,
            action=action,
            risk=Risk.CRITICAL,
            requested_at=ago(900),
        ),
        *(an_approval(f"a{number}{text}", title=text, message=text) for number, text in enumerate(PAYLOADS)),
        an_approval(
            f"old{ALL}",
            **mine,
            message=ALL,
            status=RequestStatus.REJECTED,
            decision=ALL,
            decided_by=ALL,
            decided_at=ago(1),
            comment=ALL,
        ),
        *(
            an_approval(
                f"claimed{number}{text}",
                step_id="claimed",
                claimed_by=text,
                claimed_until=ago(-60),
                action=GatedAction(step=text, kind=text, target=text, params={text: {ALL: number}}),
            )
            for number, text in enumerate(PAYLOADS)
        ),
    )
    schema = {
        "type": "object",
        "required": [ALL],
        "properties": {
            ALL: {"type": "string", "title": ALL, "description": ALL, "default": ALL, "maxLength": 3},
            "pick": {"enum": list(PAYLOADS), "enumNames": list(PAYLOADS), "default": PAYLOADS[0]},
            "long": {"type": "string", "maxLength": 99_999, "default": "\n".join(SHORT), "format": ALL},
            "flag": {"type": "boolean", "title": ALL},
            "list": {"type": "array", "items": {"type": "string"}, "default": list(SHORT)},
            "any": {"default": {ALL: ALL}, "title": ALL},
            "picks": {"type": "array", "items": {"enum": list(PAYLOADS)}, "default": [PAYLOADS[1]]},
            "people": {
                "type": "array",
                "title": ALL,
                "items": {"type": "object", "properties": {ALL: {"type": "string", "examples": [ALL]}}},
                "default": [{ALL: ALL}],
            },
            "way": {
                "oneOf": [{"title": text, "properties": {text: {"const": ALL}}} for text in PAYLOADS],
                "default": {PAYLOADS[0]: ALL},
            },
            "group": {
                "type": "object",
                "title": ALL,
                "properties": {ALL: {"type": "number", "default": ALL}},
            },
        },
    }
    engine.add(
        a_form(f"1{ALL}", schema, **mine, form_id=ALL, prompt=ALL, description=ALL, requested_at=ago(900)),
        *(a_form(f"f{number}{text}", title=text, prompt=text) for number, text in enumerate(PAYLOADS)),
    )
    engine.stored_steps[run.run_id] = (
        a_step(ALL, StepStatus.FAILED, type=ALL, error=error, input={ALL: ALL}, output=ALL),
    )
    engine.stored_events[run.run_id] = tuple(
        an_event(number, text, run.run_id, step_id=text, actor=text, payload={text: text})
        for number, text in enumerate(PAYLOADS, 1)
    )
    engine.stored_files[run.run_id] = (
        RunFile(name=ALL, stored_name=ALL, role=ALL, content_type=ALL, size=1, sha256=ALL, path=ALL),
    )
    problem = Problem(file=ALL, field=ALL, message=ALL, found=ALL, expected=ALL)
    engine.stored_packs = (
        a_pack(a_flow(ALL, schema, pack=ALL, description=ALL, version=ALL), pack=ALL, version=ALL),
        a_pack(pack=f"b{ALL}", problems=(problem,)),
    )
    return engine
