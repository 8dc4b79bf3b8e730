"""On a real terminal: only a key that a person pressed to decide decides, and once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import PROGRAM
from tests.system.terminals.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Vasini
    from tests.system.terminals.terminal import Terminal

pytestmark = pytest.mark.system

ASKS = """\
steps:
  - {id: ask, type: human_approval, title: May it be said?, message: Once., gates: say}
  - {id: say, type: tool, tool: text.report, params: {title: x, body: y}}
"""
NOT_ALONE = {
    "two keys at once": [b"aj"],
    "many at once": [b"a" * 40],
    "a paste": [b"\x1b[200~a\x1b[201~"],
    "a paste without brackets": [b"aa a aaa aa"],
    "a version (XTVERSION)": [b"\x1bP>|a a a\x1b\\"],
    "a version in two reads": [b"\x1bP>|", b"a", b"\x1b\\"],
    "a color (OSC 11)": [b"\x1b]11;rgb:aaaa/aaaa/aaaa\x1b\\"],
    "a color in two reads": [b"\x1b]11;rgb:a", b"a", b"aa/aaaa/aaaa\x07"],
    "the clipboard (OSC 52)": [b"\x1b]52;c;YWFhYQ==\x07"],
    "a title report": [b"\x1b]la", b"\x1b\\"],
    "an application's string (APC)": [b"\x1b_Ga", b"a\x1b\\"],
}
BETWEEN_READS = 0.05
"""Seconds: so that the console reads what was sent before."""


@pytest.fixture
def asking(vasini: Vasini) -> Vasini:
    """Two approvals wait; nothing but the way a key comes protects them."""
    vasini.make_pack("bench", asks=ASKS)
    vasini = vasini.with_settings(VASINI_CONSOLE__GRACE_MS="0")
    for _ in range(2):
        vasini.ok("run", "bench/asks", "--wait")
    return vasini


@pytest.fixture
def console(asking: Vasini) -> Iterator[Terminal]:
    env = {**asking.environment, "TERM": "xterm-256color"}
    with terminal(
        [PROGRAM], env=env, cwd=asking.cwd, size=(100, 40), start=asking.warm.on_terminal
    ) as opened:
        opened.shows("bench/asks")
        yield opened


def waiting(vasini: Vasini) -> int:
    return len(vasini.ok("approvals")["approvals"])


def to_card(console: Terminal) -> None:
    console.press("2")
    console.shows("May it be said?")
    console.shows("body:")


def send(console: Terminal, parts: list[bytes]) -> None:
    for part in parts:
        console.send(part)
        time.sleep(BETWEEN_READS)


def taken_in(console: Terminal) -> None:
    """Returns once the console has looked at every key that was sent; the list of runs is open."""
    console.press(*["escape"] * 3, "1")  # out of whatever an attack has opened
    console.shows("Took")


def decides(vasini: Vasini, console: Terminal) -> None:
    """So it was not something else that kept the keys from deciding."""

    def pressed() -> bool:
        time.sleep(1)  # a keyboard at rest
        console.press("a")
        return any(waiting(vasini) == 1 for _ in range(20))

    console.until(pressed, "one key alone decides")


def test_what_is_no_single_key_decides_nothing(asking: Vasini, console: Terminal) -> None:
    to_card(console)
    for attack, parts in NOT_ALONE.items():
        send(console, parts)
        taken_in(console)
        assert waiting(asking) == 2, attack
        to_card(console)
    decides(asking, console)


def test_a_held_key_decides_no_second_time(asking: Vasini, console: Terminal) -> None:
    to_card(console)
    for _ in range(40):
        console.send(b"a")
        time.sleep(0.03)
    taken_in(console)
    assert waiting(asking) in (1, 2)  # 2: a slow machine reads the first of them together with others


def test_a_key_for_a_card_that_is_not_on_the_terminal_yet_decides_nothing(
    asking: Vasini, console: Terminal
) -> None:
    console.stand_still()
    for key in (b"2", b"a", b"a"):
        console.send(key)
        time.sleep(0.7)  # a hand that believes that its keys arrived
    console.go_on()
    console.shows("May it be said?")
    taken_in(console)
    assert waiting(asking) == 2
    to_card(console)
    decides(asking, console)
