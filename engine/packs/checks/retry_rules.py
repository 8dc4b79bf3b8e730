"""Rules of a step's retry: a code that nothing fails with would switch the retry off unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepErrorCode
from engine.packs.checks.schemas.schema_problems import close_match, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.packs.checks.step_node import StepNode
    from engine.packs.source.yaml_source import SourcePath


def retry_faults(node: StepNode) -> Iterator[tuple[SourcePath, str]]:
    """Codes of `retry_on_codes` that are none, by their place in the step."""
    retry = node.raw.get("retry")
    if not isinstance(retry, dict):
        return
    for field in ("retry_on_codes", "retry_on"):
        named = retry.get(field)
        for index, code in enumerate(named if isinstance(named, list) else ()):
            if isinstance(code, str) and not _is_code(code) and not _is_reason(code, node):
                known = [*StepErrorCode, *_reasons(node)]
                words = f"nothing fails with the code `{shortened(code)}`{close_match(code, known)}"
                yield ("retry", field, index), words


def _is_code(code: str) -> bool:
    try:
        StepErrorCode(code)
    except ValueError:
        return False
    return True


def _is_reason(code: str, node: StepNode) -> bool:
    """Whether it may stand in `details.reason`; nobody knows those of packs' and servers' tools."""
    from engine.tools.builtin.all import builtin_registry  # noqa: PLC0415 - for the few who name a reason

    tool = node.text("tool")
    if tool is not None and builtin_registry().find(tool) is None:
        return True
    return code in _reasons(node)


def _reasons(node: StepNode) -> frozenset[str]:
    from engine.acp.failure import AgentReason  # noqa: PLC0415 - likewise
    from engine.models.failure import ModelErrorCode  # noqa: PLC0415 - likewise
    from engine.tools.failure import OS_REASONS  # noqa: PLC0415 - likewise

    if node.type == "tool":
        return OS_REASONS
    return frozenset({*ModelErrorCode, *AgentReason}) if node.model.composite else frozenset()
