"""One own theme: a YAML file read safely, each fault with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from vasini_tui.settings.config_content import config_invalid
from vasini_tui.settings.config_files import read_config_file

if TYPE_CHECKING:
    from collections.abc import Set
    from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def _color(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise ValueError("is not a color; write it as '#1d2233', in quotes")
    return text.lower()


Color = Annotated[str, AfterValidator(_color)]


class ThemeVariables(BaseModel):
    """Colors that our screens add to Textual's; one that is missing is made of the others."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    quiet: Color | None = None
    good: Color | None = None
    busy: Color | None = None
    waiting: Color | None = None
    bad: Color | None = None
    key: Color | None = None
    cursor: Color | None = None
    cursor_blurred: Color | None = Field(default=None, alias="cursor-blurred")


class ThemeFile(BaseModel):
    """One theme as it stands in its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dark: bool
    primary: Color
    foreground: Color
    background: Color
    secondary: Color | None = None
    accent: Color | None = None
    surface: Color | None = None
    panel: Color | None = None
    success: Color | None = None
    warning: Color | None = None
    error: Color | None = None
    variables: ThemeVariables = ThemeVariables()

    def colors(self) -> dict[str, str]:
        """The base colors that the file names."""
        return self.model_dump(exclude={"dark", "variables"}, exclude_none=True)

    def own_variables(self) -> dict[str, str]:
        """The variables that the file names."""
        return self.variables.model_dump(by_alias=True, exclude_none=True)


def read_theme(path: Path, taken: Set[str]) -> ThemeFile:
    """The theme of a file whose name is not in `taken`. Raises VasiniError (`config_invalid`)."""
    if not _NAME.fullmatch(path.stem):
        raise config_invalid(path, "a theme is named in lower-case letters, digits and hyphens")
    if path.stem in taken:
        raise config_invalid(path, "there is a theme of this name already; rename the file")
    file = read_config_file(path)
    try:
        return ThemeFile.model_validate(file.data)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        key = tuple(str(part) for part in fault["loc"])
        raise config_invalid(path, _format_fault(fault), line=file.line_of(key), key=".".join(key)) from None


def _format_fault(fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        model = ThemeVariables if len(fault["loc"]) > 1 else ThemeFile
        known = (one.alias or name for name, one in model.model_fields.items())
        return f"unknown key; known here are {', '.join(known)}"
    return str(fault["msg"]).removeprefix("Value error, ")
