"""What was found of styles before is what Textual would find now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.containers import Vertical
from textual.css.stylesheet import Stylesheet
from textual.widgets import Button, Input, Label

from tests.screens.test_console_snapshots import engine
from vasini_tui.console.styled_once import StyledOnce

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.dom import DOMNode

    from tests.screens.conftest import OpenConsole


class Rows(App[None]):
    CSS = """
    .odd { color: red; }
    #first.warm Label { color: $tone; text-style: bold; }
    #first:focus-within { background: blue; }
    Vertical Vertical:disabled Label { color: green; width: 50%; }
    Input:focus { border: round $tone; }
    Vertical > Label:first-child { padding: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.stylesheet = StyledOnce(variables=self.get_css_variables())
        self.animation_level = "none"

    def get_css_variables(self) -> dict[str, str]:
        return {"tone": "cyan", **super().get_css_variables()}

    def compose(self) -> ComposeResult:
        yield Vertical(Vertical(Label("one"), Label("two"), Input(), id="first"), id="outer")
        yield Vertical(Label("three", classes="odd"), Button("four"), id="second")


def otherwise(app: App[Any]) -> list[str]:
    """The parts whose styles Textual alone would have otherwise."""
    plain = Stylesheet(variables=app.get_css_variables())
    plain.source = dict(app.stylesheet.source)
    plain.parse()
    nodes: list[DOMNode] = [app]
    for screen in app.screen_stack:
        nodes += screen.walk_children(with_self=True)
    held = [(_of(node), node) for node in nodes]
    plain.update_nodes(nodes)
    return [f"{node}: {was} is not {_of(node)}" for was, node in held if was != _of(node)]


def _of(node: DOMNode) -> list[Any]:
    parts = [node.styles, *(style for _, style in sorted(node._component_styles.items()))]
    flags = node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even
    return [*(part.base.get_rules() for part in parts), flags]


async def test_classes_ids_states_and_places_say_what_holds() -> None:
    for _ in range(2):  # the second application finds what the first one found
        app = Rows()
        async with app.run_test() as pilot:
            one, outer = app.query("Label").first(Label), app.query_one("#outer")
            assert not otherwise(app)
            before = one.styles.color
            app.query_one("#first").add_class("warm")
            await pilot.pause()
            assert one.styles.color != before
            assert not otherwise(app)
            outer.disabled = True
            await pilot.pause()
            assert not otherwise(app)
            outer.disabled = False
            app.query_one(Input).focus()
            await pilot.pause()
            assert not otherwise(app)
            await app.query_one("#first").mount(Label("zero", classes="odd"), before=0)
            app.query_one(Button).focus()
            await pilot.hover(Button)
            assert not otherwise(app)
            app.query_one("#first").remove_class("warm")
            await pilot.pause()
            assert one.styles.color == before
            assert not otherwise(app)


async def test_a_rule_that_comes_later_holds_and_another_theme_has_its_own() -> None:
    app = Rows()
    async with app.run_test() as pilot:
        app.stylesheet.add_source("Vertical Label { margin: 2; }", ("later", ""), tie_breaker=1)
        app.refresh_css()
        await pilot.pause()
        assert app.query("Label").first(Label).styles.margin.top == 2
        assert not otherwise(app)
        app.theme = "textual-light"
        await pilot.pause()
        assert not otherwise(app)


async def test_the_console_is_styled_as_textual_does_it(console: OpenConsole) -> None:
    async with console(engine(), size=(120, 40)) as stage:
        for keys, words in (
            (["j"], "queued"),
            (["2"], "files.write"),
            (["r"], "say why"),
            (["escape", "3", "enter"], "Severity"),
            (["tab"], "Severity"),
        ):
            await stage.press(*keys)
            await stage.shows(words)
            await stage.graced()
            assert not otherwise(stage.app)
