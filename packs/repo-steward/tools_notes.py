"""Release notes as text: sections, links to a known forge, people; Markdown or Keep a Changelog."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from tools_commits import is_bot, plain
from tools_kinds import KINDS

Entry = dict[str, Any]

_CHANGELOG = {
    "Added": ("feature",),
    "Changed": ("breaking", "change", "performance", "dependency", "revert", "other"),
    "Deprecated": ("deprecated",),
    "Removed": ("removed",),
    "Fixed": ("fix",),
    "Security": ("security",),
}
_NOT_NOTABLE = ("documentation", "maintenance")
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+\.[a-z]{2,}):(?P<path>[^\s:?#]+)")
_URL = re.compile(r"(?:https?|ssh|git)://(?:[^/@\s]*@)?(?P<host>[\w.-]+)(?::\d+)?/(?P<path>[^\s:?#]+)")
_FORGES = {
    "github": ("/commit/{}", "/pull/{}", "/compare/{}...{}"),
    "gitlab": ("/-/commit/{}", "/-/merge_requests/{}", "/-/compare/{}...{}"),
    "bitbucket": ("/commits/{}", "/pull-requests/{}", "/branches/compare/{1}..{0}"),
    "gitea": ("/commit/{}", "/pulls/{}", "/compare/{}...{}"),
}
_HOSTS = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "codeberg.org": "gitea",
}
_CODE = re.compile(r"(`[^`]+`)")
_SHOWN_DETAILS = 20


class Forge:
    """Addresses of commits, requests and ranges, where `origin` is a forge that is known by its host."""

    def __init__(self, origin: str | None) -> None:
        self.base, self._forms = "", ("", "", "")
        match = (_URL.fullmatch(origin) or _SCP.fullmatch(origin)) if origin else None
        if not match:
            return
        host, path = match["host"].lower(), match["path"].strip("/").removesuffix(".git")
        kind = _HOSTS.get(host) or next((name for name in _FORGES if host.split(".")[0] == name), None)
        if kind and "/" in path:
            self.base = f"https://{host}/{quote(path)}"
            self._forms = _FORGES[kind]

    def commit(self, sha: str, full: str) -> str:
        """The short id, as a link where that is possible."""
        return f"[{sha[:7]}]({self.base}{self._forms[0].format(full)})" if self.base else sha[:10]

    def request(self, number: int) -> str:
        """`#12`, as a link where that is possible."""
        return f"[#{number}]({self.base}{self._forms[1].format(number)})" if self.base else f"#{number}"

    def range(self, first: str, last: str) -> str | None:
        """The address of a comparison."""
        if not self.base:
            return None
        return self.base + self._forms[2].format(quote(first, safe=""), quote(last, safe=""))


def grouped(entries: list[Entry]) -> list[dict[str, Any]]:
    """Entries by kind, in the order a reader wants them; packages are one line each."""
    groups: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    moves: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["kind"] == "dependency" and entry["bumps"]:
            _note_moves(moves, entry)
        else:
            groups[entry["kind"]].append(entry)
    groups["dependency"] = [
        *(_move_entry(moves[name]) for name in sorted(moves, key=str.lower)),
        *groups["dependency"],
    ]
    return [{"kind": kind, "title": KINDS[kind], "entries": found} for kind, found in groups.items() if found]


def _note_moves(moves: dict[str, dict[str, Any]], entry: Entry) -> None:
    """Entries come newest first: the first one seen says where a package ended."""
    for bump in entry["bumps"]:
        known = moves.setdefault(
            bump["package"], {"package": bump["package"], "last": bump["last"], "entry": entry, "numbers": []}
        )
        known["first"] = bump["first"] or known.get("first", "")
        known["numbers"] = [*entry["numbers"], *known["numbers"]]


def _move_entry(move: dict[str, Any]) -> Entry:
    span = f"{move['first']} → {move['last']}" if move["first"] else f"→ {move['last']}"
    return {
        **move["entry"],
        "scope": None,
        "subject": f"`{move['package']}` {span}",
        "numbers": move["numbers"],
        "details": [],
        "why": [],
    }


def newcomers(entries: list[Entry], earlier: list[dict[str, Any]]) -> list[tuple[str, Entry]]:
    """Who wrote nothing before this range, with the oldest entry of theirs."""
    names = {plain(author["name"]).lower() for author in earlier}
    addresses = {author["email"].lower() for author in earlier}
    found: dict[str, tuple[str, Entry]] = {}
    for entry in entries:  # newest first, so the last one that is noted is the oldest
        for name, email in entry["people"]:
            if (
                name.lower() not in names
                and (not email or email not in addresses)
                and not is_bot(name, email)
            ):
                found[name.lower()] = (name, entry)
    return [found[name] for name in sorted(found)]


def everybody(entries: list[Entry]) -> list[str]:
    """Who took part, by name."""
    found: dict[str, str] = {}
    for entry in entries:
        for name, _ in entry["people"]:
            found.setdefault(name.lower(), name)
    return [found[key] for key in sorted(found)]


def escaped(text: str) -> str:
    """Words of strangers as Markdown text: no links, pictures, HTML of theirs; code stays code."""
    parts = _CODE.split(plain(text))
    for index in range(0, len(parts), 2):
        part = re.sub(r"([\\\[\]<>*`])", r"\\\1", parts[index])
        parts[index] = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", part)
    return "".join(parts)


def _line(entry: Entry, forge: Forge, *, prefix: str = "") -> str:
    scope = f"**{escaped(entry['scope'])}**: " if entry["scope"] else ""
    where = ", ".join(map(forge.request, entry["numbers"][:6])) or forge.commit(
        entry["sha"], entry["full_sha"]
    )
    subject = (
        entry["subject"]
        if entry["kind"] == "dependency" and entry["subject"].startswith("`")
        else escaped(entry["subject"])
    )
    return f"- {prefix}{scope}{subject} ({where})"


def _block(entry: Entry, forge: Forge, *, details: bool, prefix: str = "") -> list[str]:
    lines = [_line(entry, forge, prefix=prefix)]
    lines += [f"  {escaped(note)}" for note in entry["why"] if note]
    if details and len(entry["details"]) > 1:
        lines += [f"  - {escaped(detail)}" for detail in entry["details"][:_SHOWN_DETAILS]]
        if len(entry["details"]) > _SHOWN_DETAILS:
            lines.append(f"  - and {len(entry['details']) - _SHOWN_DETAILS} more commits")
    return lines


def as_markdown(
    groups: list[dict[str, Any]], about: dict[str, Any], forge: Forge, *, details: bool
) -> list[str]:
    """A page of notes of one release."""
    date = f" ({about['date']})" if about["date"] else ""
    lines = [f"# {escaped(about['version'])}{date}", ""]
    if not groups:
        lines += ["No changes.", ""]
    for group in groups:
        lines += [f"## {group['title']}", ""]
        for entry in group["entries"]:
            lines += _block(entry, forge, details=details)
        lines.append("")
    if about["new"]:
        lines += ["## New contributors", ""]
        lines += [f"- {escaped(name)} ({_first_work(entry, forge)})" for name, entry in about["new"]]
        lines.append("")
    if about["people"]:
        lines += ["## Contributors", "", ", ".join(map(escaped, about["people"])), ""]
    if about["range"]:
        lines += [f"**All changes**: {about['range']}", ""]
    return lines


def _first_work(entry: Entry, forge: Forge) -> str:
    return (
        forge.request(entry["numbers"][0])
        if entry["numbers"]
        else forge.commit(entry["sha"], entry["full_sha"])
    )


def as_changelog(
    groups: list[dict[str, Any]], about: dict[str, Any], forge: Forge, *, details: bool
) -> list[str]:
    """A section of a changelog as keepachangelog.com has it: what users notice, nothing else."""
    version = escaped(about["version"])
    named = (
        f"[{about['version']}]"
        if about["range"] and re.fullmatch(r"[\w.+-]+", about["version"])
        else f"[{version}]"
    )
    head = f"## {named}" + (f" - {about['date']}" if about["date"] and not about["unreleased"] else "")
    lines = [head, ""]
    by_kind = {group["kind"]: group["entries"] for group in groups}
    for title, kinds in _CHANGELOG.items():
        found = [(kind, entry) for kind in kinds for entry in by_kind.get(kind, ())]
        if not found:
            continue
        lines += [f"### {title}", ""]
        for kind, entry in found:
            prefix = {"breaking": "**Breaking:** ", "revert": "Reverted: "}.get(kind, "")
            lines += _block(entry, forge, details=details, prefix=prefix)
        lines.append("")
    if len(lines) == 2:
        lines += ["No changes that users notice.", ""]
    if about["range"]:
        lines += [f"{named}: {about['range']}", ""]
    return lines


def left_out(groups: list[dict[str, Any]]) -> int:
    """How many entries a changelog does not show."""
    return sum(len(group["entries"]) for group in groups if group["kind"] in _NOT_NOTABLE)


_HEAD = (
    "# Changelog\n\nAll notable changes are listed here, as [Keep a Changelog](https://keepachangelog.com) "
    "has it.\n\n"
)
_SECTION = re.compile(r"^## \[?(?P<name>[^\]\s]+)", re.M)
_REFERENCE = re.compile(r"^\[[^\]]+\]: \S+\s*$", re.M)


def into_changelog(existing: str, section: str) -> str:
    """The section put into a changelog above the newest release; one of the same name is replaced.

    What stands under `[Unreleased]` stays, unless the section itself is the unreleased one.
    """
    if not existing.strip():
        return _HEAD + section
    lines, _, reference = section.rstrip("\n").rpartition("\n\n")
    body = section.rstrip("\n") if not _REFERENCE.match(reference) else lines
    name = _SECTION.match(section)
    found = list(_SECTION.finditer(existing))
    same = next((place for place in found if name and place["name"] == name["name"]), None)
    if same:
        following = next((place.start() for place in found if place.start() > same.start()), None)
        links = _REFERENCE.search(existing, same.end())
        end = following if following is not None else (links.start() if links else len(existing))
        start = same.start()
    else:
        later = [place for place in found if place["name"].lower() != "unreleased"]
        links = _REFERENCE.search(existing)
        start = end = later[0].start() if later else (links.start() if links else len(existing))
    before, after = existing[:start].rstrip("\n"), existing[end:].lstrip("\n")
    text = f"{before}\n\n{body}\n" + (f"\n{after}" if after else "")
    if _REFERENCE.match(reference) and reference.strip() not in text:
        label = reference.partition(": ")[0]
        kept = [line for line in text.splitlines() if not line.startswith(f"{label}: ")]
        gap = "\n" if _REFERENCE.match(kept[-1]) else "\n\n"
        text = "\n".join(kept).rstrip("\n") + gap + reference + "\n"
    return text
