"""Law: what is expected is learned from non-event bins alone, past ones, each time of the week from its own.

Many series side by side, a day at a time. What is expected is a shape times a level. Two shapes compete for each
series: a flat one, and that of the time of the week (of the day, while there are less than three weeks); the one that
explained the last days best is used. The level is that of the last day. Neither takes in a bin that lies in an event:
during one the level stays as it was, so that a cut of any length is held against the time before it. Missing bins
teach nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from clampdown.detect.manners import Manner
from clampdown.detect.votes import Floats, Ints

DAY: Final = 86_400
_SLOTS: Final = 5  # values of one time of the week
_DAYS: Final = 7  # values of one time of the day
_NOISE: Final = 28  # days that tell the noise
_LEAST: Final = 3  # values that make a shape
_OWN: Final = (
    0.15  # of the usual level: what is added on both sides of a ratio, so that zero has one and lows count less
)
_MAD: Final = 1.4826
FULL: Final = 14  # days after which the noise of a series is known
_FEW: Final = 2  # days of noise without which nothing is noticed
_TWICE: Final = 2  # bins that must be low: a single one is more often a bad bin than a cut
_BOUND: Final = 3.0  # limits of one bin, beyond which a bin adds no more to an average
_KNOWN_BOTH: Final = 5  # days of its noise that a shape must have to be taken
_CLEARLY: Final = 0.85  # of the other's error
_FORGET: Final = 0.9
_FINE: Final = 24  # bins a day from which the level follows within the day
_QUARTERS: Final = 4  # how often
_SAMPLE: Final = 48  # bins of a day that tell its level
_KNOWN: Final = 4  # a level needs a quarter of them


class Look(NamedTuple):
    """One day of all series: what is there against what is expected. Shapes (series, bins)."""

    expected: Floats
    ratio: Floats  # log of what is there over what is expected; nan where one is missing
    means: Floats  # (windows, series, bins): ratios averaged over the last window
    limit: Floats  # (windows, series): falls below minus this are more than noise
    noise: Floats  # (windows, series): the usual size of those means
    models: Floats  # (2, series, bins): log ratios to the two shapes
    level: Floats  # (2, series, bins): the level of the last day, in the same units
    ratios: Floats  # (2, series, bins): models less level
    both: Floats  # (2, windows, series, bins): means of those
    own: Floats  # (series, 1): what was added on both sides


def bins_of(windows: tuple[float, ...], step: int) -> tuple[int, ...]:
    """Windows in bins, each once; days for daily series. One bin alone may be the instrument's."""
    if step >= DAY:
        return (1, 2, 4)
    return tuple(sorted({max(_TWICE, round(hours * 3600 / step)) for hours in windows}))


class Rhythm:
    """The memory of `count` series with `bins` bins a day."""

    def __init__(self, count: int, bins: int, manner: Manner, step: int, strictness: float = 1.0) -> None:
        self.manner, self.bins, self.strictness = manner, bins, strictness
        self.windows = bins_of(manner.windows, step)
        self.least = float(
            -np.log1p(-manner.least_drop / (1 + _OWN))
        )  # the least fall, as a log ratio at the usual level
        self._week = np.full((count, 7, bins, _SLOTS), np.nan, np.float32)
        self._day = np.full((count, bins, _DAYS), np.nan, np.float32)
        self._usual = np.full((count, _DAYS), np.nan)
        self._flat = np.full(count, np.nan)  # the flat shape: a constant, once known; levels are relative to it
        self._recent = np.full((2, count, bins if bins >= _FINE else max(_DAYS, bins)), np.nan)
        self._held = np.zeros((2, count))  # the level where the last day does not tell one
        self._frozen = np.full((2, count), np.nan)  # the level from before an event, as long as it lasts
        self._error = np.full((2, count), np.nan)
        self._low = np.full((2, len(self.windows), count, _NOISE), np.nan)
        self._mid = np.full((2, len(self.windows), count, _NOISE), np.nan)
        self._tail = np.full((2, count, max(self.windows) - 1), np.nan)
        self.model = np.zeros(count, np.int64)  # the shape in use: 0 flat, 1 of the time of the week

    def look(self, x: Floats, weekday: int) -> Look:
        """Hold a day against what was learned; nothing is learned from it yet."""
        shapes, usual = self._shapes(weekday)
        own = np.maximum(_OWN * usual, 1e-9)[:, None]
        models = np.log((np.maximum(x, 0) + own) / (shapes + own))
        level = self._level(models)
        best, rows = self.model, np.arange(len(x))
        expected = np.maximum((shapes[best, rows] + own) * np.exp(level[best, rows]) - own, 0)
        ratios = models - level
        ratios[:, ~(usual >= (self.manner.least_level or 0))] = np.nan
        limit, noise = self._limits()
        least = -_BOUND * np.maximum(limit[0], self.least)[:, None]
        least = np.where(np.isfinite(least), least, -np.inf)
        both = np.stack([self.means(each, tail, least) for each, tail in zip(ratios, self._tail, strict=True)])
        means = np.where(best[:, None] == 0, both[0], both[1])
        return Look(expected, ratios[best, rows], means, limit, noise, models, level, ratios, both, own)

    def tail(self, rows: Ints) -> Floats:
        """The ratios before the day, for `means`."""
        return self._tail[self.model[rows], rows]

    def means(self, ratio: Floats, tail: Floats, least: Floats | float = -np.inf) -> Floats:
        """Averages over the windows that end at each bin, where at least half of their bins are there.

        `least` bounds what one bin can add: a single bad bin is no average. Of the shortest window all bins count, not
        their average: they must all be low.
        """
        whole = np.maximum(np.concatenate([tail, ratio], axis=1), least)
        there = np.isfinite(whole)
        total = np.cumsum(np.where(there, whole, 0.0), axis=1)
        count = np.cumsum(there, axis=1)
        first = tail.shape[1]
        made = np.full((len(self.windows), *ratio.shape), np.nan)
        for number, width in enumerate(self.windows):
            end, begin = slice(first, None), slice(first - width, whole.shape[1] - width)
            sums = total[:, end] - (total[:, begin] if width <= first else _shift(total, width)[:, end])
            seen = count[:, end] - (count[:, begin] if width <= first else _shift(count, width)[:, end])
            with np.errstate(invalid="ignore", divide="ignore"):
                made[number] = np.where(2 * seen >= width, sums / seen, np.nan)
        if self.windows[0] > 1:
            made[0] = _highest(whole, self.windows[0])[:, first:]
        return made

    def carry(self, look: Look, events: Floats) -> None:
        """The day is over: its end is what the windows of the next one begin with, and it tells the level."""
        if width := self._tail.shape[-1]:
            fresh = np.where(events, np.nan, look.ratios)
            self._tail = np.concatenate([self._tail, fresh], axis=-1)[..., -width:]
        told = np.where(events, np.nan, look.models)
        self._recent = np.concatenate([self._recent, told], axis=-1)[..., -self._recent.shape[-1] :]

    def cut_tail(self, row: int | slice) -> None:
        """What lies before does not count for these series any more."""
        self._tail[:, row] = np.nan

    def freeze(self, row: int, level: Floats) -> None:
        """An event begins: the level (of both shapes) stays."""
        self._frozen[:, row] = level

    def settle(self, row: int, off: float) -> Floats:
        """An event is over: the level is so much (log ratio) off what it was before; returns it for both shapes."""
        self._held[:, row] = self._frozen[:, row] + off
        self._frozen[:, row] = self._recent[:, row] = np.nan
        return self._held[:, row].copy()

    def learn(self, x: Floats, look: Look, events: Floats, weekday: int) -> None:
        """Take in a day less the bins of events (true in `events`)."""
        good = np.isfinite(x) & ~events
        value = np.where(good, x, np.nan)
        shape = np.where(good, (np.maximum(x, 0) + look.own) * np.exp(-look.level[1]) - look.own, np.nan)
        shape = np.where(np.isfinite(look.own), shape, value)
        for memory in (self._week[:, weekday], self._day):
            _push(memory, shape, good)
        enough = good.sum(axis=1) * 4 >= np.maximum(np.isfinite(x).sum(axis=1), self.bins)
        middle = _median(value, 1)
        usual = np.concatenate([self._usual[:, 1:], middle[:, None]], axis=1)
        self._usual = np.where(enough[:, None], usual, self._usual)
        self._flat = np.where(np.isfinite(self._flat) | ~enough, self._flat, middle)
        self._errors(look, good, enough)
        self._noises(look, enough & ~events.any(axis=1))
        self._choose()

    def forget(self, row: int) -> None:
        """A series has another level for good: begin anew."""
        held = (
            self._week[row], self._day[row], self._usual[row], self._recent[:, row], self._frozen[:, row],
            self._error[:, row], self._low[:, :, row], self._mid[:, :, row], self._tail[:, row],
        )  # fmt: skip
        for memory in held:
            memory[...] = np.nan
        self._flat[row], self._held[:, row], self.model[row] = np.nan, 0, 0

    def _shapes(self, weekday: int) -> tuple[Floats, Floats]:
        """The two shapes (nan where one is not known), and the usual level."""
        cycle = _smooth(_median(self._week[:, weekday], _LEAST))
        young = ~np.isfinite(cycle).all(axis=1)
        if young.any():
            known = np.isfinite(cycle[young])
            cycle[young] = np.where(known, cycle[young], _smooth(_median(self._day[young], _LEAST)))
        return np.stack([np.repeat(self._flat[:, None], self.bins, axis=1), cycle]), _median(self._usual, 1)

    def _level(self, models: Floats) -> Floats:
        """The middle of the ratios of the last day, four times a day; of the last days where there are few bins."""
        made = np.empty(models.shape)
        parts = _QUARTERS if self.bins >= _FINE else 1
        every = max(1, self._recent.shape[-1] // _SAMPLE)
        least = max(1, self._recent.shape[-1] // every // _KNOWN)
        for part in range(parts):
            at = part * self.bins // parts
            window = np.concatenate([self._recent[..., at:], models[..., :at]], axis=-1)[..., ::every]
            found = _median(window, least)
            self._held = np.where(np.isfinite(found), found, self._held)
            made[..., at : (part + 1) * self.bins // parts] = self._held[..., None]
        frozen = np.isfinite(self._frozen)
        made[frozen] = self._frozen[frozen][:, None]
        return made

    def _choose(self) -> None:
        """The shape with the smaller error, if it is clearly smaller. The noise of both is known."""
        error = np.where(np.isfinite(self._error), self._error, np.inf)
        to_cycle = (self.model == 0) & (error[1] < _CLEARLY * error[0])
        to_flat = (self.model == 1) & (error[0] < _CLEARLY * error[1])
        days = np.isfinite(self._mid[:, 0]).sum(axis=-1)
        known = np.where(self.model == 0, days[1], days[0]) >= _KNOWN_BOTH
        free = ~np.isfinite(self._frozen[0]) & known
        self.model = np.where((to_cycle | to_flat) & free, 1 - self.model, self.model)

    def _limits(self) -> tuple[Floats, Floats]:
        manner = self.manner
        first = self.model[:, None] == 0
        low, mid = (np.where(first, held[0], held[1]) for held in (self._low, self._mid))
        noise = np.maximum(_MAD * np.nan_to_num(_median(mid, 1)), manner.floor)
        ranked = np.sort(low, axis=-1)
        days = np.isfinite(mid[0]).sum(axis=-1)
        lowest = np.where(days >= FULL, ranked[..., 1], ranked[..., 0])
        factor = np.where(days >= FULL, manner.tail, manner.tail_short)
        limit = np.maximum(manner.k * noise, factor * np.maximum(-np.nan_to_num(lowest), 0))
        limit = self.strictness * limit
        known = days >= (_FEW if self.bins > 1 else FULL)
        return np.where(known, limit, np.inf), noise

    def _errors(self, look: Look, good: Floats, enough: Floats) -> None:
        off = _median(np.where(good, np.abs(look.ratios), np.nan), 1)
        new = np.where(np.isfinite(self._error), _FORGET * self._error + (1 - _FORGET) * off, off)
        self._error = np.where(enough & np.isfinite(off), new, self._error)

    def _noises(self, look: Look, quiet: Floats) -> None:
        if not quiet.any():
            return
        with np.errstate(invalid="ignore"):
            low = np.min(np.where(np.isfinite(look.both), look.both, np.inf), axis=-1)
        mid = _median(np.abs(look.both), 1)
        for memory, value in ((self._low, low), (self._mid, mid)):
            good = quiet & np.isfinite(value)
            _push(memory, value, good)


def _shift(total: Floats, width: int) -> Floats:
    """Cumulated sums as they were `width` bins ago; nothing before the first."""
    return np.concatenate([np.zeros((len(total), width), total.dtype), total], axis=1)[:, : total.shape[1]]


def _highest(whole: Floats, width: int) -> Floats:
    """The highest of the last `width` bins; nan where one is missing."""
    made = whole.copy()
    for back in range(1, width):
        made[:, back:] = np.maximum(made[:, back:], whole[:, :-back])
    return made


def _median(values: Floats, least: int) -> Floats:
    """The median over the last axis of what is there; nan where that is less than `least`."""
    size = values.shape[-1]
    there = np.isfinite(values)
    if there.all() and size >= least:
        middle = [(size - 1) // 2, size // 2]
        halves = np.partition(values, middle, axis=-1)
        return (halves[..., middle[1]].astype(float) + halves[..., middle[0]]) / 2
    ranked = np.sort(values, axis=-1)  # nan goes to the end
    count = there.sum(axis=-1)
    high = np.take_along_axis(ranked, np.maximum(count // 2, 0)[..., None].clip(max=size - 1), -1)[..., 0]
    low = np.take_along_axis(ranked, np.maximum((count - 1) // 2, 0)[..., None], -1)[..., 0]
    return np.where(count >= least, (high.astype(float) + low) / 2, np.nan)


def _push(memory: Floats, value: Floats, good: Floats) -> None:
    """Where it is good a value enters its memory, and the oldest one leaves."""
    if good.all():
        memory[..., :-1] = memory[..., 1:]
        memory[..., -1] = value
    else:
        pushed = np.concatenate([memory[..., 1:], value[..., None]], axis=-1)
        memory[...] = np.where(good[..., None], pushed, memory)


def _smooth(values: Floats) -> Floats:
    """Neighbouring times of a day tell of each other: weights 1, 2, 1."""
    if values.shape[-1] < 24:
        return values
    padded = np.concatenate([values[..., :1], values, values[..., -1:]], axis=-1)
    made = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
    return np.where(np.isfinite(made), made, values)
