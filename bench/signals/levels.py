"""Law: the level of a series is a product: a quiet course, what happened to people, what happened to the instrument.

Only the second is truth. Counting and rounding come between the two: a source that fails does so after it has counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.signal import lfilter

from signals.kinds import Kind
from signals.places import DAY
from signals.script import HOUR, Cut, Nuisance, Span

_FINE = 15.0  # minutes: how finely a bin longer than this is sampled where something begins within it
_BRIEF = ("bad-bins", "source-failure", "missing", "missing-everywhere")
_TROUGH = 2.0  # sharpness of the night


class Clock:
    """The bins of one step in one country: minutes since the start, and what the clock on the wall says."""

    def __init__(self, step: int, days: int, offset: np.ndarray, weekday: int, weekend: frozenset[int]) -> None:
        self.step, self.minutes, self.days = step, step / 60, days
        self.begin = np.arange(days * DAY * 60 // step) * self.minutes
        self.middle = self.begin + self.minutes / 2
        local = self.middle + offset[(self.middle // HOUR).astype(np.intp)]
        self.local, day = local % DAY, (local // DAY).astype(np.intp)
        self.rest = np.isin((day + weekday) % 7, sorted(weekend))


def course(
    kind: Kind, rng: np.random.Generator, clock: Clock, arms: frozenset[str], kept: Sequence[Nuisance]
) -> np.ndarray:
    """The logarithm of what is expected, relative to the series' base, with its own noise; `kept` are its holidays."""
    count, per_day = len(clock.begin), 1440 / clock.minutes
    level = np.zeros(count)
    deep, hour = rng.uniform(*kind.diurnal), rng.uniform(*kind.hours)
    weekly, later, flatter = rng.uniform(*kind.weekly), rng.uniform(0, 90), rng.uniform(0.8, 1.05)
    drift, growth = rng.uniform(*kind.drift), rng.uniform(*kind.growth)
    noise, white, daily, lag = (rng.uniform(*r) for r in (kind.noise, kind.white, kind.daily, kind.lag))
    shift = np.zeros(count)
    if kind.plane in ("usage", "background"):
        for one in kept:
            inside = slice(*np.searchsorted(clock.begin, (one.start, one.end)))
            level[inside] += one.size * (1.0 if kind.plane == "usage" else 0.3)
            shift[inside] = one.shift if kind.plane == "usage" else 0.0
    rest = clock.rest if "weekly" in arms else np.zeros(count, dtype=bool)
    level += weekly * rest
    if "diurnal" in arms and per_day > 1:
        shift = shift + later * rest * (kind.plane == "usage")
        phase = (clock.local - shift - hour * HOUR) * (2 * np.pi / DAY)
        level -= deep * np.where(rest, flatter, 1.0) * ((1 + np.cos(phase)) / 2) ** _TROUGH
    if "drift" in arms:
        walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(clock.days))]) * drift / np.sqrt(30)
        level += np.interp(clock.middle, np.arange(clock.days + 1) * DAY, walk)
        level += growth * clock.middle / (365 * DAY)
    knots = rng.standard_normal(clock.days + 2) * daily
    level += np.interp(clock.middle, (np.arange(clock.days + 2) - 0.5) * DAY, knots)
    level += noise * correlated(rng, count, lag ** (1.0 if per_day <= 1 else clock.step / 1800), kind.tails)
    level += white * rng.standard_normal(count)
    return level + _moves(kind, rng, clock)


def correlated(rng: np.random.Generator, count: int, lag: float, tails: float) -> np.ndarray:
    """AR(1) of unit variance with innovations of Student's t."""
    scale = np.sqrt((tails - 2) / tails) if tails > 2 else 1.0
    drawn = rng.standard_t(tails, count) * scale * np.sqrt(1 - lag * lag)
    return lfilter([1.0], [1.0, -lag], drawn)


def _moves(kind: Kind, rng: np.random.Generator, clock: Clock) -> np.ndarray:
    """Short moves (routes that flap, bursts of scanning) and small lasting steps."""
    many, size, hours = kind.dips
    moved = np.zeros(len(clock.begin) + 1)
    years = clock.days / 365
    for _ in range(rng.poisson(many * years)):
        start = rng.uniform(0, clock.days * DAY)
        length = np.exp(rng.uniform(np.log(hours[0]), np.log(hours[1]))) * HOUR
        low, high = sorted(map(abs, size))
        by = np.exp(rng.uniform(np.log(low), np.log(high))) * np.sign(size[0])
        first, last = np.searchsorted(clock.begin, (start, start + length))
        moved[first] += by
        moved[last] -= by
    for _ in range(rng.poisson(kind.steps[0] * years)):
        first = np.searchsorted(clock.begin, rng.uniform(0, clock.days * DAY))
        moved[first] += rng.uniform(*kind.steps[1]) * (1 if rng.random() < 0.5 else -1)
    return np.cumsum(moved[:-1])


def lost(clock: Clock, spans: Iterable[Span], on: float, off: float, loss: float) -> tuple[slice, np.ndarray] | None:
    """What share each bin lost: its mean of a loss that comes within `on` and goes within `off` minutes."""
    knots: list[float] = []
    losses: list[float] = []
    for start, end in spans:
        knots += [start, min(start + on, end), end, end + off]
        losses += [0.0, loss, loss, 0.0]
    first = max(0, int(knots[0] // clock.minutes))
    last = min(len(clock.begin), int(knots[-1] // clock.minutes) + 1)
    if first >= last:
        return None
    fine = max(4, int(clock.minutes / _FINE))
    at = (np.arange(first * fine, last * fine) + 0.5) * (clock.minutes / fine)
    return slice(first, last), np.interp(at, knots, losses).reshape(-1, fine).mean(axis=1)


def struck(kind: Kind, clock: Clock, cut: Cut, weight: float) -> tuple[slice, np.ndarray] | None:
    """The loss of a series of which `weight` lies in the part that is struck."""
    loss = cut.loss.get(kind.plane, 0.0) * weight
    if loss <= 0:
        return None
    spans = cut.spans
    if kind.plane == "control" and cut.control_until is not None:
        spans = ((spans[0][0] + 90, cut.control_until),)  # routes go after the traffic, as in Iran in 2026
    found = lost(clock, spans, cut.on.get(kind.plane, 0.0), cut.off.get(kind.plane, 0.0), loss)
    if found is not None and cut.let_through is not None and kind.service == "google":
        where, share = found
        begin = clock.begin[where]
        share[(begin >= cut.let_through[0]) & (begin < cut.let_through[1])] *= 0.1
    return found


def counted(kind: Kind, rng: np.random.Generator, level: np.ndarray) -> np.ndarray:
    """Whole numbers where the source counts; heads that come and go are counted with Poisson's noise."""
    if not kind.counted:
        return level
    return np.rint(level) if kind.smooth else rng.poisson(np.minimum(level, 1e15)).astype(float)


def frac(rng: np.random.Generator, count: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """What share of its relays Tor counted with, day by day, and by what factor its estimate was wrong for it.

    It moves by about 0.01 a day; `rate` times a year it falls by 0.1 to 0.4 for up to three days, and
    estimates go astray.
    """
    usual = 0.84 + 0.06 * correlated(rng, count, 0.97, 5.0)
    jump = np.zeros(count)
    for day in np.flatnonzero(rng.random(count) < rate / 365):
        jump[day : day + rng.integers(1, 4)] = -rng.uniform(0.1, 0.4)
    wrong = np.exp(rng.standard_normal(count) * np.abs(jump))
    return np.clip(usual + jump, 0.3, 1.08), wrong


def disturbed(clock: Clock, level: np.ndarray, nuisances: Iterable[Nuisance]) -> None:
    """What the instrument does to its own counts, in place; gaps last."""
    gaps: list[slice] = []
    for one in nuisances:
        if clock.minutes >= DAY and one.kind in _BRIEF and one.end - one.start < DAY / 2:
            continue  # a day is a sum: what lasts an hour does not take it
        first, last = np.searchsorted(clock.begin, (one.start, one.end))
        where = slice(int(first), int(max(last, first + 1)))
        if one.kind == "shifts":
            level[first:] *= np.exp(one.size)
        elif one.kind == "bad-bins":
            level[where.start : where.start + 1] *= np.exp(one.size)
        elif one.kind == "source-failure":
            level[where] *= one.size
        elif one.kind.startswith("missing"):
            gaps.append(where)
    for where in gaps:
        level[where] = np.nan


def moved_people(kind: Kind, clock: Clock, nuisances: Iterable[Nuisance]) -> np.ndarray | None:
    """What curfews, matches and news add to the logarithm of usage."""
    if kind.plane != "usage" or clock.minutes >= DAY:
        return None
    added = np.zeros(len(clock.begin))
    for one in nuisances:
        inside = slice(*np.searchsorted(clock.begin, (one.start, one.end)))
        if one.kind == "spikes":
            added[inside] += one.size
        elif one.kind == "curfew":
            hour = clock.local[inside] / HOUR
            night = (hour >= one.hours[0]) | (hour < one.hours[1])
            added[inside] += np.where(night, one.size, 0.08)
    return added
