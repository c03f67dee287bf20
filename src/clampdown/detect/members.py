"""Law: a change is one series going from one state to the other; only graded ones can belong to an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from clampdown.detect.courses import Course, Episode
from clampdown.detect.findings import Row
from clampdown.detect.limits import Limits
from clampdown.detect.measure import Counter, supporters
from clampdown.detect.votes import Ints, Key, Votes

_GRADES = ("insufficient", "consistent", "corroborated", "confirmed")


@dataclass(frozen=True, slots=True)
class Change:
    """One member of an event. `place` names the episode: its series, and its number in the course."""

    key: Key
    direction: str  # block | unblock
    after: int | None  # hours of the window: last seen as before, first seen as after
    before: int
    level_before: float | None
    level_after: float | None
    statistic: float
    grade: str
    mechanism: str | None
    k: int
    n: int
    place: tuple[int, int]
    lasts: bool
    until: int | None  # block: the hour by which it had ended
    pattern: str | None
    against: tuple[str, ...]
    rows: Ints = field(compare=False)  # tries that saw the new state
    signatures: frozenset[tuple[object, ...]] = frozenset()  # what its devices say of themselves, networks apart
    ended: frozenset[tuple[object, ...]] | None = None  # unblock: the same of the devices that saw what it ends


def changes(
    votes: Votes, found: Mapping[int, Course], rows: Mapping[tuple[int, int], Row], count: Counter, limits: Limits
) -> list[Change]:
    """Every onset and every end of a graded episode. `rows`: the finding of each episode."""
    made: list[Change] = []
    for series, course in found.items():
        for number, episode in enumerate(course.episodes):
            row = rows[series, number]
            if row["grade"] == "insufficient":
                continue
            if episode.onset.after is not None:
                made.append(_block(votes, series, number, episode, row))
            if episode.end is not None:
                made.append(_unblock(votes, series, number, episode, row, count, limits))
    return made


def _block(votes: Votes, series: int, number: int, episode: Episode, row: Row) -> Change:
    hits = supporters(votes, episode)
    return Change(
        key=votes.series[series], direction="block", after=episode.onset.after, before=episode.onset.before,
        level_before=episode.level_before, level_after=episode.level, statistic=episode.statistic, grade=row["grade"],
        mechanism=row["mechanism"], k=row["k"], n=row["n"], place=(series, number), lasts=episode.end is None,
        until=episode.end.before if episode.end else None, pattern=row["pattern"],
        against=tuple((row["contradicts"] or "").split(",")) if row["contradicts"] else (), rows=hits,
        signatures=signatures(votes, hits),
    )  # fmt: skip


def _unblock(
    votes: Votes, series: int, number: int, episode: Episode, row: Row, count: Counter, limits: Limits
) -> Change:
    end = episode.end
    if end is None:
        raise ValueError("an episode that lasts has no end")
    fine = episode.followed[votes.columns["x"][episode.followed] <= 0.5]
    low, _ = count.bounds(fine)
    days = len(np.unique(votes.columns["day"][fine]))
    firm = low >= limits.vantage_points and days >= limits.corroborated_days
    grade = row["grade"] if firm else "consistent"
    return Change(
        key=votes.series[series], direction="unblock", after=end.after, before=end.before,
        level_before=episode.level, level_after=episode.level_after, statistic=episode.statistic,
        grade=lesser(grade, "corroborated"), mechanism=row["mechanism"],
        k=len(episode.followed) - len(fine), n=len(episode.followed), place=(series, number), lasts=False, until=None,
        pattern=row["pattern"], against=(), rows=fine, signatures=signatures(votes, fine),
        ended=signatures(votes, supporters(votes, episode)),
    )  # fmt: skip


def lesser(one: str, other: str) -> str:
    """The weaker one of two grades."""
    return min(one, other, key=_GRADES.index)


def signatures(votes: Votes, rows: Ints) -> frozenset[tuple[object, ...]]:
    """What the devices behind some tries say of themselves, without the network they say they are on."""
    return frozenset(votes.names["device"][i][2:] for i in np.unique(votes.columns["device"][rows]).tolist())
