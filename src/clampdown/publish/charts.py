"""Law: a chart draws what was counted: a day without data is drawn as such, and no bar is taller than its evidence.

Geometry only, in units of days and lines; the template turns it into SVG. The height of a bar orders states for those
who see no colour: reachable is a thin line, blocked fills its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

from clampdown.assess.counting import CONFLICTING, DECIDED, INSUFFICIENT, MIXED
from clampdown.assess.document import Cell, Network

HEIGHT: Final = {
    "ok": 0.26, "unknown": 0.26, "down": 0.5, "refused": 0.5, "conflicting": 0.74, "throttled": 0.74, "blocked": 0.94,
}  # fmt: skip
_MAJORITY: Final = 0.6
_BAR: Final = 0.82  # width of a bar, of its day
MAX_DAYS: Final = 400
MIN_COLUMNS: Final = 28  # few days do not become wide bars
_APART: Final = 0.17  # of the axis: what a label of a day needs on a telephone
_APART_YEARS: Final = 0.27  # the same with a year, on a telephone and on half a sheet


class Path(NamedTuple):
    """All bars of one state as one SVG path; `few` marks what decides nothing: a single try, or too little data."""

    state: str
    few: bool
    d: str


class Line(NamedTuple):
    """One network of a strip."""

    network: int
    poor: bool  # too little data for an answer
    states: tuple[tuple[str, str], ...]  # (day, state), for the words beside the picture
    outside: int  # tries on days that are not drawn


class Strip(NamedTuple):
    """The days of one target on some networks."""

    days: int
    width: int  # columns; more than days where there are few of them
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
                few = cell.state == INSUFFICIENT or sum(known[day].values()) < 2
                bars[state, few].append(_bar(x, row, HEIGHT[state]))
                states.append((day, state))
            elif day not in away:
                dots.append(_dot(x, row))
        outside = sum(sum(tries.values()) for day, tries in known.items() if day not in column)
        lines.append(Line(cell.network, cell.state == INSUFFICIENT, tuple(states), outside))
    return Strip(
        days=len(days),
        width=max(len(days), MIN_COLUMNS),
        height=len(cells),
        paths=tuple(Path(state, few, "".join(d)) for (state, few), d in sorted(bars.items())),
        untried="".join(dots),
        silent=tuple(_columns(column[day] for day in silent if day in column)),
        months=tuple(index for day, index in column.items() if day.endswith("-01") and index),
        lines=tuple(lines),
    )


def _bar(x: int, row: int, height: float) -> str:
    return f"M{x + (1 - _BAR) / 2:.2f} {row + (1 - height) / 2:.2f}h{_BAR}v{height:g}h-{_BAR}z"


def _dot(x: int, row: int) -> str:
    return f"M{x + 0.36:.2f} {row + 0.46:.2f}h.28v.08h-.28z"


def _columns(found: Collection[int] | object) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for x in sorted(found):  # type: ignore[arg-type]
        if runs and runs[-1][0] + runs[-1][1] == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs


class Tick(NamedTuple):
    """A label below a strip, at a part of its width."""

    at: float
    day: str
    place: str  # start | middle | end: on which side of `at` the label lies


def ticks(days: Sequence[str], *, years: bool = False) -> tuple[Tick, ...]:
    """The first day, the last one, and between them the first days of months, as far as there is room."""
    if not days:
        return ()
    apart = _APART_YEARS if years else _APART
    width = max(len(days), MIN_COLUMNS)
    end = (len(days) - 0.5) / width
    made = [Tick(0.0, days[0], "start")]
    if len(days) > 1 and end > 2 * apart:
        whole = len(days) == width
        made.append(Tick(1.0 if whole else end, days[-1], "end" if whole else "middle"))
    months = [(index + 0.5) / width for index, day in enumerate(days) if day.endswith("-01")]
    named = {(index + 0.5) / width: day for index, day in enumerate(days) if day.endswith("-01")}
    for step in (1, 2, 3, 4, 6, 12):
        chosen = [at for at in months if (int(named[at][5:7]) - 1) % step == 0]
        chosen = [at for at in chosen if at > 1.5 * apart and (len(made) < 2 or made[1].at - at > 1.5 * apart)]
        if all(b - a > apart for a, b in pairwise(chosen)):
            return (made[0], *(Tick(at, named[at], "middle") for at in chosen), *made[1:])
    return tuple(made)


def last(days: Sequence[str]) -> list[str]:
    """As many days as can be drawn, the newest."""
    return [day for day in days if _is_day(day)][-MAX_DAYS:]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
