"""Law: findings and events are made from what is judged, all at once, and what changed is said once, in the log.

The entry of the log is written first and exists once the manifest names it; a run that changes nothing writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.detect import Limits, load_limits
from clampdown.detect.changes import KINDS, Changes, Entry, changes
from clampdown.detect.manners import load_manners
from clampdown.errors import InputError, StoreError
from clampdown.judge.rules import load_rules
from clampdown.model import DETECTED
from clampdown.pipeline import outages
from clampdown.pipeline.detection import make
from clampdown.pipeline.references import made_with, present_digest
from clampdown.pipeline.river import Tell, quiet, writing
from clampdown.store import log
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Detected, Manifest
from clampdown.store.store import Store
from clampdown.store.tables import read, write_whole


@dataclass(frozen=True, slots=True)
class DetectSummary:
    """What a run of `detect` found, and what of it is said differently than before."""

    as_of: str | None  # the newest measurement
    days: int  # days that it was made from
    unjudged: tuple[str, ...]  # days left out: they hold something that is still to be judged
    stale: tuple[str, ...]  # days judged with other rules or reference data than the present ones, and used as they are
    findings: dict[str, int] = field(default_factory=dict[str, int])  # state -> rows
    events: dict[str, int] = field(default_factory=dict[str, int])  # direction -> rows
    outages: dict[str, int] = field(default_factory=dict[str, int])  # grade -> rows
    notes: dict[str, int] = field(default_factory=dict[str, int])  # kind -> rows
    run: int = 0  # the newest entry of the log
    changed: bool = False  # did this run add it
    changes: dict[str, int] = field(default_factory=dict[str, int])  # events new, ended, ..., and findings


def detect(
    store: Store,
    *,
    workers: int = 0,
    progress: Tell = quiet,
    thresholds: Limits | None = None,
    now: datetime | None = None,
) -> DetectSummary:
    """Turn what a store's days say into findings, events and outages. `now` is the time that the log gives the run."""
    limits = thresholds or load_limits()
    unjudged, stale = _concerns(store)
    with writing(store) as manifest:
        if not manifest.judged() and not manifest.leveled():
            hint = f"Run this first: clampdown judge --store {store.name}"
            raise InputError("nothing in it is judged yet", where=store.name, hint=hint)
        store.log()  # a broken chain is not written on
        before = _tables(store, manifest.detected)
        made, used = _make(store, manifest, before, limits, workers=workers, progress=progress)
        found = changes(before, made)
        _commit(store, manifest, made, found, used, now or datetime.now(UTC))
    after = store.detection()
    return DetectSummary(
        as_of=after.as_of,
        days=len(manifest.judged()),
        unjudged=unjudged,
        stale=stale,
        findings=_count(made["findings"], "state"),
        events=_count(made["events"], "direction"),
        outages=_count(made["outages"], "grade"),
        notes=_count(made["notes"], "kind"),
        run=after.run,
        changed=bool(found),
        changes=_changed(found),
    )


def _make(
    store: Store, manifest: Manifest, before: Mapping[str, pa.Table], limits: Limits, *, workers: int, progress: Tell
) -> tuple[dict[str, pa.Table], str]:
    """All tables of `detect`, and the digests of the thresholds that they were made with."""
    made = make(store, manifest, before, made_with(store, None), limits, workers=workers, progress=progress)
    _check(made)
    manners = load_manners()
    cut = outages.compute(
        store, manifest, previous=before["outages"], events=made["events"], workers=workers, progress=progress,
        manners=manners,
    )  # fmt: skip
    if cut["notes"].num_rows:
        cut["notes"] = pa.concat_tables([made["notes"], cut["notes"]])
    made |= cut if cut["notes"].num_rows else {name: rows for name, rows in cut.items() if name != "notes"}
    return made, f"{limits.digest} {manners.digest}" if manifest.leveled() else limits.digest


def remake(store: Store, damaged: Collection[str], *, workers: int = 0, progress: Tell = quiet) -> bool:
    """Make tables anew whose parts are damaged, of the same days, so that nothing is new and the log says nothing.

    False: the days are others now. Then the damaged tables are gone, and `detect` says what is new.
    """
    with writing(store) as manifest:
        was = manifest.detected
        if was is None:
            return True
        whole = {name: parts for name, parts in was.tables.items() if not any(p.path in damaged for p in parts)}
        if was.inputs != manifest.inputs_digest():
            lesser = msgspec.structs.replace(was, tables=whole, inputs="")
            manifests.commit(store.storage, msgspec.structs.replace(manifest, detected=lesser))
            return False
        before = _tables(store, msgspec.structs.replace(was, tables=whole))
        made, used = _make(store, manifest, before, load_limits(), workers=workers, progress=progress)
        held = manifest.paths() - set(damaged)
        tables = {name: write_whole(store.storage, name, made[name], held) for name in sorted(DETECTED)}
        found = msgspec.structs.replace(was, tables=tables, thresholds=used)
        manifests.collect(
            store.storage, manifests.commit(store.storage, msgspec.structs.replace(manifest, detected=found))
        )
    return True


def _concerns(store: Store) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Days that hold something unjudged, and days that are judged otherwise than they would be now."""
    manifest = store.manifest()
    other = set(store.stale(load_rules().digest, present_digest(store)))
    judged = {day for day, _ in manifest.judged()} - set(manifest.landing)
    return tuple(sorted(other - judged)), tuple(sorted(other & judged))


def _tables(store: Store, detected: Detected | None) -> dict[str, pa.Table]:
    held = detected.tables if detected else {}
    return {name: read(store.storage, name, held.get(name, ()), schema=schema) for name, schema in DETECTED.items()}


def _check(made: Mapping[str, pa.Table]) -> None:
    if set(made) != set(DETECTED):
        raise StoreError(f"detect made {', '.join(sorted(made))} and not {', '.join(sorted(DETECTED))}")


def _commit(
    store: Store, manifest: Manifest, made: Mapping[str, pa.Table], found: Changes, thresholds: str, now: datetime
) -> None:
    was, storage = manifest.detected, store.storage
    held = manifest.paths()
    tables = {name: write_whole(storage, name, made[name], held) for name in sorted(DETECTED)}
    run, head = (was.run, was.head) if was else (0, None)
    inputs, as_of = manifest.inputs_digest(), manifest.as_of() or manifest.levels_as_of()
    if found:
        judged = [each for _, each in manifest.judged()]
        run += 1
        entry = Entry(
            number=run, previous=head, when=_stamp(now), as_of=as_of, manifest=manifest.number + 1, inputs=inputs,
            rules=" ".join(sorted({each.rules for each in judged})),
            reference=" ".join(sorted({each.reference for each in judged})),
            thresholds=thresholds, changes=found,
        )  # fmt: skip
        head = log.append(storage, manifest, entry)
    same = was is not None and was.inputs == inputs
    sources = was.sources if was is not None and same else _sources(store)
    detected = Detected(
        inputs=inputs, thresholds=thresholds, as_of=as_of, run=run, head=head, sources=sources, tables=tables
    )
    if detected != was:
        manifests.collect(storage, manifests.commit(storage, msgspec.structs.replace(manifest, detected=detected)))


def _stamp(now: datetime) -> str:
    plain = now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="seconds") + "Z"


def _sources(store: Store) -> tuple[str, ...]:
    found: set[str] = set()
    for rows in store.batches("measurements", columns=["source"]):
        found.update(pc.unique(rows["source"]).to_pylist())
    return tuple(sorted(found))


def _count(rows: pa.Table, column: str) -> dict[str, int]:
    return dict(sorted(Counter(rows[column].to_pylist()).items()))


def _changed(found: Changes) -> dict[str, int]:
    kinds = Counter(one.kind for one in found.events)
    counts = {kind: kinds[kind] for kind in KINDS if kinds[kind]}
    return counts | ({"findings": len(found.findings)} if found.findings else {})
