"""Law: one measurement has one id, one day and one hour, whoever reads it and in whatever order (CONTRACTS, identity).

`received` is the time the collector wrote into the id or the path. It only bounds `time`; it is never used for it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clampdown.intake.redact import public_text
from clampdown.model import UNKNOWN_DAY

# YYYYMMDDhhmmss.ffffff_CC_testname_16 hex digits, time of upload
_UID: Final = re.compile(r"(?<![0-9])(\d{14})[.](\d{6})_([A-Z]{2})_([a-z0-9]+)_([0-9a-f]{16})(?![0-9a-f])")
# 01 + YYYYMMDD + 30 hex digits, made when old reports were read again
_OLD_UID: Final = re.compile(r"(?<![0-9a-fA-F])01(\d{8})[0-9a-f]{30}(?![0-9a-fA-F])")
_WHOLE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_HOUR_PATH: Final = re.compile(r"(?:^|[/_])(20\d{6})(\d{2})_[A-Z]{2}_[a-z0-9]+[.]")
_DAY_PATH: Final = re.compile(r"(?:^|/)(20\d{6})_[A-Z]{2}_[a-z0-9]+[.]")
_CAN_PATH: Final = re.compile(r"(?:^|/)(20\d{2})-(\d{2})-(\d{2})/")
_SESSION: Final = re.compile(r"^(20\d{6}T\d{6})Z")

BEFORE: Final = timedelta(days=30)  # uploads may wait for a network (CONTRACTS)
AFTER: Final = timedelta(hours=1)
EARLIEST: Final = datetime(2012, 1, 1)
LATEST: Final = datetime(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class When:
    """Where a measurement belongs in time."""

    day: str
    hour: int | None
    clock_error: bool


def measurement_id(uid: str | None, member: str | None, file: str) -> str | None:
    """The id that the record or its place carries; None where the canonical digest has to stand in."""
    if uid:
        if _UID.fullmatch(uid) or (_WHOLE.fullmatch(uid) and public_text(uid) == uid):
            return uid
        return "u" + hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()[:32]
    for place in (member, file):
        if place:
            name = place.rpartition("/")[2]
            found = _UID.search(name) or _OLD_UID.search(name)
            if found:
                return found.group()
    return None


def received_of(measurement: str | None, file: str, member: str | None = None) -> datetime | None:
    """The collector's time: from the id; else from the path, whose hour or day is taken at its end."""
    if measurement:
        found = _UID.fullmatch(measurement)
        if found:
            return _parse(found.group(1) + found.group(2))
        found = _OLD_UID.fullmatch(measurement)
        if found:
            return _end_of_day(found.group(1))
    for place in (file, member or ""):
        found = _HOUR_PATH.search(place)
        if found:
            hour = _parse(found.group(1) + found.group(2))
            return None if hour is None else hour + timedelta(minutes=59, seconds=59)
        found = _DAY_PATH.search(place)
        if found:
            return _end_of_day(found.group(1))
        found = _CAN_PATH.search(place)
        if found:
            return _end_of_day("".join(found.groups()))
    return None


def session_time(report: str | None) -> datetime | None:
    """When the collector opened the report: a second opinion where nothing else bounds the probe's clock."""
    found = _SESSION.match(report or "")
    return None if found is None else _parse(found.group(1).replace("T", ""))


def when(time: datetime | None, received: datetime | None, report: str | None = None) -> When:
    """Partition day and hour; a clock outside its bounds puts the measurement on the day it was received."""
    if time is not None:
        if received is not None:
            plausible = received - BEFORE <= time <= received + AFTER
        else:
            session = session_time(report)
            plausible = EARLIEST <= time < LATEST if session is None else abs(time - session) <= BEFORE
        if plausible:
            return When(time.isoformat()[:10], time.hour, False)
    if received is not None:
        return When(received.isoformat()[:10], None, True)
    return When(UNKNOWN_DAY, None, True)


def time_of(text: object) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS` (also with T, Z, a fraction or +00:00), naive UTC."""
    if isinstance(text, datetime):  # YAML gives times as such
        return _naive(text)
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    if isinstance(text, int | float):
        try:
            return datetime(1970, 1, 1) + timedelta(seconds=float(text))
        except (OverflowError, ValueError):
            return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return _naive(found)


def _naive(found: datetime) -> datetime:
    if found.tzinfo is None:
        return found
    offset = found.utcoffset()
    return found.replace(tzinfo=None) if offset is None else (found - offset).replace(tzinfo=None)


def repeat_of(report: str | None, given: str | None, start: str | None) -> str | None:
    """The key that a resubmission shares with the first submission; None where no report names the session."""
    if not report or not start:
        return None
    return hashlib.sha256("\0".join((report, given or "", start)).encode("utf-8", "replace")).hexdigest()[:32]


def _end_of_day(digits: str) -> datetime | None:
    day = _parse(digits)
    return None if day is None else day + timedelta(hours=23, minutes=59, seconds=59)


def _parse(digits: str) -> datetime | None:
    """YYYYMMDD, then as many of hh, mm, ss and ffffff as there are; naive UTC everywhere."""
    day, time, fraction = digits[:8], digits[8:14], digits[14:]
    try:
        return datetime.fromisoformat(f"{day}T{time}{'.' if fraction else ''}{fraction}" if time else day)
    except ValueError:
        return None
