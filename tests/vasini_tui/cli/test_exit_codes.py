from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, VasiniError
from vasini_tui.exit_codes import EXIT_BY_ERROR, ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_every_error_code_has_an_exit_status() -> None:
    assert set(EXIT_BY_ERROR) == set(ErrorCode)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_an_error_of_the_engine_ends_in_its_status_and_its_words(
    code: ErrorCode, vasini: Vasini, fake: FakeEngine
) -> None:
    fake.failures["list"] = VasiniError(code, "what, where, what to do", {"place": "here"})
    outcome = vasini("runs", "--json")
    assert outcome.status == EXIT_BY_ERROR[code] != ExitCode.OK
    assert outcome.error == {"code": code, "message": "what, where, what to do", "details": {"place": "here"}}
    assert outcome.stderr == f"vasini: {code}: what, where, what to do\n"
    silent = vasini("runs")
    assert (silent.status, silent.stdout) == (outcome.status, "")
