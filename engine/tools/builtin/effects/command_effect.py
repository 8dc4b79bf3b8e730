"""A command run on a copy of its folder: what it changed is kept and shown, and put in place once approved.

What is kept lies in the run's folder beside its work folder, where no isolated call sees it. It is compared
with what was approved, so that what somebody else puts there is not taken for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.preview import Preview
from engine.safe_files.removing import discard
from engine.threads import finish, run_stoppable
from engine.tools.builtin.effects.changes import (
    Change,
    changed_meanwhile,
    changes_between,
    digest_of_changes,
    shown_changes,
)
from engine.tools.builtin.effects.committing import commit, unchanged
from engine.tools.builtin.effects.tree import Entry, read_tree
from engine.tools.failure import invalid_input, permission_denied
from engine.tools.sandbox_spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from engine.threads import StopFlag
    from engine.tools.context import ToolContext, ToolLimits

_FACTS = "effect.json"


@dataclass(frozen=True, slots=True)
class CommandEffect:
    """The effect of one call on the directory `folder`; `params` are those of the call."""

    folder: Path
    params: dict[str, Any]
    context: ToolContext

    @property
    def _kept(self) -> Path:
        named = json.dumps([str(self.folder), self.params], sort_keys=True)
        return self.context.workdir.parent / "effects" / hashlib.sha256(named.encode()).hexdigest()

    async def look(self, lines: list[str], act: Callable[[ToolLimits], Awaitable[dict[str, Any]]]) -> Preview:
        """What the command changes, as it was when it was last looked at if nothing of that is another now.

        `act` runs it within limits and gives its output. Raises ToolFailure.
        """
        await run_stoppable(lambda _stop: self._require_whole())
        kept = await run_stoppable(lambda _stop: self._read())
        if kept is not None and await run_stoppable(lambda _stop: unchanged(kept[1], self.folder)):
            return kept[0]
        isolated = self.context.limits.isolated_in
        assert isolated is not None, "a call that is looked at demands it"
        copy = self._kept / "copy"
        try:
            before = await run_stoppable(lambda stop: self._copied(copy, stop))
            limits = self.context.limits
            sandbox = SandboxSpec(
                isolated.program,
                reads=limits.sandbox_reads,
                hidden=limits.hidden_roots,
                denied=limits.denied_roots,
                instead=((copy, self.folder),),
            )
            output = await act(replace(limits, isolated_in=sandbox))
            told = [*lines, *sandbox.told(), f"output: {len(json.dumps(output)):,} bytes"]
            return await run_stoppable(lambda stop: self._keep(before, copy, told, output, stop))
        finally:
            await finish(asyncio.to_thread(discard, copy))

    async def commit(self) -> dict[str, Any]:
        """Make exactly what was approved happen; the command's output. Raises ToolFailure (approval_void)."""
        approved = self.context.previewed
        if approved is None:
            message = "`effect: preview` is for a call that a person approves: put an approval before it"
            raise permission_denied(message)
        kept = await run_stoppable(lambda _stop: self._read())
        if kept is None or kept[0] != approved:
            raise changed_meanwhile()
        _, changes, output = kept
        # to its end: half of it must not happen after the call has ended
        await finish(asyncio.to_thread(commit, changes, self.folder, self._kept))
        await asyncio.to_thread(discard, self._kept)
        return output

    def _require_whole(self) -> None:
        """Raises ToolFailure for a folder that holds what no call may see."""
        limits = self.context.limits
        inside = [
            place
            for place in (*limits.denied_roots, *limits.hidden_roots)
            if place.resolve().is_relative_to(self.folder)
        ]
        if inside:
            raise permission_denied(f"{str(self.folder)!r} holds {str(inside[0])!r}, which is not for tools")

    def _copied(self, copy: Path, stop: StopFlag) -> dict[str, Entry]:
        discard(self._kept)
        copy.mkdir(parents=True, mode=0o700)
        copy.chmod(self.folder.stat().st_mode & 0o777)
        return read_tree(self.folder, stop, copy)

    def _keep(
        self, before: dict[str, Entry], copy: Path, told: list[str], output: dict[str, Any], stop: StopFlag
    ) -> Preview:
        changes = changes_between(before, read_tree(copy, stop))
        shown = shown_changes(changes, self.folder, copy)
        for change in changes:
            if change.after is not None and change.after.kind == "file":
                shutil.copyfile(copy / change.path, self._kept / change.after.content, follow_symlinks=False)
        count = f"{len(changes):,} path{'' if len(changes) == 1 else 's'}"
        preview = Preview(
            kind="diff",
            summary=f"changes {count} below {self.folder}; it has run on a copy and will not run again",
            text="\n".join([*told, "", shown]),
            base=_base(changes, output),
        )
        facts = {"preview": preview.model_dump(), "changes": changes, "output": output}
        unfinished = self._kept / "unfinished"
        unfinished.write_text(json.dumps(facts), "utf-8")
        unfinished.replace(self._kept / _FACTS)
        return preview

    def _read(self) -> tuple[Preview, list[Change], dict[str, Any]] | None:
        """What is kept of a look, whole and in keeping with itself."""
        try:
            facts = json.loads((self._kept / _FACTS).read_text("utf-8"))
            preview = Preview.model_validate(facts["preview"])
            changes = [
                Change(path, _entry(before), _entry(after)) for path, before, after in facts["changes"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (
            (preview, changes, facts["output"]) if preview.base == _base(changes, facts["output"]) else None
        )


def require_plain(params: dict[str, Any]) -> None:
    """Raises ToolFailure (invalid_input) for what a command that is looked at cannot have: secrets."""
    if "env" in params or "[SECRET " in json.dumps(params):
        raise invalid_input(
            "`effect: preview` takes neither `env` nor secrets: the command runs before it is approved"
        )


def _entry(kept: list[Any] | None) -> Entry | None:
    return None if kept is None else Entry(*kept)


def _base(changes: list[Change], output: dict[str, Any]) -> str:
    return hashlib.sha256(f"{digest_of_changes(changes)}{json.dumps(output)}".encode()).hexdigest()
