"""Law: levels are drawn in bins that hide no fall and fill no gap, on one axis, with what `detect` said above them.

From tables to frozen records: `choose` says which series a report draws, before their levels are read; `connectivity`
lays them out. The lowest level of a bin is always kept; a level that is not there is counted as missing, never as
zero, but for sources that list replies only: their empty bins are zero where they reported before and after.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import zones
from clampdown.assess.connectivity import Connectivity, Levels, Origin, Outage, Panel, Part, Shift, Zoom
from clampdown.assess.outages import FELL, dating, folded, kind_of, records, weight
from clampdown.model import Terms
from clampdown.model_signals import CONTEXT, OUTAGE_PARTS, OUTAGES, PLANES
from clampdown.reference.zones import zone_of

MAX_SERIES: Final = 60  # panels in report.json
MAX_ZOOMS: Final = 12
BINS: Final = 480  # of the whole axis at most
ZOOM_BINS: Final = 160
ZOOM_PANELS: Final = 4
NOT_DETECTED: Final = "not_detected"
STALE: Final = "stale"
ZOOM: Final = 3  # times the length of the outage
STEPS: Final = (300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000)
SHOWN: Final = ("consistent", "corroborated", "confirmed")  # grades that get a closer look
_QUIET: Final = ("percent", "milliseconds")  # units of signals that are kept and not watched
_WEEK: Final = timedelta(days=7)
Floats = npt.NDArray[np.float64]


class Signals(NamedTuple):
    """The signals of one country as a store holds them. `levels` may hold only those of the series that are drawn."""

    series: pa.Table
    levels: pa.Table
    outages: pa.Table
    parts: pa.Table
    context: pa.Table
    terms: tuple[Terms, ...]
    missing: str | None = None  # why there are no outages: not_detected | stale
    within: tuple[datetime, datetime] | None = None  # the period of the report that is counted again


class Asked(NamedTuple):
    """What a report is about, as far as it concerns signals."""

    country: str
    network: int | None
    since: datetime | None
    until: datetime | None

    def wants(self, outage: Outage) -> bool:
        """Does it touch the period, here?"""
        end = outage.end_before or (None if outage.lasts else outage.end_after or outage.last_seen)
        early = self.until is not None and (outage.onset_after or outage.onset_before) >= zones.utc(self.until)
        late = self.since is not None and end is not None and end < zones.utc(self.since)
        here = outage.country == self.country and self.network in (None, outage.network)
        return here and not early and not late


def nothing(reason: str) -> tuple[pa.Table, pa.Table, pa.Table, str]:
    """Outages, parts and records where nothing was detected, and why."""
    return OUTAGES.empty_table(), OUTAGE_PARTS.empty_table(), CONTEXT.empty_table(), reason


def again(stated: Connectivity | msgspec.UnsetType, given: Signals | None) -> tuple[Signals | None, tuple[str, ...]]:
    """What the connectivity of a report is held against, and what must be told: the inputs that it names, in its own
    period. What it left unsaid when it was written is not held against it."""
    if isinstance(stated, msgspec.UnsetType):
        return None, ("signals:",) if given is not None else ()
    if given is None:
        return None, ()
    known = pc.is_in(given.series["input"], pa.array(stated.inputs, pa.string()))
    first, last = (each.replace(tzinfo=None) for each in (stated.first, stated.last))
    held = given._replace(series=given.series.filter(known), within=(first, last))
    if stated.missing == NOT_DETECTED or (stated.missing == STALE and given.missing != NOT_DETECTED):
        rows, parts, context, missing = nothing(stated.missing)
        held = held._replace(outages=rows, parts=parts, context=context, missing=missing)
    more = held.series.num_rows < given.series.num_rows or held.missing != given.missing
    return held, ("signals:",) if more else ()


# ---- which series ------------------------------------------------------------------------------------------------


def choose(series: pa.Table, parts: pa.Table, asked: Asked) -> tuple[str, ...]:
    """Series to draw, the first first: those of the country and of outages, plane by plane."""
    kinds = _kinds(series, asked)
    fell = {s for s, role in zip(*(parts[c].to_pylist() for c in ("series", "role")), strict=True) if role in FELL}

    def order(name: str) -> tuple[object, ...]:
        row = kinds[name]
        plane = PLANES.index(row["plane"]) if row["plane"] in PLANES else len(PLANES)
        country = row["entity_kind"] == "country"
        return (row["unit"] in _QUIET, not (country or name in fell), kind_of(row["entity_kind"]), row["entity"], plane,
                name not in fell, row["signal"], row["operator"], name)  # fmt: skip

    return tuple(sorted(kinds, key=order)[:MAX_SERIES])


def _kinds(series: pa.Table, asked: Asked) -> dict[str, dict[str, Any]]:
    """What each series of the country (on the network that is asked about) is."""
    mine = series.filter(pc.equal(series["country"], asked.country))
    if asked.network is not None:
        mine = mine.filter(pc.equal(mine["network"], asked.network))
    mine = _within(mine, "day", asked)
    made: dict[str, dict[str, Any]] = {}
    for row in mine.to_pylist():
        if row["step"] <= 0:
            continue  # looks at odd times are no course that could be drawn
        held = made.setdefault(row["series"], row)
        if row["step"] > held["step"]:
            made[row["series"]] = row  # the coarser one, so that nothing is missing that never was to come
    return made


def _within(table: pa.Table, column: str, asked: Asked) -> pa.Table:
    if asked.since is not None:
        table = table.filter(pc.greater_equal(table[column], asked.since.date().isoformat()))
    if asked.until is not None:
        last = (asked.until - timedelta(microseconds=1)).date().isoformat()
        table = table.filter(pc.less_equal(table[column], last))
    return table


# ---- the whole ---------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """One series in seconds and values."""

    row: Mapping[str, Any]
    times: npt.NDArray[np.int64]
    values: Floats


def connectivity(given: Signals, asked: Asked) -> Connectivity | None:
    """The signals and outages of the period; None where there is neither level nor outage."""
    if given.within is not None:
        asked = asked._replace(since=given.within[0], until=given.within[1])
    chosen = choose(given.series, given.parts, asked)
    kinds = _kinds(given.series, asked)
    lines = {name: _line(kinds[name], given.levels, asked) for name in chosen}
    lines = {name: line for name, line in lines.items() if line.times.size}
    span = _span(lines.values(), asked)
    if span is None:
        return None
    first, last = span
    drawn = asked._replace(since=_moment(first), until=_moment(last))
    found = tuple(o for o in records(given.outages, given.parts, given.context) if drawn.wants(o))
    step = _step(last - first, min((line.row["step"] for line in lines.values()), default=3600), BINS)
    zone = next((o.zone for o in found if o.zone and o.entity_kind == "country"), None)
    zone = zone or next((o.zone for o in found if o.zone), None) or _zone(kinds.values()) or zone_of(asked.country)
    begin, end = _moment(first), _moment(last)
    panels = tuple(_panel(line, first, last, step, found) for line in lines.values())
    return Connectivity(
        missing=given.missing, first=begin, last=end, step=step, zone=zone,
        shifts=tuple(Shift(s.at, _minutes(s.before), _minutes(s.after)) for s in zones.shifts(begin, end, zone)),
        series=len(kinds), panels=panels, zooms=_zooms(found, lines, first, last, step), outages=found,
        inputs=tuple(sorted(set(_mine(given.series, kinds)["input"].to_pylist()))),
        sources=_sources(_mine(given.series, kinds), given.terms),
    )  # fmt: skip


def _mine(series: pa.Table, kinds: Collection[str]) -> pa.Table:
    return series.filter(pc.is_in(series["series"], pa.array(sorted(kinds), pa.string())))


def _zone(kinds: Iterable[Mapping[str, Any]]) -> str | None:
    return next((row["zone"] for row in kinds if row["zone"]), None)


def _minutes(ahead: timedelta) -> int:
    return round(ahead.total_seconds() / 60)


def _moment(seconds: int) -> datetime:
    return zones.utc(datetime(1970, 1, 1) + timedelta(seconds=seconds))


def _seconds(time: datetime) -> int:
    return int(zones.utc(time).timestamp())


def _sources(series: pa.Table, terms: Sequence[Terms]) -> tuple[Origin, ...]:
    known = {each.source: each for each in terms}
    made: list[Origin] = []
    for source in sorted(set(series["source"].to_pylist())):
        own = series.filter(pc.equal(series["source"], source))
        said = known.get(source) or known.get("given")
        if said is not None:
            made.append(
                Origin(
                    inputs=len(set(own["input"].to_pylist())), levels=int(pc.sum(own["rows"]).as_py() or 0), terms=said
                )
            )
    return tuple(made)


def _span(lines: Iterable[_Line], asked: Asked) -> tuple[int, int] | None:
    """From the question, else from the data: the midnight before the first level, and the end of the last one."""
    held = list(lines)
    if not held:
        return None
    first = min(int(line.times[0]) for line in held)
    last = max(int(line.times[-1]) + int(line.row["step"]) for line in held)
    first = max(first - first % 86400, _seconds(asked.since) if asked.since else first - first % 86400)
    last = min(last, _seconds(asked.until)) if asked.until else last
    return (first, last) if last > first else None


def _step(span: int, least: int, most: int) -> int:
    """The smallest step of the ladder that leaves so few bins, and is no finer than the levels are."""
    fits = (step for step in STEPS if step >= least and span <= step * most)
    return next(fits, max(least, STEPS[-1]))


def _line(row: Mapping[str, Any], levels: pa.Table, asked: Asked) -> _Line:
    """One series in order of time, each time once, as a number where there is one."""
    own = levels.filter(pc.equal(levels["series"], row["series"]))
    for bound, keep in ((asked.since, pc.greater_equal), (asked.until, pc.less)):
        if bound is not None:
            own = own.filter(keep(own["time"], pa.scalar(bound, pa.timestamp("us"))))
    times = own["time"].cast(pa.int64()).to_numpy() // 1_000_000
    values = own["value"].to_numpy().astype(np.float64)
    order = np.lexsort((values, times))
    times, values = times[order], values[order]
    times, at = np.unique(times, return_index=True)
    values = np.where(np.isfinite(values[at]), values[at], np.nan)
    if row["absence"] == "no-reply" and times.size:
        step = int(row["step"])
        every = np.arange(times[0], times[-1] + step, step, dtype=np.int64)
        empty = every[~np.isin(every, times)]
        times, values = np.concatenate([times, empty]), np.concatenate([values, np.zeros(empty.size)])
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
    return _Line(row, times.astype(np.int64), values)


def _panel(line: _Line, first: int, last: int, step: int, found: Sequence[Outage]) -> Panel:
    row = line.row
    levels = bins(line, first, last, step)
    seen = [value for value in (levels.high or levels.low) if value is not None]
    expected = [
        part.expected for o in found for part in o.parts if part.series == row["series"] and part.expected is not None
    ]
    plain = ("entity", "entity_kind", "plane", "signal", "operator", "source", "service", "access", "unit", "step")
    return Panel(
        **{name: row[name] for name in plain}, absence=row["absence"], top=max([0.0, *seen, *expected]), levels=levels
    )


def bins(line: _Line, first: int, last: int, step: int) -> Levels:
    """Lowest, mean and highest level of each bin, and how many levels it lacks."""
    own = int(line.row["step"])
    step = -(-max(step, own) // own) * own if own < 86400 * 32 else own
    size = max(1, -(-(last - first) // step))
    inside = (line.times >= first) & (line.times < last) & ~np.isnan(line.values)
    times, values = line.times[inside], line.values[inside]
    at = (times - first) // step
    count = np.bincount(at, minlength=size)
    low, high, total = np.full(size, np.inf), np.full(size, -np.inf), np.bincount(at, values, size)
    np.minimum.at(low, at, values)
    np.maximum.at(high, at, values)
    # Levels that are due: those whose time lies in the bin, which ends where the data or the period end.
    phase = int(line.times[0] - first) % own if line.times.size else 0
    edges = np.minimum(np.arange(size + 1) * step, last - first)
    wanted = np.diff(np.maximum(-(-(edges - phase) // own), 0))
    several = bool((count > 1).any())
    mean = total / np.maximum(count, 1)
    return Levels(
        series=line.row["series"], first=_moment(first), step=step, low=_told(low, count),
        mean=_told(mean, count) if several else None, high=_told(high, count) if several else None,
        missing=tuple(int(n) for n in np.maximum(wanted - count, 0)), points=int(count.sum()),
    )  # fmt: skip


def _told(values: Floats, count: npt.NDArray[np.int64]) -> tuple[float | None, ...]:
    """Six digits, and nothing where there is nothing."""
    return tuple(float(f"{v:.6g}") if n else None for v, n in zip(values.tolist(), count.tolist(), strict=True))


# ---- closer ------------------------------------------------------------------------------------------------------


def _zooms(found: Sequence[Outage], lines: Mapping[str, _Line], first: int, last: int, step: int) -> tuple[Zoom, ...]:
    """A window of three times its length around each outage that is well enough evidenced and small on the axis; what
    is a part of a cut of the whole country has none of its own. Those with the best evidence, in order of time."""
    made: list[Zoom] = []
    within = folded(found)
    for outage in sorted(found, key=weight):
        if outage.grade not in SHOWN or outage.outage in within or len(made) == MAX_ZOOMS:
            continue
        begin, end = _window(outage)
        begin, end = max(first, begin), min(last, end)
        own = [lines[name] for name in _near(outage, lines)]
        if end - begin > 0.6 * (last - first) or not own:
            continue
        finer = _step(end - begin, min(int(line.row["step"]) for line in own), ZOOM_BINS)
        begin -= begin % finer
        panels = tuple(bins(line, begin, end, finer) for line in own)
        if finer < step and any(levels.points for levels in panels):
            made.append(Zoom(outage=outage.outage, first=_moment(begin), last=_moment(end), panels=panels))
    place = {outage.outage: number for number, outage in enumerate(found)}
    return tuple(sorted(made, key=lambda zoom: place[zoom.outage]))


def _window(outage: Outage) -> tuple[int, int]:
    """Where to look; of a recurring cut, the week around its worst moment."""
    if outage.pattern is not None or outage.occurrences > 1:
        return _seconds(outage.worst - _WEEK / 2), _seconds(outage.worst + _WEEK / 2)
    begin = _seconds(outage.onset_after or outage.onset_before)
    end = _seconds(outage.end_before or outage.end_after or outage.last_seen)
    length = max(end - begin, 3600)
    around = (ZOOM - 1) * length // 2
    return begin - around, end + around


def _near(outage: Outage, lines: Mapping[str, _Line]) -> tuple[str, ...]:
    """The signal that dates it, the others that fell, one a plane first, then those that did not. The one that came
    back first is among them: in a long cut it is what people noticed."""
    dates = dating(outage)
    named = [part for part in outage.of(*FELL, "unmoved") if part.series in lines]
    named.sort(key=lambda part: part.series not in dates)
    planes: set[str] = set()
    order: list[tuple[tuple[object, ...], str]] = []
    for index, part in enumerate(named):
        new = part.plane not in planes
        planes.add(part.plane)
        order.append(((part.role not in FELL, not new, index), part.series))
    kept = tuple(dict.fromkeys(series for _, series in sorted(order)))
    back = next((part.series for part in _returned(outage) if part.series in lines), None)
    if back is None or back in kept[:ZOOM_PANELS]:
        return kept[:ZOOM_PANELS]
    return (*kept[: ZOOM_PANELS - 1], back)


def _returned(outage: Outage) -> list[Part]:
    """What was let through before the end: what came back whole first, then what did in part."""

    def order(part: Part) -> tuple[bool, datetime]:
        partly = part.expected is None and bool(part.depth)
        return partly, part.onset_before or part.onset_after or part.end_after or outage.last_seen

    return sorted(outage.of("restoration"), key=order)
