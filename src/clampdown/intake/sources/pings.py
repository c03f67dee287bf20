"""Law: a log of replies says by silence that nothing answered, and only between its own first and last reply.

A row is one reply to a ping: a country, a region, a local time and a round-trip time, as the Monash IP Observatory
publishes them (`ip_hash,iso,name_0,name_1,name_2,isp_name,owner_name,time_local_str,time_local_hr,rtt`), told by these
columns. What comes out are replies per region and hour of its local clock, named by the moment at which that hour
begins in UTC (at +06:30 at half past). Hours that a change of clocks cut or doubled have no value, and their rows are
rejected. Addresses, their hashes and the names of operators are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from clampdown.intake.entities import Entity, NotAnEntity, entity_of
from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.intake.tabular import PAUSE, Bad, Row, Table, close, head_of
from clampdown.intake.times import NotATime, local, wall, whole_hour
from clampdown.model import Batch
from clampdown.reference.countries import country_of
from clampdown.reference.zones import zone_of

COUNTRY: Final = ("iso", "iso3", "iso_3", "iso_a3", "iso2", "iso_2", "country_code", "country", "cc")
REGION: Final = ("name_1", "region", "admin1", "adm1_name", "province", "state")
REPLY: Final = ("rtt", "rtt_ms", "rtt_avg", "latency", "latency_ms")
_STEP: Final = 3600
_HOUR: Final = timedelta(hours=1)
_MOST_HOURS: Final = 10 * 366 * 24  # of one log; one stamp that is years off would make zeros of all the years between
_SLOWEST: Final = 600_000  # milliseconds; nothing waits longer for a reply
_MEMO: Final = 100_000


class _Columns(NamedTuple):
    country: int
    region: int  # -1: the log is of whole countries
    time: int
    hour: int  # -1 where there is none
    rtt: int


class _Place(NamedTuple):
    entity: Entity
    zone: str


def columns_of(columns: Sequence[str]) -> _Columns | None:
    """Where what is read stands; None for a table of another kind."""
    country, region, rtt = (_first(columns, names) for names in (COUNTRY, REGION, REPLY))
    times = [i for i, name in enumerate(columns) if "local" in name]
    hours = [i for i in times if name_of_hour(columns[i])]
    times = [i for i in times if i not in hours and ("time" in columns[i] or "date" in columns[i])]
    if country < 0 or rtt < 0 or len(times) != 1 or len(hours) > 1:
        return None
    return _Columns(country, region, times[0], hours[0] if hours else -1, rtt)


def name_of_hour(column: str) -> bool:
    """Does the column hold the hour alone?"""
    return column.endswith(("_hr", "_hour")) or column.startswith(("hr_", "hour_"))


def _first(columns: Sequence[str], names: Sequence[str]) -> int:
    return next((columns.index(name) for name in names if name in columns), -1)


def sniff(head: bytes) -> bool:
    """A head with a country, a local time and a round-trip time."""
    found = head_of(head)
    return found is not None and columns_of(found.columns) is not None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All replies of one log."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = Table(reader)
    log = _Log(table, rows)
    for _ in log.replies():
        yield from rows.due()
    for _ in log.levels():
        yield from rows.due()
    table.rest = None  # nothing that stands for a hashed address is passed on
    close(table, rows, opened.place)
    yield from rows.finish(reader.digest())


class _Log:
    """Counts while the log is read."""

    def __init__(self, table: Table, rows: LevelRows) -> None:
        self._table, self._rows = table, rows
        self._places: dict[tuple[str, str], _Place | Bad] = {}
        self._hours: dict[
            tuple[str, str], tuple[datetime, datetime, int] | Bad
        ] = {}  # (zone, stamp) -> UTC, begin, hour
        self._counts: dict[_Place, dict[datetime, int]] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None

    def replies(self) -> Iterator[None]:
        """Count each reply in its hour; a pause now and then."""
        columns: _Columns | None = None
        for row in self._table.rows():
            head = self._table.head
            if columns is None and head is not None:
                columns = columns_of(head.columns)
                if columns is None:
                    detail = "a log of replies to pings needs a country, a local time and an rtt"
                    self._table.problem = Bad("unknown_format", detail)
            if columns is None:
                continue
            bad = row.bad or self._count(row, columns)
            if bad is not None:
                # Never the row's bytes: their digest would stand for a hashed address that is kept nowhere.
                self._rows.reject(row.line, bad.reason, bad.detail)
            if not self._table.count % PAUSE:
                yield

    def _count(self, row: Row, at: _Columns) -> Bad | None:
        cells = row.cells
        region = cells[at.region] if at.region >= 0 else ""
        place = self._places.get((cells[at.country], region))
        if place is None:
            if len(self._places) >= _MEMO:
                self._places.clear()
            place = self._places[cells[at.country], region] = _place(cells[at.country], region, at.region >= 0)
        if isinstance(place, Bad):
            return place
        rtt = _number(cells[at.rtt])
        if rtt is None or not 0 <= rtt <= _SLOWEST:
            return Bad(
                "not_a_level", f"the round-trip time {cells[at.rtt].strip()[:40]!r} is no number of milliseconds"
            )
        stamp = cells[at.time]
        found = self._hours.get((place.zone, stamp))
        if found is None:
            if len(self._hours) >= _MEMO:
                self._hours.clear()
            found = self._hours[place.zone, stamp] = _hour(stamp, place.zone)
        if isinstance(found, Bad):
            return found
        time, begin, clock = found
        if at.hour >= 0 and _number(cells[at.hour]) != clock:
            return Bad("contradiction", f"its hour is {cells[at.hour].strip()[:20]!r} and its time {stamp.strip()}")
        counts = self._counts.setdefault(place, {})
        counts[begin] = counts.get(begin, 0) + 1
        self._first = time if self._first is None else min(self._first, time)
        self._last = time if self._last is None else max(self._last, time)
        return None

    def levels(self) -> Iterator[None]:
        """Each hour of the log's span for each of its regions; a pause after each region."""
        if self._first is None or self._last is None:
            return
        if (self._last - self._first) / _HOUR > _MOST_HOURS:
            years = round((self._last - self._first) / timedelta(days=365.25))
            detail = f"its first and last reply lie {years} years apart: which of its times are wrong cannot be told"
            self._table.problem = Bad("not_a_time", detail)
            return
        for place, counts in sorted(self._counts.items()):
            times, values = _filled(place.zone, counts, self._first, self._last)
            self._rows.extend(_signal(place), times, values)
            yield


def _place(country: str, region: str, regions: bool) -> _Place | Bad:
    code = country_of(country)
    if code is None:
        return Bad("unknown_country", f"{country.strip()[:40]!r} is not a country's code")
    region = " ".join(region.split())
    if regions and not region:
        return Bad("not_an_entity", "the row names no region")
    try:
        entity = entity_of(f"{code}/{region}" if regions else code)
    except NotAnEntity as problem:
        return Bad("not_an_entity", str(problem))
    zone = zone_of(code, region or None)
    if zone is None:
        where = f"of {region} in {code}" if region else f"of {code}"
        return Bad("unknown_zone", f"the local time {where} cannot be told: the country has several time zones")
    return _Place(entity, zone)


def _hour(stamp: str, zone: str) -> tuple[datetime, datetime, int] | Bad:
    """The moment of a reply, when its local hour began (both in UTC), and which hour that was."""
    try:
        clock, precision, ahead = wall(stamp)
    except NotATime as problem:
        return Bad("not_a_time", str(problem))
    if precision == "day":
        return Bad("not_a_time", f"{stamp.strip()} is a day alone: its hour is not said")
    if ahead is not None:
        clock = local(zone, clock - ahead)
    hour = _floor(clock)
    begin = whole_hour(zone, hour)
    if begin is None:
        return Bad("not_a_time", f"clocks were changed in the hour of {stamp.strip()}: its replies cannot be counted")
    return begin + (clock - hour), begin, hour.hour


def _floor(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _filled(
    zone: str, counts: dict[datetime, int], first: datetime, last: datetime
) -> tuple[list[datetime], list[float | None]]:
    """Every local hour from the first to the last reply of the log: what was counted, zero, or no value where a change
    of clocks cut it."""
    times: list[datetime] = []
    values: list[float | None] = []
    hour, end = _floor(local(zone, first)), _floor(local(zone, last))
    while hour <= end:
        begin = whole_hour(zone, hour)
        if begin is not None:
            times.append(begin)
            values.append(float(counts.get(begin, 0)))
        hour += _HOUR
    return times, values


def _signal(place: _Place) -> Signal:
    return Signal(
        entity=place.entity.name,
        entity_kind=place.entity.kind,
        plane="data",
        signal="pings/replies",
        operator="ping-log",
        source="ping-log",
        step=_STEP,
        country=place.entity.country,
        normalised=True,
        absence="no-reply",
        zone=place.zone,
    )


def _number(text: str) -> float | None:
    try:
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


SOURCE: Final = SignalSource("ping_log", sniff, read)
