"""Law: status says what a store holds and what it lacks, from the manifest and few columns, and never writes.

Every number is of one moment, that of the newest manifest. What was asked is in the ledger beside the fetched files;
without one nothing is known to have been asked, so nothing is a gap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.errors import StoreError
from clampdown.fetch.ledger import Forgot, Ledger
from clampdown.judge.rules import load_rules
from clampdown.model import UNKNOWN_DAY
from clampdown.pipeline import asked
from clampdown.pipeline.asked import Ask, Edge
from clampdown.pipeline.fetched import without_ledger
from clampdown.pipeline.river import reference_of
from clampdown.reference import Reference
from clampdown.store.counts import COUNTS, KINDS, of_day
from clampdown.store.manifest import FORMAT, Lost, Manifest
from clampdown.store.store import Store, is_stale

_KEPT: Final = 500_000  # rows that wait to be added up


@dataclass(frozen=True, slots=True)
class Held:
    """What the store has of one source, or of one country. Days are those of the data; `unknown` is none of them."""

    name: str | None  # null: rows that name no country
    measurements: int
    levels: int
    published: int
    countries: int
    networks: int
    days: int
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes on disk; each file once."""

    tables: int
    landing: int  # read and not settled yet
    references: int
    log: int
    raw: int
    raw_files: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file of reference data."""

    name: str
    kind: str
    date: str | None  # as far as its name or its publisher says
    age_days: int | None
    licence: str
    digest: str


@dataclass(frozen=True, slots=True)
class Todo:
    """Something that is to be run again, and why."""

    why: str  # judge | detect | settle
    days: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is here."""

    store: str
    format: int
    manifest: int
    inputs: int  # files that were read
    records: int
    first: str | None  # earliest and latest time of anything
    last: str | None
    days: int
    networks: int
    sources: tuple[Held, ...]
    countries: tuple[Held, ...]
    asked: tuple[Ask, ...]
    edges: tuple[Edge, ...]
    forgotten_before: str | None
    rejects: dict[str, int]
    size: Size
    reference: str | None  # digest of the snapshot that was used last
    snapshots: tuple[Snapshot, ...]
    todo: tuple[Todo, ...]
    ledger_torn: int  # lines of the ledger that cannot be read
    ledger_missing: bool = False  # there are fetched files, and no ledger that names them
    lost: tuple[Lost, ...] = ()  # inputs that were let go with damaged days, and were not read again
    detected: dict[str, int] = field(default_factory=dict[str, int])  # table of detect -> rows


def status(
    store: Store, ledger: Ledger | None = None, *, now: datetime | None = None, reference: Reference | None = None
) -> Status:
    """What a store holds. `now` gives the references an age; `reference` is the one that verdicts should be of."""
    used = reference_of(store, reference)
    for _attempt in range(3):
        manifest = store.manifest()
        try:
            return _status(store, manifest, ledger, used, now)
        except StoreError:
            if store.manifest().number == manifest.number:  # else a writer has replaced what was being read
                raise
    raise StoreError("the store changes faster than it can be read", hint="Run the command again.")


def _status(store: Store, manifest: Manifest, ledger: Ledger | None, used: Reference, now: datetime | None) -> Status:
    held = _count(store, manifest)
    requests, known = (ledger.requests, ledger.forgot) if ledger is not None else ([], [])
    forgot = [*known, *(Forgot(one.before, one.at) for one in manifest.forgot)]  # the ledger may have been elsewhere
    got = ledger.got if ledger is not None else {}
    narrow = _Narrow(store, manifest)
    questions = asked.asks(requests, forgot, lambda ask, day: _has(held, narrow, ask, day), got)
    spans = [span for entry in manifest.days.values() if (span := entry.span()) is not None]
    rejects: Counter[str] = Counter()
    for one in manifest.inputs.values():
        rejects.update(one.rejects)
    return Status(
        store=store.name,
        format=FORMAT,
        manifest=manifest.number,
        inputs=len(manifest.inputs),
        records=sum(one.records for one in manifest.inputs.values()),
        first=_stamp(min((first for first, _ in spans), default=None)),
        last=_stamp(max((last for _, last in spans), default=None)),
        days=len(manifest.days.keys() - {UNKNOWN_DAY}),
        networks=len(held.networks()),
        sources=held.by("source"),
        countries=held.by("country"),
        asked=questions,
        edges=asked.edges(questions, held.days),
        forgotten_before=max((one.before for one in forgot), default=None),
        rejects=dict(sorted(rejects.items())),
        size=_size(store, manifest, ledger),
        reference=manifest.reference,
        snapshots=_snapshots(used, now) if manifest.reference else (),
        todo=todo(store, manifest, used),
        ledger_torn=ledger.torn if ledger is not None else 0,
        ledger_missing=ledger is not None and without_ledger(ledger),
        lost=tuple(sorted(manifest.lost.values(), key=lambda one: (one.name, one.days))),
        detected={name: sum(p.rows for p in parts) for name, parts in sorted(_tables(manifest).items())},
    )


def _tables(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.detected.tables if manifest.detected is not None else {}


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else f"{time.isoformat()}Z"


class _Counted:
    """Counts of days added up as they pass: a row per source, kind, country and network, and the days of each pair of
    source and country."""

    def __init__(self) -> None:
        self.days: dict[tuple[str, str | None], set[str]] = defaultdict(set)
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, day: str, counts: pa.Table) -> None:
        pairs: Any = counts.group_by(["source", "kind", "country", "network"], use_threads=False)
        self._held.append(
            pairs.aggregate([("rows", "sum")]).rename_columns(["source", "kind", "country", "network", "rows"])
        )
        self._rows += self._held[-1].num_rows
        if self._rows >= _KEPT:
            self.total()
        if day != UNKNOWN_DAY:
            there: Any = counts.group_by(["source", "country"], use_threads=False).aggregate([])
            for row in there.to_pylist():
                self.days[row["source"], row["country"]].add(day)

    def total(self) -> pa.Table:
        """Everything so far."""
        names = ["source", "kind", "country", "network", "rows"]
        whole = pa.concat_tables([COUNTS.empty_table().select(names), *self._held])
        grouped: Any = whole.group_by(names[:-1], use_threads=False)
        made: pa.Table = grouped.aggregate([("rows", "sum")]).rename_columns(names)
        self._held, self._rows = [made], made.num_rows
        return made

    def networks(self) -> set[int]:
        return set(pc.unique(self.total()["network"]).to_pylist()) - {None}

    def by(self, column: str) -> tuple[Held, ...]:
        """One row per source, or per country."""
        total = self.total()
        made: list[Held] = []
        names: list[str | None] = sorted(
            pc.unique(total[column]).to_pylist(), key=lambda name: (name is None, name or "")
        )
        for name in names:
            own = total.filter(pc.is_null(total[column]) if name is None else pc.equal(total[column], name))
            kinds: Any = own.group_by("kind", use_threads=False).aggregate([("rows", "sum")])
            rows = {row["kind"]: row["rows_sum"] for row in kinds.to_pylist()}
            days = {
                day for key, each in self.days.items() if key[0 if column == "source" else 1] == name for day in each
            }
            made.append(Held(
                name, *(rows.get(kind, 0) for kind in KINDS), countries=_distinct(own["country"]),
                networks=_distinct(own["network"]), days=len(days), first=min(days, default=None),
                last=max(days, default=None),
            ))  # fmt: skip
        return tuple(made)


def _distinct(column: Any) -> int:
    return pc.count_distinct(column, mode="only_valid").as_py()


def _count(store: Store, manifest: Manifest) -> _Counted:
    held = _Counted()
    for day in sorted(manifest.days):
        held.add(day, of_day(store.storage, manifest.days[day]))
    return held


class _Narrow:
    """What days hold, for questions that name networks or tests; a day is counted again when it is asked for."""

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self._store, self._manifest = store, manifest
        self._last: tuple[str, pa.Table] = ("", COUNTS.empty_table())

    def has(self, ask: Ask, day: str) -> bool:
        if day not in self._manifest.days:
            return False
        if self._last[0] != day:
            self._last = (day, of_day(self._store.storage, self._manifest.days[day]))
        where = pc.field("source").isin(list(ask.sources))
        if ask.networks or ask.country is not None:
            place = pc.field("network").isin(list(ask.networks))
            where &= place if ask.country is None else place | (pc.field("country") == ask.country)
        if ask.tests:
            where &= pc.field("test").isin(list(ask.tests))
        return self._last[1].filter(where).num_rows > 0


def _has(held: _Counted, narrow: _Narrow, ask: Ask, day: str) -> bool:
    if ask.networks or ask.tests:
        return narrow.has(ask, day)
    keys: Iterable[tuple[str, str | None]] = held.days
    return any(day in held.days[key] for key in keys if key[0] in ask.sources and ask.country in (None, key[1]))


def _size(store: Store, manifest: Manifest, ledger: Ledger | None) -> Size:
    storage = store.storage
    landing = [part for groups in manifest.landing.values() for group in groups for part in group.parts.values()]
    whole = [part for parts in _tables(manifest).values() for part in parts]
    days = [part for entry in manifest.days.values() for parts in entry.tables.values() for part in parts]
    raw = ledger.kept() if ledger is not None else {}
    return Size(
        tables=sum(part.size for part in (*days, *whole)),
        landing=sum(part.size for parts in landing for part in parts),
        references=sum(storage.size(path) for path in storage.list("reference")),
        log=sum(storage.size(path) for path in storage.list("log")),
        raw=sum(raw.values()),
        raw_files=len(raw),
    )


def _snapshots(reference: Reference, now: datetime | None) -> tuple[Snapshot, ...]:
    made: list[Snapshot] = []
    for one in reference.snapshots:
        age = (now.date() - date.fromisoformat(one.date)).days if now is not None and one.date else None
        made.append(Snapshot(one.name, one.kind, one.date or None, age, one.terms.licence, one.digest))
    return tuple(made)


def todo(store: Store, manifest: Manifest, reference: Reference) -> tuple[Todo, ...]:
    rules = load_rules()
    landed = tuple(sorted(manifest.landing))
    stale = {day for day, entry in manifest.days.items() if is_stale(entry, rules.digest, reference.digest)}
    detected = manifest.detected
    made: list[Todo] = []
    judge, detect = (f"clampdown {verb} --store {store.name}" for verb in ("judge", "detect"))
    if landed:
        made.append(Todo("settle", landed, judge))
    if stale:
        made.append(Todo("judge", tuple(sorted(stale)), judge))
    if detected is not None and detected.inputs != manifest.inputs_digest():
        made.append(Todo("detect", (), detect))
    return tuple(made)
