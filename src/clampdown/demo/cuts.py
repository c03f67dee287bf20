"""Law: what happens to the fictional country's signals is data: whose level falls, when, to what, and what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, cast

from clampdown.demo.script import data
from clampdown.errors import RuleError
from clampdown.model import GRADES
from clampdown.model_signals import OUTAGE_KINDS
from clampdown.reference import toml

_WHERE: Final = "signals.toml"
NOTES: Final = ("source_failure", "surge", "withheld")
_STEP: Final = 1800


@dataclass(frozen=True, slots=True)
class Line:
    """The level of one signal of one entity, as it is when nothing happens."""

    entity: str
    signal: str
    level: float
    daily: float
    weekend: float
    noise: float
    step: int
    fine: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be found of an act in each of its entities."""

    kind: str
    grade: str
    pattern: str | None
    restored: tuple[str, ...]  # signals that are let through while it lasts
    new_normal: bool
    accident: bool


@dataclass(frozen=True)
class Cut:
    """One thing that happens to signals, at some times."""

    name: str
    entities: tuple[str, ...]
    begin: datetime
    length: timedelta | None  # None: it lasts
    again: tuple[int, ...]  # days after the first on which it happens again
    left: Mapping[str, float]
    back: Mapping[str, timedelta]  # signals that are back sooner
    missing: tuple[str, ...]
    frac: int | None  # the share of its own instrument that Tor has, where it is another
    found: Found | None
    note: str | None

    def times(self, signal: str) -> tuple[tuple[datetime, datetime], ...]:
        """(begin, end) of every occurrence in a signal."""
        length = self.back.get(signal, self.length)
        last = datetime.max if length is None else None
        days = (0, *self.again)
        return tuple(
            ((begin := self.begin + timedelta(days=day)), last or begin + cast("timedelta", length)) for day in days
        )

    @property
    def end(self) -> datetime | None:
        """Of its last occurrence; None where it lasts."""
        return None if self.length is None else self.begin + timedelta(days=max((0, *self.again))) + self.length


@dataclass(frozen=True)
class Signals:
    """The whole truth of the signals."""

    lines: tuple[Line, ...]
    cuts: tuple[Cut, ...]
    records: tuple[Mapping[str, str], ...]  # published beside them


@cache
def load_signals() -> Signals:
    """The script of the signals as packaged."""
    return signals_of(data(_WHERE))


def signals_of(given: bytes) -> Signals:
    """The script of the signals from its text."""
    document = toml.read(given, _WHERE)
    lines = tuple(_line(t) for t in toml.tables(document, "line", _WHERE))
    known = {(line.entity, line.signal) for line in lines}
    cuts = tuple(_cut(t) for t in toml.tables(document, "act", _WHERE))
    for cut in cuts:
        named = {*cut.left, *cut.back, *cut.missing}
        for entity in cut.entities:
            if not any((entity, signal) in known for signal in named):
                raise RuleError(f"{cut.name!r} touches no signal of {entity}", where=_WHERE)
    records = tuple({key: toml.text(t, key, _WHERE) for key in t} for t in toml.tables(document, "record", _WHERE))
    return Signals(lines, cuts, records)


def _number(table: toml.Table, key: str, default: float | None = None) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise RuleError(f"`{key}` must be a number of zero or more", where=_WHERE)
    return float(value)


def _numbers(table: toml.Table, key: str) -> dict[str, float]:
    inner = toml.table(table, key, _WHERE)
    return {name: _number(inner, name) for name in inner}


def _line(table: toml.Table) -> Line:
    return Line(
        entity=toml.text(table, "entity", _WHERE),
        signal=toml.text(table, "signal", _WHERE),
        level=_number(table, "level"),
        daily=_number(table, "daily", 0.0),
        weekend=_number(table, "weekend", 1.0),
        noise=_number(table, "noise"),
        step=int(_number(table, "step", _STEP)) or _STEP,
        fine=toml.flag(table, "fine", _WHERE),
    )


def _cut(table: toml.Table) -> Cut:
    begin = table.get("begin")
    if not isinstance(begin, datetime):
        raise RuleError("`begin` must be a time", where=_WHERE)
    note = toml.text(table, "note", _WHERE, default="")
    if note not in ("", *NOTES):
        raise RuleError(f"{note!r} is no known note", where=_WHERE, hint=f"One of: {', '.join(NOTES)}")
    return Cut(
        name=toml.text(table, "name", _WHERE),
        entities=toml.texts(table, "entities", _WHERE),
        begin=begin,
        length=timedelta(hours=_number(table, "hours")) if "hours" in table else None,
        again=toml.numbers(table, "again", _WHERE),
        left=_numbers(table, "left"),
        back={name: timedelta(hours=hours) for name, hours in _numbers(table, "back").items()},
        missing=toml.texts(table, "missing", _WHERE),
        frac=int(_number(table, "frac")) if "frac" in table else None,
        found=_found(toml.table(table, "found", _WHERE)) if "found" in table else None,
        note=note or None,
    )


def _found(table: toml.Table) -> Found:
    kind, grade = toml.text(table, "kind", _WHERE), toml.text(table, "grade", _WHERE)
    if kind not in OUTAGE_KINDS or grade not in GRADES:
        raise RuleError(f"{kind!r} of grade {grade!r} is no outage that can be found", where=_WHERE)
    return Found(
        kind=kind,
        grade=grade,
        pattern=toml.text(table, "pattern", _WHERE, default="") or None,
        restored=toml.texts(table, "restored", _WHERE),
        new_normal=toml.flag(table, "new_normal", _WHERE),
        accident=toml.flag(table, "accident", _WHERE),
    )
