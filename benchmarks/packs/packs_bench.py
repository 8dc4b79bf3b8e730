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
from benchmarks.packs.made_packs import write_packs
from engine.packs.layers.agent_layers import compose_layers
from engine.packs.loader import read_pack
from engine.packs.source.content import MANIFEST
from engine.packs.source.directory import PackDirectory
from engine.packs.source.pack_files import PackFiles
from engine.packs.source.yaml_source import SourceDocument
from engine.tools.builtin.all import builtin_registry

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
    """CPU milliseconds (median of `n` packs) and their ratios to the C loader.

    `compose` is the layers alone, `load` a whole pack seen for the first time, `reload` one that was
    loaded before.
    """
    packs = write_packs(root, n)
    names = frozenset(spec.name for spec in builtin_registry().specs())
    shared = list(root.glob("_shared/souls/*.yaml"))
    layers = [[*pack.glob("*.yaml"), *pack.glob("SKILLS/*.md"), *shared] for pack in packs]
    every = [[*paths, *pack.glob("flows/*.yaml")] for pack, paths in zip(packs, layers, strict=True)]

    def load(pack: Path) -> None:
        loaded = read_pack(pack, tool_names=names, roots=[root])
        assert loaded.agent is not None, loaded.problems

    load(packs[0])
    figures = _in_turns(
        n,
        compose=lambda turn: _compose(packs[turn], root, names),
        layers_c_loader=lambda turn: _c_load(layers[turn]),
        load=lambda turn: load(packs[turn]),
        files_c_loader=lambda turn: _c_load(every[turn]),
        reload=lambda _: load(packs[0]),
    )
    return {
        "subject": "vasini",
        "work": "packs-compose",
        "n": n,
        **{f"{name}_ms": round(value * 1000, 3) for name, value in figures.items()},
        "compose_ratio": round(figures["compose"] / figures["layers_c_loader"], 2),
        "load_ratio": round(figures["load"] / figures["files_c_loader"], 2),
        "reload_ratio": round(figures["reload"] / figures["files_c_loader"], 2),
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


def _in_turns(n: int, **work: Callable[[int], object]) -> dict[str, float]:
    """The median CPU seconds of each, taken in turns so that a slow moment hits all of them."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(n):
        for name, act in work.items():
            begin = time.process_time()
            act(turn)
            taken[name].append(time.process_time() - begin)
    return {name: percentile(values, 0.5) for name, values in taken.items()}


if __name__ == "__main__":
    main()
