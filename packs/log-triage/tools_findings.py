"""What the counts tell: hostile clients, what they got, what stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools_clients import own_reason, read_address
from tools_wording import as_text, counted, format_moment

if TYPE_CHECKING:
    from tools_counting import Client


def suspicious_clients(clients: dict[str, Client]) -> list[dict[str, Any]]:
    """Who looks hostile, those who got something first."""
    found = []
    for name, client in clients.items():
        reasons = client.reasons()
        if not reasons:
            continue
        address = read_address(name.encode())
        found.append({
            "client": name, "requests": client.requests, "errors": client.errors,
            "probes": client.probes + client.hunted, "got": sum(client.got.values()), "reasons": reasons,
            "first": "" if client.first is None else format_moment(client.first),
            "last": "" if client.last is None else format_moment(client.last),
            "own": "a host name, which a blocklist cannot hold" if address is None else own_reason(address),
        })  # fmt: skip
    return sorted(found, key=lambda one: (-one["got"], -one["probes"], -one["errors"], one["client"]))


def answered_probes(clients: dict[str, Client], suspicious: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What hostile clients asked for and were answered with 2xx; one size for many paths is told."""
    rows = [
        {"client": one["client"], "target": as_text(target), "status": status, "bytes": size, "times": times}
        for one in suspicious
        for (target, status, size), times in clients[one["client"]].got.items()
    ]
    targets: dict[int, set[str]] = {}
    for row in rows:
        targets.setdefault(row["bytes"], set()).add(row["target"])
    for row in rows:
        row["everywhere"] = len(targets[row["bytes"]]) >= 5
    return sorted(rows, key=lambda row: (row["everywhere"], -row["bytes"], row["client"], row["target"]))


def conclude(result: dict[str, Any]) -> tuple[list[str], str]:
    """Sentences, what matters most first, and the severity that they suggest."""
    got = [row for row in result["got"] if not row["everywhere"]]
    hostile = [one for one in result["suspicious"] if not one["own"]]
    own = [one for one in result["suspicious"] if one["own"]]
    found = [
        f"{row['client']} asked for {row['target']} and got it ({row['status']}, {row['bytes']:,} bytes, "
        f"{counted(row['times'], 'time')})"
        for row in got[:5]
    ]
    if len(got) > 5:
        found.append(f"... and {counted(len(got) - 5, 'more answer')} to probes with success")
    if same := len(result["got"]) - len(got):
        found.append(f"{counted(same, 'probe')} got an answer of one size: probably one page for all paths")
    failed = result["status_classes"].get("5xx", 0)
    if failed:
        server = [row for row in result["failing_paths"] if row["status"] >= 500][:3]
        worst = ", ".join(f"{row['path']} ({row['status']}: {row['requests']:,})" for row in server)
        found.append(f"{counted(failed, 'server error')} ({result['server_error_rate']:.1%}): {worst}")
    found += [
        f"Burst at {burst['start']}: {burst['count']:,} {burst['what']}, usual are {burst['usual']:,}"
        for burst in result["bursts"][:3]
    ]
    if hostile:
        first = f"{hostile[0]['client']} first: {', '.join(hostile[0]['reasons'])}"
        found.append(f"{counted(len(hostile), 'client')} of the internet looked for weak spots, {first}")
    found += [
        f"{one['client']} is not proposed ({one['own']}): {', '.join(one['reasons'])}" for one in own[:5]
    ]
    for key, what in (
        ("bad_lines", "not understood"),
        ("timeless_lines", "without a time that could be read"),
        ("far_off_lines", "with a time far from all others"),
    ):
        if result[key]:
            found.append(f"{counted(result[key], 'line')} {what}")
    severity = "none"
    if hostile:
        severity = "low"
    if result["server_error_rate"] >= 0.02 or result["bursts"]:
        severity = "medium"
    if got or result["server_error_rate"] >= 0.1:
        severity = "high"
    return found, severity
