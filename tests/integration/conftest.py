"""What several of these tests run in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.sandbox.isolation import Isolation, Warm, try_to_break
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined


@pytest.fixture(
    scope="module",
    params=[(Bubblewrap, False), (Bubblewrap, True), (Confined, False), (Confined, True)],
    ids=["bubblewrap", "bubblewrap-warm", "confined", "confined-warm"],
)
def isolation(request: pytest.FixtureRequest) -> Iterator[Isolation]:
    """Each tier with no control group, so that what it does by itself is tested; cold, and forked from zygotes."""
    kind, forked = request.param
    tier: Isolation = Warm(kind()) if forked else kind()
    try:
        verdict = try_to_break(tier)
        if not verdict.holds:
            pytest.skip(f"not run: {tier.name} does not hold here: {'; '.join(verdict.broken)}")
        yield tier
    finally:
        if isinstance(tier, Warm):
            tier.close()
