"""Law: a series that is never quiet is cut where its level shifts, all places at once; missing days stay missing.

For counts without vantage points (a country's daily shares, users of a service), whose usual level is anything but
zero: `levels` asks whether a path is open, this asks whether its level is another one. The penalised likelihood of
all segmentations into levels is minimised exactly (docs/methods.md). A day's misfit is bounded, so that a single odd
day is no shift; the noise is what days within one week differ by, and how long it lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from clampdown.detect.segments import segments, where
from clampdown.detect.series import ChangePoint, Series
from clampdown.detect.votes import Floats, Ints

# In nats. Measured on simulated series of 800 days without a shift: one false shift in 100 years, where a day's noise
# is independent of the day before or correlated with it by 0.6; one in 12 years at 0.8 (tests hold it to that).
PENALTY: Final = 8.0
# No segment is shorter than this many days with data: what passes within a week is no new level.
LEAST: Final = 7
# A day can speak against a level by no more than this: three standard deviations. Provisional.
BOUND: Final = 4.5
# A shift may lie on any day whose likelihood is within e^-3 of the best, as in thresholds.toml.
WITHIN: Final = 3.0
_WEEK: Final = 7
_FEW: Final = 20  # pairs of days that tell what they differ by
_MAD: Final = 0.6744897501960817  # of the standard normal distribution: the median of its absolute value
_FINE: Final = 4  # levels to a standard error of one day
_MOST: Final = 400  # levels
_REACH: Final = 10.0  # how far the noise of one day may reach into the next ones, at most
_Shown = Callable[[float], float]  # from the scale of the search to the scale of the reader


@dataclass(frozen=True, slots=True)
class Days:
    """The days with data: values on a scale on which noise is the same at every level, and their variances."""

    at: Ints
    value: Floats
    variance: Floats


def detect(
    series: Series, *, penalty: float = PENALTY, least: int = LEAST, bound: float = BOUND, within: float = WITHIN
) -> tuple[ChangePoint, ...]:
    """The shifts of a share k/n. On the scale of arcsine roots a share of n tries has the variance 1 / 4n."""
    at = np.flatnonzero(series.n > 0)
    n = series.n[at].astype(float)
    days = _days(at, np.arcsin(np.sqrt(np.clip(series.k[at] / n, 0, 1))), 1 / (4 * n))
    return _shifts(days, penalty, least, bound, within, lambda value: float(np.sin(value) ** 2))


def detect_sizes(
    sizes: Floats, *, penalty: float = PENALTY, least: int = LEAST, bound: float = BOUND, within: float = WITHIN
) -> tuple[ChangePoint, ...]:
    """The shifts of a size (users, traffic) by factors; nan or nothing above zero is a day without data."""
    at = np.flatnonzero(np.nan_to_num(sizes) > 0)
    days = _days(at, np.log(sizes[at].astype(float)), np.zeros(len(at)))
    return _shifts(days, penalty, least, bound, within, lambda value: float(np.exp(value)))


def _days(at: Ints, value: Floats, counted: Floats) -> Days:
    """With the variance of each day: that of its count, and that by which days differ anyway."""
    return Days(at, value, counted + noise(at, value, counted))


def noise(at: Ints, value: Floats, counted: Floats) -> float:
    """The variance by which a day differs beyond its count, times how far the noise of a day reaches into the next.

    Half the squared difference of two days d apart, by the median, for d of 1 to 7: it knows of no shift but those
    between the two. Where it grows with d, days resemble their neighbours, and n of them tell less than n.
    """
    floor = 1e-6 + 1e-3 * float(np.median(counted)) if len(at) else 1.0
    halves = [_half(at, value, counted, lag) for lag in range(1, _WEEK + 1)]
    known = [half for half in halves if half is not None]
    if not known:
        return max(float(np.var(value)), floor) if len(at) else floor
    most = max(*known, floor)
    alike = max(0.0, 1 - known[0] / most)
    return most * min((1 + alike) / max(1 - alike, 1e-9), _REACH)


def _half(at: Ints, value: Floats, counted: Floats, lag: int) -> float | None:
    """Half the typical squared difference of days so far apart, less what their counts explain."""
    place = np.searchsorted(at, at + lag)
    found = np.flatnonzero(place < len(at))
    found = found[at[place[found]] == at[found] + lag]
    if len(found) < _FEW:
        return None
    other = place[found]
    apart = float(np.median(np.abs(value[other] - value[found]))) / _MAD
    return max(0.0, (apart * apart - float(np.median(counted[other] + counted[found]))) / 2)


def _shifts(
    days: Days, penalty: float, least: int, bound: float, within: float, shown: _Shown
) -> tuple[ChangePoint, ...]:
    if len(days.at) < 2 * least:
        return ()
    levels = _levels(days)
    misfit = np.minimum((days.value[None, :] - levels[:, None]) ** 2 / (2 * days.variance[None, :]), bound)
    edges, chosen = segments(misfit, penalty, least)
    made: list[ChangePoint] = []
    for number in range(1, len(edges) - 1):
        begin, turn, end = edges[number - 1 : number + 2]
        old, new = chosen[number - 1], chosen[number]
        low, high = where(misfit[old, begin:end], misfit[new, begin:end], turn - begin, within)
        joint = misfit[:, begin:end].sum(axis=1).min()
        gain = joint - misfit[old, begin:turn].sum() - misfit[new, turn:end].sum()
        made.append(
            ChangePoint(
                int(days.at[begin + low - 1]), int(days.at[begin + high]),
                shown(float(levels[old])), shown(float(levels[new])), float(gain),
            )
        )  # fmt: skip
    return tuple(made)


def _levels(days: Days) -> Floats:
    """The levels from which each segment takes its own: closer to each other than one day can tell."""
    low, high = float(days.value.min()), float(days.value.max())
    step = float(np.sqrt(np.median(days.variance))) / _FINE
    return np.linspace(low, high, int(np.clip((high - low) / step, 2, _MOST)) + 1)
