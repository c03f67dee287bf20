"""Law: which part of a common list a country tests may follow from what is blocked there; such a list is no sample.

Country c tests target t of the common list with log odds a(c) + b(c) x, where x is the log odds that t is blocked there
(preferential sampling: Diggle, Menezes and Su 2010). b is 0 where the choice does not follow blocking. It is seen in
how far the chosen targets are those that are hard everywhere, and it then speaks of this country's own too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SLOPES: Final = np.array([0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0])


def softplus(x: Singles) -> Singles:
    """log(1 + exp(x)), without overflow; many times faster than logaddexp on single precision."""
    return np.maximum(x, np.float32(0)) + np.log(np.float32(1) + np.exp(-np.abs(x)))


class Choice(NamedTuple):
    """What is known of the pairs of country and common target, whatever the country's level."""

    nodes: Floats  # values that a pair may take, evenly spaced, and
    prior: Singles  # their prior
    nodes_wide: int  # the same spacing, further out on both sides:
    cells: Singles  # [pairs, wide nodes] likelihood of a pair's cells, up to a factor
    rows: Ints  # [countries, common] the pair's row in `cells`, -1 where it was not tested
    level: Floats  # [countries, moves] log prior of the country's level after a move


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

    def draw(self, usual: Singles, choice: Choice, dice: np.random.Generator) -> Ints:
        """Slopes, and by how many steps of the nodes each country's level moves with them: the pairs are summed out.
        A list that was chosen looks like a severe country whose targets are as usual, or like a mild one whose list
        was well chosen; between the two there is no way but one long step. `usual`: log odds without the pairs' and
        the country's, [countries, common]. The start is the one that expects as many targets as were chosen."""
        moves = np.zeros(len(self.listed), np.int64)
        reach = (choice.nodes_wide - len(choice.nodes)) // 2
        for country in map(int, np.flatnonzero(self.chose)):
            rows = choice.rows[country]
            listed = rows >= 0
            x = usual[country][:, None] + choice.nodes[None, :].astype(np.float32)
            cells = np.lib.stride_tricks.sliding_window_view(choice.cells[rows[listed]], len(choice.nodes), axis=1)
            log = np.empty((len(SLOPES), 2 * reach + 1))
            for j, slope in enumerate(SLOPES):
                start = self.starts[country, j]
                chance, start = _balanced(np.float32(slope) * x, start, choice.prior, int(listed.sum()))
                self.starts[country, j] = start
                left = np.log(1 - chance[~listed] @ choice.prior + 1e-9).sum()
                log[j] = left + np.log((cells @ (chance[listed] * choice.prior)[:, :, None])[:, :, 0] + 1e-30).sum(
                    axis=0
                )
            log += np.log(self.prior)[:, None] + choice.level[country][None, :]
            best = int(np.argmax(log + dice.gumbel(size=log.shape)))
            slope, moves[country] = best // log.shape[1], best % log.shape[1] - reach
            self.slope[country], self.start[country] = SLOPES[slope], self.starts[country, slope]
        # How many choose is learned; how strongly is not: few countries would fix it, and never leave it.
        found = np.count_nonzero(self.slope[self.chose])
        chose = float(dice.beta(1 + found, 2 + np.count_nonzero(self.chose) - found))
        self.prior = np.array([1 - chose, *([chose / (len(SLOPES) - 1)] * (len(SLOPES) - 1))])
        return moves


def _balanced(x: Singles, start: float, prior: Singles, wanted: int) -> tuple[Singles, float]:
    """The chance of being chosen at each node, and the start; a step of Newton's method a call is enough, since calls
    follow each other."""
    for last in (False, True):
        chance = (1 / (1 + np.exp(-(x + np.float32(start))))).astype(np.float32)
        if last:
            break
        slope = max(float(((chance * (1 - chance)) @ prior).sum()), 0.05)
        start = float(np.clip(start + np.clip((wanted - float((chance @ prior).sum())) / slope, -2.0, 2.0), -30, 30))
    return chance, start
