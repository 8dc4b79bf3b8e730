"""A pack at a glance: what it is, whether it can start runs, its versions and who runs on which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.pack import PackState
from engine.contracts.packs.versions import SignatureState
from engine.safe_text import sanitize
from screens.packs.labels import PACK_LABELS
from screens.widgets.ages import full_time
from screens.widgets.numbers import counted
from screens.widgets.status_labels import RISK_LABELS, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from engine.contracts.packs.pack import PackView
    from engine.contracts.packs.versions import PackDetail, PackVersion

COLUMNS = (Column("", 12), Column("", 40, flex=1))

_STATE_WORDS = {
    PackState.OK: "Its flows can be started.",
    PackState.STALE: "Its files are broken; the last good content goes on. See Problems.",
    PackState.BROKEN: "It cannot be loaded, and no earlier content is known. See Problems.",
    PackState.UNTRUSTED_CODE: "It brings code of its own that nobody has trusted. See Code.",
}


def overview_rows(detail: PackDetail) -> list[Row]:
    """What it is, runs by version, what was published."""
    view = detail.view
    return [*_facts(detail), *_runs(view), *_published(detail)]


def format_runs(view: PackView) -> str:
    """`not over: 3 runs on 1.2.0, 1 on 1.1.0`; empty while nothing goes on."""
    counts = [
        f"{counted(item.runs, 'run') if not place else item.runs} on {item.label}"
        for place, item in enumerate(view.runs)
    ]
    return f"not over: {', '.join(counts)}" if counts else ""


def _facts(detail: PackDetail) -> list[Row]:
    view, label = detail.view, PACK_LABELS[detail.view.state]
    risk = RISK_LABELS[view.risk_level] if view.risk_level else None
    facts = [
        ("State", f"{label.symbol} {label.word}. {_STATE_WORDS[view.state]}", label.tone),
        ("Version", f"{view.label}{' (published)' if view.published else ''}", Tone.PLAIN),
        ("About", view.description, Tone.PLAIN),
        ("Risk", f"{risk.symbol} {risk.word}" if risk else "", risk.tone if risk else Tone.PLAIN),
        ("From", f"{view.source}  {view.directory}", Tone.QUIET),
        ("Digest", view.digest or "", Tone.QUIET),
        ("To sign", detail.signing_digest, Tone.QUIET),
        ("Loaded", full_time(view.loaded_at) if view.loaded_at else "", Tone.QUIET),
        ("Flows", ", ".join(flow.flow for flow in view.flows), Tone.PLAIN),
        ("Files", ", ".join(detail.files), Tone.QUIET),
    ]
    rows = [_row(f"fact-{name}", name, words, tone) for name, words, tone in facts if words]
    return [*rows, *_not_in_force(view)]


def _not_in_force(view: PackView) -> list[Row]:
    """What its layers ask for and nothing does yet, each where it stands."""
    return [
        _row(
            f"not-in-force-{place}",
            "" if place else "No effect",
            f"{found.file}:{found.line} {found.field}: {found.message}",
            Tone.WAITING,
        )
        for place, found in enumerate(view.not_in_force)
    ]


def _runs(view: PackView) -> list[Row]:
    total = [_row("runs", "Runs", f"{view.runs_in_all:,} in all", Tone.QUIET)] if view.runs_in_all else []
    return total + [
        _row(
            f"runs-{item.digest}",
            "Not over" if not place else "",
            f"{counted(item.runs, 'run')} on {item.label} ({item.digest[:12]})",
        )
        for place, item in enumerate(view.runs)
    ]


def _published(detail: PackDetail) -> list[Row]:
    if not detail.versions:
        return [
            _row(
                "published",
                "Published",
                "never; runs pin the content they start with all the same",
                Tone.QUIET,
            )
        ]
    return [
        _row(f"version-{version.version}", "Published" if not place else "", _format_version(version))
        for place, version in enumerate(detail.versions)
    ]


def _format_version(version: PackVersion) -> str:
    latest = "latest · " if version.latest else ""
    signed = {
        SignatureState.NONE: "not signed",
        SignatureState.UNCHECKED: "signature not checked: no key is configured",
        SignatureState.VERIFIED: f"signed by {version.signed_by}",
    }[version.signature_state]
    sbom = " · SBOM" if version.sbom else ""
    when = f"{full_time(version.published_at)} by {version.published_by}"
    return f"{version.version}  {latest}{when} · {signed}{sbom} · {version.digest[:12]}"


def _row(key: str, name: str, words: str, tone: Tone = Tone.PLAIN) -> Row:
    return Row(key, (Cell(sanitize(name), Tone.QUIET), Cell(sanitize(words, limit=2_000), tone)))
