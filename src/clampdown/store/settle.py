"""Law: settling is a union of sets: in any order, in any split, as often as you like, it gives the same tables.

Of the rows under one id one stays: the smaller digest; of one digest, the one whose bodies were matched with the
fingerprints asked for; then the first by the name of its file. What was set aside with another content (`contents.py`)
is a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.engine import Engine, Into, Rows, Sink, Stream
from clampdown.model import CONFLICTS, CONNECTIVITY, MATCHES, MEASUREMENTS, OBSERVATIONS, REJECTS, TABLES
from clampdown.store.contents import named

SETTLED: Final = ("measurements", "observations", "matches", "rejects", "conflicts")
# In landing each measurement, level and published record also says which input brought it; settled tables do not.
BROUGHT: Final = pa.field("brought", pa.string(), nullable=False)
LANDING: Final[dict[str, pa.Schema]] = {
    "measurements": MEASUREMENTS.append(BROUGHT),
    "observations": OBSERVATIONS,
    "matches": MATCHES,
    "rejects": REJECTS,
    "signals": CONNECTIVITY["signals"].append(BROUGHT),
    "series": CONNECTIVITY["series"],
    "context": CONNECTIVITY["context"].append(BROUGHT),
}


@dataclass(frozen=True, slots=True)
class Gain:
    """What one input added to a day."""

    measurements: int = 0
    observations: int = 0
    conflicts: int = 0
    resubmissions: int = 0
    levels: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """A day after settling, and what each input added to it."""

    tables: dict[str, Any]  # a table each, or what the table's sink returned
    gains: dict[str, Gain]
    first: str | None
    last: str | None


def _columns(schema: pa.Schema, of: str = "") -> str:
    return ", ".join(f'{of}"{name}"' for name in schema.names)


# `stock` is 1 for what was settled before and 0 for what has landed; `part` tells the groups of rows apart, because
# the observations of a content belong to the very group that its measurement was taken from.
_RANKED: Final = """
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY measurement ORDER BY digest NULLS FIRST, preferred DESC NULLS LAST,
    "references" NULLS FIRST, locator NULLS FIRST, stock NULLS FIRST, brought NULLS FIRST,
    part NULLS FIRST) AS place,
  ROW_NUMBER() OVER (PARTITION BY measurement ORDER BY stock DESC NULLS LAST, brought NULLS FIRST, digest NULLS FIRST,
    locator NULLS FIRST, part NULLS FIRST) AS arrival
FROM m
"""
_MEASUREMENTS: Final = f"""
SELECT {_columns(MEASUREMENTS)} FROM ranked WHERE place = 1
ORDER BY country NULLS FIRST, target NULLS FIRST, network NULLS FIRST, time NULLS FIRST, measurement NULLS FIRST
"""
_OBSERVATIONS: Final = f"""
SELECT {_columns(OBSERVATIONS, "o.")} FROM {{facts}} AS o
JOIN ranked AS r ON o.measurement = r.measurement AND o.digest = r.digest AND o.part = r.part
WHERE r.place = 1
ORDER BY r.country NULLS FIRST, o.target NULLS FIRST, r.network NULLS FIRST, r.time NULLS FIRST,
  o.measurement NULLS FIRST, o.seq NULLS FIRST
"""
# One copy in one group is the rule, so the join alone is enough; where a group holds a content twice, the rows of
# its copies are told apart by nothing and one of each stays.
_ONCE: Final = """
SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY measurement, digest, part, seq ORDER BY operation NULLS FIRST)
  AS copy FROM o) AS n WHERE copy = 1
"""
_MATCHES: Final = f"""
SELECT {_columns(MATCHES, "x.")} FROM x
JOIN ranked AS r ON x.measurement = r.measurement AND x.digest = r.digest AND x.part = r.part
WHERE r.place = 1
GROUP BY {_columns(MATCHES, "x.")}
ORDER BY x.measurement NULLS FIRST, x.seq NULLS FIRST, x.fingerprint NULLS FIRST, x.place NULLS FIRST
"""
_REJECTS: Final = f"""
SELECT {_columns(REJECTS)} FROM j GROUP BY {_columns(REJECTS)}
ORDER BY file NULLS FIRST, member NULLS FIRST, line NULLS FIRST, digest NULLS FIRST, reason NULLS FIRST,
  detail NULLS FIRST, length NULLS FIRST
"""
# Every content ever seen under an id: what landed, what was settled, and what was set aside before.
_SEEN: Final = """
SELECT measurement, day, digest, content, MIN(locator) AS locator, MAX(stock) AS stock FROM (
  SELECT measurement, day, digest, content, locator, stock FROM m
  UNION ALL SELECT measurement, day, digest, content, locator, 1 AS stock FROM c
) AS u GROUP BY measurement, day, digest, content
"""
_CONTENTS: Final = """
SELECT measurement, day, content, MIN(digest) AS digest, MAX(stock) AS stock
FROM seen GROUP BY measurement, day, content
"""
_CONFLICTS: Final = """
SELECT k.measurement, k.day, k.digest, k.digest = g.smallest AS used, s.locator, k.content FROM contents AS k
JOIN (SELECT measurement, MIN(digest) AS smallest, COUNT(*) AS n FROM contents GROUP BY measurement) AS g
ON k.measurement = g.measurement
JOIN seen AS s ON k.measurement = s.measurement AND k.day = s.day AND k.digest = s.digest AND k.content = s.content
WHERE g.n > 1
ORDER BY k.measurement NULLS FIRST, k.digest NULLS FIRST
"""
# What each input added. A measurement counts for the first input that brought it; another content under a known id
# is a conflict for the first input that brought that content.
_CONFLICTING: Final = """
SELECT brought, COUNT(*) AS n FROM (
  SELECT r.brought, r.arrival, ROW_NUMBER() OVER (PARTITION BY r.measurement, r.content ORDER BY r.arrival NULLS FIRST)
    AS copy
  FROM ranked AS r JOIN contents AS k ON r.measurement = k.measurement AND r.content = k.content
  WHERE r.stock = 0 AND k.stock = 0
) AS v WHERE copy = 1 AND arrival > 1 GROUP BY brought ORDER BY brought NULLS FIRST
"""
_NEW: Final = """
SELECT brought, COUNT(*) AS n, CAST(SUM(again) AS BIGINT) AS again FROM (
  SELECT brought, stock, CASE WHEN repeat IS NOT NULL AND ROW_NUMBER() OVER (PARTITION BY repeat
    ORDER BY stock DESC NULLS LAST, brought NULLS FIRST, measurement NULLS FIRST) > 1 THEN 1 ELSE 0 END AS again
  FROM ranked WHERE arrival = 1
) AS v WHERE stock = 0 GROUP BY brought ORDER BY brought NULLS FIRST
"""
_FACTS: Final = """
SELECT a.brought AS brought, COUNT(*) AS n FROM {facts} AS o
JOIN ranked AS r ON o.measurement = r.measurement AND o.digest = r.digest AND o.part = r.part
JOIN ranked AS a ON o.measurement = a.measurement
WHERE r.place = 1 AND a.arrival = 1 AND a.stock = 0
GROUP BY a.brought ORDER BY brought NULLS FIRST
"""


def settle(
    engine: Engine,
    landing: Sequence[Mapping[str, Rows]],
    stock: Mapping[str, Rows],
    *,
    references: str,
    into: Mapping[str, Sink] | None = None,
) -> Settled:
    """Unite what has landed for a day with what was settled before; `references` are the fingerprints asked for.

    Observations, of which a day has many, may come as streams, and leave through a sink of their name in `into`.
    """
    groups = [*({**group, "stock": 0} for group in landing), {**stock, "stock": 1}]
    ranked_from = pa.concat_tables([_measurements(group, n, references) for n, group in enumerate(groups)])
    ranked_from, conflicts = named(groups, ranked_from, stock.get("conflicts", CONFLICTS.empty_table()))
    tables: dict[str, Rows] = {
        "m": ranked_from,
        "o": _numbered(groups, "observations", OBSERVATIONS),
        "x": _numbered(groups, "matches", MATCHES),
        "j": _numbered(groups, "rejects", REJECTS),
        "c": conflicts,
    }
    once = [("once", _ONCE)] if any(_twice(group) for group in landing) else []
    facts = "once" if once else "o"
    steps = [
        ("ranked", _RANKED),
        *once,
        ("facts", _FACTS.format(facts=facts)),
        ("observations", _OBSERVATIONS.format(facts=facts)),
        ("measurements", _MEASUREMENTS),
        ("matches", _MATCHES),
        ("rejects", _REJECTS),
        ("seen", _SEEN),
        ("contents", _CONTENTS),
        ("conflicts", _CONFLICTS),
        ("new", _NEW),
        ("conflicting", _CONFLICTING),
    ]
    want: dict[str, pa.Schema | Into | None] = {name: TABLES[name] for name in SETTLED} | dict.fromkeys(_GAINS)
    want |= {name: Into(TABLES[name], sink) for name, sink in (into or {}).items()}
    made = engine.script(steps, tables, want)
    first, last = _span(made["measurements"])
    return Settled({name: made[name] for name in SETTLED}, _gains(made), first, last)


_GAINS: Final = ("new", "facts", "conflicting")


def _twice(group: Mapping[str, Any]) -> bool:
    """Does a group hold an id more than once?"""
    if "measurements" not in group:
        return False
    ids = group["measurements"]["measurement"]
    return pc.call_function("count_distinct", [ids]).as_py() < len(ids)


def _measurements(group: Mapping[str, Any], part: int, references: str) -> pa.Table:
    """A group's measurements with what the ranking asks for."""
    table: pa.Table = group.get("measurements", MEASUREMENTS.empty_table())
    n = table.num_rows
    if BROUGHT.name not in table.column_names:
        table = table.append_column(BROUGHT, pa.array([""] * n, pa.string()))
    preferred = pc.cast(pc.call_function("equal", [table["references"], pa.scalar(references)]), pa.int8())
    return (
        table.append_column("preferred", preferred)
        .append_column("stock", pa.array([group["stock"]] * n, pa.int8()))
        .append_column("part", pa.array([part] * n, pa.int32()))
    )


def _numbered(groups: Sequence[Mapping[str, Any]], name: str, schema: pa.Schema) -> Stream:
    """The rows of all groups; each says its group."""
    numbered = schema.append(pa.field("part", pa.int32()))

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for n, group in enumerate(groups):
            rows: Rows = group.get(name, schema.empty_table())
            for batch in rows.read(None) if isinstance(rows, Stream) else rows.to_batches():
                part = pa.array([n] * batch.num_rows, pa.int32())
                whole = pa.RecordBatch.from_arrays([*batch.columns, part], schema=numbered)
                yield whole if columns is None else whole.select(list(columns))

    return Stream(numbered, read)


def _gains(made: Mapping[str, pa.Table]) -> dict[str, Gain]:
    new = {row["brought"]: row for row in made["new"].to_pylist()}
    facts = {row["brought"]: row["n"] for row in made["facts"].to_pylist()}
    conflicting = {row["brought"]: row["n"] for row in made["conflicting"].to_pylist()}
    return {
        brought: Gain(
            measurements=new[brought]["n"] if brought in new else 0,
            observations=facts.get(brought, 0),
            conflicts=conflicting.get(brought, 0),
            resubmissions=new[brought]["again"] if brought in new else 0,
        )
        for brought in sorted({*new, *facts, *conflicting})
    }


def _span(measurements: pa.Table) -> tuple[str | None, str | None]:
    """The earliest and the latest time, so that readers can pass over days."""
    ends = pc.call_function("min_max", [measurements["time"]]).as_py()
    return tuple(None if end is None else end.isoformat() for end in (ends["min"], ends["max"]))  # type: ignore[return-value]
