"""Service levels as data: what a pack promises, and what its runs say of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.times import Timestamp


class SloState(StrEnum):
    """Whether a promise is kept; the worst first."""

    VIOLATED = "violated"
    AT_RISK = "at_risk"
    FEW_EVENTS = "few_events"
    MET = "met"
    NO_DATA = "no_data"

    @property
    def words(self) -> str:
        """For people: `at risk`, `few runs`."""
        return {"few_events": "few runs", "no_data": "no runs"}.get(self.value, self.value.replace("_", " "))


class Severity(StrEnum):
    """What an alert asks for: somebody now, or somebody this week."""

    PAGE = "page"
    TICKET = "ticket"


class DriftMetric(StrEnum):
    """What drifts: working time, cost or tokens of good runs, or the share of bad ones."""

    TIME = "time"
    FAILURES = "failures"
    COST = "cost"
    TOKENS = "tokens"


class DriftSeverity(StrEnum):
    """How far."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertKind(StrEnum):
    """What an alert is about."""

    PAGE = "page"
    TICKET = "ticket"
    EXHAUSTED = "exhausted"
    DRIFT_TIME = "drift_time"
    DRIFT_FAILURES = "drift_failures"
    DRIFT_COST = "drift_cost"
    DRIFT_TOKENS = "drift_tokens"

    @property
    def words(self) -> str:
        """For people: `page`, `drift of time`."""
        return self.value.replace("drift_", "drift of ")


class HumanTargets(Contract):
    """What is promised of the people who are asked; apart from the runs, whose state it does not change."""

    p95_ms: int | None = Field(
        default=None,
        ge=1,
        le=90 * 86_400_000,
        description="Milliseconds within which 95 % of decided requests were decided.",
    )
    expired_rate: float | None = Field(
        default=None, ge=0, le=1, description="Most share of requests that pass their time undecided."
    )


class SloTargets(Contract):
    """What is promised; what is not said follows from the pack's risk level."""

    success_rate: float | None = Field(
        default=None, ge=0.5, le=0.99999, description="Least share of runs that complete."
    )
    response_p95_ms: int | None = Field(
        default=None,
        ge=1,
        le=30 * 86_400_000,
        description="Working time in milliseconds that 95 % of completed runs do not pass.",
    )
    error_budget_window_days: int | None = Field(
        default=None, ge=1, le=90, description="Days over which both are measured; 30 when it is not said."
    )
    hallucination_rate: float | None = Field(
        default=None, ge=0, le=1, description="Most share of runs that are flagged or doubtful."
    )
    human: HumanTargets | None = Field(default=None, description="What people promise.")


class BurnView(Contract):
    """One alert rule: how many times faster than allowed runs fail, over a long and a short time."""

    severity: Severity
    long_seconds: int
    short_seconds: int
    factor: float = Field(description="Both burns have to pass it.")
    long_burn: float
    short_burn: float
    runs: int = Field(description="Of the long time, as `failed`.")
    failed: int
    fires: bool


class DriftView(Contract):
    """What is other today and yesterday than before."""

    metric: DriftMetric
    baseline: float = Field(description="Mean of the days before: seconds, a share, US dollars or tokens.")
    current: float = Field(description="Mean of today and yesterday.")
    severity: DriftSeverity

    @property
    def times(self) -> float:
        """How many times the baseline it is."""
        return self.current / self.baseline


class FailureCount(Contract):
    """Why runs failed."""

    code: str
    runs: int


class HallucinationView(Contract):
    """Runs that told what is not so, as people say (`vasini flag`) or as agents doubt themselves."""

    flagged: int = Field(default=0, description="Runs that people flagged.")
    doubtful: int = Field(
        default=0, description="Others, whose agents stated a confidence below what their pack asks for."
    )
    stated: int = Field(default=0, description="Runs whose agents stated one at all.")
    rate: float | None = Field(
        default=None, description="Share of the runs that count which are flagged or doubtful."
    )
    goal: float = Field(default=0.05, description="Most share that is promised.")
    kept: bool | None = Field(default=None, description="Whether the share is within it; null without runs.")


class RoleView(Contract):
    """How long people of one role took."""

    role: str = Field(description="Who is asked: `approver` (approvals, outcomes), `operator` (forms).")
    asked: int
    expired: int
    p50_ms: int | None = None
    p95_ms: int | None = None


class PeopleView(Contract):
    """How long people took; not part of any run's working time."""

    asked: int = Field(default=0, description="Requests that were decided, or passed their time.")
    expired: int = 0
    waited_ms: int = Field(default=0, description="How long they took, all together.")
    p50_ms: int | None = None
    p95_ms: int | None = None
    roles: tuple[RoleView, ...] = Field(default=(), description="The same by the role that is asked.")
    p95_goal_ms: int | None = None
    expired_goal: float | None = None
    kept: bool | None = Field(
        default=None, description="Whether people keep what is promised; null without a promise or a request."
    )


class ServiceLevel(Contract):
    """A pack's service level in one tenant, over the days of its window."""

    tenant: str
    pack: str
    state: SloState
    window_days: int
    since: Timestamp
    runs: int = Field(description="Runs that count: completed or failed.")
    failed: int
    excluded: int = 0
    success_rate: float | None
    goal: float
    goal_from: str = Field(description="`pack`, `settings`, `risk LEVEL`; `default`: a pack that is gone.")
    may_fail: int = Field(description="So many more runs may fail; below 0 when too many did.")
    allowed: int = Field(description="Failed runs that the goal allows among so many.")
    p50_ms: int | None
    p95_ms: int | None
    p95_goal_ms: int
    worked_ms: int = Field(default=0, description="Working time of completed runs, all together; within 1 %.")
    burns: tuple[BurnView, ...] = ()
    runs_out: Timestamp | None = Field(
        default=None, description="When nothing may fail any more, at the rate of the last three days."
    )
    out_since: Timestamp | None = Field(default=None, description="When too many had failed.")
    why: tuple[FailureCount, ...] = ()
    drift: tuple[DriftView, ...] = ()
    hallucination: HallucinationView = HallucinationView()
    people: PeopleView = PeopleView()

    @property
    def alerts(self) -> tuple[Severity, ...]:
        """What its burn asks for."""
        return tuple(burn.severity for burn in self.burns if burn.fires)


class Trend(Contract):
    """How many runs of a pack, of all tenants in view, ended in each of the last hours."""

    pack: str
    runs: tuple[int, ...] = Field(description="Runs that count: completed or failed.")
    failed: tuple[int, ...]


class AlertView(Contract):
    """An alert of a pack: that it began, and that it ended."""

    number: int
    tenant: str
    pack: str
    kind: AlertKind = Field(description="`page`, `ticket` of burn; `exhausted`: too many failed; drift.")
    title: str = Field(description="What it is about, with the numbers of the moment when it began.")
    text: str = Field(description="What the service level was then.")
    began: Timestamp
    ended: Timestamp | None = Field(default=None, description="null as long as it stands.")


class ServiceLevelDetail(Contract):
    """One of them with its course."""

    level: ServiceLevel
    budget: tuple[float | None, ...] = Field(
        description="The share of the budget left after equal parts of the window; null before the first run."
    )
    alerts: tuple[AlertView, ...] = Field(default=(), description="The newest ones, the latest first.")
