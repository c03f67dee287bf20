"""Law: a uniform number is a function of the seed and of what it is about, and failures cluster as stated.

A try of one series (network x target) fails by accident with a rate of its own, and accidents come in clusters:
P(day) ~ Beta(mean rate, ICC rho_day) for the network's day, P(vantage) ~ Beta(mean P(day), ICC rho_vantage) for
what one vantage point sees that day, and each try fails with P(vantage). Two tries of one vantage point on one day
then correlate by rho = rho_day + rho_vantage (1 - rho_day), tries of two vantage points by rho_day alone.
`part` says how rho is split: rho_day = part * rho.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

PARTS: Final = {"vantage": 0.0, "both": 0.5, "day": 1.0}  # the arms: which level carries the correlation
MEANS: Final = np.linspace(0, 1, 65) ** 2  # finer where rates are low
RHOS: Final = np.linspace(0, 0.5, 21)
BINS: Final = 256  # of the quantile
_DRAWS: Final = 32

_A, _B, _C = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = (np.uint64(n) for n in (30, 27, 31, 11))


def _mixed(state: np.ndarray) -> np.ndarray:
    """splitmix64: every bit of the key decides every bit of the number."""
    with np.errstate(over="ignore"):
        state = state + _A
        state = (state ^ (state >> _30)) * _B
        state = (state ^ (state >> _27)) * _C
        return state ^ (state >> _31)


def uniform(seed: int, *keys: int | np.ndarray) -> np.ndarray:
    """A number in [0, 1) for every row of keys (arrays of whole numbers and single ones, broadcast)."""
    state = np.asarray(seed % 2**64, dtype=np.uint64).reshape(1)
    for key in keys:
        state = _mixed(state ^ np.asarray(key, dtype=np.int64).astype(np.uint64))
    return (_mixed(state) >> _11).astype(np.float64) * 2.0**-53


@cache
def _quantiles() -> np.ndarray:
    """Quantiles of Beta by (ICC, mean, bin); from draws under a fixed seed, so that numpy is enough."""
    rng = np.random.default_rng(0)
    table = np.empty((len(RHOS), len(MEANS), BINS), dtype=np.float32)
    for r, rho in enumerate(RHOS):
        for m, mean in enumerate(MEANS):
            if rho == 0 or mean in (0, 1):
                table[r, m] = mean
                continue
            spread = 1 / rho - 1
            drawn = np.sort(rng.beta(mean * spread, (1 - mean) * spread, BINS * _DRAWS))
            bins = drawn.reshape(BINS, _DRAWS).mean(axis=1)
            table[r, m] = np.clip(bins * (mean / bins.mean()), 0, 1)
    return table


def _mean_index(mean: np.ndarray) -> np.ndarray:
    return np.rint(np.sqrt(mean) * (len(MEANS) - 1)).astype(np.intp)


def _rho_index(rho: np.ndarray) -> np.ndarray:
    return np.rint(rho * ((len(RHOS) - 1) / RHOS[-1])).astype(np.intp)


def beta(mean: np.ndarray, rho: np.ndarray, quantile: np.ndarray) -> np.ndarray:
    """The quantiles of Beta with this mean and intra-class correlation (to the nearest point of the grid)."""
    return _quantiles()[_rho_index(rho), _mean_index(mean), (quantile * BINS).astype(np.intp)]


def split(rho: np.ndarray, part: float) -> tuple[np.ndarray, np.ndarray]:
    """(rho_day, rho_vantage) of which the whole is rho."""
    day = rho * part
    return day, (rho - day) / (1 - day)
