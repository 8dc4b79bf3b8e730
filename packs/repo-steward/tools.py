"""Tools of the repository steward: grouping commits, drafting notes, finding credentials in files."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {
    "breaking": "Breaking changes",
    "feature": "Features",
    "fix": "Fixes",
    "performance": "Performance",
    "documentation": "Documentation",
    "maintenance": "Maintenance",
    "other": "Other changes",
}
_TYPES = {
    "feat": "feature",
    "feature": "feature",
    "fix": "fix",
    "bugfix": "fix",
    "hotfix": "fix",
    "perf": "performance",
    "docs": "documentation",
    "doc": "documentation",
    "build": "maintenance",
    "chore": "maintenance",
    "ci": "maintenance",
    "refactor": "maintenance",
    "style": "maintenance",
    "test": "maintenance",
    "tests": "maintenance",
}
_CONVENTIONAL = re.compile(
    r"(?P<type>[A-Za-z]+)(?:\((?P<scope>[^()]*)\))?(?P<breaking>!)?:\s*(?P<subject>.+)"
)
_HEURISTICS = (
    ("fix", re.compile(r"\b(fix(es|ed)?|bug|repair|correct(s|ed)?|resolve[sd]?|prevent|regression)\b", re.I)),
    ("performance", re.compile(r"\b(faster|speed|perf(ormance)?|optimi[sz]e)", re.I)),
    ("documentation", re.compile(r"\b(docs?|documentation|readme|changelog|typos?)\b", re.I)),
    (
        "maintenance",
        re.compile(r"\b(bump|refactor|clean ?up|rename|tests?|lint|ci|dependenc(y|ies))\b", re.I),
    ),
    ("feature", re.compile(r"^(add(s|ed)?|implement|introduce|support|allow|new)\b", re.I)),
)
_MERGE = re.compile(r"Merge (branch|pull request|remote-tracking branch|tag)\b")

_MAX_FILE_BYTES = 2_000_000
_MAX_LINE_CHARACTERS = 4_000
_MAX_FINDINGS_PER_FILE = 20
_MAX_FORM_FINDINGS = 100
_MAX_BATCHES = 40
_MIN_BATCH = 100

_RULES = (
    ("aws-access-key", re.compile(r"\b((?:AKIA|ASIA)[0-9A-Z]{16})\b")),
    (
        "aws-secret-key",
        re.compile(r"(?i)aws.{0,30}?secret.{0,30}?[=:]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"),
    ),
    ("github-token", re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})")),
    ("gitlab-token", re.compile(r"\b(glpat-[A-Za-z0-9_-]{20,})")),
    ("slack-token", re.compile(r"\b(xox[abeoprs]-[A-Za-z0-9-]{10,})")),
    ("stripe-key", re.compile(r"\b((?:sk|rk)_live_[A-Za-z0-9]{16,})")),
    ("google-api-key", re.compile(r"\b(AIza[0-9A-Za-z_-]{35})")),
    ("json-web-token", re.compile(r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})")),
    ("password-in-url", re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']{1,100}:([^\s/@\"']{3,100})@")),
    (
        "password-assignment",
        re.compile(
            r"(?i)(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|credential)[a-z0-9_]{0,30}"
            r"[\"']?\s{0,10}(?::=|=>|[=:])\s{0,10}[\"']([^\"'\s]{6,200})[\"']"
        ),
    ),
    (
        "password-assignment",
        re.compile(
            r"^\s{0,20}(?:export\s+)?[A-Z0-9_]{0,60}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY)[A-Z0-9_]{0,30}"
            r"=([^\s\"'$<{]{6,200})\s*$"
        ),
    ),
)
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----")
_LONG_TOKEN = re.compile(r"(?<![A-Za-z0-9+/_=-])([A-Za-z0-9+/_-]{32,200}={0,2})(?![A-Za-z0-9+/_=-])")
_PLACEHOLDER = re.compile(
    r"(?i)[<{$%*]|^x+$|^(?:changeme|change_me|example|placeholder|password|secret|redacted|dummy)$|your[_-]|"
    r"^(?:os\.|process\.|env\.|self\.)|\("
)
_GENERATED = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|go\.sum|[^/]*\.lock|[^/]*\.min\.js)$"
)
_BINARY = re.compile(
    r"(?i)\.(?:png|jpe?g|gif|webp|ico|bmp|tiff?|pdf|zip|gz|tgz|bz2|xz|zst|7z|tar|jar|war|whl|so|dylib|dll|exe|"
    r"o|a|class|pyc|woff2?|ttf|otf|eot|mp[34]|mov|avi|mkv|wav|flac|ogg|sqlite|db|parquet|bin)$"
)
_MIN_ENTROPY_BITS = 4.3
_VERDICTS = {
    "real": "Real secrets: revoke and remove",
    "undecided": "Not classified",
    "false_positive": "False positives",
    "ignore": "Ignored",
}


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


def group_commits(commits: list[dict[str, Any]]) -> dict[str, Any]:
    """Sort commits by kind: conventional prefixes first, else by the words of the subject."""
    groups: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
    for commit in commits:
        if not _MERGE.match(commit["subject"]):
            kind, entry = _entry(commit)
            groups[kind].append(entry)
    filled = [
        {"kind": kind, "title": _KINDS[kind], "entries": entries}
        for kind, entries in groups.items()
        if entries
    ]
    return {"groups": filled, "total": sum(len(entries) for entries in groups.values())}


def _entry(commit: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    subject, body = str(commit["subject"]).strip(), str(commit.get("body") or "")
    match = _CONVENTIONAL.match(subject)
    known = match is not None and match["type"].lower() in _TYPES
    scope = match["scope"] if match and known else None
    text = match["subject"] if match and known else subject
    breaking = bool(match and match["breaking"]) or "BREAKING CHANGE" in body
    if breaking:
        kind = "breaking"
    elif match and known:
        kind = _TYPES[match["type"].lower()]
    else:
        kind = next((name for name, words in _HEURISTICS if words.search(subject)), "other")
    entry = {"sha": commit["sha"][:10], "author": commit["author"], "scope": scope, "subject": text}
    return kind, entry


def draft_notes(groups: list[dict[str, Any]], from_ref: str, to_ref: str) -> dict[str, str]:
    """Release notes as Markdown."""
    lines = [f"# Release notes: {_plain(from_ref)} to {_plain(to_ref)}", ""]
    if not groups:
        lines += ["No changes.", ""]
    for group in groups:
        lines += [f"## {group['title']}", ""]
        for entry in group["entries"]:
            scope = f"**{_plain(entry['scope'])}**: " if entry["scope"] else ""
            lines.append(f"- {scope}{_plain(entry['subject'])} ({entry['sha']})")
        lines.append("")
    authors = sorted({_plain(entry["author"]) for group in groups for entry in group["entries"]})
    if authors:
        lines += ["## Contributors", "", ", ".join(authors), ""]
    return {"text": "\n".join(lines)}


def _plain(text: str) -> str:
    """One line without control characters: commits are written by anybody."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def batch_files(files: list[dict[str, Any]], repo: str, out: str) -> dict[str, Any]:
    """Batches of paths worth reading; large, binary and generated files are counted, not read."""
    report = Path(out)
    own = report.relative_to(repo).as_posix() if report.is_relative_to(repo) else None
    wanted = [
        file["path"]
        for file in files
        if file["path"] != own and file["size"] <= _MAX_FILE_BYTES and _is_source(file["path"])
    ]
    size = max(_MIN_BATCH, math.ceil(len(wanted) / _MAX_BATCHES))
    batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    skipped = len(files) - len(wanted) - (1 if any(file["path"] == own for file in files) else 0)
    return {"batches": batches, "count": len(wanted), "skipped": skipped}


def _is_source(path: str) -> bool:
    return not _BINARY.search(path) and not _GENERATED.search(path)


def scan_files(repo: str, files: list[str]) -> dict[str, Any]:
    """Findings in some files of a directory. A finding never holds the secret, only a masked line."""
    root = Path(repo).resolve()
    findings: list[dict[str, Any]] = []
    unreadable = 0
    for name in files:
        path = (root / name).resolve()
        try:
            # a link made since the listing could lead anywhere
            if not path.is_relative_to(root) or not path.is_file():
                unreadable += 1
                continue
            with path.open("rb") as stream:
                raw = stream.read(_MAX_FILE_BYTES)
        except OSError:
            unreadable += 1
            continue
        if b"\0" not in raw[:8192]:
            findings += _in_text(name, raw.decode("utf-8", "replace"))
    return {"findings": findings, "scanned": len(files) - unreadable, "unreadable": unreadable}


def _in_text(path: str, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    inside_key = False
    for number, full in enumerate(text.split("\n"), start=1):
        line = full[:_MAX_LINE_CHARACTERS]
        if inside_key:
            inside_key = not _KEY_END.search(line)
            continue
        spans = list(_secrets(line))
        key = _PRIVATE_KEY.search(line)
        if key:
            inside_key = not _KEY_END.search(line)
            spans.insert(0, ("private-key", key.end(), len(line)))
        if spans:
            excerpt = _masked(line, [(start, end) for _, start, end in spans])
            found.append({"path": path, "line": number, "rule": spans[0][0], "excerpt": excerpt})
        if len(found) >= _MAX_FINDINGS_PER_FILE:
            break
    return found


def _secrets(line: str) -> Iterator[tuple[str, int, int]]:
    for rule, pattern in _RULES:
        for match in pattern.finditer(line):
            if rule != "password-assignment" or not _PLACEHOLDER.search(match[1]):
                yield rule, match.start(1), match.end(1)
    for match in _LONG_TOKEN.finditer(line):
        if _is_random(match[1]):
            yield "high-entropy", match.start(1), match.end(1)


def _is_random(token: str) -> bool:
    """Mixed case and digits, and as many bits a character as random text has; hashes in hex are not."""
    kinds = (str.isupper, str.islower, str.isdigit)
    if not all(any(kind(char) for char in token) for kind in kinds) or token.count("/") > 3:
        return False
    counts = Counter(token).values()
    return -sum(n / len(token) * math.log2(n / len(token)) for n in counts) >= _MIN_ENTROPY_BITS


def _masked(line: str, spans: list[tuple[int, int]]) -> str:
    """The line with every secret replaced by its length."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if end <= position:
            continue
        begin = max(start, position)
        parts += [line[position:begin], f"[{end - begin} characters]" if end > begin else ""]
        position = end
    text = _plain("".join([*parts, line[position:]]))
    return text if len(text) <= 160 else text[:160] + "…"


def merge_findings(results: list[dict[str, Any]]) -> dict[str, Any]:
    """All findings with an id each, and the form schema that asks about them (at most 100 of them)."""
    findings = sorted(
        (finding for result in results for finding in result["findings"]),
        key=lambda finding: (finding["path"], finding["line"]),
    )
    for number, finding in enumerate(findings, start=1):
        finding["id"] = f"f{number:04d}"
    asked = findings[:_MAX_FORM_FINDINGS]
    properties = {finding["id"]: _question(finding) for finding in asked}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "findings": findings,
        "count": len(findings),
        "schema": schema,
        "scanned": sum(result["scanned"] for result in results),
        "unreadable": sum(result["unreadable"] for result in results),
    }


def _question(finding: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "string",
        "title": f"{finding['path']}:{finding['line']} {finding['rule']}",
        "description": finding["excerpt"],
        "enum": ["real", "false_positive", "ignore"],
    }


def arrange_report(
    repo: str,
    findings: list[dict[str, Any]],
    verdicts: dict[str, Literal["real", "false_positive", "ignore"]],
    scanned: int,
    skipped: int,
    truncated: bool,
    state: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Title, sections and summary of the report, findings by what the operator said of them."""
    groups: dict[str, list[dict[str, Any]]] = {verdict: [] for verdict in _VERDICTS}
    for finding in findings:
        groups[verdicts.get(finding["id"], "undecided")].append(finding)
    overview = [f"Directory: {repo}", *_work_tree(state)]
    overview += [f"Files scanned: {scanned}", f"Files not read (large, binary, generated, gone): {skipped}"]
    if truncated:
        overview.append("The directory holds more files than were listed: the scan is not complete.")
    sections: list[dict[str, Any]] = [{"heading": "Overview", "items": overview}]
    for verdict, title in _VERDICTS.items():
        if groups[verdict]:
            sections.append({"heading": title, "table": _table(groups[verdict])})
    counts = (
        f"{len(findings)} findings, {len(groups['real'])} real, {len(groups['undecided'])} not classified."
    )
    summary = counts if findings else "No credentials found."
    sections.insert(1, {"heading": "Result", "text": summary})
    return {"title": "Secret scan", "sections": sections, "summary": summary}


def _work_tree(state: dict[str, Any] | None) -> list[str]:
    if state is None:
        return ["Work tree: not a git repository"]
    changed = len(state["entries"])
    branch = state["branch"] or "(detached)"
    return [f"Branch: {branch}", f"Work tree: {f'{changed} uncommitted paths' if changed else 'clean'}"]


def _table(findings: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [[f["path"], f["line"], f["rule"], f["excerpt"]] for f in findings]
    return {"columns": ["File", "Line", "Rule", "Excerpt (masked)"], "rows": rows}
