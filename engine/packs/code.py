"""What a pack's code offers (`tools.py` and its parts), found without running any of it."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.contracts.packs.pack import Problem
from engine.packs.source.content import CODE, content_digest
from engine.tools.pack_code.pack_tools import tool_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTEXT = "context"
"""The parameter in which a tool is told of its call."""
_TOOL_FUNCTION = re.compile(r"[a-z][a-z0-9_]*\Z")


def code_tools(
    pack_id: str, code: Mapping[str, str]
) -> tuple[Mapping[str, Mapping[str, Any] | None], Sequence[Problem]]:
    """Schemas of the public functions at the top of `tools.py` by full name, or why a file cannot be read.

    A schema names parameters and says no more; it is None where a function takes any.
    """
    contents = {file: _content(file, source) for file, source in code.items()}
    problems = [problem for content in contents.values() for problem in content.problems]
    prefix = tool_prefix(pack_id)
    own = contents.get(CODE)
    return {prefix + name: schema for name, schema in own.schemas.items()} if own else {}, problems


@dataclass(frozen=True, slots=True)
class _Content:
    """What one file of code holds: schemas of the tools by function, and what is wrong with it."""

    schemas: Mapping[str, Mapping[str, Any] | None]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=64)
def _content(file: str, source: str) -> _Content:
    """Read once, cached by the text: a pack is loaded again each time one of its files is saved."""
    module = _parsed(file, source)
    if isinstance(module, Problem):
        return _Content({}, (module,))
    if file != CODE:
        return _Content({}, ())
    problems = tuple(
        Problem(
            file=CODE,
            line=node.lineno,
            column=node.col_offset + 1,
            message=f"function {node.name}: a tool is a plain function, not `async def`",
        )
        for node in module.body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    )
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef))
    schemas = {one.name: _schema(one) for one in functions if _TOOL_FUNCTION.match(one.name)}
    return _Content(schemas, problems)


def _schema(function: ast.FunctionDef) -> Mapping[str, Any] | None:
    """The names of its parameters, and which of them have no default."""
    given = function.args
    if given.vararg is not None or given.kwarg is not None:
        return None
    placed = [*given.posonlyargs, *given.args]
    required = [one.arg for one in placed[: len(placed) - len(given.defaults)]]
    required += [
        one.arg for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None
    ]
    names = [one.arg for one in (*placed, *given.kwonlyargs) if one.arg != CONTEXT]
    return {
        "type": "object",
        "properties": {name: {} for name in names},
        "required": [name for name in required if name != CONTEXT],
        "additionalProperties": False,
    }


def _parsed(file: str, source: str) -> ast.Module | Problem:
    try:
        with warnings.catch_warnings():  # the compiler's advice is the author's, not the operator's
            warnings.simplefilter("ignore")
            return ast.parse(source, filename=file)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        return Problem(file=file, line=line, column=column, message=f"not Python: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"not Python: {str(error) or 'nested too deeply'}"
        return Problem(file=file, line=1, column=1, message=message)


def code_digest(code: Mapping[str, str]) -> str:
    """SHA-256 (hex) of all of a pack's code: what an operator trusts. Of one file, that of its text."""
    if len(code) == 1:
        return hashlib.sha256(code[CODE].encode()).hexdigest()
    return content_digest(code)


def code_text(code: Mapping[str, str]) -> str:
    """All of a pack's code to be read in one go, a line with its name before each of several files."""
    if len(code) == 1:
        return code[CODE]
    return "\n".join(f"# ---- {file} ----\n{source}" for file, source in code.items())
