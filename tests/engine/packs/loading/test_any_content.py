"""Whatever the files of a pack hold, loading them ends in problems with places, never in an exception."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts.packs.agent import ComposedAgent
from engine.packs.catalog.outline import flow_outlines, pack_texts
from engine.packs.loader import load_content
from engine.packs.source.content import PackContent, content_digest

LAYERS = ("soul", "role", "tools", "guardrails", "memory", "workflow")
NAMES = (
    "file", "extends", "override", "schema_version", "identity", "name", "language", "principles",
    "title", "goal", "primary", "domain", "available", "id", "sandbox", "timeout", "sop", "trigger",
    "steps", "action", "tool", "params", "on_success", "on_failure", "max_duration", "escalation",
    "requires_approval", "body",
)  # fmt: skip
WORDS = (
    "x", "1.0", "30s", "done", "a", "escalation", "{{payload.x}}", "{{", "SOUL.yaml", "../a.yaml",
    "b.md", "files.read",
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (*LAYERS, "skills", "compatibility", "tested_with", "name")
MANIFEST = {
    "schema_version": "1.0",
    "pack_id": "demo",
    "version": "1.0.0",
    "author": {"name": "A"},
    "role": {"title": "T", "domain": "D", "goal": {"primary": "P"}},
}
FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def load(files: dict[str, str]) -> None:
    """Loads, and keeps to what every loaded pack promises."""
    pack = load_content(PackContent("demo", "1.0.0", content_digest(files), files), tool_names={"files.read"})
    for problem in pack.problems:
        assert problem.line
        assert problem.column
        assert problem.message
        assert problem.file in files or problem.file.endswith((".yaml", ".md", ".py"))
    if not pack.problems:
        assert isinstance(pack.agent, ComposedAgent)
        assert len(flow_outlines(pack)) == len(pack.flows)
        assert pack_texts(pack)


@FEW
@given(
    st.dictionaries(
        st.sampled_from((*LAYERS, "skills", "compatibility", "tested_with", "name")), VALUES, max_size=4
    )
)
def test_a_manifest_with_any_references_loads_or_has_problems(layers: dict[str, Any]) -> None:
    load({"profession-pack.yaml": json.dumps({**MANIFEST, **layers})})


@FEW
@given(VALUES, VALUES, VALUES)
def test_files_with_any_values_load_or_have_problems(first: Any, second: Any, flow: Any) -> None:
    manifest = {**MANIFEST, "soul": {"file": "SOUL.yaml"}, "workflow": {"extends": "../a.yaml"}}
    load(
        {
            "profession-pack.yaml": json.dumps({**manifest, "skills": [{"file": "b.md"}]}),
            "SOUL.yaml": json.dumps(first),
            "../a.yaml": json.dumps(second),
            "b.md": f"---\n{json.dumps(first)}\n---\ntext",
            "flows/f.json": json.dumps({"id": "f", "steps": flow}),
        }
    )


STEPS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abc"), "action": st.sampled_from(("Do", "{{ payload.x }}"))},
        optional={
            "tool": st.sampled_from(("files.read", "files.raed")) | st.none(),
            "on_success": st.sampled_from(("a", "b", "done", "fail", "escalation", "z")),
            "on_failure": st.sampled_from(("a", "b", "done", "fail", "escalation", "z")),
            "requires_approval": st.booleans(),
            "timeout": st.sampled_from(("1m", "soon")),
            "max_visits": st.integers(1, 3),
        },
    ),
    max_size=4,
)


@FEW
@given(STEPS, st.sampled_from(("", "Help.")))
def test_procedures_with_any_steps_load_or_have_problems(steps: list[Any], escalation: str) -> None:
    sop = {"id": "s", "name": "S", "trigger": "T", "steps": steps, "escalation": escalation}
    load({"profession-pack.yaml": json.dumps({**MANIFEST, "workflow": {"sop": [sop]}})})


@FEW
@given(st.text(max_size=200), st.text(max_size=200))
def test_files_with_any_text_load_or_have_problems(manifest: str, layer: str) -> None:
    load({"profession-pack.yaml": manifest, "flows/f.yaml": layer, "tools.py": manifest})
    load({"profession-pack.yaml": json.dumps({**MANIFEST, "soul": {"file": "s.yaml"}}), "s.yaml": layer})
    load(
        {
            "profession-pack.yaml": json.dumps({**MANIFEST, "skills": [{"file": "s.md"}]}),
            "s.md": f"---\n{layer}",
        }
    )
