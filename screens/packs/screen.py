"""One pack: overview, layers, flows, problems beside their lines, changes, its own code; live."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import ContentSwitcher

from engine.errors import NotFound
from engine.safe_text import sanitize
from screens.frame.bars.tabs import Tabs
from screens.frame.console import console, show_notice
from screens.frame.grace import DecisionGate
from screens.frame.searched import SearchedLines, SearchedTree
from screens.keys.bindings import bindings
from screens.overlays.json_screen import JsonScreen
from screens.overlays.text_screen import TextScreen
from screens.packs import changes as pack_changes
from screens.packs import code as pack_code
from screens.packs import flows as pack_flows
from screens.packs import overview as pack_overview
from screens.packs import problems as pack_problems
from screens.packs.dialogs import TrustDialog
from screens.packs.empty import NOTHING_IN, SAME
from screens.packs.labels import PACK_LABELS
from screens.packs.layers import format_sources, layer_values
from screens.packs.verbs import PackVerbsScreen
from screens.widgets.json.json_view import JsonView
from screens.widgets.numbers import counted
from screens.widgets.plain import NOTHING, Part, Plain
from screens.widgets.status_labels import STYLES
from screens.widgets.tables.row_table import RowTable

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.packs.pack import PackView
    from engine.contracts.packs.versions import CodeReview, PackDetail
    from screens.frame.console_state import ConsoleState

PANES = {
    "overview": "Overview",
    "layers": "Layers",
    "flows": "Flows",
    "problems": "Problems",
    "changes": "Changes",
    "code": "Code",
}

_FOCUSED = {"layers": "#layer-values", "code": "#code-lines"}
"""What has the keys in panes that are more than one table."""


class PackScreen(PackVerbsScreen, JsonScreen):
    """Detail of a pack; `pane` says where to begin."""

    BINDINGS = bindings("packs.diff", "packs.code", "packs.trust", "packs.next_pane", "packs.previous_pane")

    def __init__(self, state: ConsoleState, pack: str, *, pane: str = "overview") -> None:
        super().__init__(state)
        self._pack = pack
        self._pane = pane
        self._detail: PackDetail | None = None
        self._review: CodeReview | None = None
        self._code = ""
        self._compared = 0
        self._gate = DecisionGate(state.clock, state.grace)

    def body(self) -> ComposeResult:
        """Head, names of the panes, panes, what the pane is about."""
        yield Plain(sanitize(" Loading …"), id="pack-head")
        yield Tabs(PANES, id="pack-panes")
        with ContentSwitcher(initial=self._pane, id="panes"):
            yield RowTable(pack_overview.COLUMNS, id="overview")
            yield SearchedTree(tree_id="layer-values", id="layers")
            yield RowTable(pack_flows.COLUMNS, id="flows")
            yield RowTable(pack_problems.COLUMNS, id="problems")
            yield RowTable(pack_changes.COLUMNS, id="changes")
            yield SearchedLines("words in the code", lines_id="code-lines", id="code")
        yield Plain(id="nothing", classes="pane-empty")
        with Vertical(id="pane-note"):
            yield Plain(id="about")

    def on_mount(self) -> None:
        """Begin in the pane that was asked for."""
        super().on_mount()
        self.query_one("#nothing").display = False
        self._show_pane()

    def on_screen_resume(self) -> None:
        """The code appears again: the grace begins again."""
        super().on_screen_resume()
        self._let_appear()

    def on_screen_suspend(self) -> None:
        """What nobody sees nobody trusts."""
        super().on_screen_suspend()
        self._gate.close()

    def on_resize(self, _event: events.Resize) -> None:
        """The code is drawn anew."""
        self._let_appear()

    def current_pack(self) -> PackView | None:
        """The pack of this screen."""
        return self._detail.view if self._detail else None

    def edited_file(self) -> str:
        """On the code its file; on the problems the file under the cursor; else as the list has it."""
        if self._pane == "code" and self._review is not None:
            return self._review.file
        key = self.query_one("#problems", RowTable).cursor_key if self._pane == "problems" else ""
        files = [problem.file for problem in self._detail.view.problems] if self._detail else []
        chosen = next((file for file in files if key == file or key.startswith(f"{file}/")), None)
        return chosen or super().edited_file()

    async def load(self) -> None:
        """The pack, and what the pane that is shown needs beside it."""
        try:
            self._detail = await self.state.engine.packs.get(self._pack)
        except NotFound as error:
            self.query_one("#pack-head", Plain).show((sanitize(f" {error.message}"), "bold $bad"))
            return
        self._draw_head(self._detail)
        self.query_one("#overview", RowTable).show(pack_overview.overview_rows(self._detail))
        self.query_one("#layers", SearchedTree).show(layer_values(self._detail.agent))
        self.query_one("#flows", RowTable).show(pack_flows.flow_rows(self._detail.outlines))
        self.query_one("#problems", RowTable).show(
            pack_problems.problem_rows(self._detail.sources, self._detail.view.problems)
        )
        await self._load_changes(self._detail)
        await self._load_code(self._detail.view)
        self._draw_note()

    @on(Tabs.Chosen)
    def _tab_clicked(self, message: Tabs.Chosen) -> None:
        self._go_to(message.name)

    def action_next_pane(self) -> None:
        """The pane to the right."""
        self._go_to(self._tabs.beside(self._pane, 1))

    def action_previous_pane(self) -> None:
        """The pane to the left."""
        self._go_to(self._tabs.beside(self._pane, -1))

    def action_diff(self) -> None:
        """The changes; there already: the next comparison."""
        if self._pane == "changes":
            self._compared += 1
        self._go_to("changes")
        self.refresher.ask()

    def action_code(self) -> None:
        """The pack's own code."""
        self._go_to("code")

    def action_trust(self) -> None:
        """Trust exactly the code that is on the screen, after a typed word."""
        review = self._review
        if review is None:
            show_notice(self, "This pack has no code of its own.")
        elif self._pane != "code":
            self._go_to("code")
            show_notice(self, "Read the code first, then press again.")
        elif review.trusted:
            show_notice(self, "This code is trusted already.")
        elif not self._gate.is_open(pack_code.token(review)):
            show_notice(
                self, "Not asked: the code had only just appeared. Read it, then press again.", tone="warning"
            )
        else:
            self.app.push_screen(TrustDialog(review), self._trusted)

    @on(JsonView.Highlighted, "#layer-values")
    def _other_layer(self) -> None:
        """Another layer, other files."""
        self._draw_note()

    @on(RowTable.Opened)
    def _opened(self, message: RowTable.Opened) -> None:
        """What a row cannot show in its line."""
        table = message.table
        row = table.row_at(table.cursor_row)
        if row is not None:
            words = "\n".join(cell.text for cell in row.cells if cell.text.strip())
            self.app.push_screen(TextScreen(self.state, f"{self._pack} · {PANES[self._pane]}", words))

    def _trusted(self, digest: str | None) -> None:
        if digest is not None:
            self.act(self._trust(digest))

    async def _trust(self, digest: str) -> None:
        review = await self.state.engine.packs.trust(self._pack, digest, actor=self.state.actor)
        show_notice(self, f"Trusted the code of {review.pack} ({review.digest[:12]})")
        self.refresher.ask()

    async def _load_changes(self, detail: PackDetail) -> None:
        found = pack_changes.comparisons(detail)
        table = self.query_one("#changes", RowTable)
        if not found:
            table.show([])
            return
        chosen = found[self._compared % len(found)]
        diff = chosen.diff or await self.state.engine.packs.diff(chosen.before, chosen.after)
        table.show(pack_changes.diff_rows(diff))

    async def _load_code(self, view: PackView) -> None:
        self._review = await self.state.engine.packs.code(self._pack) if view.has_code else None
        text = self._review.text if self._review else ""
        if text != self._code:
            # Long lines are broken, never cut: nothing of what would run may be out of sight.
            self._code = text
            self.query_one("#code", SearchedLines).lines.show(pack_code.numbered(text))
        self._let_appear()

    def _let_appear(self) -> None:
        if self._review is None or self._pane != "code" or not self.is_current:
            self._gate.close()
            return
        token = pack_code.token(self._review)
        self._gate.appearing(token)
        self.call_after_refresh(console(self).when_shown, partial(self._gate.drawn, token))

    @property
    def _tabs(self) -> Tabs:
        return self.query_one("#pack-panes", Tabs)

    def _go_to(self, pane: str) -> None:
        if pane != self._pane:
            self._pane = pane
            self._show_pane()
            self._let_appear()

    def _show_pane(self) -> None:
        self.query_one("#panes", ContentSwitcher).current = self._pane
        self._tabs.show_current(self._pane)
        self.query_one(_FOCUSED.get(self._pane, f"#{self._pane}")).focus()
        self._draw_note()

    def _draw_head(self, detail: PackDetail) -> None:
        view, label = detail.view, PACK_LABELS[detail.view.state]
        problems = f"  {counted(len(view.problems), 'problem')}" if view.problems else ""
        self.query_one("#pack-head", Plain).show(
            (sanitize(f" {label.symbol} {label.word}"), STYLES[label.tone]),
            (sanitize(f"  {view.pack} {view.label}"), "bold"),
            (sanitize(f"  {view.name or ''}"), "$quiet"),
            (sanitize(problems), "bold $bad"),
        )

    def _draw_note(self) -> None:
        self.query_one("#about", Plain).show(*self._note())
        words = self._nothing()
        self.query_one("#nothing").display = bool(words)
        self.query_one("#panes").set_class(bool(words), "-empty")
        self.query_one("#nothing", Plain).show(self.state.keymap.fill(words))

    def _nothing(self) -> str:
        """What is said in place of a pane without lines; empty where there are some."""
        detail = self._detail
        if detail is None or self._pane not in NOTHING_IN:
            return ""
        if self._code if self._pane == "code" else self.query_one(f"#{self._pane}", RowTable).rows:
            return ""
        if self._pane == "changes" and pack_changes.comparisons(detail):
            return SAME
        return NOTHING_IN[self._pane]

    def _note(self) -> list[Part]:
        detail, keys = self._detail, self.state.keymap
        if detail is None:
            return [NOTHING]
        match self._pane:
            case "layers":
                path = self.query_one("#layers", SearchedTree).view.cursor_key
                return [(sanitize(format_sources(detail.agent, path), limit=400), "$quiet")]
            case "changes" if found := pack_changes.comparisons(detail):
                place = self._compared % len(found)
                compares = keys.fill(f" {place + 1} of {len(found)}: {{packs.diff}} compares the next")
                return [(sanitize(f"{found[place].title} ·"), "$busy"), (compares, "$quiet")]
            case "code" if self._review is not None:
                return pack_code.note(self._review, keys)
            case _:
                return [NOTHING]
