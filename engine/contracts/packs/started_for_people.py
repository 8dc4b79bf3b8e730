"""Packs whose flows the engine and `vasini mcp` start: lists of what a person may start end with them."""

from __future__ import annotations

MONEY_PACK, OUTSIDE_PACK = "budget", "outside"
STARTED_FOR_PEOPLE = frozenset({MONEY_PACK, OUTSIDE_PACK})
