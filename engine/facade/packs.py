"""The facade's part for packs: everything screens, command line and servers may ask about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.flows.trigger import TriggerList, TriggerState
    from engine.contracts.packs.pack import FlowView, PackView, Problem
    from engine.contracts.packs.versions import CodeReview, PackDetail, PackDiff, PackNotice, PackVersion


class Packs(Protocol):
    """Packs, their versions and their code. All texts in them come from outside.

    A pack is looked at again when its files change (`FeedBatch.packs` tells), while the feed is read
    or runs are worked here. Broken files never replace the content in force.
    """

    async def list(self) -> tuple[PackView, ...]:
        """All packs, broken ones with their problems."""
        ...

    async def get(self, pack: str) -> PackDetail:
        """One pack in full. Raises NotFound."""
        ...

    async def flow(self, pack: str, flow: str) -> FlowView:
        """Raises NotFound, PackInvalid."""
        ...

    async def triggers(self, *, limit: int = 10) -> TriggerList:
        """What starts runs without a person, and its next starts, `limit` at most."""
        ...

    async def switch_trigger(self, name: str, *, on: bool, actor: Actor) -> TriggerState:
        """Turn a trigger on or off, for every process on the journal, until it is turned again.

        `name` is `pack/flow/trigger`, or its last part when there is only one. One that is turned on counts
        from then. Raises NotFound, InvalidInput (several).
        """
        ...

    async def validate(self, directory: Path) -> tuple[PackView, tuple[Problem, ...]]:
        """Load a pack directory without adding it. Raises NotFound when there is none."""
        ...

    async def reload(self) -> tuple[PackNotice, ...]:
        """Look at all packs now; what changed."""
        ...

    async def path(self, pack: str, file: str | None = None) -> Path:
        """Where the pack, or a file of it, is. Raises NotFound (also for a file outside of packs)."""
        ...

    async def versions(self, pack: str) -> tuple[PackVersion, ...]:
        """What was published, highest version first, pre-releases last; empty for an unknown pack."""
        ...

    async def publish(
        self, pack: str, *, actor: Actor, sbom: str | None = None, digest: str | None = None
    ) -> PackVersion:
        """Publish the files as they are now; with a `digest` only the content that has it.

        Publishing the same content again changes nothing.

        Raises NotFound, PackInvalid, Refused (`version_conflict`, `signature_invalid`, `code_changed`),
        InvalidInput (size).
        """
        ...

    async def diff(self, before: str | Path, after: str | Path) -> PackDiff:
        """From `before` to `after`, each `PACK` (in force), `PACK@VERSION` (published) or a directory.

        Raises NotFound, InvalidInput.
        """
        ...

    async def code(self, pack: str) -> CodeReview:
        """The code of the content in force. Raises NotFound (also when the pack has none)."""
        ...

    async def trust(self, pack: str, digest: str, *, actor: Actor) -> CodeReview:
        """Let exactly the code with this digest run. Raises NotFound, Refused (`code_changed`)."""
        ...
