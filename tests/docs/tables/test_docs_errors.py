"""docs/errors.md has every code with its exit status, and tests that documents name are there."""

from __future__ import annotations

import re
from pathlib import Path

from engine.contracts.status import StepErrorCode
from engine.errors import ErrorCode
from vasini_tui.exit_codes import EXIT_BY_ERROR

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "errors.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (\d) \|", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_error_code_has_a_row_with_its_exit_status() -> None:
    told = {code: int(status) for code, status in ROW.findall(TEXT)}
    known = {code.value: EXIT_BY_ERROR[code].value for code in ErrorCode}
    assert known.items() <= told.items()


def test_every_reason_a_step_can_fail_for_is_told() -> None:
    assert [code.value for code in StepErrorCode if f"`{code.value}`" not in TEXT] == []


def test_every_test_that_a_document_names_exists() -> None:
    pages = [path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))]
    named = {found for page in pages for found in TEST.findall(page)}
    assert len(named) > 40
    missing = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if not (ROOT / file).is_file() or f"def {name}(" not in (ROOT / file).read_text("utf-8")
    ]
    assert missing == []
