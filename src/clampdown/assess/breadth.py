"""Law: how much of the common list is blocked in a country is inferred from (network, target) cells, never from a share
of measurements; what was not tried is filled in by the model, with the doubt that this brings.

Whether target t is blocked on network w of country c has log odds

    country(c) + network(w) + target(t) + of the country for the target's category + of the country for the target

each but the first with mean zero, so that hard and easy targets, lists that differ and networks that differ are told
from countries that differ. The posterior is drawn by Gibbs sampling (docs/methods.md); two chains, and as many sweeps
as the time for so many cells allows. Shapes: cells [n]; draws [draws, countries].
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from clampdown.assess.breadth_chain import Cells as Cells
from clampdown.assess.breadth_chain import Prior as Prior
from clampdown.assess.breadth_chain import Sweeps, run

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PRIOR: Final = Prior()
_CHAINS: Final = 2  # always two, on any machine: the draws depend on it
_WORK: Final = 12_000_000  # numbers (cells, and places of the common list) that one chain may pass over
_FEWEST: Final = 20  # sweeps that are kept, however many cells there are
_INNER: Final = 4  # draws of one sweep: more would say the same again


class Posterior(NamedTuple):
    """Share of the common list that is blocked: networks that were measured, each the same weight."""

    mean: Floats  # [countries]; NaN where nothing was tried
    low: Floats  # 5 % and
    high: Floats  # 95 %
    draws: Floats  # [draws, countries]
    cells: Ints  # cells behind each country
    agree: float  # largest ratio of spread between chains to that within (1: they say the same)
    parts: Floats  # [parts, draws, countries]: the same draws' shares of parts of the common list


def breadth(
    cells: Cells,
    countries: int,
    common: Bools,
    *,
    category: Ints | None = None,
    draws: int = 800,
    seed: int = 0,
    prior: Prior = PRIOR,
    parts: Bools | None = None,
) -> Posterior:
    """Posterior of the share blocked. `common`: which targets are on the common list; `category`: of each target;
    `parts` [parts, targets]: lists within the common one whose shares are wanted too, from the same draws. Countries
    without a cell have NaN everywhere."""
    behind = np.bincount(cells.country, minlength=countries).astype(np.int64)
    if not len(cells.country) or not common.any():
        nothing = np.full(countries, np.nan)
        return Posterior(
            nothing, nothing, nothing, np.full((draws, countries), np.nan), behind, 1.0,
            np.full((0 if parts is None else len(parts), draws, countries), np.nan),
        )  # fmt: skip
    plan = _sweeps(len(cells.country) + countries * int(common.sum()), draws)
    seeds = np.random.SeedSequence(seed).spawn(_CHAINS)
    kinds = np.zeros(len(common), np.int64) if category is None else category
    within = None if parts is None else parts[:, common]
    with ThreadPoolExecutor(_CHAINS) as pool:
        made = list(pool.map(lambda own: run(cells, countries, common, kinds, prior, plan, own, within), seeds))
    return _posterior(made, behind)


def _sweeps(size: int, draws: int) -> Sweeps:
    """Little to pass over: one draw a sweep. Much: fewer sweeps, several draws of the levels in each."""
    kept = -(-draws // _CHAINS)
    sweeps = min(max(_WORK // size, _FEWEST), kept)
    return Sweeps(warm=min(200, max(sweeps, _FEWEST)), kept=sweeps, inner=min(-(-kept // sweeps), _INNER))


def _posterior(made: Sequence[Floats], behind: Ints) -> Posterior:
    lists = np.concatenate(made).transpose(1, 0, 2)
    lists[:, :, behind == 0] = np.nan
    draws, made = lists[0], [each[:, 0] for each in made]
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(draws, (0.05, 0.95), axis=0)
        within = np.mean([part.var(axis=0) for part in made], axis=0)
        between = np.var([part.mean(axis=0) for part in made], axis=0, ddof=1)
        agree = np.sqrt(1 + between / np.maximum(within, 1e-12))
    return Posterior(draws.mean(axis=0), low, high, draws, behind, float(np.max(agree[behind > 0])), lists[1:])
