from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.packs.shipped.access_log_corpus import CORPUS, Log

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.engine.packs.conftest import LoadTools


@pytest.fixture
def tools(load_tools: LoadTools) -> ModuleType:
    return load_tools("log-triage")


@pytest.mark.parametrize("log", [log for log in CORPUS if not log.stops], ids=lambda log: log.name)
def test_the_triage_is_right(tools: ModuleType, tmp_path: Path, log: Log) -> None:
    (tmp_path / "access.log").write_bytes(log.content)
    result = tools.analyze(str(tmp_path / "access.log"), list(log.proxies))
    proposal = tools.propose_blocklist(result["suspicious"], list(log.allow))
    assert set(proposal["clients"]) == log.blocked
    assert {words.rpartition(": ")[0].partition(": ")[0] for words in proposal["not_proposed"]} >= {
        name.partition(": ")[0] for name in log.named
    }
    assert len(proposal["not_proposed"]) == len(log.named)
    assert {row["target"] for row in result["got"] if not row["everywhere"]} == log.got
    assert log.clients <= {row["client"] for row in result["top_clients"]}
    assert result["severity"] == log.severity, result["findings"]
    assert result["timeless_lines"] == log.timeless
    assert bool(result["histogram"]) is (log.timeless == 0)


@pytest.mark.parametrize("log", [log for log in CORPUS if log.stops], ids=lambda log: log.name)
def test_a_file_that_was_not_understood_stops_the_run(tools: ModuleType, tmp_path: Path, log: Log) -> None:
    (tmp_path / "access.log").write_bytes(log.content)
    with pytest.raises(ValueError, match=log.stops):
        tools.analyze(str(tmp_path / "access.log"))
