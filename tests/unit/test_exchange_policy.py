"""When students may fetch and submit."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refusal
from assay.exchange.moments import from_microseconds, microseconds, read_moment, readable, written
from assay.exchange.policy import (
    Accepted,
    Extension,
    Policy,
    Refused,
    attempts_left,
    due_for,
    judge_submission,
    may_fetch,
)

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
moments = st.datetimes(timezones=st.just(UTC))
graces = st.timedeltas(timedelta(0), timedelta(days=366))
policies = st.builds(
    Policy,
    release=st.none() | moments,
    due=st.none() | moments,
    grace=graces,
    attempts=st.none() | st.integers(1, 5),
    late=st.sampled_from(["accept", "refuse"]),
)
given_extensions = st.none() | st.builds(Extension, st.just("student1"), moments)


def worse(verdict: Accepted | Refused) -> int:
    return 2 if isinstance(verdict, Refused) else int(verdict.late)


@settings(deadline=None)
@given(policies, given_extensions, moments, moments, st.integers(0, 6))
def test_after_the_release_waiting_never_helps(policy, extension, one, other, attempts) -> None:
    earlier, later = sorted([one, other])
    if may_fetch(policy, earlier):
        verdicts = [judge_submission(policy, extension, now, attempts) for now in (earlier, later)]
        assert worse(verdicts[0]) <= worse(verdicts[1])


@settings(deadline=None)
@given(policies, given_extensions, moments, st.integers(0, 6))
def test_what_can_be_submitted_can_be_fetched_then_and_later(policy, extension, now, attempts) -> None:
    if isinstance(judge_submission(policy, extension, now, attempts), Accepted):
        assert may_fetch(policy, now) and may_fetch(policy, datetime.max.replace(tzinfo=UTC))


@settings(deadline=None)
@given(policies, given_extensions, moments, st.integers(0, 6))
def test_an_extension_never_harms(policy, extension, now, attempts) -> None:
    without = judge_submission(policy, None, now, attempts)
    assert worse(judge_submission(policy, extension, now, attempts)) <= worse(without)


@settings(deadline=None)
@given(policies, given_extensions, moments, st.integers(0, 6))
def test_another_attempt_never_helps(policy, extension, now, attempts) -> None:
    verdicts = [judge_submission(policy, extension, now, count) for count in (attempts, attempts + 1)]
    assert worse(verdicts[0]) <= worse(verdicts[1])


@settings(deadline=None)
@given(policies, given_extensions, moments, st.integers(0, 6))
def test_more_grace_never_harms(policy, extension, now, attempts) -> None:
    least = Policy(policy.release, policy.due, timedelta(0), policy.attempts, policy.late)
    assert worse(judge_submission(policy, extension, now, attempts)) <= worse(
        judge_submission(least, extension, now, attempts)
    )


@pytest.mark.parametrize(
    "after, verdict", [(timedelta(0), False), (HOUR, False), (HOUR + MICROSECOND, True), (99 * HOUR, True)]
)
def test_within_the_grace_nobody_is_late(after: timedelta, verdict: bool) -> None:
    assert judge_submission(Policy(due=NOON, grace=HOUR), None, NOON + after, 0) == Accepted(late=verdict)


def test_without_a_due_date_nobody_is_late() -> None:
    extension = Extension("student1", NOON)
    assert judge_submission(Policy(late="refuse"), extension, NOON + 9999 * HOUR, 7) == Accepted(late=False)


def test_grace_follows_the_extended_date() -> None:
    policy, extension = Policy(due=NOON, grace=HOUR, late="refuse"), Extension("student1", NOON + 24 * HOUR)
    assert judge_submission(policy, extension, NOON + 25 * HOUR, 0) == Accepted(late=False)
    assert isinstance(judge_submission(policy, extension, NOON + 25 * HOUR + MICROSECOND, 0), Refused)


def test_an_extension_never_shortens() -> None:
    assert due_for(Policy(due=NOON), Extension("student1", NOON - HOUR)) == NOON


def test_refusals_say_what_happened_and_what_to_do() -> None:
    policy = Policy(release=NOON, due=NOON + HOUR, grace=HOUR / 60, attempts=3, late="refuse")
    early = judge_submission(policy, None, NOON - HOUR, 0)
    over = judge_submission(policy, None, NOON + 2 * HOUR, 0)
    used = judge_submission(policy, None, NOON, 3)
    assert isinstance(early, Refused) and isinstance(over, Refused) and isinstance(used, Refused)
    assert early == Refused(
        "not_released", "This assignment is not released before 2026-11-30 12:00 UTC. Submit it after that."
    )
    assert over.code == "deadline_over" and used.code == "no_attempts_left"
    assert over.reason.startswith(
        "The deadline was 2026-11-30 13:00 UTC, with 0:01:00 of grace; this submission came at 2026-11-30 14:00 UTC"
    )
    assert used.reason.startswith("All 3 attempts are used;") and "Ask your instructor" in used.reason


def test_attempts_left() -> None:
    assert [attempts_left(Policy(attempts=2), count) for count in range(4)] == [2, 1, 0, 0]
    assert attempts_left(Policy(), 9) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Policy(due=datetime(2026, 11, 30)),
        lambda: Policy(release=datetime(2026, 11, 30)),
        lambda: Extension("student1", datetime(2026, 11, 30)),
        lambda: may_fetch(Policy(release=NOON), datetime(2026, 11, 30)),
        lambda: judge_submission(Policy(), None, datetime(2026, 11, 30), 0),
        lambda: Policy(due=datetime.max.replace(tzinfo=timezone(-HOUR))),
        lambda: read_moment("2026-11-30T12:00:00"),
        lambda: read_moment("tomorrow"),
    ],
)
def test_times_that_could_be_several_moments_are_refused(make) -> None:
    with pytest.raises(Refusal) as refused:
        make()
    assert refused.value.code == "bad_time"


@pytest.mark.parametrize(
    "rules",
    [
        {"grace": -HOUR},
        {"grace": timedelta.max},
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 2**31},
        {"late": "x"},
    ],
)
def test_rules_that_make_no_sense_are_refused(rules) -> None:
    with pytest.raises(Refusal) as refused:
        Policy(**rules)
    assert refused.value.code == "bad_policy"


def test_other_time_zones_are_the_same_moments() -> None:
    elsewhere = NOON.astimezone(timezone(-5 * HOUR))
    assert Policy(due=elsewhere) == Policy(due=NOON) and Policy(due=elsewhere).due.tzinfo is UTC  # type: ignore[union-attr]


@settings(deadline=None)
@given(moments)
def test_moments_are_kept_exactly(moment: datetime) -> None:
    assert from_microseconds(microseconds(moment)) == moment == read_moment(written(moment))
    assert len(written(moment)) == len("2026-11-30T12:00:00.000000Z")


def test_seconds_are_told_where_they_matter() -> None:
    assert readable(NOON) == "2026-11-30 12:00 UTC" and readable(NOON - MICROSECOND) == "2026-11-30 11:59:59 UTC"
