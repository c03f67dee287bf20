"""Law: a fall is held against the time before it until it is over; missing bins neither begin nor end one.

A state for each series: normal, or in an event (a fall, or a surge, which only keeps itself out of the reference).
It is entered where a mean of log ratios lies beyond the noise of that series, left when three quarters of what was
lost are back for an hour of bins with data. What is expected stays as it was until then, with no limit of time; a
level that has settled elsewhere is said to be a new normal, and only then the watch begins anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp
from typing import Final, NamedTuple

import numpy as np

from clampdown.detect.edges import Edges, Level, edges
from clampdown.detect.manners import Manner
from clampdown.detect.rhythm import DAY, Look, Rhythm
from clampdown.detect.votes import Floats

BACK: Final = 0.25  # of the loss that may still be missing when a fall is over
_PAST: Final = 14  # bins at least that are kept from before an event, in whole days
_DARK: Final = 2.0  # hours for which a gap that starts with a fall is read as more of it
# Days after which a level above this share may be a new normal. One below a fifth is a cut, however long it lasts.
_SETTLED: Final = ((14, 0.5), (28, 0.2))
_SPREAD: Final = 0.1  # log units within which the days of a settled level lie


class Drop(NamedTuple):
    """A fall of one series. Bins are numbered from its first day's midnight."""

    begin: int  # bin at which it was noticed
    after: int | None  # last bin as before; None: it was down when it was first watched
    before: int  # first bin below
    end_after: int | None  # last bin below; None: it lasts
    end_before: int | None  # first bin back
    worst: int
    depth: float  # share lost at the worst moment, 0..1
    expected: float  # there, in the unit of the series
    level: float
    lost: float  # sum of lost shares over bins, in bins
    unknown: int  # bins within it without data
    last: int  # last bin with data that it was seen in
    statistic: float  # times the usual noise
    normal_again: bool
    rise: bool = False
    earlier: tuple[Level, ...] = ()  # lesser falls before it
    later: tuple[Level, ...] = ()  # partial returns within it


@dataclass(slots=True)
class _Open:
    """An event while it lasts: what is there and what is expected, from some time before it."""

    sign: int  # -1: a fall, 1: a surge
    begin: int
    first: int  # bin of the first value held
    back: int  # bins of the window in which it was noticed
    limit: float  # the noise limit of an hour
    noise: float  # of one bin
    statistic: float
    worst: float = 0.0  # in log units for surges, a share for falls
    x: list[Floats] = field(default_factory=list[Floats])
    e: list[Floats] = field(default_factory=list[Floats])
    middles: list[float] = field(default_factory=list[float])
    known: bool = True  # was the time before it seen?
    settled: bool = False


class Watch:
    """Falls of many series of one kind, a day at a time."""

    def __init__(self, count: int, step: int, manner: Manner, strictness: float = 1.0) -> None:
        self.step, self.bins, self.manner = step, max(1, DAY // step), manner
        self.rhythm = Rhythm(count, self.bins, manner, step, strictness)
        self._strictness = strictness
        self._hour = max(1, round(3600 / step)) if step < DAY else 1
        self._dark = round(_DARK * 3600 / step) if step < DAY else 0
        self._open: dict[int, _Open] = {}
        self._since: dict[int, int] = {}  # first bin behind the last event: nothing before it is looked at again
        self.judged = np.full(count, -1)  # the first day on which a series could have been noticed to fall
        self._day = -1
        self._before: tuple[Floats, Look, Floats, int] | None = None  # x, look, events, weekday of yesterday
        self._past: deque[tuple[Floats, Floats]] = deque(maxlen=max(1, -(-_PAST // self.bins)))  # x, expected

    def feed(self, x: Floats, weekday: int) -> Iterator[tuple[int, Drop]]:
        """One more day of all series, shape (series, bins), nan where one is missing; the falls that ended on it."""
        self._day += 1
        if not np.isfinite(x).any():
            self._nothing(x)
            return
        look = self.rhythm.look(x, weekday)
        self.judged = np.where((self.judged < 0) & np.isfinite(look.limit[0]), self._day, self.judged)
        if self._dark:
            look = self._darkened(look)
        events = np.zeros(x.shape, bool)
        with np.errstate(invalid="ignore"):
            down, up = self._beyond(look.means, look.limit)
        special = sorted({*self._open, *np.flatnonzero((down | up).any(axis=1)).tolist()})
        for row in special:
            yield from self._scan(row, x, look, events)
        if self._before is not None:
            self.rhythm.learn(*self._before)
        self._before = (x, look, events, weekday)
        self._past.append((x, look.expected))
        self.rhythm.carry(look, events)
        for row in [row for row, one in self._open.items() if one.settled]:
            drop = self._close(row, None)[0]
            if self._counts(drop):
                yield row, drop
            self.rhythm.forget(row)

    def _nothing(self, x: Floats) -> None:
        """A day without data teaches nothing, begins nothing and ends nothing."""
        if self._before is not None:
            self.rhythm.learn(*self._before)
            self._before = None
        if self._past and not np.isnan(self._past[-1][0]).all():
            self.rhythm.cut_tail(slice(None))
        self._past.append((x, np.full(x.shape, np.nan)))
        for row in self._open:
            self._hold(row, x[row], x[row])

    def finish(self) -> Iterator[tuple[int, Drop]]:
        """The data end: what is still open lasts."""
        for row in sorted(self._open):
            drop = self._close(row, None)[0]
            if self._counts(drop):
                yield row, drop

    def _counts(self, drop: Drop) -> bool:
        """Dated and measured over all of its bins: is it still what is called a fall?"""
        if self.bins > 1 and drop.end_before is not None and drop.end_before - drop.before < 2:
            return False  # one bad bin, and a neighbour that was low by chance
        return drop.rise or drop.depth >= self.manner.least_drop

    def _beyond(self, means: Floats, limit: Floats) -> tuple[Floats, Floats]:
        """Where a fall, or a surge, may be noticed. means: (windows, series, bins)."""
        least = self.rhythm.least
        down: Floats = np.any(means < -np.maximum(limit, least)[..., None], axis=0)
        up: Floats = np.any(means > np.maximum(limit, self.manner.least_rise)[..., None], axis=0)
        return np.asarray(down), np.asarray(up)

    def _darkened(self, look: Look) -> Look:
        """A gap right behind a fall is more of that fall, for two hours; any other gap says nothing."""
        missing = ~np.isfinite(look.ratio)
        rows = np.flatnonzero(missing.any(axis=1) & np.isfinite(look.ratio).any(axis=1))
        if not len(rows):
            return look
        ratio = look.ratio[rows]
        there = np.isfinite(ratio)
        at = np.where(there, np.arange(self.bins), -1)
        last = np.maximum.accumulate(at, axis=1)
        value = np.take_along_axis(ratio, last.clip(min=0), 1)
        near = (last >= 0) & (np.arange(self.bins) - last <= self._dark)
        with np.errstate(invalid="ignore"):
            fell = value < -np.maximum(look.limit[0, rows] / 2, self.rhythm.least)[:, None]
        filled = np.where(~there & near & fell, value, ratio)
        if np.array_equal(np.isfinite(filled), there):
            return look
        means = look.means.copy()
        means[:, rows] = self.rhythm.means(filled, self.rhythm.tail(rows))
        return look._replace(means=means)

    def _scan(self, row: int, x: Floats, look: Look, events: Floats) -> Iterator[tuple[int, Drop]]:
        """One series through one day: ends and beginnings in their order."""
        at, means = 0, look.means[:, row]
        ratio, expected = look.ratio[row].copy(), look.expected[row]
        if row in self._open:
            self._hold(row, x[row], expected)
        while at < self.bins:
            if row in self._open:
                end = self._end(row, at, x[row], expected)
                events[row, at : self.bins if end is None else end] = True
                if end is None:
                    break
                at = end
                drop, level = self._close(row, self._day * self.bins + end)
                if self._counts(drop):
                    yield row, drop
                # What is not back yet is the level for now; what lies before does not count any more.
                self._leveled(row, look, at, self.rhythm.settle(row, level))
                ratio[:at], ratio[at:] = np.nan, look.ratio[row, at:]
                self.rhythm.cut_tail(row)
                means = self.rhythm.means(ratio[None], self.rhythm.tail(np.array([row])))[:, 0]
                continue
            with np.errstate(invalid="ignore"):
                down, up = self._beyond(means[:, None, at:], look.limit[:, [row]])
            hits = np.flatnonzero((down | up)[0])
            if not len(hits):
                break
            found = at + int(hits[0])
            self._begin(row, found, -1 if down[0][hits[0]] else 1, means[:, found], look, x[row], events)
            at = found + 1
        if row in self._open:
            self._age(row, x[row], expected)

    def _begin(self, row: int, at: int, sign: int, means: Floats, look: Look, x: Floats, events: Floats) -> None:
        windows, limit = self.rhythm.windows, look.limit[:, row]
        with np.errstate(invalid="ignore"):
            size = np.where(np.isfinite(means), -sign * -1 * means / look.noise[:, row], -np.inf)
        hit = int(np.argmax(np.where(sign * means > limit, size, -np.inf)))
        back = windows[hit]
        hour = int(np.argmin([abs(width - self._hour) for width in windows]))
        first = (self._day - len(self._past)) * self.bins
        one = _Open(
            sign=sign, begin=self._day * self.bins + at, first=first, back=back, limit=float(limit[hour]),
            noise=float(look.noise[0, row]), statistic=float(size[hit]),
        )  # fmt: skip
        one.x = [*(held[row].copy() for held, _ in self._past), x]
        one.e = [*(past[row] for _, past in self._past), look.expected[row]]
        seen = self._since.get(row, 0) - first
        for number, held in enumerate(one.x):  # another event lies before: its bins are not this one's
            one.x[number] = np.where(np.arange(self.bins) < seen - number * self.bins, np.nan, held)
        self._open[row] = one
        begin = at - back + 1
        before = look.level[:, row, max(0, begin)].copy()
        self.rhythm.freeze(row, before)
        self._leveled(row, look, max(0, begin), before)
        events[row, max(0, begin) : at + 1] = True
        if begin < 0 and self._before is not None:
            self._before[2][row, max(begin, -self.bins) :] = True

    def _leveled(self, row: int, look: Look, at: int, level: Floats) -> None:
        """From a bin on the level of a series is this one: what is expected, and what is off, follow from it."""
        model = int(self.rhythm.model[row])
        moved = np.exp(level[model] - look.level[model, row, at:])
        own = look.own[row, 0]
        look.expected[row, at:] = np.maximum((look.expected[row, at:] + own) * moved - own, 0)
        look.level[:, row, at:] = level[:, None]
        look.ratios[:, row, at:] = look.models[:, row, at:] - level[:, None]
        look.ratio[row, at:] = look.ratios[model, row, at:]

    def _hold(self, row: int, x: Floats, expected: Floats) -> None:
        self._open[row].x.append(x)
        self._open[row].e.append(expected)

    def _end(self, row: int, at: int, x: Floats, expected: Floats) -> int | None:
        """The first bin behind the event on this day, or None."""
        one = self._open[row]
        hour = self._hour
        past_x, past_e = (one.x[-2][-hour:], one.e[-2][-hour:]) if len(one.x) > 1 else (x[:0], x[:0])
        share = _share(np.concatenate([past_x, x]), np.concatenate([past_e, expected]))
        skip = len(past_x)
        for bin_ in range(at, self.bins):
            here = share[max(0, bin_ + skip - hour + 1) : bin_ + skip + 1]
            seen = here[np.isfinite(here)]
            if not len(seen):
                continue
            mean = float(seen.mean())
            loss = 1 - mean if one.sign < 0 else np.log(max(mean, 1e-9))
            if 2 * len(seen) >= hour:
                one.worst = max(one.worst, float(loss))
            # The hour lies behind the onset: one that was above what is expected would make up for the first low bins.
            whole = len(seen) == len(here) and bin_ - hour + self._day * self.bins >= one.begin
            first = 1 - here[0] if one.sign < 0 else float(np.log(max(here[0], 1e-9)))
            if whole and max(float(loss), first) <= self._still(one):
                return self._back(here, bin_, one)
        return None

    def _still(self, one: _Open) -> float:
        """What may be missing (or left over) of an event that is over."""
        noise = 1 - exp(-one.limit / 2) if one.sign < 0 else one.limit / 2
        return max(BACK * one.worst, min(noise, 0.5 * one.worst))

    def _back(self, here: Floats, bin_: int, one: _Open) -> int:
        """The first bin of the hour that was back."""
        first = bin_ - len(here) + 1
        return max(0, first, one.begin - self._day * self.bins + 1)

    def _age(self, row: int, x: Floats, expected: Floats) -> None:
        """Has the level settled at another height?"""
        one = self._open[row]
        share = _share(x, expected)
        seen = share[np.isfinite(share)]
        if len(seen) * 4 >= self.bins:
            one.middles.append(float(np.log(max(np.median(seen), 1e-3))))
        days = self._day - one.begin // self.bins
        recent = one.middles[-7:]
        if len(recent) < 7 or max(recent) - min(recent) > max(_SPREAD, 3 * one.noise):
            return
        level = exp(float(np.median(recent)))
        one.settled = any(days >= least and level >= share for least, share in _SETTLED)

    def _close(self, row: int, end: int | None) -> tuple[Drop, float]:
        """Date the event, of which `end` is the first bin behind it; and how far its level is still off (log)."""
        one = self._open.pop(row)
        stop = None if end is None else end - one.first + self._hour
        x, e = np.concatenate(one.x)[:stop], np.concatenate(one.e)[:stop]
        found = edges(
            x, e, one.begin - one.first, one.noise, back=one.back, sign=one.sign, hour=self._hour, lasting=end is None
        )
        if end is None or stop is None:
            return _drop(one, found), 0.0
        if one.sign < 0:
            self._since[row] = end
        after = _share(x[stop - self._hour :], e[stop - self._hour :])
        seen = after[np.isfinite(after)]
        level = min(0.0, float(np.log(max(seen.mean(), 1e-3)))) if len(seen) else 0.0
        level = level if -level > one.limit / 2 else 0.0
        return _drop(one, found), level


def _drop(one: _Open, found: Edges) -> Drop:
    def at(place: int | None) -> int | None:
        return None if place is None else one.first + place

    def moved(levels: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple(each._replace(first=one.first + each.first, last=one.first + each.last) for each in levels)

    return Drop(
        begin=one.begin, after=at(found.after), before=one.first + found.before, end_after=at(found.end_after),
        end_before=at(found.end_before), worst=one.first + found.worst, depth=found.depth, expected=found.expected,
        level=found.level, lost=found.lost, unknown=found.unknown, last=one.first + found.last,
        statistic=one.statistic, normal_again=one.settled, rise=one.sign > 0, earlier=moved(found.earlier),
        later=moved(found.later),
    )  # fmt: skip


def _share(x: Floats, expected: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, np.maximum(x, 0) / expected, np.nan)


def detect(
    values: Floats, start: datetime, step: int, manner: Manner, strictness: float = 1.0
) -> list[tuple[Drop, ...]]:
    """The falls (and surges) of whole series: values (series, bins) from `start` on, nan where one is missing."""
    watch = Watch(len(values), step, manner, strictness)
    bins = watch.bins
    lead = (start - datetime(start.year, start.month, start.day)) // timedelta(seconds=step) if bins > 1 else 0
    days = -(-(lead + values.shape[1]) // bins)
    grid = np.full((len(values), days * bins), np.nan)
    grid[:, lead : lead + values.shape[1]] = values
    made: list[list[Drop]] = [[] for _ in values]
    for day in range(days):
        for row, drop in watch.feed(grid[:, day * bins : (day + 1) * bins], (start.weekday() + day) % 7):
            made[row].append(drop)
    for row, drop in watch.finish():
        made[row].append(drop)
    return [tuple(_moved(drop, -lead) for drop in sorted(found, key=lambda d: d.begin)) for found in made]


def _moved(drop: Drop, by: int) -> Drop:
    """The same with bins numbered from another one."""

    def at(place: int | None) -> int | None:
        return None if place is None else place + by

    def levels(each: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple(one._replace(first=one.first + by, last=one.last + by) for one in each)

    return drop._replace(
        begin=drop.begin + by, after=at(drop.after), before=drop.before + by, end_after=at(drop.end_after),
        end_before=at(drop.end_before), worst=drop.worst + by, last=drop.last + by, earlier=levels(drop.earlier),
        later=levels(drop.later),
    )  # fmt: skip
