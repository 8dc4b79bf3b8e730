"""Flows against published MCP servers: `make published-mcp`. Not part of the tests: it fetches them by npm.

Every flow of docs/examples/mcp is run, with the servers that npm has put into `.published`; then a server is
killed in a call. Ends with a line for each, and with status 1 when something did not hold.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from engine.config import EngineConfig, Rules
from engine.contracts.actor import Actor
from engine.contracts.status import RunStatus
from engine.runtime.embedded.engine import open_engine
from engine.tools.mcp.settings import McpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.engine import Engine

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "mcp"
FETCHED = ROOT / ".published"
WORDS = "@modelcontextprotocol/server-"
NAMES = ("everything", "filesystem", "memory")
PLACE = "/tmp/vasini-mcp"
ANN = Actor(name="ann", via="cli")
PACK = "mcp-tour"


def fetch() -> None:
    """The servers, by the ordinary client."""
    FETCHED.mkdir(exist_ok=True)
    packages = [f"{WORDS}{name}" for name in NAMES]
    npm = shutil.which("npm") or sys.exit("npm is not there")
    subprocess.run(
        [npm, "install", "--prefix", str(FETCHED), "--no-audit", "--no-fund", "--silent", *packages],
        check=True,
    )


def servers(place: Path, **more: Any) -> dict[str, McpServer]:
    """As the example declares them, but fetched, and with `place` for its folder."""
    text = (EXAMPLE / "config.yaml").read_text().replace(PLACE, str(place))
    declared = yaml.safe_load(text)["tools"]["mcp"]["servers"]
    programs = FETCHED / "node_modules" / ".bin"
    return {
        name: McpServer.model_validate(
            {**server, **more, "command": [str(programs / f"mcp-server-{name}"), *server["command"][3:]]}
        )
        for name, server in declared.items()
    }


@asynccontextmanager
async def working(root: Path, **more: Any) -> AsyncIterator[Engine]:
    """An engine with the example's pack."""
    place = root / "place"
    place.mkdir(exist_ok=True)
    packs = root / "packs"
    shutil.copytree(EXAMPLE / PACK, packs / PACK, dirs_exist_ok=True)
    for flow in (packs / PACK / "flows").glob("*.yaml"):
        flow.write_text(flow.read_text().replace(PLACE, str(place)))
    (root / "data").mkdir(exist_ok=True)
    config = EngineConfig(
        data_dir=root / "data",
        runs_dir=root / "runs",
        cache_dir=root / "cache",
        home_packs=packs,
        rules=Rules(mcp=servers(place, **more)),
    )
    async with open_engine(config) as engine, engine.work():
        yield engine


async def run(engine: Engine, flow: str) -> tuple[str, bool]:
    """A flow to its end; whoever asks is told yes. What its steps brought, and whether it completed."""
    run_id = (await engine.runs.start(PACK, flow, {}, actor=ANN)).run_id
    asked: list[str] = []
    while (view := await engine.runs.wait(run_id)).status is RunStatus.PENDING_HUMAN:
        for card in (await engine.requests.approvals(run_id=run_id)).items:
            asked.append(card.title)
            await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
    told: list[str] = []
    for step in (await engine.runs.steps(run_id)).items:
        full = await engine.runs.step(run_id, step.step_id)
        words = full.error.message if full.error else full.output
        words = words.get("text", words) if isinstance(words, dict) else words
        told.append(f"  {step.step_id}: {step.status}: {str(words)[:110]!r}")
    told.append(f"  asked about: {', '.join(asked) or 'nothing'}")
    return "\n".join(told), view.status is RunStatus.COMPLETED


def node_processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children(recursive=True) if "node" in each.name()]


async def killed(engine: Engine) -> tuple[str, bool]:
    """The server's process is killed in a call: the step fails with words, the next run starts it again."""
    started = await engine.runs.start(PACK, "everything", {}, actor=ANN)
    while not node_processes():  # noqa: ASYNC110 - the system does not say when
        await asyncio.sleep(0.05)
    for process in node_processes():
        process.send_signal(signal.SIGKILL)
    view = await engine.runs.wait(started.run_id)
    _, again = await run(engine, "everything")
    words = view.error.message[:160] if view.error else "it was over before"
    return f"  {view.status}: {words}\n  run again: {'completed' if again else 'failed'}", again


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


async def main() -> int:
    """Everything; the status to end with."""
    fetch()
    good = True
    with tempfile.TemporaryDirectory(prefix="published-mcp-") as name:
        for level, more in (("process", {}), ("isolated", {"sandbox": "isolated", "reads": [str(FETCHED)]})):
            root = Path(name) / level
            root.mkdir()
            if more:
                more |= {"writes": [str(root / "place")]}
            async with working(root, **more) as engine:
                for flow in ("everything", "memory", "filesystem", "agent"):
                    told, ended = await run(engine, flow)
                    say(f"{level} {flow}: {'ok' if ended else 'FAILED'}\n{told}")
                    good = good and ended
                told, ended = await killed(engine)
                say(f"{level} killed: {'ok' if ended else 'FAILED'}\n{told}")
                good = good and ended
    left = psutil.Process().children(recursive=True)
    say(f"processes left: {len(left)}")
    return 0 if good and not left else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
