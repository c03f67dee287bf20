"""Law: outages are one function of levels, records and what was said before; the same in, the same out.

Levels become falls (watching), falls become cuts (fusion), cuts become rows: one for each outage, with its parts.
What is no outage but was seen (surges, withheld days, sources that broke everywhere) goes to the list of notes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.detect import deliberate, presence
from clampdown.detect.clock import UTC, Clock, clock_of
from clampdown.detect.fusion import Cut, cuts, failures, joined
from clampdown.detect.manners import Manners, load_manners
from clampdown.detect.outage_rows import Context, Known, Told, told
from clampdown.detect.recurring import Series, series
from clampdown.detect.watching import About, Fall, Watched, abouts, watch
from clampdown.model import CONNECTED, CONNECTIVITY, NOTES

_LEAST_JUDGED = 3  # days, below which a series says nothing of its entity


def _nowhere(_country: str | None, _region: str | None) -> str | None:
    return None


def _no_offset(_zone: str, _when: datetime) -> timedelta:
    return timedelta()


@dataclass(frozen=True, slots=True)
class GivenOutages:
    """What the detection of outages needs beside the levels."""

    manners: Manners = field(default_factory=load_manners)
    context: pa.Table = field(default_factory=CONNECTIVITY["context"].empty_table)
    events: pa.Table | None = None  # of blocking
    previous: pa.Table | None = None  # outages of the run before: their ids stay
    zone: deliberate.Zone = _nowhere
    offset: deliberate.Offset = _no_offset
    inputs: Callable[[str], str] = field(default=lambda _series: "")  # file names that brought a series


def make(
    days: Callable[[], Iterable[tuple[str, pa.Table]]],
    series_table: pa.Table,
    given: GivenOutages | None = None,
    *,
    strictness: float = 1.0,
) -> dict[str, pa.Table]:
    """Outages, their parts, and notes, of levels that can be gone through twice: `days()` gives (day, levels)."""
    given = given or GivenOutages()
    known = abouts(series_table)
    names = [day for day, _ in days()]
    found = watch(days(), known, given.manners, strictness, clocks_of(known.values(), given, names))

    def levels(wanted: Mapping[str, frozenset[str]]) -> Iterable[tuple[str, pa.Table]]:
        return ((day, table) for day, table in days() if day in wanted)

    return fuse(found, known, given, levels)


def clocks_of(known: Iterable[About], given: GivenOutages, days: Sequence[str]) -> dict[str, Clock]:
    """The clock of every entity, for these days."""
    ends = [datetime.fromisoformat(day) for day in (min(days), max(days))] if days else []
    clocks: dict[str | None, Clock] = {}
    made: dict[str, Clock] = {}
    for about in known:
        zone = given.zone(about.country, region_of(about.entity))
        if zone not in clocks and ends:
            clocks[zone] = clock_of(zone, given.offset, *ends)
        made[about.entity] = clocks.get(zone, UTC)
    return made


def fuse(
    found: Watched, known: Mapping[str, About], given: GivenOutages, levels: presence.Levels
) -> dict[str, pa.Table]:
    """The tables, from the falls of all series."""
    falls = joined(fall for fall in found.falls if not fall.drop.rise)
    broken = failures(falls, _watched(found, known, given.manners))
    failed = {id(fall) for run in broken for fall in run}
    told_of = _series([fall for fall in falls if id(fall) not in failed], given)
    of_entity: dict[str, list[About]] = defaultdict(list)
    for about in known.values():
        of_entity[about.entity].append(about)
    windows = [window for number, one in enumerate(told_of) for window in _windows(number, one, of_entity)]
    seen = presence.look(windows, levels)
    context = Context.of(given.context, given.events, given.previous)
    world = Known(of_entity, found, given.manners, given.zone, given.offset, given.inputs, _by_entity(told_of))
    made = [told(one, seen.get(number), world, context) for number, one in enumerate(told_of)]
    rows = sorted((t.row for t in made), key=lambda row: (row["entity"], row["onset_before"], row["outage"]))
    parts = sorted((part for t in made for part in t.parts), key=_part_order)
    notes = [*_surges(found.falls, given.manners), *_withheld(found, known), *_broken(broken)]
    notes += _short(found, known, given.manners)
    return {
        "outages": pa.Table.from_pylist(rows, schema=CONNECTED["outages"]),
        "outage_parts": pa.Table.from_pylist(parts, schema=CONNECTED["outage_parts"]),
        "notes": pa.Table.from_pylist(notes, schema=NOTES),
    }


def _part_order(part: Mapping[str, Any]) -> list[str]:
    names = ("outage", "role", "onset_before", "end_after", "plane", "signal", "series")
    return [str(part[name] or "") for name in names]


def _by_entity(told_of: Sequence[Series]) -> Mapping[str, Sequence[datetime]]:
    """When the outages of an entity began: what a recurrence is told from."""
    made: dict[str, list[datetime]] = defaultdict(list)
    for one in told_of:
        for cut in one.cuts:
            made[cut.main.about.entity].append(cut.main.onset_before)
    return made


def _watched(found: Watched, known: Mapping[str, About], manners: Manners) -> dict[str, int]:
    """In how many countries each signal of each operator is watched."""
    countries: dict[str, set[str]] = defaultdict(set)
    for name, about in known.items():
        if name in found.first and about.country and manners.of(about.signal, about.plane).watch:
            countries[f"{about.signal} {about.operator}"].add(about.country)
    return {name: len(each) for name, each in countries.items()}


def _series(falls: Sequence[Fall], given: GivenOutages) -> list[Series]:
    own: dict[str, list[Cut]] = defaultdict(list)
    for cut in cuts(falls):
        if any(given.manners.of(fall.about.signal, fall.about.plane).alone for fall in cut.falls):
            own[cut.main.about.entity].append(cut)
    made: list[Series] = []
    for entity in sorted(own):
        about = own[entity][0].main.about
        zone = given.zone(about.country, region_of(about.entity))

        def local(when: datetime, zone: str | None = zone) -> datetime:
            return when if zone is None else when + given.offset(zone, when)

        made.extend(series(own[entity], local))
    return made


def region_of(entity: str) -> str | None:
    """The name of a region; None for other entities."""
    return entity.partition("/")[2] or None


def _windows(number: int, one: Series, of_entity: Mapping[str, Sequence[About]]) -> list[presence.Window]:
    """What is to be looked up for an outage."""
    others = [about.series for about in of_entity[one.main.main.about.entity]]
    made: list[presence.Window] = [
        presence.first_hours(number, cut.main.onset_before, cut.end, others) for cut in one.cuts[:1]
    ]
    for cut in one.cuts:
        own = {fall.about.series for fall in cut.falls}
        made.extend(presence.witnesses(number, cut.main.onset_before, cut.end, own))
    return made


def _surges(falls: Iterable[Fall], manners: Manners) -> list[dict[str, Any]]:
    """Rises of users: told, because they are often taken for something else, and no outage."""
    made: list[dict[str, Any]] = []
    for fall in falls:
        if fall.drop.rise and manners.of(fall.about.signal, fall.about.plane).rises:
            factor = fall.drop.level / fall.drop.expected if fall.drop.expected else 0.0
            made.append(
                _note(
                    "surge", fall.about, fall.onset_before.date(),
                    None if fall.end_after is None else fall.end_after.date(), 1,
                    f"signal:{fall.about.signal} factor:{factor:.1f}",
                )
            )  # fmt: skip
    return sorted(made, key=_note_order)


def _withheld(found: Watched, known: Mapping[str, About]) -> list[dict[str, Any]]:
    """Runs of days that were not looked at, one note for each signal, whatever the number of its series."""
    days: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, day in found.withheld:
        about = known[name]
        days[about.signal, about.source][day].add(about.country or about.entity)
    made: list[dict[str, Any]] = []
    for (signal, _), own in sorted(days.items()):
        for run in _runs(sorted(own)):
            countries = sorted({country for day in run for country in own[day]})
            one = countries[0] if len(countries) == 1 else None
            made.append(
                dict.fromkeys(NOTES.names)
                | {"kind": "withheld", "country": one, "target": signal, "first": run[0], "last": run[-1]}
                | {"members": len(run), "detail": f"signal:{signal} days:{len(run)}"}
                | {"countries": None if one else " ".join(countries)}
            )
    return made


def _short(found: Watched, known: Mapping[str, About], manners: Manners) -> list[dict[str, Any]]:
    """Series of which too little is known to say anything: silence about them is no good news."""
    made: list[dict[str, Any]] = []
    for name, about in known.items():
        if name not in found.first or not manners.of(about.signal, about.plane).watch:
            continue
        first, last = date.fromisoformat(found.first[name]), date.fromisoformat(found.last[name])
        judged = found.judged.get(name)
        left = 0 if judged is None else (last - date.fromisoformat(judged)).days + 1
        if left < _LEAST_JUDGED:
            detail = f"signal:{about.signal} days:{(last - first).days + 1} judged:{max(0, left)}"
            made.append(_note("short_history", about, first, last, 1, detail))
    return sorted(made, key=_note_order)


def _runs(days: Sequence[str]) -> list[list[str]]:
    made: list[list[str]] = []
    for day in days:
        if made and date.fromisoformat(day) - date.fromisoformat(made[-1][-1]) == timedelta(days=1):
            made[-1].append(day)
        else:
            made.append([day])
    return made


def _broken(runs: Iterable[Sequence[Fall]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for run in runs:
        about = run[0].about
        until = max(fall.until for fall in run)
        places = sorted({fall.about.country or fall.about.entity for fall in run})
        note = _note(
            "source_failure", about, run[0].onset_before.date(), until.date(), len(run),
            f"signal:{about.signal} operator:{about.operator} entities:{len({f.about.entity for f in run})}",
        )  # fmt: skip
        made.append(note | {"country": None, "network": None, "countries": " ".join(places)})
    return made


def _note(kind: str, about: About, first: date, last: date | None, members: int, detail: str) -> dict[str, Any]:
    return dict.fromkeys(NOTES.names) | {
        "kind": kind, "country": about.country, "network": about.network, "target": about.signal,
        "first": first.isoformat(), "last": None if last is None else last.isoformat(), "members": members,
        "detail": detail,
    }  # fmt: skip


def _note_order(row: Mapping[str, Any]) -> list[str]:
    return [str(row[name] or "") for name in ("country", "first", "kind", "target", "detail")]


__all__ = ["About", "GivenOutages", "Told", "Watched", "clocks_of", "fuse", "make", "region_of"]
