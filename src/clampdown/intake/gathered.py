"""Law: the rows of a table give the same levels in any order; a time has one value, and a second one is told.

Levels wait in columns (about 32 bytes each) until the table ends or `WINDOW` of them wait: only then can it be said
which step a series has, which rows are copies and which contradict. Across windows equal levels meet when a day is
settled, as those of two files do.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from clampdown.intake.levels import LevelRows, Signal
from clampdown.model import Batch

WINDOW: Final = 2_000_000
DEFAULT_STEP: Final = 3600  # of a series too short to say, where no other of its signal does
_CHUNK: Final = 100_000
_EPOCH: Final = datetime(1970, 1, 1)
_MICRO: Final = timedelta(microseconds=1)
_SECOND: Final = 1_000_000
# A step holds if so many of the distances are multiples of it: a few stamps beside the grid do not make a finer one.
_ON_GRID: Final = 0.9  # provisional


def micros(time: datetime) -> int:
    """Microseconds since 1970 of a naive time."""
    return (time - _EPOCH) // _MICRO


class Kept:
    """The levels of one series that wait. `signal.step` is 0 while it is not known."""

    __slots__ = ("lines", "quality", "signal", "times", "unit", "values")

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.unit: str | None = None  # for readers that learn it from the first level
        self.clear()

    def clear(self) -> None:
        self.times, self.values, self.quality, self.lines = array("q"), array("d"), array("d"), array("q")

    def add(self, time: int, value: float, quality: float, line: int) -> None:
        """One level: microseconds since 1970, NaN for no value and no quality."""
        self.times.append(time)
        self.values.append(value)
        self.quality.append(quality)
        self.lines.append(line)


class Gathered:
    """All series of one table. `stepless`: they are looks at odd times, each at a stretch of its own."""

    def __init__(self, rows: LevelRows, *, stepless: bool = False) -> None:
        self.rows, self._stepless = rows, stepless
        self.waiting = 0  # counted by the reader
        self._kept: dict[tuple[Any, ...], Kept] = {}

    def of(self, signal: Signal) -> Kept:
        """The series that this is: as first met, whatever unit, step, country and zone are said later."""
        said = signal._replace(unit="", step=0, country=None, zone=None, normalised=False)
        found = self._kept.get(said)
        if found is None:
            found = self._kept[said] = Kept(signal)
        return found

    def __len__(self) -> int:
        return len(self._kept)

    def settle(self) -> Iterator[Batch]:
        """Hand on what waits."""
        sorted_ = [(kept, self._distinct(kept)) for kept in self._kept.values() if kept.times]
        common: dict[str, Counter[int]] = {}
        for kept, (times, _, _) in sorted_:
            if not kept.signal.step and not self._stepless and (step := step_of(times)):
                kept.signal = kept.signal._replace(step=step)
            if kept.signal.step:
                common.setdefault(kept.signal.signal, Counter())[kept.signal.step] += 1
        for kept, (times, values, quality) in sorted_:
            if not kept.signal.step and not self._stepless:
                seen = common.get(kept.signal.signal, Counter())
                step = min(seen, key=lambda each: (-seen[each], each), default=DEFAULT_STEP)
                kept.signal = kept.signal._replace(step=step)
            if kept.unit is not None:
                kept.signal = kept.signal._replace(unit=kept.unit, normalised=kept.unit == "normalised")
            for begin in range(0, len(times), _CHUNK):
                part = slice(begin, begin + _CHUNK)
                self._hand_on(kept.signal, times[part], values[part], quality[part])
                yield from self.rows.due()
            kept.clear()
        self.waiting = 0

    def _hand_on(self, signal: Signal, times: Any, values: Any, quality: Any) -> None:
        shares = None if np.isnan(quality).all() else _nulls(quality)
        self.rows.extend(signal, times.astype("datetime64[us]").tolist(), _nulls(values), shares)

    def _distinct(self, kept: Kept) -> tuple[Any, Any, Any]:
        """Times, values and quality in order of time, one of each time: the first line's, one with a value before."""
        times, values = np.frombuffer(kept.times, np.int64), np.frombuffer(kept.values)
        quality, lines = np.frombuffer(kept.quality), np.frombuffer(kept.lines, np.int64)
        order = np.lexsort((lines, np.isnan(values), times))
        times, values, quality, lines = times[order], values[order], quality[order], lines[order]
        first = np.ones(len(times), bool)
        first[1:] = times[1:] != times[:-1]
        if not first.all():
            self._contradicting(kept.signal, first, times, values, quality, lines)
        return times[first], values[first], quality[first]

    def _contradicting(self, signal: Signal, first: Any, times: Any, values: Any, quality: Any, lines: Any) -> None:
        """Reject what says another value for a time than the row that is kept."""
        at = np.flatnonzero(first)[np.cumsum(first) - 1]  # the kept row of each row
        equal = _equal(values, values[at]) & _equal(quality, quality[at])
        for i in np.flatnonzero(~equal).tolist():
            time = (_EPOCH + timedelta(microseconds=int(times[i]))).isoformat()
            kept, line = _shown(values[at[i]]), int(lines[at[i]])
            what = f"{signal.signal} of {signal.entity} at {time}"
            detail = f"{what} is {_shown(values[i])} here and {kept} on line {line}, which is kept"
            if _shown(values[i]) == kept:
                detail = f"{what} has another quality here than on line {line}, which is kept"
            self.rows.reject(int(lines[i]), "contradiction", detail)


def _equal(a: Any, b: Any) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _shown(value: float) -> str:
    return "no value" if value != value else f"{value:.12g}"


def _nulls(values: Any) -> list[float | None]:
    plain: list[float | None] = values.tolist()
    if np.isnan(values).any():
        return [None if value != value else value for value in plain]
    return plain


def step_of(times: Any) -> int:
    """Seconds from one time to the next, by the most frequent distance of sorted, distinct times; 0 if there is none.

    It must divide nine in ten of the distances; else their greatest common divisor is the step, from a minute on.
    """
    distances = np.diff(times) // _SECOND
    distances = distances[distances > 0]
    if not len(distances):
        return 0
    sizes, counts = np.unique(distances, return_counts=True)
    usual = int(sizes[np.argmax(counts)])  # of equally frequent ones the smallest
    if float((distances % usual == 0).mean()) >= _ON_GRID:
        return usual
    divisor = int(np.gcd.reduce(distances))
    return divisor if divisor >= 60 else usual
