"""Values from the command line: JSON, `@file`, and `-` for stdin."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from engine.errors import ErrorCode, InvalidInput
from engine.values import parse_json

if TYPE_CHECKING:
    from engine.contracts.runs.plan import PlanEdits

# Only keeps an endless stream out of memory; how large a payload may be is the engine's policy.
_MAX_READ_BYTES = 32 * 1024 * 1024


def read_object(argument: str, option: str) -> dict[str, Any]:
    """The JSON object an option names. Raises InvalidInput (syntax, UTF-8, size, a missing file)."""
    text, source = _text_of(argument, option)
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        invalid(f"{source}: {error.msg} at line {error.lineno}, column {error.colno}", option)
    except ValueError as error:
        invalid(f"{source}: {error}", option)
    except RecursionError:
        invalid(f"{source}: is nested too deeply", option)
    if not isinstance(value, dict):
        invalid(f'{source}: must be a JSON object such as {{"name": "x"}}', option)
    return value


def values_of(argument: str) -> dict[str, Any]:
    """The values of a form."""
    values = read_object(argument, "--values")
    check_text(values, "--values")
    return values


def plan_edits(argument: str, option: str) -> PlanEdits:
    """How a plan is changed. Raises InvalidInput."""
    from pydantic import ValidationError  # noqa: PLC0415 - for the few that change a plan

    from engine.contracts.runs.plan import PlanEdits  # noqa: PLC0415 - likewise

    value = read_object(argument, option)
    check_text(value, option)
    try:
        return PlanEdits.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        form = "vasini approval ID --plan shows the form"
        invalid(f"{option}: {place or 'the whole'}: {first['msg']}; {form}", option)


def secret_of(argument: str, option: str) -> str:
    """A secret, from a file or stdin: on the command line everybody on the machine could read it."""
    if argument != "-" and not argument.startswith("@"):
        invalid(f"{option} takes @FILE or -, so that nobody reads it in the list of processes", option)
    return _text_of(argument, option)[0].strip()


def _text_of(argument: str, option: str) -> tuple[str, str]:
    if argument == "-":
        return _decoded(_read(sys.stdin.buffer, option), f"{option} (stdin)", option), f"{option} (stdin)"
    if not argument.startswith("@"):
        return argument, option
    return text_of_file(Path(argument[1:]), option), f"{option} {argument[1:]}"


def text_of_file(path: Path, option: str) -> str:
    """The file that an option names. Raises InvalidInput."""
    source = f"{option} {path}"
    try:
        with path.open("rb") as stream:
            content = _read(stream, option)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no file name"
        invalid(f"{source}: cannot be read: {reason}", option)
    return _decoded(content, source, option)


def _read(stream: BinaryIO, option: str) -> bytes:
    content = stream.read(_MAX_READ_BYTES + 1)
    if len(content) > _MAX_READ_BYTES:
        raise InvalidInput(
            f"{option}: is larger than {_MAX_READ_BYTES} bytes",
            {"limit_bytes": _MAX_READ_BYTES},
            code=ErrorCode.PAYLOAD_TOO_LARGE,
        )
    return content


def _decoded(content: bytes, source: str, option: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        invalid(f"{source}: is not UTF-8 text (byte {error.start})", option)


def check_text(value: dict[str, Any], option: str) -> None:
    """Raise InvalidInput for halves of surrogate pairs: they are no text, nothing could store them."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        invalid(f"{option}: holds a character that is no valid text", option)
    except RecursionError:
        invalid(f"{option}: is nested too deeply", option)


def invalid(message: str, option: str) -> NoReturn:
    """Raise the InvalidInput of one option."""
    raise InvalidInput(message, {"errors": [{"field": option, "message": message}]})
