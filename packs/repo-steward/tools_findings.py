"""Findings as a person judges them: known ones aside, many at once, then one by one; and the report."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from typing import Any

Finding = dict[str, Any]
Verdicts = dict[str, str]

VERDICTS = {
    "real": "Real secrets: revoke and remove",
    "undecided": "Not classified",
    "false_positive": "False positives",
    "ignore": "Ignored",
}
_ANSWERS = ["real", "false_positive", "ignore"]
_ANSWER_NAMES = [
    "real: a secret that has to be revoked",
    "false positive: no secret",
    "ignore: known and accepted",
]
_ASKED_AT_ONCE = 60
_ASKED_SINGLY = 200
_MAX_FINDINGS = 5_000
_SHOWN_NOT_READ = 50
_MANY = 4


def number_findings(results: list[dict[str, Any]], known: Verdicts) -> dict[str, Any]:
    """All findings in order with an id each; those the baseline knows carry their verdict."""
    findings = sorted(
        (finding for result in results for finding in result["findings"]),
        key=lambda finding: (finding["path"], finding["line"]),
    )
    dropped = max(0, len(findings) - _MAX_FINDINGS)
    del findings[_MAX_FINDINGS:]
    for number, finding in enumerate(findings, start=1):
        finding["id"] = f"f{number:04d}"
        finding["known"] = known.get(finding["known_as"], "")
    return {
        "findings": findings,
        "count": len(findings),
        "known": sum(1 for finding in findings if finding["known"]),
        "to_ask": sum(1 for finding in findings if not finding["known"]),
        "dropped": dropped,
    }


def ask_at_once(findings: list[Finding]) -> dict[str, Any]:
    """A form that judges all findings of a rule, a folder or a file; nothing in it has to be answered.

    `groups` says what each field stands for. A file wins over its folder, a folder over a rule.
    """
    asked = [finding for finding in findings if not finding["known"]]
    groups: dict[str, list[str]] = {}
    properties: dict[str, Any] = {}
    for kind, title, keys in (
        ("rule", "By rule", Counter(finding["rule"] for finding in asked)),
        ("folder", "By folder", Counter(posixpath.dirname(finding["path"]) or "." for finding in asked)),
        ("file", "By file", Counter(finding["path"] for finding in asked)),
    ):
        worth = [(key, count) for key, count in keys.most_common(_ASKED_AT_ONCE) if count > 1]
        fields = {}
        for number, (key, count) in enumerate(sorted(worth), start=1):
            name = f"{kind}{number}"
            groups[name] = [kind, key]
            test = sum(1 for finding in asked if _is_in(finding, kind, key) and finding["likely_test"])
            hint = f"; {test} look like test data" if test else ""
            fields[name] = _question(
                f"{key}: {count} findings{hint}", "Left empty, its findings are asked one by one."
            )
        if fields:
            properties[kind] = {
                "type": "object",
                "title": title,
                "properties": fields,
                "additionalProperties": False,
            }
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"schema": schema, "groups": groups, "worth": len(asked) > _MANY and bool(properties)}


def _is_in(finding: Finding, kind: str, key: str) -> bool:
    if kind == "rule":
        return bool(finding["rule"] == key)
    if kind == "file":
        return bool(finding["path"] == key)
    return (posixpath.dirname(finding["path"]) or ".") == key


def _question(title: str, description: str) -> dict[str, Any]:
    return {
        "type": "string",
        "title": title,
        "description": description,
        "enum": _ANSWERS,
        "enumNames": _ANSWER_NAMES,
    }


def judged_at_once(findings: list[Finding], groups: dict[str, list[str]], values: dict[str, Any]) -> Verdicts:
    """Verdicts by id, from the form of `ask_at_once`."""
    given = {
        name: verdict for part in values.values() if isinstance(part, dict) for name, verdict in part.items()
    }
    verdicts: Verdicts = {}
    for kind in ("rule", "folder", "file"):
        for name, verdict in given.items():
            if name in groups and groups[name][0] == kind:
                key = groups[name][1]
                verdicts |= {f["id"]: verdict for f in findings if not f["known"] and _is_in(f, kind, key)}
    return verdicts


def ask_each(findings: list[Finding], verdicts: Verdicts) -> dict[str, Any]:
    """A form about each finding that is left, at most 200; the rest stays not classified."""
    left = [finding for finding in findings if not finding["known"] and finding["id"] not in verdicts]
    asked = left[:_ASKED_SINGLY]
    properties = {}
    for place, finding in enumerate(asked, start=1):
        title = f"{place} of {len(left)} · {finding['path']}:{finding['line']} {finding['rule']}"
        hint = f" Perhaps test data: {finding['likely_test']}." if finding["likely_test"] else ""
        properties[finding["id"]] = _question(title, finding["excerpt"] + hint)
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"schema": schema, "asked": len(asked), "left": len(left) - len(asked)}


def not_looked_at(
    results: list[dict[str, Any]], listing: dict[str, Any], left_out: list[dict[str, str]]
) -> dict[str, Any]:
    """Everything that was not scanned, in words and as rows: what a clean report is silent about."""
    rows = [*left_out, *(row for result in results for row in result["not_read"])]
    names = {row["path"] for row in rows}
    gone = [name for name in listing.get("skipped", []) if "\\x" not in name and name not in names]
    rows += [{"path": name, "why": "could not be listed"} for name in gone]
    rows.sort(key=lambda row: row["path"])
    capped = [cap for result in results for cap in result["capped"]]
    words = [f"{count} {why}" for why, count in sorted(Counter(row["why"] for row in rows).items())]
    if listing.get("truncated"):
        words.append("files past the first 50,000 of the directory")
    words += [f"{cap['count'] - cap['shown']:,} more findings in {cap['path']}" for cap in capped]
    return {"rows": rows, "capped": capped, "count": len(rows), "words": ", ".join(words)}


def report_parts(
    repo: str,
    found: dict[str, Any],
    verdicts: Verdicts,
    scanned: int,
    unseen: dict[str, Any],
    rules: str,
    excluded: list[str],
    state: dict[str, Any] | None,
) -> dict[str, Any]:
    """Title, sections and summary of the report, findings by what a person said of them."""
    findings = found["findings"]
    groups: dict[str, list[Finding]] = {verdict: [] for verdict in VERDICTS}
    for finding in findings:
        groups[finding["known"] or verdicts.get(finding["id"], "undecided")].append(finding)
    overview = [f"Directory: {repo}", *_work_tree(state), f"Rules: {rules}", f"Files scanned: {scanned:,}"]
    if found["known"]:
        overview.append(f"Known from the baseline and not asked again: {found['known']:,}")
    sections: list[dict[str, Any]] = [
        {"heading": "Result", "text": _summary(found, groups, unseen)},
        {"heading": "Overview", "items": overview},
    ]
    for verdict, title in VERDICTS.items():
        if groups[verdict]:
            sections.append({"heading": title, "table": _table(groups[verdict])})
    sections.append({"heading": "Not looked at", "items": _unseen_items(unseen, found, excluded)})
    return {"title": "Secret scan", "sections": sections, "summary": _summary(found, groups, unseen)}


def _summary(found: dict[str, Any], groups: dict[str, list[Finding]], unseen: dict[str, Any]) -> str:
    if found["count"]:
        known = f" ({found['known']:,} known)" if found["known"] else ""
        judged = f"{len(groups['real']):,} real, {len(groups['undecided']):,} not classified"
        words = f"{found['count']:,} findings{known}, {judged}."
    else:
        words = "No credentials found in what was looked at." if unseen["words"] else "No credentials found."
    return words + (f" Not looked at: {unseen['words']}." if unseen["words"] else "")


def _unseen_items(unseen: dict[str, Any], found: dict[str, Any], excluded: list[str]) -> list[str]:
    items = [f"{row['path']}: {row['why']}" for row in unseen["rows"][:_SHOWN_NOT_READ]]
    if unseen["count"] > _SHOWN_NOT_READ:
        items.append(f"and {unseen['count'] - _SHOWN_NOT_READ:,} more: {unseen['words']}")
    items += [
        f"{cap['path']}: {cap['count']:,} findings, of which the first {cap['shown']:,} are listed"
        for cap in unseen["capped"]
    ]
    if found["dropped"]:
        items.append(f"{found['dropped']:,} findings past the first {_MAX_FINDINGS:,}")
    items.append("The history: only the files as they are now")
    items.append(f"By name: {', '.join(excluded)}")
    return items


def _work_tree(state: dict[str, Any] | None) -> list[str]:
    if state is None:
        return ["Work tree: not a git repository, or one that cannot be read"]
    changed = len(state["entries"])
    branch = state["branch"] or "(detached)"
    return [f"Branch: {branch}", f"Work tree: {f'{changed:,} uncommitted paths' if changed else 'clean'}"]


def _table(findings: list[Finding]) -> dict[str, Any]:
    rows = [[f["path"], f["line"], f["rule"], f["excerpt"], f["likely_test"]] for f in findings]
    return {"columns": ["File", "Line", "Rule", "Excerpt (masked)", "Perhaps test data"], "rows": rows}


def read_baseline(text: str) -> Verdicts:
    """Verdicts by what a finding is known as. Raises ValueError when it is no baseline."""
    try:
        document = json.loads(text)
        rows = document["findings"]
        known = {str(name): str(row["verdict"]) for name, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "this is not a baseline of secret-scan: it needs `findings` with a `verdict` each"
        ) from error
    wrong = sorted(set(known.values()) - set(_ANSWERS))
    if wrong:
        raise ValueError(f"the baseline holds verdicts that do not exist: {', '.join(wrong)[:100]}")
    return known


def write_baseline(findings: list[Finding], verdicts: Verdicts) -> str:
    """The baseline after this scan: what was judged before or now, and is still there."""
    rows = {}
    for finding in findings:
        verdict = finding["known"] or verdicts.get(finding["id"])
        if verdict:
            rows[finding["known_as"]] = {"path": finding["path"], "rule": finding["rule"], "verdict": verdict}
    document = {"about": "verdicts of secret-scan; no secrets are in here", "findings": rows}
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
