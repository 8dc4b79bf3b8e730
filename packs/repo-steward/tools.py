"""Tools of the repository steward: release notes from a history, and a search for credentials in files.

How it is done stands in the files beside this one: tools_commits and tools_notes, tools_rules, tools_scan
and tools_findings.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Literal

from tools_commits import plain, read_entries
from tools_findings import (
    ask_at_once as _ask_at_once,
)
from tools_findings import (
    ask_each as _ask_each,
)
from tools_findings import (
    judged_at_once,
    not_looked_at,
    number_findings,
    report_parts,
)
from tools_findings import (
    read_baseline as _read_baseline,
)
from tools_findings import (
    write_baseline as _write_baseline,
)
from tools_notes import (
    Forge,
    as_changelog,
    as_markdown,
    everybody,
    grouped,
    into_changelog,
    left_out,
    newcomers,
)
from tools_scan import MAX_FILE_BYTES, Providers, scan

_BINARY = re.compile(
    r"(?i)\.(?:png|jpe?g|gif|webp|ico|bmp|tiff?|pdf|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|jar|war|ear|"
    r"whl|so|dylib|dll|exe|"
    r"o|a|class|pyc|woff2?|ttf|otf|eot|mp[34]|mov|avi|mkv|wav|flac|ogg|sqlite3?|db|parquet|bin|"
    r"docx?|xlsx?|pptx?|jks|p12|pfx)$"
)
_MAX_BATCHES = 24
_MIN_BATCH = 200
_EDITABLE = 90_000


def locate(file: str) -> dict[str, str]:
    """Split a file path into the nearest directory that exists and the rest, as files.write takes them."""
    target = Path(file)
    if not target.is_absolute():
        raise ValueError(f"the file must be an absolute path, not {file!r}")
    if target.is_dir():
        raise ValueError(f"{file!r} is a directory: name a file in it")
    root = next(parent for parent in target.parents if parent.is_dir())
    return {"root": str(root), "path": target.relative_to(root).as_posix()}


def outcome(summary: str, files: list[str]) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote."""
    return {"summary": summary, "files": files}


def group_commits(
    commits: list[dict[str, Any]], head: str | None = None, earlier: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Entries by kind: a merged request is one entry, reverts cancel, packages are one line each.

    `head` is the newest commit's id; `earlier` are the authors before the range, for who is new.
    """
    entries, cancelled = read_entries(commits, head)
    groups = [{**group, "entries": [_shown(one) for one in group["entries"]]} for group in grouped(entries)]
    count = sum(len(group["entries"]) for group in groups)
    other = sum(len(group["entries"]) for group in groups if group["kind"] == "other")
    removed = sum(len(group["entries"]) for group in groups if group["kind"] == "removed")
    new = [] if earlier is None else newcomers(entries, earlier)
    words = f"{count:,} entries from {len(commits):,} commits"
    if cancelled:
        words += f"; {cancelled:,} changes and reverts cancel each other and are not listed"
    if removed:
        words += (
            f"; removals that may break somebody: {removed:,}; move those that do to the breaking changes"
        )
    return {
        "groups": groups,
        "total": len(commits),
        "entries": count,
        "other": other,
        "words": words,
        "people": everybody(entries),
        "new": [[name, {key: entry[key] for key in ("numbers", "sha", "full_sha")}] for name, entry in new],
    }


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    keys = ("kind", "sha", "full_sha", "scope", "subject", "numbers", "why", "details")
    return {key: entry[key] for key in keys}


def draft_notes(
    found: dict[str, Any],
    from_ref: str,
    to_ref: str,
    version: str = "",
    style: Literal["markdown", "changelog"] = "markdown",
    date: str | None = None,
    origin: str | None = None,
    head: str | None = None,
    details: bool = False,
) -> dict[str, Any]:
    """Release notes as Markdown, or a section of a changelog; `editable` when they fit into a form."""
    forge = Forge(origin)
    named = plain(version) or (plain(to_ref) if to_ref != "HEAD" else "Unreleased")
    last = head[:12] if head and to_ref == "HEAD" else to_ref
    about = {
        "version": named,
        "unreleased": named.lower() == "unreleased",
        "date": (date or "")[:10],
        "people": found["people"],
        "new": [(name, entry) for name, entry in found["new"]],
        "range": forge.range(from_ref, last),
    }
    form = as_changelog if style == "changelog" else as_markdown
    text = "\n".join(form(found["groups"], about, forge, details=details))
    hidden = left_out(found["groups"]) if style == "changelog" else 0
    words = (
        f"{hidden:,} entries of documentation and maintenance are left out, as a changelog does."
        if hidden
        else ""
    )
    return {"text": text, "editable": len(text) <= _EDITABLE, "words": words}


def place_notes(text: str, file: str, style: Literal["markdown", "changelog"] = "markdown") -> dict[str, str]:
    """The whole file to write: a page of notes is the file; a changelog's section goes into what is there."""
    if style == "markdown":
        return {"text": text}
    target = Path(file)
    existing = target.read_text("utf-8") if target.is_file() else ""
    return {"text": into_changelog(existing, text)}


def read_baseline(file: str) -> dict[str, Any]:
    """Verdicts of earlier scans; none when no file is named or there is none yet."""
    if not file or not Path(file).is_file():
        return {"known": {}}
    return {"known": _read_baseline(Path(file).read_text("utf-8"))}


def prepare_rules(context: dict[str, Any]) -> dict[str, Any]:
    """Which rules will be asked. Builds them once, so that the scans side by side need not."""
    return {"rules": Providers(_cache(context)).name}


def batch_files(listing: dict[str, Any], repo: str, out: str, baseline: str = "") -> dict[str, Any]:
    """Batches of paths worth reading, and the rest with why it is not read."""
    own = {_inside(Path(file), repo) for file in (out, baseline) if file}
    wanted, left = [], []
    for file in listing["files"]:
        if file["path"] in own:
            continue
        if _BINARY.search(file["path"]):
            left.append({"path": file["path"], "why": "binary"})
        elif file["size"] > MAX_FILE_BYTES:
            left.append({"path": file["path"], "why": f"larger than {MAX_FILE_BYTES // 1_000_000} MB"})
        else:
            wanted.append(file["path"])
    wanted += [name for name in listing.get("skipped", []) if "\\x" in name]
    size = max(_MIN_BATCH, math.ceil(len(wanted) / _MAX_BATCHES))
    batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    return {"batches": batches, "count": len(wanted), "left_out": left}


def _inside(file: Path, repo: str) -> str | None:
    return file.relative_to(repo).as_posix() if file.is_relative_to(repo) else None


def scan_files(repo: str, files: list[str], context: dict[str, Any]) -> dict[str, Any]:
    """Findings in some files of a directory. A finding never holds the secret, only a masked line."""
    return scan(repo, files, _cache(context))


def _cache(context: dict[str, Any]) -> Path:
    return Path(context["workdir"]) / ".rules"


def merge_findings(
    results: list[dict[str, Any]],
    listing: dict[str, Any],
    left_out: list[dict[str, str]],
    known: dict[str, str],
) -> dict[str, Any]:
    """All findings with an id each, what was not looked at, and the form that judges many at once."""
    found = number_findings(results, known)
    return {
        **found,
        "scanned": sum(result["scanned"] for result in results),
        "unseen": not_looked_at(results, listing, left_out),
        "at_once": _ask_at_once(found["findings"]),
    }


def ask_each(
    findings: list[dict[str, Any]], groups: dict[str, list[str]], values: dict[str, Any]
) -> dict[str, Any]:
    """What was judged at once, and the form about every finding that is left."""
    verdicts = judged_at_once(findings, groups, values)
    return {**_ask_each(findings, verdicts), "verdicts": verdicts}


def arrange_report(
    repo: str,
    found: dict[str, Any],
    at_once: dict[str, str],
    singly: dict[str, str],
    rules: str,
    excluded: list[str],
    state: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Title, sections and summary of the report, and the baseline that goes with it."""
    verdicts = {**at_once, **singly}
    parts = report_parts(repo, found, verdicts, found["scanned"], found["unseen"], rules, excluded, state)
    return {**parts, "baseline": _write_baseline(found["findings"], verdicts)}
