"""Frames that wait for the terminal lose nothing of what changes meanwhile."""

from __future__ import annotations

from textual.geometry import Region
from textual.widgets import Static

from vasini_tui.console.terminal.paced_app import PacedApp


async def test_what_changes_before_a_withheld_frame_is_drawn_is_drawn_after_it() -> None:
    app: PacedApp[None] = PacedApp([])
    async with app.run_test() as pilot:
        changed = Static("before")
        await app.screen.mount(changed)
        await pilot.pause()
        app._withheld = {Region(0, 5, 10, 1)}
        app.screen._dirty_widgets.add(changed)
        app._draw_withheld()
        assert not app._withheld
        assert changed in app.screen._dirty_widgets


async def test_a_withheld_frame_waits_for_the_end_of_a_batch() -> None:
    app: PacedApp[None] = PacedApp([])
    async with app.run_test():
        app._withheld = {Region(0, 5, 10, 1)}
        with app.batch_update():
            app._draw_withheld()
            assert app._withheld
        app._draw_withheld()
        assert not app._withheld
