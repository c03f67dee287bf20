"""Law: one chain is a function of cells, prior and seed; each part of the log odds is drawn given all others, exactly
on a grid, whether a cell is blocked being summed out.

With b the log odds of a cell without the part that is drawn, and r its evidence (breadth_evidence), the cell's log
likelihood of a part d is softplus(b + r + d) - softplus(b + d): it needs only two histograms for each network, target
or category, however many cells there are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from clampdown.assess import breadth_evidence as evidence
from clampdown.assess.breadth_lure import softplus
from clampdown.assess.breadth_pairs import choose, draw_pairs
from clampdown.assess.breadth_share import shares
from clampdown.assess.breadth_state import Cells as Cells
from clampdown.assess.breadth_state import Prior as Prior
from clampdown.assess.breadth_state import State

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_STEP: Final = 0.25
_LEVELS: Final = np.arange(-14.0, 8.0 + _STEP, _STEP)  # of a country, of a network
_PARTS: Final = np.arange(-8.0, 9.0 + _STEP, _STEP)  # of a target, of a category
_FIRST: Final = -30.0  # of the bins of log odds
_BINS: Final = int(60 / _STEP) + 1
_CENTRES: Final = _FIRST + _STEP * np.arange(_BINS)


class Sweeps(NamedTuple):
    warm: int
    kept: int
    inner: int  # draws in each kept sweep


def run(
    cells: Cells, countries: int, common: Bools, kinds: Ints, prior: Prior, plan: Sweeps, seed: np.random.SeedSequence,
    parts: Bools | None = None,
) -> Floats:  # fmt: skip
    """Draws of the share blocked, [kept x inner, lists, countries]: of the common list, and of each of its parts."""
    dice = np.random.Generator(np.random.Philox(seed))
    state = State(cells, countries, common, kinds, prior)
    made: list[Floats] = []
    often = 2 if len(cells.country) < 200_000 else 8
    for sweep in range(plan.warm + plan.kept):
        _targets(state, dice)
        if state.n_kinds > 1:
            _kinds(state, dice)
        draw_pairs(state, dice, spread=sweep % often == 0, lure=sweep % (2 * often) == 0)
        if sweep % often == 0:
            _rates(state, dice)
        _slide(state, dice)
        known = _known(state)
        for inner in range(plan.inner if sweep >= plan.warm else 1):
            _levels(state, known, dice)
            if sweep >= plan.warm:
                made.append(shares(state, parts, dice))
            if inner == 0:
                _spreads(state, dice)
    return np.stack(made)


def _softplus(x: Floats) -> Floats:
    return np.logaddexp(0, x)


_AT_LEVELS: Final = _softplus(_CENTRES[:, None] + _LEVELS[None, :]).astype(np.float32)
_AT_PARTS: Final = _softplus(_CENTRES[:, None] + _PARTS[None, :]).astype(np.float32)


def _likelihood(base: Singles, ratio: Singles, of: Ints, n: int, at: Singles) -> Floats:
    """Log likelihood of every level of the grid, for each of n: [n, grid]."""
    place = of * _BINS
    return ((_histogram(base + ratio, place, n) - _histogram(base, place, n)) @ at).astype(np.float64)


def _histogram(odds: Singles, place: Ints, n: int) -> Singles:
    found = np.clip(np.rint((odds - np.float32(_FIRST)) * np.float32(1 / _STEP)), 0, _BINS - 1).astype(np.int64)
    return np.bincount(place + found, minlength=n * _BINS).reshape(n, _BINS).astype(np.float32)


def _draw(log: Floats, grid: Floats, dice: np.random.Generator) -> Floats:
    """One value of the grid for each row, spread over its step."""
    mass = np.exp(log - log.max(axis=1, keepdims=True))
    total = np.cumsum(mass, axis=1)
    found = (total < dice.random((len(log), 1)) * total[:, -1:]).sum(axis=1)
    return grid[np.minimum(found, len(grid) - 1)] + dice.uniform(-_STEP / 2, _STEP / 2, len(log))


def _normal(grid: Floats, mean: Floats | float, sd: float) -> Floats:
    return -0.5 * ((grid[None, :] - np.reshape(mean, (-1, 1))) / sd) ** 2


def _targets(state: State, dice: np.random.Generator) -> None:
    base = state.odds(target=False)
    log = _likelihood(base, state.ratio, state.cells.target, state.targets, _AT_PARTS)
    mean = np.where(state.common, 0.0, state.own_mean)
    state.target = _draw(log + _normal(_PARTS, mean, state.spread["target"]), _PARTS, dice)


def _kinds(state: State, dice: np.random.Generator) -> None:
    base = state.odds(kind=False)
    log = _likelihood(base, state.ratio, state.kind_of_cell, len(state.kind), _AT_PARTS)
    for country in map(int, np.flatnonzero(state.lure.slope)):
        own = state.usual(kind=False)[country] + state.rest[country]
        told = state.lure.log_choice(country, own[:, None] + _PARTS[None, :].astype(np.float32))
        log[country * state.n_kinds : (country + 1) * state.n_kinds] += state.of_kind @ told
    state.kind = _draw(log + _normal(_PARTS, 0.0, state.spread["category"]), _PARTS, dice)


def _slide(state: State, dice: np.random.Generator) -> None:
    """Moves along which no cell's log odds change, so that only the priors say how far: what a country's categories,
    or its pairs, have in common goes to the country; what all countries have in common in a category goes to its
    targets. Without them the chain would creep."""
    spread, owner = state.spread, state.owner

    def step(precision: Floats, pull: Floats) -> Floats:
        return dice.normal(pull / precision, precision**-0.5)

    tight = state.weight / spread["country"] ** 2
    away = (state.centre - state.country) * tight
    if state.n_kinds > 1:
        each = state.kind.reshape(state.countries, state.n_kinds)
        part = spread["category"] ** -2
        moved = step(tight + state.n_kinds * part, away + each.sum(axis=1) * part)
        each -= moved[:, None]
        state.lure.start += state.lure.slope * moved
        state.country += moved
        away -= moved * tight
        state.network += moved[owner]
        own = spread["target"] ** -2
        mean = np.where(state.common, 0.0, state.own_mean)
        n = np.bincount(state.kinds, minlength=state.n_kinds)
        pull = np.bincount(state.kinds, mean - state.target, state.n_kinds) * own + each.sum(axis=0) * part
        moved = step(n * own + state.countries * part, pull)
        state.target += moved[state.kinds]
        each -= moved[None, :]
    # Where a list was chosen, its pairs are above zero for that reason.
    part = spread["pair"] ** -2
    n = np.bincount(state.pair_country, minlength=state.countries)
    total = np.bincount(state.pair_country, state.pair, state.countries)
    moved = np.where(state.lure.slope > 0, 0.0, step(tight + n * part, away + total * part))
    state.country += moved
    state.network += moved[owner]
    state.pair -= moved[state.pair_country].astype(np.float32)


class _Known(NamedTuple):
    """What the data say of the levels, the other parts given: of networks, and of countries."""

    network: Floats  # [networks, levels]


def _known(state: State) -> _Known:
    base = state.odds(network=False)
    return _Known(_likelihood(base, state.ratio, state.cells.network, state.networks, _AT_LEVELS))


def _levels(state: State, known: _Known, dice: np.random.Generator) -> None:
    """Country and network levels together: the networks are summed out, then drawn."""
    spread = state.spread["network"]
    kernel = np.exp(-0.5 * ((_LEVELS[:, None] - _LEVELS[None, :]) / spread) ** 2)
    kernel /= kernel.sum(axis=0, keepdims=True)  # given a country's level (columns), of a network's (rows)
    most = known.network.max(axis=1, keepdims=True)
    summed = np.log(np.exp(known.network - most) @ kernel + 1e-300) + most
    log = np.zeros((state.countries, len(_LEVELS)))
    owners = state.owner[state.seen][state.by_owner]
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    log[owners[first]] = np.add.reduceat(summed[state.seen][state.by_owner], first, axis=0)
    scale = state.spread["country"] / np.sqrt(state.weight)
    log += -0.5 * ((_LEVELS[None, :] - state.centre) / scale[:, None]) ** 2
    state.country = _draw(log, _LEVELS, dice)
    own = known.network + _normal(_LEVELS, state.country[state.owner], spread)
    state.network = _draw(own, _LEVELS, dice)


def _spreads(state: State, dice: np.random.Generator) -> None:
    """Spreads and centres, given the parts."""
    prior = state.prior

    def drawn(name: str, parts: Floats, weight: Floats | float = 1.0) -> None:
        scale = getattr(prior, name)
        total = float(np.sum(weight * parts**2)) + prior.worth * scale**2
        state.spread[name] = float(np.clip(np.sqrt(total / dice.chisquare(len(parts) + prior.worth)), 0.15, 5.0))

    own = state.country[state.heard]
    weight = state.weight[state.heard]
    precision = weight.sum() / state.spread["country"] ** 2 + prior.centre_spread**-2
    pull = (weight * own).sum() / state.spread["country"] ** 2 + prior.centre * prior.centre_spread**-2
    state.centre = float(dice.normal(pull / precision, precision**-0.5))
    away = (own - state.centre) / state.spread["country"]
    state.weight[state.heard] = dice.gamma((prior.freedom + 1) / 2, 2 / (prior.freedom + away**2))
    drawn("country", own - state.centre, state.weight[state.heard])
    drawn("network", (state.network - state.country[state.owner])[state.seen])
    mean = np.where(state.common, 0.0, state.own_mean)
    drawn("target", (state.target - mean)[state.tried])
    if state.n_kinds > 1:
        drawn("category", state.kind[state.kinds_seen])
    other = state.target[state.tried & ~state.common]
    if len(other):
        precision = len(other) / state.spread["target"] ** 2 + 1.0
        state.own_mean = float(dice.normal(other.sum() / state.spread["target"] ** 2 / precision, precision**-0.5))


def _rates(state: State, dice: np.random.Generator) -> None:
    """Rates of false positives of networks and of targets, and how uneven hits are."""
    base, cells = state.odds(), state.cells
    table = evidence.ratio(state.held, state.clumps, state.sees)
    false = state.held.false[state.clumps].astype(np.float32)
    pair = state.held.pair
    log = np.empty((state.networks, len(evidence.RATES)))
    for j in range(len(evidence.RATES)):
        level = evidence.SUM_OF[j][state.flaky[cells.target]]
        part = softplus(base + table[pair, level]) + false[pair, level]
        log[:, j] = np.bincount(cells.network, part, state.networks)
    state.rate = choose(log + np.log(state.rates_prior), dice)
    counts = np.bincount(state.rate[state.seen], minlength=len(evidence.RATES))
    state.rates_prior = dice.dirichlet(counts + 0.5) + 1e-6
    log = np.empty((state.targets, len(evidence.FLAKY)))
    for j in range(len(evidence.FLAKY)):
        level = evidence.SUM_OF[:, j][state.rate[cells.network]]
        part = softplus(base + table[pair, level]) + false[pair, level]
        log[:, j] = np.bincount(cells.target, part, state.targets)
    state.flaky = choose(log + np.log(evidence.FLAKY_PRIOR), dice)
    level = evidence.SUM_OF[state.rate[cells.network], state.flaky[cells.target]]
    state.clumps, state.sees = _shapes(state, base, level, dice)
    state.ratio = evidence.ratio(state.held, state.clumps, state.sees)[pair, level]


def _shapes(state: State, base: Singles, level: Ints, dice: np.random.Generator) -> tuple[int, int]:
    """A step to a neighbour, or not (Metropolis)."""

    def whole(clumps: int, seen: int) -> float:
        ratio = evidence.ratio(state.held, clumps, seen)[state.held.pair, level]
        false = state.held.false[clumps][state.held.pair, level]
        return float(np.sum(softplus(base + ratio) + false)) + float(np.log(evidence.CLUMPS_PRIOR[clumps]))

    clumps = state.clumps + int(dice.choice((-1, 0, 1)))
    seen = state.sees + int(dice.choice((-5, -1, 0, 1, 5)))
    if not (0 <= clumps < len(evidence.CLUMPS) and 0 <= seen < len(evidence.SEEN)):
        return state.clumps, state.sees
    if np.log(dice.random()) < whole(clumps, seen) - whole(state.clumps, state.sees):
        return clumps, seen
    return state.clumps, state.sees
