"""Templates of flows: `{{ payload.x }}`, `{{ steps.<id>.output.x }}`, and expressions of `when`.

Jinja2 in its immutable sandbox, narrowed: values are data without attributes or methods, the filters
are a closed list of pure ones, nothing can be called, and the work and the size of a result are bounded.
"""

from __future__ import annotations

from engine.templates.filters import kind_of
from engine.templates.render import (
    Expression,
    Template,
    compile_expression,
    compile_template,
    has_template,
    paths_in,
    render_value,
)
from engine.templates.work import MAX_OUTPUT, MAX_RANGE, MAX_SOURCE, TemplateError

__all__ = [
    "MAX_OUTPUT",
    "MAX_RANGE",
    "MAX_SOURCE",
    "Expression",
    "Template",
    "TemplateError",
    "compile_expression",
    "compile_template",
    "has_template",
    "kind_of",
    "paths_in",
    "render_value",
]
