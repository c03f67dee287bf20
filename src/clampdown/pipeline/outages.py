"""Law: the series of a store are watched anywhere, in any parts, and what is made of their falls is one function.

Two passes over the days with levels: every series once, in processes side by side; then, for what fell, the levels
around it. How much was measured is a series too, made from the coverage; it supports others and is none alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown import cluster
from clampdown.detect.clock import Clock
from clampdown.detect.manners import Manners, load_manners
from clampdown.detect.outages import GivenOutages, clocks_of, fuse
from clampdown.detect.watching import COLUMNS, About, Watched, Watching, abouts
from clampdown.intake.times import offset_of
from clampdown.model import CONNECTED, CONNECTIVITY, DETECTED, NOTES, UNKNOWN_DAY
from clampdown.pipeline.inputs import Progress
from clampdown.reference.zones import zone_of
from clampdown.store.manifest import Manifest, Part
from clampdown.store.storage import Storage
from clampdown.store.store import Store
from clampdown.store.tables import read, spans

_TOGETHER: Final = 1500  # series that one process watches at once
_INLINE: Final = 2_000_000  # levels for which starting processes would take longer than the work
_WHOLE: Final = ("series", "input", "locator")
VOLUME: Final = "ooni/measurements"


@dataclass(frozen=True, slots=True)
class Place:
    """A day's parts of signals."""

    day: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """What every process that watches holds."""

    storage: Storage
    places: tuple[Place, ...]
    manners: Manners
    clocks: Mapping[str, Clock]  # entity -> its local time


@dataclass(frozen=True, slots=True)
class Task:
    """Series that are watched together."""

    known: Mapping[str, About]


def _nobody(_: Progress) -> None:
    """Nobody watches."""


def compute(
    store: Store,
    manifest: Manifest | None = None,
    *,
    previous: pa.Table | None = None,
    events: pa.Table | None = None,
    workers: int = 0,
    progress: Callable[[Progress], None] = _nobody,
    manners: Manners | None = None,
) -> dict[str, pa.Table]:
    """Outages, their parts and notes, from the levels of a store; nothing is written."""
    manifest = manifest or store.manifest()
    used = manners or load_manners()
    places = tuple(
        Place(day, parts)
        for day in sorted(manifest.days)
        if day != UNKNOWN_DAY and (parts := manifest.days[day].tables.get("signals", ()))
    )
    series, inputs = _series(store.storage, manifest)
    known = abouts(series)
    if not places or not known:
        return {name: DETECTED[name].empty_table() for name in (*CONNECTED, "notes")}
    volume = _volume(store.storage, manifest, known)
    given = GivenOutages(
        manners=used, context=_context(store.storage, manifest), events=events, previous=previous, zone=_zone,
        offset=offset_of, inputs=lambda name: inputs.get(name, ""),
    )  # fmt: skip
    clocks = clocks_of(known.values(), given, [place.day for place in places])
    tasks = [Task(part) for part in _parted(known, _crew(places, workers))]
    progress(Progress(stage="outages", total_days=len(places) * len(tasks)))
    found = cluster.run(
        _watch, tasks, setup=Reader, given=(store.storage, places, used, clocks),
        workers=min(len(tasks), _crew(places, workers)), tell=progress,
    )  # fmt: skip
    whole = _joined([*found, _watched_volume(volume, used)])
    known |= volume.known

    def levels(wanted: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, pa.Table]]:
        parts = {place.day: place.parts for place in places}
        for day, names in wanted.items():
            own = volume.rows(day, names)
            if day in parts:
                where = pc.field("series").isin(sorted(names))
                rows = read(store.storage, "signals", parts[day], columns=list(COLUMNS), where=where)
                own = pa.concat_tables([rows, own.select(COLUMNS)])
            yield day, own

    return fuse(whole, known, given, levels)


def _crew(places: Sequence[Place], workers: int) -> int:
    rows = sum(part.rows for place in places for part in place.parts)
    return 1 if rows < _INLINE else workers or cluster.cores()


def _parted(known: Mapping[str, About], crew: int) -> list[dict[str, About]]:
    """The series in runs of their ids, so that each process reads its own stretch of every file."""
    names = sorted(known)
    size = min(_TOGETHER, max(1, -(-len(names) // crew)))
    return [{name: known[name] for name in names[at : at + size]} for at in range(0, len(names), size)]


def _watch(state: Reader, task: Task, tell: Callable[[Any], None]) -> Watched:
    names = sorted(task.known)
    watching: Watching | None = None
    for place in state.places:
        found = [*spans(state.storage, place.parts, COLUMNS, "series", names[0], names[-1])]
        if found:
            watching = watching or Watching(task.known, state.manners, place.day, state.clocks)
            watching.feed(place.day, pa.concat_tables(found).unify_dictionaries())
        tell(Progress(stage="outages", days=1))
    return Watched() if watching is None else watching.finish()


def _joined(found: Iterable[Watched]) -> Watched:
    """What all processes found, in one order whatever their number."""
    whole = Watched()
    for each in found:
        whole.falls.extend(each.falls)
        whole.withheld.extend(each.withheld)
        whole.first |= each.first
        whole.last |= each.last
        whole.judged |= each.judged
    whole.falls.sort(key=lambda fall: (fall.about.series, fall.drop.begin))
    whole.withheld.sort()
    return whole


def _series(storage: Storage, manifest: Manifest) -> tuple[pa.Table, dict[str, str]]:
    """What the series are, once each, and the names of the files that brought them."""
    schema = CONNECTIVITY["series"]
    names = [name for name in schema.names if name not in ("rows", "day")]
    made, files = schema.empty_table().select(names), defaultdict[str, set[str]](set)
    for day in manifest.leveled():
        rows = read(storage, "series", manifest.days[day].tables.get("series", ()), columns=names)
        made = pa.concat_tables([made, rows]).group_by(names).aggregate([]).select(names) if rows.num_rows else made
    made = made.sort_by([(name, "ascending") for name in _WHOLE])
    for row in made.select(["series", "locator"]).to_pylist():
        files[row["series"]].add(row["locator"].replace(" ", "\N{NO-BREAK SPACE}"))
    return made, {name: " ".join(sorted(found)) for name, found in files.items()}


def _context(storage: Storage, manifest: Manifest) -> pa.Table:
    days = manifest.leveled()
    return read(storage, "context", [part for day in days for part in manifest.days[day].tables.get("context", ())])


def _zone(country: str | None, region: str | None) -> str | None:
    return None if country is None else zone_of(country, region)


# ---- how much was measured -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Volume:
    """Measurements of every day in the countries of which there are signals."""

    known: dict[str, About]
    days: Mapping[str, Mapping[str, int]]  # day -> series -> measurements; 0 between a country's first and last

    def every_day(self) -> Iterator[tuple[str, pa.Table]]:
        """The levels of all days, in order."""
        yield from ((day, self.rows(day, self.known)) for day in sorted(self.days))

    def rows(self, day: str, names: Iterable[str]) -> pa.Table:
        """The levels of a day."""
        own = {name: self.days[day][name] for name in names if name in self.days.get(day, {})}
        time = datetime.fromisoformat(day)
        rows = [{"series": name, "time": time, "value": float(n), "day": day} for name, n in sorted(own.items())]
        return pa.Table.from_pylist(rows, schema=CONNECTIVITY["signals"])


def _volume(storage: Storage, manifest: Manifest, known: Mapping[str, About]) -> Volume:
    countries = {about.country for about in known.values() if about.country}
    days: dict[str, dict[str, int]] = {}
    made: dict[str, About] = {}
    for day, _ in manifest.judged():
        parts = manifest.days[day].tables.get("coverage", ())
        if day == UNKNOWN_DAY or not parts:
            continue
        rows = read(storage, "coverage", parts, columns=["country", "n"])
        for row in rows.group_by("country").aggregate([("n", "sum")]).to_pylist():
            country = row["country"]
            if country in countries:
                name = f"measurements of {country}"
                made.setdefault(name, _about(name, country))
                days.setdefault(day, {})[name] = row["n_sum"]
    for name in made:
        own = [day for day in days if name in days[day]]
        day, last = (datetime.fromisoformat(end) for end in (min(own), max(own)))
        while day < last:
            days.setdefault(day.date().isoformat(), {}).setdefault(name, 0)
            day += timedelta(days=1)
    return Volume(made, days)


def _about(name: str, country: str) -> About:
    return About(
        series=name, country=country, entity=country, entity_kind="country", network=None, plane="usage",
        signal=VOLUME, operator="ooni", service=None, access=None, unit="count", step=86_400, source="ooni",
    )  # fmt: skip


def _watched_volume(volume: Volume, manners: Manners) -> Watched:
    """A day on which nobody measured, among others on which somebody did, has none: that is its zero."""
    if not volume.known:
        return Watched()
    watching = Watching(volume.known, manners, min(volume.days))
    for day, rows in volume.every_day():
        watching.feed(day, rows)
    return watching.finish()


__all__ = ["NOTES", "VOLUME", "compute"]
