"""Things that are found by their names, one each; more can be added, and taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class NamedTable(Generic[T]):
    """One thing a name, in the order in which they came. `what` says in errors what they are."""

    def __init__(self, what: str, name_of: Callable[[T], str], things: Iterable[T] = ()) -> None:
        self._what = what
        self._name_of = name_of
        self._things: dict[str, T] = {}
        for thing in things:
            self.add(thing)

    def add(self, thing: T) -> Callable[[], None]:
        """Register one; returns what takes it out again. Raises ValueError for a name that is taken."""
        name = self._name_of(thing)
        if name in self._things:
            raise ValueError(f"the {self._what} {name} is registered already")
        self._things[name] = thing

        def undo() -> None:
            del self._things[name]

        return undo

    def get(self, name: str) -> T | None:
        """The one of that name, None when there is none."""
        return self._things.get(name)

    def names(self) -> tuple[str, ...]:
        """Every name."""
        return tuple(self._things)

    def all(self) -> tuple[T, ...]:
        """Every thing."""
        return tuple(self._things.values())
