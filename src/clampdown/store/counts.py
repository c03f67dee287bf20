"""Law: what a day holds is counted from as few columns as say it, and a column of one value is not read at all.

A count is a table: source, kind (measurements, levels, published), country, network, test, rows. The footers of the
parts say where all rows have one source; the coverage table then counts a day without its measurements being opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from clampdown.store.manifest import Day, Part
from clampdown.store.storage import Storage
from clampdown.store.tables import constant, iterate, read

KINDS: Final = ("measurements", "levels", "published")
COUNTS: Final = pa.schema([
    ("source", pa.string()), ("kind", pa.string()), ("country", pa.string()), ("network", pa.int64()),
    ("test", pa.string()), ("rows", pa.int64()),
])  # fmt: skip
_BY: Final = ["source", "country", "network", "test"]


def of_day(storage: Storage, entry: Day) -> pa.Table:
    """What a day holds, one row per source, kind, country, network and test."""
    made = [COUNTS.empty_table()]
    measurements = entry.tables.get("measurements", ())
    if measurements:
        made.append(_measurements(storage, entry, measurements))
    series = entry.tables.get("series", ())
    if series:
        rows = read(storage, "series", series, columns=["source", "country", "network", "rows"])
        made.append(_counted(rows, "levels"))
    context = entry.tables.get("context", ())
    if context:
        rows = read(storage, "context", context, columns=["source", "country"])
        made.append(_counted(rows.append_column("rows", _ones(rows.num_rows)), "published"))
    return pa.concat_tables(made)


def _measurements(storage: Storage, entry: Day, parts: Sequence[Part]) -> pa.Table:
    judged = entry.judged is not None and entry.judged.settled == entry.settled
    source = constant(storage, parts, "measurements", "source") if judged else None
    coverage = entry.tables.get("coverage", ())
    if source is not None and coverage:
        rows = read(storage, "coverage", coverage, columns=["country", "network", "test", "n"])
        named = rows.rename_columns(["country", "network", "test", "rows"])
        return _counted(named.append_column("source", pa.array([source] * rows.num_rows, pa.string())), "measurements")
    made = [COUNTS.empty_table()]
    made.extend(
        _counted(rows.append_column("rows", _ones(rows.num_rows)), "measurements")
        for rows in iterate(storage, "measurements", parts, columns=_BY)
    )
    return pa.concat_tables(made)


def _ones(count: int) -> pa.Array:
    return pa.repeat(pa.scalar(1, pa.int64()), count)


def _counted(rows: pa.Table, kind: str) -> pa.Table:
    by = [name for name in _BY if name in rows.column_names]
    grouped: Any = rows.group_by(by, use_threads=False).aggregate([("rows", "sum")])
    count = grouped.num_rows
    columns: dict[str, Any] = {name: _whole(None, count) for name in COUNTS.names}
    columns |= {name: grouped[name] for name in by} | {"kind": _whole(kind, count), "rows": grouped["rows_sum"]}
    return pa.table(list(columns.values()), names=COUNTS.names).cast(COUNTS)


def _whole(value: str | None, count: int) -> pa.Array:
    return pa.array([value] * count, pa.string())
