"""Every part of a merged document knows where it stands."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.packs.layers.composed import ComposedDocument, Origin, merged
from engine.packs.source.yaml_source import SourceDocument

values = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


mappings = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def plain_merge(base: Any, override: Any) -> Any:
    if isinstance(base, dict) and isinstance(override, dict):
        keys = [*base, *(key for key in override if key not in base)]
        return {
            key: plain_merge(base[key], override[key])
            if key in base and key in override
            else override.get(key, base.get(key))
            for key in keys
        }
    return override


def document(file: str, value: Any) -> ComposedDocument:
    return ComposedDocument.of(value, Origin(SourceDocument(file, value, {(): (1, 1)})))


def follow(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    return [path]


@given(mappings, mappings, mappings)
def test_every_part_of_a_merge_knows_where_it_stands(low: Any, middle: Any, high: Any) -> None:
    sources = {"low": low, "middle": middle, "high": high}
    merge = merged(document("low", low), document("middle", middle))
    merge = merged(merge, document("high", high))
    assert merge.value == plain_merge(plain_merge(low, middle), high)
    for path in leaves(merge.value):
        place = merge.place(path)
        assert follow(sources[place.file], place.path) == follow(merge.value, path)
