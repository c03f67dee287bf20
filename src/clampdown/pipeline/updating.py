"""Law: a snapshot is adopted whole and checked, or the old one stays and it is said why; what is judged stays as it is.

Everything is fetched and checked before the store is written to, so that a run that is killed changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

import certifi
import msgspec

from clampdown.errors import Error, FetchError, InputError, RuleError
from clampdown.fetch.references import Brought, Getter, Mirror, Seen, bring, same_bytes
from clampdown.fetch.upstreams import Upstream, Upstreams, upstreams
from clampdown.pipeline.references import (
    Memory,
    SnapshotRow,
    adopt,
    given_of,
    present_digest,
    remembered,
    snapshots,
    stale_days,
)
from clampdown.reference import Reference, load_reference
from clampdown.reference.checking import difference, rows_of, why_not
from clampdown.reference.load import bodies_of, day_in, digest_of, kind_of, own_files
from clampdown.reference.locks import Lock, Pinned
from clampdown.store.store import Store, country_code

NEW, CHANGED, SAME, REFUSED, NONE = "new", "changed", "same", "refused", "none"
Tell = Callable[[str], None]
_SILENT: Final[Tell] = lambda _: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one upstream."""

    upstream: str
    state: str  # new | changed | same | refused | none (there is no such file, and never was one here)
    name: str  # of the snapshot that is used from now on; "" where there is none
    was: str = ""  # of the one that it replaces
    rows: int | None = None
    added: int = 0
    removed: int = 0
    why: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Updated:
    """What a run of `update` did, or (with `dry`) would do."""

    steps: tuple[Step, ...]
    snapshots: tuple[SnapshotRow, ...]  # that the store uses from now on
    before: str | None  # digests of the whole reference
    after: str
    adopted: bool
    stale: tuple[str, ...]  # judged days that were made with another reference
    bodies: bool  # fingerprints over bodies changed: what was read keeps its matches of before

    @property
    def refused(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.state == REFUSED)


@dataclass(frozen=True, slots=True)
class _Look:
    """How to look at upstreams in this run."""

    client: Getter | None
    mirror: Mirror | None
    table: Upstreams
    given: Mapping[str, bytes]
    memory: Memory
    now: datetime


def update(
    store: Store,
    *,
    client: Getter | None = None,
    countries: Sequence[str] = (),
    only: Sequence[str] = (),
    base: str | None = None,
    extra: Mapping[str, bytes] | None = None,
    dry: bool = False,
    now: datetime | None = None,
    table: Upstreams | None = None,
    tell: Tell = _SILENT,
) -> Updated:
    """Ask upstreams for what is new, check it, and let the store use it from now on. `extra` are the reader's own."""
    known, moment = table or upstreams(), now or datetime.now(UTC)
    before, given = store.manifest().reference, given_of(store) | dict(extra or {})
    look = _Look(client, Mirror(base, client) if base else None, known, given, remembered(store), moment)
    codes = tuple(dict.fromkeys(map(country_code, countries)))
    steps: list[Step] = []
    brought: dict[str, Brought] = {}
    gone: dict[str, FetchError] = {}  # hosts that nothing is to be had from in this run
    for upstream in known.chosen(tuple(given), codes, tuple(only)):
        tell(upstream.id)
        step, found = _one(upstream, look, gone)
        steps.append(step)
        if found is not None:
            brought[upstream.id] = found
    reference, steps = _loaded(given, steps, brought, known)
    kept = {name: sha256(data).hexdigest() for name, data in reference.given.items()}
    seen = look.memory.seen | {one: found.seen for one, found in brought.items() if found.seen.name in kept}
    memory = _taken(look.memory, seen, kept, {s.name for s in steps if s.state in (NEW, CHANGED)}, moment)
    return _finish(store, before, reference, memory, tuple(steps), dry=dry)


def _one(upstream: Upstream, look: _Look, gone: dict[str, FetchError]) -> tuple[Step, Brought | None]:
    """Ask for one upstream's newest edition, and check it against the one that is here."""
    was = _held(upstream, look)
    seen = look.memory.seen.get(upstream.id)
    if seen is not None and (seen.name != was or seen.digest != sha256(look.given[was]).hexdigest()):
        seen = None
    host = urlsplit(look.mirror.base if look.mirror else upstream.address).netloc
    try:
        if host in gone:
            raise gone[host]
        found = bring(
            upstream, look.client, seen, look.mirror, most=look.table.limits.most, now=look.now,
        )  # fmt: skip
    except Error as fault:
        if isinstance(fault, FetchError) and fault.whole:
            gone[host] = fault
        if isinstance(fault, FetchError) and fault.status == 404 and upstream.country and not was:
            return Step(upstream.id, NONE, "", why="there is no such list"), None
        return Step(upstream.id, REFUSED, was, was, why=str(fault)), None
    if found is None:
        return Step(upstream.id, SAME, was, was), None
    old = look.given.get(was)
    if old == found.data:  # the same bytes keep their name and date
        dated = seen.fetched if seen is not None else found.seen.fetched
        rows = seen.rows if seen is not None else rows_of(upstream.kind, was, found.data).used
        same = msgspec.structs.replace(found.seen, name=was, fetched=dated, rows=rows)
        return Step(upstream.id, SAME, was, was, note=found.note), replace(found, seen=same)
    return _checked(upstream, look, found, was, old, seen)


def _held(upstream: Upstream, look: _Look) -> str:
    """The newest file of this upstream that is here."""
    names = [name for name in look.given if (row := look.table.of_name(name)) is not None and row.id == upstream.id]
    return max(names, default="")


def _checked(
    upstream: Upstream, look: _Look, found: Brought, was: str, old: bytes | None, seen: Seen | None
) -> tuple[Step, Brought | None]:
    limits, name = look.table.limits, found.seen.name
    rows = rows_of(upstream.kind, name, found.data)
    before = rows_of(upstream.kind, was, old) if old is not None else None
    why = why_not(upstream.kind, rows, found.data, before, shrink=limits.shrink, unreadable=limits.unreadable)
    day = day_in(was) if was and not (seen is not None and seen.fetched) else None
    if why is None and day is not None and not found.seen.fetched and found.day < day:
        why = f"it is of {found.day}, older than the one that is here ({day})"
    if why is not None:
        return Step(upstream.id, REFUSED, was, was, rows=rows.used, why=why, note=found.note), None
    added, removed = difference(upstream.kind, old, found.data) if old is not None else (rows.used, 0)
    state = CHANGED if was else NEW
    counted = replace(found, seen=msgspec.structs.replace(found.seen, rows=rows.used))
    return Step(upstream.id, state, name, was, rows.used, added, removed, note=found.note), counted


def _loaded(
    given: Mapping[str, bytes], steps: list[Step], brought: dict[str, Brought], table: Upstreams
) -> tuple[Reference, list[Step]]:
    """The new reference as the loader takes it; what it does not take is refused, one by one."""
    taking = [step for step in steps if step.state in (NEW, CHANGED)]
    try:
        return load_reference(_files(given, taking, brought, table)), steps
    except RuleError:
        good: list[Step] = []
        final = list(steps)
        for step in taking:
            try:
                load_reference(_files(given, [*good, step], brought, table))
            except RuleError as fault:
                del brought[step.upstream]
                final[final.index(step)] = Step(step.upstream, REFUSED, step.was, step.was, why=str(fault))
            else:
                good.append(step)
        return load_reference(_files(given, good, brought, table)), final


def _files(
    given: Mapping[str, bytes], steps: Sequence[Step], brought: Mapping[str, Brought], table: Upstreams
) -> dict[str, bytes]:
    """The set with these steps taken: each replaces whatever its upstream gave before."""
    replaced = {step.upstream for step in steps}
    kept = {n: d for n, d in given.items() if (row := table.of_name(n)) is None or row.id not in replaced}
    return kept | {step.name: brought[step.upstream].data for step in steps}


def _taken(memory: Memory, seen: Mapping[str, Seen], kept: Mapping[str, str], names: set[str], now: datetime) -> Memory:
    """What is remembered from now on: of upstreams whose file is in use, and when each file was taken."""
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fresh = {kept[name]: stamp for name in names if name in kept}
    return Memory(
        {one: found for one, found in sorted(seen.items()) if found.digest in set(kept.values())},
        {digest: at for digest, at in sorted((fresh | memory.adopted).items()) if digest in set(kept.values())},
    )


def _finish(
    store: Store, before: str | None, reference: Reference, memory: Memory, steps: tuple[Step, ...], *, dry: bool
) -> Updated:
    had = before or present_digest(store)
    changes = reference.digest != had
    read = bool(store.manifest().inputs)
    bodies = changes and read and bodies_of(given_of(store)) != reference.match_references_digest
    if not dry and (changes or memory != remembered(store)):
        adopt(store, before, reference if changes else None, memory)
    return Updated(
        steps=steps,
        snapshots=snapshots(store),
        before=before,
        after=reference.digest,
        adopted=changes and not dry,
        stale=stale_days(store, reference),
        bodies=bodies,
    )


# ---- lock files ------------------------------------------------------------------------------------------------


def lock_of(store: Store, table: Upstreams | None = None) -> Lock:
    """The reference that the store uses next, as a lock."""
    known, memory = table or upstreams(), remembered(store)
    given = given_of(store)
    public = {seen.digest: seen.public for seen in memory.seen.values()}
    rows: list[Pinned] = []
    for one in snapshots(store):
        if one.name not in given:
            continue
        row = known.of_name(one.name)
        address = public.get(one.digest, row.address if row else "")
        upstream = row.id if row else ""
        rows.append(Pinned(one.name, upstream, address, one.digest, one.size, one.date, one.licence))
    own = digest_of(own_files())
    return Lock(present_digest(store), version("clampdown"), certifi.__version__, own, tuple(rows))


def bring_locked(
    store: Store,
    lock: Lock,
    *,
    client: Getter | None = None,
    base: str | None = None,
    extra: Mapping[str, bytes] | None = None,
    dry: bool = False,
    now: datetime | None = None,
    table: Upstreams | None = None,
    tell: Tell = _SILENT,
) -> Updated:
    """Let the store use exactly what a lock names: from what is here, the reader's files, a mirror, or the address."""
    _own_tables(lock)
    known, moment = table or upstreams(), now or datetime.now(UTC)
    before, had = store.manifest().reference, given_of(store)
    mirror = Mirror(base, client) if base else None
    by_digest = {sha256(data).hexdigest(): data for data in (*had.values(), *(extra or {}).values())}
    files: dict[str, bytes] = {}
    missing: list[str] = []
    for one in lock.snapshots:
        tell(one.name)
        data = by_digest.get(one.sha256) or _kept(store, one.sha256)
        if data is None:
            row = known.of_id(one.upstream)
            data, tried = same_bytes(
                one.sha256, one.address, client, mirror, most=known.limits.most, leads_to=row.leads_to if row else ()
            )
            if data is None:
                missing.append(f"{one.name} ({tried})")
                continue
        files[one.name] = data
    if missing:
        hint = "Name a copy with --from: a folder of its files, or the folder `reference` of a store that has them."
        first = "; ".join(missing[:3]) + (f"; and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise InputError(f"nothing was changed: what the lock names is not to be had: {first}", hint=hint)
    reference = load_reference(files)
    if reference.digest != lock.reference:
        raise InputError("the lock contradicts itself: its files do not make the reference that it names")
    steps = tuple(_pinned_step(one, files[one.name], had) for one in lock.snapshots)
    memory = remembered(store)
    kept = {one.name: one.sha256 for one in lock.snapshots}
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    seen = memory.seen | {
        one.upstream: Seen(one.name, one.sha256, one.address, one.address, stamp, rows=step.rows)
        for one, step in zip(lock.snapshots, steps, strict=True)
        if one.upstream and step.state != SAME
    }
    taken = _taken(memory, seen, kept, {step.name for step in steps if step.state != SAME}, moment)
    return _finish(store, before, reference, taken, steps, dry=dry)


def _own_tables(lock: Lock) -> None:
    if lock.own == digest_of(own_files()):
        return
    made = f"Clampdown {lock.clampdown} and certifi {lock.roots}"
    here = f"Clampdown {version('clampdown')} and certifi {certifi.__version__}"
    text = f"the lock was made with {made}, whose own tables are a part of it; here are {here}, and theirs differ"
    hint = "The same numbers need the same versions of both: install those."
    raise InputError(text, hint=hint)


def _kept(store: Store, digest: str) -> bytes | None:
    """What the store kept under this digest, if it is whole."""
    try:
        data = store.storage.read(f"reference/{digest}")
    except FileNotFoundError:
        return None
    return data if sha256(data).hexdigest() == digest else None


def _pinned_step(one: Pinned, data: bytes, had: Mapping[str, bytes]) -> Step:
    if had.get(one.name) == data:
        return Step(one.upstream or one.name, SAME, one.name)
    return Step(one.upstream or one.name, NEW, one.name, rows=rows_of(kind_of(one.name), one.name, data).used)
