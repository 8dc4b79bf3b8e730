"""Loads in advance what the program loads when it needs it, for processes that others are forked from."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages


def load_all(room: str) -> None:
    """Every module of a package."""
    for found in walk_packages(import_module(room).__path__, f"{room}."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
