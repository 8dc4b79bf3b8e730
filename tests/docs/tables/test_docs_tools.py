"""docs/tools.md is made from the tools, and its example is a tool."""

from __future__ import annotations

import re

from docs.tools_page import PAGE, page
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import PackCode, ToolLimits
from engine.tools.pack_code.pack_tools import describe_functions

TEXT = PAGE.read_text("utf-8")


def test_the_page_of_tools_is_the_registry() -> None:
    assert page(TEXT) == TEXT, "write it anew: make tools"


def test_every_built_in_tool_says_what_it_takes_and_brings() -> None:
    for spec in builtin_registry().specs():
        assert spec.description, spec.name
        assert spec.output, spec.name
        assert spec.parameters["properties"], spec.name


async def test_the_example_is_a_tool() -> None:
    found = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    (function,) = await describe_functions(PackCode("words", "d", {"tools.py": found[1]}), ToolLimits())
    assert function.spec.name == "words.count_words"
    assert function.spec.parameters["required"] == ["text"]
