"""Law: a country's own word on a target is drawn from a few evenly spaced values; what hangs on thousands of them is
drawn with them summed out.

Given the pairs, their spread, a country's level and the way it chose its list would hardly move: each is drawn first,
by the likelihood over all values that the pairs may take.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from clampdown.assess.breadth_lure import Choice
from clampdown.assess.breadth_state import State

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NODES: Final = np.arange(-2.5, 2.6, 0.625)  # of a pair, in spreads
_NODES_PRIOR: Final = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()
_REACH: Final = 7  # steps of the nodes that a country's level may move with its choice


def _of_pairs(state: State, spread: float) -> Floats:
    """Log of prior and likelihood of every node, for each (country, target): [pairs, nodes]."""
    return _at_nodes(state, _NODES * spread) + np.log(_NODES_PRIOR)


def _at_nodes(state: State, nodes: Floats) -> Floats:
    base = state.odds(pair=False)
    with_it, without = np.exp(np.clip(base + state.ratio, -40, 40)), np.exp(np.clip(base, -40, 40))
    log = np.empty((len(state.pair), len(nodes)))
    for j, node in enumerate(np.exp(nodes).astype(np.float32)):
        part = np.log((1 + with_it * node) / (1 + without * node))
        log[:, j] = np.bincount(state.pair_of_cell, part, len(state.pair))
    return log


def _spread_of_pairs(state: State, dice: np.random.Generator) -> Floats:
    """The spread with the pairs summed out (Metropolis): given the pairs, of which there are thousands, it would hardly
    move. The likelihood of the pairs at the spread that was chosen."""
    prior, now = state.prior, state.spread["pair"]
    other = float(np.clip(now * np.exp(dice.normal(0, 0.25)), 0.1, 5.0))

    # Where a list was chosen, its pairs are above zero for that reason, and say nothing of the spread.
    plain = state.lure.slope[state.pair_country] == 0

    def whole(log: Floats, spread: float) -> float:
        away = float(np.log(spread / prior.pair)) / prior.pair_spread
        log = log[plain]
        most = log.max(axis=1)
        return float((np.log(np.exp(log - most[:, None]).sum(axis=1)) + most).sum()) - 0.5 * away**2

    here, there = _of_pairs(state, now), _of_pairs(state, other)
    if np.log(dice.random()) < whole(there, other) - whole(here, now):
        state.spread["pair"] = other
        return there
    return here


def _choices(state: State, dice: np.random.Generator) -> None:
    """How each country chose its list, and its level with it."""
    step = (_NODES[1] - _NODES[0]) * state.spread["pair"]
    wide = np.arange(-_REACH, len(_NODES) + _REACH)
    nodes = _NODES[0] * state.spread["pair"] + step * wide
    known = state.common[state.pair_target]
    log = _at_nodes(state, nodes)[known]
    rows = np.full(state.listed.shape, -1)
    rows[state.pair_country[known], state.place[state.pair_target[known]]] = np.arange(len(log))
    moved = state.country[:, None] + step * np.arange(-_REACH, _REACH + 1)[None, :]
    away = (moved - state.centre) * np.sqrt(state.weight)[:, None] / state.spread["country"]
    choice = Choice(
        _NODES * state.spread["pair"], _NODES_PRIOR.astype(np.float32), len(wide),
        np.exp(log - log.max(axis=1, keepdims=True)).astype(np.float32), rows, -0.5 * away**2,
    )  # fmt: skip
    moves = step * state.lure.draw(state.usual(), choice, dice)
    state.country += moves
    state.network += moves[state.owner]


def draw_pairs(state: State, dice: np.random.Generator, *, spread: bool, lure: bool) -> None:
    """Pairs; before them, with the pairs summed out, their spread and how each country chose its list."""
    if lure:
        _choices(state, dice)
    log = _spread_of_pairs(state, dice) if spread else _of_pairs(state, state.spread["pair"])
    at = _NODES * state.spread["pair"]
    # What a country chose to test tells of the pairs, also of those that it left out.
    drawn = np.searchsorted(np.cumsum(_NODES_PRIOR), dice.random(state.listed.shape), side="right")
    state.rest = at[np.minimum(drawn, len(at) - 1)].astype(np.float32)
    usual = state.usual()
    known = state.common[state.pair_target]
    where = state.pair_country[known], state.place[state.pair_target[known]]
    row = np.full(state.listed.shape, -1)
    row[where] = np.flatnonzero(known)
    for country in map(int, np.flatnonzero(state.lure.slope)):
        told = state.lure.log_choice(country, usual[country][:, None] + at[None, :].astype(np.float32))
        state.rest[country] = at[choose(told + np.log(_NODES_PRIOR), dice)]
        mine = row[country] >= 0
        log[row[country][mine]] += told[mine]
    state.pair = at[choose(log, dice)].astype(np.float32)
    state.rest[where] = state.pair[known]


def choose(log: Floats, dice: np.random.Generator) -> Ints:
    """One of the last axis for each row, by its log weight."""
    return np.argmax(log + dice.gumbel(size=log.shape), axis=1)
