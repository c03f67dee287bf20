"""Law: a change has a bracket, never an instant: last seen as before, first seen as after, whoever is left out.

The bracket holds every place that is about as likely as the best, first by bins and then try by try, and holds where
the change would lie without any one device that says otherwise than all others near it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from clampdown.detect.detectors.levels import Model, where
from clampdown.detect.limits import Limits
from clampdown.detect.series import HOURS
from clampdown.detect.votes import Floats, Ints, Votes

_NEAR = 3  # days around a change in which it is looked at who tried most
_LOUDEST = 4  # of those: how many are heard
_OPPOSED = 0.5  # between what a device says and what all others do


@dataclass(frozen=True, slots=True)
class Bracket:
    """Hours of the window: surely as before at the first, surely as after by the second."""

    after: int | None
    before: int


@dataclass(slots=True)
class Run:
    """Neighbouring bins with tries in one state."""

    hit: bool
    bins: Ints
    rows: Ints  # tries
    against: list[str] = field(default_factory=list[str])


def bin_of(votes: Votes, rows: Ints, *, hourly: bool) -> Ints:
    """The bin of each of these tries."""
    day = votes.columns["day"][rows].astype(np.int64)
    return day * HOURS + votes.columns["hour"][rows] if hourly else day


def bracket(
    votes: Votes, model: Model, old: Run, new: Run, k: Floats, n: Floats, limits: Limits, *, hourly: bool
) -> Bracket:
    """Last seen as before, first seen as after, around every place where the change is about as likely.

    No one's word moves it: it also holds where the change would lie without any one device that says otherwise.
    """
    bins = np.concatenate([old.bins, new.bins])
    rows = np.concatenate([old.rows, new.rows])
    sides = len(old.bins), old.hit, new.hit
    found = _between(votes, model, rows, bins, k[bins], n[bins], sides, limits.bracket, hourly=hourly)
    low, high = found.after, found.before
    at = bin_of(votes, rows, hourly=hourly)
    place, device = np.searchsorted(bins, at), votes.columns["device"][rows]
    w = votes.columns["weight"][rows].astype(float)
    hits = w * votes.columns["x"][rows]
    first = place >= len(old.bins)
    apart = np.where(first, at - bins[len(old.bins)], bins[len(old.bins) - 1] - at) // (HOURS if hourly else 1)
    for one in _gainsayers(device, first, apart, hits, w):
        kept = device != one
        n_left = np.bincount(place[kept], weights=w[kept], minlength=len(bins))
        if not n_left[: len(old.bins)].any() or not n_left[len(old.bins) :].any():
            continue
        k_left = np.minimum(np.bincount(place[kept], weights=hits[kept], minlength=len(bins)), n_left)
        some = n_left > 0
        left = int(some[: len(old.bins)].sum()), old.hit, new.hit
        other = _between(votes, model, rows[kept], bins[some], k_left[some], n_left[some], left, 0.0, hourly=hourly)
        low, high = min(low, other.after), max(high, other.before)
    return Bracket(low, high)


def _gainsayers(device: Ints, after: Ints, apart: Ints, hits: Floats, weight: Floats) -> list[int]:
    """Devices that, near a change, say the opposite of what all others say on one side of it; the loudest first.

    apart: how many days a try lies from the change, on its side.
    """
    names, counts = np.unique(device[apart <= _NEAR], return_counts=True)
    found: list[int] = []
    for one in names[np.argsort(-counts, kind="stable")][:_LOUDEST].tolist():
        for side, reach in ((after, 0), (~after, 0), (after, _NEAR), (~after, _NEAR)):
            near = side & (apart <= reach)
            own, others = near & (device == one), near & (device != one)
            if not own.any() or not others.any():
                continue
            if abs(hits[own].sum() / weight[own].sum() - hits[others].sum() / weight[others].sum()) > _OPPOSED:
                found.append(one)
                break
    return found


@dataclass(frozen=True, slots=True)
class _Hours:
    after: int
    before: int


def _between(
    votes: Votes, model: Model, rows: Ints, bins: Ints, k: Floats, n: Floats, sides: tuple[int, bool, bool],
    within: float, *, hourly: bool,
) -> _Hours:  # fmt: skip
    """The bracket by these tries. sides: how many of the bins are of the old state, and what the two states are."""
    first, was_hit, is_hit = sides
    low, high = where(model, k, n, first, within=within)
    at = bin_of(votes, rows, hourly=hourly)
    around = np.flatnonzero((at >= bins[low - 1]) & (at <= bins[high]))
    levels = [float(part_k.sum() / part_n.sum()) for part_k, part_n in ((k[:first], n[:first]), (k[first:], n[first:]))]
    early, late = turns(votes, rows[around], levels[0], levels[1], within)
    turn, sure = around[0] + early, around[0] + late
    after = hour_of(votes, rows[:turn] if turn else rows[:1], hit=was_hit, last=True)
    before = hour_of(votes, rows[min(sure, len(rows) - 1) :], hit=is_hit, last=False)
    return _Hours(min(after, before - 1), before)


def turns(votes: Votes, rows: Ints, old: float, new: float, within: float) -> tuple[int, int]:
    """The first and last place among tries in the order of time where the change is about as likely."""
    # Each try by itself: that a device's tries resemble each other says nothing of their order.
    x = votes.columns["x"][rows].astype(float)
    low, high = (np.clip(level, 0.05, 0.95) for level in (old, new))
    gain = x * np.log(high / low) + (1 - x) * np.log((1 - high) / (1 - low))
    # Of a change at place i: what the tries from i on say for the new level.
    total = np.concatenate([np.cumsum(gain[::-1])[::-1], [0.0]])
    best = int(np.argmax(np.round(total, 6)))
    near = total >= total[best] - within
    first = last = best
    while first > 0 and near[first - 1]:
        first -= 1
    while last + 1 < len(total) and near[last + 1]:
        last += 1
    return first, last


def hour_of(votes: Votes, rows: Ints, *, hit: bool, last: bool) -> int:
    """The last (first) hour in which one of these tries was in this state; of any, where none was."""
    own = rows[(votes.columns["x"][rows] > 0.5) == hit]
    chosen = own if len(own) else rows
    return _start(votes, chosen[-1]) if last else _stop(votes, chosen[0])


def _start(votes: Votes, row: int) -> int:
    """The hour in which a try was made begins; a try without an hour was made at some time of the day."""
    return int(votes.columns["day"][row]) * HOURS + max(0, int(votes.columns["hour"][row]))


def _stop(votes: Votes, row: int) -> int:
    """The hour in which a try was made has passed."""
    hour = int(votes.columns["hour"][row])
    return int(votes.columns["day"][row]) * HOURS + (HOURS if hour < 0 else hour + 1)
