"""Law: what a cell's tries say of blocking is one number: how much likelier they are if the target is blocked there.

Tries of one cell share their probe, so their number of hits is beta-binomial in both cases: with the network's and the
target's rate of false positives where nothing is blocked, with a high and uneven rate where it is. Rates come from a
fixed grid, so that the likelihood of every distinct (tried, hit) is looked up and not computed again.
"""

from __future__ import annotations

from math import lgamma
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

# Rates of false positives that a network, and a target, may have; the two add up.
RATES: Final = np.array([0.0005, 0.001, 0.002, 0.004, 0.007, 0.012, 0.02, 0.033, 0.055, 0.09, 0.15, 0.25, 0.4])
FLAKY: Final = np.array([0.0, 0.01, 0.03, 0.08, 0.2])
FLAKY_PRIOR: Final = np.array([0.8, 0.07, 0.05, 0.05, 0.03])
# Concentrations of the false hits, and (mean, concentration) of the true ones.
CLUMPS: Final = (2.0, 5.0, 15.0, 50.0, 200.0)
CLUMPS_PRIOR: Final = np.array([0.15, 0.25, 0.25, 0.2, 0.15])
SEEN: Final = tuple((mean, tight) for tight in (2.0, 6.0, 20.0) for mean in (0.55, 0.65, 0.75, 0.85, 0.93))
_MOST: Final = 400  # tries beyond this say no more: what they share does not average out
_BOUND: Final = 14.0  # of a log likelihood ratio: no number of tries makes it surer than one in a million

_log_gamma: Final = np.frompyfunc(lgamma, 1, 1)
SUM_OF: Final = np.array([[int(np.argmin(np.abs(np.log(RATES) - np.log(r + g)))) for g in FLAKY] for r in RATES])


class Tables(NamedTuple):
    """Log likelihoods of each distinct (tried, hit). `false`: [clumps, pair, rate]; `true`: [seen, pair]."""

    pair: Ints  # of every cell
    false: Floats
    true: Floats


def tables(tried: Ints, hit: Ints) -> Tables:
    """The likelihoods of all cells. Errors: none; a cell has 0 <= hit <= tried."""
    many = tried > _MOST
    n = np.where(many, _MOST, tried)
    k = np.where(many, np.rint(hit * (_MOST / np.maximum(tried, 1))).astype(np.int64), hit)
    distinct, pair = np.unique(n * (_MOST + 1) + k, return_inverse=True)
    of, got = np.divmod(distinct, _MOST + 1)
    false = np.stack([_beta_binomial(of[:, None], got[:, None], RATES[None, :], tight) for tight in CLUMPS])
    true = np.stack([_beta_binomial(of, got, np.float64(mean), tight) for mean, tight in SEEN])
    return Tables(pair.astype(np.int64), false, true)


def _beta_binomial(n: Ints, k: Ints, mean: Floats | np.float64, tight: float) -> Floats:
    """Without the binomial coefficient, which is the same in both cases."""
    a, b = mean * tight, (1 - mean) * tight
    parts = (
        _log_gamma(k + a) - _log_gamma(a + 0.0 * k) + _log_gamma(n - k + b) - _log_gamma(b + 0.0 * k)
        - _log_gamma(n + tight) + _log_gamma(tight + 0.0 * n)
    )  # fmt: skip
    return np.asarray(parts, np.float64)


def ratio(held: Tables, clumps: int, seen: int) -> Singles:
    """Log of how much likelier each distinct (tried, hit) is where it is blocked: [pair, rate]."""
    return np.clip(held.true[seen][:, None] - held.false[clumps], -_BOUND, _BOUND).astype(np.float32)
