"""Law: a report is data before it is a page: every number with its denominator, its vantage points and its witnesses.

Frozen records only. Networks are integers here and `AS64500` on paper; days are ISO dates; no prose.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from clampdown.assess import connectivity as signals
from clampdown.assess import events
from clampdown.assess.counting import Bounds, Thresholds
from clampdown.assess.names import Names
from clampdown.evidence import Value, Witnesses, digest
from clampdown.model import Terms

FORMAT = 1
KIND = "clampdown.report.blocked"
SNAPSHOT = "inputs/snapshots/"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked. Times are naive UTC and half-open: since <= time < until."""

    country: str
    since: datetime | None = None
    until: datetime | None = None
    target: str | None = None
    group: str | None = None
    network: int | None = None

    def __post_init__(self) -> None:
        for bound in (self.since, self.until):
            if bound is not None and (bound.tzinfo is not None or not 2000 <= bound.year <= 2100):
                raise ValueError("a bound of the period is naive UTC between 2000 and 2100")
        if self.network is not None and not 0 < self.network < 1 << 32:
            raise ValueError("the network is no AS number")


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One pinned file of reference data."""

    kind: str
    name: str
    date: str
    digest: str
    licence: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One source of measurements and its terms."""

    files: int | None
    measurements: int
    terms: Terms


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    """Which fingerprints the bodies of these days were matched with when they were read."""

    first: str
    last: str
    references: str


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the verdicts were made from."""

    version: str
    rules: str
    reference: str
    snapshots: tuple[Snapshot, ...] = ()
    sources: tuple[Source, ...] = ()
    bodies: tuple[Bodies, ...] = ()


class MechanismCount(msgspec.Struct, frozen=True, kw_only=True):
    mechanism: str
    tries: int


class RuleCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule fired in a cell, and how often it decided."""

    rule: str
    verdict: str
    mechanism: str | None
    fired: int
    decided: int


class FingerprintCount(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: str
    fired: int


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Tries of one day by what they said."""

    day: str
    tries: dict[str, int]


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """The same question asked of the last days of a long period alone."""

    state: str
    reason: str | None
    grade: str | None
    n: int
    vantage: Bounds
    stands: bool
    settled: Bounds


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What may be said of one target on one network over the period."""

    target: str
    network: int
    state: str
    reason: str | None
    grade: str | None
    n: int  # tries that decided something: the denominator
    tries: dict[str, int]
    measurements: dict[str, int]
    shares: dict[str, float]
    vantage: Bounds
    support: Bounds
    settled: Bounds
    stands: bool
    mechanisms: tuple[MechanismCount, ...]
    rules: tuple[RuleCount, ...]
    fingerprints: tuple[FingerprintCount, ...]
    days: tuple[Day, ...]
    recent: Recent | None
    witnesses: dict[str, Witnesses]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One role of a platform on one network that is not simply reachable, where the line itself does not say so."""

    target: str
    network: int
    state: str


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """One platform over some days: `states` counts networks; `n` of them have enough data, of `tested` with any."""

    n: int
    tested: int
    states: dict[str, int]
    networks: dict[str, str]
    grade: str | None


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """One platform: in how many of the networks with enough data it is blocked."""

    group: str
    platform: str
    whole: Count
    recent: Count | None  # the last days of a long period
    parts: tuple[Part, ...]
    mechanisms: tuple[str, ...]


class Network(msgspec.Struct, frozen=True, kw_only=True):
    network: int
    measurements: int
    vantage: Bounds
    days: int  # days with any test at all
    silent: tuple[str, ...]  # days of the period without any test
    day_only: bool  # too few vantage points: times are not shown


class Excluded(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts that count for nothing here, and why."""

    reason: str  # repeat | invalid | not_applicable | no_network | no_target
    rule: str | None
    measurements: int


class Period(msgspec.Struct, frozen=True, kw_only=True):
    first: str
    last: str
    days: int
    tested: tuple[str, ...]  # days on which anything was tested in the country
    silent: tuple[str, ...]
    recent: str | None  # first of the last days, where the period is long enough to tell them apart


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `report COUNTRY`."""

    format: int
    kind: str
    question: Question
    names: Names
    period: Period
    as_of: str
    measurements: int
    vantage: Bounds
    headline_groups: tuple[str, ...]
    headlines: tuple[Headline, ...]
    untested: tuple[str, ...]  # platforms asked about without a single measurement
    cells: tuple[Cell, ...]
    networks: tuple[Network, ...]
    excluded: tuple[Excluded, ...]
    thresholds: Thresholds
    inputs: Inputs
    terms: Terms | None  # the strictest of the sources'
    witnesses: int  # rows of witnesses.csv
    witnesses_digest: str
    timeline: events.Timeline | None = None  # null: made where events were not asked for
    connectivity: signals.Connectivity | msgspec.UnsetType = msgspec.UNSET  # absent: there are no signals of it


def encode(report: Report) -> bytes:
    """The report as JSON, indented, with sorted keys: the same report gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=2) + b"\n"


def decode(data: bytes) -> Report:
    return msgspec.json.decode(data, type=Report)


def numbers(report: Report) -> dict[str, Value]:
    """Every number and every conclusion of a report, by id: what `verify` recomputes."""
    made: dict[str, Value] = {
        "measurements": report.measurements,
        "vantage/low": report.vantage.low,
        "vantage/high": report.vantage.high,
        "period/first": report.period.first,
        "period/last": report.period.last,
        "period/days": report.period.days,
        "period/tested": len(report.period.tested),
        "period/tested/digest": digest(report.period.tested),
        "period/silent": len(report.period.silent),
        "period/silent/digest": digest(report.period.silent),
        "period/recent": report.period.recent,
        "as_of": report.as_of,
        "untested": len(report.untested),
        "untested/digest": digest(report.untested),
        "groups": " ".join(report.headline_groups),
        "cells": len(report.cells),
        "headlines": len(report.headlines),
        "networks": len(report.networks),
        "excluded": len(report.excluded),
        "terms": report.terms is not None,
        "witnesses": report.witnesses,
        "witnesses/digest": report.witnesses_digest,
    }
    if report.terms is not None:
        _fields(made, "terms", report.terms)
    for cell in report.cells:
        _cell(made, cell)
    for line in report.headlines:
        _count(made, f"headline/{line.platform}", line.whole)
        made[f"headline/{line.platform}/group"] = line.group
        made[f"headline/{line.platform}/mechanisms"] = " ".join(line.mechanisms)
        made[f"headline/{line.platform}/parts"] = " ".join(f"{p.target}@AS{p.network}:{p.state}" for p in line.parts)
        if line.recent is not None:
            _count(made, f"headline/{line.platform}/recent", line.recent)
    for network in report.networks:
        at = f"network/AS{network.network}"
        made[f"{at}/measurements"] = network.measurements
        made[f"{at}/days"] = network.days
        made[f"{at}/silent"] = len(network.silent)
        made[f"{at}/silent/digest"] = digest(network.silent)
        made[f"{at}/day_only"] = network.day_only
        _bounds(made, f"{at}/vantage", network.vantage)
    for row in report.excluded:
        made[f"excluded/{row.reason}/{row.rule or '-'}"] = row.measurements
    if report.timeline is not None:
        made.update(events.numbers(report.timeline))
    if report.connectivity is not msgspec.UNSET:
        made.update(signals.numbers(report.connectivity))
    return made


def premises(inputs: Inputs) -> dict[str, Value]:
    """What the numbers were made from, as far as a store can say it again: all but the version that wrote it down."""
    made: dict[str, Value] = {
        "inputs/rules": inputs.rules, "inputs/reference": inputs.reference,
        "inputs/snapshots": len(inputs.snapshots),
        "inputs/sources": len(inputs.sources), "inputs/bodies": len(inputs.bodies),
    }  # fmt: skip
    for snapshot in inputs.snapshots:
        _fields(made, f"{SNAPSHOT}{snapshot.name}", snapshot)
    for source in inputs.sources:
        at = f"inputs/source/{source.terms.source}"
        _fields(made, at, source.terms)
        made[f"{at}/measurements"], made[f"{at}/files"] = source.measurements, source.files
    for run in inputs.bodies:
        _fields(made, f"inputs/bodies/{run.references}", run)
    return made


def held(stated: Mapping[str, Value], inputs: Inputs, least: Inputs | None) -> dict[str, Value]:
    """What a store that has grown since says: it must still hold what was there, and the report all that it lists."""
    now, then = premises(inputs), premises(least) if least else {}

    def holds(name: str) -> bool:
        mine, low, high = stated.get(name), then.get(name), now[name]
        if mine == high:
            return True
        if name.startswith(SNAPSHOT[:-1]):
            return False  # more measurements do not bring other reference data
        if name in ("inputs/rules", "inputs/reference"):
            return {*str(mine).split()} <= {*str(high).split()}
        if isinstance(mine, int) and isinstance(high, int):
            return (low if isinstance(low, int) else 0) <= mine <= high
        if name.startswith("inputs/bodies/"):
            first, last = sorted((str(low or mine), str(high)))
            return first <= str(mine) <= last
        return False

    wanted = {*stated, *then, *(name for name in now if name.startswith(SNAPSHOT[:-1]))}
    return {name: stated[name] if holds(name) else value for name, value in now.items() if name in wanted}


def _fields(made: dict[str, Value], at: str, record: Terms | Snapshot | Bodies) -> None:
    """Every field of a flat record."""
    made.update({f"{at}/{name}": value for name, value in msgspec.to_builtins(record).items()})


def _count(made: dict[str, Value], at: str, count: Count) -> None:
    made[f"{at}/n"], made[f"{at}/tested"], made[f"{at}/grade"] = count.n, count.tested, count.grade
    made.update({f"{at}/{state}": networks for state, networks in count.states.items()})
    made.update({f"{at}/AS{network}": state for network, state in count.networks.items()})


def _cell(made: dict[str, Value], cell: Cell) -> None:
    at = f"cell/{cell.target}@AS{cell.network}"
    made[f"{at}/n"] = cell.n
    made[f"{at}/state"] = cell.state
    made[f"{at}/reason"] = cell.reason
    made[f"{at}/grade"] = cell.grade
    made[f"{at}/stands"] = cell.stands
    for name in ("tries", "measurements", "shares"):
        made.update({f"{at}/{name}/{state}": value for state, value in getattr(cell, name).items()})
    for name in ("vantage", "support", "settled"):
        _bounds(made, f"{at}/{name}", getattr(cell, name))
    made.update({f"{at}/mechanism/{m.mechanism}": m.tries for m in cell.mechanisms})
    made.update({f"{at}/rule/{r.rule}": r.fired for r in cell.rules})
    made.update({f"{at}/rule/{r.rule}/decided": r.decided for r in cell.rules})
    made.update({f"{at}/rule/{r.rule}/verdict": r.verdict for r in cell.rules})
    made.update({f"{at}/rule/{r.rule}/mechanism": r.mechanism for r in cell.rules})
    made.update({f"{at}/fingerprint/{f.fingerprint}": f.fired for f in cell.fingerprints})
    for day in cell.days:
        made.update({f"{at}/day/{day.day}/{state}": tries for state, tries in day.tries.items()})
    if cell.recent is not None:
        made[f"{at}/recent/n"], made[f"{at}/recent/state"] = cell.recent.n, cell.recent.state
        made[f"{at}/recent/grade"] = cell.recent.grade
        made[f"{at}/recent/reason"] = cell.recent.reason
        _bounds(made, f"{at}/recent/vantage", cell.recent.vantage)
    for state, witnesses in cell.witnesses.items():
        made[f"{at}/witnesses/{state}"] = witnesses.count
        made[f"{at}/witnesses/{state}/digest"] = witnesses.digest
        made[f"{at}/witnesses/{state}/named"] = digest(str(msgspec.to_builtins(w)) for w in witnesses.first)


def _bounds(made: dict[str, Value], at: str, bounds: Bounds) -> None:
    made[f"{at}/low"], made[f"{at}/high"] = bounds.low, bounds.high
