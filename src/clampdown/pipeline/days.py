"""Law: settle(day) and judge(day) depend on that day alone, so that days can be done anywhere, in any order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec
import pyarrow as pa

from clampdown.engine import Engine
from clampdown.judge.cells import judge_day
from clampdown.judge.rules import Rules
from clampdown.model import TABLES
from clampdown.pipeline.inputs import Progress
from clampdown.reference import Reference
from clampdown.store.manifest import Day, Judged, Landed, Part
from clampdown.store.settle import LANDING, SETTLED, Gain, settle
from clampdown.store.storage import Storage
from clampdown.store.tables import read, write_settled


@dataclass(frozen=True)
class Bench:
    """What every process that works on days holds."""

    storage: Storage
    rules: Rules
    reference: Reference
    engine: Engine


@dataclass(frozen=True, slots=True)
class Task:
    """One day: what landed for it, what it was, and whether to judge it."""

    day: str
    landed: tuple[Landed, ...]
    entry: Day | None
    judge: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What the day has become; nobody names it yet."""

    day: str
    entry: Day
    gains: dict[str, Gain]


def bench(storage: Storage, rules: Rules, reference: Reference, memory: str) -> Bench:
    """Made once in each process."""
    return Bench(storage, rules, reference, Engine(threads=1, memory=memory, spill=storage.spill()))


def work(state: Bench, task: Task, tell: Callable[[Any], None]) -> Done:
    """Settle what has landed, judge if asked to, and write the parts."""
    gains: dict[str, Gain] = {}
    if task.landed or task.entry is None:
        entry, tables, gains = _settle(state, task)
    else:
        entry, tables = task.entry, _stock(state.storage, task.entry)
    if task.judge:
        entry = _judge(state, task.day, entry, tables)
    tell(Progress(stage="settle", days=1))
    return Done(task.day, entry, gains)


def _stock(storage: Storage, entry: Day | None) -> dict[str, pa.Table]:
    held = entry.tables if entry else {}
    return {name: read(storage, name, held.get(name, ())) for name in SETTLED}


def _settle(state: Bench, task: Task) -> tuple[Day, Mapping[str, pa.Table], dict[str, Gain]]:
    storage = state.storage
    landing = [
        {name: read(storage, name, parts, schema=LANDING[name]) for name, parts in group.parts.items()}
        for group in task.landed
    ]
    settled = settle(
        state.engine, landing, _stock(storage, task.entry), references=state.reference.match_references_digest
    )
    parts = {name: write_settled(storage, name, task.day, settled.tables[name]) for name in SETTLED}
    digest = _digest(parts)
    before = task.entry
    entry = Day({name: found for name, found in parts.items() if found}, digest, settled.first, settled.last)
    if before is not None:
        # What was judged stays until it is judged again; being of other rows, it is said to be stale.
        judged = {name: found for name, found in before.tables.items() if name not in SETTLED}
        entry = msgspec.structs.replace(entry, tables=entry.tables | judged, judged=before.judged)
    return entry, settled.tables, settled.gains


def _judge(state: Bench, day: str, entry: Day, tables: Mapping[str, pa.Table]) -> Day:
    made = judge_day(
        state.engine,
        tables["measurements"],
        tables["observations"],
        tables["matches"],
        rules=state.rules,
        reference=state.reference,
        pooled=True,
    )
    judged = {
        field.name: write_settled(state.storage, field.name, day, getattr(made, field.name).cast(TABLES[field.name]))
        for field in fields(made)
    }
    kept = {name: found for name, found in entry.tables.items() if name in SETTLED}
    return msgspec.structs.replace(
        entry,
        tables=kept | {name: found for name, found in judged.items() if found},
        judged=Judged(state.rules.digest, state.reference.digest, entry.settled),
    )


def _digest(parts: Mapping[str, tuple[Part, ...]]) -> str:
    """Names a day's settled rows: the digest of the names of their parts."""
    names = sorted(part.path for found in parts.values() for part in found)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
