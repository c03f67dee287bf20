"""Law: a chart draws what was counted: a day without data is drawn as such, and no bar is taller than its evidence.

Geometry only, in units of days and lines; the template turns it into SVG. The height of a bar orders states for those
who see no colour: reachable lies low, blocked stands tall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from clampdown.assess.counting import CONFLICTING, DECIDED, MIXED
from clampdown.assess.document import Cell, Network

HEIGHT: Final = {
    "ok": 0.26, "unknown": 0.26, "down": 0.5, "refused": 0.5, "conflicting": 0.74, "throttled": 0.74, "blocked": 0.94,
}  # fmt: skip
_MAJORITY: Final = 0.6
_BAR: Final = 0.82  # width of a bar, of its day
MAX_DAYS: Final = 400


class Path(NamedTuple):
    """All bars of one state as one SVG path; `few` marks days with a single try."""

    state: str
    few: bool
    d: str


class Line(NamedTuple):
    """One network of a strip."""

    network: int
    states: tuple[tuple[str, str], ...]  # (day, state), for the table beside the picture


class Strip(NamedTuple):
    """The days of one target on some networks."""

    width: int
    height: int
    paths: tuple[Path, ...]
    untried: str  # path of the dots
    silent: tuple[tuple[int, int], ...]  # (first column, columns) without any data from the country
    months: tuple[int, ...]  # columns on which a month begins
    lines: tuple[Line, ...]


def day_state(tries: Mapping[str, int]) -> str | None:
    """What most tries of one day said."""
    decided = sum(tries.get(state, 0) for state in (*DECIDED, MIXED))
    if not decided:
        return "unknown" if tries.get("unknown") else None
    for state in DECIDED:
        if tries.get(state, 0) >= _MAJORITY * decided:
            return state
    return CONFLICTING


def strip(
    cells: Sequence[Cell], days: Sequence[str], silent: Collection[str], networks: Mapping[int, Network]
) -> Strip:
    """Lay out one line per cell and one column per day."""
    column = {day: index for index, day in enumerate(days)}
    bars: dict[tuple[str, bool], list[str]] = defaultdict(list)
    dots: list[str] = []
    lines: list[Line] = []
    for row, cell in enumerate(cells):
        known = {day.day: day.tries for day in cell.days}
        states: list[tuple[str, str]] = []
        away = set(networks[cell.network].silent)
        for day, x in column.items():
            state = day_state(known[day]) if day in known else None
            if state is not None:
                height = HEIGHT[state]
                bars[state, sum(known[day].values()) < 2].append(_bar(x, row + 1, height))
                states.append((day, state))
            elif day not in away:
                dots.append(_dot(x, row + 1))
        lines.append(Line(cell.network, tuple(states)))
    return Strip(
        width=len(days),
        height=len(cells),
        paths=tuple(Path(state, few, "".join(d)) for (state, few), d in sorted(bars.items())),
        untried="".join(dots),
        silent=tuple(_columns(column[day] for day in silent if day in column)),
        months=tuple(index for day, index in column.items() if day.endswith("-01") and index),
        lines=tuple(lines),
    )


def _bar(x: int, bottom: int, height: float) -> str:
    return f"M{x + (1 - _BAR) / 2:.2f} {bottom - 0.03:g}h{_BAR}v-{height:g}h-{_BAR}z"


def _dot(x: int, bottom: int) -> str:
    return f"M{x + 0.36:.2f} {bottom - 0.05:g}h.28v-.08h-.28z"


def _columns(found: Collection[int] | object) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for x in sorted(found):  # type: ignore[arg-type]
        if runs and runs[-1][0] + runs[-1][1] == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs


def ticks(days: Sequence[str]) -> tuple[str, ...]:
    """First, middle and last day of an axis."""
    if len(days) < 3:
        return tuple(days)
    return (days[0], days[len(days) // 2], days[-1])


def last(days: Sequence[str]) -> list[str]:
    """As many days as can be drawn, the newest."""
    return [day for day in days if _is_day(day)][-MAX_DAYS:]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
