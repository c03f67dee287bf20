"""Law: mending never makes it worse: no whole row is dropped that cannot be read again, unless a person says so.

A damaged day leaves the manifest in the same commit as the inputs that may have brought it. From there on they are
inputs that were never read: killed anywhere, the next `doctor --mend` (or `fetch`, or `ingest`) reads them. Those that
cannot be read again are kept in mind as lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import msgspec

from clampdown.errors import InputError, StoreError
from clampdown.fetch.ledger import Got, Ledger, Line, RawLock
from clampdown.model import CONNECTIVITY, TABLES
from clampdown.pipeline import damage, detecting
from clampdown.pipeline.damage import Plan
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
from clampdown.store.settle import SETTLED
from clampdown.store.storage import LocalStorage, Storage
from clampdown.store.store import Store
from clampdown.store.tables import read_part, rows_of

_GONE: Final = "it brought what was damaged, and is not among the fetched files"


def mend(
    store: Store,
    ledger: Ledger | None = None,
    *,
    reference: Reference | None = None,
    workers: int = 0,
    progress: Tell = quiet,
    read: Read = read_input,
    given: Mapping[str, Input] | None = None,
    drop: bool = False,
) -> Health:
    """Check, mend what can be mended, and check again. `given` are files beside the fetched ones that may be read
    again, by key. With `drop`, damaged days go also where files that they came from cannot be read again."""
    with ExitStack() as stack:
        if ledger is not None:
            stack.callback(RawLock(ledger.root).release)

        def look() -> Check:
            return check(store, ledger, reference=reference, progress=progress, raw_held=True, given=given)

        before = look()
        if before.busy:
            hint = "Wait until it is done, then run the same command."
            raise StoreError("another command is writing to this store", where=store.name, hint=hint)
        now = before
        if _unfounded(before):
            if not _foundations(store.storage, before, ledger):
                return told(store, before)
            now = look()
        if not now.readable:
            return told(store, before)
        if given and not {one.path for one in given.values()} & {one.path for one in now.again.values()}:
            hint = "A file goes by its name and its bytes: give it the name by which it was read."
            where = next(iter(given.values())).shown
            raise InputError("the store never read such a file, or holds it", where=where, hint=hint)
        work = _Work(store, ledger, now, reference, workers, progress, read, drop)
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
    drop: bool

    def mend(self) -> list[Problem]:
        """Do it; what is lost."""
        store, manifest = self.store, self.found.manifest or Manifest()
        plan = self._plan(manifest)
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
        if self.ledger is not None:
            _ledger(self.ledger, self.found)
        self._again(plan, reference)
        stay_forgotten(store, manifest)
        after = store.manifest()
        lost = [
            Problem("input_lost", one.name, _GONE)
            for key, one in sorted(after.lost.items())
            if self.drop and key in plan.needed
        ]
        # Also what an earlier mending did not come to.
        if days := [day for day in unjudged(store) if day not in plan.left]:
            judge_store(store, days, reference=reference, workers=self.workers, progress=self.progress)
        _counts(store, manifest, plan)
        damaged, hands = plan.detected, {"workers": self.workers, "progress": self.progress}
        if damaged and not plan.left and not detecting.remake(store, damaged, **hands):  # type: ignore[arg-type]
            hint = f"clampdown detect --store {store.name} makes them; the log will call all of it new."
            lost.append(Problem("detect", "detect", "tables of findings were damaged, and are gone", hint=hint))
        return lost

    def _plan(self, manifest: Manifest) -> Plan:
        if not self.drop:
            return self.found.plan
        places = (place for place, _ in self.found.parts)
        return damage.plan(self.store.storage, manifest, places, self.found.days, self.found.again, drop=True)

    def _again(self, plan: Plan, reference: Reference) -> None:
        """Read again what the store does not hold, or not any more. What was let go for the sake of one day brings
        nothing to days that are left: what it brought of them is still there."""
        before = self.store.manifest()
        held = {*before.inputs, *before.gone}  # what was forgotten stays forgotten
        new = {key: one for key, one in self.found.again.items() if key not in held}
        for some in ({key for key in new if key in plan.inputs}, {key for key in new if key not in plan.inputs}):
            if some:
                ingest(
                    [new[key] for key in sorted(some)], self.store, reference=reference, workers=self.workers,
                    progress=self.progress, judge=False, read=self.read, leave=plan.left,
                )  # fmt: skip
            if plan.left and some & plan.inputs:
                with writing(self.store) as manifest:
                    landing = {day: groups for day, groups in manifest.landing.items() if day not in plan.left}
                    landing |= {day: before.landing[day] for day in plan.left if day in before.landing}
                    if landing != manifest.landing:
                        manifests.commit(self.store.storage, msgspec.structs.replace(manifest, landing=landing))


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
    """Is every file that any table here names among the fetched ones, and whole? And is there no entry of the log that
    the older manifest does not know: nothing could bring it back."""
    if ledger is None or health.log.beyond(storage, found.manifest or Manifest()):
        return False
    bad = {got.which for got, _ in found.raw.bad}
    whole = {printable(got.name) for got in ledger.every() if got.kept and got.digest and got.which not in bad}
    for table, column in damage.NAMES.items():
        for path in storage.list(f"tables/{table}"):
            try:
                part = Part(path, 0, 0)
                part = msgspec.structs.replace(part, rows=rows_of(storage, part))
                names = read_part(storage, part, TABLES[table], columns=[column])[column].unique().to_pylist()
            except StoreError:
                return False
            if not {damage.file_of(name) if column == "locator" else name for name in names} <= whole:
                return False
    return bool(whole)


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


def _drop(store: Store, plan: Plan) -> None:
    """Let go of what is damaged, and of the inputs that brought it, in one commit; it says which of them cannot be
    read again."""
    manifest = store.manifest()
    days: dict[str, Day] = {}
    for day, entry in manifest.days.items():
        made = _lesser(entry, plan, day)
        if made is not None:
            days[day] = made
    landing: dict[str, tuple[Landed, ...]] = {}
    for day, groups in manifest.landing.items():
        left = tuple(group for group in groups if day in plan.left or group.task not in plan.tasks)
        if left:
            landing[day] = left
    inputs = {key: one for key, one in manifest.inputs.items() if key not in plan.inputs}
    lost = dict(manifest.lost)
    for key in plan.needed.keys() & plan.inputs:
        one = plan.needed[key]
        days_of = {*one.days, *(lost[key].days if key in lost else ())}
        lost[key] = msgspec.structs.replace(one, days=tuple(sorted(days_of)))
    following = msgspec.structs.replace(manifest, days=days, landing=landing, inputs=inputs, lost=lost)
    if following != manifest:
        manifests.collect(store.storage, manifests.commit(store.storage, following))


def _lesser(entry: Day, plan: Plan, day: str) -> Day | None:
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


def _ledger(ledger: Ledger, found: Check) -> None:
    """Lines of files that are gone or damaged are kept as read and removed: a fetch brings the file again where the
    store lacks what it became, and until then the doctor says so. Where nothing was read yet, the line goes."""
    bad: dict[tuple[str, str, str], Got | None] = {}
    folder = LocalStorage(ledger.root)
    for got, problem in found.raw.bad:
        bad[got.which] = msgspec.structs.replace(got, kept=False) if got.input is not None else None
        if problem.kind == "raw_damaged" and got.digest is not None:
            folder.delete(f"{got.digest[:2]}/{got.digest}")
    if not ledger.torn and ledger.path.exists():  # else a line that is lost may have named them
        for path in found.raw.garbage:
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


def _counts(store: Store, before: Manifest, plan: Plan) -> None:
    """What an input added was counted when it was read first; reading it again changes none of it. Where something had
    landed and was not settled, nothing was counted of it yet, and the new counts stand."""
    if not plan.inputs or before.landing:
        return
    with writing(store) as manifest:
        inputs = dict(manifest.inputs)
        for key in plan.inputs & inputs.keys() & before.inputs.keys():
            now, was = inputs[key], before.inputs[key]
            if (now.records, now.rejects) == (was.records, was.rejects):
                inputs[key] = msgspec.structs.replace(was, references=now.references)
        if inputs != manifest.inputs:
            manifests.commit(store.storage, msgspec.structs.replace(manifest, inputs=inputs))
