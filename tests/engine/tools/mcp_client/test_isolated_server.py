"""What a server that is to be isolated sees: its name for the level is not enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.tools.mcp_client.conftest import LOOPBACK, bench, declared

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_isolated_server_sees_its_folder_and_little_else(root: Path) -> None:
    shared, hidden = root / "shared", root / "shared" / "hidden"
    hidden.mkdir(parents=True)
    (hidden / "journal").touch()
    other = root / "mcp" / "other"
    other.mkdir(parents=True)
    server = declared(sandbox="isolated", reads=(LOOPBACK.parent,), writes=(shared,))
    async with bench(root, server, hidden_roots=(hidden,)) as loop:

        async def seen(**where: str) -> Any:
            looked = await loop.call("loop.look", where, sandbox="isolated")
            if looked.error is not None:
                pytest.fail(looked.error.message)
            assert looked.meta.sandbox == "isolated"
            return looked.data["text"]

        assert await seen(path=str(loop.folder)) == "may write pids"
        assert await seen(path=str(shared)) == "may write hidden"
        assert "journal" not in await seen(path=str(hidden))
        assert await seen(path=str(LOOPBACK.parent)) == "OSError", "what it may read it may not write"
        for place in (loop.records, other):
            assert await seen(path=str(place)) == "FileNotFoundError"
        assert await seen() == "lo", "and no network"
