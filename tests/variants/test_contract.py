"""What every registered variant must keep. A new file under `variants/` is tested here by being there."""

import pytest

from bench.model import variant_registry
from bench.model.contract import RULES, check


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", sorted(variant_registry.entries()))
def test_the_variant_keeps_the_rule(name: str, rule: str) -> None:
    check(name, rule)
