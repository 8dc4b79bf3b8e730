"""What keeping an installation small, and taking a run away from it, tells."""

from __future__ import annotations

from pydantic import Field

from engine.contracts.model import Contract


class PruneReport(Contract):
    """What was removed, or would be."""

    runs: tuple[str, ...] = Field(description="Runs that are gone, with those started below them.")
    events: int
    values: int = Field(default=0, description="Kept values that nothing refers to any more.")
    value_bytes: int = 0
    folders: int = 0
    folder_bytes: int = 0
    alerts: int = Field(default=0, description="Alerts of service levels that had ended before.")
    dry_run: bool = False


class LeftOutFile(Contract):
    """A file of a run that is not in its archive."""

    name: str
    size: int
    sha256: str
    why: str


class ExportReport(Contract):
    """An archive of a run."""

    run_id: str
    path: str
    runs: tuple[str, ...] = Field(description="The run, and those started below it.")
    files: int
    size: int
    digest: str = Field(description="sha256 of its manifest, which has the digest of every file.")
    left_out: tuple[LeftOutFile, ...] = ()
