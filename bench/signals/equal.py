"""Law: rules are compared on the same drops at equal false events, set on one stretch and scored on another.

The strictness of each rule is the most sensitive one that gives no more than the allowed events on the first stretch.
On the second it is scored: false events where nothing was done, and drops of 30, 50, 70 and 90 % that are put into it
one at a time, four hours long (a day long where a bin is a day: four hours would be a sixth of it at most). A drop is
found if an event begins within it. Events less than four hours apart are one, for every rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from sim.score import poisson, wilson

from signals import peers
from signals.peers import Events

DROPS: Final = (0.3, 0.5, 0.7, 0.9)
LOOSE: Final = 0.2  # the loosest strictness of rules whose own bounds are at 1
HOURS: Final = 4
FINE: Final = 1.01  # how near a strictness is sought
DAY: Final = 86_400
MONTH: Final = 30.4
OURS: Final = "ours"
SHIPPED: Final = "ours, as shipped"

# (series x bins, which of the bench's series each row is, strictness) -> events of each row, by their detection
Finder = Callable[[np.ndarray, Sequence[int], float], list[Events]]


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    find: Finder
    low: float = 1.0
    high: float = 1e4
    pace: float = 1.02  # steps by which it is sought
    fixed: float | None = None  # a strictness that is not calibrated


@dataclass(frozen=True, slots=True)
class Bench:
    """Quiet series of one signal; stretches in bins: [first, last)."""

    signal: str
    label: str
    values: np.ndarray
    step: int
    start: datetime
    set_on: tuple[int, int]
    scored_on: tuple[int, int]
    tries: int = 40  # drops of each size
    more: tuple[Contender, ...] = ()


@dataclass(slots=True)
class Row:
    """One rule on one bench."""

    bench: str
    rule: str
    strictness: float
    false: int
    months: float
    found: dict[float, tuple[int, int]]
    delays: dict[float, float] = field(default_factory=dict)  # median, in bins, of the drops found
    held: int = 0  # events on the stretch that it was set on

    def shown(self) -> dict[str, Any]:
        low, high = (edge / self.months for edge in poisson(self.false))
        found = {f"{drop:.0%}": (*pair, *wilson(*pair)) for drop, pair in self.found.items()}
        return {
            "bench": self.bench,
            "rule": self.rule,
            "strictness": self.strictness,
            "false": self.false,
            "false_a_month": (self.false / self.months, low, high),
            "found": found,
            "delay_bins": {f"{drop:.0%}": value for drop, value in self.delays.items()},
        }


def of_rule(rule: peers.Rule, step: int, fixed: float | None = None) -> Contender:
    """A rule of others. Its scores do not depend on the strictness: while that is sought, they are made once."""
    held: list[tuple[np.ndarray, list[np.ndarray]]] = []

    def find(values: np.ndarray, rows: Sequence[int], strictness: float) -> list[Events]:
        if not held or held[0][0] is not values:
            held[:] = [(values, [rule.score(one, step) for one in values])]
        return [peers.events(score, strictness) for score in held[0][1]]

    name = rule.name if fixed is None else f"{rule.name}: below {1 / fixed:.0%}"
    return Contender(name, find, fixed=fixed)


def of_danezis(others: np.ndarray) -> Contender:
    """The classical detector of Tor's users beside the other countries of its world."""
    score = peers.danezis(others)

    def find(values: np.ndarray, rows: Sequence[int], strictness: float) -> list[Events]:
        return [peers.events(score(one, DAY), strictness) for one in values]

    return Contender("classical Tor detector", find, low=LOOSE)


def of_bounds(lower: np.ndarray) -> Contender:
    """Lower bounds as somebody published them, by day; a drop does not move those of its own week."""

    def find(values: np.ndarray, rows: Sequence[int], strictness: float) -> list[Events]:
        found = []
        for one in values:
            bound = lower[: len(one)]
            score = np.where(one > 0, bound / np.where(one > 0, one, 1.0), np.inf)
            found.append(peers.events(np.where(np.isnan(one) | np.isnan(bound), np.nan, score), strictness))
        return found

    return Contender("classical Tor detector (its published bounds)", find, low=LOOSE)


def of_ours(bench: Bench, plane: str, *, normalised: bool) -> tuple[Contender, Contender]:
    """Ours with its strictness free, and as it is shipped.

    The least drop that is called an outage is a matter of taste and not of noise: the free one has none to speak of.
    """
    import msgspec

    from clampdown.detect.detectors.drops import detect
    from clampdown.detect.manners import load_manners

    manner = load_manners().of(bench.signal, plane)
    if normalised:
        manner = msgspec.structs.replace(manner, least_level=0.0)
    free = msgspec.structs.replace(manner, least_drop=0.02)

    def found(values: np.ndarray, strictness: float, how: Any) -> list[Events]:
        drops = detect(values, bench.start, bench.step, how, strictness)
        whole = values.shape[1]
        return [[(d.begin, d.end_before or whole) for d in row if not d.rise] for row in drops]

    return (
        Contender(OURS, lambda v, rows, s: found(v, s, free), low=0.05, high=20.0, pace=1.2),
        Contender(SHIPPED, lambda v, rows, s: found(v, s, manner), fixed=1.0),
    )


def _gap(step: int) -> int:
    return max(1, HOURS * 3600 // step)


def _within(found: Sequence[Events], stretch: tuple[int, int], gap: int) -> int:
    """Events that touch the stretch: one that is always on is no way to have none."""
    return sum(begin < stretch[1] and end > stretch[0] for row in found for begin, end in peers.joined(row, gap))


def calibrated(one: Contender, bench: Bench, allowed: int) -> float:
    """The most sensitive strictness such that neither it nor any stricter one gives more than `allowed` events."""
    if one.fixed is not None:
        return one.fixed
    values = np.ascontiguousarray(bench.values[:, : bench.set_on[1]])
    rows = range(len(values))

    def fits(strictness: float) -> bool:
        return _within(one.find(values, rows, strictness), bench.set_on, _gap(bench.step)) <= allowed

    high = one.high
    while high > one.low and fits(high / one.pace):
        high /= one.pace
    low = high / one.pace
    while high / low > FINE:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def injected(bench: Bench, drop: float, seed: int) -> tuple[np.ndarray, list[int], np.ndarray, int]:
    """Copies of the series with one drop each; which series; where it begins; how many bins it lasts."""
    rng = np.random.default_rng([seed, round(100 * drop)])
    length = max(1, HOURS * 3600 // bench.step)
    rows = [int(n) for n in np.resize(np.arange(len(bench.values)), bench.tries)]
    first, last = bench.scored_on
    begins = rng.integers(first, last - length, len(rows))
    values = bench.values[rows, :last].copy()
    for place, begin in enumerate(begins):
        values[place, begin : begin + length] *= 1 - drop
    return values, rows, begins, length


def compare(bench: Bench, contenders: Sequence[Contender], *, allowed: int = 0, seed: int = 1) -> list[Row]:
    made: list[Row] = []
    gap = _gap(bench.step)
    quiet = np.ascontiguousarray(bench.values[:, : bench.scored_on[1]])
    months = len(quiet) * (bench.scored_on[1] - bench.scored_on[0]) * bench.step / DAY / MONTH
    drops = {drop: injected(bench, drop, seed) for drop in DROPS}
    for one in contenders:
        strictness = calibrated(one, bench, allowed)
        found = one.find(quiet, range(len(quiet)), strictness)
        false = _within(found, bench.scored_on, gap)
        row = Row(bench.label, one.name, strictness, false, months, {}, held=_within(found, bench.set_on, gap))
        for drop, (values, rows, begins, length) in drops.items():
            delays = []
            for events, begin in zip(one.find(values, rows, strictness), begins, strict=True):
                late = [a - begin for a, _ in events if begin <= a < begin + length]
                delays += late[:1]
            row.found[drop] = (len(delays), len(begins))
            row.delays[drop] = float(np.median(delays)) if delays else math.nan
        made.append(row)
    return made


def difference(mine: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    """95 % interval of the difference of two shares (Newcombe's, from two of Wilson's)."""
    (a, n), (b, m) = mine, other
    (la, ua), (lb, ub) = wilson(a, n), wilson(b, m)
    pa, pb = a / n, b / m
    return (
        pa - pb - math.sqrt((pa - la) ** 2 + (ub - pb) ** 2),
        pa - pb + math.sqrt((ua - pa) ** 2 + (pb - lb) ** 2),
    )


def asked(rule: str) -> bool:
    """Is it one of the rules that the aim names: IODA's, and the classical detector of Tor?"""
    return rule.startswith(("IODA", "classical"))


def verdict(rows: Sequence[Row], among: Callable[[str], bool] = asked) -> tuple[str, list[str]]:
    """Ours against rules that were calibrated to the same false events; and against which, where it is not alike."""
    mine = next(row for row in rows if row.rule == OURS)
    better, worse = [], []
    for row in rows:
        if row.rule in (OURS, SHIPPED) or "below" in row.rule or not among(row.rule):
            continue
        for drop in DROPS:
            low, high = difference(mine.found[drop], row.found[drop])
            if low > 0:
                better.append(f"{row.rule} at {drop:.0%}")
            if high < 0:
                worse.append(f"{row.rule} at {drop:.0%}")
    if worse:
        return "worse", worse
    return ("better" if better else "not worse beyond the interval"), better
