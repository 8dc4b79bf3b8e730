"""What fails again and again is told of less and less often, so that it does not fill the log."""

from __future__ import annotations

import logging
import time

from engine.errors import VasiniError

logger = logging.getLogger(__name__)


class Failing:
    """How often in a row something failed. `what` says it in words: "a round of the worker"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = 0.0
        self.times = 0
        self.last: Exception | None = None
        """What it failed with; None as long as it works."""

    def failed(self, error: Exception) -> None:
        """It failed once more: told of the first, the second, the fourth, the eighth time, and so on.

        Of a defect of this program (no VasiniError) the log says where.
        """
        if self.last is None:
            self._since = time.monotonic()
        self.last = error
        self.times += 1
        if self.times & (self.times - 1):
            return
        often = "" if self.times == 1 else f", {self.times} times in a row"
        if isinstance(error, VasiniError):
            logger.warning("%s failed%s: %s", self._what, often, error.message)
        else:
            logger.error("%s failed%s", self._what, often, exc_info=error)

    def worked(self) -> None:
        """It did not fail any more."""
        self.times, self.last = 0, None

    @property
    def seconds(self) -> float:
        """For how long it has failed now."""
        return 0.0 if self.last is None else time.monotonic() - self._since
