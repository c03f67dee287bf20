"""Law: a share is given with an interval that knows of clusters, and with both bounds of its vantage points.

Vantage points: at least the most distinct devices of one day (or the credentials), capped as sessions are cheap; at
most the ids and sessions. Tries of one device are one cluster: n of them tell as much as n / (1 + (n - 1) icc).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from clampdown.detect.courses import Episode, enough
from clampdown.detect.doubt import Crowd, credentialed
from clampdown.detect.limits import Limits
from clampdown.detect.votes import Floats, Ints, Votes

_SOME: Final = 5  # tries in the hours, and outside of them, that make a pattern
Z: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Counter:
    """What is needed to count the vantage points behind any tries."""

    votes: Votes
    crowd: Crowd
    cap: Ints
    credential: Ints
    unknown: int  # the number of the vantage point that is not known, or -1

    def bounds(self, rows: Ints) -> tuple[int, int]:
        """(at least, at most); (-1, -1) where the source gives only counts."""
        c = self.votes.columns
        known = rows[c["vantage"][rows] != self.unknown]
        if len(rows) and not len(known):
            return -1, -1
        own = self.credential[c["device"][known]]
        daily = self.daily(known[~own])
        credentials = len(np.unique(c["device"][known[own]]))
        return max(credentials, daily), len(np.unique(c["vantage"][known]))

    def daily(self, rows: Ints) -> int:
        """The most uncredentialed devices of one network and day, capped."""
        if not len(rows):
            return 0
        c = self.votes.columns
        network = self.crowd.of_series[c["series"][rows]]
        place = network * self.votes.days + c["day"][rows]
        span = len(self.credential)
        seen = np.unique(place * span + c["device"][rows]) // span
        places, counts = np.unique(seen, return_counts=True)
        return int(np.minimum(counts, self.cap.reshape(-1)[places]).max())


def counter(votes: Votes, crowd: Crowd, limits: Limits) -> Counter:
    """Ready to count the vantage points of these tries."""
    names = votes.names["vantage"]
    unknown = names.index(None) if None in names else -1
    return Counter(votes, crowd, crowd.cap(limits), credentialed(votes), unknown)


def wilson(share: Floats | np.float64, n: Floats | np.float64) -> tuple[Floats, Floats]:
    """The 95 % interval of a share of n independent tries (Wilson 1927)."""
    n = np.maximum(n, 1e-9)
    mid = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * np.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    # At the ends exactly: rounding would leave 3e-17 where nothing was seen.
    return np.where(share <= 0, 0.0, np.clip(mid - half, 0, 1)), np.where(share >= 1, 1.0, np.clip(mid + half, 0, 1))


def effective(votes: Votes, rows: Ints, limits: Limits) -> tuple[float, float]:
    """(share of interference, independent tries that would tell as much) of some tries of one series."""
    c = votes.columns
    w, x = c["weight"][rows].astype(float), c["x"][rows].astype(float)
    total = float(w.sum())
    share = float((w * x).sum() / total) if total else 0.0
    _, at = np.unique(c["device"][rows], return_inverse=True)
    size = np.bincount(at, weights=w)
    least = float((size / (1 + np.maximum(size - 1, 0) * limits.icc)).sum())
    if len(size) > 1 and 0 < share < 1:
        # Between devices: the ratio estimator's variance of a sum over clusters.
        spread = np.bincount(at, weights=w * x) - share * size
        variance = float((spread**2).sum()) / total**2 * len(size) / (len(size) - 1)
        if variance > 0:
            least = min(least, share * (1 - share) / variance)
    return share, max(min(total, least), min(total, 1.0))


def interval(share: float, n: float) -> tuple[float, float]:
    """`wilson` for one share."""
    low, high = wilson(np.float64(share), np.float64(n))
    return float(low), float(high)


def supporters(votes: Votes, episode: Episode) -> Ints:
    """The tries of an episode that saw interference."""
    return episode.rows[votes.columns["x"][episode.rows] > 0.5]


def grade_of(votes: Votes, count: Counter, episode: Episode, limits: Limits, *, firm: bool) -> tuple[str, int]:
    """(grade, vantage points that saw a settling artefact). firm: it stands with any one device left out."""
    hits = supporters(votes, episode)
    low, _ = count.bounds(hits)
    settled, _ = count.bounds(hits[votes.columns["settled"][hits]])
    if not enough(episode, limits) or len(episode.rows) < limits.tries or not len(hits):
        return "insufficient", max(settled, 0)
    days = len(np.unique(votes.columns["day"][hits]))
    several = low >= limits.vantage_points and days >= limits.corroborated_days
    if not (several and firm and episode.statistic >= limits.evidence_corroborated):
        return "consistent", max(settled, 0)
    return ("confirmed" if settled >= limits.vantage_points else "corroborated"), settled


def hours_of(votes: Votes, episode: Episode) -> str | None:
    """The hours of the day (UTC) to which interference keeps, as `22-06`; None where it does not keep to any."""
    c = votes.columns
    rows = episode.rows[c["hour"][episode.rows] >= 0]
    n = np.bincount(c["hour"][rows], minlength=24).astype(float)
    k = np.bincount(c["hour"][rows], weights=c["x"][rows] > 0.5, minlength=24)
    if n.sum() < 2 * _SOME:
        return None
    around_n, around_k = (np.concatenate([[0.0], np.cumsum(np.tile(v, 2))]) for v in (n, k))
    best: tuple[float, int, int] | None = None
    start = np.arange(24)
    for length in range(2, 17):
        n_in, k_in = (v[start + length] - v[start] for v in (around_n, around_k))
        n_out, k_out = n.sum() - n_in, k.sum() - k_in
        fits = (n_in >= _SOME) & (n_out >= _SOME) & (k_in >= 0.7 * n_in) & (k_out <= 0.15 * n_out)
        for at in np.flatnonzero(fits).tolist():
            gain = _log(k_in[at], n_in[at]) + _log(k_out[at], n_out[at]) - _log(k.sum(), n.sum())
            if gain > 10 and (best is None or gain > best[0] + 1e-9):
                best = (gain, at, length)
    if best is None:
        return None
    return f"{best[1]:02d}-{(best[1] + best[2]) % 24:02d}"


def _log(k: float, n: float) -> float:
    p = min(max(k / n, 1e-3), 1 - 1e-3)
    return float(k * np.log(p) + (n - k) * np.log(1 - p))
