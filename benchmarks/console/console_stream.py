"""The console while five agents speak at once: keys, and how old the newest text on the screen is.

    python -m benchmarks.console.console_stream [--seconds 20]

A loopback server drips 200 tokens a second into each answer; the console on its pty works the runs itself and
shows the output of one of them, then its conversation. What a person would have seen is worked out
afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks.console.console_bench import (
    CONSOLE,
    SIZE,
    Figure,
    finish,
    key_latencies,
    start,
    type_filter,
    vasini,
)
from benchmarks.figures import percentile
from tests.system.terminals.terminal import Seen, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 5
A_SECOND = 200
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
_WORDS_A_LINE = 12
_LONGEST = 500.0
"""Seconds that an answer goes on: longer than this measures, however slow the machine."""


class Dripping:
    """Answers with a token every 5 ms for so long; `sent` are (when, which) by answer."""

    def __init__(self, seconds: float) -> None:
        self.sent: dict[int, list[tuple[float, int]]] = {}
        self.url = ""
        self._seconds = seconds

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One answer."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        number = len(self.sent)
        sent = self.sent[number] = []
        writer.write(_HEAD)
        begun = time.perf_counter()
        with suppress(ConnectionError):
            for token in range(round(self._seconds * A_SECOND)):
                end = "\n" if token % _WORDS_A_LINE == 0 else " "
                self._write(writer, {"content": f"r{number}n{token}{end}"})
                await writer.drain()
                sent.append((time.perf_counter(), token))
                await asyncio.sleep(max(0.0, begun + (token + 1) / A_SECOND - time.perf_counter()))
            self._write(writer, {}, "stop")
            writer.write(b"data: [DONE]\n\n")
            await writer.drain()
        writer.close()

    @staticmethod
    def _write(writer: asyncio.StreamWriter, delta: dict[str, str], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        writer.write(f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\n".encode())


@contextmanager
def serving(seconds: float) -> Iterator[Dripping]:
    """A server in a thread of its own."""
    dripping, loop, ready = Dripping(seconds), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(dripping.answer, "127.0.0.1", 0)
        dripping.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()

    def work() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    yield dripping
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def newest_lags(
    terminal: Terminal, sent: dict[int, list[tuple[float, int]]], begin: float, until: float
) -> list[float]:
    """For every token of the run that is shown: how many milliseconds later one at least as new was there."""
    seen, shown, which = Seen(SIZE), [], 0
    for at, data in terminal.chunks:
        seen.feed(data)
        found = [(int(run), int(token)) for run, token in re.findall(r"r(\d)n(\d+)", seen.text)]
        if found and begin <= at <= until:
            which = found[-1][0]
            shown.append((at, max(token for run, token in found if run == which)))
    end = shown[-1][0]
    lags, place = [], 0
    for moment, token in sent[which]:
        at = moment - terminal.started
        if not begin <= at <= end - 1:
            continue
        while place < len(shown) and shown[place][1] < token:
            place += 1
        lags.append((shown[place][0] - at) * 1e3 if place < len(shown) else float("inf"))
    return lags


def measure(place: Path, seconds: float) -> list[Figure]:
    """The bars of the pane Output, then those of the conversation."""
    home = place / "home"
    home.mkdir()
    with serving(_LONGEST) as server:
        named = {"drip": {"provider": "openai", "model": "m", "base_url": server.url, "api_key": ""}}
        (home / "config.yaml").write_text(yaml.safe_dump({"models": {"default": "drip", "named": named}}))
        (home / "config.yaml").chmod(0o600)
        for _ in range(RUNS):
            vasini(home, "run", "senior-python-dev/ask", "--set", "message=go")
        terminal = start(CONSOLE, home)
        try:
            terminal.until(lambda: len(server.sent) == RUNS, "all models speak")
            terminal.shows("senior-pyt")
            keys, _ = type_filter(terminal, seconds)
            terminal.press("escape")
            terminal.shows("senior-pyt")
            terminal.press("enter")
            terminal.shows("Timeline")
            terminal.press("tab")
            terminal.press("tab")
            terminal.until(lambda: b"r0n" in terminal.raw or b"n1" in terminal.raw, "text of a model")
            begin = time.perf_counter() - terminal.started + 1
            time.sleep(seconds)
            ended = time.perf_counter() - terminal.started
            terminal.press("T")
            terminal.shows("agent talk")
            began = time.perf_counter() - terminal.started + 1
            time.sleep(seconds + 2)
            typed, _ = type_filter(terminal, seconds)
            time.sleep(1)
        finally:
            finish(terminal)
    figures = []
    for part, pressed, since, until in (
        ("", keys, begin, ended),
        (" conversation,", typed, began, typed[0][0]),
    ):
        name = f"7 at {A_SECOND} tokens/s x {RUNS} runs,{part}"
        lags = newest_lags(terminal, server.sent, since, until)
        figures += _figures(name, key_latencies(terminal, pressed), lags)
    return figures


def _figures(name: str, latencies: list[float | None], lags: list[float]) -> list[Figure]:
    missed = sum(late is None for late in latencies)
    key = percentile([late for late in latencies if late is not None], 0.95)
    newest = percentile(lags, 0.95)
    return [
        Figure(f"{name} missed keys, 0", missed, None, missed == 0),
        Figure(f"{name} key p95, ms, <= 50", key, None, key <= 50),
        Figure(f"{name} newest text on screen, p95 ms, <= 200", newest, None, newest <= 200),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="console-stream-") as place:
        for one in measure(Path(place), options.seconds):
            print(f"| {one.bar} | {one.value:.4g} | {'held' if one.held else 'missed'} |", flush=True)


if __name__ == "__main__":
    main()
