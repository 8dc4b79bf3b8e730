"""How runs are looked at: rows as views, files of their folders, one run in full."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import EngineConfig
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.governing.soft_cap_answers import SoftCapAnswers
    from engine.runtime.files.live_output import LiveOutput
    from engine.runtime.files.run_folders import RunFolders
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.output_files import OutputFiles
    from engine.runtime.views.row_views import RowViews
    from engine.runtime.views.run_reader import RunReader


class RunViews:
    """What shows runs; a list of them needs none of it."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        redactor: Redactor,
        folders: RunFolders,
        live_output: LiveOutput,
    ) -> None:
        self._config, self._journal, self._clock = config, journal, clock
        self._values, self._redactor, self._folders, self._live_output = (
            values,
            redactor,
            folders,
            live_output,
        )

    @cached_property
    def reader(self) -> RunReader:
        """One run in full."""
        from engine.runtime.views.run_reader import RunReader  # noqa: PLC0415 - lists look into no run

        return RunReader(self._journal, self._values, self.views, self.files)

    @cached_property
    def views(self) -> RowViews:
        """Rows of the journal as people and programs are shown them."""
        from engine.runtime.views.disclosures import Disclosures  # noqa: PLC0415 - lists show no values
        from engine.runtime.views.row_views import RowViews  # noqa: PLC0415 - likewise

        disclosures = Disclosures(self._journal, self._clock)
        return RowViews(self._values, self._folders, self._clock, disclosures, self.cap_answers.note)

    @cached_property
    def cap_answers(self) -> SoftCapAnswers:
        """What answers about soft caps do, and what stands beside the question."""
        from engine.runtime.embedded.governing.soft_cap_answers import SoftCapAnswers  # noqa: PLC0415 - likewise

        return SoftCapAnswers(self._journal, self._clock, self._redactor, self._config.rules)

    @cached_property
    def files(self) -> OutputFiles:
        """Files that runs wrote, and what their calls wrote while they ran."""
        from engine.runtime.files.call_outputs import CallOutputs  # noqa: PLC0415 - lists read no files
        from engine.runtime.views.output_files import OutputFiles  # noqa: PLC0415 - likewise

        outputs = CallOutputs(self._config.runs_dir)
        return OutputFiles(self._folders, outputs, self._redactor, self._live_output.coming)
