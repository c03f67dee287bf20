"""Law: a bar is as long as its evidence: what the bracket leaves open is drawn as open, and silence is drawn on top.

Geometry only, in parts of the width (0 to 100) and, for the plots, in days and percent; the template makes SVG of it.
A grade has a height, so that it shows without colour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from clampdown.assess.events import Event, Run, Timeline
from clampdown.publish.charts import MIN_COLUMNS

OPEN: Final = 8  # events that are shown at once; the others are folded
MAX_EVENTS: Final = 60  # the rest is in report.json
HEIGHT: Final = {"insufficient": 4, "consistent": 7, "corroborated": 11, "confirmed": 15}
LANE: Final = 20


class Part(NamedTuple):
    """A stretch of the axis, in percent of its width."""

    x: float
    width: float


class Lane(NamedTuple):
    """The bar of one event."""

    kind: str  # the state whose colour it has
    height: int
    y: float
    sure: Part | None
    unsure: tuple[Part, ...]
    earlier: bool  # it goes on to the left of what is drawn
    lasts: float | None  # where the arrow of what lasts stands
    nobody: tuple[Part, ...]
    untested: tuple[Part, ...]


class Plot(NamedTuple):
    """k of n per day: paths in days (x) and percent (y, downwards)."""

    width: int
    band: str
    share: str
    few: str  # days on which one vantage point spoke
    undecided: str
    untested: str
    nobody: tuple[Part, ...]
    unsure: tuple[Part, ...]
    changes: tuple[tuple[float, str, str], ...]  # place, direction, day


class Bar(NamedTuple):
    event: Event
    lane: Lane
    plot: Plot


class Drawn(NamedTuple):
    """The timeline as far as it is drawn."""

    shown: tuple[Bar, ...]
    folded: tuple[Bar, ...]
    more: int


class _Axis:
    """Days as places."""

    def __init__(self, days: Sequence[str]) -> None:
        self.days = days
        self.width = max(len(days), MIN_COLUMNS)
        self.end = len(days)
        self._at = {day: index for index, day in enumerate(days)}

    def column(self, day: str) -> int | None:
        return self._at.get(day)

    def at(self, day: str | None, *, else_: float) -> float:
        """The middle of a day, in columns; what lies outside is at the edge."""
        if day is None:
            return else_
        if day in self._at:
            return self._at[day] + 0.5
        return 0.0 if day < self.days[0] else float(self.end)

    def part(self, first: float, last: float) -> Part:
        return Part(round(100 * first / self.width, 3), round(100 * (last - first) / self.width, 3))

    def runs(self, runs: Iterable[Run]) -> tuple[Part, ...]:
        """Runs of days as stretches, cut at the edges."""
        made: list[Part] = []
        for run in runs:
            if run.last >= self.days[0] and run.first <= self.days[-1]:
                first, last = self._at.get(run.first, 0), self._at.get(run.last, self.end - 1)
                made.append(self.part(first, last + 1))
        return tuple(made)


def draw(made: Timeline, days: Sequence[str]) -> Drawn:
    """Lay out the first events of a timeline over these days."""
    if not days:
        return Drawn((), (), len(made.events))
    axis = _Axis(days)
    bars = tuple(Bar(each, _lane(each, axis), _plot(each, axis)) for each in made.events[:MAX_EVENTS])
    return Drawn(bars[:OPEN], bars[OPEN:], len(made.events) - len(bars))


def kind_of(event: Event) -> str:
    """Slowed down where nothing else was seen; else blocked."""
    found = event.main.mechanisms
    return "throttled" if found and all("throttle" in each.split(".") for each in found) else "blocked"


def _lane(event: Event, axis: _Axis) -> Lane:
    began, ended = event.began, event.ended
    opens = (began.after, began.before) if began else (None, None)
    closes = (ended.after, ended.before) if ended else (None, None)
    lasts = began is not None and ended is None and bool(began.lasts)
    first = axis.at(opens[1], else_=0.0)
    # Where nobody says that it lasts and nobody saw it end, it is sure as far as it was seen.
    hits = [day.day for day in event.days if day.k and (closes[1] is None or day.day < closes[1])]
    seen = float(axis.end) if lasts else axis.at(hits[-1] if hits else None, else_=first)
    last = max(first, axis.at(closes[0], else_=seen))
    marks = [(axis.at(opens[0], else_=first), first), (last, axis.at(closes[1], else_=float(axis.end)))]
    later = bool(closes[0] and closes[0] > axis.days[-1])
    height = HEIGHT.get(event.main.grade, HEIGHT["insufficient"])
    return Lane(
        kind=kind_of(event), height=height, y=(LANE - height) / 2,
        sure=axis.part(first, last) if last > first else None,
        unsure=tuple(axis.part(a, b) for a, b in marks if b > a),
        earlier=opens[1] is None or opens[1] < axis.days[0],
        lasts=round(100 * axis.end / axis.width, 3) if lasts or later else None,
        nobody=axis.runs(event.nobody), untested=axis.runs(event.untested),
    )  # fmt: skip


def _plot(event: Event, axis: _Axis) -> Plot:
    paths: dict[str, list[str]] = {name: [] for name in ("band", "share", "few", "undecided", "untested")}
    for day in event.days:
        x = axis.column(day.day)
        if x is None:
            continue
        if day.low is None or day.high is None or not day.n:
            paths["undecided"].append(f"M{x + 0.5:g} 91v9")
            continue
        paths["band"].append(f"M{x} {100 - 100 * day.high:.4g}h1v{100 * (day.high - day.low):.4g}h-1z")
        paths["few" if day.vantage.low < 2 else "share"].append(f"M{x + 0.08:g} {100 - 100 * day.k / day.n:.4g}h.84")
    for run in event.untested:
        first = axis.column(max(run.first, axis.days[0]))
        last = axis.column(min(run.last, axis.days[-1]))
        if first is not None and last is not None:
            paths["untested"].extend(f"M{x + 0.3:g} 97h.4" for x in range(first, last + 1))
    brackets = [
        (axis.at(each.after, else_=0.0), axis.at(each.before, else_=float(axis.end)))
        for each in (event.began, event.ended)
        if each and (each.after or each.before)
    ]
    return Plot(
        width=axis.width, nobody=axis.runs(event.nobody),
        unsure=tuple(axis.part(a, b) for a, b in brackets if b > a),
        changes=_changes(event, axis), **{name: "".join(found) for name, found in paths.items()},
    )  # fmt: skip


def _changes(event: Event, axis: _Axis) -> tuple[tuple[float, str, str], ...]:
    """The days on which members were first seen changed; without members, the event's own."""
    found = Counter((m.before, m.direction) for m in event.members if m.before)
    if not found:
        found = Counter((e.before, e.direction) for e in (event.began, event.ended) if e and e.before)
    return tuple(
        (axis.part(at + 0.5, at + 0.5).x, direction, day)
        for day, direction in sorted(found)
        if (at := axis.column(day)) is not None
    )


def months(days: Sequence[str]) -> tuple[float, ...]:
    """Where a month begins, in percent."""
    if not days:
        return ()
    axis = _Axis(days)
    return tuple(axis.part(i + 1, i + 1).x for i, (a, b) in enumerate(pairwise(days)) if a[:7] != b[:7])
