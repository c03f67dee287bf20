"""Law: memory stays bounded, whatever the size of an input and the number of its days.

A task's rows are parted by day, kept until they fill a buffer, then written as row groups. Too many days at once
close their files; a day that comes up again gets a further file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.model import UNKNOWN_DAY, Batch, Levels, Reject
from clampdown.store.manifest import Landed, Part
from clampdown.store.settle import BROUGHT, LANDING
from clampdown.store.storage import Storage
from clampdown.store.tables import Writer

_BUFFER: Final = 48 << 20  # bytes of rows that wait to be written
_OPEN: Final = 192  # files at a time


class Landing:
    """The landing parts of one task while they grow; nothing exists before `close`."""

    def __init__(self, storage: Storage, task: str) -> None:
        self._storage = storage
        self._task = task
        self._waiting: dict[tuple[str, str], list[pa.Table]] = {}
        self._held = 0
        self._writers: dict[tuple[str, str], Writer] = {}
        self._done: dict[tuple[str, str], list[Part]] = {}

    def add(self, batch: Batch, brought: str) -> None:
        """Take a batch of one input."""
        for day, table, rows in _by_day(batch, brought):
            if rows.num_rows:
                self._waiting.setdefault((day, table), []).append(rows)
                self._held += rows.nbytes
        if self._held >= _BUFFER:
            self._flush()

    def close(self) -> dict[str, Landed]:
        """Finish all files; from here on they exist, though nobody names them yet."""
        self._flush()
        self._close_writers()
        days = sorted({day for day, _ in self._done})
        return {
            day: Landed(self._task, {t: tuple(ps) for (d, t), ps in sorted(self._done.items()) if d == day})
            for day in days
        }

    def abandon(self) -> None:
        """Forget what is not finished."""
        for writer in self._writers.values():
            writer.abandon()
        self._writers.clear()

    def _flush(self) -> None:
        for key in sorted(self._waiting):
            if key not in self._writers:
                if len(self._writers) >= _OPEN:
                    self._close_writers()
                self._writers[key] = self._writer(*key)
            self._writers[key].write(pa.concat_tables(self._waiting[key]))
        self._waiting.clear()
        self._held = 0

    def _writer(self, day: str, table: str) -> Writer:
        times = len(self._done.get((day, table), ()))
        name = self._task if not times else f"{self._task}-{times + 1}"
        return Writer(self._storage, f"landing/day={day}/{name}.{table}.parquet", LANDING[table])

    def _close_writers(self) -> None:
        for key in list(self._writers):
            part = self._writers[key].close()
            del self._writers[key]
            self._done.setdefault(key, []).append(part)


def rejects_table(rejects: tuple[Reject, ...]) -> pa.Table:
    """Rejects as rows. A record that could not be read has no day."""
    rows = [
        {"file": r.file, "member": r.member, "line": r.line, "digest": r.digest, "length": r.length}
        | {"reason": r.reason, "detail": r.detail, "day": UNKNOWN_DAY}
        for r in rejects
    ]
    return pa.Table.from_pylist(rows, schema=LANDING["rejects"])


def _by_day(batch: Batch, brought: str) -> Iterator[tuple[str, str, pa.Table]]:
    if batch.rejects:
        yield UNKNOWN_DAY, "rejects", rejects_table(batch.rejects)
    if batch.levels is not None:
        yield from _levels(batch.levels, brought)
    m = batch.measurements
    if not m.num_rows:
        return
    tables = {
        "measurements": _brought(m, brought),
        "observations": batch.observations,
        "matches": batch.matches,
    }
    days = sorted(_call("unique", m["day"]).to_pylist())
    if len(days) == 1:
        yield from ((days[0], name, rows) for name, rows in tables.items())
        return
    contents = _content(m)
    of_row = _call("index_in", m["day"].combine_chunks(), value_set=pa.array(days, pa.string()))
    for name, rows in tables.items():
        at = of_row if name == "measurements" else of_row.take(_call("index_in", _content(rows), value_set=contents))
        yield from _parted(name, rows, at, days)


def _levels(levels: Levels, brought: str) -> Iterator[tuple[str, str, pa.Table]]:
    """Levels, series and published records say their day themselves."""
    tables = {
        "signals": _brought(levels.signals, brought),
        "series": levels.series,
        "context": _brought(levels.context, brought),
    }
    for name, rows in tables.items():
        days = sorted(_call("unique", rows["day"]).to_pylist())
        if len(days) == 1:
            yield days[0], name, rows
        elif days:
            at = _call("index_in", rows["day"].combine_chunks(), value_set=pa.array(days, pa.string()))
            yield from _parted(name, rows, at, days)


def _brought(rows: pa.Table, brought: str) -> pa.Table:
    return rows.append_column(BROUGHT, pa.repeat(pa.scalar(brought, pa.string()), rows.num_rows))


def _parted(name: str, rows: pa.Table, at: pa.Array, days: list[str]) -> Iterator[tuple[str, str, pa.Table]]:
    """Split rows by the number of their day, in their order."""
    order = _call("array_sort_indices", at)  # stable: equal days keep their order
    whole = rows.take(order)
    start = 0
    for n, size in enumerate(_counts(at, len(days))):
        yield days[n], name, whole.slice(start, size)
        start += size


def _counts(at: pa.Array, days: int) -> list[int]:
    found = {row["values"]: row["counts"] for row in _call("value_counts", at).to_pylist()}
    return [found.get(n, 0) for n in range(days)]


def _content(table: pa.Table) -> pa.Array:
    """Id and digest together: two contents under one id may lie on two days."""
    joined = _call("binary_join_element_wise", table["measurement"], table["digest"], "!")
    return joined.combine_chunks()


def _call(name: str, *values: Any, value_set: pa.Array | None = None) -> Any:
    """A compute function by its name (pyarrow's own wrappers are made at run time, which checkers cannot see)."""
    options = None if value_set is None else pc.SetLookupOptions(value_set=value_set)
    return pc.call_function(name, list(values), options)
