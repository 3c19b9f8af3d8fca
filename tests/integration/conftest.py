"""What several of these tests run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay.sandbox.isolation import Isolation, Warm, try_to_break
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined

if TYPE_CHECKING:
    from assay.course import Course
    from tests.support.serving import Site


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


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The tiny course of `tests.support.serving`, released once for a module. Sites get copies of it."""
    from tests.support.serving import template

    return template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def server(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A new site with this course, whose worker tries again at once."""
    from assay.serving import grading
    from tests.support.serving import site

    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    with site(tmp_path, course) as found:
        yield found
