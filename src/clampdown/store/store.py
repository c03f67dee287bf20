"""Law: reading never writes, and reads one moment: the newest manifest, or the next one if that moment passed away.

Filters name countries, networks, targets and a half-open period of `time`; days that cannot hold a row of it are not
opened, and within a part the filter is pushed down. Tables that do not carry a column are filtered by their keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.detect.changes import Entry
from clampdown.errors import InputError, StoreError, UsageError
from clampdown.intake.features_names import asn_of
from clampdown.model import DETECTED, TABLES, UNKNOWN_DAY
from clampdown.store import log
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Day, Detected, Manifest
from clampdown.store.series import SERIES_OF_DAY, each_series, inputs_of, touching
from clampdown.store.storage import Storage
from clampdown.store.tables import join, read

# Which table's rows say country, network and time for a table that does not say them itself, and by which column.
_KEYS: Final = {
    "observations": ("measurements", "measurement"),
    "matches": ("measurements", "measurement"),
    "conflicts": ("measurements", "measurement"),
    "fired": ("verdicts", "measurement"),
    "signals": ("series", "series"),
}
_LEVEL: Final = ("series", "time", "value", "quality")
T = TypeVar("T")
JUDGED: Final = ("verdicts", "fired", "cells", "cell_rules", "cell_versions", "coverage")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are wanted; what is left out is not asked for."""

    since: datetime | None = None
    until: datetime | None = None
    countries: frozenset[str] = frozenset()
    networks: frozenset[int] = frozenset()
    targets: frozenset[str] = frozenset()
    measurements: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()  # of signals: IR, AS64500@IR
    days: frozenset[str] = frozenset()  # as the manifest names them

    def keyed(self, name: str) -> bool:
        """Does it ask for what only some tables carry, and not this one? Signals carry their time."""
        if name not in _KEYS:
            return False
        time = name != "signals" and (self.since or self.until)
        return bool(time or self.countries or self.networks or (self.entities and name == "signals"))

    def passes(self, day: str, entry: Day) -> bool:
        """Can this day hold a row within the period?"""
        if self.days and day not in self.days:
            return False
        if self.since is None and self.until is None:
            return True
        span = entry.span()
        if span is None:
            return False  # no row of this day has a time
        first, last = span
        return not ((self.since and last < self.since) or (self.until and first >= self.until))


def moment(value: object) -> datetime | None:
    """A bound as naive UTC; a plain date is its midnight."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UsageError(f"{value!r} is not a time", hint="Write 2024-03-01 or 2024-03-01T12:00:00Z.") from None
    if not isinstance(value, date):
        raise UsageError(f"{value!r} is not a time", hint="Write 2024-03-01 or 2024-03-01T12:00:00Z.")
    if not 2000 <= value.year <= 2100:
        raise UsageError(f"{str(value)!r} lies outside of the years 2000 to 2100", hint="Write a time with data.")
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def network_number(value: object) -> int:
    """AS64500, 64500 or the number."""
    number = asn_of(value)
    if number is None:
        raise UsageError(f"{value!r} is not a network", hint="Write AS64500.")
    return number


def country_code(text: object) -> str:
    """Two letters, in capitals."""
    if not isinstance(text, str) or len(text) != 2 or not text.isascii() or not text.isalpha():
        raise UsageError(f"{text!r} is not a country code", hint="Say two letters, such as KE (ISO 3166).")
    return text.upper()


class Store:
    """A store that exists. Opening it refuses another format; holding it costs nothing."""

    def __init__(self, storage: Storage, name: str = "store") -> None:
        self.storage = storage
        self.name = name

    def __repr__(self) -> str:
        return f"Store({self.name!r})"

    def manifest(self) -> Manifest:
        """The store as it is now."""
        return manifests.newest(self.storage, self.name)

    def days(self) -> list[str]:
        """The days that hold anything, first to last."""
        return sorted(self.manifest().days)

    def table(self, name: str, wanted: Filter | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a table that the filter asks for, in the table's order within each day."""
        self._known(name, columns)
        wanted = wanted or Filter()
        return self._settling(lambda m: join((rows for _, rows in self._rows(m, name, wanted, columns)), name, columns))

    def detected(self, name: str, wanted: Filter | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a table that `detect` made. The filter's country, network and target are those of the row's own
        columns; a period means something else for each table, and is for the caller."""
        self._known(name, columns, DETECTED)
        schema = DETECTED[name]
        where = _expression(schema.names, wanted or Filter())

        def rows(manifest: Manifest) -> pa.Table:
            parts = self.detection(manifest).tables.get(name, ())
            return read(self.storage, name, parts, columns=columns, where=where, schema=schema)

        return self._settling(rows)

    def detection(self, manifest: Manifest | None = None) -> Detected:
        """What findings and events were made from; an error where there are none yet."""
        made = (manifest or self.manifest()).detected
        if made is None:
            hint = f"Run this first: clampdown detect --store {self.name}"
            raise InputError("nothing was detected yet", where=self.name, hint=hint)
        return made

    def stale_detection(self) -> bool:
        """Have days changed since findings and events were made?"""
        manifest = self.manifest()
        return manifest.detected is not None and manifest.detected.inputs != manifest.inputs_digest()

    def log(self, since: int | None = None) -> list[Entry]:
        """What runs of `detect` said, after the run of this number; the whole chain is checked."""
        found = self._settling(lambda manifest: log.entries(self.storage, manifest))
        return [entry for entry in found if entry.number > (since or 0)]

    def _settling(self, rows: Callable[[Manifest], T]) -> T:
        for _attempt in range(3):
            manifest = self.manifest()
            try:
                return rows(manifest)
            except StoreError:
                # A writer may have replaced and deleted what this manifest names; then there is a newer one.
                if self.manifest().number == manifest.number:
                    raise
        raise StoreError("the store changes faster than it can be read", hint="Run the command again.")

    def batches(
        self, name: str, wanted: Filter | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """The same rows day by day, so that a large table never stands in memory as a whole."""
        self._known(name, columns)
        for _, rows in self._rows(self.manifest(), name, wanted or Filter(), columns):
            yield rows

    def levels(self, wanted: Filter | None = None) -> Iterator[tuple[str, pa.Table]]:
        """The levels that the filter asks for, day by day: series, time, value (null: the source has none), quality;
        sorted by series and time within a day. One day at a time stands in memory."""
        for day, rows in self._rows(self.manifest(), "signals", wanted or Filter(), _LEVEL):
            if rows.num_rows:
                yield day, rows

    def series(self, wanted: Filter | None = None) -> pa.Table:
        """What the series are that the filter asks for: a row each, with the first and the last day (of those that
        are asked for) that has levels of it, and how many rows its inputs gave. What was read differently from day
        to day (the zone of local times) is the smallest of what is said."""
        wanted = wanted or Filter()
        return self._settling(lambda m: each_series(self._rows(m, "series", wanted, SERIES_OF_DAY)))

    def series_inputs(self, series: Collection[str], wanted: Filter | None = None) -> dict[str, tuple[str, ...]]:
        """Series -> the names of the files that brought levels of it, sorted."""
        where = pc.field("series").isin(pa.array(sorted(series), pa.string()))
        rows = self._settling(lambda m: list(self._rows(m, "series", wanted or Filter(), ("series", "locator"), where)))
        return inputs_of(table for _, table in rows)

    def stale(self, rules: str, reference: str) -> list[str]:
        """Days whose verdicts are missing, or were made of other rows, rules or references than these."""
        manifest = self.manifest()
        found = {day for day, entry in manifest.days.items() if is_stale(entry, rules, reference)}
        return sorted(found | set(manifest.landing))

    def pin(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Keep a snapshot of reference data, each file once, named by what it holds."""
        names = {name: manifests.keep_reference_file(self.storage, data) for name, data in sorted(files.items())}
        data = json.dumps({"files": names}, sort_keys=True, indent=1).encode()
        self.storage.write_new(f"reference/{digest}", data)

    def pinned(self, digest: str | None = None) -> dict[str, bytes] | None:
        """The files of a pinned snapshot (the last one used, if none is named); None where there is none."""
        names = self.pinned_names(digest)
        return None if names is None else {name: self.pinned_file(file) for name, file in names.items()}

    def pinned_names(self, digest: str | None = None) -> dict[str, str] | None:
        """Name -> digest of the files of a pinned snapshot, which are not read."""
        digest = digest or self.manifest().reference
        if digest is None:
            return None
        try:
            names: dict[str, str] = json.loads(self.storage.read(f"reference/{digest}"))["files"]
        except (FileNotFoundError, ValueError, KeyError, TypeError) as fault:
            raise _unpinned(digest) from fault
        return names

    def pinned_file(self, digest: str) -> bytes:
        """One file of reference data, by its digest."""
        try:
            return self.storage.read(f"reference/{digest}")
        except FileNotFoundError as fault:
            raise _unpinned(digest) from fault

    def _known(self, name: str, columns: Sequence[str] | None, tables: Mapping[str, pa.Schema] = TABLES) -> None:
        if name not in tables:
            raise UsageError(f"there is no table {name!r}", hint=f"There are {', '.join(tables)}.")
        for column in columns or ():
            if column not in tables[name].names:
                raise UsageError(f"{name} has no column {column!r}")

    def _rows(
        self, manifest: Manifest, name: str, wanted: Filter, columns: Sequence[str] | None,
        also: pc.Expression | None = None,
    ) -> Iterator[tuple[str, pa.Table]]:  # fmt: skip
        for day in sorted(manifest.days):
            entry = manifest.days[day]
            # A published record may speak of a time long after the day of its start.
            if not entry.tables.get(name) or not (name == "context" or wanted.passes(day, entry)):
                continue
            where = _and(_of_day(name, wanted, day), also)
            if wanted.keyed(name):
                key, column = _KEYS[name]
                held = read(
                    self.storage, key, entry.tables.get(key, ()), columns=[column],
                    where=_of_day(key, _only_keys(wanted), day),
                )  # fmt: skip
                ids = pc.call_function("unique", [held[column]])
                if not len(ids):
                    continue
                where = _and(where, pc.field(column).isin(ids))
            yield day, read(self.storage, name, entry.tables[name], columns=columns, where=where)


def _unpinned(digest: str) -> StoreError:
    hint = "Run clampdown doctor with --mend, and with the same --reference, on the store."
    return StoreError("a pinned reference cannot be read", where=f"reference/{digest}", hint=hint)


def is_stale(entry: Day, rules: str, reference: str) -> bool:
    """Were this day's verdicts made of something else than asked for? A day of signals alone has none to make."""
    if entry.levels_only():
        return False
    made = entry.judged
    return made is None or (made.rules, made.reference, made.settled) != (rules, reference, entry.settled)


def _only_keys(wanted: Filter) -> Filter:
    """The part of a filter that the keys answer; a target is a column of each table itself."""
    return Filter(wanted.since, wanted.until, wanted.countries, wanted.networks, entities=wanted.entities)


def _and(one: pc.Expression | None, other: pc.Expression | None) -> pc.Expression | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _expression(columns: Collection[str], wanted: Filter) -> pc.Expression | None:
    """What of the filter, less its period, these columns can say."""
    made: pc.Expression | None = None
    members: tuple[tuple[str, Collection[Any]], ...] = (
        ("country", wanted.countries),
        ("network", wanted.networks),
        ("target", wanted.targets),
        ("measurement", wanted.measurements),
        ("entity", wanted.entities),
    )
    for column, values in members:
        if values and column in columns:
            made = _and(made, pc.field(column).isin(sorted(values)))
    return made


def _of_day(name: str, wanted: Filter, day: str) -> pc.Expression | None:
    """What of the filter this table's own columns can say."""
    columns = TABLES[name].names
    made = _expression(columns, wanted)
    if "time" in columns:
        if wanted.since is not None:
            made = _and(made, pc.field("time") >= pa.scalar(wanted.since, pa.timestamp("us")))
        if wanted.until is not None:
            made = _and(made, pc.field("time") < pa.scalar(wanted.until, pa.timestamp("us")))
    elif name == "context":
        made = _and(made, touching(wanted.since, wanted.until, wanted.networks))
    elif name in ("cells", "coverage", "cell_rules", "cell_versions"):
        made = _and(made, _by_hour(wanted, day, hours="hour" in columns))
    return made


def _by_hour(wanted: Filter, day: str, *, hours: bool) -> pc.Expression | None:
    """Sums have hours or days, not times: an hour (a day) counts where it begins within the period."""
    if day == UNKNOWN_DAY or (wanted.since is None and wanted.until is None):
        return None if wanted.since is None and wanted.until is None else pc.scalar(value=False)
    start = datetime.fromisoformat(day)
    made: pc.Expression | None = None
    span = timedelta(hours=24)
    if wanted.since is not None and wanted.since > start:
        if not hours or wanted.since >= start + span:
            return pc.scalar(value=False)
        made = pc.field("hour") >= -(-(wanted.since - start) // timedelta(hours=1))
    if wanted.until is not None and wanted.until < start + span:
        if wanted.until <= start:
            return pc.scalar(value=False)
        if hours:
            made = _and(made, pc.field("hour") < -(-(wanted.until - start) // timedelta(hours=1)))
    return made
