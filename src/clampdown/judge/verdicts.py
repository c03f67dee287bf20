"""Law: a verdict rests on its own record; other records of the day may only weaken it, but that
speeds are compared within one session; every rule that fired is kept.

The stages are SQL texts in `sql/`, in the order of their numbers, each a table for the later ones. Between the
evidence (`ev_*`) and the states stand the rules, compiled from data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import pyarrow as pa

from clampdown.engine import Engine, Rows
from clampdown.judge import controls
from clampdown.judge.rules import Rules, fires_sql
from clampdown.model import FIRED, VERDICTS
from clampdown.reference import Reference

# Evidence that needs the states first.
_LATE: Final = ("pool",)
_FIRE_COLUMNS: Final = (
    "measurement, target, hostname, layer, seq, on_path, side, evidence, rule, rank, verdict, mechanism"
)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Two tables in the schemas of model: VERDICTS and FIRED."""

    verdicts: pa.Table
    fired: pa.Table


def judge_records(
    engine: Engine,
    measurements: pa.Table,
    observations: Rows,
    matches: pa.Table,
    *,
    rules: Rules,
    reference: Reference,
    pooled: bool,
) -> Verdicts:
    """Judge the records of one day (`pooled`), or each alone."""
    tables = {
        "measurements": controls.with_epoch(measurements),
        "observations": observations,
        "matches": matches,
        "targets": controls.targets_table(reference),
        "networks": controls.networks_table(reference),
        "kin": controls.kin(engine, observations),
        "hits": controls.hits(engine, observations, matches, measurements, reference),
    }
    found = engine.script(script(rules, pooled=pooled), tables, {"verdicts": VERDICTS, "fired": FIRED})
    return Verdicts(found["verdicts"], found["fired"])


def script(rules: Rules, *, pooled: bool) -> list[tuple[str, str]]:
    """The named SELECTs that turn facts into verdicts, in order."""
    steps: list[tuple[str, str]] = []
    for number, name, sql in stages():
        if name == "session_speed":
            steps.append(("peers", controls.PEERS["day" if pooled else "alone"]))
        if name == "won":
            early = [e for e in rules.evidences if e not in _LATE]
            steps.extend((f"fires_{e}", fires_sql(rules.of(e))) for e in early)
            steps.append(("fires", _union([f"fires_{e}" for e in early])))
        if 70 <= number < 80 and not pooled:
            continue
        if name == "overrule" and pooled:
            steps.append(("fires_pool", fires_sql(rules.of("pool"))))
            steps.append(("won_early", "SELECT * FROM won"))
            steps.append(("won_pool", _stage("won").replace("FROM fires AS r", "FROM fires_pool AS r")))
            steps.append(("won_all", "SELECT * FROM won_early UNION ALL SELECT * FROM won_pool"))
        if number >= 80 and pooled:
            sql = sql.replace("FROM won AS w", "FROM won_all AS w")
        steps.append((name, sql))
    return steps


@cache
def stages() -> tuple[tuple[int, str, str], ...]:
    """(number, name of the table, SELECT) of every file in `sql/`, in order."""
    folder = resources.files("clampdown.judge") / "sql"
    files = sorted((f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if f.name.endswith(".sql"))
    return tuple((int(name[:2]), name[3:-4], text) for name, text in files)


def _stage(name: str) -> str:
    return next(sql for _, each, sql in stages() if each == name)


def _union(names: list[str]) -> str:
    return " UNION ALL ".join(f"SELECT {_FIRE_COLUMNS} FROM {name}" for name in names)
