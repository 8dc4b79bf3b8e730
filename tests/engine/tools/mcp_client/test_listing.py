"""What a server lists becomes tools; nothing that it says makes a tool less than it is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.contracts.flows.agent_step import FLOW_PREFIX
from engine.contracts.status import Effects, Risk
from engine.tools.builtin.all import builtin_registry
from engine.tools.mcp.lines import BoundedLines
from engine.tools.mcp.listing import MAX_TOOLS, Hints, Listing, RemoteTool, closed_spec, judged, listing_of
from engine.tools.mcp.results import output_of, text_of
from engine.tools.mcp.settings import RESERVED, McpServer, McpSettings
from tests.engine.pictures import as_text, png

PROGRAM = McpServer(command=("server",))
READS = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)


def listed(*tools: RemoteTool, server: McpServer = PROGRAM) -> Listing:
    return listing_of("one", server, tools)


def test_names_are_those_that_flows_can_write_and_twins_are_not_called() -> None:
    found = listed(
        RemoteTool("Get-Sum"), RemoteTool("a b"), RemoteTool("a-b"), RemoteTool("___"), RemoteTool("x" * 300)
    )
    assert list(found.tools) == ["one.get_sum"]
    assert found.tools["one.get_sum"].remote_name == "Get-Sum"
    assert [words.partition(":")[0] for words in found.left_out] == [
        "___",
        "x" * 40 + "… (+260 characters)",
        "a b, a-b",
    ]


def test_hints_of_a_server_that_is_not_trusted_only_raise() -> None:
    assert judged(READS, PROGRAM) == (Effects.OUTSIDE, Risk.HIGH)
    harmless = McpServer(command=("server",), effects=Effects.NONE, risk=Risk.LOW)
    assert judged(Hints(), harmless) == (Effects.NONE, Risk.LOW)
    assert judged(READS, harmless) == (Effects.NONE, Risk.LOW)
    assert judged(Hints(destructive=True), harmless) == (Effects.LOCAL, Risk.HIGH)
    assert judged(Hints(read_only=False), harmless)[0] is Effects.LOCAL
    assert judged(Hints(open_world=True), harmless)[0] is Effects.OUTSIDE


def test_hints_of_a_trusted_server_count_down_to_what_the_operator_says() -> None:
    trusted = McpServer(command=("server",), trusted=True)
    assert judged(READS, trusted) == (Effects.NONE, Risk.LOW)
    assert judged(Hints(), trusted) == (Effects.OUTSIDE, Risk.HIGH)
    assert judged(Hints(destructive=False, open_world=False), trusted) == (Effects.LOCAL, Risk.MEDIUM)
    bounded = McpServer(command=("server",), trusted=True, effects=Effects.LOCAL, risk=Risk.CRITICAL)
    assert judged(READS, bounded) == (Effects.LOCAL, Risk.CRITICAL)


def test_a_call_that_is_made_again_is_the_same_only_where_a_trusted_server_says_so() -> None:
    tool = RemoteTool("read", hints=READS)
    assert not listed(tool).tools["one.read"].spec.idempotent
    trusted = McpServer(command=("server",), trusted=True)
    assert listed(tool, server=trusted).tools["one.read"].spec.idempotent


def test_before_anything_is_listed_a_tool_may_do_whatever_tools_of_its_server_may() -> None:
    spec = closed_spec("one.read", PROGRAM)
    assert (spec.effects, spec.risk, spec.idempotent) == (Effects.OUTSIDE, Risk.HIGH, False)
    trusted = closed_spec("one.read", McpServer(command=("server",), trusted=True))
    assert (trusted.effects, trusted.risk) == (Effects.OUTSIDE, Risk.HIGH)


def test_everything_that_is_said_of_a_tool_is_in_its_digest() -> None:
    plain = RemoteTool("sum", "Adds.", {"type": "object"})
    changed = [
        RemoteTool("Sum", "Adds.", {"type": "object"}),
        RemoteTool("sum", "Adds!", {"type": "object"}),
        RemoteTool("sum", "Adds.", {"type": "object", "required": ["a"]}),
        RemoteTool("sum", "Adds.", {"type": "object"}, Hints(read_only=True)),
    ]
    digests = {listed(tool).tools["one.sum"].digest for tool in [plain, *changed]}
    assert len(digests) == 5


def test_descriptions_are_harmless_and_short() -> None:
    (tool,) = listed(RemoteTool("t", "\x1b[31mred\n" + "x" * 100_000)).tools.values()
    assert "\x1b" not in tool.spec.description
    assert len(tool.spec.description) <= 2_000


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "array"}, "its parameters are no object"),
        ({"type": "object", "title": "x" * 70_000}, "its schema has more than 64 kB"),
        ({"type": "object", "default": float("nan")}, "its schema is no JSON"),
    ],
)
def test_a_schema_that_cannot_be_used_leaves_its_tool_out(schema: dict[str, Any], words: str) -> None:
    found = listed(RemoteTool("bad", schema=schema), RemoteTool("good"))
    assert list(found.tools) == ["one.good"]
    assert found.left_out == (f"bad: {words}",)


def test_no_more_tools_are_listed_than_anybody_can_use() -> None:
    found = listed(*(RemoteTool(f"t{number}") for number in range(MAX_TOOLS + 1)))
    assert len(found.tools) == MAX_TOOLS
    assert found.left_out == (f"what it lists after {MAX_TOOLS} tools",)


def test_what_is_no_text_is_told_in_words() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "image", "data": "AAAA", "mimeType": "image/\x1b[31m"},
        {"type": "resource", "resource": {"uri": "a://b", "blob": "AAA=", "mimeType": "x/y"}},
        {"type": "resource_link", "uri": "a://c", "name": "there"},
        {"type": "new\nkind"},
    ]
    assert text_of(parts).split("\n") == [
        "[image ␛[31m, 3 bytes]",
        "[resource a://b, x/y, 2 bytes]",
        "[link a://c there]",
        "[new⏎kind]",
    ]
    assert "images" not in output_of(parts, None)
    assert text_of([{"type": "text", "text": "x"}] * 10_002).endswith("\n[2 more parts]")


def test_an_image_in_a_resource_is_one_as_any_other_whatever_it_is_called() -> None:
    shot, fake = as_text(png(640, 480)), as_text(b"#!/bin/sh")
    parts: list[dict[str, Any]] = [
        {"type": "resource", "resource": {"uri": "a://b", "blob": shot, "mimeType": "text/plain"}},
        {"type": "resource", "resource": {"uri": "a://c", "blob": fake, "mimeType": "image/png"}},
        {"type": "resource", "resource": {"uri": "a://d", "text": shot}},
        {"type": "resource", "resource": {"uri": "a://e", "blob": 7}},
        {"type": "resource", "resource": [shot]},
    ]
    found = output_of(parts, None)
    assert found["images"] == [{"content_base64": shot}]
    assert found["text"].split("\n")[:3] == [
        "[resource a://b]",
        "[image 640x480 png]",
        "[resource a://c, image/png, 9 bytes]",
    ]


def test_lines_are_whole_or_told_to_be_too_long_however_they_come() -> None:
    lines: list[bytes] = []
    overlong: list[int | None] = []
    whole = BoundedLines(100, lines.append, overlong.append)
    first = b'{"jsonrpc":"2.0","id":7,"result":"' + b"x" * 500 + b'"}\n'
    last = b'{"result":"' + b"x" * 500 + b'","jsonrpc":"2.0","id":12}\n'
    neither = b"x" * 1_000 + b"\n"
    data = b"one\n\n" + first + b"two\n" + last + neither + b"three\nrest"
    for start in range(0, len(data), 7):
        whole.feed(data[start : start + 7])
    assert lines == [b"one", b"two", b"three"]
    assert overlong == [7, 12, None]
    at_once: list[bytes] = []
    BoundedLines(100, at_once.append, overlong.append).feed(data)
    assert at_once == lines


def test_no_server_takes_the_names_of_built_in_tools_nor_of_flows_as_tools() -> None:
    first = {spec.name.partition(".")[0] for spec in builtin_registry().specs()}
    assert first | {FLOW_PREFIX.removesuffix(".")} == RESERVED


@pytest.mark.parametrize(
    "server",
    [
        {},
        {"command": ["a"], "url": "https://a.example/mcp"},
        {"command": [" "]},
        {"command": ["a\nb"]},
        {"command": ["a"], "env": {"VASINI_HOME": "/"}},
        {"command": ["a"], "headers": {"X-Key": "1"}},
        {"url": "https://a.example/mcp", "env": {"A": "1"}},
        {"url": "ftp://a.example/mcp"},
        {"url": "https://[::1"},
        {"url": "https:///mcp"},
        {"url": "https://a.example:0/mcp"},
        {"url": "https://a.example/mcp#part"},
        {"url": "https://a.example/m\u00fcp"},
        {"url": "https://a.example/m p"},
        {"url": "https://a.example/m\x7fp"},
        {"url": "https://a.example/mcp", "headers": {"X Key": "1"}},
        {"url": "https://a.example/mcp", "network": True},
        {"command": ["a"], "env": {"1A": "1"}},
        {"command": ["a"], "reads": ["relative"]},
        {"command": ["a"], "start_seconds": 0},
        {"command": ["a"], "start_seconds": 601},
        {"url": "https://ann:word@a.example/mcp"},
        {"url": "http://a.example/mcp", "headers": {"Authorization": {"$secret": "key"}}},
        {"command": ["a"], "env": {"A": {"$secret": "Not A Name"}}},
    ],
)
def test_a_server_that_cannot_be_is_refused(server: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        McpSettings.model_validate({"servers": {"one": server}})


@pytest.mark.parametrize(
    "server",
    [
        {"command": ["a"], "env": {"A_1": {"$secret": "key"}}, "reads": ["/a"], "network": True},
        {"command": ["a"], "start_seconds": 600},
        {"url": "http://localhost:8080/mcp", "headers": {"Authorization": {"$secret": "key"}}},
        {"url": "http://[::1]/mcp?a=b", "headers": {"X-Key-1": "1"}},
        {"url": "https://a.example/mcp", "headers": {"Authorization": {"$secret": "key"}}},
        {"url": "http://a.example/mcp"},
    ],
)
def test_a_server_that_can_be_is_taken(server: dict[str, Any]) -> None:
    assert McpSettings.model_validate({"servers": {"one": server}}).servers.keys() == {"one"}


def test_names_of_servers_are_beginnings_of_names_of_tools() -> None:
    for name in ("files", "One", "a.b", "a-b", ""):
        with pytest.raises(ValidationError):
            McpSettings.model_validate({"servers": {name: {"command": ["a"]}}})
