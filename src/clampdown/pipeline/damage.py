"""Law: what is damaged is let go only where every file that it came from can be read again, or where a person says so.

A day's tables name the files that brought them. Where one of these can be read no more, letting the day go would lose
rows that are whole: then the whole day is left as it is, and the files are named that would heal it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from clampdown.errors import StoreError
from clampdown.model import CONNECTIVITY, TABLES
from clampdown.store.health import Place
from clampdown.store.manifest import Day, Lost, Manifest
from clampdown.store.settle import LANDING, SETTLED
from clampdown.store.storage import Storage
from clampdown.store.tables import read_part

# Tables whose rows are made from others of the day, and the columns by which the others name their files.
NAMES: Final = {
    "measurements": "locator", "conflicts": "locator", "rejects": "file", "series": "locator", "context": "locator",
}  # fmt: skip


@dataclass
class Plan:
    """What is let go, what is read again for it, and what is left because that cannot be."""

    settled: set[str] = field(default_factory=set[str])  # days whose measurements and rejects go
    levels: set[str] = field(default_factory=set[str])
    judged: set[str] = field(default_factory=set[str])  # days whose verdicts go
    tasks: set[str] = field(default_factory=set[str])  # that landed
    detected: set[str] = field(default_factory=set[str])  # parts of tables of detect
    inputs: set[str] = field(default_factory=set[str])  # keys of what is read again
    left: set[str] = field(default_factory=set[str])  # days of which nothing is touched
    needed: dict[str, Lost] = field(default_factory=dict[str, Lost])  # key -> an input that is not here, and its days


@dataclass(frozen=True)
class _Unit:
    """What goes, or stays, as one: a day's tables, or what one task landed."""

    days: frozenset[str]
    inputs: dict[str, Lost]  # that may have brought it, by key
    task: str | None = None


def plan(
    storage: Storage, manifest: Manifest, parts: Iterable[Place], days: Collection[str], here: Collection[str],
    *, drop: bool = False,
) -> Plan:  # fmt: skip
    """What to do about damaged parts, and about days whose parts are not their own. `here` are the inputs that can be
    read again; with `drop`, what they would not bring back goes too."""
    made = Plan(settled=set(days), levels=set(days))
    bad: set[str] = set()
    tasks: set[str] = set()
    for place in parts:
        bad.add(place.part.path)
        if place.task is not None:
            tasks.add(place.task)
        elif place.day is None:
            made.detected.add(place.part.path)
        else:
            kinds = {**dict.fromkeys(SETTLED, made.settled), **dict.fromkeys(CONNECTIVITY, made.levels)}
            kinds.get(place.table, made.judged).add(place.day)
    units = [*_days(storage, manifest, made, days), *_tasks(storage, manifest, tasks, bad)]
    for unit in units:
        absent = {key: one for key, one in unit.inputs.items() if key not in here}
        for key, one in absent.items():
            held = made.needed.get(key, one)
            made.needed[key] = msgspec.structs.replace(held, days=tuple(sorted({*held.days, *unit.days})))
        if absent and not drop:
            made.left |= unit.days
    for unit in units:
        if not unit.days <= made.left:
            made.inputs |= unit.inputs.keys()
            made.tasks |= {unit.task} if unit.task is not None else set()
    for kind in (made.settled, made.levels, made.judged):
        kind -= made.left
    return made


def _days(storage: Storage, manifest: Manifest, made: Plan, others: Collection[str]) -> Iterator[_Unit]:
    for day in sorted(made.settled | made.levels):
        tables = [*(SETTLED if day in made.settled else ()), *(CONNECTIVITY if day in made.levels else ())]
        names = None if day in others else _names(storage, manifest.days[day], tables)
        yield _Unit(frozenset({day}), _inputs(manifest, names))


def _tasks(storage: Storage, manifest: Manifest, tasks: Iterable[str], bad: Collection[str]) -> Iterator[_Unit]:
    for task in sorted(tasks):
        days = {day for day, groups in manifest.landing.items() if any(group.task == task for group in groups)}
        keys = _keys(storage, manifest, task, bad)
        known = _inputs(manifest, None)
        yield _Unit(frozenset(days), known if keys is None else {k: known[k] for k in keys if k in known}, task)


def _inputs(manifest: Manifest, names: Collection[str] | None) -> dict[str, Lost]:
    """Inputs by key: those of these names, or, where nothing tells the names, all that may have been it."""
    known = {key: Lost(one.name, one.size, (), one.of) for key, one in manifest.inputs.items()}
    if names is None:
        return known
    found = {key: one for key, one in (manifest.lost | known).items() if one.name in names}
    unknown = set(names) - {one.name for one in found.values()}
    clean = {key: msgspec.structs.replace(one, days=()) for key, one in found.items()}
    return clean | {f"?{name}": Lost(name, 0, ()) for name in unknown}  # the store forgot it, and not its rows


def _names(storage: Storage, entry: Day, tables: Sequence[str]) -> set[str] | None:
    """The files that brought these tables of a day; None where that cannot be told any more. Of a damaged part the
    column that names them may still be whole: its pages have checksums of their own."""
    found: set[str] = set()
    for table in tables:
        column = NAMES.get(table)
        if column is None:
            continue
        for part in entry.tables.get(table, ()):
            try:
                rows = read_part(storage, part, TABLES[table], columns=[column])
            except StoreError:
                return None
            texts = rows[column].unique().to_pylist()
            found.update(file_of(text) if column == "locator" else text for text in texts)
    return found


def file_of(locator: str) -> str:
    """The file of a locator (`file!member:line`)."""
    name = locator.partition("!")[0]
    head, colon, line = name.rpartition(":")
    return head if colon and line.isdecimal() else name


def _keys(storage: Storage, manifest: Manifest, task: str, bad: Collection[str]) -> set[str] | None:
    """The inputs of a task that landed: its rows say which; None where they cannot be read."""
    if task in manifest.inputs:
        return {task}
    found: set[str] = set()
    for groups in manifest.landing.values():
        for parts in (group.parts for group in groups if group.task == task):
            for table in ("measurements", "signals", "context"):
                for part in parts.get(table, ()):
                    try:
                        rows = read_part(storage, part, LANDING[table], columns=["brought"])
                    except StoreError:
                        return None
                    found.update(rows["brought"].unique().to_pylist())
            if any(part.path in bad for part in parts.get("rejects", ())):
                return None  # an input may have brought nothing else
    return found
