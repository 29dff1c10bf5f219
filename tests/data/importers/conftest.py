"""What several tests of the embedded dataset look at."""

import pytest

from bench.data.importers.moodclips.shots import Plan, Shot, plan


@pytest.fixture(scope="session")
def full() -> Plan:
    """The default dataset as planned: annotations at full size, nothing drawn."""
    return plan(0, 1200, 120, 240)


@pytest.fixture(scope="session")
def shots(full: Plan) -> dict[str, Shot]:
    return {shot.name: shot for shot in full.shots}
