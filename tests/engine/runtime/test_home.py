"""The home that tests of the runtime have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.runtime.embedded_home import tool

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home


def test_a_flow_leaves_the_manifest_that_its_pack_has(home: Home) -> None:
    home.flow("one", tool("a"))
    pack = home.root / "shipped" / "demo"
    manifest = pack / "profession-pack.yaml"
    assert manifest.exists()
    manifest.write_text("as it was changed")
    home.flow("two", tool("a"))
    assert manifest.read_text() == "as it was changed"
    assert {path.name for path in (pack / "flows").iterdir()} == {"one.yaml", "two.yaml"}
