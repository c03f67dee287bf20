"""Law: mending never makes it worse: what is dropped was damaged, and what can be read again is read again.

A damaged day leaves the manifest in the same commit as the inputs that may have brought it. From there on they are
inputs that were never read: killed anywhere, the next `doctor --mend` (or `fetch`, or `ingest`) reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import msgspec

from clampdown.errors import StoreError
from clampdown.fetch.ledger import Got, Ledger, Line, RawLock
from clampdown.model import CONNECTIVITY, TABLES
from clampdown.pipeline import detecting
from clampdown.pipeline.doctor import Check, Health, check, told
from clampdown.pipeline.forgetting import stay_forgotten
from clampdown.pipeline.inputs import Input, printable
from clampdown.pipeline.observe import Read, read_input
from clampdown.pipeline.river import Tell, ingest, judge_store, quiet, reference_of, unjudged, writing
from clampdown.reference import Reference, load_reference
from clampdown.reference.load import own_files
from clampdown.store import health
from clampdown.store import manifest as manifests
from clampdown.store.health import Problem
from clampdown.store.manifest import Day, Landed, Manifest, Part, parts_digest
from clampdown.store.settle import LANDING, SETTLED
from clampdown.store.storage import LocalStorage, Storage
from clampdown.store.store import Store
from clampdown.store.tables import read_part, rows_of

# Tables whose rows are made from others of the day, and the columns by which the others name their files.
_NAMES: Final = {
    "measurements": "locator", "conflicts": "locator", "rejects": "file", "series": "locator", "context": "locator",
}  # fmt: skip


@dataclass
class _Plan:
    """What is dropped, and what is to be read again for it."""

    settled: set[str] = field(default_factory=set[str])  # days whose measurements and rejects go
    levels: set[str] = field(default_factory=set[str])
    judged: set[str] = field(default_factory=set[str])  # days whose verdicts go
    tasks: set[str] = field(default_factory=set[str])  # that landed
    detected: set[str] = field(default_factory=set[str])  # parts of tables of detect
    inputs: set[str] = field(default_factory=set[str])  # keys


def mend(
    store: Store,
    ledger: Ledger | None = None,
    *,
    reference: Reference | None = None,
    workers: int = 0,
    progress: Tell = quiet,
    read: Read = read_input,
) -> Health:
    """Check, mend what can be mended, and check again."""
    with ExitStack() as stack:
        if ledger is not None:
            stack.callback(RawLock(ledger.root).release)

        def look() -> Check:
            return check(store, ledger, reference=reference, progress=progress, raw_held=True)

        before = look()
        if before.busy:
            hint = "Wait until it is done, then run the same command."
            raise StoreError("another command is writing to this store", where=store.name, hint=hint)
        now = before
        if _unfounded(before):
            if not _foundations(store.storage, before, ledger):
                return told(store, before)
            now = look()
        work = _Work(store, ledger, now, reference, workers, progress, read)
        lost = work.mend()
        return told(store, before, look(), lost)


@dataclass(frozen=True)
class _Work:
    """One mending."""

    store: Store
    ledger: Ledger | None
    found: Check
    reference: Reference | None
    workers: int
    progress: Tell
    read: Read

    def mend(self) -> list[Problem]:
        """Do it; what is lost."""
        store, manifest = self.store, self.found.manifest or Manifest()
        plan = _plan(store.storage, manifest, self.found)
        with writing(store) as fresh:
            if fresh.number != manifest.number:
                raise StoreError("another command has changed this store meanwhile", hint="Run the same command again.")
            mend_references(store, self.found, self.reference)
            used = manifest.reference
            if self.reference is None and used is not None and health.altered(store.storage, used):
                return []  # without it nothing can be made anew, so nothing is dropped; the second look says so
            reference = reference_of(store, self.reference)
            for path in health.log.beyond(store.storage, manifest):
                store.storage.delete(path)
            _drop(store, plan)
        fetched: set[str] = set()
        if self.ledger is not None:
            fetched = {got.input for got in self.ledger.every() if got.input is not None}
            _ledger(self.ledger, self.found, store.manifest())
        self._again(reference)
        stay_forgotten(store, manifest)
        after = store.manifest().inputs
        lost = [_lost(store, manifest, key, fetched) for key in sorted(plan.inputs) if key not in after]
        if days := unjudged(store):  # also what an earlier mending did not come to
            judge_store(store, days, reference=reference, workers=self.workers, progress=self.progress)
        _counts(store, manifest, plan)
        damaged, hands = plan.detected, {"workers": self.workers, "progress": self.progress}
        if damaged and not detecting.remake(store, damaged, **hands):  # type: ignore[arg-type]
            hint = f"clampdown detect --store {store.name} makes them; the log will call all of it new."
            lost.append(Problem("detect", "detect", "tables of findings were damaged, and are gone", hint=hint))
        return lost

    def _again(self, reference: Reference) -> None:
        """Read fetched files that the store does not hold, or not any more."""
        manifest = self.store.manifest()
        held = {*manifest.inputs, *manifest.gone}  # what was forgotten stays forgotten
        inputs: dict[str, Input] = {}
        if self.ledger is not None:
            for got in self.ledger.every():
                if got.input is not None and got.input not in held and got.kept and got.digest is not None:
                    name = printable(got.name)
                    inputs[got.input] = Input(str(self.ledger.file(got.digest)), name, name, got.size)
        if inputs:
            ingest(
                list(inputs.values()), self.store, reference=reference, workers=self.workers,
                progress=self.progress, judge=False, read=self.read,
            )  # fmt: skip


def _unfounded(found: Check) -> bool:
    return bool(found.bad_manifests) or any(one.kind == "mark" for one in found.problems)


def _foundations(storage: Storage, found: Check, ledger: Ledger | None) -> bool:
    """The mark and the manifest, without which there is nothing to look at. False: the manifest cannot be mended here,
    because going back to an older one would give up tables that nothing could make anew."""
    if found.bad_manifests and not _covered(storage, ledger, found):
        return False
    lock = storage.lock()
    try:
        if any(one.kind == "mark" for one in found.problems):
            storage.delete(manifests.MARK)
            manifests.found(storage)
        if found.bad_manifests:
            base = found.manifest or Manifest()
            manifests.commit(storage, msgspec.structs.replace(base, number=max(found.bad_manifests)))
            for number in found.bad_manifests:
                storage.delete(f"manifest/{number}.json")
    finally:
        lock.release()
    return True


def _covered(storage: Storage, ledger: Ledger | None, found: Check) -> bool:
    """Is every file that any table here names among the fetched ones, and whole?"""
    if ledger is None:
        return False
    bad = {got.which for got, _ in found.bad_got}
    whole = {printable(got.name) for got in ledger.every() if got.kept and got.digest and got.which not in bad}
    for table, column in _NAMES.items():
        for path in storage.list(f"tables/{table}"):
            try:
                part = Part(path, 0, 0)
                part = msgspec.structs.replace(part, rows=rows_of(storage, part))
                names = read_part(storage, part, TABLES[table], columns=[column])[column].unique().to_pylist()
            except StoreError:
                return False
            if not {_file(name) if column == "locator" else name for name in names} <= whole:
                return False
    return bool(whole)


def _plan(storage: Storage, manifest: Manifest, found: Check) -> _Plan:
    plan = _Plan()
    everything = False
    bad = {place.part.path for place, _ in found.parts}
    for place, _ in found.parts:
        if place.task is not None:
            plan.tasks.add(place.task)
        elif place.day is None:
            plan.detected.add(place.part.path)
        elif place.table in SETTLED:
            plan.settled.add(place.day)
        elif place.table in CONNECTIVITY:
            plan.levels.add(place.day)
        else:
            plan.judged.add(place.day)
    for day in found.days:
        plan.settled.add(day)
        plan.levels.add(day)
    names: set[str] = set()
    for day in sorted(plan.settled | plan.levels):
        tables = [*(SETTLED if day in plan.settled else ()), *(CONNECTIVITY if day in plan.levels else ())]
        told = _names(storage, manifest.days[day], tables, sure=day not in found.days)
        everything = everything or told is None
        names |= told or set()
    for task in plan.tasks:
        keys = _keys(storage, manifest, task, bad)
        everything = everything or keys is None
        plan.inputs |= keys or set()
    plan.inputs |= {key for key, one in manifest.inputs.items() if everything or one.name in names}
    return plan


def _names(storage: Storage, entry: Day, tables: Sequence[str], *, sure: bool) -> set[str] | None:
    """The files that brought these tables of a day; None where that cannot be told any more. Of a damaged part the
    column that names them may still be whole: its pages have checksums of their own."""
    found: set[str] = set()
    for table in tables:
        column = _NAMES.get(table)
        if column is None:
            continue
        for part in entry.tables.get(table, ()):
            try:
                rows = read_part(storage, part, TABLES[table], columns=[column])
            except StoreError:
                return None
            texts = rows[column].unique().to_pylist()
            found.update(_file(text) if column == "locator" else text for text in texts)
    return found if sure else None


def _file(locator: str) -> str:
    """The file of a locator (`file!member:line`)."""
    name = locator.partition("!")[0]
    head, colon, line = name.rpartition(":")
    return head if colon and line.isdecimal() else name


def _keys(storage: Storage, manifest: Manifest, task: str, bad: set[str]) -> set[str] | None:
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


def mend_references(store: Store, found: Check, reference: Reference | None) -> None:
    """Write damaged or missing files of snapshots again where the package, or --reference, has the same bytes; what no
    day needs is removed."""
    storage = store.storage
    broken = {one.where for one in found.problems if one.kind == "reference"}
    if not broken:
        return
    known = [load_reference(), *([reference] if reference is not None else [])]
    bytes_of = {
        hashlib.sha256(data).hexdigest(): data for one in known for data in (own_files() | dict(one.given)).values()
    }
    listed, needed = health.listed(storage, found.manifest or Manifest())
    for digest in sorted(listed):
        path = f"reference/{digest}"
        if digest in bytes_of and health.altered(storage, digest):
            storage.delete(path)
            storage.write_new(path, bytes_of[digest])
    for one in known:
        if f"reference/{one.digest}" in broken:
            storage.delete(f"reference/{one.digest}")
            store.pin(one.digest, own_files() | dict(one.given))
    for path in broken & set(storage.list("reference")):
        if path.rpartition("/")[2] not in needed:
            storage.delete(path)


def _drop(store: Store, plan: _Plan) -> None:
    """Let go of what is damaged, and of the inputs that brought it, in one commit."""
    manifest = store.manifest()
    days: dict[str, Day] = {}
    for day, entry in manifest.days.items():
        made = _lesser(entry, plan, day)
        if made is not None:
            days[day] = made
    landing: dict[str, tuple[Landed, ...]] = {}
    for day, groups in manifest.landing.items():
        left = tuple(group for group in groups if group.task not in plan.tasks)
        if left:
            landing[day] = left
    inputs = {key: one for key, one in manifest.inputs.items() if key not in plan.inputs}
    following = msgspec.structs.replace(manifest, days=days, landing=landing, inputs=inputs)
    if following != manifest:
        manifests.collect(store.storage, manifests.commit(store.storage, following))


def _lesser(entry: Day, plan: _Plan, day: str) -> Day | None:
    """A day without its damaged tables; None where nothing stays."""
    tables = entry.tables
    if day in plan.settled:
        tables = {name: parts for name, parts in tables.items() if name in CONNECTIVITY}
        entry = msgspec.structs.replace(entry, settled=parts_digest({}), first=None, last=None, judged=None)
    elif day in plan.judged:
        tables = {name: parts for name, parts in tables.items() if name in (*SETTLED, *CONNECTIVITY)}
        entry = msgspec.structs.replace(entry, judged=None)
    if day in plan.levels:
        tables = {name: parts for name, parts in tables.items() if name not in CONNECTIVITY}
        entry = msgspec.structs.replace(entry, levels=None, levels_first=None, levels_last=None, levels_newest=None)
    return msgspec.structs.replace(entry, tables=tables) if tables else None


def _ledger(ledger: Ledger, found: Check, manifest: Manifest) -> None:
    """Lines of files that are gone or damaged: kept as read and removed where the store holds them, else dropped, so
    that they are fetched again."""
    bad: dict[tuple[str, str, str], Got | None] = {}
    folder = LocalStorage(ledger.root)
    for got, problem in found.bad_got:
        held = got.input is not None and got.input in manifest.inputs
        bad[got.which] = msgspec.structs.replace(got, kept=False) if held else None
        if problem.kind == "raw_damaged" and got.digest is not None:
            folder.delete(f"{got.digest[:2]}/{got.digest}")
    if not ledger.torn:  # else a torn line may have named them
        for path in found.unnamed:
            path.unlink(missing_ok=True)
    folder.sweep()
    if ledger.torn or bad:
        ledger.rewrite(_kept(ledger.lines(), bad))


def _kept(lines: Iterable[Line], bad: Mapping[tuple[str, str, str], Got | None]) -> Iterator[Line]:
    for line in lines:
        if not isinstance(line, Got) or line.which not in bad:
            yield line
        elif (changed := bad[line.which]) is not None:
            yield changed


def _lost(store: Store, before: Manifest, key: str, fetched: Collection[str]) -> Problem:
    name = before.inputs[key].name
    hint = "The next clampdown fetch of its period brings it."
    if key not in fetched:
        hint = f"Ingest it again, if you have it: clampdown ingest FILE --store {store.name}"
    return Problem("input_lost", name, "it brought what was damaged, and is not among the fetched files", hint=hint)


def _counts(store: Store, before: Manifest, plan: _Plan) -> None:
    """What an input added was counted when it was read first; reading it again changes none of it. Where something had
    landed and was not settled, nothing was counted of it yet, and the new counts stand."""
    if not plan.inputs or before.landing:
        return
    with writing(store) as manifest:
        inputs = dict(manifest.inputs)
        for key in plan.inputs & inputs.keys():
            now, was = inputs[key], before.inputs[key]
            if (now.records, now.rejects) == (was.records, was.rejects):
                inputs[key] = msgspec.structs.replace(was, references=now.references)
        if inputs != manifest.inputs:
            manifests.commit(store.storage, msgspec.structs.replace(manifest, inputs=inputs))
