"""From commits to the entries of release notes: what was done, under which number, by whom.

A merged request is one entry, whose commits are its detail. What was done and undone is none.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tools_kinds import KINDS, NUMBER, bumps_of, classify, is_loud

_MERGED_REQUEST = (
    re.compile(r"Merge pull request #(?P<number>\d+)\b(?: (?:from|in) (?P<branch>\S+))?"),
    re.compile(r"Merged in (?P<branch>\S+) \(pull request #(?P<number>\d+)\)"),
    re.compile(r"Merged PR (?P<number>\d+): (?P<title>.+)"),
    re.compile(r"Merge (?:pull request|PR) \W?#?(?P<number>\d+)\W*(?P<title>.*)"),
)
_MERGE = re.compile(
    r"Merge(d)?\b.*\b(branch|branches|tag|commit|remote-tracking|pull request|into|from|with|"
    r"upstream|master|main)\b",
    re.I,
)
_GITLAB_REQUEST = re.compile(r"See merge request (?:\S*)!(\d+)")
_REVERT = re.compile(
    r"(?:revert:\s*)?(?:(?P<again>reapply)|revert(?:ed|s)?)\s*:?\s+\"(?P<title>.+)\"\.?(?:\s*\(#\d+\))?\Z",
    re.I,
)
_REVERT_PLAIN = re.compile(r"revert(?:ed|s)?(?:\([^)]*\))?:?\s+(?P<title>\S.+)", re.I)
_REVERTED_SHA = re.compile(r"reverts? (?:commit )?([0-9a-f]{7,40})\b", re.I)
_REVERTED_NUMBER = re.compile(r"reverts? (?:\S+/\S+)?[#!](\d+)", re.I)
_SILENT = re.compile(
    r"\[bot\]|^(dependabot|renovate|greenkeeper|pyup|snyk|github-actions|pre-commit-ci|mergify|codecov|"
    r"imgbot|allcontributors|semantic-release|release-please|weblate|hosted weblate|github|gitlab|"
    r"bors|homu|k8s-ci-robot|"
    r"web-flow|transifex)\b|(^|[-_ ])(ro)?bot\Z|autocommit|\bautobot\b",
    re.I,
)
_CO_AUTHOR = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]*)>")
_MAX_DEPTH = 200
_CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")

Entry = dict[str, Any]
Commit = dict[str, Any]


def plain(text: str) -> str:
    """One line without control characters and terminal sequences: commits are written by anybody."""
    words = _CONTROL.sub("", text)
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def is_bot(name: str, email: str = "") -> bool:
    """Whether a program wrote it: programs are not thanked."""
    return bool(_SILENT.search(name) or "[bot]" in email or email.startswith(("noreply@github", "bot@")))


class Change(NamedTuple):
    """A commit that stands for itself, or a merge with the commits that it brought."""

    commit: Commit
    below: list[Commit]
    request: dict[str, Any] | None


def read_entries(commits: list[Commit], head: str | None = None) -> tuple[list[Entry], int]:
    """Entries, newest first, and how many of them cancelled each other as change and revert."""
    entries = [_entry(change) for change in _changes(commits, head)]
    alive = _without_reverted(entries)
    return alive, len(entries) - len(alive)


def _changes(commits: list[Commit], head: str | None) -> list[Change]:
    """Every commit in one place: on a line of first parents, or below the merge that brought it."""
    history = _History(commits)
    start = head if head in history.by_sha else (commits[0]["sha"] if commits else "")
    found = history.line(start, 0)
    # what no line reached (commits whose parents are not told) stands for itself
    for commit in commits:
        if commit["sha"] not in history.placed and not _is_merge(commit):
            found += history.line(commit["sha"], 0)
    order = {commit["sha"]: place for place, commit in enumerate(commits)}
    return sorted(found, key=lambda change: order[change.commit["sha"]])


class _History:
    """Commits of a range, each placed once."""

    def __init__(self, commits: list[Commit]) -> None:
        self.by_sha = {commit["sha"]: commit for commit in commits}
        self.placed: set[str] = set()

    def line(self, start: str, depth: int) -> list[Change]:
        """The changes along first parents, oldest first, so that an older merge owns what it brought."""
        line: list[Commit] = []
        at = start
        while at in self.by_sha and at not in self.placed:
            self.placed.add(at)
            line.append(self.by_sha[at])
            at = next(iter(self.by_sha[at].get("parents") or ()), "")
        found: list[Change] = []
        for commit in reversed(line):
            sides = commit.get("parents", ())[1:]
            if not sides:
                found.append(Change(commit, [], None))
                continue
            brought = [change for side in sides for change in self._side(side, depth + 1)]
            request = _request(commit)
            if request is None:
                found += brought
                continue
            # a request that merged requests: theirs stay entries, the rest is its detail
            nested = [change for change in brought if change.request]
            below = [change.commit for change in brought if not change.request]
            found += nested
            if below or not nested:
                found.append(Change(commit, below, request))
        return found

    def _side(self, start: str, depth: int) -> list[Change]:
        if depth < _MAX_DEPTH:
            return self.line(start, depth)
        found: list[Change] = []
        waiting = [start]
        while waiting:
            at = waiting.pop()
            if at in self.by_sha and at not in self.placed:
                self.placed.add(at)
                waiting += self.by_sha[at].get("parents", ())
                found.append(Change(self.by_sha[at], [], None))
        return found


def _is_merge(commit: Commit) -> bool:
    return bool(_MERGE.match(commit["subject"])) and _request(commit) is None


def _request(commit: Commit) -> dict[str, Any] | None:
    """Number and title of the request that a merge commit merged, as the forges write them."""
    subject, body = plain(str(commit["subject"])), str(commit.get("body") or "")
    first = next((line.strip() for line in body.splitlines() if line.strip()), "")
    for pattern in _MERGED_REQUEST:
        match = pattern.match(subject)
        if match:
            named = match.groupdict()
            title = named.get("title") or first or _words_of_branch(named.get("branch") or "")
            return {"number": int(match["number"]), "title": plain(title) or subject}
    gitlab = _GITLAB_REQUEST.search(body)
    if gitlab:
        title = first if first and not first.startswith("See merge request") else subject
        return {"number": int(gitlab[1]), "title": plain(title)}
    squashed = NUMBER.search(subject)
    if squashed and len(commit.get("parents", ())) > 1:
        return {"number": int(squashed[1]), "title": subject}
    return None


def _words_of_branch(branch: str) -> str:
    name = branch.rsplit("/", 1)[-1]
    return re.sub(r"[-_]+", " ", name).strip().capitalize()


def _entry(change: Change) -> Entry:
    commit, details, request = change
    subject = plain(request["title"] if request else str(commit["subject"]))
    numbers = [request["number"]] if request else []
    while match := NUMBER.search(subject):
        subject = subject[: match.start()]
        if int(match[1]) not in numbers:
            numbers.append(int(match[1]))
    kind, scope, text = classify(subject)
    below = [classify(plain(str(one["subject"]))) for one in details]
    if kind == "other" and below:
        kinds = [found[0] for found in below]
        kind = next((name for name in KINDS if name in kinds), "other")
    people = [commit, *details] if details else [commit]
    why = [note for one in people for note in _breaking_notes(one)]
    loud = any(is_loud(plain(str(one["subject"]))) for one in people) or is_loud(subject)
    return {
        "full_sha": commit["sha"],
        "sha": commit["sha"][:10],
        "kind": "breaking" if why or loud else kind,
        "scope": scope,
        "subject": text if scope else text[:1].upper() + text[1:],
        "title": subject,
        "numbers": numbers,
        "why": why[:3],
        "details": [plain(str(one["subject"])) for one in details][:50],
        "shas": [commit["sha"], *(one["sha"] for one in details)],
        "text": "\n".join(str(one.get("body") or "") for one in people)[:4000],
        "people": _people(details or [commit]),
        "bumps": bumps_of(subject, "\n".join(str(one.get("body") or "") for one in people)),
        "date": commit.get("date"),
    }


def _people(commits: list[Commit]) -> list[list[str]]:
    """[name, address] of everybody who wrote it, named in trailers as well; no programs."""
    found: dict[str, list[str]] = {}
    for commit in commits:
        named = [(commit["author"], commit.get("email", ""))]
        for trailer in commit.get("trailers", ()):
            match = _CO_AUTHOR.match(trailer["value"])
            if trailer["key"].lower() == "co-authored-by" and match:
                named.append((match["name"].rstrip(), match["email"]))
        for name, email in named:
            shown = plain(name)
            if shown and not is_bot(shown, email):
                found.setdefault(shown.lower(), [shown, email.lower()])
    return list(found.values())


def _breaking_notes(commit: Commit) -> list[str]:
    notes = [one["value"] for one in commit.get("trailers", ()) if one["key"].upper().startswith("BREAKING")]
    if not notes and "BREAKING CHANGE" in str(commit.get("body") or ""):
        return [""]
    return [plain(note)[:300] for note in notes]


def _without_reverted(entries: list[Entry]) -> list[Entry]:
    """What was done and undone within the range is not told; a revert of something older is."""
    gone: set[int] = set()
    for place, entry in enumerate(entries):  # newest first: a revert of a revert leaves the change
        match = _REVERT.match(entry["title"])
        again = bool(match and match["again"])
        match = match or _REVERT_PLAIN.match(entry["title"])
        if place in gone or match is None:
            continue
        title = match["title"]
        target = _target(entries, place, title, entry["text"], gone, again=again)
        if target is not None:
            gone |= {place, target}
        elif again:
            entry["subject"] = title
        else:
            entry["kind"] = "breaking" if entry["kind"] == "breaking" else "revert"
            entry["subject"] = title
    return [entry for place, entry in enumerate(entries) if place not in gone]


def _target(
    entries: list[Entry], place: int, title: str, text: str, gone: set[int], *, again: bool
) -> int | None:
    shas = _REVERTED_SHA.findall(text)
    numbers = {int(number) for number in _REVERTED_NUMBER.findall(text)}
    wanted = f'revert "{title}"'.lower() if again else title.lower()
    for older in range(place + 1, len(entries)):
        if older in gone:
            continue
        other = entries[older]
        if any(other["full_sha"].startswith(sha) for sha in shas):
            return older
        if len(other["shas"]) == 2 and any(other["shas"][1].startswith(sha) for sha in shas):
            return older  # the only commit of a merged request
        if numbers & set(other["numbers"]):
            return older
        whole = NUMBER.sub("", title).lower()
        if wanted in {other["title"].lower(), other["subject"].lower()} or whole == other["title"].lower():
            return older
    return None
