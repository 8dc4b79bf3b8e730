"""Tools of log triage: one pass over an access log in bounded memory, a blocklist, a report.

How it is done stands in the files beside this one: tools_lines, tools_clients, tools_counting,
tools_findings and tools_wording.
"""

from __future__ import annotations

import heapq
import lzma
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from tools_clients import own_reason, read_address, read_networks
from tools_counting import Tally, find_bursts
from tools_findings import answered_probes, conclude, suspicious_clients
from tools_lines import LOOKS_LIKE, read_lines
from tools_wording import as_text, counted, share_of

_TOP = 20
_MAX_SUSPICIOUS = 500


def locate(directory: str) -> dict[str, str]:
    """Split a directory into the nearest one that exists and the rest, ready to put a file name behind."""
    target = Path(directory)
    if not target.is_absolute():
        raise ValueError(f"the directory must be an absolute path, not {directory!r}")
    if target.exists() and not target.is_dir():
        raise ValueError(f"{directory!r} is a file: name a directory")
    root = next(place for place in (target, *target.parents) if place.is_dir())
    rest = target.relative_to(root).as_posix()
    return {"root": str(root), "path": "" if rest == "." else rest + "/"}


def analyze(log: str, proxies: list[str] | None = None) -> dict[str, Any]:
    """Read an access log once, in bounded memory. `proxies`: own addresses whose X-Forwarded-For is believed.

    Raises ValueError for a file of which less than half is understood.
    """
    path = Path(log)
    if not path.is_file():
        raise ValueError(f"{log!r} is not a file")
    tally = Tally(read_networks(proxies or [], "proxies"))
    try:
        for line in read_lines(path):
            tally.add(line)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{log!r} is damaged: {error}") from error
    if tally.total <= tally.bad or not tally.total:
        raise ValueError(_not_understood(log, tally))
    return _result(tally)


def _not_understood(log: str, tally: Tally) -> str:
    if not tally.bad:
        return f"{log!r} is empty: there is nothing to triage"
    first = tally.first_bad
    like = next((words for pattern, words in LOOKS_LIKE if re.match(pattern, first)), "no access log")
    return (
        f"only {tally.total:,} of {tally.total + tally.bad:,} lines of {log!r} are requests; "
        f"it looks like {like}. "
        f"Read are common, combined and JSON lines. The first other line: {as_text(first[:200])}"
    )


def _result(tally: Tally) -> dict[str, Any]:
    classes: Counter[str] = Counter()
    for status, count in tally.statuses.items():
        classes[f"{status // 100}xx"] += count
    suspicious = suspicious_clients(tally.clients)
    rows = tally.times.rows()
    top = heapq.nlargest(_TOP, tally.clients.items(), key=lambda item: item[1].requests)
    result = {
        "requests": tally.total,
        "bad_lines": tally.bad,
        "timeless_lines": tally.timeless,
        "far_off_lines": tally.times.aside,
        "bytes": tally.size,
        "error_rate": round(share_of(classes["4xx"] + classes["5xx"], tally.total), 6),
        "client_error_rate": round(share_of(classes["4xx"], tally.total), 6),
        "server_error_rate": round(share_of(classes["5xx"], tally.total), 6),
        "status_classes": dict(sorted(classes.items())),
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "got": answered_probes(tally.clients, suspicious)[:100],
        "failing_paths": [
            {"path": as_text(path), "status": status, "requests": count}
            for (path, status), count in heapq.nlargest(
                _TOP, tally.failing.items(), key=lambda item: (item[0][1] >= 500, item[1])
            )
        ],
        "bursts": find_bursts(rows),
        "top_clients": [
            {"client": name, "requests": client.requests, "errors": client.errors} for name, client in top
        ],
        "top_paths": [
            {"path": as_text(path), "requests": count}
            for path, count in heapq.nlargest(_TOP, tally.paths.items(), key=lambda item: item[1])
        ],
        "histogram": rows,
        "bucket_seconds": tally.times.width,
        "suspicious": suspicious[:_MAX_SUSPICIOUS],
        "approximate": tally.approximate,
    }
    findings, severity = conclude(result)
    hostile = sum(not one["own"] for one in suspicious)
    summary = (
        f"{counted(tally.total, 'request')}, {result['error_rate']:.1%} errors ({classes['4xx']:,} client, "
        f"{classes['5xx']:,} server), {counted(hostile, 'hostile client')}, "
        f"{counted(tally.bad, 'line')} not understood."
    )
    span = f"{rows[0]['start']} to {rows[-1]['start']}\n" if rows else ""
    return {
        "summary": summary, "findings": findings, "severity": severity,
        "briefing": "\n".join([summary, span, *(f"- {one}" for one in findings or ["Nothing stands out."])]),
        **result,
    }  # fmt: skip


def propose_blocklist(suspicious: list[dict[str, Any]], allow: list[str] | None = None) -> dict[str, Any]:
    """A line for each hostile address; own, reserved and allowed ones are named, not proposed."""
    allowed = read_networks(allow or [], "allow")
    chosen, others = [], []
    for client in suspicious:
        address = read_address(client["client"].encode())
        reason = own_reason(address) if address else "a host name, which a blocklist cannot hold"
        if address and any(address in network for network in allowed):
            reason = "on your allowlist"
        if reason or str(address) != client["client"]:
            others.append(f"{client['client']}: {reason or 'no address'}")
        else:
            chosen.append(client)
    overview = [
        f"{c['client']:<40} {counted(c['requests'], 'request')}, {', '.join(c['reasons'])}"
        + (f", got {counted(c['got'], 'answer')}" if c.get("got") else "")
        for c in chosen
    ]
    if others:
        overview += ["", "Not proposed:", *others[:50]]
    header = "# Clients that look hostile in the access log; one address a line.\n"
    return {
        "clients": [client["client"] for client in chosen],
        "count": len(chosen),
        "not_proposed": others[:_MAX_SUSPICIOUS],
        "text": header + "".join(client["client"] + "\n" for client in chosen),
        "overview": "\n".join(overview or ["No address looks hostile."]),
    }


def arrange_report(
    log: str, analysis: dict[str, Any], blocklist: dict[str, Any], severity: str, note: str
) -> dict[str, Any]:
    """Title and sections of the incident report, what matters first."""
    rates = f"client {analysis['client_error_rate']:.2%}, server {analysis['server_error_rate']:.2%}"
    overview = [
        f"Log: {log}",
        f"Severity: {severity}",
        f"Requests: {analysis['requests']:,}",
        f"Errors: {analysis['error_rate']:.2%} ({rates})",
        f"Bytes sent: {analysis['bytes']:,}",
        f"Clients on the blocklist: {blocklist['count']}",
    ]
    if analysis["approximate"]:
        overview.append("More clients or paths than are counted at once: rare ones are lower bounds.")
    times = analysis["histogram"]
    about = next(
        (what for what in ("probes", "server_errors") if any(row[what] for row in times)), "requests"
    )
    most = max((row[about] for row in times), default=0)
    bars = [{**row, "bar": "█" * round(20 * share_of(row[about], most))} for row in times]
    hostile = [{**one, "why": ", ".join(one["reasons"])} for one in analysis["suspicious"][:100]]
    statuses = [{"status": status, "requests": count} for status, count in analysis["statuses"].items()]
    each = (
        f"{counted(analysis['bucket_seconds'] // 60, 'minute')} each; the bar is of {about.replace('_', ' ')}"
    )
    sections = [
        {"heading": "What matters", "items": analysis["findings"] or ["Nothing stands out."]},
        {"heading": "Overview", "items": overview},
        *([{"heading": "Note", "text": note}] if note.strip() else []),
        _table("Probes that were answered with success", "client target status bytes times", analysis["got"]),
        _table("Errors by path", "path status requests", analysis["failing_paths"]),
        _table("Bursts", "start what count usual", analysis["bursts"]),
        _table(f"Over time ({each})", "start requests client_errors server_errors probes bar", bars),
        _table("Suspicious clients", "client first last requests errors got why", hostile),
        _table("Top clients", "client requests errors", analysis["top_clients"]),
        _table("Top paths", "path requests", analysis["top_paths"]),
        _table("Status codes", "status requests", statuses),
    ]
    if blocklist["not_proposed"]:
        sections.append({"heading": "Not proposed for the blocklist", "items": blocklist["not_proposed"]})
    return {"title": "Incident report", "sections": sections}


def _table(heading: str, keys: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {"heading": heading, "text": "None."}
    columns = [key.replace("_", " ").capitalize() for key in keys.split()]
    cells = [[row[key] for key in keys.split()] for row in rows]
    return {"heading": heading, "table": {"columns": columns, "rows": cells}}


def outcome(summary: str, files: list[str], blocked: int) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote; the last of `files` is the blocklist."""
    return {"summary": summary, "files": files if blocked else files[:-1]}
