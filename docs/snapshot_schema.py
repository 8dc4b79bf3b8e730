"""Writes docs/schemas/run-snapshot.schema.json, the form of `vasini show RUN --snapshot`: `make schemas`."""

from __future__ import annotations

import json
from pathlib import Path

from engine.contracts.runs.snapshot import RunSnapshot

FILE = Path(__file__).parent / "schemas" / "run-snapshot.schema.json"


def schema_text() -> str:
    """The schema as it stands in its file."""
    schema = RunSnapshot.model_json_schema(mode="serialization")
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(schema_text(), "utf-8")
