"""The answer to a form: held against its schema and policy, kept, and decided like any other request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from engine.contracts.runs.request import TOLD, AnswerView
from engine.contracts.status import RequestKind, RequestStatus
from engine.contracts.times import from_micros
from engine.errors import ErrorCode, InvalidInput, Refused
from engine.governance.pipeline import Point, Reason, Subject, characters_of, check
from engine.journal.encoding import decode
from engine.journal.records import Decision
from engine.json_schema.forms import check_values, fill_defaults, load_checks
from engine.json_schema.messages import told
from engine.large_values import off_loop_if_large
from engine.machine.events.run_facts import GovernanceDecision
from engine.runtime.embedded.governing.soft_cap_answers import AnswerActs
from engine.runtime.embedded.governing.soft_caps import PACK as MONEY
from engine.runtime.files.attached_images import with_images_read
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.config import Rules
    from engine.contracts.actor import Actor
    from engine.governance.access import Access
    from engine.governance.pipeline import Verdict
    from engine.governance.policies import Policies
    from engine.journal.port import Journal
    from engine.journal.rows import RequestViewRow
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.governing.soft_cap_answers import SoftCapAnswers
    from engine.runtime.intake import Intake
    from engine.runtime.value_store import ValueStore


class Answering:
    """Takes answers from whoever may give them."""

    def __init__(
        self,
        rules: Rules,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        intake: Intake,
        soft_caps: SoftCapAnswers,
    ) -> None:
        self._rules = rules
        self._journal = journal
        self._clock = clock
        self._values = values
        self._intake = intake
        self._soft_caps = soft_caps

    async def answer(
        self,
        row: RequestViewRow,
        values: Mapping[str, Any],
        comment: str,
        actor: Actor,
        access: Access,
        base_dir: Path | None,
    ) -> AnswerView:
        """Answer the form of a row; images are read below `base_dir`. Raises InvalidInput, Refused,
        AlreadyDecided."""
        opened = decode(row["opened_event"])
        given, images, on_cap = dict(values), dict[str, bytes](), AnswerActs()
        if row["status"] == RequestStatus.PENDING.value:  # else the journal says what became of it
            given, images = await self._checked(row, opened, values, actor, base_dir)
            if row["pack"] == MONEY:
                about = row["run_id"], opened["form_id"]
                on_cap = await self._soft_caps.acts_for(*about, given, comment, actor, access)
        now = self._clock.now()
        masked_comment = self._values.redact(comment)
        output = {"form_id": opened["form_id"], "values": given, "comment": masked_comment}
        output |= (await self._values.load(opened["body"])).get(TOLD, {})
        stored = await self._values.store_any(output)
        decided = await self._intake.decide(
            Decision(
                request_id=row["request_id"],
                kind=RequestKind.FORM.value,
                actor=actor.name,
                now=now,
                payload={
                    "request_id": row["request_id"],
                    "form_id": opened["form_id"],
                    "mode": opened.get("mode"),
                    "output": stored.value,
                    "comment": masked_comment,
                    "via": actor.via,
                },
                blobs={**stored.blobs, **images},
                acts=on_cap.acts,
                cap=on_cap.cap,
            )
        )
        return AnswerView(
            request_id=row["request_id"],
            run_id=decided.run_id,
            form_id=opened["form_id"],
            answered_by=actor.name,
            answered_at=from_micros(now),
        )

    async def _checked(
        self,
        row: RequestViewRow,
        opened: Mapping[str, Any],
        values: Mapping[str, Any],
        actor: Actor,
        base_dir: Path | None,
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The values with defaults filled in, and their images by digest. Raises as `answer`."""
        body = await self._values.load(opened["body"])
        given = fill_defaults(body["schema"], values, body.get("defaults"))
        given, images = await with_images_read(body["schema"], values, given, base_dir)
        policies = self._rules.policies.for_pack(row["pack"])
        verdict = await off_loop_if_large(given, lambda: _verdict(policies, body, given))
        if verdict.denied:
            await self._refuse(row["request_id"], opened["form_id"], verdict, actor)
        await load_checks()
        await off_loop_if_large(given, lambda: _require_fit(row["request_id"], body, given))
        return given, images

    async def _refuse(self, request_id: str, form_id: str, verdict: Verdict, actor: Actor) -> NoReturn:
        """Record that policy refused an answer, then say so."""
        fact = GovernanceDecision(**verdict.record(Point.FORM, form_id=form_id))
        await self._journal.note(request_id, fact, actor.name, actor.via, self._clock.now())
        details = {**verdict.details, "reason": verdict.reason.value}
        if verdict.reason is Reason.ANSWER_TOO_LARGE:
            raise InvalidInput(verdict.message, details, code=ErrorCode.PAYLOAD_TOO_LARGE)
        raise Refused(ErrorCode.POLICY_DENIED, verdict.message, details)


def _verdict(policies: Policies, body: Mapping[str, Any], values: dict[str, Any]) -> Verdict:
    """What policy says of the answer to a form. Raises InvalidInput for what is not JSON."""
    try:
        size = len(canonical_json(values))
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput("the answer is not JSON: only finite numbers and Unicode text") from None
    subject = Subject(
        size_bytes=size,
        characters=characters_of(values),
        max_characters=body.get("max_characters"),
    )
    return check(Point.FORM, subject, policies)


def _require_fit(request_id: str, body: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Raise InvalidInput with all faults by field."""
    errors = check_values(body["schema"], values)
    if errors:
        raise InvalidInput(
            f"the answer does not fit the form: {told(errors, 'form')}",
            {"request_id": request_id, "errors": [error.model_dump() for error in errors]},
        )
