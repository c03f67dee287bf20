"""Law: the one door to SQL: text and tables in, table out; no file, no network, no memory of the last call.

Every call works in a database of its own, in memory, with external access switched off, so that SQL text can
reach nothing but the tables handed to it. Order comes from ORDER BY alone: a query without one promises a set.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from clampdown.errors import EnvironmentFault, Error, UsageError

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Engine:
    """How much of the machine one call may use; holds no connection, so it crosses process borders."""

    threads: int = 1
    memory: str = "1GB"
    spill: str | None = None  # a folder for what does not fit; the caller makes and clears it

    def query(self, sql: str, tables: Mapping[str, pa.Table], schema: pa.Schema | None = None) -> pa.Table:
        """The rows of one SELECT over the named tables; with `schema`, in exactly these columns and types."""
        with self._connection(tables) as con:
            return _fetch(con, sql, schema)

    def script(
        self,
        steps: Sequence[tuple[str, str]],
        tables: Mapping[str, pa.Table],
        want: Sequence[str] | Mapping[str, pa.Schema | None] | None = None,
    ) -> dict[str, pa.Table]:
        """Run named SELECTs in order, each a table for the later ones; return those asked for (the last if none).

        A step that is wanted keeps its ORDER BY. A step that is only used by later ones is dropped at the end.
        """
        if not steps:
            raise UsageError("a script without steps")
        asked: dict[str, pa.Schema | None]
        if want is None:
            asked = {steps[-1][0]: None}
        else:
            asked = dict(want) if isinstance(want, Mapping) else dict.fromkeys(want)
        unknown = sorted(set(asked) - {name for name, _ in steps})
        if unknown:
            raise UsageError(f"no step of the script makes {', '.join(unknown)}")
        with self._connection(tables) as con:
            for name, sql in steps:
                _run(con, f'CREATE TABLE "{_checked(name)}" AS {sql}')
            return {name: _fetch(con, f'SELECT * FROM "{name}"', schema) for name, schema in asked.items()}

    @contextmanager
    def _connection(self, tables: Mapping[str, pa.Table]) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        settings: dict[str, Any] = {
            "threads": self.threads,
            "memory_limit": self.memory,
            "preserve_insertion_order": True,
            "temp_directory": self.spill or "",
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "default_null_order": "nulls_first",
        }
        con = duckdb.connect(":memory:", config=settings)
        try:
            con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET enable_external_access = false;")
            con.execute("SET lock_configuration = true")
            for name, table in tables.items():
                con.register(_checked(name), table)
            yield con
        finally:
            con.close()


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


def _spoken(fault: duckdb.Error) -> Error:
    if isinstance(fault, duckdb.OutOfMemoryException):
        return EnvironmentFault(
            "the day does not fit into the memory allowed", hint="Run it where more memory is free."
        )
    return Error(f"a query failed: {fault}")
