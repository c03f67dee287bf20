"""Law: what is expected is learned from non-event bins alone, past ones, each time of the week from its own.

Many series side by side, a day at a time. Two references compete for each series: a flat level, and the time of the
week (of the day, while there are less than three weeks); the one that explained the last days best is used. Neither
sees a bin that lies in an event, so that a cut of any length is held against the time before it, and missing bins
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
_LEAST: Final = 3  # values that make a reference
_OWN: Final = 0.02  # of the usual level: what is added on both sides of a ratio, so that zero has one
_DRIFT: Final = 0.35  # log units by which the level of the last days may differ from the reference
_MAD: Final = 1.4826
_HOLD: Final = 4  # days after which a flat level has followed one that did not come back
_FEW: Final = 2  # days of noise without which nothing is noticed
_CLEARLY: Final = 0.85  # of the other's error
_FORGET: Final = 0.9
FULL: Final = 14  # days after which the noise of a series is known


class Look(NamedTuple):
    """One day of all series: what is there against what is expected. Shapes (series, bins)."""

    expected: Floats
    ratio: Floats  # log of level over expectation; nan where one is missing
    means: Floats  # (windows, series, bins): ratios averaged over the last window
    limit: Floats  # (windows, series): falls below minus this are more than noise
    noise: Floats  # (windows, series): the usual size of those means
    models: Floats  # (2, series, bins): log ratios to the two references, as they are
    ratios: Floats  # the same less the level of the last days
    both: Floats  # (2, windows, series, bins): means of those


def bins_of(windows: tuple[float, ...], step: int) -> tuple[int, ...]:
    """Windows in bins, each once; days for daily series."""
    if step >= DAY:
        return (1, 2, 4)
    return tuple(sorted({max(1, round(hours * 3600 / step)) for hours in windows}))


class Rhythm:
    """The memory of `count` series with `bins` bins a day."""

    def __init__(self, count: int, bins: int, manner: Manner, step: int, strictness: float = 1.0) -> None:
        self.manner, self.bins, self.strictness = manner, bins, strictness
        self.windows = bins_of(manner.windows, step)
        self._week = np.full((count, 7, bins, _SLOTS), np.nan, np.float32)
        self._day = np.full((count, bins, _DAYS), np.nan, np.float32)
        self._flat = np.full((count, _DAYS), np.nan)
        self._drift = np.full((2, count, _DAYS), np.nan)
        self._error = np.full((2, count), np.nan)
        self._rest = np.zeros((2, count))  # what was not back when an event ended, and for how many days that holds
        self._low = np.full((2, len(self.windows), count, _NOISE), np.nan)
        self._mid = np.full((2, len(self.windows), count, _NOISE), np.nan)
        self._tail = np.full((2, count, max(self.windows) - 1), np.nan)
        self._model = np.zeros(count, np.int64)  # the reference in use: 0 flat, 1 of the time of the week

    def look(self, x: Floats, weekday: int) -> Look:
        """Hold a day against what was learned; nothing is learned from it yet."""
        references, usual = self._references(weekday)
        own = np.maximum(_OWN * usual, 1e-9)[:, None]
        models = np.log((np.maximum(x, 0) + own) / (references + own))
        drift = self._level()
        best = self._model
        rows = np.arange(len(x))
        expected = (references[best, rows] + own) * np.exp(drift[best, rows])[:, None] - own
        ratios = models - drift[..., None]
        ratios[:, ~(usual >= (self.manner.least_level or 0))] = np.nan
        both = np.stack([self.means(each, tail) for each, tail in zip(ratios, self._tail, strict=True)])
        limit, noise = self._limits()
        means = np.where(best[:, None] == 0, both[0], both[1])
        return Look(np.maximum(expected, 0), ratios[best, rows], means, limit, noise, models, ratios, both)

    def tail(self, rows: Ints) -> Floats:
        """The ratios before the day, for `means`."""
        return self._tail[self._model[rows], rows]

    def means(self, ratio: Floats, tail: Floats) -> Floats:
        """Averages over the windows that end at each bin, where at least half of their bins are there."""
        whole = np.concatenate([tail, ratio], axis=1)
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
        return made

    def carry(self, look: Look, events: Floats) -> None:
        """The day is over: its end is what the windows of the next one begin with."""
        if width := self._tail.shape[-1]:
            fresh = np.where(events, np.nan, look.ratios)
            self._tail = np.concatenate([self._tail, fresh], axis=-1)[..., -width:]

    def cut_tail(self, row: int | slice) -> None:
        """What lies before does not count for these series any more."""
        self._tail[:, row] = np.nan

    def learn(self, x: Floats, look: Look, events: Floats, weekday: int) -> None:
        """Take in a day less the bins of events (true in `events`)."""
        good = np.isfinite(x) & ~events
        value = np.where(good, x, np.nan)
        for memory in (self._week[:, weekday], self._day):
            memory[...] = np.where(
                good[..., None], np.concatenate([memory[..., 1:], value[..., None]], axis=-1), memory
            )
        enough = good.sum(axis=1) * 4 >= np.maximum(np.isfinite(x).sum(axis=1), self.bins)
        middle = np.concatenate([self._flat[:, 1:], _median(value, 1)[:, None]], axis=1)
        self._flat = np.where(enough[:, None], middle, self._flat)
        self._drift_on(look.models, good, enough)
        quiet = enough & ~events.any(axis=1)
        self._rest[1] -= enough
        self._noise_on(look, quiet)
        self._choose()

    def forget(self, row: int) -> None:
        """A series has another level for good: begin anew."""
        held = (
            self._week[row],
            self._day[row],
            self._flat[row],
            self._low[:, :, row],
            self._mid[:, :, row],
            self._tail[:, row],
        )
        for memory in held:
            memory[...] = np.nan
        self._drift[:, row], self._error[:, row], self._rest[:, row], self._model[row] = np.nan, np.nan, 0, 0

    def settle(self, row: int, level: float) -> None:
        """After an event the level is this much (log ratio, at most 0) off its reference, for the time being."""
        self._drift[1, row] = np.where(np.isfinite(self._drift[1, row]), level, np.nan)
        self._rest[:, row] = level, _HOLD

    def _references(self, weekday: int) -> tuple[Floats, Floats]:
        """The two references (nan where one knows too little), and the usual level."""
        flat = _median(self._flat, 1)
        cycle = _smooth(_median(self._week[:, weekday], _LEAST))
        young = ~np.isfinite(cycle).all(axis=1)
        if young.any():
            cycle[young] = np.where(np.isfinite(cycle[young]), cycle[young], _smooth(_median(self._day[young], _LEAST)))
        return np.stack([np.repeat(flat[:, None], self.bins, axis=1), cycle]), flat

    def _level(self) -> Floats:
        """How far the level of the last days is off. A flat level is one of the last days itself."""
        recent = self._drift[1] if self.bins == 1 else self._drift[1, :, -3:]
        cycle = np.clip(np.nan_to_num(_median(recent, 1)), -3.0, _DRIFT)
        return np.stack([np.where(self._rest[1] > 0, self._rest[0], 0.0), cycle])

    def _choose(self) -> None:
        """The reference with the smaller error, if it is clearly smaller. The noise of both is known."""
        error = np.where(np.isfinite(self._error), self._error, np.inf)
        to_cycle = (self._model == 0) & (error[1] < _CLEARLY * error[0])
        to_flat = (self._model == 1) & (error[0] < _CLEARLY * error[1])
        self._model = np.where(to_cycle | to_flat, 1 - self._model, self._model)

    def _limits(self) -> tuple[Floats, Floats]:
        manner = self.manner
        first = self._model[:, None] == 0
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

    def _drift_on(self, models: Floats, good: Floats, enough: Floats) -> None:
        for number, model in enumerate(models):
            middle = _median(np.where(good, model, np.nan), 1)
            fresh = enough & np.isfinite(middle)
            pushed = np.concatenate([self._drift[number][:, 1:], middle[:, None]], axis=1)
            off = _median(np.abs(np.where(good, model, np.nan) - self._level()[number][:, None]), 1)
            self._drift[number] = np.where(fresh[:, None], pushed, self._drift[number])
            old = self._error[number]
            new = np.where(np.isfinite(old), _FORGET * old + (1 - _FORGET) * off, off)
            self._error[number] = np.where(fresh & np.isfinite(off), new, old)

    def _noise_on(self, look: Look, quiet: Floats) -> None:
        if not quiet.any():
            return
        with np.errstate(invalid="ignore"):
            low = np.min(np.where(np.isfinite(look.both), look.both, np.inf), axis=-1)
        mid = _median(np.abs(look.both), 1)
        for memory, value in ((self._low, low), (self._mid, mid)):
            good = quiet & np.isfinite(value)
            memory[...] = np.where(good[..., None], np.concatenate([memory[..., 1:], value[..., None]], -1), memory)


def _shift(total: Floats, width: int) -> Floats:
    """Cumulated sums as they were `width` bins ago; nothing before the first."""
    return np.concatenate([np.zeros((len(total), width), total.dtype), total], axis=1)[:, : total.shape[1]]


def _median(values: Floats, least: int) -> Floats:
    """The median over the last axis of what is there; nan where that is less than `least`."""
    ranked = np.sort(values, axis=-1)  # nan goes to the end
    count = np.isfinite(values).sum(axis=-1)
    high = np.take_along_axis(ranked, np.maximum(count // 2, 0)[..., None].clip(max=values.shape[-1] - 1), -1)[..., 0]
    low = np.take_along_axis(ranked, np.maximum((count - 1) // 2, 0)[..., None], -1)[..., 0]
    return np.where(count >= least, (high.astype(float) + low) / 2, np.nan)


def _smooth(values: Floats) -> Floats:
    """Neighbouring times of a day tell of each other: weights 1, 2, 1."""
    if values.shape[-1] < 24:
        return values
    padded = np.concatenate([values[..., :1], values, values[..., -1:]], axis=-1)
    made = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
    return np.where(np.isfinite(made), made, values)
