"""What several of these tests run in."""

from __future__ import annotations

import pytest

from assay.sandbox.isolation import Isolation, try_to_break
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined


@pytest.fixture(scope="module", params=[Bubblewrap, Confined], ids=["bubblewrap", "confined"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Each tier with no control group, so that what it does by itself is tested."""
    tier: Isolation = request.param()
    verdict = try_to_break(tier)
    if not verdict.holds:
        pytest.skip(f"not run: {tier.name} does not hold here: {'; '.join(verdict.broken)}")
    return tier
