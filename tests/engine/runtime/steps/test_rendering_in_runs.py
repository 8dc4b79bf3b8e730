from __future__ import annotations

import pytest

from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    Step,
    approval,
    error_of,
    failed,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
)


async def test_payload_text_is_never_rendered(home: Home) -> None:
    text = "{{ payload.other }}{% for x in [1] %}{{ run.tenant }}{% endfor %}{# c #}"
    say = tool("say", params={"x": "{{ name }}"})
    home.flow(
        "inject",
        tool("a", params={"whole": "{{ payload.text }}", "part": "<{{ payload.text }}>", "{{ x }}": "key"}),
        {"id": "each", "type": "for_each", "items": "{{ payload.names }}", "as": "name", "steps": [say]},
        form("word", params={"prompt": "P {{ payload.text }}", "defaults": {"word": "{{ payload.text }}"}}),
        approval(
            "ok",
            "M {{ payload.text }} {{ steps.word.output['values'].word }}",
            title="T {{ payload.text }}",
            gates="none",
        ),
        {"id": "sub", "type": "subflow", "subflow": "child", "params": {"v": "{{ payload.text }}"}},
    )
    home.flow("child", tool("c", params={"v": "{{ payload.v }}"}))
    async with home.working() as engine:
        run_id = await start(engine, "inject", {"text": text, "other": "LEAK", "names": [text]})
        asked = await pending_form(engine, run_id)
        assert (asked.prompt, asked.defaults) == (f"P {text}", {"word": text})
        await engine.requests.answer(asked.request_id, {"word": text}, actor=ANN)
        shown = await pending_approval(engine, run_id)
        assert (shown.message, shown.title) == (f"M {text} {text}", f"T {text}")
        await engine.requests.approve(shown.approval_id, actor=BOB)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"v": text}
    assert home.tools.given("a") == [{"whole": text, "part": f"<{text}>", "{{ x }}": "key"}]
    assert home.tools.given("each/0/say") == [{"x": text}]


@pytest.mark.parametrize(
    "step",
    [
        tool("a", params={"x": "{{ payload.nope.deeper }}"}),
        tool("a", when="payload.nope.deeper == 1"),
        approval("a", "{{ payload.nope.deeper }}"),
        form("a", params={"prompt": "{{ payload.nope.deeper }}"}),
        {"id": "a", "type": "for_each", "items": "{{ payload.nope.deeper }}", "steps": [tool("b")]},
    ],
    ids=lambda step: str(step["type"]),
)
async def test_a_missing_value_fails_the_step_naming_its_path(home: Home, step: Step) -> None:
    home.flow("miss", step)
    async with home.working() as engine:
        run = await failed(engine, "miss")
        code, message = await error_of(engine, run.run_id)
        assert code == "template_error"
        assert "step a" in message
        assert "payload.nope" in message


async def test_values_keep_their_types_through_templates(home: Home) -> None:
    values = {
        "n": 1,
        "f": 1.5,
        "b": False,
        "z": None,
        "s": "123",
        "none": "None",
        "l": [1, "a"],
        "o": {"items": 2},
    }
    params = {key: f"{{{{ payload.{key} }}}}" for key in values}
    home.flow("types", tool("a", params={**params, "items": "{{ payload.o.items }}"}))
    async with home.working() as engine:
        assert (await finished(engine, "types", values)).output == {**values, "items": 2}
