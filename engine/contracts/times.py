"""Times as everything crosses a boundary with them: UTC, microseconds.

Knows no pydantic, but what pydantic asks of an annotation: lists of runs are read without it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC, always with six digits of microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def told_time(moment: datetime) -> str:
    """A time within a message to a person: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def from_micros(micros: int) -> datetime:
    """UTC time from integer microseconds since the epoch (the journal's unit)."""
    return _EPOCH + timedelta(microseconds=micros)


class _AsText:
    """Has pydantic write a time into JSON as `rfc3339` does."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Part of pydantic's protocol for what stands in an annotation."""
        from pydantic_core import core_schema  # noqa: PLC0415 - see above

        written = core_schema.plain_serializer_function_ser_schema(
            rfc3339, return_schema=core_schema.str_schema(), when_used="json"
        )
        return cast("CoreSchema", {**handler(source), "serialization": written})


Timestamp = Annotated[datetime, _AsText()]
