"""Law: every way of ranking sees the same cells, and is scored on the same truth over all countries, the withheld too.

Baselines: the raw share of anomalous tries of a country (90 % interval by draws from its binomial posterior), and the
majority of each (network, target) cell with three tries or more (the same, over cells). A country that a baseline
cannot rank stands in the middle, with an interval over all places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from clampdown.assess.breadth import Cells, breadth
from clampdown.assess.placing import place, ranks
from ranks.world import World

Floats = npt.NDArray[np.float64]
TOP: Final = 10


class Ranking(NamedTuple):
    """What one way of ranking says: ranks, 90 % intervals, and how likely each country is among the ten worst."""

    rank: Floats
    low: Floats
    high: Floats
    top: Floats


def ours(world: World, seed: int, draws: int) -> Ranking:
    """The model's."""
    cells = Cells(world.country, world.network, world.target, world.tried, world.hit)
    posterior = breadth(cells, world.countries, world.common, category=world.category, seed=seed, draws=draws)
    return _of_draws(posterior.draws)


def _of_draws(draws: Floats) -> Ranking:
    places = place(draws, top=TOP)
    rank, low, high, top = (
        np.array([getattr(p, name) for p in places], float) for name in ("rank", "low", "high", "top")
    )
    absent = np.isnan(rank)
    n = len(rank)
    rank[absent], low[absent], high[absent], top[absent] = (n + 1) / 2, 1, n, 0.0
    return Ranking(rank, low, high, top)


def raw(world: World, seed: int, draws: int) -> Ranking:
    """The share of tries that saw interference."""
    tried = np.bincount(world.country, world.tried, world.countries)
    hit = np.bincount(world.country, world.hit, world.countries)
    return _binomial(hit, tried, seed, draws)


def majority(world: World, seed: int, draws: int) -> Ranking:
    """The share of cells most of whose tries saw interference."""
    enough = world.tried >= 3
    mostly = (2 * world.hit > world.tried) & enough
    cells = np.bincount(world.country, enough, world.countries)
    return _binomial(np.bincount(world.country, mostly, world.countries), cells, seed, draws)


def _binomial(hit: Floats, tried: Floats, seed: int, draws: int) -> Ranking:
    dice = np.random.default_rng((seed, 90))
    made = dice.beta(hit + 0.5, tried - hit + 0.5, (draws, len(hit)))
    made[:, tried == 0] = np.nan
    found = _of_draws(made)
    share = np.where(tried > 0, hit / np.maximum(tried, 1), np.nan)
    middle = np.where(np.isnan(share), np.nanmedian(share), share)
    return found._replace(rank=ranks(middle), top=middle)


WAYS: Final[Mapping[str, Callable[[World, int, int], Ranking]]] = {
    "model": ours,
    "raw share": raw,
    "majority": majority,
}


def score(world: World, said: Ranking, widest: float) -> dict[str, float]:
    """Figures of one way of ranking in one world. Errors and widths in places; the interval score (Gneiting and Raftery
    2007) is the width and, where the truth lies outside, twenty times how far."""
    truth, n = ranks(world.truth), world.countries
    worst = set(np.argsort(truth, kind="stable")[:TOP])
    named = set(np.argsort(-said.top, kind="stable")[:TOP])
    below, above = np.maximum(said.low - truth, 0), np.maximum(truth - said.high, 0)
    width = said.high - said.low
    return {
        "top": len(worst & named) / TOP,
        "error": float(np.abs(ranks(-said.rank) - truth).mean()),
        "covered": float(((below == 0) & (above == 0)).mean()),
        "width": float(width.mean()) / n,
        "score": float((width + 20 * (below + above)).mean()) / n,
        "withheld": float((width > widest * n).mean()),
    }
