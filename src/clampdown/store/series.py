"""Law: what is asked of series and of published records is answered from their tables, a day at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.model import CONNECTIVITY

_OWN: Final = ("day", "rows", "input", "locator")  # of one day and one input, and no part of what a series is
_SAID: Final = tuple(name for name in CONNECTIVITY["series"].names if name not in _OWN)
SERIES_OF_DAY: Final = (*_SAID, "rows", "day")
_MADE: Final = pa.schema([
    *(CONNECTIVITY["series"].field(name) for name in _SAID),
    pa.field("first", pa.string(), nullable=False),  # day
    pa.field("last", pa.string(), nullable=False),
    pa.field("rows", pa.int64(), nullable=False),
])  # fmt: skip
_HELD: Final = 500_000  # rows that wait to be added up
# Published records of these kinds are over on their day unless they say more; those of all others last as long as
# nobody says when they ended.
MOMENTS: Final = ("statement", "protest", "election", "exam", "coup")
_WIDTHS: Final = {"minute": timedelta(), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def each_series(days: Iterable[tuple[str, pa.Table]]) -> pa.Table:
    """A row for each series, from the series of days."""
    held: list[pa.Table] = [_MADE.empty_table()]
    waiting = 0
    for _, rows in days:
        first = rows.rename_columns([*_SAID, "rows", "first"]).append_column("last", rows["day"])
        held.append(first.select(_MADE.names).cast(_MADE))
        waiting += rows.num_rows
        if waiting >= _HELD:
            held, waiting = [_added(held)], 0
    order: Any = [(name, "ascending") for name in ("country", "entity", "signal", "series")]
    return _added(held).sort_by(order)


def _added(held: list[pa.Table]) -> pa.Table:
    ends = {"rows": "sum", "last": "max"}
    wanted: Any = [(name, ends.get(name, "min")) for name in _MADE.names if name != "series"]
    made: Any = pa.concat_tables(held).group_by("series", use_threads=False).aggregate(wanted)
    names = ["series" if name == "series" else f"{name}_{ends.get(name, 'min')}" for name in _MADE.names]
    return made.select(names).rename_columns(_MADE.names).cast(_MADE)


def inputs_of(tables: Iterable[pa.Table]) -> dict[str, tuple[str, ...]]:
    """Series -> names of files, from the columns `series` and `locator`; a member is named by its archive."""
    found: dict[str, set[str]] = defaultdict(set)
    for table in tables:
        pairs: Any = table.group_by(["series", "locator"]).aggregate([])
        for row in pairs.to_pylist():
            found[row["series"]].add(row["locator"].partition("!")[0])
    return {series: tuple(sorted(names)) for series, names in sorted(found.items())}


def touching(since: datetime | None, until: datetime | None, networks: Collection[int] = ()) -> pc.Expression | None:
    """Published records whose span, as exactly as they say it, touches the period; those that name the networks."""
    parts: list[pc.Expression] = []
    start, end = pc.field("start"), pc.field("end")
    if until is not None:
        parts.append(pc.coalesce(start, end) < _scalar(until))
    if since is not None:
        open_ended = end.is_null() & start.is_valid() & ~pc.field("kind").isin(list(MOMENTS))
        reaches: pc.Expression = open_ended
        for precision, width in _WIDTHS.items():
            told = pc.field("precision") == precision
            if precision == "day":  # as wide as where nothing is said
                told = ~pc.field("precision").isin(["minute", "hour"])
            least = _scalar(since - width + timedelta(microseconds=1 if width else 0))
            reaches = reaches | (told & (pc.coalesce(end, start) >= least))
        parts.append(reaches)
    if networks:
        numbers = "|".join(str(number) for number in sorted(networks))
        parts.append(pc.match_substring_regex(pc.field("networks"), f"(^| )({numbers})( |$)"))
    made: pc.Expression | None = None
    for part in parts:
        made = part if made is None else made & part
    return made


def _scalar(time: datetime) -> Any:
    return pa.scalar(time, pa.timestamp("us"))
