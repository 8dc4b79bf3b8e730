"""The ways to tell people: each raises NotSent when it could not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import html
import importlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.contracts.notice import NoticeKind
from engine.contracts.status import Risk
from engine.errors import ErrorCode, VasiniError
from engine.safe_text import sanitize
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.notice import Notice
    from vasini_tui.settings.loading import LoadedSettings
    from vasini_tui.settings.seldom_asked import NotifySettings

SECONDS = 30.0
"""How long one way may take."""
_KEY_BEGINS = "whsec_"
_TAKEN = 2
"""Hundreds of a status."""
_RISKS = list(Risk)
Channel = Callable[["Notice"], Awaitable[None]]


class NotSent(Exception):
    """Words for the log, and for `vasini notify test`."""


def channels(loaded: LoadedSettings) -> dict[str, Channel]:
    """The ways that the settings name, by their names."""
    settings = loaded.values.notify
    found: dict[str, Channel] = {}
    if settings.command:
        found["command"] = lambda notice: by_command(settings.command, notice)
    if settings.webhook:
        secret = loaded.values.secrets.get(settings.webhook_secret)
        key = signing_key(secret.get_secret_value()) if secret is not None else None
        url = settings.webhook
        found["webhook"] = lambda notice: by_webhook(url, key, notice)
    if settings.desktop:
        found["desktop"] = by_desktop
    return found


def wanted_channels(loaded: LoadedSettings) -> dict[str, Channel]:
    """The same ways; each is told what the settings want told."""
    settings = loaded.values.notify

    def filtered(way: Channel) -> Channel:
        async def tell(notice: Notice) -> None:
            if is_wanted(settings, notice):
                await way(notice)

        return tell

    return {name: filtered(way) for name, way in channels(loaded).items()}


def is_wanted(settings: NotifySettings, notice: Notice) -> bool:
    """Whether the settings want it told: by its kind, and of an approval by its risk."""
    if notice.kind is NoticeKind.OUTCOME:
        return NoticeKind.APPROVAL.value in settings.kinds  # as it stands in the list of approvals
    if notice.kind.value not in settings.kinds:
        return False
    return notice.risk is None or _RISKS.index(notice.risk) >= _RISKS.index(settings.risk)


async def by_command(argv: Sequence[str], notice: Notice, *, seconds: float = SECONDS) -> None:
    """Start a command with the notice as JSON on its standard input; status 0 says that it was told.

    One that has not ended in time is killed with all that it started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            process_group=0,
        )
    except OSError as error:
        raise NotSent(f"the command {argv[0]} cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(json_text(notice.model_dump(mode="json")).encode())
    except TimeoutError as error:
        raise NotSent(f"the command {argv[0]} did not end within {seconds:g} s") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise NotSent(f"the command {argv[0]} ended with status {process.returncode}")


async def by_desktop(notice: Notice) -> None:
    """A notification of the desktop, by `notify-send`. Its text is only text: no markup, no escapes."""
    where = " · ".join(filter(None, (f"{notice.pack}/{notice.flow}" if notice.pack else "", notice.subject)))
    lines = sanitize(f"{notice.text}\n{where}".strip(), multiline=True, limit=500)
    urgency = "critical" if notice.risk in {Risk.HIGH, Risk.CRITICAL} else "normal"
    title = sanitize(f"vasini: {notice.title}", limit=200)
    # notify-send undoes backslash escapes in the text but not in the title, and desktops draw its markup
    text = html.escape(lines, quote=False).replace("\\", "\\\\")
    await by_command(("notify-send", "--app-name=vasini", f"--urgency={urgency}", "--", title, text), notice)


async def by_webhook(url: str, key: bytes | None, notice: Notice, *, seconds: float = SECONDS) -> None:
    """POST the notice as JSON, signed as Standard Webhooks say; a status 2xx says that it was taken.

    What the server says beside it is not read.
    """
    # it costs more than 100 ms to import; only who has a webhook pays for it
    httpx = await asyncio.to_thread(importlib.import_module, "httpx")
    content = {"type": f"vasini.{notice.kind}", "timestamp": notice.model_dump(mode="json")["ts"]}
    body = json_text({**content, "data": notice.model_dump(mode="json")}).encode()
    headers = {"content-type": "application/json", **signed(notice.id, int(time.time()), body, key)}
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(trust_env=False, timeout=seconds) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status: int = answer.status_code
    except TimeoutError as error:
        raise NotSent(f"the webhook did not answer within {seconds:g} s") from error
    except httpx.HTTPError as error:
        raise NotSent(f"the webhook cannot be reached: {error or type(error).__name__}") from error
    if status // 100 != _TAKEN:
        raise NotSent(f"the webhook answered {status}")


def signed(message_id: str, timestamp: int, body: bytes, key: bytes | None) -> dict[str, str]:
    """The headers `webhook-id`, `webhook-timestamp` and, with a key, `webhook-signature` (v1)."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if key is None:
        return headers
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {**headers, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def signing_key(secret: str) -> bytes:
    """The key of `whsec_` and base64; any other text is the key itself. Raises VasiniError."""
    if not secret.startswith(_KEY_BEGINS):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_KEY_BEGINS), validate=True)
    except ValueError:
        words = "the secret that signs the webhook is not base64 after whsec_"
        raise VasiniError(ErrorCode.CONFIG_INVALID, words) from None
