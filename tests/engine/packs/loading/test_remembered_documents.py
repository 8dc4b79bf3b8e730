"""A text that was parsed once is answered with the same document: loading a pack must not change it."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.packs.loader import read_pack
from engine.packs.source.yaml_source import _parsed, parse_document

PACKS = Path(__file__).parents[4] / "packs"
UNNAMED = "name: unnamed\nsteps:\n  - {type: wait, duration: 1}\n  - {type: tool, tool: text.report}\n"
"""A flow that the loader completes: its id, and those of its steps."""


def test_loading_packs_changes_no_document_that_is_remembered(tmp_path: Path) -> None:
    manifests = sorted(PACKS.glob("*/profession-pack.yaml"))
    assert manifests
    shutil.copytree(PACKS, tmp_path, dirs_exist_ok=True)
    for manifest in manifests:
        place = tmp_path / manifest.parent.name
        (place / "flows" / "unnamed.yaml").write_text(UNNAMED)
        files = read_pack(place).content.files
        assert "flows/unnamed.yaml" in files
        for name, text in files.items():
            if name.endswith((".yaml", ".json")):
                assert parse_document(text, name) == _parsed(text, name), name
