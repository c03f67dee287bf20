"""Law: the plain table takes any signal of anyone; what its rows do not say is not made up, and a bad row costs itself.

`time,entity,signal,value` in any order under a head; also `plane`, `operator`, `unit`, `step`, `access`, `quality`,
`country`, `service`, `zone`. Divided by commas, semicolons or tabs. See docs/signal-tables.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import inf, nan
from operator import itemgetter
from typing import Final, NamedTuple

from clampdown.intake.entities import Entity, NotAnEntity, entity_of
from clampdown.intake.features import Kit
from clampdown.intake.gathered import WINDOW, Gathered, Kept, micros
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.intake.tabular import NO_VALUE, PAUSE, Bad, Row, Table, close, head_of, places
from clampdown.intake.times import NotATime, utc_of
from clampdown.model import Batch
from clampdown.model_signals import PLANES

NEEDED: Final = ("time", "entity", "signal", "value")
SAID: Final = (
    "entity", "signal", "plane", "operator", "unit", "step", "access", "country", "service", "zone",
)  # fmt: skip
UNITS: Final = {
    "count": "count", "share": "share", "percent": "percent", "%": "percent", "milliseconds": "milliseconds",
    "ms": "milliseconds", "normalised": "normalised", "normalized": "normalised",
}  # fmt: skip
# What the first part of a signal's name says of its plane, where no column does.
PLANE_OF: Final = {
    "bgp": "control", "probing": "data", "pings": "data", "upstream": "data", "telescope": "background",
    "google": "usage", "mozilla": "usage", "cloudflare": "usage", "tor": "usage", "ooni": "usage",
    "snowflake": "usage", "psiphon": "usage", "tests": "service",
}  # fmt: skip
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.+:/-]{0,79}", re.ASCII)
_MOST_STEP: Final = 366 * 86_400
_MOST_SERIES: Final = 200_000
_MEMO: Final = 200_000  # stamps that are remembered as read: they repeat from series to series


class _Met(NamedTuple):
    """What the columns of a row beside time, value and quality say, read once."""

    kept: Kept
    unit: str | None  # as its column says
    bad: Bad | None  # why such rows are rejected
    zone: str | None


def sniff(head: bytes) -> bool:
    """A head with the four columns."""
    found = head_of(head)
    return found is not None and set(NEEDED) <= set(found.columns)


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All rows of one table."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = Table(reader)
    yield from _Plain(table, rows).levels()
    close(table, rows, opened.place)
    yield from rows.finish(reader.digest())


class _Plain:
    def __init__(self, table: Table, rows: LevelRows) -> None:
        self._table, self._rows = table, rows
        self._gathered = Gathered(rows)
        self._met: dict[tuple[str, ...], _Met | Bad] = {}
        self._stamps: dict[tuple[str | None, str], int | str] = {}

    def levels(self) -> Iterator[Batch]:
        """Levels as they can be handed on."""
        rows = self._table.rows()
        first = next(rows, None)
        head = self._table.head
        if first is None or head is None:
            return
        if missing := [name for name in NEEDED if name not in head.columns]:
            self._table.problem = Bad("unknown_format", f"a plain table of signals needs a column {missing[0]!r}")
            for _ in rows:
                pass
            return
        at_time, at_value, at_quality = places(head.columns, "time", "value", "quality")
        at = [head.columns.index(name) for name in SAID if name in head.columns]
        names, said = [head.columns[i] for i in at], itemgetter(*at)
        problem = self._take(first, names, said(first.cells), at_time, at_value, at_quality) if not first.bad else None
        self._reject(first, first.bad or problem)
        for row in rows:
            bad = row.bad
            if bad is None:
                bad = self._take(row, names, said(row.cells), at_time, at_value, at_quality)
            if bad is not None:
                self._reject(row, bad)
            if not self._table.count % PAUSE:
                yield from self._rows.due()
                if self._gathered.waiting >= WINDOW:
                    yield from self._gathered.settle()
        yield from self._gathered.settle()

    def _reject(self, row: Row, bad: Bad | None) -> None:
        if bad is not None:
            self._rows.reject(row.line, bad.reason, bad.detail, row.raw or None)

    def _take(
        self, row: Row, names: Sequence[str], said: tuple[str, ...], at_time: int, at_value: int, at_quality: int
    ) -> Bad | None:
        """Keep the level of a row, or say why not."""
        met = self._met.get(said)
        if met is None:
            met = self._meet(dict(zip(names, said, strict=True)))
            if len(self._met) >= _MOST_SERIES:
                self._met.clear()
            self._met[said] = met
        if isinstance(met, Bad):
            return met
        kept, unit, bad, zone = met
        if bad is not None:
            return bad
        cells = row.cells
        time = self._stamps.get((zone, cells[at_time]))
        if time is None:
            time = self._stamp(cells[at_time], zone)
        if isinstance(time, str):
            return Bad("not_a_time", time)
        value, unit, why = _value(cells[at_value], unit)
        if why is not None:
            return Bad("not_a_level", why)
        if unit is not None and unit != kept.unit and kept.unit is not None:
            return Bad("mixed_units", f"{_of(kept.signal)} has {kept.unit} on its first row and {unit} here")
        if value < 0 and unit != "normalised":
            return Bad("not_a_level", f"{cells[at_value].strip()} is below zero, and {unit} cannot be")
        quality = nan
        if at_quality >= 0 and cells[at_quality].strip().lower() not in NO_VALUE:
            quality = _number(cells[at_quality])
            if not 0 <= quality <= 1:
                return Bad("not_a_level", f"the quality {cells[at_quality]!r} is no share from 0 to 1")
        kept.unit = unit or kept.unit
        kept.add(time, value, quality, row.line)
        self._gathered.waiting += 1
        return None

    def _stamp(self, text: str, zone: str | None) -> int | str:
        if len(self._stamps) >= _MEMO:
            self._stamps.clear()
        found: int | str
        try:
            found = micros(utc_of(text, zone))
        except NotATime as problem:
            found = str(problem)
        self._stamps[zone, text] = found
        return found

    def _meet(self, said: dict[str, str]) -> _Met | Bad:
        """The series that a row belongs to."""
        cell = {name: text.strip() for name, text in said.items()}
        try:
            entity = entity_of(cell["entity"])
            signal = _signal(cell, entity)
        except NotAnEntity as problem:
            return Bad("not_an_entity", str(problem))
        except ValueError as problem:
            return Bad("not_a_level", str(problem))
        unit = cell.get("unit", "").lower()
        if unit and unit not in UNITS:
            return Bad("not_a_level", f"the unit {unit!r} is not one of {', '.join(sorted(set(UNITS.values())))}")
        if len(self._gathered) >= _MOST_SERIES:
            return Bad("too_many_series", f"there are more than {_MOST_SERIES} series in this file: divide it")
        kept = self._gathered.of(signal)
        bad = None
        first = kept.signal
        if signal.country != first.country:
            bad = f"{_of(first)} lies in {first.country} on its first row and in {signal.country} here"
        elif signal.step and not first.step:
            kept.signal = first._replace(step=signal.step)
        elif signal.step and signal.step != first.step:
            bad = f"{_of(first)} has a step of {first.step} seconds on an earlier row and {signal.step} here"
        return _Met(kept, UNITS.get(unit), Bad("contradiction", bad) if bad else None, cell.get("zone") or None)


def _of(signal: Signal) -> str:
    return f"{signal.signal} of {signal.entity}"


def _signal(cell: dict[str, str], entity: Entity) -> Signal:
    """What the columns say of a series; ValueError where one of them says what cannot be."""
    names = {key: cell.get(key, "").lower() for key in ("signal", "operator", "service", "plane", "access")}
    for key in ("signal", "operator", "service"):
        if names[key] and not _NAME.fullmatch(names[key]):
            raise ValueError(
                f"the {key} {cell[key][:80]!r} is no name: letters of a to z, digits and _ . + : / - alone"
            )
    if not names["signal"]:
        raise ValueError("the row names no signal")
    plane = names["plane"] or PLANE_OF.get(names["signal"].partition("/")[0], "service")
    if plane not in PLANES:
        raise ValueError(f"the plane {cell['plane']!r} is not one of {', '.join(PLANES)}")
    if names["access"] not in ("", "mobile", "fixed"):
        raise ValueError(f"the access {cell['access']!r} is neither mobile nor fixed")
    country = entity.country
    if text := cell.get("country"):
        said = entity_of(text)
        if said.kind != "country" or country not in (None, said.country):
            raise NotAnEntity(f"the country {text!r} is not that of {entity.name}")
        country = said.country
    step = cell.get("step") or "0"
    if (
        not step.isdecimal()
        or not 0 <= int(step[:9]) <= _MOST_STEP
        or len(step) > 9
        or (cell.get("step") and not int(step))
    ):
        raise ValueError(f"the step {step[:20]!r} is no number of seconds from 1 to {_MOST_STEP}")
    return Signal(
        entity=entity.name,
        entity_kind=entity.kind,
        plane=plane,
        signal=names["signal"],
        operator=names["operator"] or "unnamed",
        source="plain",
        step=int(step),
        country=country,
        network=entity.network,
        service=names["service"] or None,
        access=names["access"] or None,
        zone=cell.get("zone") or None,
    )


def _value(text: str, unit: str | None) -> tuple[float, str | None, str | None]:
    """(value, unit, why not); NaN for no value."""
    try:
        value = float(text)
    except ValueError:
        plain = text.strip().lower()
        if plain in NO_VALUE:
            return nan, unit, None
        if plain.endswith("%"):
            if unit not in (None, "percent"):
                return nan, unit, f"{text.strip()!r} is percent, and its unit says {unit}"
            return _checked(_number(plain[:-1]), text, "percent")
        hint = "; write a decimal point" if re.fullmatch(r"-?\d+,\d+", plain) else ""
        return nan, unit, f"the value {text.strip()[:40]!r} is no number{hint}"
    if value != value:
        return nan, unit, None
    return _checked(value, text, unit or "count")


def _checked(value: float, text: str, unit: str) -> tuple[float, str | None, str | None]:
    if not -inf < value < inf:
        return nan, unit, f"the value {text.strip()[:40]!r} is no finite number"
    if "_" in text or not text.isascii():
        return nan, unit, f"the value {text.strip()[:40]!r} is no number in digits of 0 to 9"
    if unit == "share" and value > 1:
        return nan, unit, f"the share {text.strip()[:40]} is above 1"
    return value, unit, None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


SOURCE: Final = SignalSource("plain_csv", sniff, read)
