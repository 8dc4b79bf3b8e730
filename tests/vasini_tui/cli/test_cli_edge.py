from __future__ import annotations

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidInput, NotFound
from vasini_tui.cli.commands import COMMANDS, asked_for, command
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


@pytest.mark.parametrize(
    "arguments",
    [("bogus",), ("runs", "--bogus"), ("show",), ("pack",), ("reject", "x"), ("--as", "a", "runs")],
)
def test_a_command_written_wrong_is_one_line_and_status_2(vasini: Vasini, arguments: tuple[str, ...]) -> None:
    outcome = vasini(*arguments)
    assert (outcome.status, outcome.stdout) == (ExitCode.USAGE, "")
    assert outcome.stderr.startswith("vasini: usage: ")
    assert outcome.stderr.count("\n") == 1


def test_a_command_written_wrong_is_an_error_document_for_programs(vasini: Vasini) -> None:
    outcome = vasini("runs", "--json", "--bogus")
    assert outcome.status == ExitCode.USAGE
    assert outcome.error["code"] == "usage"


@pytest.mark.parametrize(
    ("command", "help_of"),
    [
        ("nosuch", "vasini"),
        ("approve", "vasini approve"),
        ("pack nosuch", "vasini pack"),
        ("runs --bogus", "vasini runs"),
        ("runs --status", "vasini runs"),
        ("pack new mine --in", "vasini pack new"),
        ("--as", "vasini"),
    ],
)
def test_a_command_written_wrong_says_whose_help_tells_more(
    vasini: Vasini, command: str, help_of: str
) -> None:
    assert vasini(*command.split()).stderr.endswith(f". See `{help_of} --help`.\n")


def test_a_misspelt_command_names_the_one_that_may_be_meant(vasini: Vasini) -> None:
    stderr = vasini("rnus").stderr
    assert "Did you mean 'run" in stderr
    assert stderr.endswith("'? See `vasini --help`.\n")


def test_a_person_who_finds_nothing_is_told_so(vasini: Vasini) -> None:
    assert vasini("runs").stderr == "no runs yet; `vasini run hello/hello --wait` starts one\n"
    assert vasini("runs", "--pack", "hello").stderr == "no run fits\n"
    assert vasini("approvals").stderr == "no approvals wait\n"
    assert vasini("forms", "--status", "all").stderr == "no forms fit\n"
    assert vasini("runs", "--json").stderr == ""


@pytest.mark.parametrize("group", ["", *sorted({name.split()[0] for name in COMMANDS if " " in name})])
def test_the_list_of_commands_says_of_each_in_a_whole_sentence_what_it_does(
    vasini: Vasini, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = vasini(*group.split(), "--help").stdout
    listed = re.findall(r"^  ([a-z][a-z-]*)  +(\S.*)$", text, re.MULTILINE)
    start = f"{group} ".lstrip()
    below = [words.removeprefix(start).split() for words in COMMANDS if words.startswith(start)]
    assert {name for name, _ in listed} == {words[0] for words in below}
    assert [words for _, words in listed if not words.endswith(".") or words.endswith("...")] == []


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("run", "--help"), ("pack", "validate", "--help")]
)
def test_help_and_version_need_nothing(vasini: Vasini, fake: FakeEngine, arguments: tuple[str, ...]) -> None:
    outcome = vasini(*arguments)
    assert outcome.status == ExitCode.OK
    assert outcome.stdout
    assert fake.config is None


def test_an_unexpected_fault_is_one_line_here_and_the_rest_in_the_log(
    vasini: Vasini, fake: FakeEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_SECRETS__TOKEN", "hush-hush")
    fake.failures["open"] = RuntimeError("hush-hush is in this one")
    outcome = vasini("runs", "--json")
    assert outcome.status == ExitCode.UNAVAILABLE
    assert outcome.error["code"] == "internal"
    assert outcome.stderr.count("\n") == 1
    assert "Traceback" not in outcome.stderr
    log = (home / "data" / "vasini.log").read_text(encoding="utf-8")
    assert "RuntimeError: *** is in this one" in log
    assert "hush-hush" not in log + outcome.stdout + outcome.stderr


def test_bytes_that_are_no_text_are_an_argument_written_wrong(vasini: Vasini, fake: FakeEngine) -> None:
    fake.failures["list"] = UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed")
    outcome = vasini("runs", "--text", "a\udcff", "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.USAGE, "usage")
    assert "no UTF-8 text" in outcome.error["message"]
    assert vasini("runs", "--text", "a", "--json").error["code"] == "internal"


def test_an_error_wrapped_by_task_groups_is_still_the_error(vasini: Vasini, fake: FakeEngine) -> None:
    fake.failures["open"] = ExceptionGroup("outer", [ExceptionGroup("inner", [NotFound("gone")])])
    assert vasini("runs").status == ExitCode.NOT_FOUND


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EROFS, "read_only")])
def test_a_disk_that_takes_nothing_more_is_told(
    vasini: Vasini, fake: FakeEngine, number: int, code: str
) -> None:
    fake.failures["open"] = OSError(number, os.strerror(number))
    outcome = vasini("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.UNAVAILABLE, code)


def test_faulty_fields_are_named_in_the_one_line(vasini: Vasini, fake: FakeEngine) -> None:
    faults = [{"field": "name", "message": "is required"}, {"field": "", "message": "is\ntoo short"}]
    fake.failures["start"] = InvalidInput("the input does not fit", {"errors": faults})
    outcome = vasini("run", "a/b")
    assert "name: is required" in outcome.stderr
    assert "too short" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_faulty_settings_stop_every_command_but_doctor(vasini: Vasini, fake: FakeEngine, home: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("nonsense: 1\n", encoding="utf-8")
    outcome = vasini("runs", "--json")
    assert outcome.status == ExitCode.USAGE
    assert outcome.error["code"] == "config_invalid"
    assert fake.config is None


def test_interrupting_is_quiet(vasini: Vasini, fake: FakeEngine) -> None:
    fake.failures["list"] = KeyboardInterrupt()
    outcome = vasini("runs")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (ExitCode.INTERRUPTED, "", "")


@pytest.mark.parametrize("arguments", ["runs --json --bogus", "runs", "--help", "--version"])
def test_a_reader_that_went_away_is_no_failure_worth_words(home: Path, arguments: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*AS_A_SHELL_DOES, *arguments.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "VASINI_HOME": str(home)},
    )
    os.close(writing)
    assert done.returncode == ExitCode.PIPE_CLOSED
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["runs", "runs --json", "show nothing --json", "--help", "--version"])
def test_what_takes_no_more_is_told_where_that_can_be(home: Path, command: str) -> None:
    done = in_a_shell(home, f"{command} >/dev/full")
    assert b"Traceback" not in done.stderr
    told = b"not_found" if "nothing" in command else b"disk_full"
    assert done.stderr.startswith(b"vasini: " + told)
    assert done.returncode == (ExitCode.NOT_FOUND if "nothing" in command else ExitCode.UNAVAILABLE)
    assert in_a_shell(home, f"{command} >/dev/null 2>/dev/full").returncode in {ExitCode.OK, done.returncode}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_leads_nowhere_and_into_no_file(home: Path, closed: str) -> None:
    assert in_a_shell(home, f"runs {closed}").returncode == ExitCode.OK
    assert in_a_shell(home, f"show nothing {closed}").returncode == ExitCode.NOT_FOUND
    assert in_a_shell(home, f"run hello/hello --input - {closed}").returncode == ExitCode.INVALID_INPUT
    assert b"vasini:" not in (home / "data" / "journal.db").read_bytes()


@pytest.mark.parametrize("command", ["run hello/hello", "pack validate ."])
def test_a_current_directory_that_is_gone_is_said(home: Path, tmp_path: Path, command: str) -> None:
    place = tmp_path / "gone"
    done = in_a_shell(home, command, before=f"mkdir {place}; cd {place}; rmdir {place};")
    assert done.returncode == ExitCode.USAGE
    assert done.stderr == b"vasini: usage: the current directory is gone; go to another one\n"


@pytest.mark.parametrize("command", ["verify", "backup", "export run --to"])
def test_a_file_below_the_home_of_nobody_is_only_a_name(vasini: Vasini, command: str) -> None:
    outcome = vasini(*command.split(), "~no-such-account/x")
    assert outcome.status in {ExitCode.NOT_FOUND, ExitCode.INVALID_INPUT}
    assert "internal" not in outcome.stderr


SCRIPT = "import sys; from vasini_tui.entry import main; sys.exit(main())"
AS_A_SHELL_DOES = [sys.executable, "-P", "-c", SCRIPT]
"""The program as its script starts it."""


def in_a_shell(home: Path, command: str, *, before: str = "") -> subprocess.CompletedProcess[bytes]:
    program = shlex.join(AS_A_SHELL_DOES)
    return subprocess.run(
        ["/bin/sh", "-c", f"{before} exec {program} {command}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env={**os.environ, "VASINI_HOME": str(home)},
    )


def loaded_by(*arguments: str) -> set[str]:
    """Modules in memory when a command has ended that was started as a shell does it."""
    program = (
        "import sys\n"
        "from vasini_tui.entry import main\n"
        "sys.argv = ['vasini', *sys.argv[1:]]\n"
        "status = main()\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stderr.split())


def test_ctrl_c_while_the_program_loads_leaves_no_trace() -> None:
    program = (
        "import os, signal, sys\n"
        "class Hasty:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'vasini_tui.__main__':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Hasty())\n"
        "from vasini_tui.entry import main\n"
        "sys.argv = ['vasini', 'runs']\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, b"", b"")


def test_the_version_loads_nothing_of_the_program() -> None:
    loaded = loaded_by("--version")
    assert {"vasini_tui.entry", "vasini_tui.version"} <= loaded
    assert not {"engine", "typer", "pydantic", "asyncio", "logging"} & loaded


def test_a_list_loads_what_a_list_needs() -> None:
    loaded = loaded_by("runs")
    assert {"engine.journal.sqlite.lists.reader", "vasini_tui.cli.runs.look"} <= loaded
    heavy = {"pydantic", "pydantic_core", "importlib.metadata", "importlib.resources", "tempfile", "zoneinfo"}
    heavy |= {"textual", "httpx", "jsonschema", "rich", "jinja2", "yaml", "watchfiles"}
    tools = {"engine.tools.executor", "engine.tools.builtin", "engine.tools.process"}
    packs = {"engine.contracts.flows.flow", "engine.contracts.packs.pack", "engine.packs.loader"}
    work = {"engine.machine.steps", "engine.runtime.worker.worker", "engine.journal.memory.journal"}
    work |= {
        "engine.machine.model.state",
        "engine.runtime.embedded.feed",
        "engine.machine.events.table",
        "engine.machine.model.inputs",
        "engine.journal.rules.commit",
    }
    work |= {"engine.runtime.views.row_views", "engine.runtime.views.run_reader"}
    work |= {"engine.journal.sqlite.store", "engine.journal.sqlite.levels", "engine.journal.sqlite.spending"}
    work |= {"engine.contracts.model", "engine.slo", "engine.tools", "engine.facade.feed"}
    work |= {"engine.journal.rules.publishing", "engine.runtime.rounds"}
    others = {"vasini_tui.cli.packs", "vasini_tui.cli.requests", "vasini_tui.cli.host"}
    settings = {"pydantic_settings", "vasini_tui.settings.seldom_asked", "vasini_tui.settings.together"}
    settings |= {"engine.models.settings", "engine.budget.settings", "engine.acp.settings"}
    settings |= {"engine.tools.mcp.settings", "engine.governance.policies", "vasini_tui.notify"}
    assert not (heavy | tools | packs | work | others | settings) & loaded


def test_what_waits_for_people_is_listed_without_flows_and_templates() -> None:
    loaded = loaded_by("approvals")
    assert "engine.runtime.embedded.requests" in loaded
    flows = {"engine.contracts.flows.flow", "engine.contracts.packs.pack", "engine.packs.loader"}
    others = {"pydantic_settings", "jinja2", "jsonschema", "httpx", "textual", "yaml"}
    others |= {
        "engine.runtime.embedded.starting.run_starter",
        "engine.templates.environment",
        "engine.tools.executor",
    }
    others |= {"engine.budget.settings", "engine.models.settings", "engine.tools.executor"}
    assert not (flows | others) & loaded


def test_the_first_frame_of_the_console_loads_what_it_shows() -> None:
    program = (
        "import sys\n"
        "from contextlib import asynccontextmanager\n"
        "from pathlib import Path\n"
        "from engine.contracts.actor import Actor\n"
        "from vasini_tui.cli.open_console import open_console\n"
        "from vasini_tui.console.app import ConsoleApp\n"
        "from vasini_tui.console.options import ConsoleOptions\n"
        "from vasini_tui.console.themes.themes import find_themes\n"
        "from vasini_tui.settings.loading import load_settings\n"
        "@asynccontextmanager\n"
        "async def opening():\n"
        "    print(*sys.modules)\n"
        "    raise OSError('the first frame is shown')\n"
        "    yield\n"
        "console = load_settings().values.console\n"
        "options = ConsoleOptions(theme=console.theme, themes=find_themes(Path('/none')))\n"
        "app = ConsoleApp(opening(), actor=Actor(name='ben'), tenant='default', settings=options)\n"
        "app.run(headless=True)\n"
    )
    command = [sys.executable, "-c", program]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert {"textual.app", "screens.frame.screen"} <= loaded
    assert not {"pydantic", "importlib.metadata", "jinja2", "httpx", "screens.runs.screen"} & loaded


def test_every_command_of_the_table_can_be_loaded() -> None:
    for words in COMMANDS:
        assert asked_for(words.split()) == [words]
        assert callable(command(words)), words


def test_without_a_terminal_the_console_ends_with_7_and_says_what_to_do(
    vasini: Vasini, fake: FakeEngine
) -> None:
    outcome = vasini()
    assert (outcome.status, outcome.stdout) == (ExitCode.UNAVAILABLE, "")
    assert outcome.stderr.startswith("vasini: terminal_unavailable: ")
    assert "vasini runs" in outcome.stderr
    assert fake.config is None
