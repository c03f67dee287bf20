"""Law: levels settle as measurements do, a union of sets: any order, any split and any number of times give one table.

Of the levels of one series at one time one stays: one with a value before one without, then the smaller value, then
the smaller quality. Another value at the same place is a conflict. Of the rows of one published record the first by
its input stays; of series all that differ. Levels are sorted once by the engine, which spills, and pass by in order:
of a day of any size no more than a few batches stand in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.engine import Engine, Into, Rows, Sink, Stream
from clampdown.model import CONNECTIVITY
from clampdown.store.settle import BROUGHT, Gain

SIGNALS, SERIES, CONTEXT = (CONNECTIVITY[name] for name in ("signals", "series", "context"))
STOCK: Final = -1  # in the place of an input: was settled before
_MICRO: Final = pa.timestamp("us")
_ROWS: Final = pa.schema([
    ("series", pa.int32()), ("time", pa.int64()), ("value", pa.float64()), ("quality", pa.float64()),
    ("brought", pa.int32()),
])  # fmt: skip
_SORTED: Final = """
SELECT series, time, value, quality, brought FROM levels
ORDER BY series NULLS FIRST, time NULLS FIRST, value NULLS LAST, quality NULLS LAST, brought NULLS FIRST
"""


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f'"{name}"' for name in schema.names)


def _order(schema: pa.Schema, first: Sequence[str]) -> str:
    """These columns first, then all others: equal rows in equal order."""
    names = [*first, *(name for name in schema.names if name not in first)]
    return ", ".join(f'"{name}" NULLS FIRST' for name in names)


SERIES_SQL: Final = f"""
SELECT {_columns(SERIES)} FROM held GROUP BY {_columns(SERIES)}
ORDER BY {_order(SERIES, ("country", "entity", "signal", "series", "input"))}
"""
_RANKED: Final = f"""
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY record ORDER BY {_order(CONTEXT, ("input", "locator"))}) AS place,
  ROW_NUMBER() OVER (PARTITION BY record ORDER BY brought NULLS FIRST, {_order(CONTEXT, ("input",))}) AS arrival
FROM held
"""
CONTEXT_SQL: Final = f"""
SELECT {_columns(CONTEXT)} FROM ranked WHERE place = 1 ORDER BY {_order(CONTEXT, ("country", "start", "record"))}
"""
_PUBLISHED: Final = """
SELECT brought, COUNT(*) AS n FROM ranked WHERE arrival = 1 AND brought > ''
GROUP BY brought ORDER BY brought NULLS FIRST
"""
SQL: Final = {
    "signals": _SORTED, "series": SERIES_SQL, "ranked": _RANKED, "context": CONTEXT_SQL, "published": _PUBLISHED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """The times of a day's levels."""

    first: datetime | None = None
    last: datetime | None = None
    newest: datetime | None = None  # the last one with a value


@dataclass(frozen=True, slots=True)
class Leveled:
    """A day's signals, series and published records after settling, and what each input added."""

    tables: dict[str, Any]  # what each table's sink returned
    gains: dict[str, Gain]
    span: Span


def settle_levels(
    engine: Engine, landing: Sequence[Mapping[str, Rows]], stock: Mapping[str, Rows], *, day: str,
    into: Mapping[str, Sink],
) -> Leveled:  # fmt: skip
    """Unite what has landed for a day with what was settled before; each table leaves through the sink of its name."""
    signals, gained, span = _settle_signals(engine, landing, stock, day, into["signals"])
    held = _held(landing, stock, "series", SERIES)
    series = engine.script([("made", SERIES_SQL)], {"held": held}, {"made": Into(SERIES, into["series"])})["made"]
    context, published = _settle_context(engine, landing, stock, into["context"])
    names = sorted({*gained.levels, *gained.conflicts, *published})
    gains = {
        name: Gain(levels=gained.levels[name], conflicts=gained.conflicts[name], published=published.get(name, 0))
        for name in names
    }
    return Leveled({"signals": signals, "series": series, "context": context}, gains, span)


def _settle_context(
    engine: Engine, landing: Sequence[Mapping[str, Rows]], stock: Mapping[str, Rows], sink: Sink
) -> tuple[Any, dict[str, int]]:
    held = _held(landing, stock, "context", CONTEXT.append(BROUGHT))
    steps = [("ranked", _RANKED), ("published", _PUBLISHED), ("context", CONTEXT_SQL)]
    made = engine.script(steps, {"held": held}, {"published": None, "context": Into(CONTEXT, sink)})
    return made["context"], {row["brought"]: row["n"] for row in made["published"].to_pylist()}


def _batches(rows: Rows, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    if isinstance(rows, Stream):
        yield from rows.read(columns)
    else:
        yield from (rows if columns is None else rows.select(list(columns))).to_batches()


def _held(landing: Sequence[Mapping[str, Rows]], stock: Mapping[str, Rows], name: str, schema: pa.Schema) -> Stream:
    """The rows of all groups; those that were settled before are brought by nobody."""

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for group in (stock, *landing):
            for batch in _batches(group[name]) if name in group else ():
                whole = batch
                if BROUGHT.name in schema.names and BROUGHT.name not in batch.schema.names:
                    nobody = pa.repeat(pa.scalar("", pa.string()), batch.num_rows)
                    whole = pa.RecordBatch.from_arrays([*batch.columns, nobody], schema=schema)
                yield whole if columns is None else whole.select(list(columns))

    return Stream(schema, read)


@dataclass(slots=True)
class _Gained:
    """What was counted while the levels passed by."""

    levels: Counter[str] = field(default_factory=Counter[str])
    conflicts: Counter[str] = field(default_factory=Counter[str])


def _settle_signals(
    engine: Engine, landing: Sequence[Mapping[str, Rows]], stock: Mapping[str, Rows], day: str, sink: Sink
) -> tuple[Any, _Gained, Span]:
    groups = [(group["signals"], number) for number, group in enumerate((stock, *landing)) if "signals" in group]
    names, inputs = set[str](), set[str]()
    for rows, number in groups:
        for batch in _batches(rows, ["series", BROUGHT.name] if number else ["series"]):
            names.update(_distinct(batch.column("series")))
            if number:
                inputs.update(_distinct(batch.column(BROUGHT.name)))
    series, brought = pa.array(sorted(names), pa.string()), sorted(inputs)

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for rows, number in groups:
            for batch in _batches(rows):
                made = _numbered(batch, series, pa.array(brought, pa.string()) if number else None)
                yield made if columns is None else made.select(list(columns))

    def pour(found: Iterator[pa.RecordBatch]) -> tuple[Any, _Walk]:
        walk = _Walk(series, day, len(brought))
        return sink(walk.settled(found)), walk

    want = {"made": Into(_ROWS, pour)}
    made, walk = engine.script([("made", _SORTED)], {"levels": Stream(_ROWS, read)}, want)["made"]
    gained = _Gained()
    for number, name in enumerate(brought):
        gained.levels[name], gained.conflicts[name] = int(walk.levels[number]), int(walk.conflicts[number])
    return made, gained, walk.span()


def _distinct(column: pa.Array) -> list[str]:
    return pc.call_function("unique", [column]).to_pylist()


def _numbered(batch: pa.RecordBatch, series: pa.Array, brought: pa.Array | None) -> pa.RecordBatch:
    """Numbers in the place of names, in the order of the names: a day of millions of levels is sorted by them.

    What is not a number is no value, and zero has no sign: equal levels are equal bytes.
    """

    def plain(name: str) -> pa.Array:
        column = batch.column(name)
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
        return pc.call_function("add", [column, pa.scalar(0.0)])

    by = pa.repeat(pa.scalar(STOCK, pa.int32()), batch.num_rows)
    if brought is not None:
        by = _index(batch.column(BROUGHT.name), brought)
    time = batch.column("time").cast(pa.int64())
    columns = [_index(batch.column("series"), series), time, plain("value"), plain("quality"), by]
    return pa.RecordBatch.from_arrays(columns, schema=_ROWS)


def _index(column: pa.Array, names: pa.Array) -> pa.Array:
    return pc.call_function("index_in", [column], pc.SetLookupOptions(value_set=names))


_Column = npt.NDArray[Any]


class _Walk:
    """Sorted levels pass by; the first of each series and time stays. What is open at the end of a batch waits."""

    def __init__(self, series: pa.Array, day: str, inputs: int) -> None:
        self._series, self._day = series, day
        self._first: int | None = None
        self._last: int | None = None
        self._newest: int | None = None
        self.levels = np.zeros(inputs, np.int64)
        self.conflicts = np.zeros(inputs, np.int64)

    def settled(self, found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The levels that stay, in order, in the model's columns."""
        held: list[_Column] | None = None
        for batch in found:
            rows = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
            if held is not None:
                rows = [np.concatenate(pair) for pair in zip(held, rows, strict=True)]
            rows = _once(rows)
            if len(rows[0]):
                begins = np.flatnonzero(_differs(rows[0]) | _differs(rows[1]))
                held = [column[begins[-1] :] for column in rows]
                if begins[-1]:
                    yield self._kept([column[: begins[-1]] for column in rows], begins[:-1])
        if held is not None:
            yield self._kept(held, np.zeros(1, np.int64))

    def _kept(self, rows: list[_Column], begins: _Column) -> pa.RecordBatch:
        self._count(rows, begins)
        series, time, value, quality = (column[begins] for column in rows[:4])
        self._first = min(int(time.min()), int(time.min()) if self._first is None else self._first)
        self._last = max(int(time.max()), int(time.max()) if self._last is None else self._last)
        there = time[~np.isnan(value)]
        if len(there):
            self._newest = max(int(there.max()), int(there.max()) if self._newest is None else self._newest)
        columns: list[pa.Array] = [
            self._series.take(pa.array(series.astype(np.int32))),
            pa.array(time.astype(np.int64)).cast(_MICRO),
            pa.array(value, pa.float64(), from_pandas=True),
            pa.array(quality, pa.float64(), from_pandas=True),
            pa.repeat(pa.scalar(self._day, pa.string()), len(begins)),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SIGNALS)

    def _count(self, rows: list[_Column], begins: _Column) -> None:
        """A level is new for the first input that brought any of its rows; another value for the first that
        brought that value."""
        brought = rows[4]
        first = np.minimum.reduceat(brought, begins)
        self.levels += np.bincount(first[first >= 0], minlength=len(self.levels))
        starts = np.zeros(len(brought), bool)
        starts[begins] = True
        contents = np.flatnonzero(starts | _differs(rows[2]))
        if len(contents) == len(begins):
            return  # no level with two values
        valued = ~np.isnan(rows[2][contents])
        by = np.minimum.reduceat(brought, contents)[valued]
        of = (np.cumsum(starts) - 1)[contents][valued]  # the level that a value belongs to
        order = np.lexsort((np.arange(len(by)), by, of))  # by level, then by who came first; stock before all
        later = np.ones(len(by), bool)
        later[order[np.flatnonzero(_differs(of[order]))]] = False
        found = by[later & (by >= 0)]
        self.conflicts += np.bincount(found, minlength=len(self.conflicts))

    def span(self) -> Span:
        """The first and the last time that passed by."""
        return Span(*(_moment(time) for time in (self._first, self._last, self._newest)))


def _moment(time: int | None) -> datetime | None:
    return None if time is None else pa.scalar(time, _MICRO).as_py()


def _differs(column: _Column) -> npt.NDArray[np.bool_]:
    """Where a column is another than in the row before; nothing is like nothing."""
    made = np.ones(len(column), bool)
    made[1:] = column[1:] != column[:-1]
    if column.dtype.kind == "f":
        made[1:] &= ~(np.isnan(column[1:]) & np.isnan(column[:-1]))
    return made


def _once(rows: list[_Column]) -> list[_Column]:
    """The rows less those that are like the one before in every column."""
    kept = np.logical_or.reduce([_differs(column) for column in rows])
    return rows if bool(kept.all()) else [column[kept] for column in rows]
