"""Rows about money. Amounts are billionths of a dollar, `slot` counts quarters of an hour since the epoch."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

SLOT = 900_000_000
"""Microseconds of a quarter of an hour: every day of every time zone begins with one."""


class SpendRow(TypedDict):
    """What some calls of a model used: one call, or the sum of several."""

    tenant: str
    pack: str
    flow: str
    step: str
    model: str
    slot: int
    calls: int
    unpriced: int
    estimated: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    sent_bytes: int
    cost: int


CAP_SET, CAP_REMOVED, TOPPED_UP, SOFT_REACHED = "cap_set", "cap_removed", "topped_up", "soft_reached"
"""What happens to caps."""
LOWERED, STOPPED = "lowered", "stopped"
"""What people may say at a soft cap beside topping it up: ask the model of the next lower tier; end runs."""
COUNTS = (
    "calls",
    "unpriced",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "sent_bytes",
    "cost",
)
"""The columns that are sums."""


def added(row: SpendRow, other: SpendRow) -> SpendRow:
    """The first one with the counts of both."""
    total: SpendRow = {**row}
    for name in COUNTS:
        total[name] += other[name]  # type: ignore[literal-required]  # the names of integers above
    return total


class HoldRow(TypedDict):
    """What is held for a call of a model under way: money, and tokens.

    `deadline` is by the time since the machine was started, in the boot `boot_id`; `limits` are the caps that
    nobody set by hand, with their time zone: by them it is told which soft caps the answer reaches (JSON;
    null for a call that costs nothing). What has `ended` holds up nobody any more: it is counted when its
    run goes on. `priced` is 0 where nobody knows what the call costs.
    """

    hold_id: str
    run_id: str
    step_id: str
    tenant: str
    pack: str
    model: str
    tree: str
    amount: int
    boot_id: str
    deadline: int
    limits: str
    ended: int
    input_tokens: int
    output_tokens: int
    sent_bytes: int
    priced: int


class CapRow(TypedDict):
    """A cap that a person set; a name of `*` is each one."""

    scope: str
    tenant: str
    name: str
    cap_window: str
    soft: int | None
    hard: int | None
    pause: int


class CapKey(NamedTuple):
    """What names a cap in one window; `since` is when that began, microseconds."""

    scope: str
    tenant: str
    name: str
    cap_window: str
    since: int


class NewActRow(TypedDict):
    """Something that happens to a cap; it counts for the window that began at `since` (microseconds)."""

    ts: int
    kind: str
    scope: str
    tenant: str
    name: str
    cap_window: str
    since: int
    actor: str
    via: str
    amount: int | None
    soft: int | None
    hard: int | None
    comment: str


class ActRow(NewActRow):
    """Something that happened to a cap, numbered in order."""

    act: int


class WaitRow(TypedDict):
    """A run that waits at a soft cap; `since` is when the window began."""

    run_id: str
    scope: str
    tenant: str
    name: str
    cap_window: str
    since: int


class WaitingRow(WaitRow):
    """The same, and whether a person has answered since how runs go on (1, else 0)."""

    answered: int


class RestRow(TypedDict):
    """What a run cost after it had begun a step, with the runs that it started since."""

    run_id: str
    cost: int
    unpriced: int


class TopUpRow(TypedDict):
    """By how much a cap was topped up in a window."""

    scope: str
    tenant: str
    name: str
    cap_window: str
    since: int
    amount: int


def cap_key_of(row: NewActRow | WaitRow | TopUpRow) -> CapKey:
    """The cap and the window that a row is about."""
    return CapKey(row["scope"], row["tenant"], row["name"], row["cap_window"], row["since"])
