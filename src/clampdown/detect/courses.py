"""Law: a course is what happened to one series, told in episodes; nothing starts or ends on one vantage point's word.

From the levels of a series to episodes of interference with brackets. An episode below the floor of tries is none.
An open stretch that a single device vouches for neither divides an episode that several devices saw, nor ends it:
it is kept as what speaks against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from clampdown.detect.detectors.levels import (
    Model,
    costs,
    explain,
    explain_with,
    family_of,
    most_forgiving,
    where,
)
from clampdown.detect.limits import Limits
from clampdown.detect.series import HOURS, Grid, grids
from clampdown.detect.votes import Floats, Ints, Votes, distinct

_CELLS = 1 << 21  # of a block of series: 2 M cells are about 200 MB while they are explained
_HOURLY = 12  # distinct hours with tries on a day with tries, from which hours are looked at by themselves


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


@dataclass(frozen=True, slots=True)
class Episode:
    """Interference from an onset to an end, or to the end of the data."""

    series: int
    rows: Ints  # tries within it
    onset: Bracket
    end: Bracket | None
    level_before: float | None
    level: float
    level_after: float | None
    statistic: float
    parts: int  # more than one: it comes and goes
    against: tuple[str, ...]
    model: Model
    hourly: bool
    followed: Ints  # tries of the open stretch after it (empty: it lasts)
    base: int | None  # level of the open path around it, of its model


@dataclass(frozen=True, slots=True)
class Course:
    """One series with interference: its episodes, and the open stretch after the last of them (empty: none)."""

    series: int
    episodes: tuple[Episode, ...]
    tail: Ints  # tries of the open stretch at the end
    tail_end: Bracket | None


def courses(votes: Votes, limits: Limits) -> dict[int, Course]:
    """Every series in which interference is seen at all."""
    made: dict[int, Course] = {}
    if not len(votes):
        return made
    hits = np.bincount(votes.columns["series"], weights=_hit_weight(votes), minlength=len(votes.series))
    wanted = np.flatnonzero(hits >= 1)
    dense = _dense(votes)
    family = family_of(limits)
    for grid in grids(votes, wanted[~dense[wanted]], _CELLS):
        path, models = explain(family, grid.k, grid.n)
        made |= _courses(votes, grid, path, models, limits, hourly=False)
    for grid in grids(votes, wanted[dense[wanted]], _CELLS, hourly=True):
        (by_day,) = grids(votes, grid.series, 1 << 60)
        models = most_forgiving(family, by_day.k, by_day.n)
        path = explain_with(models, grid.k, grid.n)
        made |= _courses(votes, grid, path, models, limits, hourly=True)
    return dict(sorted(made.items()))


def _courses(
    votes: Votes, grid: Grid, path: Ints, models: list[Model], limits: Limits, *, hourly: bool
) -> dict[int, Course]:
    made: dict[int, Course] = {}
    for row in np.flatnonzero(((path >= models[0].opens) & (grid.n > 0)).any(axis=1)):
        series = int(grid.series[row])
        course = _course(votes, series, models[row], path[row], grid.k[row], grid.n[row], limits, hourly=hourly)
        if course is not None:
            made[series] = course
    return made


def _hit_weight(votes: Votes) -> Floats:
    return np.nan_to_num(votes.columns["x"]) * votes.columns["weight"]


def _dense(votes: Votes) -> Ints:
    """Series that are tried in so many hours of a day that hours can be told apart."""
    c = votes.columns
    use = (c["weight"] > 0) & (c["hour"] >= 0)
    series = c["series"][use].astype(np.int64)
    hours = distinct((series * votes.days + c["day"][use]) * HOURS + c["hour"][use])[0] // HOURS
    days, _ = distinct(hours)
    of_hours = np.bincount(hours // votes.days, minlength=len(votes.series))
    of_days = np.bincount(days // votes.days, minlength=len(votes.series))
    return of_hours >= _HOURLY * np.maximum(of_days, 1)


def _course(
    votes: Votes, series: int, model: Model, path: Ints, k: Floats, n: Floats, limits: Limits, *, hourly: bool
) -> Course | None:
    held = np.flatnonzero(n > 0)
    hit = path[held] >= model.opens
    turns = [0, *(np.flatnonzero(hit[1:] != hit[:-1]) + 1).tolist(), len(held)]
    tries = _tries(votes, series, hourly=hourly)
    runs = [_run(votes, tries, bool(hit[a]), held[a:b], hourly=hourly) for a, b in pairwise(turns)]
    runs = _witnessed(votes, _floored(runs, limits), limits)
    if not any(run.hit for run in runs):
        return None
    found = _episodes(votes, series, model, runs, k, n, limits, hourly=hourly)
    weak = [span for span, episode in found if not enough(episode, limits)]
    if weak:
        for number in (number for span in weak for number in span):
            runs[number].hit = False
        runs = _joined(runs)
        found = _episodes(votes, series, model, runs, k, n, limits, hourly=hourly)
        found = [(span, episode) for span, episode in found if enough(episode, limits)]
    if not found:
        return None
    last = runs[-1]
    open_end = not last.hit
    tail = found[-1][1].end
    return Course(
        series, tuple(e for _, e in found), last.rows if open_end else last.rows[:0], tail if open_end else None
    )


def _episodes(
    votes: Votes, series: int, model: Model, runs: list[Run], k: Floats, n: Floats, limits: Limits, *, hourly: bool
) -> list[tuple[list[int], Episode]]:
    """The runs that make up each episode, and the episode."""
    spans = _spans(runs, limits, hourly=hourly)
    return [(span, _episode(votes, series, model, runs, span, k, n, limits, hourly=hourly)) for span in spans]


def enough(episode: Episode, limits: Limits) -> bool:
    """Is an episode explained by interference so much better that it is spoken of?"""
    if episode.onset.after is None and episode.end is None:
        return len(episode.rows) >= limits.tries  # it stands throughout: no change to be proven, the share decides
    # One more of each kind: of few tries, a share tells little.
    n = len(episode.rows)
    level = (episode.level * n + 1) / (n + 2)
    least = limits.evidence_partial if level < limits.partial else limits.evidence
    return n >= limits.change_tries and episode.statistic >= least


def _tries(votes: Votes, series: int, *, hourly: bool) -> Ints:
    own = votes.of(series)
    use = votes.columns["weight"][own] > 0
    if hourly:
        use &= votes.columns["hour"][own] >= 0
    return np.flatnonzero(use) + own.start


def bin_of(votes: Votes, rows: Ints, *, hourly: bool) -> Ints:
    """The bin of each of these tries."""
    day = votes.columns["day"][rows].astype(np.int64)
    return day * HOURS + votes.columns["hour"][rows] if hourly else day


def _run(votes: Votes, tries: Ints, hit: bool, bins: Ints, *, hourly: bool) -> Run:
    at = bin_of(votes, tries, hourly=hourly)
    return Run(hit, bins, tries[(at >= bins[0]) & (at <= bins[-1])])


def _floored(runs: list[Run], limits: Limits) -> list[Run]:
    """Too few tries make no episode: they are strays of the open path around them."""
    for run in runs:
        if run.hit and len(run.rows) < limits.tries:
            run.hit = False
    return _joined(runs)


def _witnessed(votes: Votes, runs: list[Run], limits: Limits) -> list[Run]:
    """One device's word ends nothing that others saw often enough without it."""
    device = votes.columns["device"]
    x = votes.columns["x"]
    changed = True
    while changed:
        changed = False
        for before, run in pairwise(runs):
            if not before.hit or run.hit:
                continue
            seen = np.unique(device[before.rows[x[before.rows] > 0.5]], return_counts=True)[1]
            vouch = np.unique(device[run.rows[x[run.rows] <= 0.5]])
            if seen.sum() - seen.max(initial=0) >= limits.tries and len(vouch) < limits.vantage_points:
                run.hit, changed = True, True
                run.against.append("one_vantage_ok")
                runs = _joined(runs)
                break
    return runs


def _joined(runs: list[Run]) -> list[Run]:
    made: list[Run] = []
    for run in runs:
        if made and made[-1].hit == run.hit:
            last = made[-1]
            last.bins = np.concatenate([last.bins, run.bins])
            last.rows = np.concatenate([last.rows, run.rows])
            last.against.extend(run.against)
        else:
            made.append(run)
    return made


def _spans(runs: list[Run], limits: Limits, *, hourly: bool) -> list[list[int]]:
    """Which runs of interference are one episode: three or more within days of each other come and go together."""
    gap = limits.recurring_gap * (HOURS if hourly else 1)
    groups: list[list[int]] = []
    for number, run in enumerate(runs):
        if not run.hit:
            continue
        near = groups and int(run.bins[0]) - int(runs[groups[-1][-1]].bins[-1]) <= gap
        if near:
            groups[-1].append(number)
        else:
            groups.append([number])
    made: list[list[int]] = []
    for group in groups:
        made.extend([group] if len(group) >= 3 else [[number] for number in group])
    return made


def _episode(
    votes: Votes, series: int, model: Model, runs: list[Run], span: list[int], k: Floats, n: Floats, limits: Limits,
    *, hourly: bool,
) -> Episode:  # fmt: skip
    first, last = span[0], span[-1]
    rows = np.concatenate([runs[i].rows for i in span])
    before = runs[first - 1] if first else None
    after = runs[last + 1] if last + 1 < len(runs) else None
    if before is None:
        onset = Bracket(None, _hour(votes, runs[first].rows, hit=True, last=False))
    else:
        onset = _bracket(votes, model, before, runs[first], k, n, limits, hourly=hourly)
    base = _base(votes, model, runs)
    end = None if after is None else _bracket(votes, model, runs[last], after, k, n, limits, hourly=hourly)
    sure = _sure(votes, rows, onset, end, limits)
    return Episode(
        series, sure, onset, end,
        None if before is None else _share(k, n, before.bins), _level(votes, sure),
        None if after is None else _share(k, n, after.bins),
        evidence(votes, model, rows, base), len(span), tuple(c for i in span for c in runs[i].against), model, hourly,
        rows[:0] if after is None else after.rows, base,
    )  # fmt: skip


def _sure(votes: Votes, rows: Ints, onset: Bracket, end: Bracket | None, limits: Limits) -> Ints:
    """The tries between the first and the last sight of interference; all of them, where those are too few."""
    hour = votes.columns["day"][rows].astype(np.int64) * HOURS + np.maximum(votes.columns["hour"][rows], 0)
    within = hour >= (0 if onset.after is None else onset.before - 1)
    if end is not None and end.after is not None:
        within &= hour <= end.after
    return rows[within] if within.sum() >= limits.tries else rows


def _level(votes: Votes, rows: Ints) -> float:
    w = votes.columns["weight"][rows].astype(float)
    return float((w * votes.columns["x"][rows]).sum() / w.sum())


def evidence(votes: Votes, model: Model, rows: Ints, base: int | None = None) -> float:
    """How much better interference explains these tries than an open path does, in nats.

    By network and day, however fine the bins in which it was found: one bad day is one accident, also by the hour.
    `base`: the level of the open path around them; a worse one is taken where it explains more than it costs.
    """
    k, n = _folded(votes, rows)
    cost = costs(model, k, n).sum(axis=1)
    opens = cost[: model.opens]
    if base is not None:
        opens = opens + np.where(np.arange(model.opens) == base, 0.0, 2 * model.drift)
    return float(opens.min() - cost[model.opens :].min())


def _folded(votes: Votes, rows: Ints) -> tuple[Floats, Floats]:
    """Weighed interference and tries by network and day."""
    c = votes.columns
    place = c["series"][rows].astype(np.int64) * votes.days + c["day"][rows]
    _, at = np.unique(place, return_inverse=True)
    w = c["weight"][rows].astype(float)
    n = np.bincount(at, weights=w)
    return np.minimum(np.bincount(at, weights=w * c["x"][rows]), n), n


def _base(votes: Votes, model: Model, runs: list[Run]) -> int | None:
    """The level of the open path that explains the open stretches best."""
    rows = [run.rows for run in runs if not run.hit]
    if not rows:
        return None
    k, n = _folded(votes, np.concatenate(rows))
    return int(np.argmin(costs(model, k, n).sum(axis=1)[: model.opens]))


def _share(k: Floats, n: Floats, bins: Ints) -> float:
    return float(k[bins].sum() / n[bins].sum())


def _bracket(
    votes: Votes, model: Model, old: Run, new: Run, k: Floats, n: Floats, limits: Limits, *, hourly: bool
) -> Bracket:
    """Last seen as before, first seen as after, around every place where the change is about as likely."""
    bins = np.concatenate([old.bins, new.bins])
    low, high = where(model, k[bins], n[bins], len(old.bins), within=limits.bracket)
    rows = np.concatenate([old.rows, new.rows])
    at = bin_of(votes, rows, hourly=hourly)
    around = np.flatnonzero((at >= bins[low - 1]) & (at <= bins[high]))
    first, last = turns(votes, rows[around], _share(k, n, old.bins), _share(k, n, new.bins), limits)
    turn, sure = around[0] + first, around[0] + last
    after = _hour(votes, rows[:turn] if turn else rows[:1], hit=old.hit, last=True)
    before = _hour(votes, rows[min(sure, len(rows) - 1) :], hit=new.hit, last=False)
    return Bracket(min(after, before - 1), before)


def turns(votes: Votes, rows: Ints, old: float, new: float, limits: Limits) -> tuple[int, int]:
    """The first and last place among tries in the order of time where the change is about as likely."""
    # Each try by itself: that a device's tries resemble each other says nothing of their order.
    x = votes.columns["x"][rows].astype(float)
    low, high = (np.clip(level, 0.05, 0.95) for level in (old, new))
    gain = x * np.log(high / low) + (1 - x) * np.log((1 - high) / (1 - low))
    # Of a change at place i: what the tries from i on say for the new level.
    total = np.concatenate([np.cumsum(gain[::-1])[::-1], [0.0]])
    best = int(np.argmax(np.round(total, 6)))
    near = total >= total[best] - limits.bracket
    first = last = best
    while first > 0 and near[first - 1]:
        first -= 1
    while last + 1 < len(total) and near[last + 1]:
        last += 1
    return first, last


def _hour(votes: Votes, rows: Ints, *, hit: bool, last: bool) -> int:
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
