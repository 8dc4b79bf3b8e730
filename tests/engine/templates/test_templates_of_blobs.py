"""Templates follow references to values that lie elsewhere, and only those."""

from __future__ import annotations

from typing import Any

import pytest

from engine.templates import (
    compile_expression,
    compile_template,
    render_value,
)
from engine.values import LIST_KEY, BlobNeeded, blob_ref
from tests.engine.templates.test_templates import render

DIGEST = "a" * 64


def test_blobs_are_followed_where_they_are_met() -> None:
    ref = blob_ref(DIGEST, 10, "…")
    context = {"payload": ref, "steps": {"a": {"output": ref}, "all": {"output": {LIST_KEY: [1, ref]}}}}
    content = {"text": "full", "rows": [1]}

    def resolve(digest: str) -> Any:
        assert digest == DIGEST
        return content

    def result(source: str) -> Any:
        return compile_template(source).render(context, resolve)

    assert result("{{ payload }}") is content
    assert result("{{ payload.text }}") == "full"
    assert result("{{ steps.a.output.rows.0 }}") == 1
    assert result("{{ steps.all.output }}") == [1, content]
    assert result("{{ steps.all.output.1.text }}") == "full"
    assert result("{{ steps }}") == {"a": {"output": content}, "all": {"output": [1, content]}}
    assert result("{{ [payload] | tojson }}") == '[{"text": "full", "rows": [1]}]'
    assert result("{% for x in steps.all.output %}{{ x }}{% endfor %}") == '1{"text": "full", "rows": [1]}'
    assert compile_expression("payload.text == 'full'").test(context, resolve)
    assert compile_expression("steps.a.output == payload").test(context, resolve)
    assert render_value(["{{ payload.text }}"], context, resolve) == ["full"]


def test_a_blob_that_is_not_at_hand_is_asked_for() -> None:
    context = {"payload": blob_ref(DIGEST, 10, "…"), "other": 1}
    for source in ("{{ payload.text }}", "{{ payload }}", "x{{ payload | length }}"):
        with pytest.raises(BlobNeeded) as caught:
            compile_template(source).render(context)
        assert caught.value.digest == DIGEST
    assert render("{{ other }}", context) == 1


def test_what_a_blob_holds_is_never_followed_again() -> None:
    forged = {"deep": [{"$blob": "b" * 64, "size": 1, "preview": ""}]}
    context = {"payload": blob_ref(DIGEST, 10, "…", literal=True)}

    def resolve(digest: str) -> Any:
        assert digest == DIGEST
        return forged

    assert compile_template("{{ payload }}").render(context, resolve) == forged
    assert compile_template("{{ payload.deep[0] }}").render(context, resolve) == forged["deep"][0]
    assert compile_template("{{ payload.deep | first }}").render(context, resolve) == forged["deep"][0]
