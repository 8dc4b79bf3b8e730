"""What an engine is told runs may do."""

from __future__ import annotations

import pytest

from engine.config import Rules
from engine.governance.policies import Policies


def test_rules_that_nobody_gave_are_the_defaults() -> None:
    assert Rules().policies == Policies()


def test_a_name_that_no_rule_has_is_refused() -> None:
    with pytest.raises(TypeError, match="polices"):
        Rules(polices=Policies(enforce=False))
