"""Law: the state of a chain is every part of the log odds, every rate and every spread; all else follows from these.

Shapes: cells [n]; pairs [(country, target) that was tried]; listed [countries, common targets].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clampdown.assess import breadth_evidence as evidence
from clampdown.assess.breadth_lure import Lure

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class Cells(NamedTuple):
    """One entry per (network, target) that was tried. A network belongs to one country; indices from 0."""

    country: Ints
    network: Ints
    target: Ints
    tried: Ints  # tries that decided something
    hit: Ints  # of which saw interference


class Prior(NamedTuple):
    """Scales (log odds) that the spreads are drawn towards, and how many observations each is worth."""

    country: float = 1.5
    network: float = 0.6
    target: float = 1.2
    category: float = 0.6
    pair: float = 0.8
    pair_spread: float = 0.6  # of the log of that scale
    worth: float = 4.0
    freedom: float = 5.0  # of Student's t, for the countries: few are very severe
    centre: float = -3.5  # a usual country blocks about 3 % of a usual list,
    centre_spread: float = 1.5  # with this much doubt


class State:
    """Everything that is drawn."""

    def __init__(self, cells: Cells, countries: int, common: Bools, kinds: Ints, prior: Prior) -> None:
        self.cells, self.prior = cells, prior
        self.countries, self.targets = countries, len(common)
        self.networks = int(cells.network.max()) + 1
        self.owner = np.zeros(self.networks, np.int64)
        self.owner[cells.network] = cells.country
        self.seen = np.bincount(cells.network, minlength=self.networks) > 0
        self.heard = np.bincount(cells.country, minlength=countries) > 0
        self.tried = np.bincount(cells.target, minlength=self.targets) > 0
        self.common, self.kinds = common, kinds
        self.n_kinds = int(kinds.max()) + 1
        self.kind_of_cell = cells.country * self.n_kinds + kinds[cells.target]
        self.kinds_seen = np.bincount(self.kind_of_cell, minlength=countries * self.n_kinds) > 0
        pairs, self.pair_of_cell = np.unique(cells.country * self.targets + cells.target, return_inverse=True)
        self.pair_country, self.pair_target = np.divmod(pairs, self.targets)
        self.by_network = np.argsort(cells.network, kind="stable")
        self.by_network = self.by_network[common[cells.target[self.by_network]]]
        self.starts = np.searchsorted(cells.network[self.by_network], np.arange(self.networks + 1))
        self.held = evidence.tables(cells.tried, cells.hit)
        self.clumps, self.sees = 2, 8
        self.rate = np.full(self.networks, 6)
        self.flaky = np.zeros(self.targets, np.int64)
        self.country = np.full(countries, prior.centre)
        self.network = self.country[self.owner]  # the whole level of a network: its country's and its own part
        self.target = np.zeros(self.targets)
        self.kind = np.zeros(countries * self.n_kinds)
        self.pair = np.zeros(len(pairs), np.float32)
        self.centre, self.own_mean = prior.centre, 0.0
        self.spread = {name: getattr(prior, name) for name in ("country", "network", "target", "category", "pair")}
        self.weight = np.ones(countries)
        self.rates_prior = np.full(len(evidence.RATES), 1 / len(evidence.RATES))
        self.place = np.full(self.targets, -1)
        self.place[common] = np.arange(int(common.sum()))
        self.listed = np.zeros((countries, int(common.sum())), bool)
        known = common[self.pair_target]
        self.listed[self.pair_country[known], self.place[self.pair_target[known]]] = True
        # Sums over the common targets of each category, as one product of matrices.
        self.of_kind = (kinds[common][None, :] == np.arange(self.n_kinds)[:, None]).astype(np.float32)
        self.by_owner = np.argsort(self.owner[self.seen], kind="stable")
        self.lure, self.rest = Lure(self.listed), np.zeros(self.listed.shape, np.float32)
        self.ratio = self._ratio()

    def _ratio(self) -> Singles:
        level = evidence.SUM_OF[self.rate[self.cells.network], self.flaky[self.cells.target]]
        return evidence.ratio(self.held, self.clumps, self.sees)[self.held.pair, level]

    def usual(self, *, kind: bool = True) -> Singles:
        """Log odds of each (country, common target) but for the country's level and the pair: [countries, common]."""
        made = np.broadcast_to(self.target[self.common].astype(np.float32), self.listed.shape)
        if kind and self.n_kinds > 1:
            by_kind = self.kind.reshape(self.countries, self.n_kinds).astype(np.float32)
            made = made + by_kind[:, self.kinds[self.common]]
        return made

    def odds(self, *, network: bool = True, target: bool = True, kind: bool = True, pair: bool = True) -> Singles:
        """Log odds of every cell by the parts that are asked for."""
        cells = self.cells
        made = np.zeros(len(cells.country), np.float32)
        if network:
            made += self.network.astype(np.float32)[cells.network]
        if target:
            made += self.target.astype(np.float32)[cells.target]
        if kind and self.n_kinds > 1:
            made += self.kind.astype(np.float32)[self.kind_of_cell]
        if pair:
            made += self.pair[self.pair_of_cell]
        return made
