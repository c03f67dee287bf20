"""Law: OONI's archive is asked by upload time for what was measured in a period, and says how late it looked.

The archive (https://docs.ooni.org/data, https://github.com/ooni/backend: docs and ooniapi's uploader) is an object
storage that anyone may read. Three layouts:

    raw/<YYYYMMDD>/<HH>/<CC>/<test>/<YYYYMMDDHH>_<CC>_<test>.<host>.<n>.jsonl.gz   uploads since 2020-10-20
        beside it .tar.gz: the same measurements as they were posted ("postcans")
    jsonl/<test>/<CC>/<YYYYMMDD>/00/<YYYYMMDD>_<CC>_<test>.l.<n>.jsonl.gz          uploads before 2020-10-21
    canned/<YYYY-MM-DD>/<test>.<n>.tar.lz4, <time>-<CC>-<AS>-<test>-....json.lz4   uploads before 2020-10-22

Names of tests in paths have no underscores. Cans of several reports name no country: they are of the whole world, and
are asked for only where `layout` names `cans`. Days and hours in paths are those of the upload.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import quote

from clampdown.errors import UsageError
from clampdown.fetch.bucket import Bucket, Object
from clampdown.fetch.client import Client
from clampdown.fetch.wanted import Asked, Service, Wanted

BASE: Final = "https://ooni-data-eu-fra.s3.eu-central-1.amazonaws.com"
OLD_BASE: Final = "https://ooni-data.s3.amazonaws.com"
HOURLY_SINCE: Final = date(2020, 10, 20)
DAILY_UNTIL: Final = date(2020, 10, 21)
CANS: Final = (date(2012, 12, 5), date(2020, 6, 2), date(2020, 10, 22))  # old bucket from, new bucket from, until
LATE: Final = 7  # days that uploads are looked for after a period; provisional: most arrive within hours
MOST_LATE: Final = 30  # what was received later than this counts by its upload (CONTRACTS, Identity and time)
LAYOUTS: Final = ("hourly", "daily", "cans")
_LAYOUTS: Final = ("hourly", "daily")
_HOURLY: Final = re.compile(r"raw/(\d{8})/(\d\d)/([A-Z]{2})/([a-z0-9]+)/")
_DAILY: Final = re.compile(r"jsonl/([a-z0-9]+)/([A-Z]{2})/(\d{8})/")
_CANNED: Final = re.compile(r"canned/(\d{4})-(\d\d)-(\d\d)/")
_TEST: Final = re.compile(r"[a-z0-9_]+\Z")
_CAN: Final = re.compile(r"[^/]*?-([A-Z]{2})-AS\d+-([a-z0-9_]+)-[^/]*\.(?:json|yaml)\.lz4\Z")
_TAR: Final = re.compile(r"([a-z0-9_]+)\.\d+\.tar\.lz4\Z")


def received(asked: Asked) -> tuple[datetime, datetime]:
    """The uploads that are looked at, half-open, whole hours: a device's clock may be an hour ahead, and uploads may
    come late."""
    late = int(asked.option("late", str(LATE)) or LATE)
    first = (asked.since - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    last = min(asked.until + timedelta(days=late), asked.now)
    ends = last.replace(minute=0, second=0, microsecond=0)
    return first, ends + timedelta(hours=1) if ends < last else ends


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Every object of the archive that may hold what was asked for; of uploads before `asked.closed`, none."""
    layouts = asked.options.get("layout") or _LAYOUTS
    _check(asked, layouts)
    first, last = received(asked)
    if asked.closed is not None:
        first = max(first, asked.closed)
    bucket = Bucket(client, asked.base or BASE)
    if "hourly" in layouts:
        yield from _hourly(asked, bucket, first, last)
    if "daily" in layouts:
        yield from _daily(asked, bucket, first, last)
    if "cans" in layouts:
        yield from _cans(asked, bucket, client, first, last)


def listed(asked: Asked, key: str) -> bool:
    """Was this object listed for the same question, among the uploads before `asked.closed`?"""
    first, last = received(asked)
    layouts = asked.options.get("layout") or _LAYOUTS
    tests = {_plain(test) for test in asked.tests}
    if found := _HOURLY.match(key):
        fits = "hourly" in layouts and found[3] == asked.country and (not tests or found[4] in tests)
        at = _upload(found[1], found[2])
    elif found := _DAILY.match(key):
        fits = "daily" in layouts and found[2] == asked.country and (not tests or found[1] in tests)
        at = _upload(found[3], "23")
    elif found := _CANNED.match(key):
        fits, at = (
            "cans" in layouts and _can_fits(key.rpartition("/")[2], asked),
            _upload("".join(found.groups()), "23"),
        )
    else:
        return False
    return fits and at is not None and first <= at < min(last, asked.closed or last)


def _upload(day: str, hour: str) -> datetime | None:
    try:
        return datetime.strptime(day + hour, "%Y%m%d%H")
    except ValueError:
        return None


def address(asked: Asked, key: str) -> str:
    """Where an object is."""
    found = _CANNED.match(key)
    old = found is not None and date(int(found[1]), int(found[2]), int(found[3])) < CANS[1]
    return f"{(asked.base or (OLD_BASE if old else BASE)).rstrip('/')}/{quote(key)}"


def _check(asked: Asked, layouts: Iterable[str]) -> None:
    for layout in layouts:
        if layout not in LAYOUTS:
            raise UsageError(f"{layout!r} is no layout of the archive", hint=f"Layouts: {', '.join(LAYOUTS)}.")
    late = asked.option("late", str(LATE))
    if not late.isdecimal() or int(late) > MOST_LATE:
        raise UsageError(f"late cannot be {late!r}", hint=f"Say a number of days, 0 to {MOST_LATE}.")
    for test in asked.tests:
        if not _TEST.match(test):
            raise UsageError(f"{test!r} is no name of a test", hint="Write it as web_connectivity.")


def _plain(test: str) -> str:
    return test.replace("_", "")


def _hourly(asked: Asked, bucket: Bucket, first: datetime, last: datetime) -> Iterator[Wanted]:
    at = max(first, datetime(HOURLY_SINCE.year, HOURLY_SINCE.month, HOURLY_SINCE.day))
    hours: list[datetime] = []
    while at < last:
        hours.append(at)
        at += timedelta(hours=1)
    tests = [f"{_plain(test)}/" for test in asked.tests] or [""]
    prefixes = (f"raw/{hour:%Y%m%d/%H}/{asked.country}/{test}" for hour in hours for test in tests)
    yield from _lines_or_postcans(asked, bucket, bucket.list(prefixes))


def _lines_or_postcans(asked: Asked, bucket: Bucket, found: Iterable[Object | str]) -> Iterator[Wanted]:
    """An archive line and its postcan are one measurement: the lines are brought, and postcans that have none beside
    them (or all, where `postcans` asks for it)."""
    everything = asked.option("postcans") == "yes"
    lines: set[str] = set()
    cans: dict[str, Object] = {}
    for one in found:
        if isinstance(one, str):
            continue
        if one.key.endswith(".jsonl.gz"):
            lines.add(one.key.removesuffix(".jsonl.gz"))
            yield _wanted(bucket, one)
        elif one.key.endswith(".tar.gz"):
            if everything:
                yield _wanted(bucket, one)
            else:
                cans[one.key.removesuffix(".tar.gz")] = one
    for stem in sorted(cans.keys() - lines):
        yield _wanted(bucket, cans[stem])


def _daily(asked: Asked, bucket: Bucket, first: datetime, last: datetime) -> Iterator[Wanted]:
    until = min(last, datetime(DAILY_UNTIL.year, DAILY_UNTIL.month, DAILY_UNTIL.day))
    if first >= until:
        return
    tests = [_plain(test) for test in asked.tests]
    if not tests:
        folders = bucket.list(["jsonl/"], delimiter="/")
        tests = [one.removeprefix("jsonl/").rstrip("/") for one in folders if isinstance(one, str)]
    days = list(_days(first, until))
    prefixes = (f"jsonl/{test}/{asked.country}/{day:%Y%m%d}/" for test in tests for day in days)
    for one in bucket.list(prefixes):
        if isinstance(one, Object) and one.key.endswith(".jsonl.gz"):
            yield _wanted(bucket, one)


def _cans(asked: Asked, bucket: Bucket, client: Client, first: datetime, last: datetime) -> Iterator[Wanted]:
    oldest, newer, until = CANS
    days = [day for day in _days(first, last) if oldest <= day < until]
    old = [day for day in days if day < newer]
    place = Bucket(client, asked.base or OLD_BASE)
    for where, some in ((place, old), (bucket, [day for day in days if day >= newer])):
        for one in where.list(f"canned/{day:%Y-%m-%d}/" for day in some):
            if isinstance(one, Object) and _can_fits(one.key.rpartition("/")[2], asked):
                yield _wanted(where, one)


def _can_fits(name: str, asked: Asked) -> bool:
    tests = {_plain(test) for test in asked.tests}
    if found := _CAN.match(name):
        return found[1] == asked.country and (not tests or _plain(found[2]) in tests)
    if found := _TAR.match(name):
        return not tests or _plain(found[1]) in tests
    return False


def _days(first: datetime, last: datetime) -> Iterator[date]:
    day = first.date()
    while datetime(day.year, day.month, day.day) < last:
        yield day
        day += timedelta(days=1)


def _wanted(bucket: Bucket, one: Object) -> Wanted:
    return Wanted("ooni", one.key, bucket.url(one.key), one.key.rpartition("/")[2], size=one.size, md5=one.md5)


SERVICE: Final = Service(
    "ooni",
    plan,
    needs=frozenset({"country"}),
    takes=frozenset({"tests"}),
    instead={
        "networks": "The archive's files hold all networks of a country: bring them, and choose when you look "
        "(clampdown findings --network AS64500), or ask ooni-api for a few."
    },
    listed=listed,
    received=received,
    at=address,
    options={
        "late": f"days after the period that uploads are looked for (0 to {MOST_LATE}; {LATE})",
        "layout": f"which of {', '.join(LAYOUTS)} (hourly and daily); cans hold the whole world",
        "postcans": "yes: also the posted files beside archive lines",
    },
)
