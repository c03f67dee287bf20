"""Law: the same rows give the same file, under a name that follows from its content.

Parts are Parquet with fixed row groups and a fixed codec. Where a part ends follows from the number of sorted rows,
never from how they arrived. Reading pushes the filter and the columns down into the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clampdown.engine import Stream
from clampdown.errors import StoreError
from clampdown.model import DETECTED, TABLES
from clampdown.store.manifest import Part
from clampdown.store.storage import Storage, spoken

_GROUP: Final = 1 << 16  # rows in a row group: small enough to skip, large enough to compress
_PART: Final = 1 << 20  # rows in a part
_LATER: Final = frozenset({"content"})  # columns that tables got after the first format was in use
_MEND: Final = "Run clampdown doctor with --mend on the store: it makes anew what it can, and names what it cannot."
# Checksums of pages: without them one flipped bit in thirteen was read as another value and not noticed.
_SETTLED: Final[dict[str, Any]] = {"compression": "zstd", "compression_level": 3, "write_page_checksum": True}
_LANDING: Final[dict[str, Any]] = {"compression": "zstd", "compression_level": 1, "write_page_checksum": True}


class Writer:
    """One Parquet file that grows batch by batch, and exists once it is closed."""

    def __init__(self, storage: Storage, path: str, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self._sink = storage.create(path)
        try:
            self._writer = pq.ParquetWriter(self._sink.file, schema, **_LANDING)
        except BaseException:
            self._sink.abandon()
            raise

    def write(self, table: pa.Table) -> None:
        """Add rows as one more row group."""
        with spoken(self.path):
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self.rows += table.num_rows

    def close(self) -> Part:
        """Finish; the file exists from here on."""
        with spoken(self.path):
            self._writer.close()
        return Part(self.path, self.rows, self._sink.close())

    def abandon(self) -> None:
        """Forget the file."""
        with suppress(Exception):  # on a full disk the end cannot be written either, and nobody will read it
            self._writer.close()
        self._writer.is_open = False  # or its finalizer would try once more
        self._sink.abandon()


def write_settled(storage: Storage, table: str, day: str, rows: pa.Table) -> tuple[Part, ...]:
    """Write sorted rows as parts named by the digest of their content; no rows, no part."""
    return write_batches(storage, table, day, rows.to_batches())


def write_batches(storage: Storage, table: str, day: str, rows: Iterable[pa.RecordBatch]) -> tuple[Part, ...]:
    """The same from batches of any size, of which no more than one row group is held."""
    groups = _groups(TABLES[table], rows)
    return tuple(_write_part(storage, table, day, part) for part in _parted(groups))


def _groups(schema: pa.Schema, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows as tables of exactly one row group, the last one apart, however they are batched."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        if not batch.schema.equals(schema):
            raise StoreError("rows with other columns than the model's")
        while batch.num_rows:
            piece = batch.slice(0, _GROUP - size)
            held.append(piece)
            size += piece.num_rows
            batch = batch.slice(piece.num_rows)
            if size == _GROUP:
                yield pa.Table.from_batches(held, schema).combine_chunks()
                held, size = [], 0
    if size:
        yield pa.Table.from_batches(held, schema).combine_chunks()


def _parted(groups: Iterator[pa.Table]) -> Iterator[Iterator[pa.Table]]:
    """The groups of one part after the other; each part is to be used up before the next is asked for."""
    for first in groups:
        yield chain((first,), islice(groups, _PART // _GROUP - 1))


def write_whole(storage: Storage, table: str, rows: pa.Table, held: Iterable[str] = ()) -> tuple[Part, ...]:
    """Write a table of `detect`, sorted, as parts named by their content; parts that are `held` are there already."""
    schema, known = DETECTED[table], set(held)
    if not rows.schema.equals(schema):
        raise StoreError(f"{table}: rows with other columns than the model's")
    ranked = _ranked(rows.combine_chunks())
    made: list[Part] = []
    for part in _parted(_groups(schema, ranked.to_batches())):
        data, count = _encoded(schema, part)
        path = f"tables/{table}/{hashlib.sha256(memoryview(data)).hexdigest()}.parquet"
        made.append(Part(path, count, data.size) if path in known else _write(storage, path, data, count))
    return tuple(made)


def _ranked(rows: pa.Table) -> pa.Table:
    """Country, target and network first, as in settled tables; then every other column: equal rows, equal files.

    A row without a network speaks for the whole country, and stands before those of its networks.
    """
    first = [name for name in ("country", "target", "targets", "network") if name in rows.column_names]
    order = first + [name for name in rows.column_names if name not in first]
    keyed = rows
    if "network" in first:
        keyed = rows.append_column("has network", pc.is_valid(rows["network"]).cast(pa.int8()))
        order.insert(order.index("network"), "has network")
    return rows.take(pc.sort_indices(keyed, sort_keys=[(name, "ascending") for name in order]))


def _write_part(storage: Storage, table: str, day: str, groups: Iterable[pa.Table]) -> Part:
    # The name is the digest of the bytes, so they are made before the file has a name. A part is bounded (_PART).
    data, rows = _encoded(TABLES[table], groups)
    path = f"tables/{table}/day={day}/{hashlib.sha256(memoryview(data)).hexdigest()}.parquet"
    return _write(storage, path, data, rows)


def _encoded(schema: pa.Schema, groups: Iterable[pa.Table]) -> tuple[pa.Buffer, int]:
    buffer = pa.BufferOutputStream()
    rows = 0
    with pq.ParquetWriter(buffer, schema, **_SETTLED) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=_GROUP)
            rows += group.num_rows
    return buffer.getvalue(), rows


def _write(storage: Storage, path: str, data: pa.Buffer, rows: int) -> Part:
    sink = storage.create(path)
    try:
        with spoken(path):
            sink.file.write(memoryview(data))
        return Part(path, rows, sink.close())
    finally:
        sink.abandon()


@contextmanager
def _reading(part: Part) -> Generator[None, None, None]:
    """Damage is said by name."""
    try:
        yield
    except FileNotFoundError as fault:
        raise _missing(part) from fault
    except (pa.ArrowException, OSError, KeyError, ValueError) as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            raise  # the disk said so, not the file
        raise _damaged(part) from fault


def read_part(
    storage: Storage,
    part: Part,
    schema: pa.Schema,
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
) -> pa.Table:
    """The rows of one part; damage is said by name."""
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    with _reading(part):
        with storage.open(part.path) as file:
            names = list(columns) if columns is not None else None
            # Without threads: those that still ran when a damaged part was given up have aborted the program.
            table = pq.read_table(
                file, columns=names, filters=where, page_checksum_verification=True, use_threads=False
            )
        table = _filled(table, wanted)
        if table.column_names != wanted.names or (where is None and table.num_rows != part.rows):
            raise _damaged(part)
        return table.replace_schema_metadata(None).cast(wanted)


def _filled(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """A column that stores of before do not have is null in theirs."""
    for place, name in enumerate(wanted.names):
        if name in _LATER and name not in table.column_names:
            table = table.add_column(place, wanted.field(name), pa.nulls(table.num_rows, wanted.field(name).type))
    return table


def _missing(part: Part) -> StoreError:
    return StoreError("a file that the manifest names is missing", where=part.path, hint=_MEND)


def _damaged(part: Part) -> StoreError:
    return StoreError("a part of the store is damaged", where=part.path, hint=_MEND)


def read(
    storage: Storage,
    table: str,
    parts: Iterable[Part],
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    schema: pa.Schema | None = None,
) -> pa.Table:
    """The rows of several parts, in their order."""
    return join(iterate(storage, table, parts, columns=columns, where=where, schema=schema), table, columns, schema)


def iterate(
    storage: Storage,
    table: str,
    parts: Iterable[Part],
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    schema: pa.Schema | None = None,
) -> Iterator[pa.Table]:
    """The rows of several parts, one part at a time, so that a large table never stands in memory."""
    for part in parts:
        yield read_part(storage, part, schema or TABLES[table], columns=columns, where=where)


def stream(storage: Storage, table: str, parts: Sequence[Part], *, schema: pa.Schema | None = None) -> Stream:
    """The rows of several parts, a row group at a time, whenever they are asked for."""
    whole = schema or TABLES[table]

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        wanted = whole if columns is None else pa.schema([whole.field(name) for name in columns])
        for part in parts:
            yield from _batches(storage, part, wanted)

    return Stream(whole, read)


def spans(
    storage: Storage, parts: Iterable[Part], columns: Sequence[str], key: str, low: str, high: str
) -> Iterator[pa.Table]:
    """The row groups that may hold rows with `key` between low and high, of parts that are sorted by it; the key comes
    as codes and a dictionary. Rows of its neighbours come along: who reads millions of them picks faster by code."""
    for part in parts:
        with _reading(part), storage.open(part.path) as file:
            whole = pq.ParquetFile(file, page_checksum_verification=True, read_dictionary=[key])
            place = whole.schema_arrow.names.index(key)
            wanted = [n for n in range(whole.num_row_groups) if _meets(whole.metadata.row_group(n), place, low, high)]
            if wanted:
                yield whole.read_row_groups(wanted, columns=list(columns), use_threads=False)


def rows_of(storage: Storage, part: Part) -> int:
    """How many rows a part has by its footer."""
    with _reading(part), storage.open(part.path) as file:
        return pq.ParquetFile(file).metadata.num_rows


def constant(storage: Storage, parts: Iterable[Part], table: str, column: str) -> str | None:
    """The one value that all rows of these parts have in a column of text, if their footers say so; else None."""
    place = TABLES[table].names.index(column)
    found: set[str] = set()
    for part in parts:
        with _reading(part), storage.open(part.path) as file:
            about = pq.ParquetFile(file).metadata
            for number in range(about.num_row_groups):
                known = about.row_group(number).column(place).statistics
                if known is None or not known.has_min_max or known.null_count or known.min != known.max:
                    return None
                found.add(known.min)
    return found.pop() if len(found) == 1 else None


def _meets(group: Any, place: int, low: str, high: str) -> bool:
    known = group.column(place).statistics
    return known is None or not known.has_min_max or (known.min <= high and known.max >= low)


def _batches(storage: Storage, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows = 0
    with _reading(part), storage.open(part.path) as file:
        whole = pq.ParquetFile(file, page_checksum_verification=True)
        for batch in whole.iter_batches(_GROUP, columns=schema.names, use_threads=False):
            rows += batch.num_rows
            table = pa.Table.from_batches([batch]).select(schema.names).replace_schema_metadata(None)
            yield from table.cast(schema).to_batches()
    if rows != part.rows:
        raise _damaged(part)


def join(
    tables: Iterable[pa.Table], table: str, columns: Sequence[str] | None = None, schema: pa.Schema | None = None
) -> pa.Table:
    """Parts put together; none of them gives the empty table in the model's columns."""
    whole = schema or TABLES[table]
    empty = (whole if columns is None else pa.schema([whole.field(name) for name in columns])).empty_table()
    return pa.concat_tables([empty, *tables])
