"""Directories that scoped tools may touch, as the start payload of a run makes them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from engine.templates import TemplateError, compile_template
from engine.values import BlobNeeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.governance.tools_layer import ToolsLayer


def rendered_scopes(layer: ToolsLayer | None, payload: Any) -> dict[str, list[str]]:
    """Paths by tool, links resolved (blocking); relative ones are below the run's work folder.

    A path that the payload does not make, or that leads upwards, is left out: nothing is allowed there.
    """
    found: dict[str, list[str]] = {}
    for tool, bounds in (layer.offered if layer is not None and layer.offered is not None else {}).items():
        if bounds.filesystem == "scoped":
            rendered = (_rendered(path, payload) for path in bounds.scoped_paths)
            found[tool] = [path for path in rendered if path]
    return found


def opened_scopes(scopes: Mapping[str, list[str]], workdir: Path) -> dict[str, tuple[Path, ...]]:
    """The same as paths of one run, whose work folder is `workdir`: real ones, also where that is reached
    over a link, unless somebody puts links into the work folder (blocking).
    """
    real = workdir.parent.resolve() / workdir.name
    return {tool: tuple(Path(real, path) for path in paths) for tool, paths in scopes.items()}


def _rendered(path: str, payload: Any) -> str:
    try:
        text = str(compile_template(path).render({"payload": payload}, _nothing_stored))
    except (TemplateError, BlobNeeded):
        return ""
    if not text.strip() or "\x00" in text or ".." in PurePosixPath(text).parts:
        return ""
    return str(Path(text).resolve()) if text.startswith("/") else text


def _nothing_stored(digest: str) -> Any:
    raise BlobNeeded(digest)
