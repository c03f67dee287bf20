"""Law: of all cuts of a series into levels the one that costs least is found exactly, and its places are brackets.

Shared by detectors: a penalised likelihood of Potts type over a finite set of levels (docs/methods.md).
"""

from __future__ import annotations

import numpy as np

from clampdown.detect.votes import Floats


def segments(misfit: Floats, penalty: float, least: int) -> tuple[list[int], list[int]]:
    """The segmentation that costs least of all: its edges (first bin of each segment, and the end), and its levels.

    misfit: of each level (row) on each bin (column). A segment costs the misfits of its best level; each beyond the
    first costs `penalty` too. best(t) = min over levels l and starts s <= t - least of best(s) + misfit of l on s..t.
    """
    count, length = misfit.shape
    total = np.concatenate([np.zeros((count, 1)), np.cumsum(misfit, axis=1)], axis=1)
    best = np.full(length + 1, np.inf)
    best[0] = -penalty
    begun = np.full(length + 1, 0)
    level = np.full(length + 1, 0)
    ahead = np.full(count, np.inf)  # for each level the cheapest start so far, less the misfits before it
    source = np.zeros(count, np.int64)
    for end in range(least, length + 1):
        start = end - least
        if np.isfinite(best[start]):
            offer = best[start] + penalty - total[:, start]
            better = offer < ahead - 1e-9
            ahead[better], source[better] = offer[better], start
        value = ahead + total[:, end]
        at = int(np.argmin(value))
        best[end], begun[end], level[end] = value[at], source[at], at
    edges, chosen = [length], list[int]()
    while edges[-1]:
        chosen.append(int(level[edges[-1]]))
        edges.append(int(begun[edges[-1]]))
    return edges[::-1], chosen[::-1]


def where(old: Floats, new: Floats, at: int, within: float) -> tuple[int, int]:
    """First and last place of the first bin of the new level that is about as likely, in one piece around the best.

    old, new: misfits of the two levels on the bins of both segments; `within` in nats.
    """
    cost = np.concatenate([[0.0], np.cumsum(old)]) + np.concatenate([np.cumsum(new[::-1])[::-1], [0.0]])
    near = cost <= cost[1:-1].min() + within + 1e-9
    near[0] = near[-1] = False
    first = last = at
    while near[first - 1]:
        first -= 1
    while near[last + 1]:
        last += 1
    return first, last
