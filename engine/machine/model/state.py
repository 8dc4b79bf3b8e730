"""The state of a run: a tree of scopes, immutable, small, serializable.

A scope is one list of steps being worked through (the flow itself, one branch, one item). An
execution is one visit of a step; its path is the place in the tree (`scan/2/read`, second visit
`scan/2/read~2`). A branch that completed is collapsed to its output, so a state stays small.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepStatus
from engine.frozen import frozen, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.contracts.status import CancelMode

STATE_VERSION = 4
OUTPUTS_PER_BLOCK = 256
_PATHS_KEPT = 4_096
"""Every input asks for the parts of a path some twenty times."""


class Phase(StrEnum):
    """Where a run stands in its life; `ACTIVE` covers everything between start and end."""

    NEW = "NEW"
    QUEUED = "QUEUED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DEAD_LETTER = "DEAD_LETTER"


class ScopeStatus(StrEnum):
    """A scope that completed is no scope any more, only an output."""

    RUNNING = "RUNNING"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@frozen
class Outputs:
    """What ended branches brought, by index; in blocks, so that adding one copies little of many."""

    blocks: dict[int, dict[int, Any]] = field(default_factory=dict)
    count: int = 0

    def put(self, index: int, output: Any) -> Outputs:
        """With the output of one more branch."""
        number = index // OUTPUTS_PER_BLOCK
        block = {**self.blocks.get(number, {}), index: output}
        return Outputs({**self.blocks, number: block}, self.count + 1)

    @classmethod
    def of(cls, outputs: Iterable[tuple[int, Any]]) -> Outputs:
        """Outputs with their indexes, in the order in which they came."""
        blocks: dict[int, dict[int, Any]] = {}
        count = 0
        for index, output in outputs:
            blocks.setdefault(index // OUTPUTS_PER_BLOCK, {})[index] = output
            count += 1
        return cls(blocks, count)

    def holds(self, index: int) -> bool:
        """Whether the branch of that index has ended."""
        return index in self.blocks.get(index // OUTPUTS_PER_BLOCK, {})

    def at(self, index: int) -> Any:
        """What the branch of that index brought. Raises KeyError."""
        return self.blocks[index // OUTPUTS_PER_BLOCK][index]

    def items(self) -> list[tuple[int, Any]]:
        """The outputs with their indexes, by index."""
        return [(index, block[index]) for _, block in sorted(self.blocks.items()) for index in sorted(block)]

    def in_order(self) -> list[Any]:
        """The outputs by index."""
        return [block[index] for _, block in sorted(self.blocks.items()) for index in sorted(block)]

    def last(self, number: int) -> Outputs:
        """Only the outputs of the last `number` branches."""
        return Outputs.of(self.items()[-number:])

    def first(self) -> Any:
        """What the branch that ended first brought; None when none has."""
        return next((output for block in self.blocks.values() for output in block.values()), None)


@frozen
class Branches:
    """What a composite execution works through: `total` branches or items, begun in order."""

    total: int = 0
    children: dict[int, Scope] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=Outputs)
    next_index: int = 0
    asked: dict[int, Any] = field(default_factory=dict)
    """What an outside agent's branches are about."""
    dropped: int = 0
    """Of so many first branches, which have ended, the journal alone has the outputs."""

    @property
    def ended(self) -> int:
        """Branches that have ended well."""
        return self.dropped + self.outputs.count

    def has_begun(self, index: int) -> bool:
        """Whether a branch is at work, or over."""
        return index < self.dropped or index in self.children or self.outputs.holds(index)

    def keeping(self, number: int) -> Branches:
        """The same with the outputs of the last `number` branches only; branches end one after the other."""
        outputs = self.outputs.last(number)
        return replace(self, outputs=outputs, dropped=self.ended - outputs.count)

    @property
    def running(self) -> int:
        """Branches or items at work now."""
        if not self.children:
            return 0
        return sum(1 for child in self.children.values() if child.status is ScopeStatus.RUNNING)


@frozen
class Spent:
    """Tokens, and billionths of a US dollar; of so many questions nobody knows the cost."""

    tokens: int = 0
    cost: int = 0
    unpriced: int = 0


@frozen
class Execution:
    """One visit of a step; a tool is called while it runs (`call`), or its `branches` are worked through."""

    path: str
    step: str
    """As the flow calls it."""
    type: str
    status: StepStatus
    call: bool = False
    model: bool = False
    """A model is asked, no tool is called."""
    approved: bool = False
    """A person approved exactly this call."""
    ask_when_lost: bool = False
    """A lost call is not made again before a person says so."""
    put_back: bool = False
    """Its worker left before the tool was called."""
    attempt: int = 1
    budget_from: int = 0
    """Attempts that a retry verb has forgiven."""
    recoveries: int = 0
    input: Any = None
    output: Any = None
    meta: dict[str, Any] | None = None
    """How its call went, once it has ended well."""
    spent: Spent | None = None
    """What models were asked for below it."""
    error: dict[str, Any] | None = None
    retry_at: int | None = None
    waits: str | None = None
    """Name of the timer that ends its wait."""
    request_id: str | None = None
    asks: str | None = None
    """What kind of request that is."""
    decision: dict[str, Any] | None = None
    digest: str | None = None
    """What an approval is bound to."""
    consumed_by: str | None = None
    """Path of the execution that spent the approval."""
    child_run_id: str | None = None
    branches: Branches | None = None
    inner: dict[str, dict[str, Any]] | None = None
    """What steps of its ended branches became, where that is kept."""

    @property
    def is_in_flight(self) -> bool:
        """True while a tool call of it is (or was, before its worker died) under way."""
        return self.call and self.status is StepStatus.RUNNING and self.retry_at is None


@frozen
class Scope:
    """One list of steps being worked through, from `index` on."""

    path: str
    index: int = 0
    status: ScopeStatus = ScopeStatus.RUNNING
    active: str | None = None
    """Step id of the execution that has not ended."""
    visits: dict[str, int] = field(default_factory=dict)
    voided: dict[str, int] = field(default_factory=dict)
    """Approvals asked again since one was used."""
    replans: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Plans gone back to, see `RunReplanStarted`."""
    executions: dict[str, Execution] = field(default_factory=dict)
    output: Any = None
    said: bool = False
    """The output is what a person said: whatever a step brings takes its place."""
    error: dict[str, Any] | None = None


@frozen
class Counters:
    """What a run has used; survives every pause and retry."""

    steps_executed: int = 0
    tool_calls: int = 0
    tokens_used: int = 0
    cost: int = 0
    """Billionths of a dollar."""
    unpriced: int = 0
    """Calls of models whose cost is unknown."""
    autonomous_calls: int = 0
    """Calls since a person last decided or answered."""


@frozen
class Ending:
    """How a run ends that has steps to run before: its own end, and where its steps stood for a retry."""

    outcome: str
    """`completed`, `failed`, `rejected` or `cancelled`."""
    end: str
    """Kind of the event that will end the run."""
    output: Any = None
    error: dict[str, Any] | None = None
    index: int = 0
    active: str | None = None
    list_failed: bool = False
    list_output: Any = None
    list_said: bool = False


@frozen
class RunState:
    """A run as the fold of its events."""

    run_seq: int = 0
    phase: Phase = Phase.NEW
    payload: Any = None
    handoff: Any = None
    """What the run that handed off to this one told it."""
    scopes: dict[str, list[str]] = field(default_factory=dict)
    """Directories of scoped tools."""
    root: Scope = field(default_factory=lambda: Scope(path=""))
    pause_requested: bool = False
    paused: bool = False
    held_at: str | None = None
    """The soft cap at which it waits since it was resumed last."""
    cancel: CancelMode | None = None
    narrowed: dict[str, Any] | None = None
    """Tools that its models choose among: `only`, `without`."""
    narrowed_once: dict[str, Any] | None = None
    """The same, of its next turn alone."""
    told: list[dict[str, Any]] | None = None
    """What people say in its next question to a model alone."""
    ending: Ending | None = None
    counters: Counters = field(default_factory=Counters)
    output: Any = None
    error: dict[str, Any] | None = None
    retries: int = 0
    documented: bool = False
    """The response document of this end is on disk."""


def segments(path: str) -> list[str]:
    """`scan/2/read~2` -> ["scan", "2", "read~2"]."""
    return path.split("/")


@lru_cache(_PATHS_KEPT)
def scope_path_of(path: str) -> str:
    """The scope an execution path lies in: `scan/2/read` -> `scan/2`, `read` -> the root ``."""
    return path.rpartition("/")[0]


@lru_cache(_PATHS_KEPT)
def outer_path_of(path: str) -> str:
    """The execution in whose branch a step stands: `scan/2/read` -> `scan`, of an outermost step ``."""
    return scope_path_of(scope_path_of(path))


@lru_cache(_PATHS_KEPT)
def step_of(path: str) -> str:
    """The author's step id at the end of a path: `scan/2/read~2` -> `read`."""
    return path.rpartition("/")[2].partition("~")[0]


def find_scope(root: Scope, path: str) -> Scope | None:
    """The scope at `path`, or None when that branch has ended or not begun."""
    scope: Scope | None = root
    way = _way_to(path)
    if way is None:
        return None
    for visit, step, index in way:
        execution = scope.executions.get(step) if scope is not None else None
        if execution is None or execution.branches is None or execution.path != visit:
            return None
        scope = execution.branches.children.get(index)
    return scope


@lru_cache(_PATHS_KEPT)
def _way_to(path: str) -> tuple[tuple[str, str, int], ...] | None:
    """The way to a scope: the path of each visit on it, its step, the branch below; None for what is no
    scope's path."""
    parts = segments(path) if path else []
    if len(parts) % 2 or not all(map(str.isdecimal, parts[1::2])):
        return None
    visits = ["/".join(parts[:end]) for end in range(1, len(parts), 2)]
    indexes = map(int, parts[1::2])
    return tuple((visit, step_of(visit), index) for visit, index in zip(visits, indexes, strict=True))


def find_execution(root: Scope, path: str) -> Execution | None:
    """The execution at `path`, or None when a later visit took its place or its branch ended."""
    scope = find_scope(root, scope_path_of(path))
    if scope is None:
        return None
    execution = scope.executions.get(step_of(path))
    return execution if execution is not None and execution.path == path else None


def put_scope(root: Scope, path: str, scope: Scope) -> Scope:
    """A root in which the scope at `path` is `scope`; only the way down is copied.

    Raises KeyError for what no execution of the tree leads to.
    """
    way = _way_to(path)
    if way is None:
        raise KeyError(path)
    return _put(root, way, 0, scope)


def _put(at: Scope, way: tuple[tuple[str, str, int], ...], depth: int, scope: Scope) -> Scope:
    if depth == len(way):
        return scope
    _, step, index = way[depth]
    execution = at.executions[step]
    branches = execution.branches or Branches()
    below = branches.children.get(index) or Scope(path=f"{execution.path}/{index}")
    changed = replace(
        branches,
        children={**branches.children, index: _put(below, way, depth + 1, scope)},
        next_index=max(branches.next_index, index + 1),
    )
    return replace(at, executions={**at.executions, step: replace(execution, branches=changed)})


def put_execution(root: Scope, execution: Execution) -> Scope:
    """A root in which `execution` stands at its path; its scope is made when it is new."""
    path = scope_path_of(execution.path)
    scope = find_scope(root, path) or Scope(path=path)
    changed = replace(scope, executions={**scope.executions, execution.step: execution})
    return put_scope(root, path, changed)
