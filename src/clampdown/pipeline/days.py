"""Law: settle(day) and judge(day) depend on that day alone, so that days can be done anywhere, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.engine import Engine, Rows, Stream
from clampdown.judge.cells import Judged as JudgedTables
from clampdown.judge.cells import judge_day
from clampdown.judge.rules import Rules
from clampdown.model import CONNECTIVITY, TABLES
from clampdown.pipeline.inputs import Progress
from clampdown.reference import Reference
from clampdown.store.manifest import Day, Judged, Landed, Part, parts_digest
from clampdown.store.settle import LANDING, SETTLED, Gain, settle
from clampdown.store.settle_levels import settle_levels
from clampdown.store.storage import Storage
from clampdown.store.store import is_stale
from clampdown.store.tables import read, stream, write_batches, write_settled


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


# A day below this many settled or landed rows shares the start-up of the engine with its neighbours.
_SMALL: Final = 20_000
_MOST_DAYS: Final = 16
_MANY: Final = "observations"  # the table of which a large day has more than a process should hold


@dataclass(frozen=True, slots=True)
class Done:
    """What the day has become; nobody names it yet."""

    day: str
    entry: Day
    gains: dict[str, Gain]


def bench(storage: Storage, rules: Rules, reference: Reference, memory: str, most: str) -> Bench:
    """Made once in each process."""
    return Bench(storage, rules, reference, Engine(threads=1, memory=memory, spill=storage.spill(), most=most))


def bundles(tasks: Iterable[Task]) -> Iterator[tuple[Task, ...]]:
    """Neighbouring small days together; what comes out of a day does not depend on its company."""
    held: list[Task] = []
    rows = 0
    for task in tasks:
        size = _size(task)
        if held and (rows + size > _SMALL or len(held) >= _MOST_DAYS):
            yield tuple(held)
            held, rows = [], 0
        held.append(task)
        rows += size
    if held:
        yield tuple(held)


def _size(task: Task) -> int:
    tables = [group.parts for group in task.landed] + ([task.entry.tables] if task.entry else [])
    return sum(part.rows for table in tables for name in (*SETTLED, *CONNECTIVITY) for part in table.get(name, ()))


def work(state: Bench, tasks: tuple[Task, ...], tell: Callable[[Any], None]) -> list[Done]:
    """Settle what has landed, judge if asked to, and write the parts."""
    done: list[Done] = []
    stock: list[Mapping[str, Any]] = []
    for task in tasks:
        gains: dict[str, Gain] = {}
        if task.landed or task.entry is None:
            entry, tables, gains = _settle(state, task)
        else:
            entry, tables = task.entry, _stock(state.storage, task.entry)
        done.append(Done(task.day, entry, gains))
        stock.append(tables)
    to_judge = [n for n, task in enumerate(tasks) if task.judge and _to_judge(state, done[n].entry)]
    for group in _apart(to_judge, stock):
        entries = _judge(state, [done[n] for n in group], [stock[n] for n in group])
        for n, entry in zip(group, entries, strict=True):
            done[n] = Done(done[n].day, entry, done[n].gains)
    tell(Progress(stage="settle", days=len(tasks)))
    return done


def _to_judge(state: Bench, entry: Day) -> bool:
    """Does it hold what can be judged, other than it was? Signals of a day change none of its verdicts."""
    return is_stale(entry, state.rules.digest, state.reference.digest)


def _apart(days: list[int], stock: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """The days to judge in one go: all, unless one id stands on two days (then each day by itself)."""
    ids = [name for n in days for name in stock[n]["measurements"].column("measurement").to_pylist()]
    if not days or len(set(ids)) == len(ids):
        return [days] if days else []
    return [[n] for n in days]


def _stock(storage: Storage, entry: Day | None) -> dict[str, Any]:
    held = entry.tables if entry else {}
    return {name: _rows(storage, name, held.get(name, ()), TABLES[name]) for name in SETTLED}


def _rows(storage: Storage, name: str, parts: Sequence[Part], schema: pa.Schema) -> Rows:
    """The rows of parts; those of which a day has too many for the memory are read when they are asked for."""
    if name == _MANY:
        return stream(storage, name, parts, schema=schema)
    return read(storage, name, parts, schema=schema)


def _settle(state: Bench, task: Task) -> tuple[Day, Mapping[str, Any], dict[str, Gain]]:
    entry, gains = task.entry, dict[str, Gain]()
    if entry is None or any(name in SETTLED for group in task.landed for name in group.parts):
        entry, tables, gains = _settle_records(state, task)
    else:
        tables = _stock(state.storage, entry) if _to_judge(state, entry) else {}
    if any(name in CONNECTIVITY for group in task.landed for name in group.parts):
        entry, more = _settle_levels(state, task, entry)
        gains |= {key: _sum(gains[key], gain) if key in gains else gain for key, gain in more.items()}
    return entry, tables, gains


def _sum(one: Gain, other: Gain) -> Gain:
    return Gain(*(getattr(one, each.name) + getattr(other, each.name) for each in fields(Gain)))


def _settle_records(state: Bench, task: Task) -> tuple[Day, Mapping[str, Any], dict[str, Gain]]:
    """Measurements, what belongs to them, and rejects."""
    storage = state.storage
    landing = [
        {name: _rows(storage, name, parts, LANDING[name]) for name, parts in group.parts.items() if name in SETTLED}
        for group in task.landed
    ]
    if not any(landing):
        return Day({}, parts_digest({})), _stock(storage, None), {}
    settled = settle(
        state.engine,
        landing,
        _stock(storage, task.entry),
        references=state.reference.match_references_digest,
        into={_MANY: lambda rows: write_batches(storage, _MANY, task.day, rows)},
    )
    parts = {
        name: settled.tables[name] if name == _MANY else write_settled(storage, name, task.day, settled.tables[name])
        for name in SETTLED
    }
    before = task.entry or Day({}, "")
    # What was judged stays until it is judged again (being of other rows, it is said to be stale), and signals stay.
    others = {name: found for name, found in before.tables.items() if name not in SETTLED}
    entry = msgspec.structs.replace(
        before,
        tables={name: found for name, found in parts.items() if found} | others,
        settled=parts_digest(parts),
        first=settled.first,
        last=settled.last,
    )
    return entry, settled.tables | {_MANY: stream(storage, _MANY, parts[_MANY])}, settled.gains


def _settle_levels(state: Bench, task: Task, entry: Day) -> tuple[Day, dict[str, Gain]]:
    """Signals, their series, and published records; no measurement of the day is touched."""
    storage = state.storage

    def rows(parts: Mapping[str, tuple[Part, ...]], schemas: Mapping[str, pa.Schema]) -> dict[str, Rows]:
        return {
            name: stream(storage, name, found, schema=schemas[name])
            for name, found in parts.items()
            if name in CONNECTIVITY
        }

    def sink(name: str) -> Callable[[Iterator[pa.RecordBatch]], tuple[Part, ...]]:
        return lambda batches: write_batches(storage, name, task.day, batches)

    made = settle_levels(
        state.engine,
        [rows(group.parts, LANDING) for group in task.landed],
        rows(entry.tables, TABLES),
        day=task.day,
        into={name: sink(name) for name in CONNECTIVITY},
    )
    first, last, newest = (
        None if t is None else t.isoformat() for t in (made.span.first, made.span.last, made.span.newest)
    )
    others = {name: found for name, found in entry.tables.items() if name not in CONNECTIVITY}
    settled = msgspec.structs.replace(
        entry,
        tables=others | {name: found for name, found in made.tables.items() if found},
        levels=parts_digest(made.tables),
        levels_first=first,
        levels_last=last,
        levels_newest=newest,
    )
    return settled, made.gains


def _judge(state: Bench, days: Sequence[Done], stock: Sequence[Mapping[str, Any]]) -> list[Day]:
    measurements, matches = (pa.concat_tables([t[name] for t in stock]) for name in ("measurements", "matches"))

    def observations(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for tables in stock:
            yield from tables[_MANY].read(columns)

    made = judge_day(
        state.engine,
        measurements,
        Stream(TABLES[_MANY], observations),
        matches,
        rules=state.rules,
        reference=state.reference,
        pooled=True,
    )
    return [_judged(state, done, made) for done in days]


def _judged(state: Bench, done: Done, made: JudgedTables) -> Day:
    judged: dict[str, tuple[Part, ...]] = {}
    for field in fields(made):
        table: pa.Table = getattr(made, field.name)
        own = table.filter(pc.equal(table.column("day"), done.day)).cast(TABLES[field.name])
        judged[field.name] = write_settled(state.storage, field.name, done.day, own)
    kept = {name: found for name, found in done.entry.tables.items() if name in (*SETTLED, *CONNECTIVITY)}
    return msgspec.structs.replace(
        done.entry,
        tables=kept | {name: found for name, found in judged.items() if found},
        judged=Judged(state.rules.digest, state.reference.digest, done.entry.settled),
    )
