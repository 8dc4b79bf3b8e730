"""The process a pack's code runs in: `python -I pack_host.py LIMITS`, one request on stdin.

The sources are data: they are compiled under the names `<pack>/tools.py` and `<pack>/tools_<subject>.py`, and
never imported from a directory. Calling imports the standard library only; describing needs pydantic.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

_FILE_NAME = "tools.py"
_MOST_DETAILS = 64 * 1024
"""Bytes of what an error says beside its words."""
_MOST_WORDS = 16 * 1024
"""Characters of its words. Longer ones are left out: a secret that is cut is not struck out."""
Answer = dict[str, Any]


class PackParts:
    """Lets `tools.py` import the files beside it, by their names without `.py`.

    A finder and a loader without their base classes: those cost more to import than all else of a call.
    """

    def __init__(self, pack: str, files: Mapping[str, str]) -> None:
        self._pack = pack
        self._files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Knows the pack's own files and nothing else."""
        if path is not None or f"{fullname}.py" not in self._files:
            return None
        loader = cast("Loader", self)
        return importlib.util.spec_from_loader(fullname, loader, origin=f"{self._pack}/{fullname}.py")

    def create_module(self, _: ModuleSpec) -> None:
        """As modules mostly are made."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Run one part."""
        file = f"{module.__name__}.py"
        code = compile(self._files[file], f"{self._pack}/{file}", "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - trusted code


def main() -> None:
    """Serve one request."""
    # the engine's own files, last on the path so that they shadow nothing
    sys.path.append(__file__.rsplit("/", 4)[0])
    from engine.tools.process.one_request import serve_once  # noqa: PLC0415 - found by the line before

    serve_once(lambda request: _describe(request) if request["mode"] == "describe" else _call(request))


def _load(request: Answer) -> types.ModuleType:
    name = f"{request['pack']}/{_FILE_NAME}"
    sys.meta_path.insert(0, PackParts(request["pack"], request["files"]))
    module = types.ModuleType("pack_tools")
    module.__file__ = name
    sys.modules[module.__name__] = module
    exec(compile(request["files"][_FILE_NAME], name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - trusted code
    return module


def _describe(request: Answer) -> Answer:
    # pydantic is for this mode only
    from engine.tools.pack_code.pack_signatures import describe_module  # noqa: PLC0415

    try:
        module = _load(request)
    except SyntaxError as error:
        file = (error.filename or "").rpartition("/")[2]
        place = {"file": file if file in request["files"] else _FILE_NAME, "line": error.lineno}
        return {"problems": [{**place, "message": f"syntax error: {error.msg}"}]}
    except BaseException as error:  # noqa: BLE001 - the edge: whatever the code raises is the pack's problem
        return {"problems": [{**_place_of(error, request), "message": _format_error(error)}]}
    return describe_module(module)


def _call(request: Answer) -> Answer:
    from engine.tools.output import json_output  # noqa: PLC0415 - found once main ran

    try:
        function = getattr(_load(request), request["function"])
        arguments = request["params"]
        if request["takes_context"]:
            arguments = {**arguments, "context": request["context"]}
        return {"data": json_output(function(**arguments), request["max_output_bytes"])}
    except BaseException as error:  # noqa: BLE001 - the edge: whatever the code raises is the call's failure
        return {"error": _failed(error, request)}


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (ConnectionError, "temporary"),
    (FileNotFoundError, "not_found"),
    (PermissionError, "permission_denied"),
    (ValueError, "invalid_input"),
)


def _failed(error: BaseException, request: Answer) -> Answer:
    """As the error says itself by `code`, `message`, `recoverable`, `details`, else by what it is."""
    from engine.contracts.status import TOOL_ERROR_CODES  # noqa: PLC0415 - found once main ran
    from engine.tools.failure import ToolFailure  # noqa: PLC0415 - likewise

    code = _said(error, "code", str)
    if isinstance(error, Exception) and code in {*TOOL_ERROR_CODES, "TEMPORARY"}:
        ours = isinstance(error, ToolFailure)
        return {
            "code": code,
            "message": _said(error, "message", str) or _words(error) or _format_error(error),
            "recoverable": _said(error, "recoverable", bool),
            "details": _as_json(_said(error, "details", object)),
            **({} if ours else _place_of(error, request)),
        }
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "backend_error")
    words = (_words(error) if code == "invalid_input" else "") or _format_error(error)
    return {"code": code, "message": words, **_place_of(error, request)}


def _said(error: BaseException, name: str, kind: type) -> Any:
    """What a foreign error has there, as plain data; None for what is of another kind or cannot be read."""
    try:
        value = getattr(error, name, None)
        if isinstance(value, str):
            value = str.__str__(value) if len(value) <= _MOST_WORDS else None
    except BaseException:  # noqa: BLE001 - the edge: an attribute may run code, too
        return None
    return value if isinstance(value, kind) else None


def _words(error: BaseException) -> str:
    try:
        words = str.__str__(str(error))
    except BaseException:  # noqa: BLE001 - the edge: an error may fail to print itself
        return "(no message)"
    return words if len(words) <= _MOST_WORDS else "(its message is too long)"


def _as_json(details: object) -> Any:
    """What is JSON of it; the executor bounds its size."""
    from engine.tools.output import json_output  # noqa: PLC0415 - found once main ran

    try:
        return json_output(details, _MOST_DETAILS)
    except BaseException:  # noqa: BLE001 - the edge: what is no plain data may run code, too
        return None


def _format_error(error: BaseException) -> str:
    text = _words(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place_of(error: BaseException, request: Answer) -> Answer:
    """The innermost line of the pack's files the error passed through."""
    place: Answer = {"file": _FILE_NAME, "line": None}
    frame = error.__traceback__
    while frame is not None:
        pack, _, file = frame.tb_frame.f_code.co_filename.rpartition("/")
        if pack == request["pack"] and file in request["files"]:
            place = {"file": file, "line": frame.tb_lineno}
        frame = frame.tb_next
    return place


if __name__ == "__main__":
    main()
