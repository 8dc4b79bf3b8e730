"""Lines of a command are masked many at a time, and each as it is by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.governance.masking import Masker

MASKER = Masker()

LINES = st.lists(
    st.lists(
        st.sampled_from(
            [
                "a",
                " ",
                "-",
                "+49 170 ",
                "1234567",
                "@",
                "example.org",
                "api_key",
                "=",
                "sk-",
                "bearer ",
                "4111 1111",
            ]
        ),
        max_size=6,
    ).map("".join)
    | st.sampled_from(["-----BEGIN PRIVATE KEY-----", "MIIE", "api_key:", "x" * 20, "ana@example.org"]),
    max_size=200,
)


@given(LINES, st.sampled_from([MASKER, Masker(["^a+$"])]))
def test_many_lines_are_masked_as_each_by_itself(lines: list[str], masker: Masker) -> None:
    assert masker.mask_lines(lines) == [masker.mask(line) for line in lines]
    assert masker.mask_lines(["quiet"] * 500 + lines) == ["quiet"] * 500 + [*map(masker.mask, lines)]
