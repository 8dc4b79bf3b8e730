"""Packs of the command line's fake engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.contracts.flow import AutonomyLevel
from engine.contracts.packs.pack import FlowView, PackState, PackView, Problem
from engine.contracts.packs.versions import CodeReview, PackDetail, PackDiff, PackSide, PackVersion
from engine.errors import ErrorCode, NotFound, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.packs.versions import PackNotice

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 67, tzinfo=UTC)


def a_pack(pack: str = "hello", **more: Any) -> PackView:
    """Broken when it has problems."""
    state = PackState.BROKEN if more.get("problems") else PackState.OK
    known: dict[str, Any] = {"state": state, "source": "home", "trusted": True}
    return PackView(pack=pack, **(known | more))


def a_version(version: str = "1.0.0", **more: Any) -> PackVersion:
    known: dict[str, Any] = {
        "pack": "hello",
        "digest": "d" * 64,
        "latest": False,
        "published_at": MOMENT,
        "published_by": "ada",
        "author": "Somebody",
    }
    return PackVersion(version=version, **(known | more))


def a_review(text: str = "def go() -> int:\n    return 1\n", **more: Any) -> CodeReview:
    known: dict[str, Any] = {
        "pack": "hello",
        "label": "1.0.0",
        "file": "tools.py",
        "digest": "c" * 64,
        "trusted": False,
    }
    return CodeReview(text=text, **(known | more))


@dataclass
class FakePacks:
    known: tuple[PackView, ...] = (a_pack(version="1.0.0", source="shipped"),)
    problems: tuple[Problem, ...] = ()
    details: dict[str, PackDetail] = field(default_factory=dict)
    versions_known: tuple[PackVersion, ...] = ()
    review: CodeReview | None = None
    compared: PackDiff | None = None
    published: list[tuple[str, str, str | None]] = field(default_factory=list)
    trusted: list[tuple[str, str, str]] = field(default_factory=list)

    async def list(self) -> tuple[PackView, ...]:
        return self.known

    async def get(self, pack: str) -> PackDetail:
        if pack not in self.details:
            raise NotFound(f"there is no pack {pack}")
        return self.details[pack]

    def offer(self, pack: str, **schemas: dict[str, Any]) -> None:
        """Flows of a pack by their names, with what their input has to be."""
        flows = tuple(
            FlowView(
                pack=pack,
                flow=name,
                version="1",
                autonomy_level=AutonomyLevel.SEMI_AUTO,
                input_schema=schema,
                steps=1,
            )
            for name, schema in schemas.items()
        )
        self.known = (a_pack(pack, flows=flows),)

    async def flow(self, pack: str, flow: str) -> FlowView:
        raise NotFound(f"there is no flow {pack}/{flow}")

    async def validate(self, directory: Path) -> tuple[PackView, tuple[Problem, ...]]:
        view = a_pack(directory.name, version="1.0.0", trusted=False, problems=self.problems)
        return view, self.problems

    async def reload(self) -> tuple[PackNotice, ...]:
        return ()

    async def path(self, pack: str, file: str | None = None) -> Path:
        raise NotFound(f"there is no pack {pack}")

    async def versions(self, pack: str) -> tuple[PackVersion, ...]:
        return self.versions_known

    async def publish(self, pack: str, *, actor: Actor, sbom: str | None = None) -> PackVersion:
        self.published.append((pack, actor.name, sbom))
        return a_version(pack=pack, latest=True)

    async def diff(self, before: str | Path, after: str | Path) -> PackDiff:
        sides = [PackSide(pack="hello", label=str(name), digest="d" * 64) for name in (before, after)]
        return self.compared or PackDiff(before=sides[0], after=sides[1])

    async def code(self, pack: str) -> CodeReview:
        if self.review is None:
            raise NotFound(f"pack {pack} has no code of its own (tools.py)")
        return self.review

    async def trust(self, pack: str, digest: str, *, actor: Actor) -> CodeReview:
        review = await self.code(pack)
        if review.digest != digest:
            raise Refused(ErrorCode.CODE_CHANGED, f"tools.py of {pack} is not what was shown any more")
        self.trusted.append((pack, digest, actor.name))
        given = {"trusted": True, "trusted_by": actor.name, "trusted_at": MOMENT}
        return review.model_copy(update=given)
