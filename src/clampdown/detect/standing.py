"""Law: what stands above `consistent` is found again, by the same way, with any one device left out.

The devices that saw most are left out one at a time; who saw less matters less. Each series without one of its
devices is a series of its own, and all of them are looked at together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from clampdown.detect.courses import Course, Episode, courses
from clampdown.detect.limits import Limits
from clampdown.detect.series import HOURS
from clampdown.detect.votes import Ints, Votes

_MOST: Final = 3  # devices of an episode that are left out in turn
_BLOCK: Final = 2_000_000  # tries looked at together
Place = tuple[int, int]


def standing(votes: Votes, found: Mapping[int, Course], limits: Limits) -> set[Place]:
    """The episodes (series, number) that several devices saw and that any of them may be left out of."""
    wanted: list[tuple[Place, int]] = []
    for series, course in found.items():
        for number, episode in enumerate(course.episodes):
            devices = _loudest(votes, episode)
            if len(devices) >= limits.vantage_points:
                wanted.extend(((series, number), device) for device in devices[:_MOST])
    lost: set[Place] = set()
    for block in _blocks(votes, wanted):
        again = courses(_without(votes, block), limits)
        for variant, ((series, number), _) in enumerate(block):
            if not _found_again(found[series].episodes[number], again.get(variant)):
                lost.add((series, number))
    return {place for place, _ in wanted} - lost


def _loudest(votes: Votes, episode: Episode) -> list[int]:
    """The devices that saw interference, those that saw most first."""
    c = votes.columns
    hits = episode.every[c["x"][episode.every] > 0.5]
    names, at = np.unique(c["device"][hits], return_inverse=True)
    told = np.round(np.bincount(at, weights=c["weight"][hits].astype(float), minlength=len(names)), 6)
    return names[np.argsort(-told, kind="stable")].tolist()


def _blocks(votes: Votes, wanted: list[tuple[Place, int]]) -> list[list[tuple[Place, int]]]:
    made: list[list[tuple[Place, int]]] = []
    size = _BLOCK
    for one in wanted:
        own = votes.of(one[0][0])
        if size + own.stop - own.start > _BLOCK:
            made.append([])
            size = 0
        made[-1].append(one)
        size += own.stop - own.start
    return made


def _without(votes: Votes, block: list[tuple[Place, int]]) -> Votes:
    """A series for each entry: that of the episode, the device without weight."""
    slices = [votes.of(series) for (series, _), _ in block]
    rows = np.concatenate([np.arange(own.start, own.stop) for own in slices])
    lengths = np.array([own.stop - own.start for own in slices])
    columns: dict[str, Ints] = {name: column[rows] for name, column in votes.columns.items()}
    columns["series"] = np.repeat(np.arange(len(block), dtype=np.int32), lengths)
    gone = columns["device"] == np.repeat(np.array([device for _, device in block], np.int64), lengths)
    columns["weight"] = np.where(gone, 0, columns["weight"]).astype(np.float32)
    start = np.concatenate([[0], np.cumsum(lengths)])
    keys = tuple(votes.series[series] for (series, _), _ in block)
    return replace(votes, series=keys, columns=columns, start=start)


def _found_again(episode: Episode, course: Course | None) -> bool:
    """Is there an episode in the same time? Brackets may have become wider."""
    if course is None:
        return False
    end = 1 << 40 if episode.end is None or episode.end.after is None else episode.end.after
    for other in course.episodes:
        last = 1 << 40 if other.end is None or other.end.after is None else other.end.after
        if other.onset.before - HOURS <= end and episode.onset.before - HOURS <= last:
            return True
    return False
