from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.contracts.layers.tools import ToolPolicies, ToolSandbox
from engine.contracts.quantity import cpu_cores, dollars, duration_seconds, memory_bytes

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("2m", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("500ms", 0.5),
        ("365d", 31536000),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("256Mi", 268_435_456), ("1Gi", 1_073_741_824), ("64Ki", 65_536)])
def test_sizes_are_bytes(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize(("text", "cores"), [("1", 1.0), ("0.5", 0.5), ("500m", 0.5), ("16", 16.0)])
def test_processors_are_cores_or_their_thousandths(text: str, cores: float) -> None:
    assert cpu_cores(text) == cores


@pytest.mark.parametrize(("text", "amount"), [("$5", "5"), ("$0.50", "0.50")])
def test_amounts_are_exact_dollars(text: str, amount: str) -> None:
    assert dollars(text) == Decimal(amount)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *(
            (duration_seconds, text)
            for text in ("", "soon", "30", "30 s", "-1s", "0s", "366d", "1m1h", "1.5h", "٣s")
        ),
        *((duration_seconds, text) for text in ("9" * 5000 + "s", "30s\n")),
        *((memory_bytes, text) for text in ("", "256", "256MB", "0Mi", "-1Mi", "1.5Gi", "9" * 50 + "Ti")),
        *((cpu_cores, text) for text in ("", "0", "many", "-1", "0m", "1e9", "nan")),
        *((dollars, text) for text in ("", "5", "5$", "$-5", "$1e3", "€5")),
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_the_default(
    read: Callable[[str], object], text: str
) -> None:
    """The reference turns it into 30 seconds, or 256Mi, without a word."""
    with pytest.raises(ValueError, match="such as"):
        read(text)


@pytest.mark.parametrize(
    ("field", "value"), [("timeout", "soon"), ("memory_limit", "512 MB"), ("cpu_limit", "all")]
)
def test_the_error_names_the_field_and_the_value(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ToolSandbox.model_validate({field: value})
    (error,) = caught.value.errors()
    assert (error["loc"], error["input"]) == ((field,), value)
    assert "such as" in error["msg"]


def test_a_cost_limit_is_an_amount() -> None:
    assert ToolPolicies().cost_limit_per_task == "$10"
    with pytest.raises(ValidationError, match="US dollars"):
        ToolPolicies(cost_limit_per_task="cheap")


@given(st.integers(0, 364), st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_durations_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d{hours}h{minutes}m{seconds}s"
    assert duration_seconds(text) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds
