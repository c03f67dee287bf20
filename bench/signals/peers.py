"""Law: the outage rules of others, written from what is published of them; each is a score per bin and one threshold.

A bin alarms where its score is above the strictness; a missing bin neither begins nor ends an event. Scores look back
only. The rules, with what they leave open:

- `ioda`: IODA's operational alerts. Value below a factor of the median of the past 24 hours (BGP; 99 % warning, 50 %
  critical), or 7 days (probing 80 % / 50 %, telescope 25 % / 10 %). With inpainting a value under 0.8 or over 2 times
  the prediction enters the history as the prediction, for 7 days at most. The score is median / value, so that a
  factor of 0.8 is a strictness of 1.25. IODA has no rule for usage signals: there the 7 days stand in.
- `flat`: the same median over 24 hours or 7 days without inpainting; its factor is free.
- `weekly`: the same half hour (bin) of the week over the past four weeks, logarithms, scaled by the median absolute
  deviation of the last 14 days' residuals. The score is how many of these it fell.
- `nearest`: Cloudflare Radar's forecast as its blog describes it: of the 24-hour windows of the past 28 days the 6 that
  are nearest to the last 24 hours; the forecast is the median of what followed. Thresholds are not published: a free
  factor on two bins in a row stands in.
- `danezis`: the detector of Tor Metrics (2011): ratios to 7 days before over the 50 largest countries, those outside
  median +- 4 IQR left out, at least 8 left; Normal quantile 0.0001 times Poisson quantile 0.0001 of the users of 7 days
  before is the lower bound. The score is bound / users, so its own strictness is 1.

Left out: the SARIMA rule (Chocolatine). It refits an ARMA model per series and forecasts step by step, minutes a series
in statsmodels, which is no dependency here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

Events = list[tuple[int, int]]  # bins: first, one after the last
Score = Callable[[np.ndarray, int], np.ndarray]
DAY: Final = 86_400
LEAST: Final = 20  # points before a median predicts (IODA: minprediction)
LEARNED: Final = (0.8, 2.0)  # outside of these times the prediction a value is not learned
LONGEST: Final = 7 * DAY  # inpainting at most


@dataclass(frozen=True, slots=True)
class Rule:
    """`own`: the strictness that its authors use, where they say one."""

    name: str
    score: Score
    own: tuple[float, ...] = ()

    def __call__(self, values: np.ndarray, step: int, start: datetime, strictness: float) -> Events:
        return events(self.score(values, step), strictness)


def events(score: np.ndarray, strictness: float) -> Events:
    """Runs of bins above it; a bin without a score leaves things as they are."""
    known = ~np.isnan(score)
    last = np.maximum.accumulate(np.where(known, np.arange(len(score)), -1))
    alarm = np.where(last >= 0, score[np.maximum(last, 0)] > strictness, False)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], alarm, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def joined(found: Events, gap: int) -> Events:
    """Events that are less than `gap` bins apart are one."""
    kept: Events = []
    for begin, end in sorted(found):
        if kept and begin - kept[-1][1] < gap:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((begin, end))
    return kept


def medians(values: np.ndarray, window: int, most: int = 0) -> np.ndarray:
    """The median of the `window` bins before each bin. `most`: bins in a row that are inpainted at most; 0: never."""
    found = np.full(len(values), np.nan)
    held: list[float] = []  # sorted
    past: list[float] = []  # in order of time; nan where nothing was learned
    painted = 0
    for place, value in enumerate(values.tolist()):
        if len(past) > window:
            old = past[place - window - 1]
            if old == old:
                del held[bisect_left(held, old)]
        count = len(held)
        prediction = np.nan
        if count >= min(LEAST, window):
            prediction = (held[count // 2] + held[(count - 1) // 2]) / 2
            found[place] = prediction
        learned = value
        if most and prediction == prediction and value == value and not _learned(value, prediction):
            painted += 1
            if painted <= most:
                learned = prediction
        elif value == value:
            painted = 0
        past.append(learned)
        if learned == learned:
            insort(held, learned)
    return found


def _learned(value: float, prediction: float) -> bool:
    return LEARNED[0] * prediction <= value <= LEARNED[1] * prediction


def _below(expected: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Expected / value: infinite at zero, nan where either is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = expected / values
    score[(values <= 0) & (expected > 0)] = np.inf
    score[np.isnan(values) | ~(expected > 0)] = np.nan
    return score


def median_rule(name: str, days: float, own: tuple[float, ...] = (), *, inpaint: bool = False) -> Rule:
    def score(values: np.ndarray, step: int) -> np.ndarray:
        window = max(1, round(days * DAY / step))
        return _below(medians(values, window, round(LONGEST / step) if inpaint else 0), values)

    return Rule(name, score, own)


def weekly(values: np.ndarray, step: int, weeks: int = 4, least: int = 2, scale_days: int = 14) -> np.ndarray:
    """How many scaled median deviations each bin lies under the same bin of earlier weeks."""
    logs = np.log(np.where(values > 0, values, np.where(np.isnan(values), np.nan, 1e-9)))
    week, day = 7 * DAY // step, max(1, DAY // step)
    past = np.full((weeks, len(logs)), np.nan)
    for back in range(1, weeks + 1):
        past[back - 1, back * week :] = logs[: max(0, len(logs) - back * week)]
    with np.errstate(all="ignore"):
        usual = _nanmedian(past)
        usual[(~np.isnan(past)).sum(axis=0) < least] = np.nan
        fell = usual - logs
        score = np.full(len(logs), np.nan)
        for first in range(0, len(logs), day):
            seen = fell[max(0, first - scale_days * day) : first]
            seen = seen[~np.isnan(seen)]
            if len(seen) >= max(2 * day, 7 if day == 1 else 0):
                spread = 1.4826 * np.median(np.abs(seen - np.median(seen)))
                score[first : first + day] = fell[first : first + day] / max(spread, 1e-4)
    return score


def _nanmedian(rows: np.ndarray) -> np.ndarray:
    """Of few rows, many columns; nan where a column has nothing."""
    ordered = np.sort(rows, axis=0)  # nan last
    count = (~np.isnan(rows)).sum(axis=0)
    at = np.arange(rows.shape[1])
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, len(rows) - 1)
    found = (ordered[low, at] + ordered[high, at]) / 2
    found[count == 0] = np.nan
    return found


def nearest(values: np.ndarray, step: int, days: int = 28, kept: int = 6) -> np.ndarray:
    """Expected / value against the median of what followed the nearest windows; two bins in a row."""
    day = max(1, DAY // step)
    count = len(values)
    if day == 1:
        return np.full(count, np.nan)  # a window of a day holds one point
    distance = np.full((days, count), np.inf)
    followed = np.full((days, count), np.nan)
    for back in range(1, days + 1):
        if back * day + day >= count:
            break
        apart = (values[back * day :] - values[: count - back * day]) ** 2
        sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(apart))])
        over = sums[day:-1] - sums[: -day - 1]  # the day before each bin, without the bin
        distance[back - 1, back * day + day :] = over
        followed[back - 1, back * day :] = values[: count - back * day]
    distance[np.isnan(followed)] = np.inf
    order = np.argsort(distance, axis=0)[:kept]
    chosen = np.take_along_axis(followed, order, axis=0)
    chosen[~np.isfinite(np.take_along_axis(distance, order, axis=0))] = np.nan
    score = _below(_nanmedian(chosen), values)
    score[(~np.isnan(chosen)).sum(axis=0) < kept] = np.nan
    return np.concatenate([[np.nan], np.minimum(score[1:], score[:-1])])


def danezis(others: np.ndarray, tail: float = 0.0001) -> Callable[[np.ndarray, int], np.ndarray]:
    """The score of one country's daily users beside `others` (countries x the same days)."""
    from scipy.stats import norm, poisson

    largest = others[np.argsort(np.nan_to_num(-others[:, -1]))[:50]]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(largest[:, :-7] > 0, largest[:, 7:] / largest[:, :-7], np.nan)
    low = np.full(others.shape[1], np.nan)
    for day, column in enumerate(ratios.T):
        seen = column[~np.isnan(column)]
        if len(seen) >= 8:
            q1, mid, q3 = np.percentile(seen, (25, 50, 75))
            seen = seen[np.abs(seen - mid) <= 4 * (q3 - q1)]
        if len(seen) >= 8:
            low[day + 7] = norm.ppf(tail, seen.mean(), max(seen.std(), 1e-9))

    def score(values: np.ndarray, step: int) -> np.ndarray:
        before = np.concatenate([np.full(7, np.nan), values[:-7]])
        bound = np.maximum(low[: len(values)] * poisson.ppf(tail, np.where(before > 0, before, np.nan)), 0)
        found = np.where(values > 0, bound / np.where(values > 0, values, 1), np.inf)
        return np.where(np.isnan(values) | np.isnan(bound), np.nan, found)

    return score


FLAT: Final = (median_rule("flat median of 24 h", 1), median_rule("flat median of 7 d", 7))
WEEKLY: Final = Rule("same bin of the week, MAD", weekly)
NEAREST: Final = Rule("nearest days (as Cloudflare)", nearest)
_IODA: Final = {
    "bgp/slash24": (1, (1 / 0.99, 1 / 0.5)),
    "probing/slash24": (7, (1 / 0.8, 1 / 0.5)),
    "telescope/sources": (7, (1 / 0.25, 1 / 0.1)),
}


def rules_for(signal: str, step: int = 0) -> tuple[Rule, ...]:
    """All rules of others that speak of this signal; those of IODA with the factors that it uses.

    Of daily series a median of 24 hours is the day before, and a window of a day holds one point: nothing is nearest.
    """
    days, own = _IODA.get(signal, (7, ()))
    ioda = median_rule(f"IODA, median of {days} d, inpainting", days, own, inpaint=True)
    plain = median_rule(f"IODA, median of {days} d, without", days, own)
    other = FLAT[1] if days == 1 else FLAT[0]
    return (ioda, plain, other, WEEKLY) if step >= DAY else (ioda, plain, other, WEEKLY, NEAREST)
