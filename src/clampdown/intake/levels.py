"""Law: a level is written once, with its series; a series is named by what it is, never by where it was found.

Readers of signals add levels one by one (or as columns) and published records as mappings; what comes out are tables
in the model's columns. Series whose levels compare over all files are handed on as they fill; those that were scaled
within one file are named by the digest of that file, and wait for its end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, Final, NamedTuple

import pyarrow as pa

from clampdown.intake.containers_bytes import Opened, Place, Reader
from clampdown.model import CONNECTIVITY, MATCHES, MEASUREMENTS, OBSERVATIONS, UNKNOWN_DAY, Batch, Levels, Reject

__all__ = ["FLUSH", "Digested", "LevelRows", "Opened", "Signal", "series_id"]

FLUSH: Final = 200_000  # levels between two batches
_SIGNALS, _SERIES, _CONTEXT = (CONNECTIVITY[name] for name in ("signals", "series", "context"))


class Signal(NamedTuple):
    """What a series is, as its reader knows it; the columns of SERIES less those of the input."""

    entity: str
    entity_kind: str
    plane: str
    signal: str
    operator: str
    source: str
    step: int
    country: str | None = None
    network: int | None = None
    service: str | None = None
    access: str | None = None
    unit: str = "count"
    normalised: bool = False  # scaled within its file: its levels compare with no other file's
    absence: str | None = None
    zone: str | None = None


class Digested:
    """A reader that also says the digest of what went through it."""

    def __init__(self, inner: Reader) -> None:
        self._inner, self._hash = inner, hashlib.sha256()

    @property
    def fault(self) -> Any:
        return self._inner.fault

    def read(self, size: int) -> bytes:
        block = self._inner.read(size)
        self._hash.update(block)
        return block

    def digest(self) -> str:
        """sha256 of all that was read so far, hex."""
        return self._hash.hexdigest()


class _Held:
    """The levels of one series that wait."""

    __slots__ = ("days", "quality", "times", "values")

    def __init__(self) -> None:
        self.times: list[datetime] = []
        self.values: list[float | None] = []
        self.quality: list[float | None] = []
        self.days: dict[str, int] = {}  # day -> levels, over all batches


class LevelRows:
    """The rows of one input while it is read. `locator` of a record without a line is the place itself."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._where = place.file if place.member is None else f"{place.file}!{place.member}"
        self._held: dict[Signal, _Held] = {}
        self._waiting = 0
        self._context: list[dict[str, Any]] = []
        self._rejects: list[Reject] = []

    def add(self, signal: Signal, time: datetime, value: float | None, quality: float | None = None) -> None:
        """One level: begin of its bin in naive UTC, null where the source says that it has none."""
        held = self._held.get(signal)
        if held is None:
            held = self._held[signal] = _Held()
        held.times.append(time)
        held.values.append(value)
        held.quality.append(quality)
        self._waiting += 1

    def extend(
        self,
        signal: Signal,
        times: Sequence[datetime],
        values: Sequence[float | None],
        quality: Sequence[float | None] | None = None,
    ) -> None:
        """Many levels of one series."""
        held = self._held.setdefault(signal, _Held())
        held.times.extend(times)
        held.values.extend(values)
        held.quality.extend(repeat(None, len(times)) if quality is None else quality)
        self._waiting += len(times)

    def publish(self, line: int | None = None, **fields: Any) -> None:
        """One published record, by the names of CONTEXT; `source` and `kind` must be among them."""
        unknown = fields.keys() - set(_CONTEXT.names)
        if unknown:
            raise KeyError(f"context has no column {sorted(unknown)}")
        row = {name: fields.get(name) for name in _CONTEXT.names}
        said = {name: value for name, value in row.items() if value is not None}
        row["record"] = "c" + _name(said)
        row["precision"] = row["precision"] or "unknown"
        row["locator"] = self._where if line is None else f"{self._where}:{line}"
        row["day"] = row["start"].date().isoformat() if row["start"] else UNKNOWN_DAY
        self._context.append(row)

    def reject(self, line: int | None, reason: str, detail: str, data: bytes | None = None) -> None:
        """A row that could not be read, with its place and why."""
        digest = None if data is None else hashlib.sha256(data).hexdigest()
        length = None if data is None else len(data)
        self._rejects.append(Reject(self._place.file, self._place.member, line, digest, length, reason, detail))

    def rejected(self, reject: Reject) -> None:
        """A reject that another reader made of this input."""
        self._rejects.append(reject)

    def due(self) -> Iterator[Batch]:
        """What can be handed on by now: nothing, or one batch."""
        if self._waiting >= FLUSH or len(self._rejects) >= FLUSH:
            yield self._batch({s: h for s, h in self._held.items() if not s.normalised}, None)

    def finish(self, digest: str) -> Iterator[Batch]:
        """The rest; `digest` is that of the whole text."""
        yield self._batch(dict(self._held), digest)

    def _batch(self, held: Mapping[Signal, _Held], digest: str | None) -> Batch:
        parts: list[pa.Table] = []
        for signal, rows in held.items():
            if rows.times:
                parts.append(_signals(series_id(signal, digest), rows))
            self._waiting -= len(rows.times)
            rows.times, rows.values, rows.quality = [], [], []
        series = _SERIES.empty_table()
        context = _CONTEXT.empty_table()
        if digest is not None:
            series = self._series(held, digest)
            rows = [row | {"input": digest} for row in self._context]
            context = pa.Table.from_pylist(rows, schema=_CONTEXT)
        rejects, self._rejects = tuple(self._rejects), []
        levels = Levels(pa.concat_tables([_SIGNALS.empty_table(), *parts]), series, context)
        return Batch(MEASUREMENTS.empty_table(), OBSERVATIONS.empty_table(), MATCHES.empty_table(), rejects, levels)

    def _series(self, held: Mapping[Signal, _Held], digest: str) -> pa.Table:
        parts = [_SERIES.empty_table()]
        for signal, found in held.items():
            own: dict[str, Any] = {k: v for k, v in signal._asdict().items() if k != "normalised"}
            own |= {"series": series_id(signal, digest), "scale": digest if signal.normalised else "all"}
            own |= {"input": digest, "locator": self._where}
            days = sorted(found.days)
            columns: list[pa.Array] = []
            for field in _SERIES:  # a column at a time: a table of all countries has a million of these rows
                if field.name == "day":
                    columns.append(pa.array(days, field.type))
                elif field.name == "rows":
                    columns.append(pa.array([found.days[day] for day in days], field.type))
                else:
                    columns.append(pa.repeat(pa.scalar(own[field.name], field.type), len(days)))
            parts.append(pa.Table.from_arrays(columns, schema=_SERIES))
        return pa.concat_tables(parts)


def series_id(signal: Signal, digest: str | None) -> str:
    """The name of a series. Time zones are how it was read, not what it is."""
    said: dict[str, Any] = {k: v for k, v in signal._asdict().items() if k not in ("zone", "normalised", "country")}
    if signal.normalised:
        said["scale"] = digest
    return "s" + _name(said)


def _name(said: Mapping[str, Any]) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _signals(series: str, rows: _Held) -> pa.Table:
    days = [time.date().isoformat() for time in rows.times]
    for day in days:
        rows.days[day] = rows.days.get(day, 0) + 1
    columns: list[pa.Array] = [
        pa.repeat(pa.scalar(series), len(days)),
        pa.array(rows.times, pa.timestamp("us")),
        pa.array(rows.values, pa.float64()),
        pa.array(rows.quality, pa.float64()),
        pa.array(days, pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=_SIGNALS)
