"""Law: an exported table opens safely in a spreadsheet, carries its terms, and exposes nobody.

Local keys (vantage points, reports, resubmission keys) never leave: vantage points become ordinals within one network
and export, the others are left out. Text that a spreadsheet would run gets an apostrophe in front.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clampdown.assess.witnesses import ordinals
from clampdown.errors import UsageError
from clampdown.model import Terms

FORMATS: Final = ("parquet", "csv", "jsonl")
LOCAL: Final = ("report",)  # names of rows that say who; never exported
# A cell that begins so (whatever blanks stand before it) may be taken for a formula; full-width forms too.
_FORMULA: Final = re.compile(r"[\s\x00-\x20\ufeff]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20|%]")
_UNSAFE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Export(msgspec.Struct, frozen=True):
    """The bytes in chunks, and what must be told beside them (attribution, rows left out)."""

    chunks: Any
    notes: tuple[str, ...]


def export(table: pa.Table, form: str, terms: Sequence[Terms] = (), of: pa.ChunkedArray | None = None) -> Export:
    """Write a table as parquet, csv or jsonl. `terms` are those of the sources that it was made from; `of` is the
    source of each row, where the rows do not say it themselves."""
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=f"Formats: {', '.join(FORMATS)}")
    table, notes = allowed(public(table), terms, of)
    if form == "parquet":
        return Export(_parquet(table, notes), notes)
    return Export(_csv(table) if form == "csv" else _jsonl(table), notes)


def public(table: pa.Table) -> pa.Table:
    """The table without what is local: ordinals for vantage points, no report ids, no keys made from them."""
    names = table.column_names
    if "vantage" in names and pa.types.is_string(table.schema.field("vantage").type):
        networks = table.column("network").to_pylist()
        keys = table.column("vantage").to_pylist()
        times: list[datetime | None]
        times = table.column("time").to_pylist() if "time" in names else [None] * len(keys)
        numbered = ordinals(list(zip(networks, keys, times, strict=True)))
        column = pa.array([numbered.get(key) for key in zip(networks, keys, strict=True)], pa.int32())
        table = table.set_column(names.index("vantage"), "vantage", column)
    hidden = [name for name in LOCAL if name in names]
    # In measurements `repeat` is a digest made from the report id; in verdicts it is a plain yes or no.
    if "repeat" in names and pa.types.is_string(table.schema.field("repeat").type):
        hidden.append("repeat")
    return table.drop_columns(hidden) if hidden else table


def allowed(
    table: pa.Table, terms: Sequence[Terms], of: pa.ChunkedArray | None = None
) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows that may be passed on, and what must be told beside them."""
    notes = attribution(terms)
    closed = [t.source for t in terms if t.redistribute == "no"]
    kept = table
    if of is None and "source" in table.column_names:
        of = table.column("source")
    if closed and of is None:
        kept = table.slice(0, 0)  # the rows do not say where they are from: none can be let out
    elif closed:
        kept = table.filter(pc.invert(pc.is_in(of, pa.array(closed, pa.string()))))
    if left_out := table.num_rows - kept.num_rows:
        notes += (f"{left_out} rows were left out: their source does not allow passing them on",)
    return kept, notes if kept.num_rows else (*notes, "no row fits what was asked for")


def attribution(terms: Sequence[Terms]) -> tuple[str, ...]:
    """Whose data it is, under which licence: one line a source."""
    return tuple(dict.fromkeys(f"{t.attribution} ({t.licence}) {t.url}".strip() for t in terms))


def _parquet(table: pa.Table, notes: Iterable[str]) -> Iterator[bytes]:
    if notes:
        table = table.replace_schema_metadata({"attribution": "\n".join(notes)})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", version="2.6")
    yield sink.getvalue()


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _csv(table: pa.Table) -> Iterator[bytes]:
    yield csv_line(table.column_names)
    for row in _rows(table):
        yield csv_line(row)


def _jsonl(table: pa.Table) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    names = table.column_names
    for row in _rows(table):
        yield encoder.encode(dict(zip(names, map(_value, row), strict=True))) + b"\n"


def _value(value: Any) -> Any:
    return value.isoformat() + "Z" if isinstance(value, datetime) else value


def unguard(text: str) -> str:
    """The text that a guarded cell held before the apostrophe."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def csv_line(values: Iterable[Any]) -> bytes:
    """One line of CSV (RFC 4180). Every text is quoted, so that no other separator can split it."""
    return (",".join(map(_cell, values)) + "\r\n").encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = _UNSAFE.sub("\ufffd", str(_value(value)))
    if _FORMULA.match(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'
