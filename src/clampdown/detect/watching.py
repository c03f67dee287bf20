"""Law: a level goes where its series and its time say; a day without data is a day that was not seen, never a fall.

Days of levels in, falls of series out, a day at a time: what is held is the rhythm of every series and nothing else.
Days on which a source had too little of its own instrument are withheld from the watch, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.detect.clock import UTC, Clock
from clampdown.detect.detectors.drops import Drop, Watch
from clampdown.detect.manners import Manner, Manners
from clampdown.detect.rhythm import DAY
from clampdown.detect.votes import Floats, Ints
from clampdown.model import UNKNOWN_DAY

COLUMNS: Final = ("series", "time", "value", "quality")
_AROUND: Final = 14  # days of quality that one day is held against
_EPOCH: Final = date(1970, 1, 1).toordinal()
_BLOCK: Final = 160  # series side by side: more of them leave the processor's cache
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class About:
    """What a series is: the columns of SERIES that detection needs."""

    series: str
    country: str | None
    entity: str
    entity_kind: str
    network: int | None
    plane: str
    signal: str
    operator: str
    service: str | None
    access: str | None
    unit: str
    step: int
    source: str


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall (or surge) of one series, with times instead of bins."""

    about: About
    drop: Drop
    origin: datetime  # local time of bin 0
    clock: Clock = UTC

    def at(self, place: int | None) -> datetime | None:
        """Begin of a bin, in UTC."""
        return None if place is None else self._utc(place)

    def _utc(self, place: int) -> datetime:
        return self.clock.utc(self.origin + timedelta(seconds=self.about.step * place))

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.about.step)

    @property
    def onset_after(self) -> datetime | None:
        return self.at(self.drop.after)

    @property
    def onset_before(self) -> datetime:
        return self._utc(self.drop.before)

    @property
    def end_after(self) -> datetime | None:
        return self.at(self.drop.end_after)

    @property
    def end_before(self) -> datetime | None:
        return self.at(self.drop.end_before)

    @property
    def until(self) -> datetime:
        """End of the last bin that it was seen in."""
        return self._utc(self.drop.last) + self.step


@dataclass(slots=True)
class Watched:
    """What a watch over some series gives."""

    falls: list[Fall] = field(default_factory=list[Fall])
    withheld: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # (series, day)
    first: dict[str, str] = field(default_factory=dict[str, str])  # series -> first and last day with a level
    last: dict[str, str] = field(default_factory=dict[str, str])
    judged: dict[str, str] = field(default_factory=dict[str, str])  # series -> first day of which anything can be said


def abouts(series: pa.Table) -> dict[str, About]:
    """The series of a table with the columns of SERIES; of several rows on one the first counts."""
    names = list(About.__dataclass_fields__)
    made: dict[str, About] = {}
    for row in series.select(names).to_pylist():
        if row["country"] is not None or row["entity_kind"] != "country":  # the world's total, and users of nowhere
            made.setdefault(row["series"], About(**row))
    return made


class _Group:
    """Series of one step and one manner, side by side; local days that are still being filled."""

    def __init__(self, found: Sequence[About], manner: Manner, clocks: Sequence[Clock], strictness: float) -> None:
        self.found, self.manner, self.clocks = found, manner, clocks
        self.step = found[0].step
        self.watch = Watch(len(found), self.step, manner, strictness)
        self.bins = self.watch.bins
        self.beside = np.zeros(len(found), np.int64)  # seconds from the grid to the times as given
        self.quality = np.full((len(found), _AROUND), np.nan)
        self.filled: dict[int, Floats] = {}
        self._changes = [len(clock.offsets) > 1 for clock in clocks]
        self._offsets = np.array([clock.offsets[0] for clock in clocks], np.int64)

    def offsets(self, rows: Ints, seconds: Ints) -> Ints:
        """What the clocks of these series are ahead at these instants; series of days keep the days of their source."""
        if self.step >= DAY:
            return np.zeros(len(rows), np.int64)
        if not len(rows):
            return np.zeros(0, np.int64)
        first, last = int(seconds.min()), int(seconds.max())
        moving: list[int] = []
        for row in np.flatnonzero(self._changes).tolist():
            self._offsets[row] = self.clocks[row].at(first)
            if self.clocks[row].at(last) != self._offsets[row]:
                moving.append(row)
        made = self._offsets[rows]
        for row in moving:  # the clocks change on this day
            clock, own = self.clocks[row], np.flatnonzero(rows == row)
            at = np.searchsorted(clock.since, seconds[own], side="right") - 1
            made[own] = np.asarray(clock.offsets, np.int64)[np.maximum(at, 0)]
        return made

    def grid(self, day: int) -> Floats:
        if day not in self.filled:
            self.filled[day] = np.full((len(self.found), self.bins), np.nan)
        return self.filled[day]

    def fall(self, row: int, drop: Drop, first: int) -> Fall:
        origin = datetime.fromordinal(first) + timedelta(seconds=int(self.beside[row]))
        return Fall(self.found[row], drop, origin, UTC if self.step >= DAY else self.clocks[row])


class Watching:
    """The watch over some series through their days, which come in order.

    Days of UTC come in, local days are watched: one is whole once the next day of UTC has come.
    """

    def __init__(
        self, known: Mapping[str, About], manners: Manners, first: str, clocks: Mapping[str, Clock] | None = None,
        strictness: float = 1.0,
    ) -> None:  # fmt: skip
        self._next = self._first = date.fromisoformat(first).toordinal() - 1
        self._groups: list[_Group] = []
        self._places: dict[str, tuple[int, int]] = {}
        parted: dict[tuple[int, str], list[About]] = {}
        manner_of: dict[tuple[int, str], Manner] = {}
        for about in sorted(known.values(), key=lambda a: a.series):
            manner = manners.of(about.signal, about.plane)
            if about.unit == "normalised":
                manner = _unscaled(manner)
            if manner.watch and about.step > 0:
                key = (about.step, repr(manner))
                parted.setdefault(key, []).append(about)
                manner_of[key] = manner
        parts = [
            (key, each[at : at + _BLOCK]) for key, each in sorted(parted.items()) for at in range(0, len(each), _BLOCK)
        ]
        for number, (key, found) in enumerate(parts):
            own = [(clocks or {}).get(about.entity, UTC) for about in found]
            self._groups.append(_Group(found, manner_of[key], own, strictness))
            self._places |= {about.series: (number, row) for row, about in enumerate(found)}
        self.made = Watched()

    def feed(self, day: str, levels: pa.Table) -> None:
        """One day of levels with COLUMNS, in any order; days between it and the one before had none."""
        if day == UNKNOWN_DAY or not levels.num_rows or not self._groups:
            return
        number = date.fromisoformat(day).toordinal()
        while self._next < number - 1:
            self._day()
        self._fill(day, number, levels)

    def finish(self) -> Watched:
        """No more days."""
        while self._groups and self._next <= max((day for g in self._groups for day in g.filled), default=-1):
            self._day()
        for group in self._groups:
            self.made.falls.extend(group.fall(row, drop, self._first) for row, drop in group.watch.finish())
            for about, day in zip(group.found, group.watch.judged.tolist(), strict=True):
                if day >= 0:
                    self.made.judged[about.series] = date.fromordinal(self._first + day).isoformat()
        self._groups = []
        return self.made

    def _day(self) -> None:
        """Watch the next local day."""
        weekday = date.fromordinal(self._next).weekday()
        for group in self._groups:
            grid = group.grid(self._next)
            del group.filled[self._next]
            self.made.falls.extend(group.fall(row, drop, self._first) for row, drop in group.watch.feed(grid, weekday))
        self._next += 1

    def _fill(self, day: str, number: int, levels: pa.Table) -> None:
        """Put a day's levels where they belong."""
        codes, names = _coded(levels["series"])
        place = [self._places.get(name, (-1, -1)) for name in names] or [(-1, -1)]
        group_of = np.array([each[0] for each in place], np.int64)[codes]
        row_of = np.array([each[1] for each in place], np.int64)[codes]
        seconds, value = _seconds(levels["time"]), _numbers(levels["value"])
        quality = _numbers(levels["quality"])
        for index, group in enumerate(self._groups):
            mine = np.flatnonzero(group_of == index)
            if not len(mine):
                continue
            rows = row_of[mine]
            local = seconds[mine] + group.offsets(rows, seconds[mine])
            days, rest = local // DAY + _EPOCH, local % DAY
            at = np.clip(rest // group.step, 0, group.bins - 1)
            for each in np.unique(days).tolist():
                here = days == each
                group.grid(max(int(each), self._next))[rows[here], at[here]] = value[mine][here]
            group.beside[rows] = (rest - at * group.step) % group.step if group.step < DAY else 0
            if group.manner.quality_least > 0:
                self._withhold(group, group.grid(number), rows, quality[mine], day)
            there = np.unique(rows[np.isfinite(value[mine])])
            for row in there.tolist():
                series = group.found[row].series
                self.made.first.setdefault(series, day)
                self.made.last[series] = day

    def _withhold(self, group: _Group, grid: Floats, rows: Ints, quality: Floats, day: str) -> None:
        """Days whose share of the source's own instrument is low, or is not what it was."""
        for row, share in zip(rows.tolist(), quality.tolist(), strict=True):
            if not np.isfinite(share):
                continue
            known = group.quality[row][np.isfinite(group.quality[row])]
            usual = float(np.median(known)) if len(known) >= _AROUND // 2 else share
            if share < group.manner.quality_least or abs(share - usual) > group.manner.quality_jump:
                grid[row] = np.nan
                self.made.withheld.append((group.found[row].series, day))
            group.quality[row] = np.append(group.quality[row][1:], share)


def watch(
    days: Iterable[tuple[str, pa.Table]],
    known: Mapping[str, About],
    manners: Manners,
    strictness: float = 1.0,
    clocks: Mapping[str, Clock] | None = None,
) -> Watched:
    """The falls of all known series over days in order: (day, levels with COLUMNS)."""
    watching: Watching | None = None
    for day, levels in days:
        if day == UNKNOWN_DAY or not levels.num_rows:
            continue
        if watching is None:
            watching = Watching(known, manners, day, clocks, strictness)
        watching.feed(day, levels)
    return Watched() if watching is None else watching.finish()


def _unscaled(manner: Manner) -> Manner:
    """Nobody says what a level of 20 is where a file has a scale of its own."""
    return msgspec.structs.replace(manner, least_level=0.0)


def _coded(column: Any) -> tuple[Ints, list[str]]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(whole.type):
        whole = pc.call_function("dictionary_encode", [whole])
    return np.asarray(whole.indices, np.int64), whole.dictionary.to_pylist()


def _seconds(column: Any) -> Ints:
    return np.asarray(column.cast(pa.int64()).combine_chunks()) // _MICRO


def _numbers(column: Any) -> Floats:
    return np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False), float)
