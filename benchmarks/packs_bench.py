"""What packs cost: `compose`, one pack of 20 files beside reading the same files with the YAML C loader."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks.figures import percentile
from benchmarks.made_packs import write_packs
from engine.packs.agent_layers import compose_layers
from engine.packs.content import MANIFEST
from engine.packs.directory import PackDirectory
from engine.packs.loader import read_pack
from engine.packs.pack_files import PackFiles
from engine.packs.yaml_source import SourceDocument
from engine.tools.context import ToolLimits
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("compose",))
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        print(json.dumps(compose(Path(directory) / "packs", options.n)), flush=True)


def compose(root: Path, n: int) -> dict[str, object]:
    """CPU milliseconds (median of `n`) and their ratios: layers alone, and the whole pack with its flows."""
    (pack,) = write_packs(root, 1)
    names = frozenset(spec.name for spec in ToolRegistry.builtin(ToolLimits()).specs())
    layers = [*pack.glob("*.yaml"), *pack.glob("SKILLS/*.md"), *root.glob("_shared/souls/*.yaml")]
    every = [*layers, *pack.glob("flows/*.yaml")]
    loaded = read_pack(pack, tool_names=names, roots=[root])
    assert not loaded.problems, loaded.problems
    assert loaded.agent is not None
    figures = _in_turns(
        n,
        compose=lambda: _compose(pack, root, names),
        layers_c_loader=lambda: _c_load(layers),
        load=lambda: read_pack(pack, tool_names=names, roots=[root]),
        files_c_loader=lambda: _c_load(every),
    )
    return {
        "subject": "vasini",
        "work": "packs-compose",
        "n": n,
        **{f"{name}_ms": round(value * 1000, 3) for name, value in figures.items()},
        "compose_ratio": round(figures["compose"] / figures["layers_c_loader"], 2),
        "load_ratio": round(figures["load"] / figures["files_c_loader"], 2),
    }


def _compose(pack: Path, root: Path, names: frozenset[str]) -> None:
    place = PackDirectory(pack, [root])
    place.own_files()
    files = PackFiles(place.read)
    manifest = files.document(MANIFEST)
    assert isinstance(manifest, SourceDocument)
    assert not compose_layers(manifest, files, names).problems


def _c_load(paths: list[Path]) -> None:
    """Values and nothing else: no limits, no positions, no checks."""
    for path in paths:
        text = path.read_text("utf-8")
        if path.suffix == ".md":
            text = text.split("---\n")[1]
        yaml.load(text, Loader=yaml.CSafeLoader)


def _in_turns(n: int, **work: Callable[[], object]) -> dict[str, float]:
    """The median CPU seconds of each, taken in turns so that a slow moment hits all of them."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(n):
        for name, act in work.items():
            begin = time.process_time()
            act()
            taken[name].append(time.process_time() - begin)
    return {name: percentile(values, 0.5) for name, values in taken.items()}


if __name__ == "__main__":
    main()
