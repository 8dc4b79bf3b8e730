"""What annotations of plain classes say to pydantic, which is not loaded for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class Within:
    """Bounds by the names that pydantic has for them: `ge`, `gt`, `le`, `min_length`."""

    def __init__(self, **bounds: float) -> None:
        self._bounds = bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Part of pydantic's protocol for what stands in an annotation."""
        return cast("CoreSchema", {**handler(source), **self._bounds})


class Checked:
    """A value has to pass this function, too, which raises ValueError."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        self._check = check

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See above."""
        from pydantic_core import core_schema  # noqa: PLC0415 - loaded with pydantic, when something is checked

        return core_schema.no_info_after_validator_function(self._check, handler(source))


class Prepared:
    """A value goes through this function before anything else is asked of it."""

    def __init__(self, prepare: Callable[[object], object]) -> None:
        self._prepare = prepare

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See above."""
        from pydantic_core import core_schema  # noqa: PLC0415 - as above

        return core_schema.no_info_before_validator_function(self._prepare, handler(source))


class Described:
    """What a JSON Schema says of a field."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Part of pydantic's protocol for what stands in an annotation."""
        return {**handler(schema), "description": self._words}
