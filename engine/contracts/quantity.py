"""Durations, sizes, shares of a processor and amounts of money as pack authors write them.

They stay text, as written; an unreadable one is an error that names it, never a default.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable

DURATION_WORDS = "a duration such as `30s`, `5m`, `1h30m` or `2d`, at most 365d"
MEMORY_WORDS = "a size such as `512Mi` or `2Gi`"
CPU_WORDS = "a number of processors such as `1`, `0.5` or `500m`"
COST_WORDS = "an amount in US dollars such as `$5` or `$0.50`"

DURATION = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
MEMORY = r"^[1-9][0-9]{0,8}(Ki|Mi|Gi|Ti)$"
CPU = r"^([0-9]{1,3}(\.[0-9]{1,3})?|[1-9][0-9]{0,5}m)$"
COST = r"^\$[0-9]{1,9}(\.[0-9]{1,6})?$"

_MAX_SECONDS = 365 * 86_400
_UNIT_MILLIS = (86_400_000, 3_600_000, 60_000, 1000, 1)
_UNIT_BYTES = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}


def duration_seconds(text: str) -> float:
    """Seconds, above 0 and at most a year. Raises ValueError with what was expected."""
    match = re.fullmatch(DURATION, text) if len(text) <= 40 else None
    if match is None:
        raise ValueError(DURATION_WORDS)
    counts = (int((part or "0").rstrip("dhms")) for part in match.groups())
    seconds = sum(count * unit for count, unit in zip(counts, _UNIT_MILLIS, strict=True)) / 1000
    if not 0 < seconds <= _MAX_SECONDS:
        raise ValueError(DURATION_WORDS)
    return seconds


def memory_bytes(text: str) -> int:
    """Bytes. Raises ValueError with what was expected."""
    if not re.fullmatch(MEMORY, text):
        raise ValueError(MEMORY_WORDS)
    return int(text[:-2]) * _UNIT_BYTES[text[-2:]]


def cpu_cores(text: str) -> float:
    """Processors, above 0. Raises ValueError with what was expected."""
    cores = 0.0
    if re.fullmatch(CPU, text):
        cores = int(text[:-1]) / 1000 if text.endswith("m") else float(text)
    if cores <= 0:
        raise ValueError(CPU_WORDS)
    return cores


def dollars(text: str) -> Decimal:
    """An amount in US dollars. Raises ValueError with what was expected."""
    if not re.fullmatch(COST, text):
        raise ValueError(COST_WORDS)
    return Decimal(text[1:])


def _readable(read: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            raise PydanticCustomError("quantity", "expected {expected}", {"expected": str(error)}) from None
        return text

    return AfterValidator(check)


Duration = Annotated[str, _readable(duration_seconds), Field(json_schema_extra={"pattern": DURATION})]
MemorySize = Annotated[str, _readable(memory_bytes), Field(json_schema_extra={"pattern": MEMORY})]
CpuShare = Annotated[str, _readable(cpu_cores), Field(json_schema_extra={"pattern": CPU})]
Cost = Annotated[str, _readable(dollars), Field(json_schema_extra={"pattern": COST})]
