"""Law: a stamp that says two things says nothing; one that says the same twice is counted once. Order changes nothing.

For levels of one file that compare with no other file's: nobody else could tell which of two is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from clampdown.intake.levels import LevelRows, Signal


class Gathered:
    """The levels of one series until the file is read."""

    def __init__(self) -> None:
        self._said: dict[datetime, list[tuple[float | None, int | None]]] = {}

    def add(self, time: datetime, value: float | None, line: int | None) -> None:
        """One level and the line that says it; a null among numbers of the same time says nothing against them."""
        self._said.setdefault(time, []).append((value, line))

    def __bool__(self) -> bool:
        return any(value is not None for said in self._said.values() for value, _ in said)

    def give(self, rows: LevelRows, signal: Signal, name: str) -> None:
        """Hand on what can be believed, and reject the rest with its lines."""
        for time, said in sorted(self._said.items()):
            said = sorted(said, key=lambda each: (each[1] is None, each[1] or 0))
            values = {value for value, _ in said if value is not None}
            if len(values) > 1:
                shown = ", ".join(f"{value:g}" for value in sorted(values))
                for _, line in said:
                    rows.reject(line, "conflict", f"{name} at {time:%Y-%m-%d %H:%M} is said to be {shown}")
                continue
            rows.add(signal, time, next(iter(values), None))
            for _, line in said[1:]:
                rows.reject(line, "duplicate", f"{name} at {time:%Y-%m-%d %H:%M} once more")


def step_of(times: Sequence[datetime], default: int | None = None) -> int | None:
    """Seconds between two times that follow each other, as most often seen; the smaller of two as frequent."""
    ordered = sorted(set(times))
    gaps = Counter(int((b - a) / timedelta(seconds=1)) for a, b in pairwise(ordered))
    gaps.pop(0, None)
    return min(gaps, key=lambda gap: (-gaps[gap], gap)) if gaps else default
