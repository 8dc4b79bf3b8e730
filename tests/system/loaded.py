"""Loads in advance what the program loads when it needs it, for processes that others are forked from."""

from __future__ import annotations

import threading
from importlib import import_module
from pkgutil import walk_packages

from tests.patience import PATIENCE


def load_all(room: str) -> None:
    """Every module of a package."""
    for found in walk_packages(import_module(room).__path__, f"{room}."):
        if not found.name.endswith("__main__"):
            import_module(found.name)


def left_alone() -> None:
    """Returns once no other thread is left: a process with threads must not be forked."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(PATIENCE)  # it has been told to end, and may not have come to it yet
    assert threading.active_count() == 1, threading.enumerate()
