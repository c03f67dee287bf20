"""Law: the SQL of the stages keeps to the subset that every engine reads alike (CONTRACTS, "SQL of the stages")."""

from __future__ import annotations

import re

import pytest
import sqlglot
from sqlglot import exp

from clampdown.judge import cells, controls
from clampdown.judge.rules import fires_sql, load_rules
from clampdown.judge.verdicts import script
from clampdown.store import settle_levels

RULES = load_rules()
ALLOWED: tuple[type[exp.Expression], ...] = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Order, exp.Ordered, exp.Table, exp.TableAlias,
    exp.Subquery, exp.Union, exp.Column, exp.Identifier, exp.Alias, exp.Literal, exp.Boolean, exp.Null, exp.Star,
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In,
    exp.Case, exp.If, exp.Coalesce, exp.Count, exp.Min, exp.Max, exp.Sum, exp.Cast, exp.DataType, exp.DataTypeParam,
    exp.RowNumber, exp.Window, exp.Distinct, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg,
)  # fmt: skip
FORBIDDEN_TYPES = {"DATE", "TIMESTAMP", "ARRAY", "LIST", "STRUCT", "MAP"}

TEXTS = {
    **{f"day.{name}": sql for name, sql in script(RULES, pooled=True)},
    **{f"alone.{name}": sql for name, sql in script(RULES, pooled=False)},
    **{f"rules.{evidence}": fires_sql(RULES.of(evidence)) for evidence in RULES.evidences},
    "peers": controls.PEERS["day"],
    "cells": cells.cells_sql(),
    "cell_rules": cells.RULES_SQL,
    "cell_versions": cells.VERSIONS_SQL,
    "coverage": cells.COVERAGE_SQL,
    **{f"levels.{name}": sql for name, sql in settle_levels.SQL.items()},
}


def faults(sql: str) -> list[str]:
    tree = sqlglot.parse_one(sql, read="duckdb")
    found = [f"{type(node).__name__}: {node.sql()[:60]}" for node in tree.walk() if not isinstance(node, ALLOWED)]
    for join in tree.find_all(exp.Join):
        on = join.args.get("on")
        if on is None or any(not isinstance(part, exp.EQ) for part in on.flatten() if not isinstance(part, exp.Paren)):
            conditions = list(on.find_all(exp.EQ)) if on is not None else []
            if on is None or list(on.find_all(exp.Or, exp.GT, exp.LT, exp.NEQ)) or not conditions:
                found.append(f"a join on something else than equality: {join.sql()[:80]}")
    # The parser fills in a default, so the text itself is counted.
    if len(list(tree.find_all(exp.Ordered))) != len(re.findall(r"NULLS (?:FIRST|LAST)", sql)):
        found.append("an order that does not say NULLS FIRST or LAST")
    found += [f"type {d.sql()}" for d in tree.find_all(exp.DataType) if d.sql().split("(")[0] in FORBIDDEN_TYPES]
    for total in tree.find_all(exp.Sum):
        if not isinstance(total.parent, exp.Cast):
            found.append(f"a sum without CAST: {total.sql()}")
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_subset(name: str) -> None:
    assert faults(TEXTS[name]) == []


BAD = {
    "concat": "SELECT a || b AS c FROM t",
    "substr": "SELECT substr(a, 1) AS c FROM t",
    "regex": "SELECT regexp_matches(a, 'x') AS c FROM t",
    "list": "SELECT list(a) AS c FROM t GROUP BY b",
    "range join": "SELECT t.a AS a FROM t JOIN u ON t.a < u.a",
    "bare sum": "SELECT SUM(a) AS a FROM t",
    "date": "SELECT a + INTERVAL 1 DAY AS a FROM t",
    "order": "SELECT a AS a FROM t ORDER BY a",
    "like": "SELECT a AS a FROM t WHERE a LIKE '%x'",
}


@pytest.mark.parametrize("sql", BAD.values(), ids=BAD.keys())
def test_the_check_can_fail(sql: str) -> None:
    assert faults(sql) != []
