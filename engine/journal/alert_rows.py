"""Rows about alerts of service levels. Times are microseconds since the epoch."""

from __future__ import annotations

from typing import TypedDict


class NewAlertRow(TypedDict):
    """An alert that begins at `began`, or ends at `ts`: then `ends` is the number with which it began.

    `title` and `told` say what made it, in words with the numbers; `quiet` (1) is not told to anybody.
    """

    ts: int
    began: int
    ends: int | None
    tenant: str
    pack: str
    kind: str
    title: str
    told: str
    quiet: int


class AlertRow(NewAlertRow):
    """The same, numbered in order."""

    alert: int


class AlertWithEnd(AlertRow):
    """One that began, with the moment when it ended."""

    ended: int | None
