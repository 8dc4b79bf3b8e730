"""The process a pack's `tools.py` runs in: `python -I pack_host.py LIMITS`, one request on stdin.

The source is data: it is compiled under the name `<pack>/tools.py` and never imported from a directory.
Calling imports the standard library only; describing needs pydantic.
"""

from __future__ import annotations

import sys
import types
from typing import Any

_FILE_NAME = "tools.py"
Answer = dict[str, Any]


def main() -> None:
    """Serve one request."""
    # the engine's own files, last on the path so that they shadow nothing
    sys.path.append(__file__.rsplit("/", 4)[0])
    from engine.tools.process.one_request import serve_once  # noqa: PLC0415 - found by the line before

    serve_once(lambda request: _describe(request) if request["mode"] == "describe" else _call(request))


def _load(request: Answer) -> types.ModuleType:
    name = f"{request['pack']}/{_FILE_NAME}"
    module = types.ModuleType("pack_tools")
    module.__file__ = name
    sys.modules[module.__name__] = module
    exec(compile(request["source"], name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - trusted code
    return module


def _describe(request: Answer) -> Answer:
    # pydantic is for this mode only
    from engine.tools.pack_code.pack_signatures import describe_module  # noqa: PLC0415

    try:
        module = _load(request)
    except SyntaxError as error:
        return {"problems": [{"line": error.lineno, "message": f"syntax error: {error.msg}"}]}
    except BaseException as error:  # noqa: BLE001 - the edge: whatever the code raises is the pack's problem
        return {"problems": [{"line": _line(error, request), "message": _words(error)}]}
    return describe_module(module)


def _call(request: Answer) -> Answer:
    from engine.tools.failure import ToolFailure  # noqa: PLC0415 - found once main ran
    from engine.tools.output import json_output  # noqa: PLC0415 - found once main ran

    try:
        function = getattr(_load(request), request["function"])
        arguments = request["params"]
        if request["takes_context"]:
            arguments = {**arguments, "context": request["context"]}
        return {"data": json_output(function(**arguments), request["max_output_bytes"])}
    except ToolFailure as failure:
        return _failed(failure.code.value, failure.message)
    except ValueError as error:
        return _failed("invalid_input", str(error) or _words(error), _line(error, request))
    except BaseException as error:  # noqa: BLE001 - the edge: whatever the code raises is the call's failure
        return _failed("backend_error", _words(error), _line(error, request))


def _failed(code: str, message: str, line: int | None = None) -> Answer:
    return {"error": {"code": code, "message": message, "line": line}}


def _words(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line(error: BaseException, request: Answer) -> int | None:
    """The innermost line of the pack's file the error passed through."""
    line = None
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == f"{request['pack']}/{_FILE_NAME}":
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


if __name__ == "__main__":
    main()
