"""Packs of the fake engine: scripted views, details, versions and code, which verbs change."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.trigger import TriggerList, TriggerState
from engine.contracts.packs.pack import PackState
from engine.contracts.packs.versions import CodeReview, PackDetail, PackDiff, PackSide, PackVersion
from engine.contracts.status import RUN_TERMINAL
from engine.errors import ErrorCode, NotFound, PackInvalid, Refused
from engine.facade.feed import FeedBatch, PackChanged, PackListChanged
from engine.governance.access import AccessScoped
from tests.fakes.views import NOW, a_pack

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from engine.contracts.packs.pack import FlowView, PackView, Problem
    from engine.contracts.packs.versions import PackNotice
    from tests.fakes.engine import FakeEngine


def a_detail(view: PackView, **more: Any) -> PackDetail:
    known: dict[str, Any] = {"agent": None, "files": ("profession-pack.yaml",), "signing_digest": "5" * 64}
    return PackDetail(view=view, **(known | more))


def a_version(pack: str = "hello", version: str = "1.0.0", **more: Any) -> PackVersion:
    known: dict[str, Any] = {
        "digest": "d" * 64,
        "latest": True,
        "published_at": NOW,
        "published_by": "ada",
        "author": "Somebody",
    }
    return PackVersion(pack=pack, version=version, **(known | more))


def a_review(pack: str = "hello", text: str = "def go() -> int:\n    return 1\n", **more: Any) -> CodeReview:
    known: dict[str, Any] = {"label": "1.0.0", "file": "tools.py", "digest": "c" * 64, "trusted": False}
    return CodeReview(pack=pack, text=text, **(known | more))


@dataclass
class FakePacks(AccessScoped):
    """Packs of the fake; `details`, `versions_known`, `reviews` by pack, `diffs` by (before, after).

    `problems` are those of every directory that is validated and is no pack of the fake.
    """

    engine: FakeEngine
    details: dict[str, PackDetail] = field(default_factory=dict)
    versions_known: dict[str, tuple[PackVersion, ...]] = field(default_factory=dict)
    reviews: dict[str, CodeReview] = field(default_factory=dict)
    diffs: dict[tuple[str, str], PackDiff] = field(default_factory=dict)
    notices: tuple[PackNotice, ...] = ()
    problems: tuple[Problem, ...] = ()
    trigger_list: TriggerList = field(default_factory=lambda: TriggerList(starts=(), triggers=()))

    def news(self, *notices: PackNotice) -> None:
        """Tell the feed's readers that packs changed."""
        self.engine.feed.publish(FeedBatch(notices=(*map(PackChanged, notices), PackListChanged())))

    async def list(self) -> tuple[PackView, ...]:
        self.engine.note("packs")
        return tuple(self._seen(view) for view in self.engine.stored_packs)

    async def get(self, pack: str) -> PackDetail:
        self.engine.note("pack_get", pack)
        view = self._seen(self._view(pack))
        known = self.details.get(pack) or a_detail(view, versions=self.versions_known.get(pack, ()))
        return known.model_copy(update={"view": self._seen(known.view)})

    async def flow(self, pack: str, flow: str) -> FlowView:
        for view in self.engine.stored_packs:
            for known in view.flows:
                if (view.pack, known.flow) == (pack, flow):
                    return known
        raise NotFound(f"There is no flow {pack}/{flow}.")

    async def triggers(self, *, limit: int = 10) -> TriggerList:
        return self.trigger_list.model_copy(update={"starts": self.trigger_list.starts[:limit]})

    async def switch_trigger(self, name: str, *, on: bool, actor: Actor) -> TriggerState:
        self.engine.note("switch_trigger", (name, on, actor.name))
        for state in self.trigger_list.triggers:
            if name in {state.trigger, f"{state.pack}/{state.flow}/{state.trigger}"}:
                return state.model_copy(update={"off": None if on else f"{actor.name} turned it off"})
        raise NotFound(f"there is no trigger {name}", {"trigger": name})

    async def validate(self, directory: Path) -> tuple[PackView, tuple[Problem, ...]]:
        self.engine.note("pack_validate", directory)
        for view in self.engine.stored_packs:
            if view.directory == str(directory):
                return view, view.problems
        if not await asyncio.to_thread(directory.is_dir):
            raise NotFound(f"There is no directory {directory}.")
        return a_pack(pack=directory.name, trusted=False, problems=self.problems), self.problems

    async def reload(self) -> tuple[PackNotice, ...]:
        self.engine.note("pack_reload")
        if self.notices:
            self.news(*self.notices)
        return self.notices

    async def path(self, pack: str, file: str | None = None) -> Path:
        self.engine.note("pack_path", (pack, file))
        directory = Path(self._view(pack).directory or f"/packs/{pack}")
        return directory / file if file else directory

    async def versions(self, pack: str) -> tuple[PackVersion, ...]:
        return self.versions_known.get(pack, ())

    async def publish(
        self, pack: str, *, actor: Actor, sbom: str | None = None, digest: str | None = None
    ) -> PackVersion:
        self.engine.note("pack_publish", (pack, actor.name, sbom))
        view = self._view(pack)
        if digest not in {None, view.digest}:
            raise Refused(ErrorCode.CODE_CHANGED, f"{pack} is not what was shown any more.")
        if view.problems:
            raise PackInvalid(f"{pack} has {len(view.problems)} problem(s).")
        known = self.versions_known.get(pack, ())
        version = a_version(pack, view.version or "0.0.0", digest=view.digest or "d" * 64)
        for published in known:
            if published.version == version.version and published.digest != version.digest:
                raise Refused(ErrorCode.VERSION_CONFLICT, f"{pack} {version.version} is published already.")
        older = (
            item.model_copy(update={"latest": False}) for item in known if item.version != version.version
        )
        self.versions_known[pack] = (version, *older)
        self._replace(view, published=True, label=version.version)
        return version

    async def diff(self, before: str | Path, after: str | Path) -> PackDiff:
        self.engine.note("pack_diff", (before, after))
        sides = [PackSide(pack=str(name), label=str(name), digest="d" * 64) for name in (before, after)]
        return self.diffs.get((str(before), str(after))) or PackDiff(before=sides[0], after=sides[1])

    async def code(self, pack: str) -> CodeReview:
        self.engine.note("pack_code", pack)
        if pack not in self.reviews:
            raise NotFound(f"Pack {pack} has no code of its own.")
        return self.reviews[pack]

    async def trust(self, pack: str, digest: str, *, actor: Actor) -> CodeReview:
        self.engine.note("pack_trust", (pack, digest, actor.name))
        review = await self.code(pack)
        if review.digest != digest:
            raise Refused(ErrorCode.CODE_CHANGED, f"The code of {pack} is not what was shown any more.")
        given = {"trusted": True, "trusted_by": actor.name, "trusted_at": NOW}
        self.reviews[pack] = review.model_copy(update=given)
        view = self._view(pack)
        state = PackState.OK if view.state is PackState.UNTRUSTED_CODE else view.state
        self._replace(view, trusted=True, state=state)
        return self.reviews[pack]

    def _view(self, pack: str) -> PackView:
        for view in self.engine.stored_packs:
            if view.pack == pack:
                return view
        raise NotFound(f"There is no pack {pack}.")

    def _seen(self, view: PackView) -> PackView:
        """The pack with those of its runs that are in view."""
        if self.access.tenant is None:
            return view
        stored = self.engine.stored_runs.values()
        runs = [run for run in stored if run.pack == view.pack and self.access.sees(run.tenant)]
        pinned = Counter(run.pack_digest for run in runs if run.status not in RUN_TERMINAL)
        counted = [item.model_copy(update={"runs": pinned[item.digest]}) for item in view.runs]
        seen = {"runs": tuple(item for item in counted if item.runs), "runs_in_all": len(runs)}
        return view.model_copy(update=seen)

    def _replace(self, view: PackView, **changes: Any) -> None:
        changed = view.model_copy(update=changes)
        self.engine.stored_packs = tuple(
            changed if other is view else other for other in self.engine.stored_packs
        )
