from __future__ import annotations

import pytest

from engine.packs.publishing.signature import signing_digest
from engine.packs.source.content import MANIFEST, PackContent
from engine.packs.versions import engine_version, framework_fault, semantic_version


def test_the_latest_version_is_the_highest_and_not_the_last_in_the_alphabet() -> None:
    """The reference sorts version texts, so 2.0.0 comes after 10.0.0."""
    texts = ["10.0.0", "2.0.0", "2.0.0-rc.1", "2.0.0-alpha", "1.9.12", "1.10.0"]
    assert sorted(texts, key=semantic_version) == [
        "1.9.12",
        "1.10.0",
        "2.0.0-alpha",
        "2.0.0-rc.1",
        "2.0.0",
        "10.0.0",
    ]


@pytest.mark.parametrize("text", ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "latest"])
def test_what_is_no_semantic_version_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"SemVer|semantic"):
        semantic_version(text)


@pytest.mark.parametrize(
    ("key", "bound", "current", "fits"),
    [
        ("framework_min", "0.1.0", "0.1.0", True),
        ("framework_min", "0.1.1", "0.1.0", False),
        ("framework_min", "0.9.0", "0.10.0", True),
        ("framework_min", "1", "0.99.0", False),
        ("framework_min", "1.x", "1.0.0", True),
        ("framework_max", "1.x", "1.99.3", True),
        ("framework_max", "1.x", "2.0.0", False),
        ("framework_max", "1.2.x", "1.2.9", True),
        ("framework_max", "1.2", "1.3.0", False),
        ("framework_max", "0.1.0", "0.1.0", True),
        ("framework_max", "0.9.0", "0.10.0", False),
        ("framework_max", "1.*", "1.5.0", True),
        ("framework_max", "newest", "1.0.0", False),
        ("framework_max", "1.x.2", "1.0.0", False),
        ("framework_max", "x", "1.0.0", False),
    ],
)
def test_bounds_of_the_engine(key: str, bound: str, current: str, fits: bool) -> None:
    assert (framework_fault(key, bound, current) is None) is fits


def test_the_engine_has_a_version() -> None:
    assert framework_fault("framework_min", engine_version()) is None
    assert framework_fault("framework_max", engine_version()) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1.1", "1.10", False), ("1.10", "1.100", False), ("1.1", "1.1", True), ("1.10", "1.10  # so", True)],
)
def test_what_is_signed_are_decimals_as_they_are_written(one: str, other: str, same: bool) -> None:
    def digest(bound: str) -> str:
        manifest = f"id: demo\ncompatibility:\n  framework_max: {bound}\n"
        return signing_digest(PackContent("demo", None, "d", {MANIFEST: manifest}))

    assert (digest(one) == digest(other)) is same
