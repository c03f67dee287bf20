"""Law: a stamp is read in the forms named here or refused with the reason; no year of another calendar passes.

All times are naive UTC. A stamp without an offset is UTC only where its publisher says so: readers that call this
know that of their format.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

FIRST_YEAR, LAST_YEAR = 1990, 2100
_EPOCH: Final = datetime(1970, 1, 1)
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?)?",
    re.IGNORECASE,
)
_SPOKEN: Final = re.compile(
    r"([A-Za-z]+),?\s+([A-Za-z]+)\s+(\d{1,2}),?\s+(\d{4}),?\s+(\d{1,2}):(\d{1,2}):?(\d{1,2})?\s*([AP]M)", re.IGNORECASE
)
_SLASHED: Final = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}),?\s+(\d{1,2}):(\d{1,2}):?(\d{1,2})?\s*([AP]M)?", re.IGNORECASE
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


class BadStamp(ValueError):
    """Why a text is no time; the message is for the person."""


class Stamp(NamedTuple):
    """A time, what of it was said, and what is odd about the way it was said."""

    time: datetime
    precision: str  # minute | hour | day
    doubts: tuple[str, ...] = ()


def iso(text: str) -> Stamp:
    """`2026-01-08`, `2026-01-08T16:30Z`, `2026-01-08 16:30:00+03:30`."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise BadStamp(f"{text.strip()[:40]!r} is no date like 2026-01-08 or time like 2026-01-08T16:30Z")
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if found[4] is None:
        return Stamp(_made(year, month, day), "day")
    micro = int((found[7] or "0").ljust(6, "0")[:6])
    time = _made(year, month, day, int(found[4]), int(found[5] or 0), int(found[6] or 0), micro)
    zone = found[8] or "Z"
    if zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        if offset > timedelta(hours=14):
            raise BadStamp(f"{zone} is no offset of local time")
        time -= offset if zone[0] == "+" else -offset
    return Stamp(time, "hour" if found[5] is None else "minute")


def spoken(text: str) -> Stamp:
    """`Wednesday, March 17, 2021, 4:40:00 PM`, `7/28/2020  17:00:00 PM` (month first), and slips of both."""
    plain = " ".join(text.split())
    if (found := _SPOKEN.fullmatch(plain)) is not None:
        name, month = found[1].lower(), found[2].lower()
        if month not in _MONTHS:
            raise BadStamp(f"{found[2][:20]!r} is no month")
        day = _made(int(found[4]), _MONTHS.index(month) + 1, int(found[3]))
        doubts = () if name == _DAYS[day.weekday()] else ("weekday",)
        clock = found[5], found[6], found[7], found[8]
    elif (found := _SLASHED.fullmatch(plain)) is not None:
        day = _made(int(found[3]), int(found[1]), int(found[2]))
        doubts, clock = (), (found[4], found[5], found[6], found[7])
    else:
        raise BadStamp(f"{plain[:40]!r} is no time like 'Wednesday, March 17, 2021, 4:40:00 PM'")
    hour, minute, second = int(clock[0]), int(clock[1]), int(clock[2] or 0)
    half = (clock[3] or "").upper()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "PM" else 0)
    elif half == "AM":  # 23:40 AM: the hours of a day cannot be meant otherwise
        doubts = (*doubts, "clock")
    return Stamp(_made(day.year, day.month, day.day, hour, minute, second), "minute", doubts)


def epoch(value: object, unit: int = 1) -> datetime:
    """Seconds since 1970 (or `unit` parts of one), as a number or its digits."""
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadStamp(f"{value!r:.40} is no number of seconds since 1970")
    seconds = value / unit
    if not 6e8 < seconds < 4.2e9:
        raise BadStamp(f"{value!r:.40} is no time between {FIRST_YEAR} and {LAST_YEAR} in seconds since 1970")
    return _EPOCH + timedelta(seconds=seconds)


def _made(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0) -> datetime:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        other = " (a date of the Iranian calendar is not read)" if 1300 <= year <= 1500 else ""
        raise BadStamp(f"the year {year} is not between {FIRST_YEAR} and {LAST_YEAR}{other}")
    try:
        return datetime(year, month, day, hour, minute, second, micro)
    except ValueError as error:
        raise BadStamp(f"there is no such time: {error}") from None
