"""What a server listed is read by other processes, as it is declared now and as far as it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.tools.mcp.connection import Connection
from engine.tools.mcp.records import keep, record_of, views
from engine.tools.mcp.settings import McpServer
from engine.tools.mcp.transport import Surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from engine.tools.context import ToolLimits
    from engine.tools.mcp.records import ServerRecord

SERVER = McpServer(command=("server",), trusted=True)


async def no_limits(*_: Any) -> ToolLimits:
    raise AssertionError


async def nobody(_: Connection) -> None: ...


def record(folder: Path, name: str = "one", error: str = "", settings: McpServer = SERVER) -> ServerRecord:
    """Of a server that was asked, and failed where it has an error."""
    around = Surroundings(folder, no_limits, {}, 1_000)
    connection = Connection(name, settings, around, nobody)
    connection.error, connection.program = error, "loopback 1.0"
    return record_of(connection)


def test_what_was_kept_is_seen_of_each_declared_server_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    keep(folder, record(tmp_path, "two", error="no such program"))
    keep(folder, record(tmp_path))
    seen = views(folder, {"two": SERVER, "three": SERVER, "one": SERVER})
    assert [(view.server, view.state, view.error) for view in seen] == [
        ("one", "ready", ""),
        ("three", "unasked", ""),
        ("two", "failed", "no such program"),
    ]
    assert {view.trusted for view in seen} == {True}
    assert [view.program for view in seen] == ["loopback 1.0", "", "loopback 1.0"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_was_listed_under_other_settings_or_by_another_server_is_not_known(tmp_path: Path) -> None:
    keep(tmp_path, record(tmp_path))
    (tmp_path / "two.json").write_bytes((tmp_path / "one.json").read_bytes())
    changed = SERVER.model_copy(update={"trusted": False})
    one, two = views(tmp_path, {"one": changed, "two": SERVER})
    assert (one.state, one.trusted, two.state) == ("unasked", False, "unasked")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"server": "one"}', b"\xff", b"[" * 100_000], ids=range(6)
)
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.json").write_bytes(content)
    (seen,) = views(tmp_path, {"one": SERVER})
    assert seen.state == "unasked"


def test_a_record_that_is_larger_than_any_listing_is_not_read(tmp_path: Path) -> None:
    keep(tmp_path, record(tmp_path))
    with (tmp_path / "one.json").open("r+b") as file:
        content = file.read()
        file.truncate(64 * 1024 * 1024 + 1)  # a hole: it takes no room
        file.seek(len(content))
        file.write(b" ")
    (seen,) = views(tmp_path, {"one": SERVER})
    assert seen.state == "unasked"
