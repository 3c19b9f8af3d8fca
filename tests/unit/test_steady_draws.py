"""What is drawn from a seed does not depend on the modules that happen to be loaded, or have been."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from assay.checks.steady import steady_draws


def drawn(seed: int) -> list[int]:
    found: list[int] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=200, database=None, deadline=None, derandomize=False)
    @hypothesis.given(st.lists(st.integers(0, 10**9), min_size=3, max_size=3))
    def test(numbers: list[int]) -> None:
        found.extend(numbers)

    with steady_draws():
        test()
    return found


def test_constants_of_modules_change_no_draw() -> None:
    planted = range(700_000_001, 700_000_200)
    before = [drawn(seed) for seed in range(5)]
    hypothesis.given(st.integers(0, 10**9))(lambda number: None)()  # Hypothesis has looked at modules once
    providers._local_constants.integers.update(planted)
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        assert [drawn(seed) for seed in range(5)] == before
        assert not set(planted) & {number for one in before for number in one}
    finally:
        providers._local_constants.integers.difference_update(planted)
        providers.CONSTANTS_CACHE.cache.clear()


def test_nothing_stays_changed() -> None:
    before = providers.AVAILABLE_PROVIDERS["hypothesis"], providers._get_local_constants, providers.CONSTANTS_CACHE
    with steady_draws():
        assert providers._get_local_constants is not before[1]
    assert before == (
        providers.AVAILABLE_PROVIDERS["hypothesis"],
        providers._get_local_constants,
        providers.CONSTANTS_CACHE,
    )
