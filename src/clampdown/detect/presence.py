"""Law: that a signal did not move is said only of one that was there to be seen; that is looked up, not assumed.

A second look at the levels of the days on which something fell: which other signals of that entity had data then, and
the levels that an outage rests on, with their digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

# Day -> the series wanted of it; gives (day, levels with series, time, value), days in order.
Levels = Callable[[Mapping[str, frozenset[str]]], Iterable[tuple[str, pa.Table]]]
EDGE: Final = timedelta(hours=12)  # of levels on either side of a beginning and an end that an outage rests on
_LOOK: Final = timedelta(hours=6)  # at its beginning, in which other signals must be there
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time of some series, for one outage."""

    number: int  # of the outage
    begin: datetime
    end: datetime
    series: frozenset[str]
    look: bool  # is it asked for presence, or for witnesses


@dataclass(frozen=True, slots=True)
class Seen:
    """What the second look found for one outage."""

    there: Mapping[str, int]  # series -> levels with a value in the first hours
    points: int
    digest: str


def first_hours(number: int, begin: datetime, end: datetime, series: Iterable[str]) -> Window:
    """The stretch in which signals that did not move must have been there."""
    return Window(number, begin, min(end, begin + _LOOK), frozenset(series), look=True)


def witnesses(number: int, begin: datetime, end: datetime, series: Iterable[str]) -> list[Window]:
    """The levels around a beginning and an end."""
    own = frozenset(series)
    if end - begin <= 2 * EDGE:
        return [Window(number, begin - EDGE, end + EDGE, own, look=False)]
    return [Window(number, at - EDGE, at + EDGE, own, look=False) for at in (begin, end)]


def look(windows: Sequence[Window], levels: Levels) -> dict[int, Seen]:
    """Read what the windows ask for, each day once."""
    days: dict[str, set[str]] = defaultdict(set)
    of_day: dict[str, list[Window]] = defaultdict(list)
    for window in windows:
        for day in _days(window):
            days[day] |= window.series
            of_day[day].append(window)
    there: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    lines: dict[int, set[str]] = defaultdict(set)
    for day, table in levels({day: frozenset(found) for day, found in sorted(days.items())}):
        for window in of_day.get(day, ()):
            for series, time, value in _rows(table, window):
                if window.look:
                    there[window.number][series] += 1
                else:
                    lines[window.number].add(f"{series} {time.isoformat()} {value!r}")
    return {
        number: Seen(dict(there[number]), len(lines[number]), _digest(lines[number]))
        for number in sorted({window.number for window in windows})
    }


def _digest(lines: Iterable[str]) -> str:
    total = sha256()
    for line in sorted(lines):
        total.update(f"{line}\n".encode())
    return total.hexdigest()


def _days(window: Window) -> Iterator[str]:
    day = window.begin.date()
    while day <= window.end.date():
        yield day.isoformat()
        day += _DAY


def _rows(table: pa.Table, window: Window) -> Iterator[tuple[str, datetime, float]]:
    kind = pa.timestamp("us")
    begin, end = pa.scalar(window.begin, kind), pa.scalar(window.end, kind)
    where = (
        (pc.field("time") >= begin) & (pc.field("time") < end) & pc.field("value").is_valid()
        & pc.field("series").isin(sorted(window.series))
    )  # fmt: skip
    found = table.filter(where)
    yield from zip(*(found[name].to_pylist() for name in ("series", "time", "value")), strict=True)
