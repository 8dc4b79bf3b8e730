"""`vasini completion`: what shells are told."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.vasini_tui.conftest import Vasini


def test_every_command_and_its_options_are_known(vasini: Vasini) -> None:
    known = vasini("completion", "bash", "--json").document["commands"]
    assert "--follow" in known["logs"]
    assert "--json" in known["pack new"]
    assert "--version" in known[""]


def completed(vasini: Vasini, *words: str) -> set[str]:
    """What bash offers for the last of these words."""
    bash = shutil.which("bash")
    assert bash is not None
    script = vasini("completion", "bash").stdout
    typed = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _vasini; echo ${{COMPREPLY[@]}}"
    told = subprocess.run([bash, "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_bash_completes_commands_groups_and_options(vasini: Vasini) -> None:
    assert {"run", "runs", "rerun"} <= completed(vasini, "vasini", "")
    assert completed(vasini, "vasini", "pru") == {"prune"}
    assert "trust" in completed(vasini, "vasini", "pack", "")
    assert completed(vasini, "vasini", "prune", "--old") == {"--older-than"}
    assert completed(vasini, "vasini", "show", "run-1", "--js") == {"--json"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_too(vasini: Vasini, shell: str) -> None:
    assert "--older-than" in vasini("completion", shell).stdout


def test_an_unknown_shell_is_a_usage_error(vasini: Vasini) -> None:
    assert vasini("completion", "ash").status == ExitCode.USAGE
