"""Law: the order of the stages is known here and nowhere else: observe, land, settle, judge; each commit is whole.

Everything between two commits may be lost and done again: parts are named by what they hold, and what the newest
manifest does not name does not exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields
from os import PathLike
from typing import Any, Final

import msgspec
import pyarrow.compute as pc

from clampdown import cluster
from clampdown.errors import StoreError, UsageError
from clampdown.intake.containers import Limits
from clampdown.judge.rules import Rules, load_rules
from clampdown.model import UNKNOWN_DAY, Reject
from clampdown.pipeline import days, observe, whose
from clampdown.pipeline.inputs import Input, Progress, find, spool
from clampdown.reference import Reference, load_reference
from clampdown.reference.load import own_files
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Landed, Manifest
from clampdown.store.settle import Gain
from clampdown.store.storage import Storage
from clampdown.store.store import Store, is_stale
from clampdown.store.tables import read

Tell = Callable[[Progress], None]
# Of one query in one process; beyond it DuckDB spills into the store's folder. Measured on days of half a million
# observations: 256 MB keep a process below 0.7 GB, 1,500 MB at 1.1 GB in a tenth less processor time.
MEMORY: Final = "256MB"
MOST_MEMORY: Final = "2GB"  # of a query that could not do with less
_LANDS: Final = 24  # tasks between two commits of landing parts
_UNREAD: Final = 20  # rejects that a summary names
_SETTLES: Final = 16  # days between two commits of settled ones
_INLINE: Final = 4 << 20  # bytes of input for which starting processes would take longer than the work


def quiet(_: Progress) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a command read. Counts follow from the inputs it was given and what the store knew before them, so that
    the same command gives the same counts again, also after it was killed.

    records = measurements + levels + published + copies + rejects. A measurement counts for the input that brought it
    first; any other row under its id is a copy. Conflicts (another content under one id) are among the copies. So it
    is with levels (of one series at one time) and published records.
    """

    files: int = 0
    already_here: int = 0
    bytes: int = 0
    records: int = 0
    measurements: int = 0
    levels: int = 0
    published: int = 0
    copies: int = 0
    conflicts: int = 0
    resubmissions: int = 0
    observations: int = 0
    rejects: dict[str, int] = field(default_factory=dict[str, int])
    days: tuple[str, ...] = ()  # settled or judged by this command
    deferred: tuple[str, ...] = ()  # days that hold something and are still to be judged
    unread: tuple[Reject, ...] = ()  # the first of the rejects, by file and place, for a person to look at

    @property
    def rejected(self) -> int:
        return sum(self.rejects.values())


@contextmanager
def writing(store: Store) -> Generator[Manifest, None, None]:
    """The one writer's seat. What a killed writer left is swept first."""
    lock = store.storage.lock()
    try:
        manifest = store.manifest()
        store.storage.sweep()
        manifests.collect(store.storage, manifest)
        yield manifest
    finally:
        lock.release()


def open_storage(storage: Storage, name: str, *, create: bool = False) -> Store:
    """The store in this storage; with `create`, an empty one where there is nothing yet."""
    if not manifests.exists(storage):
        if manifests.numbers(storage) or manifests.traces(storage):
            hint = f"Run this: clampdown doctor --store {name} --mend"
            raise StoreError(
                f"{manifests.MARK} is missing, which says of what format the store is", where=name, hint=hint
            )
        strange = storage.strange()
        if not create or strange:
            hint = "Name a new or an empty folder." if create else "clampdown ingest FILES --store DIR makes one."
            raise StoreError("this is no store", where=name, hint=hint)
        lock = storage.lock()
        try:
            manifests.found(storage)
        finally:
            lock.release()
    try:
        manifests.check_format(storage)
    except StoreError as fault:
        raise fault.at(name) from fault
    return Store(storage, name)


def reference_of(store: Store, asked: Reference | None) -> Reference:
    """The reference asked for, else the one that the store used last, else the package's own."""
    if asked is not None:
        return asked
    pinned = store.pinned()
    own = own_files()
    return load_reference({name: data for name, data in (pinned or {}).items() if name not in own})


def ingest(
    paths: Iterable[str | PathLike[str] | Input],
    store: Store,
    *,
    reference: Reference | None = None,
    rules: Rules | None = None,
    workers: int = 0,
    progress: Tell = quiet,
    judge: bool = True,
    again: bool = False,
    limits: Limits | None = None,
    read: observe.Read = observe.read_input,
    leave: Collection[str] = (),
    of: str | None = None,
) -> Summary:
    """Read files into a store, settle the days they touch, and judge those (unless `judge` is false).

    An input that is already here is not read again, unless `again` asks for it (new fingerprints over bodies). What
    lands on days to `leave` is not settled. `of`: the country of files that name none; all others are read as they are.
    """
    inputs = find([paths] if isinstance(paths, str | PathLike) else paths)
    if workers < 0:
        raise UsageError("a negative number of workers")
    reference = reference_of(store, reference)
    with ExitStack() as stack:
        manifest = stack.enter_context(writing(store))
        pipes = {one.path: spool(one, store.storage) for one in inputs if one.piped}
        for _, kept in pipes.values():
            stack.callback(kept.close)
        inputs = [pipes[one.path][0] if one.piped else one for one in inputs]
        size = sum(one.size for one in inputs)
        progress(Progress(total_bytes=size))
        crew = _crew(workers, size)
        manifest = _pin(store, manifest, reference)
        run = _Run(store, manifest, reference, crew, progress)
        keys, known = run.observe(inputs, limits or Limits(), read, again=again, of=of)
        touched = run.settle(rules or load_rules(), judge=judge, leave=leave)
        manifests.collect(store.storage, run.manifest)
        return _summary(store, run.manifest, keys, len(inputs), known, touched)


def judge_store(
    store: Store,
    days_wanted: Iterable[str] | None = None,
    *,
    reference: Reference | None = None,
    rules: Rules | None = None,
    workers: int = 0,
    progress: Tell = quiet,
) -> tuple[str, ...]:
    """Judge the days whose verdicts are missing or of other rules, references or rows; returns them."""
    reference, rules = reference_of(store, reference), rules or load_rules()
    fresh = store.manifest().reference == reference.digest and not store.stale(rules.digest, reference.digest)
    if fresh and days_wanted is None:
        return ()  # nothing to write: a store that may only be read is enough
    with writing(store) as manifest:
        manifest = _pin(store, manifest, reference)
        run = _Run(store, manifest, reference, _crew(workers, None), progress)
        done = run.settle(rules, judge=True, all_days=True, wanted=days_wanted)
        manifests.collect(store.storage, run.manifest)
        return done


def unjudged(store: Store) -> tuple[str, ...]:
    """The days that hold something that was never judged, and those on which something has landed."""
    manifest = store.manifest()
    return tuple(sorted({day for day, entry in manifest.days.items() if _deferred(entry)} | manifest.landing.keys()))


def _crew(workers: int, size: int | None) -> int:
    """All cores by default; none but this process for what is done before another has started."""
    if workers:
        return workers
    return 1 if size is not None and size < _INLINE else cluster.cores()


def _pin(store: Store, manifest: Manifest, reference: Reference) -> Manifest:
    """Keep the reference data that is about to be used, before anything is made with it."""
    if manifest.reference == reference.digest:
        return manifest
    store.pin(reference.digest, own_files() | dict(reference.given))
    return msgspec.structs.replace(manifest, reference=reference.digest)


class _Run:
    """One command at work: the manifest as it grows, commit by commit."""

    def __init__(self, store: Store, manifest: Manifest, reference: Reference, workers: int, tell: Tell) -> None:
        self.store, self.manifest, self.reference = store, manifest, reference
        self.workers, self.tell = workers, tell

    def observe(
        self, inputs: list[Input], limits: Limits, read: observe.Read, *, again: bool, of: str | None
    ) -> tuple[list[str], int]:
        """Read what is not here yet; returns the key of every input and how many were here."""
        keys: dict[str, None] = {}
        known = 0

        def fresh() -> Iterator[tuple[str, Input]]:
            nonlocal known
            for key, one in whose.keyed(inputs, self.manifest, of, limits):
                here = key in self.manifest.inputs or key in keys
                known += here
                keys[key] = None
                if here and not again:
                    self.tell(Progress(read=one.size, files=1))
                else:
                    yield key, one

        results = cluster.run(
            observe.observe,
            observe.tasks(fresh()),
            setup=observe.reader,
            given=(self.store.storage, self.reference, limits, read),
            workers=self.workers,
            tell=self.tell,
        )
        held: list[observe.Observed] = []
        try:
            for result in results:
                held.append(result)
                if len(held) >= _LANDS:
                    self._land(held)
                    held = []
        finally:
            # Also when a later input fails: what was read is not read again.
            if held:
                self._land(held)
        return list(keys), known

    def _land(self, results: Iterable[observe.Observed]) -> None:
        landing = {day: list(groups) for day, groups in self.manifest.landing.items()}
        inputs = dict(self.manifest.inputs)
        for result in results:
            for day, landed in result.landed.items():
                groups = [group for group in landing.get(day, []) if group.task != landed.task]
                landing[day] = [*groups, landed]
            for key, one in result.inputs.items():
                before = inputs.get(key)
                inputs[key] = one if before is None else msgspec.structs.replace(before, references=one.references)
        frozen: dict[str, tuple[Landed, ...]] = {
            day: tuple(sorted(groups, key=lambda group: group.task)) for day, groups in landing.items()
        }
        here = {*inputs, *(f"?{one.name}" for one in inputs.values())}
        lost = {key: one for key, one in self.manifest.lost.items() if key not in here}
        self._commit(msgspec.structs.replace(self.manifest, landing=frozen, inputs=inputs, lost=lost))

    def _commit(self, manifest: Manifest) -> None:
        self.manifest = manifests.commit(self.store.storage, manifest)

    def settle(
        self, rules: Rules, *, judge: bool, all_days: bool = False, wanted: Iterable[str] | None = None,
        leave: Collection[str] = (),
    ) -> tuple[str, ...]:  # fmt: skip
        """Settle every day on which something has landed, and judge."""
        asked = None if wanted is None else set(wanted)
        chosen = set(self.manifest.landing) - set(leave)
        if all_days:
            stale = {d for d, e in self.manifest.days.items() if is_stale(e, rules.digest, self.reference.digest)}
            chosen = {day for day in chosen | stale if asked is None or day in asked}
        if asked is not None:
            unknown = sorted(asked - set(self.manifest.landing) - set(self.manifest.days))
            if unknown:
                raise UsageError(f"the store holds nothing of {unknown[0]}")
        self.tell(Progress(stage="settle", total_days=len(chosen)))
        tasks = (
            days.Task(day, self.manifest.landing.get(day, ()), self.manifest.days.get(day), judge)
            for day in sorted(chosen)
        )
        results = cluster.run(
            days.work,
            days.bundles(tasks),
            setup=days.bench,
            given=(self.store.storage, rules, self.reference, MEMORY, MOST_MEMORY),
            workers=min(self.workers, len(chosen)),
            tell=self.tell,
        )
        held: list[days.Done] = []
        for result in results:
            held.extend(result)
            if len(held) >= _SETTLES:
                self._settled(held)
                held = []
        if held or self.manifest.number == 0:
            self._settled(held)
        return tuple(sorted(chosen))

    def _settled(self, results: list[days.Done]) -> None:
        """Name the settled days and drop what had landed for them, in one commit."""
        landing, entries = dict(self.manifest.landing), dict(self.manifest.days)
        inputs = dict(self.manifest.inputs)
        for result in results:
            landing.pop(result.day, None)
            entries[result.day] = result.entry
            for key, gain in result.gains.items():
                inputs[key] = _grown(inputs[key], gain)
        self._commit(msgspec.structs.replace(self.manifest, landing=landing, days=entries, inputs=inputs))


def _grown(one: manifests.Input, gain: Gain) -> manifests.Input:
    return msgspec.structs.replace(
        one,
        measurements=one.measurements + gain.measurements,
        observations=one.observations + gain.observations,
        conflicts=one.conflicts + gain.conflicts,
        resubmissions=one.resubmissions + gain.resubmissions,
        levels=one.levels + gain.levels,
        published=one.published + gain.published,
    )


def _summary(
    store: Store, manifest: Manifest, keys: list[str], files: int, known: int, touched: tuple[str, ...]
) -> Summary:
    inputs = [manifest.inputs[key] for key in keys]
    rejects: Counter[str] = Counter()
    for one in inputs:
        rejects.update(one.rejects)

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in inputs)

    records, new = total("records"), sum(map(total, ("measurements", "levels", "published")))
    return Summary(
        files=files,
        already_here=known,
        bytes=total("size"),
        records=records,
        measurements=total("measurements"),
        levels=total("levels"),
        published=total("published"),
        copies=records - new - rejects.total(),
        conflicts=total("conflicts"),
        resubmissions=total("resubmissions"),
        observations=total("observations"),
        rejects=dict(sorted(rejects.items())),
        days=touched,
        deferred=tuple(sorted(day for day, entry in manifest.days.items() if _deferred(entry))),
        unread=_unread(store, manifest, {one.name for one in inputs if one.rejects}),
    )


def _unread(store: Store, manifest: Manifest, names: set[str]) -> tuple[Reject, ...]:
    """The first records of these files that could not be read; a record that could not be read has no day."""
    entry = manifest.days.get(UNKNOWN_DAY)
    if entry is None or not names:
        return ()
    where = pc.field("file").isin(sorted(names))
    columns = [field.name for field in fields(Reject)]
    rows = read(store.storage, "rejects", entry.tables.get("rejects", ()), columns=columns, where=where)
    return tuple(Reject(**row) for row in rows.slice(0, _UNREAD).to_pylist())


def _deferred(entry: manifests.Day) -> bool:
    if entry.levels_only():
        return False
    return entry.judged is None or entry.judged.settled != entry.settled


def as_mapping(summary: Summary) -> Mapping[str, Any]:
    """A summary as plain values, for `--json`."""
    return asdict(summary)
