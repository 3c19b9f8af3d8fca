"""When an assignment can be fetched and submitted, decided from times and counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from assay.errors import Refusal
from assay.exchange.moments import in_utc, readable

_NO_TIME = timedelta(0)
_LONGEST_GRACE = timedelta(days=366)


@dataclass(frozen=True)
class Policy:
    """The rules of one assignment. Raises Refusal (`bad_time`, `bad_policy`) where they make no sense."""

    release: datetime | None = None  # None: at once
    due: datetime | None = None  # None: never over
    grace: timedelta = _NO_TIME  # after `due`, and not yet late
    attempts: int | None = None  # None: as many as you like
    late: Literal["accept", "refuse"] = "accept"

    def __post_init__(self) -> None:
        for name in ("release", "due"):
            if (moment := getattr(self, name)) is not None:
                object.__setattr__(self, name, in_utc(moment))
        if not _NO_TIME <= self.grace <= _LONGEST_GRACE:
            raise Refusal("bad_policy", f"A grace of {self.grace} is not possible. Give one from 0 to 366 days.")
        if self.attempts is not None and (type(self.attempts) is not int or not 1 <= self.attempts < 2**31):
            raise Refusal(
                "bad_policy", f"{self.attempts} attempts are not possible. Give a number from 1, or none for no limit."
            )
        if self.late not in ("accept", "refuse"):
            raise Refusal("bad_policy", f"What to do with late submissions is 'accept' or 'refuse', not {self.late!r}.")


@dataclass(frozen=True)
class Extension:
    """A later due date for one student."""

    student: str
    until: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "until", in_utc(self.until))


@dataclass(frozen=True)
class Accepted:
    """A submission is taken."""

    late: bool


@dataclass(frozen=True)
class Refused:
    """A submission is not taken. `code` is one word for programs, `reason` a sentence or two for the student."""

    code: Literal["not_released", "deadline_over", "no_attempts_left"]
    reason: str


def may_fetch(policy: Policy, now: datetime) -> bool:
    """Whether students can get the files of an assignment; also after the deadline."""
    return policy.release is None or in_utc(now) >= policy.release


def due_for(policy: Policy, extension: Extension | None) -> datetime | None:
    """When a student's submission is due. An extension that ends before the common date changes nothing."""
    if policy.due is None or extension is None:
        return policy.due
    return max(policy.due, extension.until)


def attempts_left(policy: Policy, attempts_so_far: int) -> int | None:
    """How many attempts remain; None where there is no limit."""
    return None if policy.attempts is None else max(0, policy.attempts - attempts_so_far)


def judge_submission(
    policy: Policy, extension: Extension | None, now: datetime, attempts_so_far: int
) -> Accepted | Refused:
    """Whether a submission that arrived at `now` is taken, and whether it is late.

    The moments `due` and `due + grace` themselves are still in time.
    """
    now = in_utc(now)
    if policy.release is not None and now < policy.release:
        return Refused(
            "not_released",
            f"This assignment is not released before {readable(policy.release)}. Submit it after that.",
        )
    due = due_for(policy, extension)
    late = due is not None and now - due > policy.grace  # due + grace may lie beyond the last year
    if late and policy.late == "refuse":
        return Refused("deadline_over", _deadline_over(policy, due, now))
    if attempts_left(policy, attempts_so_far) == 0:
        return Refused("no_attempts_left", _no_attempts_left(policy.attempts))
    return Accepted(late)


def _deadline_over(policy: Policy, due: datetime | None, now: datetime) -> str:
    assert due is not None
    grace = f", with {policy.grace} of grace" if policy.grace else ""
    return (
        f"The deadline was {readable(due)}{grace}; this submission came at {readable(now)} and was not taken. "
        "What you submitted before stays. Ask your instructor for an extension."
    )


def _no_attempts_left(attempts: int | None) -> str:
    used = "The one attempt is" if attempts == 1 else f"All {attempts} attempts are"
    return f"{used} used; this submission was not taken. What you submitted before stays. Ask your instructor for more."
