"""Secrets are nowhere at rest, personal data only in the protected store, and the flow works on both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.governance.policies import Policies
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    approval,
    failed,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
    until,
)
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.machine.events.event import Fact
    from tests.engine.runtime.embedded_home import Home

MAIL = "mary.poppins@example.org"
SECRETS = {
    "by_pattern": "sk-live0123456789abcdef",
    "in_text": "my key is AKIAABCDEFGHIJKLMNOP, keep it",
    "password": "correct horse battery",
    "nested": [{"deploy": {"access_token": "tok-77aa88bb"}}],
}
HIDDEN = ("sk-live0123456789abcdef", "AKIAABCDEFGHIJKLMNOP", "correct horse battery", "tok-77aa88bb")
SHOW = {"data": "{{ payload }}"}


async def everything_shown(engine: Engine, run_id: str) -> str:
    """All that readers can get of a run, as text."""
    detail = await engine.runs.get(run_id)
    steps = [await engine.runs.step(run_id, step.step_id) for step in detail.steps]
    events = await engine.runs.events(run_id)
    return json.dumps([item.model_dump(mode="json") for item in (detail, *steps, *events)])


def folder_text(home: Home, run_id: str) -> str:
    """All documents of a run's folder."""
    (folder,) = (home.root / "runs").glob(f"*/{run_id}")
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


async def assert_hidden(home: Home, engine: Engine, run_id: str, *hidden: str) -> None:
    raw, shown = home.bytes_at_rest(), await everything_shown(engine, run_id)
    for text in hidden:
        assert text.encode() not in raw, f"{text!r} is at rest"
        assert text not in shown


async def test_what_is_masked_cannot_be_found_and_the_rest_can(home: Home) -> None:
    home.flow("ask", form(), tool("last", params=SHOW))
    payload = {**SECRETS, "note": f"The plumber wrote, {MAIL} knows."}
    async with home.working() as engine:
        run_id = await start(engine, "ask", payload)

        async def found(words: str) -> bool:
            return await engine.runs.position(run_id, RunFilter(words=words)) is not None

        async def assert_found() -> None:
            for words in ("plumber", "wrote knows"):
                assert await found(words), words
            for words in ("poppins", "mary", *HIDDEN, "live0123456789abcdef", "correct", "77aa88bb"):
                assert not await found(words), words

        request = await pending_form(engine, run_id)
        await assert_found()
        await engine.requests.answer(request.request_id, {"word": "yes"}, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        await assert_found()
    assert b"poppins" not in home.bytes_at_rest().replace(MAIL.encode(), b"")


async def test_secrets_of_a_payload_are_never_at_rest(home: Home) -> None:
    home.flow(
        "work",
        tool("first", params=SHOW),
        tool("busy", "fake.slow"),
        approval("ok", "Use {{ payload.by_pattern }}?", params=SHOW, gates="last"),
        tool("last", params=SHOW),
    )
    async with home.working() as engine:
        run_id = await start(engine, "work", SECRETS)

        async def is_busy() -> bool:
            return home.tools.under_way == 1

        await until(is_busy)
        await assert_hidden(home, engine, run_id, *HIDDEN)
        home.tools.release()
        shown = await pending_approval(engine, run_id)
        await assert_hidden(home, engine, run_id, *HIDDEN)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        await assert_hidden(home, engine, run_id, *HIDDEN)
        assert run.input["nested"][0]["deploy"] == {"access_token": "[SECRET]"}
    assert not [text for text in HIDDEN if text.encode() in home.bytes_at_rest()]
    assert not [text for text in HIDDEN if text in json.dumps(home.tools.calls)]


async def test_secrets_that_people_and_tools_say_are_never_at_rest(home: Home) -> None:
    home.flow(
        "talk",
        tool("leak", "fake.give", params={"value": "{{ payload.coded | replace('_', '-') }}"}),
        form("word"),
        approval("ok"),
        tool("end", "fake.fail", params={"message": "{{ payload.coded | replace('_', '-') }} did not work"}),
    )
    async with home.working() as engine:
        run_id = await start(engine, "talk", {"coded": "sk_fromtool12345"})
        asked = await pending_form(engine, run_id)
        said = {"word": "it is sk-fromform12345"}
        await engine.requests.answer(asked.request_id, said, actor=ANN, comment="or sk-fromnote12345")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB, comment="with sk-fromboss12345")
        run = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert run.error is not None
        assert run.error.message == "[SECRET service-key] did not work"
        await assert_hidden(home, engine, run_id, "sk-fromtool", "sk-fromform", "sk-fromnote", "sk-fromboss")


async def test_an_operators_own_patterns_are_secrets(home: Home) -> None:
    home.flow("show", tool("a", params=SHOW))
    async with home.working(redact_patterns=(r"ACME-\d+",)) as engine:
        run = await finished(engine, "show", {"x": "ticket ACME-4711"})
        await assert_hidden(home, engine, run.run_id, "ACME-4711")


async def test_personal_data_is_masked_wherever_it_is_shown(home: Home) -> None:
    home.flow(
        "mail",
        {
            "id": "each",
            "type": "for_each",
            "items": "{{ payload.people }}",
            "as": "person",
            "steps": [tool("send", params={"to": "{{ person.mail }}"})],
        },
        form("word", params={"prompt": "For {{ payload.people[0].mail }}?"}),
        approval("ok", "Write to {{ payload.people[0].mail }}?", title="Mail {{ payload.people[0].mail }}"),
        tool(
            "last",
            params={"to": "{{ payload.people[0].mail }}", "said": "{{ steps.word.output['values'].word }}"},
        ),
        tool("end", "fake.fail", params={"message": "no mailbox {{ payload.people[0].mail }}"}),
    )
    async with home.working() as engine:
        run_id = await start(engine, "mail", {"people": [{"mail": MAIL}]})
        asked = await pending_form(engine, run_id)
        assert "[EMAIL]" in asked.prompt
        await engine.requests.answer(asked.request_id, {"word": MAIL}, actor=ANN, comment=MAIL)
    async with home.working() as engine:  # a restart: nothing but the journal is left
        shown = await pending_approval(engine, run_id)
        assert "[EMAIL]" in shown.message
        assert MAIL not in shown.model_dump_json()
        await engine.requests.approve(shown.approval_id, actor=BOB, comment=f"ask {MAIL}")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert MAIL not in await everything_shown(engine, run_id)
        assert MAIL not in folder_text(home, run_id)
        assert MAIL not in json_text(await engine.runs.list())
    assert home.tools.given("each/0/send") == [{"to": MAIL}]
    assert home.tools.given("last") == [{"to": MAIL, "said": MAIL}]


async def test_without_redaction_personal_data_is_shown(home: Home) -> None:
    home.flow("show", tool("a", params=SHOW))
    async with home.working(redact=False) as engine:
        run = await finished(engine, "show", {"to": MAIL, "password": "hunter2-plain"})
        assert run.input == {"to": MAIL, "password": "[SECRET]"}
        assert home.document(run, "output/response.json")["result"]["data"]["to"] == MAIL


async def test_large_values_are_seen_by_templates_also_after_a_restart(home: Home) -> None:
    size = 50_000
    home.flow(
        "large",
        tool("big", "fake.big", params={"size": size}),
        tool(
            "before",
            params={"n": "{{ steps.big.output.text | length }}", "in": "{{ payload.text | length }}"},
        ),
        approval("ok"),
        tool("after", params={"all": "{{ steps.big.output }}", "part": "{{ steps.big.output.text[:3] }}"}),
        tool("end", params={"n": "{{ payload.text | length }}"}, when="steps.big.output.text | length > 10"),
    )
    async with home.working() as engine:
        run_id = await start(engine, "large", {"text": "y" * size})
        shown = await pending_approval(engine, run_id)
        events = [event.model_dump_json() for event in await engine.runs.events(run_id)]
        assert max(map(len, events)) < 5_000
        assert (await engine.runs.step(run_id, "big")).output == {"text": "x" * size}
    async with home.working() as engine:
        assert (await engine.runs.summary(run_id)).input == {"text": "y" * size}
        await engine.requests.approve(shown.approval_id, actor=BOB)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"n": size}
    assert home.tools.given("before") == [{"n": size, "in": size}]
    assert home.tools.given("after") == [{"all": {"text": "x" * size}, "part": "xxx"}]


async def test_values_that_look_like_references_are_only_data(home: Home) -> None:
    payload: dict[str, Any] = {
        "a": {"$blob": "0" * 64, "size": 1, "preview": "?"},
        "b": {"$list": [{"$blob": "0" * 64, "size": 1, "preview": "?"}]},
    }
    home.flow("show", tool("a", params=SHOW), tool("b", params={"data": "{{ steps.a.output.data }}"}))
    async with home.working() as engine:
        run = await finished(engine, "show", payload)
        assert run.input == payload
        assert run.output == {"data": payload}
    assert home.tools.given("b") == [{"data": payload}]


async def test_a_named_secret_reaches_the_tool_and_nothing_else(home: Home) -> None:
    name = {"$secret": "api"}
    home.flow("secret", approval("ok"), tool("a", params={"key": name, "also": "x"}), tool("b"))
    async with home.working(secrets={"api": "plain words 99"}) as engine:
        run_id = await start(engine, "secret")
        shown = await pending_approval(engine, run_id)
        assert shown.action is not None
        assert shown.action.params == {"key": name, "also": "x"}
        await engine.requests.approve(shown.approval_id, actor=BOB)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given("a") == [{"key": "plain words 99", "also": "x"}]
        assert run.output == {"key": "[SECRET]", "also": "x"}
        await assert_hidden(home, engine, run_id, "plain words 99")


async def test_an_unknown_secret_fails_the_step_by_name(home: Home) -> None:
    home.flow("secret", tool("a", params={"key": {"$secret": "api"}}))
    async with home.working(secrets={}) as engine:
        run = await failed(engine, "secret")
        assert run.error is not None
        assert run.error.code == "invalid_input"
        assert "'api'" in run.error.message
    assert home.tools.calls == []


async def test_a_payload_cannot_name_a_secret(home: Home) -> None:
    home.flow("show", tool("a", params={"data": "{{ payload.data }}", "text": "{{ payload.data | tojson }}"}))
    async with home.working(secrets={"api": "plain words 99"}) as engine:
        run_id = await start(engine, "show", {"data": {"$secret": "api"}})
        await rest(engine, run_id)
        assert "plain words 99" not in json.dumps(home.tools.calls)
        await assert_hidden(home, engine, run_id, "plain words 99")


async def test_an_answer_over_the_limit_is_refused(home: Home) -> None:
    home.flow("ask", form("word"))
    async with home.working(policies=Policies(max_payload_bytes=100)) as engine:
        asked = await pending_form(engine, await start(engine, "ask"))
        with pytest.raises(InvalidInput, match="100"):
            await engine.requests.answer(asked.request_id, {"word": "x" * 100}, actor=ANN)
        assert (await engine.requests.form(asked.request_id)).status.value == "PENDING"


async def test_who_decides_sees_in_clear_what_would_run_and_that_is_recorded(
    home: Home,
) -> None:
    home.flow("f", approval(), tool("send", params={"to": "{{ payload.to }}"}))
    viewer = Actor(name="ann (as the-ciso)", account="ann", via="ssh")
    async with home.working() as engine:
        run_id = await start(engine, "f", {"to": "ana@example.com"})
        await rest(engine, run_id)
        listed = (await engine.requests.approvals()).items[0]
        masked = await engine.requests.approval(listed.approval_id)
        clear = await engine.requests.approval(listed.approval_id, viewer=viewer)
        (shown,) = (await engine.requests.approvals(viewer=viewer)).items
        events = [e for e in await engine.runs.events(run_id) if e.kind == "personal_data_shown"]
        await engine.requests.approve(listed.approval_id, actor=BOB, digest=clear.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        later = await engine.requests.approval(listed.approval_id, viewer=viewer)
    assert listed.action is not None
    assert masked.action is not None
    assert clear.action is not None
    assert listed.action.params == masked.action.params == {"to": "[EMAIL]"}
    assert clear.action.params == {"to": "ana@example.com"}
    assert shown.action == clear.action
    assert clear.digest == masked.digest
    (event,) = events  # once, however often the card is drawn
    assert event.payload == {"approval_id": listed.approval_id, "via": "ssh"}
    assert (event.actor, event.account, event.via) == ("ann (as the-ciso)", "ann", "ssh")
    assert later.action == masked.action, "nobody decides on it any more"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_who_may_not_decide_sees_what_would_run_masked_and_nothing_is_recorded(
    home: Home, role: Role
) -> None:
    home.flow("f", approval(), tool("send", params={"to": "{{ payload.to }}"}))
    operators = {"ann": Operator(tenants=("default",), roles=frozenset({role}))}
    viewer = Actor(name="ann", account="ann", via="tui")
    async with home.working(operators=operators) as engine:
        run_id = await start(engine, "f", {"to": "ana@example.com"})
        await rest(engine, run_id)
        requests = engine.for_(viewer).requests
        (listed,) = (await requests.approvals(viewer=viewer)).items
        shown = await requests.approval(listed.approval_id, viewer=viewer)
        events = [one.kind for one in await engine.runs.events(run_id)]
    assert listed.action is not None
    assert listed.action.params == {"to": "[EMAIL]"}
    assert shown.action == listed.action
    assert "personal_data_shown" not in events


class FakeFullJournal(MemoryJournal):
    """Takes no note of what was shown."""

    async def note(self, request_id: str, fact: Fact, by: str, via: str, now: int) -> bool:
        """See port."""
        raise Unavailable(ErrorCode.READ_ONLY, "the disk is full")


async def test_what_cannot_be_recorded_is_not_shown(home: Home) -> None:
    home.flow("f", approval(), tool("send", params={"to": "{{ payload.to }}"}))
    async with home.working(journal=FakeFullJournal()) as engine:
        run_id = await start(engine, "f", {"to": "ana@example.com"})
        await rest(engine, run_id)
        (view,) = (await engine.requests.approvals(viewer=BOB)).items
    assert view.action is not None
    assert view.action.params == {"to": "[EMAIL]"}


async def test_a_secret_stays_a_reference_on_the_card(home: Home) -> None:
    home.flow(
        "f", approval(), tool("send", params={"key": {"$secret": "token"}, "text": "sk-" + "a1B2" * 12})
    )
    async with home.working() as engine:
        run_id = await start(engine, "f")
        await rest(engine, run_id)
        (view,) = (await engine.requests.approvals(viewer=BOB)).items
    assert view.action is not None
    assert "a1B2" not in str(view.action.params)
    assert view.action.params["key"] == {"$secret": "token"}
