"""Law: a series is counts over time, and time without tries stays empty: nothing fills it.

`k` of `n` per bin (a day or an hour): weighed tries that saw interference, of those that decided. n = 0 says that
nobody tried. A change point is a bracket, never an instant: the last bin with tries before, the first one after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clampdown.detect.votes import Floats, Ints, Votes

HOURS = 24


@dataclass(frozen=True, slots=True)
class Series:
    """One series. `first` is the number of its first bin; k and n have one entry per bin, 0 <= k <= n."""

    first: int
    k: Floats
    n: Floats


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of state between two bins (indices into the series)."""

    before: int | None  # last bin with tries in the old state; None: the series begins with the change
    after: int  # first bin with tries in the new one
    level_before: float
    level_after: float
    statistic: float  # log likelihood that the change explains, in nats


@dataclass(frozen=True, slots=True)
class Grid:
    """Series side by side: k and n of shape (series, bins)."""

    series: Ints  # numbers of the series
    k: Floats
    n: Floats


def grids(votes: Votes, wanted: Ints, cells: int, *, hourly: bool = False) -> Iterator[Grid]:
    """The wanted series as dense blocks of about `cells` cells: dense here, and nowhere else."""
    bins = votes.days * (HOURS if hourly else 1)
    rows = max(1, cells // max(1, bins))
    c = votes.columns
    for at in range(0, len(wanted), rows):
        block = wanted[at : at + rows]
        use = np.concatenate([np.arange(int(votes.start[s]), int(votes.start[s + 1])) for s in block])
        use = use[c["weight"][use] > 0]
        if hourly:
            use = use[c["hour"][use] >= 0]
        bin_of = c["day"][use].astype(np.int64)
        if hourly:
            bin_of = bin_of * HOURS + c["hour"][use]
        place = np.searchsorted(block, c["series"][use]) * bins + bin_of
        n = np.bincount(place, weights=c["weight"][use], minlength=len(block) * bins)
        k = np.bincount(place, weights=c["weight"][use] * c["x"][use], minlength=len(block) * bins)
        shape = (len(block), bins)
        yield Grid(block, np.minimum(k, n).reshape(shape), n.reshape(shape))
