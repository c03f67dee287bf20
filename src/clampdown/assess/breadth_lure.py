"""Law: which part of a common list a country tests may follow from what is blocked there; a list so chosen is no sample.

Country c tests target t of the common list with log odds a(c) + b(c) x, where x is the log odds that t is blocked there
(preferential sampling: Diggle, Menezes and Su 2010). b is 0 where the choice does not follow blocking. It is seen in
how far the chosen targets are those that are hard everywhere, and it then speaks of this country's own too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

SLOPES: Final = np.array([0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0])


def softplus(x: Singles) -> Singles:
    """log(1 + exp(x)), without overflow; many times faster than logaddexp on single precision."""
    return np.maximum(x, np.float32(0)) + np.log(np.float32(1) + np.exp(-np.abs(x)))


class Lure:
    """How each country chose. `listed`: [countries, common targets], which were tested there at all."""

    def __init__(self, listed: Bools) -> None:
        self.listed = listed
        self.slope = np.zeros(len(listed))
        self.start = np.zeros(len(listed))
        self.starts = np.zeros((len(listed), len(SLOPES)))
        # A country that tests all of the list, or nothing of it, has not chosen.
        share = listed.mean(axis=1)
        self.chose = (share > 0) & (share < 1)
        self.prior = np.full(len(SLOPES), 0.3 / (len(SLOPES) - 1))
        self.prior[0] = 0.7

    def log_choice(self, country: int, odds: Singles) -> Singles:
        """Log likelihood of a country's choice for each of its targets, at these log odds: [common, values]."""
        x = np.float32(self.start[country]) + np.float32(self.slope[country]) * odds
        return np.where(self.listed[country][:, None], x, np.float32(0)) - softplus(x)

    def draw(self, odds: Singles, dice: np.random.Generator) -> None:
        """Slopes given the log odds; the start is the one that expects as many targets as were chosen."""
        log = np.full((len(self.listed), len(SLOPES)), -np.inf)
        wanted = self.listed.sum(axis=1)
        rows = np.flatnonzero(self.chose)
        if not len(rows):
            return
        for j, slope in enumerate(SLOPES):
            x = slope * odds[rows]
            start = self.starts[rows, j] = _start(x, self.starts[rows, j], wanted[rows])
            x = x + start[:, None].astype(np.float32)
            log[rows, j] = (np.where(self.listed[rows], x, 0) - softplus(x)).sum(axis=1)
        found = np.argmax(log[rows] + np.log(self.prior) + dice.gumbel(size=(len(rows), len(SLOPES))), axis=1)
        self.slope[rows], self.start[rows] = SLOPES[found], self.starts[rows, found]
        counts = np.bincount(found, minlength=len(SLOPES))
        self.prior = dice.dirichlet(counts + np.array([1.0, *([0.2] * (len(SLOPES) - 1))])) + 1e-6


def _start(x: Singles, start: Floats, wanted: npt.NDArray[np.int64]) -> Floats:
    """The start at which the expected number of chosen targets is the number that was chosen (Newton, held back)."""
    for _ in range(3):
        chance = 1 / (1 + np.exp(-(x + start[:, None].astype(np.float32))))
        slope = np.maximum((chance * (1 - chance)).sum(axis=1), 0.05)
        start = np.clip(start + np.clip((wanted - chance.sum(axis=1)) / slope, -2.0, 2.0), -30.0, 30.0)
    return start
