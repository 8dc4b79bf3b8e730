"""What people are told outside of the console: that something waits for them, or failed."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.status import Risk
from engine.contracts.times import Timestamp


class NoticeKind(StrEnum):
    """What a notice is about."""

    APPROVAL = "approval"
    FORM = "form"
    OUTCOME = "outcome"
    FAILURE = "failure"
    SLO = "slo"
    BUDGET = "budget"
    TEST = "test"


class Notice(Contract):
    """One notice; texts are masked. The same one can come twice: its id says so."""

    id: str = Field(
        description="`msg_` and the number of the event; `slo_` or `cap_` and its own, of an alert or a cap."
    )
    kind: NoticeKind
    ts: Timestamp
    title: str
    text: str = Field(default="", description="What is asked, or why it failed.")
    risk: Risk | None = Field(default=None, description="Of an approval.")
    run_id: str | None = None
    request_id: str | None = None
    pack: str | None = None
    flow: str | None = None
    subject: str | None = None
    tenant: str | None = None
