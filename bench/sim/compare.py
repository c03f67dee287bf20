"""Law: detectors are compared on the same series at equal false alarms: each one's knob is set on quiet series of the
tuning family to the same rate, and recall and onset errors are read on the reporting family.

A false alarm is a quiet series-year with any change towards a block. All detectors of days see the same weighed
counts; the peer's CUSUM sees hours, as it was made for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from clampdown.detect.detectors.levels import Family, Model, changes, explain, family_of
from clampdown.detect.limits import load_limits
from sim import peers
from sim.noise import beta, split, uniform
from sim.people import Benign
from sim.score import bootstrap, poisson, seeds, wilson
from sim.world import HOURS, WEEK

ICC: Final = 0.3  # for the weights of a device's tries on one day, as the detector has it (detect/thresholds.toml)
SLACK: Final = 2  # days
YEAR: Final = 364


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    share: float
    days: int
    rate: float  # tries a day


SCENARIOS: Final = (Scenario("80 % for 3 days, 5 a day", 0.8, 3, 5), Scenario("30 % for 7 days, 20 a day", 0.3, 7, 20))


@dataclass(frozen=True, slots=True)
class Batch:
    """Series side by side: days (weighed) and hours with tries (plain counts)."""

    k: np.ndarray  # series x days
    n: np.ndarray
    hours: list[tuple[np.ndarray, np.ndarray]]  # per series: hours with tries, share of them
    onset: np.ndarray  # day of the block; -1 where there is none

    def part(self, rows: np.ndarray) -> Batch:
        return Batch(self.k[rows], self.n[rows], [self.hours[r] for r in rows.tolist()], self.onset[rows])


def batch(seed: int, count: int, rate: float, benign: Benign, *, block: Scenario | None = None) -> Batch:
    """`count` series of a year; in a quarter of them one device makes half of the tries."""
    rng = np.random.default_rng([seed, 500])
    means = rate * np.tile(WEEK / WEEK.mean(), YEAR // 7)
    tries = rng.poisson(means, (count, YEAR))
    series, day = (np.repeat(index.ravel(), tries.ravel()) for index in np.indices((count, YEAR)))
    size = len(series)
    device = rng.integers(1, np.maximum(6, rng.integers(round(3 * rate), round(10 * rate), count))[series] + 1)
    device[(rng.random(count) < 0.25)[series] & (rng.random(size) < 0.5)] = 0
    hour = np.searchsorted(HOURS, rng.random(size), side="right").clip(0, 23)
    means_, icc = rng.uniform(*benign.rate, count), rng.uniform(*benign.icc, count)
    rho_day, rho_vantage = split(icc, benign.part)
    of_day = beta(means_[series], rho_day[series], uniform(seed, 1, series, day))
    hit = rng.random(size) < beta(of_day, rho_vantage[series], uniform(seed, 2, series, day, device))
    onset = np.full(count, -1)
    if block is not None:
        onset = rng.integers(YEAR // 3, 2 * YEAR // 3, count)
        within = (day >= onset[series]) & (day < onset[series] + block.days)
        hit |= within & (rng.random(size) < block.share)
    key = (series * YEAR + day) * 64 + device % 64
    same = np.unique(key, return_inverse=True, return_counts=True)
    weight = 1 / (1 + (same[2][same[1]] - 1) * ICC)
    cell = series * YEAR + day
    n = np.bincount(cell, weight, count * YEAR).reshape(count, YEAR)
    k = np.bincount(cell, weight * hit, count * YEAR).reshape(count, YEAR)
    return Batch(np.minimum(k, n), n, _hourly(series, day * 24 + hour, hit, count), onset)


def _hourly(series: np.ndarray, at: np.ndarray, hit: np.ndarray, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    cells, place = np.unique(series * YEAR * 24 + at, return_inverse=True)
    share = np.bincount(place, hit) / np.bincount(place)
    median = np.where(share > 0.5, 1.0, np.where(share < 0.5, 0.0, 0.5))
    edges = np.searchsorted(cells, np.arange(count + 1) * YEAR * 24)
    return [(cells[a:b] % (YEAR * 24), median[a:b]) for a, b in pairwise(edges.tolist())]


Run = Callable[[Batch, float], list[list[peers.Alarm]]]


@dataclass(frozen=True, slots=True)
class Detector:
    """`run(batch, knob)`: alarms of every series; a higher knob gives fewer."""

    name: str
    run: Run
    low: float
    high: float


def _daily(found: Callable[..., list[peers.Alarm]], **words: float) -> Run:
    def run(series: Batch, knob: float) -> list[list[peers.Alarm]]:
        made = []
        for k, n in zip(series.k, series.n, strict=True):
            bins = np.flatnonzero(n > 0)
            made.append(found(bins, k[bins] / n[bins], **words, **{KNOBS[found]: knob}))
        return made

    return run


def _cusum_hours(series: Batch, knob: float) -> list[list[peers.Alarm]]:
    made = []
    for hours, shares in series.hours:
        alarms = peers.cusum(hours, shares, edd=knob)
        made.append([peers.Alarm(a.block, a.before and a.before // 24, a.after // 24) for a in alarms])
    return made


@cache
def _family() -> Family:
    return family_of(load_limits())


def _ours(series: Batch, knob: float) -> list[list[peers.Alarm]]:
    def at(models: tuple[Model, ...]) -> tuple[Model, ...]:
        return tuple(replace(model, switch=knob) for model in models)

    family = replace(_family(), dense=at(_family().dense), thin=at(_family().thin))
    path, models = explain(family, series.k, series.n)
    made = []
    for row, model in enumerate(models):
        points = changes(model, path[row], series.k[row], series.n[row])
        made.append([peers.Alarm(p.level_after > p.level_before, p.before, p.after) for p in points])
    return made


KNOBS: Final[dict[Any, str]] = {peers.cusum: "edd", peers.kernel: "penalty", peers.pelt: "penalty"}
DETECTORS: Final = (
    Detector("ours (levels)", _ours, 0.5, 80.0),
    Detector("CUSUM of a peer, by hour", _cusum_hours, 0.5, 120.0),
    Detector("CUSUM of a peer, by day", _daily(peers.cusum, width=24.0), 0.05, 40.0),
    Detector("ruptures KernelCPD linear", _daily(peers.kernel), 0.005, 10.0),
)


def alarmed(found: list[list[peers.Alarm]]) -> np.ndarray:
    return np.flatnonzero([any(alarm.block for alarm in alarms) for alarms in found])


def calibrate(detector: Detector, quiet: Batch, allowed: int) -> float:
    """The lowest knob with at most `allowed` alarmed series, to 2 %; a series quiet at a knob is so at higher ones."""
    low, high, left = detector.low, detector.high, quiet
    left = left.part(alarmed(detector.run(left, low)))
    if len(left.onset) <= allowed:
        return low
    while high / low > 1.02:
        middle = float(np.sqrt(low * high))
        still = alarmed(detector.run(left, middle))
        if len(still) > allowed:
            low, left = middle, left.part(still)
        else:
            high = middle
    return high


def judge(detector: Detector, knob: float, quiet: Batch, blocked: Batch, scenario: Scenario) -> dict[str, Any]:
    false = len(alarmed(detector.run(quiet, knob)))
    hits, errors = 0, []
    for onset, alarms in zip(blocked.onset.tolist(), detector.run(blocked, knob), strict=True):
        near = [a for a in alarms if a.block and -SLACK <= a.after - onset <= scenario.days + SLACK]
        if near:
            hits += 1
            errors.append(min(abs(a.after - onset) for a in near))
    years = len(quiet.onset)
    return {
        "detector": detector.name,
        "knob": knob,
        "false_per_100_years": [100 * false / years, *(100 * edge / years for edge in poisson(false))],
        "recall": [hits / len(blocked.onset), *wilson(hits, len(blocked.onset))],
        "onset_error": list(bootstrap(errors)),
    }


def compare(benign: Benign, *, quiet: int, blocked: int, rates: tuple[float, ...]) -> list[dict[str, Any]]:
    """One row per scenario, false alarms per 100 series-years, and detector."""
    rows: list[dict[str, Any]] = []
    tuning, report = seeds("tuning", 1)[0], seeds("report", 1)[0]
    for scenario in SCENARIOS:
        tuned = batch(tuning, quiet, scenario.rate, benign)
        fresh = batch(report, quiet, scenario.rate, benign)
        events = batch(report + 1, blocked, scenario.rate, benign, block=scenario)
        for detector in DETECTORS:
            for rate in rates:
                knob = calibrate(detector, tuned, int(rate * quiet / 100))
                row = judge(detector, knob, fresh, events, scenario)
                rows.append({"scenario": scenario.name, "allowed_per_100_years": rate, **row})
    return rows
