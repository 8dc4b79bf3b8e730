"""DBOS Transact on SQLite, with its default settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbos import DBOS, SetWorkflowID

from benchmarks.runs.command import main
from benchmarks.runs.subject import Subject

if TYPE_CHECKING:
    from pathlib import Path

_parked: set[str] = set()
"""Workflows reach their subject through the module: DBOS knows them by name only."""


@DBOS.step()
async def echo(i: int) -> dict[str, int]:
    return {"i": i}


@DBOS.workflow()
async def five_steps() -> dict[str, int]:
    result = {}
    for i in range(5):
        result = await echo(i)
    return result


@DBOS.workflow()
async def with_approval(key: str) -> dict[str, int]:
    await echo(0)
    _parked.add(key)
    approved = await DBOS.recv_async("ok", timeout_seconds=36_000)
    assert approved
    return await echo(1)


class DbosSubject(Subject):
    """Runs are workflows; a restarted process recovers the pending ones by itself."""

    name = "dbos"

    @property
    def database(self) -> Path:
        return self.directory / "dbos.sqlite"

    async def open(self) -> None:
        self._handles: dict[str, Any] = {}
        self.parked = _parked
        config: Any = {
            "name": "bench",
            "system_database_url": f"sqlite:///{self.database}",
            "run_admin_server": False,
            "enable_otlp": False,
            "log_level": "ERROR",
            "application_version": "v1",
            "executor_id": "local",
        }
        DBOS(config=config)
        DBOS.launch()
        self.stack.callback(DBOS.destroy, workflow_completion_timeout_sec=0)

    async def run_w1(self, key: str) -> None:
        with SetWorkflowID(f"w1-{key}"):
            handle = await DBOS.start_workflow_async(five_steps)
        assert (await handle.get_result())["i"] == 4

    async def start_w2(self, key: str) -> str:
        with SetWorkflowID(key):
            self._handles[key] = await DBOS.start_workflow_async(with_approval, key)
        return key

    async def approve(self, handle: str) -> None:
        await DBOS.send_async(handle, True, "ok")

    async def wait(self, handle: str) -> None:
        known = self._handles.get(handle) or await DBOS.retrieve_workflow_async(handle)
        await known.get_result()

    async def list_parked(self) -> list[str]:
        pending = await DBOS.list_workflows_async(status="PENDING", limit=10_000)
        return [workflow.workflow_id for workflow in pending if workflow.workflow_id in self.parked]


if __name__ == "__main__":
    main(DbosSubject, "benchmarks.peers.dbos_bench")
