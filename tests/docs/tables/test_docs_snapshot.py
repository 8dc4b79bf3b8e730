"""The schema of a run's snapshot is that of its contract."""

from __future__ import annotations

from docs.snapshot_schema import FILE, schema_text


def test_the_schema_of_the_snapshot_is_its_contract() -> None:
    assert FILE.read_text("utf-8") == schema_text(), "write it anew: make schemas"
