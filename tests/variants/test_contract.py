"""What every registered variant must keep. A new file under `variants/` is tested here by being there."""

import pytest
from helpers.contract import RULES

from bench.model import variant_registry


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", sorted(variant_registry.entries()))
def test_the_variant_keeps_the_rule(name: str, rule: str) -> None:
    RULES[rule](name)
