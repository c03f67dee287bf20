"""Law: levels settle as measurements do, a union of sets: any order, any split and any number of times give one table.

Of the levels of one series at one time one stays: one with a value before one without, then the larger value (what is
revised was mostly incomplete at first, and a fall must stand in every version that was told), then the smaller
quality. Another value at the same place is a conflict. Of the rows of one published record the first by
its input stays; of series all that differ. Levels are sorted once by the engine, which spills, and pass by in order:
of a day of any size no more than a few batches stand in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
ORDER BY series NULLS LAST, time NULLS LAST, value DESC NULLS LAST, quality NULLS LAST, brought NULLS LAST
"""


_SMALL: Final = 100_000  # rows of a day that are sorted here: starting the engine would take longer


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f'"{name}"' for name in schema.names)


def _keys(schema: pa.Schema, *first: str) -> list[str]:
    """These columns first, then all others: equal rows in equal order."""
    return [*first, *(name for name in schema.names if name not in first)]


def _order(keys: Sequence[str]) -> str:
    return ", ".join(f'"{name}" NULLS LAST' for name in keys)


_BY_SERIES: Final = _keys(SERIES, "country", "entity", "signal", "series", "input")
_BY_PLACE: Final = _keys(CONTEXT, "country", "start", "record")
_CHOICE: Final = _keys(CONTEXT, "input", "locator")  # the first of the rows of one record stays
_ARRIVAL: Final = [BROUGHT.name, *_keys(CONTEXT, "input")]
_SERIES: Final = f"""
SELECT {_columns(SERIES)} FROM known GROUP BY {_columns(SERIES)}
ORDER BY {_order(_BY_SERIES)}
"""
_RANKED: Final = f"""
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY record ORDER BY {_order(_CHOICE)}) AS place,
  ROW_NUMBER() OVER (PARTITION BY record ORDER BY {_order(_ARRIVAL)}) AS arrival
FROM told
"""
_CONTEXT: Final = f"""
SELECT {_columns(CONTEXT)} FROM ranked WHERE place = 1 ORDER BY {_order(_BY_PLACE)}
"""
_PUBLISHED: Final = """
SELECT brought, COUNT(*) AS n FROM ranked WHERE arrival = 1 AND brought > ''
GROUP BY brought ORDER BY brought NULLS LAST
"""
SQL: Final = {
    "signals": _SORTED, "series": _SERIES, "ranked": _RANKED, "published": _PUBLISHED, "context": _CONTEXT,
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
    into: Mapping[str, Sink], small: int = _SMALL,
) -> Leveled:  # fmt: skip
    """Unite what has landed for a day with what was settled before; each table leaves through the sink of its name."""
    names = _Names(landing, stock)

    def pour(found: Iterator[pa.RecordBatch]) -> tuple[Any, _Walk]:
        walk = _Walk(names.series, day, len(names.inputs))
        return into["signals"](walk.settled(found)), walk

    given: dict[str, Stream] = {
        "levels": _numbered(landing, stock, names),
        "known": _held(landing, stock, "series", SERIES),
        "told": _held(landing, stock, "context", CONTEXT.append(BROUGHT)),
    }
    want = {
        "signals": Into(_ROWS, pour),
        "series": Into(SERIES, into["series"]),
        "context": Into(CONTEXT, into["context"]),
    }
    if sum(batch.num_rows for rows in given.values() for batch in _batches(rows, rows.schema.names[:1])) <= small:
        made = _sorted_here(
            {name: pa.Table.from_batches(_batches(rows), rows.schema) for name, rows in given.items()}, want
        )
    else:
        made = engine.script(list(SQL.items()), given, {**want, "published": None})
    signals, walk = made["signals"]
    tables = {"signals": signals, "series": made["series"], "context": made["context"]}
    return Leveled(tables, _gains(names.inputs, walk, made["published"]), walk.span())


def _gains(inputs: Sequence[str], walk: _Walk, published: pa.Table) -> dict[str, Gain]:
    gains = {
        name: Gain(levels=int(levels), conflicts=int(conflicts))
        for name, levels, conflicts in zip(inputs, walk.levels, walk.conflicts, strict=True)
    }
    for row in published.to_pylist():
        gains[row["brought"]] = replace(gains.get(row["brought"], Gain()), published=row["n"])
    return gains


def _sorted_here(given: Mapping[str, pa.Table], want: Mapping[str, Into]) -> dict[str, Any]:
    """What the SQL says, for days that are small enough to be sorted in memory."""
    known, told = given["known"], given["told"]
    distinct: Any = pa.TableGroupBy(known, SERIES.names, use_threads=False).aggregate([])
    news = _firsts(told, _ARRIVAL)[BROUGHT.name]
    made = {
        "signals": _ranked(given["levels"], _ROWS.names, falling="value"),
        "series": _ranked(distinct, _BY_SERIES).select(SERIES.names),
        "context": _ranked(_firsts(told, _CHOICE), _BY_PLACE).select(CONTEXT.names),
    }
    counts: Any = news.filter(pc.not_equal(news, "")).value_counts()
    published = pa.Table.from_arrays([counts.field(0), counts.field(1)], [BROUGHT.name, "n"])
    return {name: want[name].sink(iter(rows.to_batches())) for name, rows in made.items()} | {"published": published}


def _ranked(rows: pa.Table, keys: Sequence[str], falling: str = "") -> pa.Table:
    """Nulls last, as in the SQL; it is what the library does by itself, in every version, whichever way it sorts."""
    ways = [(name, "descending" if name == falling else "ascending") for name in keys]
    return rows.take(pc.sort_indices(rows, sort_keys=ways)).combine_chunks()


def _firsts(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Of the rows of each record the first by these columns."""
    ranked = _ranked(rows, ["record", *keys])
    return ranked.filter(pa.array(_differs(ranked["record"].to_numpy())))


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


class _Names:
    """The series and the inputs of a day's levels, sorted: their places stand for them while levels are sorted."""

    def __init__(self, landing: Sequence[Mapping[str, Rows]], stock: Mapping[str, Rows]) -> None:
        series, inputs = set[str](), set[str]()
        for group in (stock, *landing):
            columns = ["series"] if group is stock else ["series", BROUGHT.name]
            for batch in _batches(group["signals"], columns) if "signals" in group else ():
                series.update(_distinct(batch.column("series")))
                if group is not stock:
                    inputs.update(_distinct(batch.column(BROUGHT.name)))
        self.series = pa.array(sorted(series), pa.string())
        self.inputs = sorted(inputs)


def _numbered(landing: Sequence[Mapping[str, Rows]], stock: Mapping[str, Rows], names: _Names) -> Stream:
    """The levels of all groups, numbers in the place of names."""

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        inputs = pa.array(names.inputs, pa.string())
        for group in (stock, *landing):
            for batch in _batches(group["signals"]) if "signals" in group else ():
                made = _plain(batch, names.series, None if group is stock else inputs)
                yield made if columns is None else made.select(list(columns))

    return Stream(_ROWS, read)


def _distinct(column: pa.Array) -> list[str]:
    return pc.call_function("unique", [column]).to_pylist()


def _plain(batch: pa.RecordBatch, series: pa.Array, brought: pa.Array | None) -> pa.RecordBatch:
    """What is not a number is no value, and zero has no sign: equal levels are equal bytes."""

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
