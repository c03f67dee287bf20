"""Law: the best explanation of the whole window at once: no state is carried from one look to the next.

Every bin has one of a few levels, some of an open path, some of interference; its counts are beta-binomial around
the level, so that one bad day is possible on an open path and cheap to explain. A change of state costs `switch`, a
change to the next level within a state `drift`. The levels of all bins that cost least together are found exactly, by
dynamic programming from both ends; from either end the result is the same.

The objective is the penalised likelihood of Potts type over a finite set of labels (see docs/methods.md).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from math import lgamma
from typing import Final

import numpy as np

from clampdown.detect.limits import Limits
from clampdown.detect.series import ChangePoint, Series
from clampdown.detect.votes import Floats, Ints

_BAD: Final = (0.5, 1 / 3)  # level and ICC of a bad day: any share is as likely as any other
_STEP: Final = 2  # counts are looked up in halves
_MOST: Final = 40  # of a bin's tries: beyond, more of them tell no more about a bad day


@dataclass(frozen=True)
class Model:
    """Levels and what changes cost. `cost[l, n, k]`: -log likelihood of k of n (in halves) at level l."""

    levels: tuple[float, ...]
    interference: tuple[bool, ...]
    cost: Floats
    switch: float
    drift: float

    @property
    def opens(self) -> int:
        """How many of the levels are those of an open path; they come first."""
        return self.interference.index(True)


@dataclass(frozen=True)
class Family:
    """The models that explain a series: forgiving ones must gain what they cost; thin series have their own."""

    dense: tuple[Model, ...]
    thin: tuple[Model, ...]
    prior: tuple[float, ...]
    below: float  # weighed tries on a day with tries


def family_of(limits: Limits, *, switch: float | None = None) -> Family:
    """The models of these thresholds. `switch` replaces both penalties: the knob by which false alarms are set."""

    def models(penalty: float) -> tuple[Model, ...]:
        hit = (limits.interference_levels, limits.interference_icc)
        kinds = zip(limits.ok_icc, limits.bad_days, strict=True)
        return tuple(_model(limits.ok_levels, icc, bad, *hit, penalty, limits.drift) for icc, bad in kinds)

    dense, thin = (limits.switch, limits.switch_thin) if switch is None else (switch, switch)
    return Family(models(dense), models(thin), limits.forgiving, limits.thin)


@lru_cache(maxsize=64)
def _model(
    ok: tuple[float, ...], ok_icc: float, bad: float, hit: tuple[float, ...], hit_icc: float, switch: float,
    drift: float,
) -> Model:  # fmt: skip
    cost = np.stack([_beta_binomial(v, ok_icc) for v in ok] + [_beta_binomial(v, hit_icc) for v in hit])
    # On an open path some days are bad for everyone, and nobody knows how bad.
    awful = _beta_binomial(*_BAD)
    for at in range(len(ok)):
        cost[at] = -np.logaddexp(np.log(1 - bad) - cost[at], np.log(bad) - awful)
    return Model((*ok, *hit), (*(False for _ in ok), *(True for _ in hit)), cost.astype(np.float32), switch, drift)


def _beta_binomial(level: float, icc: float) -> Floats:
    """-log likelihood of k of n, in halves, less the binomial coefficient that all levels share."""
    size = _MOST * _STEP + 1
    a, b = level * (1 - icc) / icc, (1 - level) * (1 - icc) / icc
    log_a = [lgamma(i / _STEP + a) - lgamma(a) for i in range(size)]
    log_b = [lgamma(i / _STEP + b) - lgamma(b) for i in range(size)]
    log_n = [lgamma(i / _STEP + a + b) - lgamma(a + b) for i in range(size)]
    made = np.zeros((size, size))
    for n in range(size):
        for k in range(n + 1):
            made[n, k] = log_n[n] - log_a[k] - log_b[n - k]
    return made


def costs(model: Model, k: Floats, n: Floats) -> Floats:
    """-log likelihood of every bin at every level: shape (levels, *k.shape)."""
    scale = np.where(n > _MOST, _MOST / np.maximum(n, 1e-9), 1.0)
    size = np.rint(n * scale * _STEP).astype(np.int64)
    hits = np.minimum(np.rint(k * scale * _STEP).astype(np.int64), size)
    return model.cost[:, size, hits]


def explain(family: Family, k: Floats, n: Floats) -> tuple[Ints, list[Model]]:
    """The level of every bin for series side by side, shape (series, bins), and the model that explained each."""
    tried = np.maximum((n > 0).sum(axis=1), 1)
    thin = n.sum(axis=1) / tried < family.below
    best = np.zeros(k.shape, np.int8)
    chosen = [family.dense[0]] * len(k)
    for rows, models in ((np.flatnonzero(thin), family.thin), (np.flatnonzero(~thin), family.dense)):
        if not len(rows):
            continue
        best[rows], total = paths(models[0], k[rows], n[rows])
        for row in rows:
            chosen[row] = models[0]
        # An open path under the plain explanation is one under every other.
        again = np.flatnonzero((best[rows] >= models[0].opens).any(axis=1))
        least = total[again] + family.prior[0]
        for model, prior in zip(models[1:], family.prior[1:], strict=True):
            if not len(again):
                break
            other, cost = paths(model, k[rows[again]], n[rows[again]])
            better = np.flatnonzero(cost + prior < least - 1e-3)
            best[rows[again[better]]] = other[better]
            least[better] = (cost + prior)[better]
            for row in rows[again[better]]:
                chosen[row] = model
    return best, chosen


def most_forgiving(family: Family, k: Floats, n: Floats) -> list[Model]:
    """For each series, the model that explains it best by days: what hours of it are to be explained with."""
    tried = np.maximum((n > 0).sum(axis=1), 1)
    thin = n.sum(axis=1) / tried < family.below
    totals = np.stack([paths(model, k, n)[1] + prior for model, prior in zip(family.dense, family.prior, strict=True)])
    best = np.argmin(np.round(totals, 3), axis=0)
    return [(family.thin if rare else family.dense)[at] for rare, at in zip(thin.tolist(), best.tolist(), strict=True)]


def explain_with(models: list[Model], k: Floats, n: Floats) -> Ints:
    """The level of every bin, each series under a model of its own."""
    best = np.zeros(k.shape, np.int8)
    for model in dict.fromkeys(map(id, models)):
        rows = np.array([row for row, own in enumerate(models) if id(own) == model])
        best[rows], _ = paths(models[int(rows[0])], k[rows], n[rows])
    return best


def paths(model: Model, k: Floats, n: Floats) -> tuple[Ints, Floats]:
    """The level of every bin (an index into `model.levels`) under one model, and what each series costs at best."""
    count, bins = k.shape
    levels = len(model.levels)
    ahead = np.zeros((bins, levels, count), np.float32)
    emitted = np.zeros((bins, levels, count), np.float32)
    now = np.zeros((levels, count), np.float32)
    for t in range(bins):
        some = np.flatnonzero(n[:, t] > 0)
        emitted[t][:, some] = costs(model, k[some, t], n[some, t])
        if t:
            now = _step(model, now)
        now = now + emitted[t]
        ahead[t] = now
    best = np.zeros((count, bins), np.int8)
    back = np.zeros((levels, count), np.float32)
    for t in range(bins - 1, -1, -1):
        # Rounded, so that sums taken in another order cannot decide a tie; a tie is an open path.
        best[:, t] = np.argmin(np.round(ahead[t] + back, 2), axis=0)
        back = _step(model, back + emitted[t])
    return best, now.min(axis=0)


def _step(model: Model, now: Floats) -> Floats:
    """What each level costs at best one bin further: `drift` a level within a state, never more than `switch`."""
    opens = model.opens
    made = now.copy()
    for own in (made[:opens], made[opens:]):
        for at in range(1, len(own)):
            np.minimum(own[at], own[at - 1] + model.drift, out=own[at])
        for at in range(len(own) - 2, -1, -1):
            np.minimum(own[at], own[at + 1] + model.drift, out=own[at])
    return np.minimum(made, now.min(axis=0) + model.switch)


def detect(series: Series, *, family: Family) -> tuple[ChangePoint, ...]:
    """The changes between an open path and interference in one series."""
    path, models = explain(family, series.k[None, :], series.n[None, :])
    return changes(models[0], path[0], series.k, series.n)


def changes(model: Model, path: Ints, k: Floats, n: Floats) -> tuple[ChangePoint, ...]:
    """Where a path of levels goes from one state to the other, among the bins that have tries."""
    held = np.flatnonzero(n > 0)
    hit = path[held] >= model.opens
    turns = np.flatnonzero(hit[1:] != hit[:-1]) + 1
    edges = [0, *turns.tolist(), len(held)]
    runs = [held[a:b] for a, b in itertools.pairwise(edges)]
    made: list[ChangePoint] = []
    for old, new in itertools.pairwise(runs):
        told = new if path[new[0]] >= model.opens else old
        made.append(
            ChangePoint(
                int(old[-1]), int(new[0]), _share(k, n, old), _share(k, n, new), weight(model, k[told], n[told])
            )
        )
    return tuple(made)


def weight(model: Model, k: Floats, n: Floats) -> float:
    """How much better interference explains these bins than the best single level of an open path, in nats."""
    cost = costs(model, k, n).sum(axis=1)
    return float(cost[: model.opens].min() - cost[model.opens :].min())


def _share(k: Floats, n: Floats, bins: Ints) -> float:
    return float(k[bins].sum() / n[bins].sum())


def where(model: Model, k: Floats, n: Floats, at: int, *, within: float) -> tuple[int, int]:
    """The first and last place (index of the first bin of the new state) where a change is about as likely.

    k, n: the bins with tries of the two stretches around it; `at`: its place in them.
    """
    rises = k[at:].sum() / max(n[at:].sum(), 1e-9) >= k[:at].sum() / max(n[:at].sum(), 1e-9)
    cost = costs(model, k, n)
    opens = model.opens
    low = cost[int(np.argmin(cost[:opens, :at].sum(axis=1) if rises else cost[:opens, at:].sum(axis=1)))]
    sums = cost[opens:, at:].sum(axis=1) if rises else cost[opens:, :at].sum(axis=1)
    high = cost[opens + int(np.argmin(sums))]
    first, second = (low, high) if rises else (high, low)
    total = np.concatenate([[0.0], np.cumsum(first)]) + np.concatenate([np.cumsum(second[::-1])[::-1], [0.0]])
    inner = total[1:-1]
    if not len(inner):
        return at, at
    near = np.flatnonzero(inner <= inner.min() + within) + 1
    # Only the places that hang together with the best one: a second summit is another change.
    best = int(np.argmin(inner)) + 1
    low_end = high_end = best
    places = set(near.tolist())
    while low_end - 1 in places:
        low_end -= 1
    while high_end + 1 in places:
        high_end += 1
    return min(low_end, at), max(high_end, at)
