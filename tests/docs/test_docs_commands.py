"""Every command line in a document is one that can be typed, and the lists of shipped flows are whole."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from engine.tools.builtin.all import builtin_registry
from screens.keys.action import CONSOLE_ONLY
from screens.keys.registry import ACTIONS
from tests.engine.packs.catalogs import load_catalog
from vasini_tui.cli.app import command_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "packs" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
# what a document writes for a word that is chosen from a list
CHOICES = {"WORD": "done", "SCOPE": "tenant", "AMOUNT": "1", "DAYS": "7", "SHELL": "bash", "TIME": "2h"}


@cache
def tree() -> Any:
    return typer.main.get_command(command_tree())


def words_of(line: str) -> list[str]:
    """The words of a command line, up to where the shell goes on with something else."""
    words = shlex.split(re.sub(r"\$\(.*?\)", "X", line), comments=True)
    end = next((at for at, word in enumerate(words) if word in {"|", ">", "&&", ";"}), len(words))
    return words[1:end]


def whole_lines(text: str) -> Iterator[str]:
    """Command lines that stand alone, to be copied."""
    yield from re.findall(r"^    (vasini [a-z].*)$", text, re.MULTILINE)
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"^(vasini [a-z].*)$", block, re.MULTILINE)


def mentioned(text: str) -> Iterator[str]:
    """Commands in the middle of a sentence, which may leave out what they take."""
    for found in re.findall(r"`([^`]+)`", FENCED.sub("", text)):
        line = found.replace("\n", " ").replace("\\|", "|")
        if re.match(r"vasini (-|[a-z]+\b(?!\.))", line):
            yield line


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the first words name, and the words behind; fails for one that there is not."""
    command, rest = tree(), list(words)
    while rest and not rest[0].startswith("-") and getattr(command, "commands", None):
        assert rest[0] in command.commands, words
        command = command.commands[rest.pop(0)]
    return command, rest


def refuse_unknown_options(line: str) -> None:
    command, rest = command_of(line.replace("[", "").replace("]", "").split()[1:])
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", "--version"}
    assert [word for word in rest if re.match(r"--?[a-z]", word) and word not in known] == [], line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: f"{each.parent.name}-{each.name}")
def test_commands_in_documents_are_ours(document: Path) -> None:
    text = document.read_text("utf-8")
    for line in whole_lines(text):
        command, rest = command_of(words_of(line))
        with command.make_context("vasini", [CHOICES.get(word, word) for word in rest]):
            pass
    for line in mentioned(text):
        refuse_unknown_options(line)


def test_commands_beside_keys_are_ours() -> None:
    for action in ACTIONS:
        if action.cli != CONSOLE_ONLY:
            refuse_unknown_options(action.cli)


@cache
def shipped() -> dict[str, list[str]]:
    """Each flow that is shipped with the fields of its input."""
    tools = [spec.name for spec in builtin_registry().specs()]
    return {
        f"{pack.pack_id}/{name}": list((flow.input or {}).get("properties", {}))
        for pack in load_catalog(ROOT / "packs", None, tools).all()
        for name, flow in pack.flows.items()
    }


def rows(document: Path) -> Iterator[tuple[list[str], str]]:
    """Of the table of flows: the flows of each row, and the second cell."""
    table = document.read_text("utf-8").partition("| flow |")[2].partition("\n\n")[0]
    for names, second in re.findall(r"^\| (`.*?) \| (.*?) \|", table, re.MULTILINE):
        yield re.findall(r"`([a-z/-]+)`", names), second


@pytest.mark.parametrize("document", DOCUMENTS[:2], ids=["README", "packs-README"])
def test_the_tables_of_shipped_flows_are_whole(document: Path) -> None:
    assert sorted(name for names, _ in rows(document) for name in names) == sorted(shipped())


def test_what_shipped_flows_take_is_told() -> None:
    flows = shipped()
    for names, fields in rows(DOCUMENTS[1]):
        if fields.startswith("`"):  # the others are started by the engine
            assert re.findall(r"`(\w+)`", fields) == flows[names[0]]
