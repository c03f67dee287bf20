"""Law: the one door to SQL: text and tables in, table out; no file, no network, no memory of the last call.

Every call works in a database of its own, in memory, with external access switched off, so that SQL text can
reach nothing but the tables handed to it. Order comes from ORDER BY alone: a query without one promises a set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa

from clampdown.errors import EnvironmentFault, Error, UsageError

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*\Z")
_BATCH: Final = 1 << 15  # rows that leave the engine at a time
_WORD: Final = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows that are read when they are asked for, batch by batch, as often as asked: too many to stand in memory.

    `read` takes the columns that are wanted (None: all) and gives batches with those of `schema`, in that order.
    """

    schema: pa.Schema
    read: Callable[[Sequence[str] | None], Iterator[pa.RecordBatch]]

    def select(self, columns: Sequence[str]) -> Stream:
        """The same rows with these columns only."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        return Stream(schema, lambda some: self.read(columns if some is None else some))


class _OutOfMemory(EnvironmentFault):
    """The memory of one call was too small."""


Result = TypeVar("Result")
Rows = pa.Table | Stream
Sink = Callable[[Iterator[pa.RecordBatch]], Any]


@dataclass(frozen=True, slots=True)
class Into:
    """A wanted step whose rows go, in the order of its ORDER BY, into a sink instead of a table."""

    schema: pa.Schema
    sink: Sink


@dataclass(frozen=True, slots=True)
class Engine:
    """How much of the machine one call may use; holds no connection, so it crosses process borders."""

    threads: int = 1
    memory: str = "1GB"
    spill: str | None = None  # a folder for what does not fit; the caller makes and clears it
    most: str | None = None  # for a second try, where the memory was too small and spilling did not help

    def query(self, sql: str, tables: Mapping[str, Rows], schema: pa.Schema | None = None) -> pa.Table:
        """The rows of one SELECT over the named tables; with `schema`, in exactly these columns and types."""

        def once(engine: Engine) -> pa.Table:
            with engine._connection(tables) as con:
                return _fetch(con, sql, schema)

        return self._roomy(once)

    def script(
        self,
        steps: Sequence[tuple[str, str]],
        tables: Mapping[str, Rows],
        want: Sequence[str] | Mapping[str, pa.Schema | Into | None] | None = None,
    ) -> dict[str, Any]:
        """Run named SELECTs in order, each a table for the later ones; return those asked for (the last if none).

        A step that is wanted keeps its ORDER BY; where it goes into a sink, what the sink returns is its result. Any
        other step, and a stream, is dropped as soon as no later step names it. A sink may be called twice, where the
        memory was short the first time: what it did then must not matter.
        """
        if not steps:
            raise UsageError("a script without steps")
        asked: dict[str, pa.Schema | Into | None]
        if want is None:
            asked = {steps[-1][0]: None}
        else:
            asked = dict(want) if isinstance(want, Mapping) else dict.fromkeys(want)
        unknown = sorted(set(asked) - {name for name, _ in steps})
        if unknown:
            raise UsageError(f"no step of the script makes {', '.join(unknown)}")
        return self._roomy(lambda engine: engine._script(steps, tables, asked))

    def _roomy(self, call: Callable[[Engine], Result]) -> Result:
        """Make a call, and make it again with more memory where that was short and more is allowed."""
        try:
            return call(self)
        except _OutOfMemory:
            if self.most is None or self.most == self.memory:
                raise
        return call(replace(self, memory=self.most))

    def _script(
        self,
        steps: Sequence[tuple[str, str]],
        tables: Mapping[str, Rows],
        asked: Mapping[str, pa.Schema | Into | None],
    ) -> dict[str, Any]:
        streams = [name for name, rows in tables.items() if isinstance(rows, Stream)]
        last = _last_uses(steps, streams)
        found: dict[str, Any] = {}
        with self._connection(tables) as con:
            for number, (name, sql) in enumerate(steps):
                into = asked.get(name)
                if isinstance(into, Into) and name in last.get(number, ()):
                    found[name] = _pour(con, sql, into)  # nothing needs it again: it never stands here as a table
                else:
                    _run(con, f'CREATE TABLE "{_checked(name)}" AS {sql}')
                for gone in last.get(number, ()):
                    if gone not in asked:
                        _run(con, f'DROP TABLE "{gone}"')
            for name, form in asked.items():
                if name not in found:
                    sql = f'SELECT * FROM "{name}"'
                    found[name] = _pour(con, sql, form) if isinstance(form, Into) else _fetch(con, sql, form)
        return {name: found[name] for name in asked}

    @contextmanager
    def _connection(self, tables: Mapping[str, Rows]) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        settings: dict[str, Any] = {
            "threads": self.threads,
            "memory_limit": self.memory,
            "preserve_insertion_order": True,
            "temp_directory": _spelled(self.spill) if self.spill else "",
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "default_null_order": "nulls_first",
        }
        con = duckdb.connect(":memory:", config=settings)
        try:
            con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET enable_external_access = false;")
            con.execute("SET lock_configuration = true")
            for name, rows in tables.items():
                if isinstance(rows, Stream):
                    _take(con, _checked(name), rows)
                else:
                    con.register(_checked(name), rows)
            yield con
        finally:
            con.close()


def _last_uses(steps: Sequence[tuple[str, str]], streams: Sequence[str]) -> dict[int, list[str]]:
    """Number of a step → the tables that no later one names. A name in passing keeps one longer, never shorter."""
    last = dict.fromkeys(streams, 0) | {name: number for number, (name, _) in enumerate(steps)}
    for number, (_, sql) in enumerate(steps):
        for word in set(_WORD.findall(sql)) & last.keys():
            last[word] = max(last[word], number)
    found: dict[int, list[str]] = {}
    for name, number in last.items():
        found.setdefault(number, []).append(name)
    return found


def _spelled(folder: str) -> str:
    """A folder as DuckDB takes it, which wants text: the name of a folder is bytes, and in a locale without them (`C`)
    Python holds letters beyond ASCII as something else."""
    try:
        return folder.encode(errors="surrogateescape").decode()
    except UnicodeDecodeError:
        hint = "Rename the folder, or the one above it that is written so."
        raise EnvironmentFault("the name of the store's folder is not UTF-8", hint=hint) from None


def _checked(name: str) -> str:
    """Names of tables are ours, never a submitter's; say so where one slips in."""
    if _NAME.match(name) is None:
        raise UsageError(f"not a name for a table: {name!r}")
    return name


def _run(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        con.execute(sql)
    except duckdb.Error as fault:
        raise _spoken(fault) from fault


def _fetch(con: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema | None) -> pa.Table:
    try:
        table = con.sql(sql).to_arrow_table()
    except duckdb.Error as fault:
        raise _spoken(fault) from fault
    if schema is None:
        return table
    if table.column_names != schema.names:
        missing = [name for name in schema.names if name not in table.column_names]
        surplus = [name for name in table.column_names if name not in schema.names]
        if missing or surplus:
            raise Error(f"the query gives other columns than asked for (missing {missing}, surplus {surplus})")
        table = table.select(schema.names)
    return table.cast(schema)


def _take(con: duckdb.DuckDBPyConnection, name: str, rows: Stream) -> None:
    """Read a stream once into a table of the engine's own, which spills where it does not fit."""
    faults: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows.read(None)
        except Exception as fault:
            faults.append(fault)  # what passes through the engine comes out as text
            raise

    con.register(f"{name}__given", pa.RecordBatchReader.from_batches(rows.schema, batches()))
    try:
        _run(con, f'CREATE TABLE "{name}" AS SELECT * FROM "{name}__given"')
    except Error:
        if faults:
            raise faults[0] from None
        raise
    finally:
        con.unregister(f"{name}__given")


def _pour(con: duckdb.DuckDBPyConnection, sql: str, into: Into) -> Any:
    """Hand the rows of a SELECT to a sink, batch by batch."""

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            reader = con.sql(sql).to_arrow_reader(_BATCH)
            for batch in reader:
                yield from pa.Table.from_batches([batch]).select(into.schema.names).cast(into.schema).to_batches()
        except duckdb.Error as fault:
            raise _spoken(fault) from fault

    return into.sink(batches())


def _spoken(fault: duckdb.Error) -> Error:
    if isinstance(fault, duckdb.OutOfMemoryException):
        return _OutOfMemory(
            "the day does not fit into the memory allowed", hint="Free space in the store's folder, to which it spills."
        )
    return Error(f"a query failed: {fault}")
