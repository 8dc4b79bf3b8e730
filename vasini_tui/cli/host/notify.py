"""`vasini notify test`: whether people are reached as the settings say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.contracts.notice import Notice, NoticeKind
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def try_out(as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """Send one notice by every way that the settings name, now."""
    return Invocation(_test, as_json, act_as)


async def _test(session: Session) -> int:
    from vasini_tui.notify.channels import NotSent, channels  # noqa: PLC0415 - no other command needs it

    ways = channels(session.loaded)
    if not ways:
        raise UsageError("nobody is told: set notify.command, notify.webhook or notify.desktop")
    now = datetime.now(UTC)
    notice = Notice(
        id=f"msg_test_{int(now.timestamp())}",
        kind=NoticeKind.TEST,
        ts=now,
        title="A test of notices",
        text=f"{session.actor.name} tries whether notices arrive.",
    )
    failures: dict[str, str] = {}
    for name, way in ways.items():
        try:
            await way(notice)
        except NotSent as error:
            failures[name] = str(error)
    if session.out.as_json:
        told = [name for name in ways if name not in failures]
        session.out.document({"id": notice.id, "told": told, "failed": failures})
    else:
        for name in ways:
            session.out.line(f"{name}  {failures.get(name, 'told')}")
    return ExitCode.UNAVAILABLE if failures else ExitCode.OK
