"""Bugs on demand, at the points the runtime names."""

from __future__ import annotations


class FakeFaults:
    """Raises at a point, once for every `fail`; `passed` holds every (point, step type) in order."""

    def __init__(self) -> None:
        self.passed: list[tuple[str, str]] = []
        self._armed: list[tuple[str, str | None]] = []

    def fail(self, point: str, step_type: str | None = None) -> None:
        """Raise at the next `point` (of that step type, or of any)."""
        self._armed.append((point, step_type))

    def reach(self, point: str, step_type: str) -> None:
        """See `engine.runtime.worker.sessions.faults.Faults`."""
        self.passed.append((point, step_type))
        for armed in ((point, step_type), (point, None)):
            if armed in self._armed:
                self._armed.remove(armed)
                raise RuntimeError(f"a bug at {point} of {step_type}")
