"""Law: cells are sums over sets that do not overlap; they merge. Distinct counts are taken when reading.

Resubmissions are left out, so that one measurement sent twice counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from clampdown.engine import Engine, Rows
from clampdown.judge.rules import Rules
from clampdown.judge.verdicts import judge_records
from clampdown.model import CELL_RULES, CELL_VERSIONS, CELLS, COVERAGE, LAYERS, STATES
from clampdown.reference import Reference


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything `judge(day)` makes, each table in its schema of model and sorted."""

    verdicts: pa.Table
    fired: pa.Table
    cells: pa.Table
    cell_rules: pa.Table
    cell_versions: pa.Table
    coverage: pa.Table


_KEYS: Final = ("day", "hour", "country", "network", "resolver_network", "target", "test")


def judge_day(
    engine: Engine,
    measurements: pa.Table,
    observations: Rows,
    matches: pa.Table,
    *,
    rules: Rules,
    reference: Reference,
    pooled: bool = True,
) -> Judged:
    """Verdicts, cells and coverage of settled days (or, not pooled, of records each judged alone).

    Several days may be given at once: pooling never crosses a day, so the rows are those of each day by itself.
    """
    found = judge_records(engine, measurements, observations, matches, rules=rules, reference=reference, pooled=pooled)
    tables = {"verdicts": found.verdicts, "fired": found.fired, "measurements": measurements}
    steps = [
        ("cells", cells_sql()),
        ("cell_rules", RULES_SQL),
        ("cell_versions", VERSIONS_SQL),
        ("coverage", COVERAGE_SQL),
    ]
    want = {"cells": CELLS, "cell_rules": CELL_RULES, "cell_versions": CELL_VERSIONS, "coverage": COVERAGE}
    made = engine.script(steps, tables, want)
    return Judged(verdicts=found.verdicts, fired=found.fired, **made)


def cells_sql() -> str:
    keys = ", ".join(f"v.{key} AS {key}" for key in _KEYS)
    group = ", ".join(f"v.{key}" for key in _KEYS)
    arms: list[str] = []
    for layer in ("state", *LAYERS):
        counts = ", ".join(
            f"CAST(SUM(CASE WHEN v.{layer} = '{state}' THEN 1 ELSE 0 END) AS BIGINT) AS n_{state}" for state in STATES
        )
        arms.append(
            f"SELECT {keys}, '{layer}' AS layer, v.vantage AS vantage, {counts} FROM verdicts AS v "
            f"WHERE v.{layer} IS NOT NULL AND NOT v.repeat GROUP BY {group}, v.vantage"
        )
    union = "\nUNION ALL\n".join(arms)
    order = ", ".join(
        f"{key} NULLS FIRST" for key in ("country", "target", "network", "day", "hour", "resolver_network")
    )
    return f"SELECT * FROM ({union}) AS u ORDER BY {order}, test NULLS FIRST, layer NULLS FIRST, vantage NULLS FIRST"


RULES_SQL: Final = """
SELECT f.day AS day, v.country AS country, v.network AS network, f.target AS target, f.rule AS rule, COUNT(*) AS n
FROM fired AS f
JOIN verdicts AS v ON v.measurement = f.measurement AND v.target = f.target
WHERE NOT v.repeat
GROUP BY f.day, v.country, v.network, f.target, f.rule
ORDER BY country NULLS FIRST, target NULLS FIRST, network NULLS FIRST, day NULLS FIRST, rule NULLS FIRST
"""
VERSIONS_SQL: Final = """
SELECT v.day AS day, v.country AS country, v.network AS network, v.target AS target, v.test AS test,
  v.test_version AS test_version, v.software AS software, v.state AS state, COUNT(*) AS n
FROM verdicts AS v
WHERE NOT v.repeat
GROUP BY v.day, v.country, v.network, v.target, v.test, v.test_version, v.software, v.state
ORDER BY country NULLS FIRST, target NULLS FIRST, network NULLS FIRST, day NULLS FIRST, test NULLS FIRST,
  test_version NULLS FIRST, software NULLS FIRST, state NULLS FIRST
"""
COVERAGE_SQL: Final = """
SELECT m.day AS day, m.hour AS hour, m.country AS country, m.network AS network, m.test AS test, COUNT(*) AS n
FROM measurements AS m
GROUP BY m.day, m.hour, m.country, m.network, m.test
ORDER BY country NULLS FIRST, network NULLS FIRST, day NULLS FIRST, hour NULLS FIRST, test NULLS FIRST
"""
