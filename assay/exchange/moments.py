"""Moments are aware datetimes in UTC; the database keeps them as microseconds since 1970, receipts as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assay.errors import Refusal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises Refusal (`bad_time`) for one without a time zone: it could be any of 38 hours."""
    if moment.utcoffset() is None:
        raise Refusal(
            "bad_time", f"The time {moment.isoformat()} has no time zone. Add one, for example {moment.isoformat()}Z."
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Refusal(
            "bad_time", f"The time {moment.isoformat()} is out of range. Give one between 1 and 9999."
        ) from None


def read_moment(text: str) -> datetime:
    """A moment from ISO 8601 text with a time zone. Raises Refusal (`bad_time`)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("bad_time", f"{text[:60]!r} is no time. Write it as 2026-11-30T23:59:00Z.") from None
    return in_utc(moment)


def written(moment: datetime) -> str:
    """ISO 8601 text of a moment, always with microseconds: what `read_moment` reads back."""
    return in_utc(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")


def readable(moment: datetime) -> str:
    """A moment in a sentence. Seconds are cut off, but for those before a full minute: 23:59:59 is not 23:59."""
    return f"{in_utc(moment):%Y-%m-%d %H:%M:%S} UTC".replace(":00 UTC", " UTC")


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (in_utc(moment) - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The inverse of `microseconds`."""
    return _EPOCH + count * _MICROSECOND
