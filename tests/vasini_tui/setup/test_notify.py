"""The ways to tell people, and `vasini notify test`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING

import pytest

from engine.contracts.notice import Notice, NoticeKind
from engine.contracts.status import Risk
from engine.errors import VasiniError
from tests.engine.tools.isolation.alive import ended
from tests.fakes.views import NOW
from tests.patience import PATIENCE
from vasini_tui.exit_codes import ExitCode
from vasini_tui.notify.channels import (
    NotSent,
    by_command,
    by_desktop,
    by_webhook,
    is_wanted,
    signed,
    signing_key,
)
from vasini_tui.settings.seldom_asked import NotifySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.vasini_tui.conftest import Vasini

NOTICE = Notice(id="msg_7", kind=NoticeKind.APPROVAL, ts=NOW, title="Go?", risk=Risk.MEDIUM, run_id="run-1")


async def test_a_command_finds_the_notice_on_its_standard_input(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    await by_command(("sh", "-c", f"cat > {kept}"), NOTICE)
    told = json.loads(await asyncio.to_thread(kept.read_text))
    assert (told["id"], told["kind"], told["title"], told["risk"]) == ("msg_7", "approval", "Go?", "medium")


@pytest.mark.parametrize(
    ("argv", "words"),
    [(("sh", "-c", "exit 3"), "status 3"), (("no-such-command-here",), "cannot be started")],
)
async def test_a_command_that_fails_has_told_nobody(argv: tuple[str, ...], words: str) -> None:
    with pytest.raises(NotSent, match=words):
        await by_command(argv, NOTICE)


async def test_a_command_that_is_not_waited_for_any_more_is_killed_with_what_it_started(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "pid"
    hanging = f"trap '' TERM; sleep 600 & echo $! > {kept}.new; mv {kept}.new {kept}; wait"
    telling = asyncio.create_task(by_command(("sh", "-c", hanging), NOTICE, seconds=PATIENCE))
    await until_written(kept)
    telling.cancel()
    await asyncio.wait({telling})
    await asyncio.to_thread(ended, int(await asyncio.to_thread(kept.read_text)))


async def until_written(kept: Path) -> None:
    while not await asyncio.to_thread(kept.exists):  # noqa: ASYNC110 - another program writes it
        await asyncio.sleep(0.02)


async def test_a_command_that_does_not_end_in_time_has_told_nobody() -> None:
    with pytest.raises(NotSent, match=r"did not end within 0\.1 s"):
        await by_command(("sleep", "600"), NOTICE, seconds=0.1)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nx: y\r\n"])
async def test_a_webhook_that_never_answers_whole_was_not_told(said: bytes) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError), closing(writer):
            writer.write(said)
            while not writer.is_closing():
                writer.write(b"x: y\r\n" if said else b"")
                await writer.drain()
                await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        with pytest.raises(NotSent, match=r"did not answer within|cannot be reached"):
            await by_webhook(url, None, NOTICE, seconds=0.5)


async def test_what_a_webhook_says_without_an_end_is_not_read() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        with suppress(OSError), closing(writer):
            while not writer.is_closing():
                writer.write(b"x" * 65_536)
                await writer.drain()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        await by_webhook(url, None, NOTICE)


@asynccontextmanager
async def hook(status: int) -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server on this machine that answers every POST with a status, and keeps what came."""
    came: list[tuple[dict[str, str], bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        came.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", came


async def test_a_webhook_gets_the_notice_signed(tmp_path: Path) -> None:
    key = b"k" * 24
    async with hook(204) as (url, came):
        await by_webhook(url, key, NOTICE)
    ((headers, body),) = came
    assert json.loads(body)["type"] == "vasini.approval"
    assert json.loads(body)["data"]["run_id"] == "run-1"
    content = f"msg_7.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert (headers["webhook-id"], headers["webhook-signature"]) == ("msg_7", f"v1,{digest}")


async def test_a_webhook_that_says_no_was_not_told() -> None:
    async with hook(500) as (url, _):
        with pytest.raises(NotSent, match="500"):
            await by_webhook(url, None, NOTICE)
    with pytest.raises(NotSent, match="cannot be reached"):
        await by_webhook(url, None, NOTICE)


def test_the_signature_is_that_of_the_standard_s_own_example() -> None:
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, key)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert "webhook-signature" not in signed("m", 1, body, None)
    assert signing_key("plain") == b"plain"
    with pytest.raises(VasiniError):
        signing_key("whsec_***")


def test_settings_choose_by_kind_and_risk() -> None:
    high = NotifySettings(kinds=("approval",), risk=Risk.HIGH)
    assert not is_wanted(high, NOTICE)
    assert is_wanted(high, NOTICE.model_copy(update={"risk": Risk.CRITICAL}))
    assert is_wanted(high, NOTICE.model_copy(update={"kind": NoticeKind.OUTCOME, "risk": None}))
    assert not is_wanted(high, NOTICE.model_copy(update={"kind": NoticeKind.FORM, "risk": None}))


@pytest.mark.parametrize("url", ["http://example.org/x", "ftp://example.org", "https://"])
def test_a_webhook_is_https(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        NotifySettings(webhook=url)


def test_nobody_is_told_until_a_way_is_set(vasini: Vasini) -> None:
    outcome = vasini("notify", "test", "--json")
    assert outcome.status == ExitCode.USAGE
    assert "notify.webhook" in outcome.error["message"]


def test_notify_test_tries_every_way(vasini: Vasini, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    monkeypatch.setenv("VASINI_NOTIFY__COMMAND", json.dumps(["sh", "-c", f"cat > {kept}"]))
    outcome = vasini("notify", "test", "--json")
    assert (outcome.status, outcome.document["told"]) == (ExitCode.OK, ["command"])
    assert json.loads(kept.read_text())["kind"] == "test"
    monkeypatch.setenv("VASINI_NOTIFY__COMMAND", json.dumps(["false"]))
    outcome = vasini("notify", "test")
    assert (outcome.status, "status 1" in outcome.stdout) == (ExitCode.UNAVAILABLE, True)


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `notify-send` that keeps the arguments of each call in a file of its own."""
    programs, kept = tmp_path / "programs", tmp_path / "kept"
    programs.mkdir()
    kept.mkdir()
    program = programs / "notify-send"
    program.write_text(f'#!/bin/sh\nfor word in "$@"; do printf \'%s\\0\' "$word"; done > {kept}/$$\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return kept


def shown(kept: Path) -> list[str]:
    """The arguments of the only call."""
    (call,) = kept.iterdir()
    return call.read_text().split("\0")[:-1]


@pytest.mark.parametrize(
    ("risk", "urgency"), [(None, "normal"), (Risk.MEDIUM, "normal"), (Risk.HIGH, "critical")]
)
async def test_the_desktop_shows_title_text_flow_and_subject(
    desktop: Path, risk: Risk | None, urgency: str
) -> None:
    more = {"risk": risk, "text": "writes a file", "pack": "hello", "flow": "greet", "subject": "nightly"}
    await by_desktop(NOTICE.model_copy(update=more))
    assert shown(desktop) == [
        "--app-name=vasini",
        f"--urgency={urgency}",
        "--",
        "vasini: Go?",
        "writes a file\nhello/greet · nightly",
    ]


@pytest.mark.parametrize(
    ("title", "text", "shown_title", "shown_text"),
    [
        ("--help", "-u low", "vasini: --help", "-u low"),
        ("$(touch x); `id` 'a' \"b\"", "$HOME", "vasini: $(touch x); `id` 'a' \"b\"", "$HOME"),
        ("a\x1b[2J\nb", "c\x07\u202ed", "vasini: a␛[2J⏎b", "c␇⟨U+202E⟩d"),
        ("<b>x</b>", "<a href='h'>&</a>", "vasini: <b>x</b>", "&lt;a href='h'&gt;&amp;&lt;/a&gt;"),
        ("\\n", "\\342\\200\\256 \\n", "vasini: \\n", "\\\\342\\\\200\\\\256 \\\\n"),
    ],
    ids=["options", "shell", "terminal", "markup", "escapes"],
)
async def test_no_text_of_a_run_acts_on_the_desktop(
    desktop: Path, title: str, text: str, shown_title: str, shown_text: str
) -> None:
    await by_desktop(NOTICE.model_copy(update={"title": title, "text": text}))
    assert shown(desktop)[2:] == ["--", shown_title, shown_text]


async def test_a_text_that_is_long_is_cut_for_the_desktop(desktop: Path) -> None:
    await by_desktop(NOTICE.model_copy(update={"title": "t" * 5_000, "text": "x" * 5_000}))
    *_, title, text = shown(desktop)
    assert (len(title) < 250, len(text) < 600) == (True, True)


def test_notify_test_shows_something_on_the_desktop(
    vasini: Vasini, monkeypatch: pytest.MonkeyPatch, desktop: Path
) -> None:
    monkeypatch.setenv("VASINI_NOTIFY__DESKTOP", "true")
    outcome = vasini("notify", "test", "--json")
    assert (outcome.status, outcome.document["told"]) == (ExitCode.OK, ["desktop"])
    assert shown(desktop)[3] == "vasini: A test of notices"


def test_a_machine_without_a_desktop_says_what_is_missing(
    vasini: Vasini, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VASINI_NOTIFY__DESKTOP", "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = vasini("notify", "test", "--json")
    assert outcome.status == ExitCode.UNAVAILABLE
    assert "notify-send cannot be started" in outcome.document["failed"]["desktop"]
