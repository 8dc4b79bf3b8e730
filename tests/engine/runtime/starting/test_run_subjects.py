"""A run's subject: the title of its flow, rendered once when it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.runtime.worker.steps.run_subject import MAX_SUBJECT
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    finished,
    form,
    pending_approval,
    pending_form,
    start,
    tool,
)

if TYPE_CHECKING:
    from engine.facade.engine import Engine

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


async def subject(engine: Engine, payload: dict[str, Any]) -> str | None:
    return (await finished(engine, "job", payload)).subject


async def test_a_run_carries_its_subject_into_every_list(home: Home) -> None:
    home.flow(
        "ask",
        approval(gates="none"),
        form("word"),
        tool("a"),
        title="{{ payload.repo }} for {{ run.tenant }}",
    )
    async with home.working() as engine:
        run_id = await start(engine, "ask", {"repo": "vasini"})
        about = "vasini for default"
        asked = await pending_approval(engine, run_id)
        assert asked.subject == about
        assert (await engine.requests.approval(asked.approval_id)).subject == about
        await engine.requests.approve(asked.approval_id, actor=ANN)
        assert (await pending_form(engine, run_id)).subject == about
        assert [run.subject for run in (await engine.runs.list()).items] == [about]
        assert (await engine.runs.get(run_id)).run.subject == about
        assert (await engine.runs.as_of(run_id, 1)).run.subject == about
        (queued,) = await engine.runs.events(run_id, limit=1)
        assert queued.payload["subject"] == about


async def test_the_subject_of_a_child_is_that_of_its_own_flow(home: Home) -> None:
    call = {"id": "sub", "type": "subflow", "subflow": "child", "params": {"n": "{{ payload.n }}"}}
    home.flow("job", call, title="parent {{ payload.n }}")
    home.flow("child", tool("c", params={"x": 1}), title="child {{ payload.n }} of {{ run.flow }}")
    async with home.working() as engine:
        await finished(engine, "job", {"n": 7})
        found = {run.flow: run.subject for run in (await engine.runs.list()).items}
        assert found == {"job": "parent 7", "child": "child 7 of child"}


@pytest.mark.parametrize(
    ("title", "payload", "found"),
    [
        ("{{ payload.a }}", {}, None),
        ("{{ payload.a | default('none') }}", {}, "none"),
        ("{{ payload.a | default('') }}", {}, None),
        ("{{ payload.a }}", {"a": None}, None),
        ("{{ payload.a }}", {"a": 12}, "12"),
        ("{{ payload.a }}", {"a": "one\n  two\tthree"}, "one two three"),
        ("{{ payload.a }}", {"a": "red \x1b[31m"}, "red ␛[31m"),
        ("for {{ payload.a }}", {"a": "ann@example.org"}, "for [EMAIL]"),
        ("{{ payload.a }}", {"a": "{{ payload.b }}", "b": "no"}, "{{ payload.b }}"),
    ],
)
async def test_a_subject_is_one_harmless_masked_line(
    home: Home, title: str, payload: dict[str, Any], found: str | None
) -> None:
    home.flow("job", tool("a", params={"x": 1}), title=title)
    async with home.working() as engine:
        assert await subject(engine, payload) == found


async def test_a_subject_is_bounded(home: Home) -> None:
    home.flow("job", tool("a", params={"x": 1}), title="{{ payload.a }}")
    async with home.working() as engine:
        assert len(await subject(engine, {"a": "x" * 50_000}) or "") <= MAX_SUBJECT


async def test_no_secret_gets_into_a_subject(home: Home) -> None:
    home.flow("job", tool("a", params={"x": 1}), title="{{ payload.note }} {{ payload.password }}")
    async with home.working() as engine:
        shown = await subject(engine, {"note": SECRET, "password": "hunter2-and-more"})
        assert shown
    assert SECRET.encode() not in home.bytes_at_rest()
    assert b"hunter2-and-more" not in home.bytes_at_rest()
