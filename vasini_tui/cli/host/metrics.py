"""`vasini metrics`: how the installation stands, in the text format that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from engine.contracts.governing.budget import SpendBy
from engine.contracts.governing.money import BILLIONTHS
from engine.contracts.governing.slo import SloState
from engine.facade.levels import BURN_HOURS
from engine.safe_text import sanitize
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.host.tenants import note_unknown_tenant
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.contracts.governing.budget import Caps, Spending
    from engine.contracts.runs.run import RunCounts
    from engine.facade.engine import WorkerView
    from engine.facade.levels import LevelSummary
    from vasini_tui.wiring import Session


class Gauge(NamedTuple):
    """One metric with its values by labels."""

    name: str
    about: str
    samples: Iterable[tuple[dict[str, str], float]]

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        yield f"# HELP {self.name} {self.about}"
        yield f"# TYPE {self.name} gauge"
        for labels, value in self.samples:
            named = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            yield f"{self.name}{{{named}}} {_exact(value)}" if named else f"{self.name} {_exact(value)}"

    def documents(self) -> Iterator[dict[str, object]]:
        """As JSON."""
        for labels, value in self.samples:
            yield {"name": self.name, "labels": labels, "value": float(value)}


def metrics(
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Print metrics for Prometheus. Runs, queue, requests, service levels, money."""
    return Invocation(_metrics, as_json, act_as, tenant, all_tenants)


async def _metrics(session: Session) -> int:
    async with session.engine() as engine:
        counts = await engine.runs.counts()
        await note_unknown_tenant(session, engine)
        levels = await engine.levels.summaries()
        workers = await engine.workers()
        spending, caps = await engine.budget.spending(SpendBy.MODEL), await engine.budget.caps(acts=0)
    families = [
        *_installation(counts, workers),
        *_promises(levels),
        *_doubts(levels),
        *_pace(levels),
        *_money(spending, caps),
    ]
    if session.out.as_json:
        session.out.document({"metrics": [sample for family in families for sample in family.documents()]})
        return ExitCode.OK
    for family in families:
        for line in family.lines():
            session.out.line(line)
    return ExitCode.OK


def _installation(counts: RunCounts, workers: Sequence[WorkerView]) -> Iterator[Gauge]:
    yield Gauge(
        "vasini_runs",
        "Runs in the journal by status; those QUEUED wait for a worker.",
        (({"status": status.value}, number) for status, number in counts.runs.items()),
    )
    waiting = {
        "approval": counts.approvals_pending,
        "form": counts.forms_pending,
        "outcome": counts.outcomes_pending,
    }
    yield Gauge(
        "vasini_requests_waiting",
        "Requests that wait for a person.",
        (({"kind": kind}, number) for kind, number in waiting.items()),
    )
    resting = Counter(one.name for worker in workers if worker.alive for one in worker.resting)
    yield Gauge(
        "vasini_model_resting_workers",
        "Workers that leave a model alone since it failed too often.",
        (({"model": name}, number) for name, number in sorted(resting.items())),
    )
    yield Gauge("vasini_workers", "Workers that are alive.", [({}, sum(worker.alive for worker in workers))])


def _promises(levels: Sequence[LevelSummary]) -> Iterator[Gauge]:
    """What packs promise of their runs, and how these ended."""
    counted = _counted(levels)
    yield Gauge(
        "vasini_slo_runs",
        "Runs of the window that count, by outcome.",
        (
            ({**of, "outcome": outcome}, number)
            for of, level in counted
            for outcome, number in (("good", level.runs - level.failed), ("bad", level.failed))
        ),
    )
    yield Gauge(
        "vasini_slo_success_ratio",
        "Share of runs that completed.",
        ((of, level.success_rate) for of, level in counted if level.success_rate is not None),
    )
    yield Gauge(
        "vasini_slo_goal_ratio", "Least share that is promised.", ((_of(one), one.goal) for one in levels)
    )
    yield Gauge(
        "vasini_slo_may_still_fail", "Runs that may still fail.", ((of, one.may_fail) for of, one in counted)
    )


def _doubts(levels: Sequence[LevelSummary]) -> Iterator[Gauge]:
    """How far what runs told is so."""
    counted = _counted(levels)
    yield Gauge(
        "vasini_slo_flagged_runs",
        "Runs that people flagged: they told what is not so.",
        ((of, one.flagged) for of, one in counted),
    )
    yield Gauge(
        "vasini_slo_doubtful_runs",
        "Other runs, whose agents stated less confidence than their pack asks for.",
        ((of, one.doubtful) for of, one in counted),
    )
    yield Gauge(
        "vasini_slo_stated_runs",
        "Runs whose agents stated a confidence.",
        ((of, one.stated) for of, one in counted),
    )
    yield Gauge(
        "vasini_slo_hallucination_ratio",
        "Share of runs that are flagged or doubtful.",
        ((of, (one.flagged + one.doubtful) / one.runs) for of, one in counted),
    )


def _pace(levels: Sequence[LevelSummary]) -> Iterator[Gauge]:
    """How long runs work, how fast the budget of failures is used, and where that leads."""
    counted = _counted(levels)
    yield Gauge(
        "vasini_slo_run_seconds",
        "Working time of completed runs.",
        (
            ({**of, "quantile": share}, ms / 1000)
            for of, level in counted
            for share, ms in (("0.5", level.p50_ms), ("0.95", level.p95_ms))
            if ms is not None
        ),
    )
    yield Gauge(
        "vasini_slo_burn_rate",
        "How many times faster than allowed runs fail, by window.",
        (
            ({**of, "window": f"{hours}h"}, burn)
            for of, level in counted
            for hours, burn in zip(BURN_HOURS, level.burns, strict=True)
        ),
    )
    yield Gauge(
        "vasini_slo_state",
        "1 for the state that holds.",
        (
            ({**_of(one), "state": state.value}, float(one.state is state))
            for one in levels
            for state in SloState
        ),
    )


def _money(spending: Spending, caps: Caps) -> Iterator[Gauge]:
    yield Gauge(
        "vasini_model_tokens",
        "Tokens that models used; cached ones are part of the input.",
        (
            ({"model": row.name, "kind": kind}, number)
            for row in spending.rows
            for kind, number in (
                ("input", row.sum.input_tokens),
                ("cached", row.sum.cached_tokens),
                ("output", row.sum.output_tokens),
            )
        ),
    )
    yield Gauge(
        "vasini_model_cost_dollars",
        "What models cost, calls of unknown cost left out.",
        (({"model": row.name}, row.sum.cost / BILLIONTHS) for row in spending.rows),
    )
    yield Gauge(
        "vasini_model_unpriced_calls",
        "Calls of unknown cost.",
        (({"model": row.name}, row.sum.unpriced) for row in spending.rows),
    )
    yield Gauge(
        "vasini_budget_remaining_dollars",
        "What is left of a hard cap, held money taken off.",
        (
            (
                {"scope": one.scope, "tenant": one.tenant, "name": one.name, "window": one.window},
                one.left / BILLIONTHS,
            )
            for one in caps.caps
            if one.left is not None and one.name != "*"
        ),
    )


def _exact(value: float) -> str:
    """No digit is rounded away: sums grow by less than a millionth of themselves."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _counted(levels: Sequence[LevelSummary]) -> list[tuple[dict[str, str], LevelSummary]]:
    """Those of which a run counts, with their labels."""
    return [(_of(level), level) for level in levels if level.runs]


def _of(level: LevelSummary) -> dict[str, str]:
    return {"tenant": level.tenant, "pack": level.pack}


def _escaped(text: str) -> str:
    return sanitize(text, limit=200).replace("\\", "\\\\").replace('"', '\\"')
