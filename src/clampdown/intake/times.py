"""Law: a stamp is read in one way or refused with the reason; no calendar, order of day and month or zone is guessed.

Read: ISO 8601 with or without offset, also with a blank and with slashes if the year comes first; days alone; seconds
and milliseconds since 1970; days with the name of their month. Years of the Persian calendar (Jalali) are converted
where they can be no others: 1369 to 1410, or with a Persian month's name. As years of the Islamic lunar calendar those
lie before 1990; from 1411 on a number alone could be either, and is refused.
Local times need an IANA zone. One that occurs twice, when clocks go back, is the first of the two (and says so); one
that clocks jumped over is refused. A day alone begins at its first moment.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from persiantools.jdatetime import MONTH_NAMES_EN, MONTH_NAMES_FA, JalaliDate

from clampdown.reference.zones import zone

FIRST_YEAR: Final = 1990  # no signal of networks is older
LAST_YEAR: Final = 2100
_LONGEST: Final = 64
_JALALI: Final = range(1300, 1501)
_JALALI_ALONE: Final = range(1369, 1411)  # see the law; 1411 is 2032
_BUDDHIST: Final = 2500
_EPOCH: Final = datetime(1970, 1, 1)
_NOTHING: Final = timedelta()
_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_MOST_OFFSET: Final = timedelta(hours=15)
_DIGITS: Final = {ord(sign): str(n % 10) for n, sign in enumerate("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩")}
_LETTERS: Final = str.maketrans({"ي": "ی", "ك": "ک", "\u200c": " ", "\u200f": None, "\u200e": None})

_CLOCK: Final = (
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s?(?P<offset>Z|UTC|GMT|[+\-]\d{2}(?::?\d{2})?)?)"
)
# The form of nearly all rows, read in a third of the time; it must read as `_PLAIN` does.
_COMMON: Final = re.compile(r"(?:199\d|20\d\d)-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?Z?", re.ASCII)
_PLAIN: Final = re.compile(
    r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?:(?:[Tt]|\s{1,2})" + _CLOCK + ")?",
    re.ASCII | re.IGNORECASE,
)
_PACKED: Final = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:T?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2}))?(?P<offset>Z)?",
    re.ASCII,
)
_YEAR_LAST: Final = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:\D.*)?", re.ASCII)
_SINCE_1970: Final = re.compile(r"(?P<whole>\d{9,10}|\d{12,13})(?:\.(?P<fraction>\d{1,9}))?", re.ASCII)
_NAMED: Final = re.compile(
    r"(?:(?P<weekday>[^\W\d]+)\.?,?\s+)?"
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-](?P<month>[^\W\d]+)\.?,?[\s-]|(?P<month2>[^\W\d]+)\.?\s(?P<day2>\d{1,2})(?:st|nd|rd|th)?,?\s)"
    r"(?P<year>\d{4})(?:,?\s(?:at\s)?" + _CLOCK + ")?",
    re.IGNORECASE,
)
_ENGLISH: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Other spellings of Persian months in Latin letters.
_SPELLED: Final = {"dei": 10, "day": 10, "dai": 10, "amordad": 5, "azar": 9, "khordaad": 3, "farvardeen": 1}


class NotATime(ValueError):
    """The text is no time that can be read without guessing; its message says why."""


class Moment(NamedTuple):
    """A stamp as read."""

    utc: datetime  # naive; of a day alone its begin
    precision: str  # second | minute | day
    twice: bool = False  # a local time that occurred twice: the first is meant


class Wall(NamedTuple):
    """A stamp as written: what the clock shows, and how far that clock is ahead of UTC, if the stamp says so."""

    clock: datetime
    precision: str
    ahead: timedelta | None


def moment(text: str, key: str | None = None) -> Moment:
    """The stamp in naive UTC. Without an offset of its own it is local to the zone `key`, or UTC."""
    clock, precision, ahead = wall(text)
    if ahead is not None:
        return Moment(clock - ahead, precision)
    if key is None:
        return Moment(clock, precision)
    rules = _known(key)
    if precision == "day":
        return Moment(_begin_of(clock, rules), precision)
    jump = _jump(clock, rules)
    if jump > _NOTHING:
        raise NotATime(f"{clock} does not exist in {key}: clocks were put forward over it")
    return Moment(_utc(clock, rules), precision, jump < _NOTHING)


def wall(text: str) -> Wall:
    """The stamp as written, in the Gregorian calendar."""
    if _COMMON.fullmatch(text):
        ahead = _NOTHING if text[-1] == "Z" else None
        try:
            return Wall(datetime.fromisoformat(text if ahead is None else text[:-1]), "second", ahead)
        except ValueError:
            pass  # said below
    text = text.strip()
    if len(text) > _LONGEST:
        raise NotATime(f"{_shown(text)} is too long for a time")
    if not text.isascii():
        text = text.translate(_DIGITS).translate(_LETTERS).strip()
    since = _SINCE_1970.fullmatch(text)
    if since is not None:
        return _since_1970(since)
    found = _PLAIN.fullmatch(text) or _PACKED.fullmatch(text)
    if found is not None:
        return _placed(found, _gregorian(int(found["year"]), int(found["month"]), int(found["day"])))
    if _YEAR_LAST.fullmatch(text):
        raise NotATime(f"{_shown(text)}: the order of day and month cannot be told; write the year first")
    named = _NAMED.fullmatch(text)
    if named is not None:
        return _placed(named, _by_name(named))
    raise NotATime(f"{_shown(text)} is not a time that can be read; write 2026-01-08T16:30:00Z")


def utc_of(text: str, key: str | None = None) -> datetime:
    """The stamp alone, see `moment`."""
    return moment(text, key).utc


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


def _since_1970(found: re.Match[str]) -> Wall:
    whole = found["whole"]
    if len(whole) >= 12 and found["fraction"] is None:
        time = _EPOCH + timedelta(milliseconds=int(whole))
    elif len(whole) < 12:
        time = _EPOCH + timedelta(seconds=int(whole), microseconds=_micros(found["fraction"]))
    else:
        raise NotATime(f"{_shown(found[0])}: milliseconds since 1970 have no fraction")
    _year_read(time.year)
    return Wall(time, "second", _NOTHING)


def _micros(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))


def _year_read(year: int) -> None:
    if year >= _BUDDHIST:
        raise NotATime(f"the year {year} looks like one of the Buddhist era; write years of the Gregorian calendar")
    if not FIRST_YEAR <= year < LAST_YEAR:
        raise NotATime(f"the year {year} lies outside {FIRST_YEAR} to {LAST_YEAR - 1}")


def _gregorian(year: int, month: int, day: int) -> date:
    """The day that three numbers mean."""
    if year in _JALALI:
        if year < _JALALI_ALONE.start:
            raise NotATime(f"the year {year} is no Gregorian one, and lies before {FIRST_YEAR} by any other calendar")
        if year not in _JALALI_ALONE:
            raise NotATime(f"the year {year} may be of the Persian or of the lunar calendar; write Gregorian years")
        return _jalali(year, month, day)
    _year_read(year)
    try:
        return date(year, month, day)
    except ValueError:
        raise NotATime(f"{year:04}-{month:02}-{day:02} is not a day of the calendar") from None


def _jalali(year: int, month: int, day: int) -> date:
    try:
        found = JalaliDate(year, month, day).to_gregorian()
    except (ValueError, OverflowError):
        raise NotATime(f"{year}/{month}/{day} is not a day of the Persian calendar") from None
    _year_read(found.year)
    return found


@cache
def _months() -> dict[str, tuple[int, bool]]:
    """Name of a month -> its number, and is it a Persian one."""
    names: dict[str, tuple[int, bool]] = {}
    for number, name in enumerate(_ENGLISH, 1):
        names[name] = names[name[:3]] = (number, False)
    names["sept"] = (9, False)
    for table in (MONTH_NAMES_EN, MONTH_NAMES_FA):
        for number, name in enumerate(n for n in table if n):
            names[name.casefold().translate(_LETTERS)] = (number + 1, True)
    for name, number in _SPELLED.items():
        names[name] = (number, True)
    return names


def _by_name(found: re.Match[str]) -> date:
    name, day, year = found["month"] or found["month2"], int(found["day"] or found["day2"]), int(found["year"])
    known = _months().get(name.casefold())
    if known is None:
        raise NotATime(f"{_shown(name)} is not the name of a month that is known here")
    month, persian = known
    if persian:
        if year not in _JALALI:
            raise NotATime(f"{_shown(name)} is a Persian month, and {year} is no year of that calendar")
        result = _jalali(year, month, day)
    else:
        if year in _JALALI:
            raise NotATime(f"{_shown(name)} is no Persian month, and {year} is a year of that calendar")
        result = _gregorian(year, month, day)
    weekday = (found["weekday"] or "").casefold()
    if len(weekday) >= 3 and weekday.isascii():
        meant = [n for n, each in enumerate(_WEEKDAYS) if each.startswith(weekday)]
        if not meant:
            raise NotATime(f"{_shown(weekday)} is not the name of a weekday")
        if meant != [result.weekday()]:
            raise NotATime(f"{result.isoformat()} was a {_WEEKDAYS[result.weekday()].title()}, not a {weekday.title()}")
    elif weekday:
        raise NotATime(f"{_shown(weekday)} is not the name of a weekday that is known here")
    return result


def _placed(found: re.Match[str], day: date) -> Wall:
    """The day with its clock and offset."""
    groups = found.groupdict()
    clock = groups["hour"]
    if clock is None:
        if groups.get("offset"):
            raise NotATime(f"{_shown(found[0])}: a day alone has no offset")
        return Wall(datetime(day.year, day.month, day.day), "day", None)
    second = groups["second"]
    try:
        time = datetime(
            day.year, day.month, day.day,
            int(clock), int(groups["minute"]), int(second or 0), _micros(groups.get("fraction")),
        )  # fmt: skip
    except ValueError:
        raise NotATime(f"{_shown(found[0])} has no such hour, minute or second") from None
    offset = groups["offset"]
    return Wall(time, "minute" if second is None else "second", None if offset is None else _offset(offset))


def _offset(text: str) -> timedelta:
    if text.upper() in ("Z", "UTC", "GMT"):
        return _NOTHING
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    size = hours * _HOUR + minutes * _MINUTE
    if minutes > 59 or size > _MOST_OFFSET:
        raise NotATime(f"{text} is not an offset that any place has")
    return -size if text[0] == "-" else size


def _known(key: str) -> ZoneInfo:
    rules = zone(key)
    if rules is None:
        raise NotATime(f"{_shown(key)} is not the name of a time zone (Asia/Tehran is one)")
    return rules


def _utc(time: datetime, rules: ZoneInfo, fold: int = 0) -> datetime:
    return time - (time.replace(tzinfo=rules, fold=fold).utcoffset() or _NOTHING)


def _exists(time: datetime, rules: ZoneInfo) -> bool:
    return _jump(time, rules) <= _NOTHING


def _twice(time: datetime, rules: ZoneInfo) -> bool:
    return _jump(time, rules) < _NOTHING


def _jump(time: datetime, rules: ZoneInfo) -> timedelta:
    """How far clocks are put forward over this local time (back, where below zero); mostly not at all (PEP 495)."""
    return _utc(time, rules) - _utc(time, rules, 1)


def _local(utc: datetime, rules: ZoneInfo) -> datetime:
    return (utc + _shift(utc, rules)).replace(tzinfo=None)


def _shift(utc: datetime, rules: ZoneInfo) -> timedelta:
    return rules.fromutc(utc.replace(tzinfo=rules)).utcoffset() or _NOTHING


def _begin_of(begin: datetime, rules: ZoneInfo) -> datetime:
    """The first moment of a local day: where midnight was jumped over, the moment of the jump."""
    utc = _utc(begin, rules)
    if _local(utc, rules).date() != begin.date():
        raise NotATime(f"{begin.date()} does not exist in {rules.key}")
    return utc


def offset_of(key: str, when: datetime) -> timedelta:
    """What clocks there are ahead of UTC at this time (naive UTC)."""
    return _shift(when, _known(key))


def local(key: str, utc: datetime) -> datetime:
    """What clocks there show at this time (both naive)."""
    return _local(utc, _known(key))


@lru_cache(maxsize=100_000)
def whole_hour(key: str, hour: datetime) -> datetime | None:
    """When this local hour begins, in UTC; None where a change of clocks cut, doubled or dropped it."""
    rules = _known(key)
    last = hour + _HOUR - _SECOND
    if not (_exists(hour, rules) and _exists(last, rules)) or _twice(hour, rules) or _twice(last, rules):
        return None
    begin = _utc(hour, rules)
    return begin if _utc(last, rules) - begin == _HOUR - _SECOND else None
