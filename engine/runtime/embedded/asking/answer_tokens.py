"""Tokens that answer one form once: told when they are made, kept as a digest, bound to it, for a time."""

from __future__ import annotations

import base64
import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

from engine.contracts.runs.request import AnswerToken
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import RequestStatus
from engine.contracts.times import from_micros, rfc3339, told_time
from engine.errors import ErrorCode, InvalidInput, Refused
from engine.journal.encoding import decode
from engine.journal.rules.request_rules import expired, is_past, refuse_closed, refuse_past_limit
from engine.machine.events.request_facts import AnswerTokenIssued
from engine.values import digest_of

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from engine.journal.port import Journal
    from engine.journal.rows import RequestViewRow
    from engine.runtime.clock import Clock

PREFIX = "vat_"
DEFAULT_SECONDS = 24 * 3600.0
MAX_SECONDS = 31 * 24 * 3600.0


async def issue_token(
    journal: Journal, clock: Clock, row: RequestViewRow, actor: Actor, seconds: float
) -> AnswerToken:
    """A new token for the form of `row`; those made before are void.

    Raises AlreadyDecided, Refused (`request_expired`, `request_withdrawn`), InvalidInput for another time.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise InvalidInput(f"a token is good for up to {MAX_SECONDS / 86_400:g} days", {"seconds": seconds})
    now = clock.now()
    refuse_closed(row)
    if is_past(row, now):
        raise expired(row)
    around = row.get("around")
    refuse_past_limit(row, around, now)
    request_id, digest = row["request_id"], _form_digest(row)
    token = PREFIX + base64.b32encode(secrets.token_bytes(25)).decode().lower()
    ends = (now + round(seconds * 1_000_000), row["expires_at"], around.due if around is not None else None)
    until = min(end for end in ends if end is not None)
    fact = AnswerTokenIssued(request_id, _token_digest(token, request_id, digest), digest, until)
    if not await journal.note(request_id, fact, actor.name, actor.via, now):
        raise Refused(
            ErrorCode.REQUEST_WITHDRAWN, f"the form {request_id} is open no more", {"request_id": request_id}
        )
    return AnswerToken(
        request_id=request_id, run_id=row["run_id"], token=token, expires_at=from_micros(until)
    )


async def require_token(journal: Journal, clock: Clock, row: RequestViewRow, token: str) -> None:
    """Raises Refused (`token_invalid`, `token_expired`) unless the token answers the form of `row` now.

    A form that is open no more is not asked about: whoever answers it is told what became of it.
    """
    if row["status"] != RequestStatus.PENDING.value or is_past(row, clock.now()):
        return
    request_id, digest = row["request_id"], _form_digest(row)
    issued = await _last_issued(journal, row)
    fits = issued is not None and hmac.compare_digest(issued.sha256, _token_digest(token, request_id, digest))
    if issued is None or not fits or issued.form_digest != digest:
        message = f"the token is not good for the form {request_id}: it is another's, or a newer one was made"
        raise Refused(ErrorCode.TOKEN_INVALID, message, {"request_id": request_id})
    if clock.now() >= issued.until:
        moment = from_micros(issued.until)
        when = told_time(moment)
        message = f"the token for the form {request_id} expired at {when}; make another: vasini token"
        details = {"request_id": request_id, "expired_at": rfc3339(moment)}
        raise Refused(ErrorCode.TOKEN_EXPIRED, message, details)


async def _last_issued(journal: Journal, row: RequestViewRow) -> AnswerTokenIssued | None:
    run = await journal.run_row(row["run_id"])
    last = run["run_seq"] if run is not None else 0
    wanted = EventFilter(kind=AnswerTokenIssued.kind)
    for run_seq in reversed(await journal.lists.find_events(row["run_id"], wanted, 0, last)):
        (stored,) = await journal.page_events(row["run_id"], run_seq - 1, 1)
        fact = stored.event.fact
        if isinstance(fact, AnswerTokenIssued) and fact.request_id == row["request_id"]:
            return fact
    return None


def _form_digest(row: RequestViewRow) -> str:
    opened = decode(row["opened_event"])
    return digest_of([opened["form_id"], opened["body"]])


def _token_digest(token: str, request_id: str, digest: str) -> str:
    return sha256(f"{token}\n{request_id}\n{digest}".encode()).hexdigest()
