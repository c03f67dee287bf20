"""Law: a panel draws each level where it stood: the lowest of a bin is never lost, and what is missing is hatched.

Geometry only: places in percent of the width; curves in bins of the axis (x) and percent of the panel (y, downwards).
A shade is as long as the fall of that signal; what its bracket leaves open is a lighter shade.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from statistics import median
from typing import Final, NamedTuple

from clampdown.assess import zones
from clampdown.assess.connectivity import Connectivity, Levels, Outage, Panel, Part
from clampdown.assess.outages import FELL, folded, rank, weight
from clampdown.model_signals import PLANES
from clampdown.publish import numbers as num
from clampdown.publish.words.outages import came_back

MAX_PANELS: Final = 12  # the rest is in report.json
MAX_OUTAGES: Final = 60
NARROW, WIDE = 4, 10  # labels of a ruler, on a telephone and beyond
_FLAT: Final = 0.2  # of its height that a signal swings within _SOME_DAYS, above which one level misleads. Provisional.
_SOME_DAYS: Final = timedelta(days=3)
_FULL: Final = 95  # percent of a panel that the highest level fills
_HOURS: Final = (1, 2, 3, 6, 12)
_DAYS: Final = (1, 2, 3, 5, 7, 14, 28)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60)


_Parts = Sequence[tuple[Outage, Part]]


class Stretch(NamedTuple):
    """A part of the axis, in percent."""

    x: float
    width: float


class Shade(NamedTuple):
    """One cut: what is sure, and what its brackets leave open."""

    sure: Stretch | None
    open: tuple[Stretch, ...]
    edge: float | None  # where it was first seen down
    weak: bool  # too little to speak of an outage


class Mark(NamedTuple):
    """A precursor or a restoration of this signal."""

    kind: str
    x: float


class Curve(NamedTuple):
    """One panel as it is drawn."""

    panel: Panel
    levels: Levels
    width: float
    low: str
    mean: str
    band: str
    gone: tuple[Stretch, ...]  # no level at all
    partly: tuple[Stretch, ...]  # some levels missing
    shades: tuple[Shade, ...]
    expected: tuple[tuple[Stretch, float], ...]
    marks: tuple[Mark, ...]


class Tick(NamedTuple):
    at: float
    label: str
    place: str  # start | middle | end
    wide: bool  # only where there is room


class Ruler(NamedTuple):
    """One clock along the axis."""

    ticks: tuple[Tick, ...]
    shifts: tuple[float, ...]  # where its offset changed


class Axis(NamedTuple):
    """A stretch of time with its clocks; the local one is missing where no zone is known."""

    utc: Ruler
    local: Ruler | None


class Closer(NamedTuple):
    """One outage drawn closer."""

    outage: Outage
    axis: Axis
    curves: tuple[Curve, ...]
    first: datetime
    last: datetime


class Drawn(NamedTuple):
    """The section as far as it is drawn."""

    axis: Axis
    planes: tuple[tuple[str, tuple[Curve, ...]], ...]
    closer: tuple[Closer, ...]
    outages: tuple[Outage, ...]
    within: Mapping[str, tuple[Outage, ...]]  # outage of a country -> those of its parts that began within it
    more_panels: int
    more_outages: int


def draw(made: Connectivity) -> Drawn:
    """Lay out the signals and outages of one country."""
    scale = _Scale(made.first, made.last)
    shown = made.panels[:MAX_PANELS]
    curves = [_curve(panel, panel.levels, scale, made.step, made.outages) for panel in shown]
    planes = [p for p in PLANES if any(c.panel.plane == p for c in curves)]
    planes += sorted({c.panel.plane for c in curves} - set(planes))
    outages = {each.outage: each for each in made.outages}
    known = {panel.levels.series: panel for panel in made.panels}
    closer: list[Closer] = []
    for zoom in made.zooms:
        near = _Scale(zoom.first, zoom.last)
        step = min(levels.step for levels in zoom.panels)
        found = tuple(
            _curve(known[levels.series], levels, near, step, made.outages, closer=True)
            for levels in zoom.panels
            if levels.series in known
        )
        if zoom.outage in outages:
            axis = _axis(near, made.zone)
            closer.append(Closer(outages[zoom.outage], axis, found, zoom.first, zoom.last))
    shown_outages, within = _listed(made.outages)
    return Drawn(
        axis=_axis(scale, made.zone), planes=tuple((p, tuple(c for c in curves if c.panel.plane == p)) for p in planes),
        closer=tuple(closer), outages=shown_outages, within=within, more_panels=made.series - len(shown),
        more_outages=len(made.outages) - len(shown_outages) - sum(map(len, within.values())),
    )  # fmt: skip


def _listed(found: Sequence[Outage]) -> tuple[tuple[Outage, ...], dict[str, tuple[Outage, ...]]]:
    """Rows of the table, and the lines below them. Where there are too many, the best evidenced stay."""
    parts = folded(found)
    rows = [each for each in found if each.outage not in parts]
    rows = sorted(sorted(rows, key=weight)[:MAX_OUTAGES], key=rank)
    lines = [each for each in found if each.outage in parts]
    below = {row.outage: tuple(o for o in lines if parts[o.outage] == row.outage)[:MAX_OUTAGES] for row in rows}
    return tuple(rows), {name: some for name, some in below.items() if some}


class _Scale:
    """Moments as places."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self.first, self.last = zones.utc(first), zones.utc(last)
        self.seconds = max(1.0, (self.last - self.first).total_seconds())

    def at(self, time: datetime) -> float:
        """Percent of the width; what lies outside is at the edge."""
        return round(min(100.0, max(0.0, 100 * (zones.utc(time) - self.first).total_seconds() / self.seconds)), 3)

    def part(self, first: datetime | None, last: datetime | None) -> Stretch | None:
        """From one moment to another, where that is anything; None is the edge."""
        begin = 0.0 if first is None else self.at(first)
        end = 100.0 if last is None else self.at(last)
        return Stretch(begin, round(end - begin, 3)) if end > begin else None

    def inside(self, time: datetime | None) -> bool:
        return time is not None and self.first <= zones.utc(time) <= self.last


# ---- one panel ---------------------------------------------------------------------------------------------------


def _curve(
    panel: Panel, levels: Levels, scale: _Scale, step: int, outages: Sequence[Outage], *, closer: bool = False
) -> Curve:
    width = round(scale.seconds / step, 3)
    each = levels.step / step
    top = panel.top or 1.0
    low = _heights(levels.low, top)
    several = levels.mean is not None and levels.high is not None
    high = _heights(levels.high, top) if levels.high is not None else low
    parts = [(o, part) for o in outages for part in o.parts if part.series == levels.series]
    empty = [value is None for value in levels.low]
    fewer = [bool(n) and not none for n, none in zip(levels.missing, empty, strict=True)]
    return Curve(
        panel=panel, levels=levels, width=width, low=_line(low, each, width),
        mean=_line(_heights(levels.mean, top), each, width) if several and levels.mean is not None else "",
        band=_band(low, high, each, width) if several else "",
        gone=_runs(empty, each, width), partly=_runs(fewer, each, width),
        shades=tuple(shade for outage, part in parts for shade in _shade(outage, part, scale)),
        expected=tuple(_expected(parts, scale, top)) if closer and _flat(panel, parts) else (),
        marks=tuple(_marks(parts, scale)),
    )  # fmt: skip


def _flat(panel: Panel, parts: _Parts) -> bool:
    """Does it hardly swing within days, where it did not fall? Half of the stretches decide: one bad level does not."""
    levels = panel.levels
    fell = [(p.onset_after or p.onset_before, p.end_before or p.end_after) for _, p in parts if p.role in FELL]
    size = max(1, ceil(_SOME_DAYS.total_seconds() / levels.step))
    swings: list[float] = []
    for begin in range(0, len(levels.low), size):
        first = zones.utc(levels.first) + timedelta(seconds=begin * levels.step)
        last = first + timedelta(seconds=size * levels.step)
        if any((a is None or zones.utc(a) <= last) and (b is None or zones.utc(b) >= first) for a, b in fell):
            continue
        low = [value for value in levels.low[begin : begin + size] if value is not None]
        high = [value for value in (levels.high or levels.low)[begin : begin + size] if value is not None]
        if low and max(high) > 0:
            swings.append(1 - min(low) / max(high))
    return bool(swings) and median(swings) <= _FLAT


def _heights(values: Sequence[float | None], top: float) -> list[float | None]:
    return [None if v is None else _height(v, top) for v in values]


def _height(value: float, top: float) -> float:
    """Downwards from the top, which the highest level does not touch."""
    return round(min(100.0, max(0.0, 100 - _FULL * value / top)), 1)


def _pieces(values: Sequence[float | None]) -> Iterator[tuple[int, list[float]]]:
    """Consecutive bins that have a value: where they begin, and what they are."""
    held: list[float] = []
    for index, value in enumerate(values):
        if value is not None:
            held.append(value)
        elif held:
            yield index - len(held), held
            held = []
    if held:
        yield len(values) - len(held), held


def _line(values: Sequence[float | None], each: float, width: float) -> str:
    """Steps: every bin is as wide as it is long."""
    made: list[str] = []
    for begin, found in _pieces(values):
        made.append(f"M{begin * each:g} {found[0]:g}")
        for index, value in enumerate(found):
            if index and value != found[index - 1]:
                made.append(f"V{value:g}")
            if index + 1 == len(found) or value != found[index + 1]:
                made.append(f"H{min(width, (begin + index + 1) * each):g}")
    return "".join(made)


def _band(low: Sequence[float | None], high: Sequence[float | None], each: float, width: float) -> str:
    """Between the lowest and the highest level of each bin."""
    made: list[str] = []
    for (begin, bottom), (_, top) in zip(_pieces(low), _pieces(high), strict=True):
        places = [min(width, (begin + index) * each) for index in range(len(bottom) + 1)]
        made.append(f"M{places[0]:g} {top[0]:g}")
        made += [f"V{y:g}H{x:g}" for x, y in zip(places[1:], top, strict=True)]
        made += [f"V{y:g}H{x:g}" for x, y in zip(reversed(places[:-1]), reversed(bottom), strict=True)]
        made.append("z")
    return "".join(made)


def _runs(found: Sequence[bool], each: float, width: float) -> tuple[Stretch, ...]:
    made: list[Stretch] = []
    for begin, run in _pieces([1.0 if value else None for value in found]):
        first, last = begin * each, min(width, (begin + len(run)) * each)
        made.append(Stretch(round(100 * first / width, 3), round(100 * (last - first) / width, 3)))
    return tuple(made)


def _shade(outage: Outage, part: Part, scale: _Scale) -> Iterator[Shade]:
    """A fall of this signal, by its own brackets; those of the outage where it has none."""
    if part.role not in FELL:
        return
    each = part if part.onset_before or part.onset_after else outage
    begun = each.onset_before or each.onset_after
    ended = each.end_before or each.end_after or outage.last_seen
    if begun is None or ended < scale.first or (each.onset_after or begun) > scale.last:
        return
    weak = outage.grade == "insufficient"
    if weak:
        whole = scale.part(each.onset_after or begun, ended)
        if whole:
            yield Shade(whole, (), None, weak)
        return
    until = each.end_after or (begun if each.end_before else ended)
    opened = scale.part(each.onset_after, begun) if each.onset_after else None
    closed = scale.part(until, each.end_before) if each.end_before else None
    edge = scale.at(begun) if scale.inside(begun) else None
    yield Shade(scale.part(begun, until), tuple(some for some in (opened, closed) if some), edge, weak)


def _expected(parts: _Parts, scale: _Scale, top: float) -> Iterator[tuple[Stretch, float]]:
    """The level that was expected while this signal was down."""
    for outage, part in parts:
        if part.role in FELL and part.expected is not None:
            end = part.end_before or part.end_after or outage.last_seen
            found = scale.part(part.onset_after or part.onset_before, end)
            if found is not None:
                yield found, _height(part.expected, top)


def _marks(parts: _Parts, scale: _Scale) -> Iterator[Mark]:
    for _, part in parts:
        if part.role in ("precursor", "restoration"):
            after, before = came_back(part)
            time = before or after
            if time is not None and scale.inside(time):
                yield Mark(part.role, scale.at(time))


# ---- the clocks --------------------------------------------------------------------------------------------------


def _axis(scale: _Scale, zone: str | None) -> Axis:
    there = zones.zone_of(zone)
    shifts = tuple(scale.at(each.at) for each in zones.shifts(scale.first, scale.last, zone))
    return Axis(Ruler(_ticks(scale, UTC), ()), Ruler(_ticks(scale, there), shifts) if there else None)


def _ticks(scale: _Scale, clock: tzinfo) -> tuple[Tick, ...]:
    """Labels at whole hours, days or months of this clock, as many as there is room for."""
    hours = scale.seconds / 3600
    begin = scale.first.astimezone(clock).replace(tzinfo=None)
    if hours <= _HOURS[-1] * WIDE:
        unit = next(n for n in _HOURS if hours / n <= WIDE)
        found = _every(begin, clock, scale, hours=unit)
    elif hours <= 24 * _DAYS[-1] * WIDE:
        unit = next(n for n in _DAYS if hours / 24 / n <= WIDE)
        found = _every(begin, clock, scale, days=unit)
    else:
        unit = next((n for n in _MONTHS if hours / 24 / 30 / n <= WIDE), _MONTHS[-1])
        found = _months(begin, clock, scale, unit)
    years = scale.first.year != scale.last.year
    places = [(scale.at(moment), wall) for moment, wall in found]
    skip = max(1, -(-len(places) // NARROW))
    return tuple(
        Tick(at, _label(wall, years=years), "start" if at < 4 else "end" if at > 96 else "middle", bool(index % skip))
        for index, (at, wall) in enumerate(places)
    )


def _label(wall: datetime, *, years: bool) -> str:
    return f"{wall:%H:%M}" if wall.hour or wall.minute else num.short_day(wall.date().isoformat(), year=years)


def _every(
    begin: datetime, clock: tzinfo, scale: _Scale, *, hours: int = 0, days: int = 0
) -> Iterator[tuple[datetime, datetime]]:
    """Moments at which the clock shows a whole step of the day, or a midnight."""
    wall = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        moment = wall.replace(tzinfo=clock).astimezone(UTC)
        if moment > scale.last:
            return
        if moment >= scale.first:
            yield moment, wall
        wall += timedelta(hours=hours, days=days)


def _months(begin: datetime, clock: tzinfo, scale: _Scale, unit: int) -> Iterator[tuple[datetime, datetime]]:
    number = begin.year * 12 + begin.month - 1
    number -= number % unit
    while True:
        wall = datetime(number // 12, number % 12 + 1, 1)
        moment = wall.replace(tzinfo=clock).astimezone(UTC)
        if moment > scale.last:
            return
        if moment >= scale.first:
            yield moment, wall
        number += unit
