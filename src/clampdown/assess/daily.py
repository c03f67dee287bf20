"""Law: a day's level is made of the bins that have a value, and is none where too few of them do.

A bin belongs to the day in which its middle lies: a window of a day that ends in the evening tells of that day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import fsum
from typing import Final, NamedTuple

import pyarrow as pa

_DAY: Final = 86_400


class Level(NamedTuple):
    """One level of a series."""

    time: datetime
    value: float | None
    quality: float | None


class Day(NamedTuple):
    """A day of a series."""

    day: str
    value: float | None
    quality: float | None


Days = dict[str, Day]


def days_of(levels: pa.Table, at: str) -> Mapping[str, Sequence[Level]]:
    """Series -> its levels up to the day `at`, in order of time."""
    end = datetime.fromisoformat(at) + timedelta(days=1)
    found: dict[str, list[Level]] = defaultdict(list)
    columns = (levels[name].to_pylist() for name in ("series", "time", "value", "quality"))
    for series, time, value, quality in zip(*columns, strict=True):
        if time < end:
            found[series].append(Level(time, value, quality))
    for each in found.values():
        each.sort(key=lambda level: level.time)
    return found


def level_of_day(levels: Iterable[Level], step: int, filled: float) -> Iterator[Day]:
    """The mean of each day's values; null where fewer than the share `filled` of its bins have one."""
    half = timedelta(seconds=step) / 2
    for day, group in groupby(levels, lambda level: (level.time + half).date()):
        mine = list(group)
        values = [level.value for level in mine if level.value is not None]
        shares = [level.quality for level in mine if level.quality is not None]
        enough = bool(values) and len(values) * step >= filled * _DAY
        yield Day(day.isoformat(), fsum(values) / len(values) if enough else None, _mean(shares))


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None
