"""Law: sessions are cheap and probes break: what comes in a burst, or fails on everything, starts and ends nothing.

Doubts about tries, settled before any series is looked at. A *burst* is a day on which a network shows many
times the devices of the weeks before and after it. A *broken session* is one whose tries fail on target after target
on which others, in the same days and country, do not fail. An *overlong* session goes on for days, as no run of a
probe does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from clampdown.detect.limits import Limits
from clampdown.detect.votes import Floats, Ints, Votes, distinct

_AROUND: Final = 3  # days on either side in which others speak of the same target
_HOURS: Final = 2  # hours on either side


@dataclass(frozen=True, slots=True)
class Doubts:
    """What was set aside: days of networks, and (session, day) pairs."""

    bursts: tuple[tuple[str, int, int, int, int], ...]  # country, network, day, devices, usual number
    broken: tuple[tuple[str, int, int, int], ...]  # country, network, day, sessions


def set_aside(votes: Votes, limits: Limits) -> tuple[Votes, Doubts]:
    """The same tries, those in doubt without weight, and what was found."""
    if not len(votes):
        return votes, Doubts((), ())
    crowd = crowd_of(votes)
    network, pairs = crowd.of_series[votes.columns["series"]], crowd.pairs
    burst, bursts = _bursts(votes, crowd, limits)
    weight = np.where(burst | _overlong(votes), 0, votes.columns["weight"]).astype(np.float32)
    calm = replace(votes, columns={**votes.columns, "weight": weight})
    broken = _broken(calm, network, limits)
    weight = np.where(broken, 0, weight).astype(np.float32)
    found = Doubts(
        tuple((*pairs[n], day, devices, usual) for n, day, devices, usual in bursts),
        tuple((*pairs[n], day, sessions) for n, day, sessions in _sessions(votes, network, broken)),
    )
    return replace(votes, columns={**votes.columns, "weight": weight}), found


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many uncredentialed devices every network shows on every day: shape (networks, days)."""

    pairs: tuple[tuple[str, int], ...]  # (country, network)
    of_series: Ints  # series -> row
    devices: Ints

    def cap(self, limits: Limits) -> Ints:
        """What a day may show at most: at least two, at most a multiple of what was usual in the weeks before."""
        made = np.full(self.devices.shape, 2, np.int64)
        for n, day in zip(*np.nonzero(self.devices > 2), strict=True):
            before = self.devices[n, max(0, day - limits.cap_days) : day]
            usual = float(np.median(before[before > 0])) if (before > 0).any() else 0.0
            made[n, day] = max(2, int(limits.cap_factor * usual))
        return made


def crowd_of(votes: Votes) -> Crowd:
    """Count the devices of every network and day, over all that was tried there."""
    pairs = sorted({(key.country, key.network) for key in votes.series})
    at = {pair: number for number, pair in enumerate(pairs)}
    of_series = np.array([at[key.country, key.network] for key in votes.series], np.int64)
    counted = ~credentialed(votes)[votes.columns["device"]]
    span = max(1, len(votes.names["device"]))
    place = of_series[votes.columns["series"]] * votes.days + votes.columns["day"]
    seen, _ = distinct((place * span + votes.columns["device"])[counted])
    devices = np.bincount(seen // span, minlength=len(pairs) * votes.days).reshape(len(pairs), votes.days)
    return Crowd(tuple(pairs), of_series, devices)


def credentialed(votes: Votes) -> Ints:
    """Which devices are told by a credential."""
    return np.array([name[2] is not None for name in votes.names["device"]], bool)


def _bursts(votes: Votes, crowd: Crowd, limits: Limits) -> tuple[Ints, list[tuple[int, int, int, int]]]:
    """Tries of uncredentialed devices on burst days, and those days."""
    found: list[tuple[int, int, int, int]] = []
    marked = np.zeros(crowd.devices.shape, bool)
    for n, day in zip(*np.nonzero(crowd.devices >= limits.burst_least), strict=True):
        usual = usual_around(crowd.devices[n], int(day), limits.cap_days)
        if crowd.devices[n, day] > limits.burst_factor * max(usual, 1):
            marked[n, day] = True
            found.append((int(n), int(day), int(crowd.devices[n, day]), int(usual)))
    place = crowd.of_series[votes.columns["series"]], votes.columns["day"]
    return marked[place] & ~credentialed(votes)[votes.columns["device"]], found


def _overlong(votes: Votes) -> Ints:
    """Tries of a session on a later day than the one after it began: a run of the probe is over by then."""
    c = votes.columns
    first = np.full(max(1, len(votes.names["vantage"])), votes.days, np.int32)
    np.minimum.at(first, c["vantage"], c["day"])
    names = votes.names["vantage"]
    if None in names:  # nobody says whose tries these are
        first[names.index(None)] = votes.days
    return (c["day"] > first[c["vantage"]] + 1) & ~credentialed(votes)[c["device"]]


def usual_around(counts: Ints, day: int, reach: int) -> float:
    """The larger one of the medians of the days with data before and after: a surge that stays is no burst."""
    sides = (counts[max(0, day - reach) : day], counts[day + 1 : day + 1 + reach])
    return max((float(np.median(side[side > 0])) if (side > 0).any() else 0.0) for side in sides)


def _broken(votes: Votes, network: Ints, limits: Limits) -> Ints:
    """Tries of sessions that fail on what others on the same days do not fail on."""
    c = votes.columns
    use = np.flatnonzero(c["weight"] > 0)
    result = np.zeros(len(votes), bool)
    if not len(use):
        return result
    span = max(1, len(votes.names["vantage"]))
    session = (network[use].astype(np.int64) * votes.days + c["day"][use]) * span + c["vantage"][use]
    ids, inverse = np.unique(session, return_inverse=True)
    tried = np.bincount(inverse)
    failed = np.bincount(inverse, weights=c["x"][use])
    suspect = (tried >= limits.broken_targets) & (failed > limits.broken_share * tried)
    rows, group = use[suspect[inverse]], inverse[suspect[inverse]]
    # A target that is tried again and again is one target.
    total = max(1, len(votes.series))
    own, _ = distinct(group.astype(np.int64) * total + c["series"][rows])
    suspect &= np.bincount(own // total, minlength=len(ids)) >= limits.broken_targets
    if not suspect.any():
        return result
    kept = suspect[group]
    rows, group = rows[kept], group[kept]
    others = np.maximum(_others(votes, use, rows), _neighbours(votes, use, rows))
    expected = np.bincount(group, weights=others, minlength=len(ids))
    excess = failed - expected
    bad = suspect & (excess > limits.broken_share * tried) & (excess > 3 * np.sqrt(np.maximum(expected, 1)))
    result[rows] = bad[group]
    return result


def _others(votes: Votes, use: Ints, rows: Ints) -> Floats:
    """For each of these tries, what share of the tries of other devices failed: same country and target, days around.

    Where fewer than two other devices passed, the session's own word is all there is: it is expected to be right.
    """
    c = votes.columns
    targets = {name: at for at, name in enumerate(sorted({(k.country, k.target) for k in votes.series}))}
    of_series = np.array([targets[k.country, k.target] for k in votes.series], np.int64)
    place = of_series[c["series"]] * (votes.days + 2 * _AROUND) + c["day"] + _AROUND
    size = len(targets) * (votes.days + 2 * _AROUND) + 1
    hits, tries = _windows(place[use], c["weight"][use] * c["x"][use], c["weight"][use], size)
    wanted = np.isin(c["device"][use], np.unique(c["device"][rows]))
    own = use[wanted]
    device = c["device"].astype(np.int64)
    own_key = device[own] * size + place[own]
    order = np.argsort(own_key, kind="stable")
    own_key = own_key[order]
    w = np.concatenate([[0.0], np.cumsum(c["weight"][own][order])])
    h = np.concatenate([[0.0], np.cumsum((c["weight"][own] * c["x"][own])[order])])
    key = device[rows] * size + place[rows]
    low, high = np.searchsorted(own_key, key - _AROUND), np.searchsorted(own_key, key + _AROUND, side="right")
    n = tries[place[rows]] - (w[high] - w[low])
    k = hits[place[rows]] - (h[high] - h[low])
    asked = np.zeros(size + 2 * _AROUND, bool)
    for shift in range(2 * _AROUND + 1):
        asked[place[rows] + shift] = True
    fine = use[(c["x"][use] <= 0.5) & asked[place[use] + _AROUND]]
    passed = _distinct(place, device, size, fine, rows, (-_AROUND, _AROUND))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((n > 0.5) & (passed > 1), np.clip(k / n, 0, 1), c["x"][rows])


def _neighbours(votes: Votes, use: Ints, rows: Ints) -> Floats:
    """For each of these tries, what part of the other devices on its own network failed on that target.

    In the same hours, on the same day, on the days before or after, whichever is most: what begins or ends, or holds
    for hours, is seen from one side. One device that passed is left out: it alone makes nobody else broken.
    """
    c = votes.columns
    device = c["device"].astype(np.int64)
    span = votes.days + 2 * _AROUND
    day = c["series"].astype(np.int64) * span + c["day"] + _AROUND
    asked, _ = distinct(np.concatenate([distinct(day[rows])[0] + shift for shift in range(-_AROUND, _AROUND + 1)]))
    at = np.minimum(np.searchsorted(asked, day[use]), len(asked) - 1)
    near = use[asked[at] == day[use]]
    hit = near[c["x"][near] > 0.5]
    fine = near[c["x"][near] <= 0.5]
    hour = day * 24 + np.maximum(c["hour"], 0)
    windows = ((day, (0, 0)), (day, (1, _AROUND)), (day, (-_AROUND, -1)), (hour, (-_HOURS, _HOURS)))
    most = np.zeros(len(rows))
    for place, reach in windows:
        size = (int(place.max()) if len(place) else 0) + 1
        failed = _distinct(place, device, size, hit, rows, reach)
        passed = np.maximum(_distinct(place, device, size, fine, rows, reach) - 1, 0)
        most = np.maximum(most, failed / np.maximum(failed + passed, 1))
    return most


def _distinct(place: Ints, device: Ints, size: int, seen: Ints, rows: Ints, reach: tuple[int, int]) -> Ints:
    """How many other devices are among the tries `seen` from so many places before each of `rows` to so many after."""
    low, high = reach
    key, _ = distinct(device[seen] * size + place[seen])
    at, who = key % size, key // size
    before = np.full(len(key), -(1 << 40), np.int64)
    before[1:] = np.where(who[1:] == who[:-1], at[:-1], before[1:])
    # A device counts once: for the first of its places that a window holds.
    first, last = np.sort(np.maximum(at - high, before - low + 1)), np.sort(at - low)
    here = np.searchsorted(first, place[rows], side="right") - np.searchsorted(last, place[rows], side="left")
    own = device[rows] * size + place[rows]
    return here - (np.searchsorted(key, own + high, side="right") > np.searchsorted(key, own + low))


def _windows(place: Ints, hit: Floats, weight: Floats, size: int) -> tuple[Floats, Floats]:
    """Sums over the days around every day; a target's days lie apart by more than the reach."""
    made: list[Any] = []
    for values in (hit, weight):
        total = np.concatenate([[0.0], np.cumsum(np.bincount(place, weights=values, minlength=size))])
        at = np.arange(size)
        made.append(total[np.minimum(at + _AROUND + 1, size)] - total[np.maximum(at - _AROUND, 0)])
    return made[0], made[1]


def _sessions(votes: Votes, network: Ints, broken: Ints) -> Iterator[tuple[int, int, int]]:
    """(network, day, how many sessions) of the broken ones."""
    rows = np.flatnonzero(broken)
    span = max(1, len(votes.names["vantage"]))
    place = network[rows].astype(np.int64) * votes.days + votes.columns["day"][rows]
    sessions, _ = distinct(place * span + votes.columns["vantage"][rows])
    places, counts = distinct(sessions // span)
    for at, count in zip(places.tolist(), counts.tolist(), strict=True):
        yield at // votes.days, at % votes.days, count
