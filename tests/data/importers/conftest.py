"""What several tests of the embedded dataset look at."""

import pytest

from bench.data.importers.moodclips.shots import CONTENT, Plan, Shot, plan


@pytest.fixture(scope="session")
def full() -> Plan:
    """The default dataset as planned: annotations at full size, nothing drawn."""
    return plan(0, 1200, 120, 800)


@pytest.fixture(scope="session")
def content_plan() -> Plan:
    """moodclips-content as planned."""
    return plan(0, 3000, 0, 240, CONTENT)


@pytest.fixture(scope="session")
def shots(full: Plan) -> dict[str, Shot]:
    return {shot.name: shot for shot in full.shots}
