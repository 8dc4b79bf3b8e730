"""`vasini doctor`: settings in force, and the state of everything they lead to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.output import format_size
from vasini_tui.settings.config_content import format_problem
from vasini_tui.version import program_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vasini_tui.doctor.examination import Examination
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session


Deep = Annotated[
    bool,
    typer.Option("--deep", help="Also check every index entry of the journal and every run that is over."),
]


def doctor(deep: Deep = False, as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """Check this installation: settings, packs, journal, terminal. Every setting tells where it is from."""
    return Invocation(partial(_doctor, deep=deep), as_json, act_as, tolerant=True)


async def _doctor(session: Session, *, deep: bool) -> int:
    from vasini_tui.doctor.examination import examine  # noqa: PLC0415  # loads sqlite3, which no other command needs here

    found = await examine(session.loaded, session.opener, program_version(), deep=deep)
    if session.out.as_json:
        session.out.document(_document(found))
    else:
        _write(session.out, found)
    for error in found.errors:
        session.out.note(f"vasini: {error.code}: {error.message}")
        for problem in error.details.get("problems", ())[1:]:
            session.out.note(f"  and: {format_problem(problem)}")
    return found.status


def _document(found: Examination) -> dict[str, Any]:
    document: dict[str, Any] = {
        **found.program,
        "terminal": found.terminal,
        "places": found.places,
        "identity": found.identity,
        "agents": found.agents,
        "settings": [
            {"key": setting.key, "value": setting.value, "source": setting.source}
            for setting in found.settings
        ],
        "journal": found.journal,
        "disk": found.disk,
        "packs": found.packs,
        "servers": found.servers,
        "warnings": found.warnings,
        "problems": [
            {"code": error.code, "message": error.message, "details": error.details} for error in found.errors
        ],
    }
    if found.errors:
        document["error"] = document["problems"][0]
    return document


def _write(out: Output, found: Examination) -> None:
    for title, found_values in (
        ("Program", found.program),
        ("Terminal", found.terminal),
        ("Places", found.places),
        ("Identity", found.identity),
        *((("Agents", found.agents),) if found.agents else ()),
        ("Journal", found.journal),
    ):
        out.line(title)
        out.pairs((f"  {_words(name)}", _amount(name, value)) for name, value in found_values.items())
    resting = list(_resting(found.journal.get("workers") or ()))
    if resting:
        out.line("Models that rest (models.breaker)")
        out.pairs(resting)
    if found.disk:
        out.line("Disk")
    out.pairs((f"  {kind}", format_size(size)) for kind, size in found.disk.items())
    out.line("Packs")
    out.table(
        ("  PACK", "VERSION", "FROM", "FLOWS", "PROBLEMS"),
        (
            (f"  {pack['pack']}", pack["version"], pack["source"], pack["flows"], pack["problems"])
            for pack in found.packs
        ),
    )
    if found.servers:
        out.line("MCP servers")
        for server in found.servers:
            out.line(f"  {server}")
    out.line("Settings")
    out.table(
        ("  KEY", "VALUE", "FROM"),
        ((f"  {setting.key}", _format_value(setting.value), setting.source) for setting in found.settings),
    )
    for warning in found.warnings:
        out.line(f"warning: {warning}")


def _words(name: str) -> str:
    """A name as a person reads it; what is all capitals is one of the environment."""
    return name if name.isupper() else name.replace("_", " ")


def _amount(name: str, value: Any) -> Any:
    return format_size(value) if name.endswith("bytes") and value is not None else _format_value(value)


def _resting(workers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Models that failed too often, each with who leaves it alone and for how long."""
    for worker in workers:
        for name, seconds in worker["resting_models"].items():
            then = f"for {seconds} s more" if seconds else "until its next call answers"
            yield f"  {name}", f"failed too often: the worker {worker['pid']} leaves it alone {then}"


def _format_value(value: Any) -> Any:
    """Structures in one line; what is told elsewhere is left out."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items() if name != "resting_models")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(_format_value(item) for item in value)
    return value
