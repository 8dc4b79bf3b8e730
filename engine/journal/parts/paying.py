"""The part of the port that says what calls of models may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.journal.rules.spending.holding import CallAdmission, PaidCall
    from engine.journal.shown_cap import ShownCap
    from engine.journal.spend_rows import CapRow, NewActRow


class Payments(Protocol):
    """What is held for calls of models, and the caps that people set."""

    async def begin_call(self, call: PaidCall) -> CallAdmission:
        """Hold what a call of a model may cost, and its tokens below a ceiling of its run, which lets it
        begin; what is in its way. Raises LeaseLost."""
        ...

    async def lower_hold(self, hold_id: str, amount: int, tokens: tuple[int, int] = (0, 0)) -> None:
        """A call has ended that cost so much, if that is less than is held, and took so many tokens of input
        and output: no more is held for it."""
        ...

    async def change_cap(
        self, row: CapRow, act: NewActRow, shown: ShownCap | None = None, *, remove: bool = False
    ) -> None:
        """Set a cap, or take it back, and record who did, unless it is not as it was shown any more: then
        raises Refused (`cap_changed`)."""
        ...

    async def end_wait(self, run_id: str) -> None:
        """A run waits at a soft cap no more, if it did."""
        ...

    async def record_act(self, act: NewActRow, shown: ShownCap | None = None) -> None:
        """Record what a person did to a cap: a top-up counts from then on. Raises InvalidInput, Refused as
        `change_cap`."""
        ...
