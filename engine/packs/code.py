"""What a pack's `tools.py` offers, found without running any of it."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from typing import TYPE_CHECKING

from engine.contracts.pack import Problem
from engine.packs.source.content import CODE
from engine.tools.pack_code.pack_tools import tool_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOOL_FUNCTION = re.compile(r"[a-z][a-z0-9_]*\Z")


def code_tools(pack_id: str, source: str) -> tuple[frozenset[str], Sequence[Problem]]:
    """Full names of the public functions at the top of `tools.py`, or why it cannot be read."""
    try:
        with warnings.catch_warnings():  # the compiler's advice is the author's, not the operator's
            warnings.simplefilter("ignore")
            module = ast.parse(source, filename=CODE)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        return frozenset(), [Problem(file=CODE, line=line, column=column, message=f"not Python: {error.msg}")]
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"not Python: {str(error) or 'nested too deeply'}"
        return frozenset(), [Problem(file=CODE, line=1, column=1, message=message)]
    problems = [
        Problem(
            file=CODE,
            line=node.lineno,
            column=node.col_offset + 1,
            message=f"function {node.name}: a tool is a plain function, not `async def`",
        )
        for node in module.body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]
    functions = (node.name for node in module.body if isinstance(node, ast.FunctionDef))
    names = frozenset(tool_prefix(pack_id) + name for name in functions if _TOOL_FUNCTION.match(name))
    return names, problems


def code_digest(source: str) -> str:
    """SHA-256 (hex) of a `tools.py`: what an operator trusts."""
    return hashlib.sha256(source.encode()).hexdigest()
