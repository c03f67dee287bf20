"""Law: local time follows the place and the date, from the tables of the locked `tzdata`, never from the machine.

A zone that the tables do not hold gives no local time; it never gives a wrong one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from clampdown.reference.zones import zone

_DAY: Final = timedelta(days=1)


class Shift(NamedTuple):
    """From this moment (UTC) on the clocks of a place stood otherwise."""

    at: datetime
    before: timedelta
    after: timedelta


def zone_of(name: str | None) -> ZoneInfo | None:
    """The zone of this name; None where there is none."""
    return zone(name) if name else None


def utc(time: datetime) -> datetime:
    """Naive UTC as aware UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def local(time: datetime | None, name: str | None) -> datetime | None:
    """The same moment by the clocks of the place."""
    found = zone_of(name)
    return None if time is None or found is None else utc(time).astimezone(found)


def offset(time: datetime, name: str | None) -> timedelta | None:
    """How far the clocks of the place are ahead of UTC."""
    there = local(time, name)
    return None if there is None else there.utcoffset()


def shifts(first: datetime, last: datetime, name: str | None) -> tuple[Shift, ...]:
    """Every change of the offset within a period, to the minute."""
    if zone_of(name) is None:
        return ()
    made: list[Shift] = []
    begin, last = utc(first), utc(last)
    while begin < last:
        end = min(begin + _DAY, last)
        before, after = offset(begin, name), offset(end, name)
        if before is not None and after is not None and before != after:
            low, high = begin, end
            while high - low > timedelta(minutes=1):
                middle = (low + (high - low) / 2).replace(second=0, microsecond=0)
                if middle <= low:
                    break
                low, high = (middle, high) if offset(middle, name) == before else (low, middle)
            made.append(Shift(high, before, after))
        begin = end
    return tuple(made)


def said(ahead: timedelta) -> str:
    """UTC+3:30, UTC-5, UTC"""
    minutes = round(ahead.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")
