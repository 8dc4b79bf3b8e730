"""What a run asks people, as the rows of a journal have it: made and closed by its events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.contracts.status import RequestKind, RequestStatus
from engine.machine.events.request_facts import (
    ApprovalVoided,
    OutcomeUnknown,
    PendingHuman,
    RequestExpired,
    RequestWithdrawn,
    UserInputRequested,
)

if TYPE_CHECKING:
    from engine.machine.events.event import Event


@dataclass(frozen=True, slots=True)
class Request:
    """An approval, a form or a question about an interrupted call."""

    path: str
    kind: RequestKind
    status: RequestStatus = RequestStatus.PENDING


class SimulatedRequests(dict[str, Request]):
    """All requests of one run, by id."""

    def follow(self, event: Event) -> None:
        """What the event opens or closes."""
        payload = event.payload
        match event.fact:
            case PendingHuman():
                self._open(payload["approval_id"], event, RequestKind.APPROVAL)
            case UserInputRequested():
                self._open(payload["request_id"], event, RequestKind.FORM)
            case OutcomeUnknown():
                self._open(payload["request_id"], event, RequestKind.OUTCOME)
            case RequestWithdrawn():
                self.close(payload["request_id"], RequestStatus.WITHDRAWN)
            case RequestExpired():
                self.close(payload["request_id"], RequestStatus.EXPIRED)
            case ApprovalVoided() if "approval_id" in payload:
                self.close(payload["approval_id"], RequestStatus.VOID)

    def _open(self, request_id: str, event: Event, kind: RequestKind) -> None:
        self[request_id] = Request(event.step_id or "", kind)

    def close(self, request_id: str, status: RequestStatus) -> None:
        self[request_id] = replace(self[request_id], status=status)

    @property
    def pending(self) -> dict[str, Request]:
        """Those that wait for a person."""
        return {key: request for key, request in self.items() if request.status is RequestStatus.PENDING}

    def open_at(self, path: str) -> str | None:
        """The one request that is open at `path`."""
        found = [request_id for request_id, request in self.pending.items() if request.path == path]
        assert len(found) <= 1, f"{path} asks twice"
        return found[0] if found else None
