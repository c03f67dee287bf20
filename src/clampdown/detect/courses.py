"""Law: a course is what happened to one series, told in episodes; nothing starts or ends on one vantage point's word.

From the levels of a series to episodes of interference with brackets. An episode below the floor of tries is none.
An open stretch that a single device vouches for neither divides an episode that several devices saw, nor ends it:
it is kept as what speaks against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clampdown.detect.brackets import Bracket, Run, bin_of, bracket, hour_of
from clampdown.detect.detectors.levels import (
    Model,
    costs,
    explain,
    explain_with,
    family_of,
    most_forgiving,
)
from clampdown.detect.limits import Limits
from clampdown.detect.series import HOURS, Grid, grids
from clampdown.detect.votes import Floats, Ints, Votes, distinct

_CELLS = 1 << 21  # of a block of series: 2 M cells are about 200 MB while they are explained
_HOURLY = 12  # distinct hours with tries on a day with tries, from which hours are looked at by themselves
_HOUR_WEIGHT = 0.5  # weighed tries that an hour with tries must have: counts are taken in halves


@dataclass(frozen=True, slots=True)
class Episode:
    """Interference from an onset to an end, or to the end of the data."""

    series: int
    rows: Ints  # tries surely within it
    every: Ints  # all of its tries, those within the brackets too
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
    """Series that are tried in so many hours of a day, and by so many, that hours can be told apart."""
    c = votes.columns
    use = (c["weight"] > 0) & (c["hour"] >= 0)
    series = c["series"][use].astype(np.int64)
    hours = distinct((series * votes.days + c["day"][use]) * HOURS + c["hour"][use])[0] // HOURS
    days, _ = distinct(hours)
    of_hours = np.bincount(hours // votes.days, minlength=len(votes.series))
    of_days = np.bincount(days // votes.days, minlength=len(votes.series))
    weight = np.bincount(series, weights=c["weight"][use], minlength=len(votes.series))
    return (of_hours >= _HOURLY * np.maximum(of_days, 1)) & (weight >= _HOUR_WEIGHT * of_hours)


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
    least_of = least(episode.level, len(episode.rows), limits)
    return len(episode.every) >= limits.change_tries and episode.statistic >= least_of


def least(level: float, n: int, limits: Limits) -> float:
    """The evidence that it takes, in nats: more where interference is partial."""
    share = (level * n + 1) / (n + 2)  # one more of each kind: of few tries, a share tells little
    if share >= limits.full:
        return limits.evidence_full
    return limits.evidence_partial if share < limits.partial else limits.evidence


def _tries(votes: Votes, series: int, *, hourly: bool) -> Ints:
    own = votes.of(series)
    use = votes.columns["weight"][own] > 0
    if hourly:
        use &= votes.columns["hour"][own] >= 0
    return np.flatnonzero(use) + own.start


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
        onset = Bracket(None, hour_of(votes, runs[first].rows, hit=True, last=False))
    else:
        onset = bracket(votes, model, before, runs[first], k, n, limits, hourly=hourly)
    base = _base(votes, model, runs)
    end = None if after is None else bracket(votes, model, runs[last], after, k, n, limits, hourly=hourly)
    sure = _sure(votes, rows, onset, end, limits)
    return Episode(
        series, sure, rows, onset, end,
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
