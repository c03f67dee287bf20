"""Law: what a report says of connectivity is what was drawn and what was found: levels in bins, outages, their parts.

Frozen records only. Times are UTC. In a bin the lowest level is kept beside the mean, so that no short fall is hidden;
a bin without a level has none, and how many levels are missing is said. Nothing here is zero because it is missing.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from clampdown.evidence import Value, digest
from clampdown.model import Terms


class Feature(msgspec.Struct, frozen=True):
    """One trait in which cuts and accidents differ: yes, no or unknown, and the ratio of its likelihoods."""

    name: str
    value: str
    ratio: float | None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One signal of an outage: it fell, fell before, came back early, fell again, did not fall, or was missing."""

    role: str
    entity: str
    plane: str
    signal: str
    operator: str
    source: str
    series: str
    onset_after: datetime | None
    onset_before: datetime | None
    end_after: datetime | None
    end_before: datetime | None
    expected: float | None
    level: float | None
    depth: float | None
    worst: datetime | None
    lost_hours: float | None
    unknown_hours: float | None
    statistic: float | None
    normal_again: bool | None
    inputs: str


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What others published about it."""

    record: str
    kind: str
    source: str
    start: datetime | None
    end: datetime | None
    precision: str
    cause: str | None
    extent: str | None
    scope: str | None
    acknowledged: bool | None
    title: str | None
    url: str | None
    evidence: str | None
    doubt: str | None


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """One loss of connectivity, as `detect` wrote it, with its parts."""

    outage: str
    kind: str
    kind_why: tuple[str, ...]
    grade: str
    country: str | None
    entity: str
    entity_kind: str
    network: int | None
    plane: str
    onset_after: datetime | None
    onset_before: datetime
    end_after: datetime | None
    end_before: datetime | None
    last_seen: datetime
    lasts: bool
    depth: float
    worst: datetime
    lost_hours: float
    unknown_hours: float
    scope: str
    planes: tuple[str, ...]
    planes_unmoved: tuple[str, ...]
    planes_missing: tuple[str, ...]
    signals: tuple[str, ...]
    signals_unmoved: tuple[str, ...]
    operators: tuple[str, ...]
    precursors: int
    restorations: int
    pattern: str | None
    occurrences: int
    occurrences_of: int
    features: tuple[Feature, ...]
    contradicts: tuple[str, ...]
    published: tuple[Published, ...]
    published_n: int  # records that the row names, also those that are not at hand
    events: tuple[str, ...]
    zone: str | None
    points: int
    witnesses_digest: str
    sources: tuple[str, ...]
    parts: tuple[Part, ...]

    def of(self, *roles: str) -> tuple[Part, ...]:
        """Its parts in these roles, in their order of time."""
        return tuple(part for part in self.parts if part.role in roles)


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """Levels of one series in bins of `step` seconds from `first` on. `mean` and `high` are null where no bin holds
    more than one level; `missing` says per bin how many levels are not there."""

    series: str
    first: datetime
    step: int
    low: tuple[float | None, ...]
    mean: tuple[float | None, ...] | None
    high: tuple[float | None, ...] | None
    missing: tuple[int, ...]
    points: int


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One signal on the time axis of the report."""

    entity: str
    entity_kind: str
    plane: str
    signal: str
    operator: str
    source: str
    service: str | None
    access: str | None
    unit: str
    step: int  # seconds from one level to the next, as published
    absence: str | None
    top: float  # the highest level that was seen or expected
    levels: Levels


class Zoom(msgspec.Struct, frozen=True, kw_only=True):
    """One outage drawn closer: the signals that fell, and a few that did not."""

    outage: str
    first: datetime
    last: datetime
    panels: tuple[Levels, ...]


class Shift(msgspec.Struct, frozen=True):
    """The clocks of the place were changed, in minutes ahead of UTC."""

    at: datetime
    before: int
    after: int


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One source of signals and its terms."""

    inputs: int
    levels: int
    terms: Terms


class Connectivity(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of one country in one period; `missing` says why no outages are spoken of."""

    missing: str | None  # not_detected | stale
    first: datetime
    last: datetime  # the end of the last bin
    step: int  # seconds of a bin of the axis
    zone: str | None
    shifts: tuple[Shift, ...]
    series: int  # series of the country in this period
    panels: tuple[Panel, ...]  # the first of them; see `series`
    zooms: tuple[Zoom, ...]
    outages: tuple[Outage, ...]
    inputs: tuple[str, ...]  # digests of what was read
    sources: tuple[Origin, ...]


def numbers(made: Connectivity) -> dict[str, Value]:
    """Every number and every conclusion, by id; lists of levels by their digest."""
    found: dict[str, Value] = {}
    for name in ("missing", "first", "last", "step", "zone", "series"):
        found[f"connectivity/{name}"] = _value(getattr(made, name))
    found["connectivity/shifts"] = " ".join(f"{_value(s.at)}:{s.before}:{s.after}" for s in made.shifts)
    found["connectivity/inputs"] = len(made.inputs)
    found["connectivity/inputs/digest"] = digest(made.inputs)
    found["connectivity/order"] = " ".join(each.outage for each in made.outages)
    found["connectivity/panels"] = " ".join(each.levels.series for each in made.panels)
    for panel in made.panels:
        at = f"signal/{panel.levels.series}"
        _flat(found, at, {k: v for k, v in _fields(panel).items() if k != "levels"})
        _levels(found, at, panel.levels)
    for zoom in made.zooms:
        at = f"outage/{zoom.outage}/closer"
        found[f"{at}/first"], found[f"{at}/last"] = _value(zoom.first), _value(zoom.last)
        found[f"{at}/panels"] = " ".join(each.series for each in zoom.panels)
        for each in zoom.panels:
            _levels(found, f"{at}/{each.series}", each)
    for outage in made.outages:
        _outage(found, outage)
    for origin in made.sources:
        _flat(found, f"connectivity/source/{origin.terms.source}", _fields(origin))
    return found


def _outage(found: dict[str, Value], outage: Outage) -> None:
    at = f"outage/{outage.outage}"
    listed = ("parts", "published", "features")
    _flat(found, at, {name: value for name, value in _fields(outage).items() if name not in listed})
    found[f"{at}/parts"] = len(outage.parts)
    for index, part in enumerate(outage.parts):
        _flat(found, f"{at}/part/{index}", _fields(part))
    for record in outage.published:
        _flat(found, f"{at}/published/{record.record}", _fields(record))
    for feature in outage.features:
        found[f"{at}/feature/{feature.name}"] = feature.value
        found[f"{at}/feature/{feature.name}/ratio"] = feature.ratio


def _levels(found: dict[str, Value], at: str, levels: Levels) -> None:
    for name in ("first", "step", "points"):
        found[f"{at}/bins/{name}"] = _value(getattr(levels, name))
    for name in ("low", "mean", "high", "missing"):
        values = getattr(levels, name)
        found[f"{at}/bins/{name}"] = None if values is None else _listed(values)


def _listed(values: tuple[float | int | None, ...]) -> str:
    """A list as one value: how many, and the digest of what they are and where they stand."""
    text = (f"{index} {'-' if value is None else format(value, '.6g')}" for index, value in enumerate(values))
    return f"{len(values)} {digest(text)}"


def _fields(record: msgspec.Struct) -> dict[str, object]:
    return msgspec.to_builtins(record)


def _flat(made: dict[str, Value], at: str, record: dict[str, object]) -> None:
    for name, value in record.items():
        if isinstance(value, dict):
            _flat(made, f"{at}/{name}", value)
        elif isinstance(value, list | tuple):
            made[f"{at}/{name}"] = " ".join(map(str, value))
        elif value is None or isinstance(value, str | int | float):
            made[f"{at}/{name}"] = value


def _value(value: object) -> Value:
    if isinstance(value, datetime):
        return msgspec.to_builtins(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)
