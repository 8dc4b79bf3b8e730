"""Keys about a pack; they mean the same in the list of packs and inside a pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.versions import PackOutcome
from engine.facade.feed import Topic
from screens.frame.console import console, show_notice
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.packs.dialogs import PublishDialog
from screens.packs.notices import format_notice

if TYPE_CHECKING:
    from engine.contracts.packs.pack import PackView
    from engine.facade.feed import FeedBatch


MANIFEST = "profession-pack.yaml"


class PackVerbsScreen(ConsoleScreen):
    """A screen with a pack under the cursor: look again, publish, edit."""

    BINDINGS = bindings("packs.talk", "packs.reload", "packs.publish", "packs.edit")
    view = "packs"

    def current_pack(self) -> PackView | None:
        """The pack that keys are about."""
        return None

    def edited_file(self) -> str:
        """The file that the editor opens: the one with the first problem, else the manifest."""
        view = self.current_pack()
        return view.problems[0].file if view is not None and view.problems else MANIFEST

    def copied_id(self) -> str:
        """The id of the pack."""
        view = self.current_pack()
        return view.pack if view else ""

    def concerned(self, batch: FeedBatch) -> bool:
        """By changed packs, and by runs that begin or end on their versions."""
        return batch.about(Topic.PACKS) or any(event.kind.startswith("run_") for event in batch.events)

    def action_talk(self) -> None:
        """Open the start form of the pack's conversation."""
        view = self.current_pack()
        flows = [flow for flow in view.flows if flow.converses] if view is not None else []
        if flows:
            console(self).open_start(flows[0])
        else:
            show_notice(self, "This pack has no conversation (docs/agents.md).", tone="warning")

    def action_reload(self) -> None:
        """Look at all packs now."""
        self.act(self._reload())

    def action_publish(self) -> None:
        """Ask, then publish what is in force."""
        view = self.current_pack()
        if view is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.act(self._publish(view))

        self.app.push_screen(PublishDialog(view), answered)

    def action_edit(self) -> None:
        """Open the file in the operator's editor; saving it reloads the pack."""
        view = self.current_pack()
        if view is not None:
            self.act(self._edit(view.pack, self.edited_file()))

    async def _reload(self) -> None:
        changed = await self.state.engine.packs.reload()
        failed = [notice for notice in changed if notice.outcome is PackOutcome.FAILED]
        if not changed:
            show_notice(self, "No pack has changed.")
        for notice in failed or changed[:1]:
            show_notice(self, format_notice(notice), tone="error" if failed else "information")
        self.refresher.ask()

    async def _publish(self, view: PackView) -> None:
        packs, actor = self.state.engine.packs, self.state.actor
        version = await packs.publish(view.pack, actor=actor, digest=view.digest)
        show_notice(self, f"Published {version.pack} {version.version} ({version.digest[:12]})")
        self.refresher.ask()

    async def _edit(self, pack: str, file: str) -> None:
        path = await self.state.engine.packs.path(pack, file)
        if self.state.editor is None:
            show_notice(self, "This console has no editor.", tone="warning")
            return
        await self.state.editor.open(path)
        self.refresher.ask()
