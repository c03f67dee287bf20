"""Law: numbers are read with the reference that made them; a newer one is used once its days are judged again.

What a store will use next is named by its manifest. Where its files came from, and when, is remembered beside them in
`reference/upstreams.json`, outside of the tables: losing it costs one more download.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from clampdown.errors import StoreError
from clampdown.fetch.references import Seen
from clampdown.judge.rules import load_rules
from clampdown.pipeline.river import reference_of, writing
from clampdown.reference import Reference, load_reference
from clampdown.reference.load import digest_of, digest_of_digests, list_snapshots, own_files
from clampdown.store import manifest as manifests
from clampdown.store.store import Filter, Store


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One file of the reference data that a store uses next."""

    name: str
    kind: str
    date: str  # YYYY-MM-DD as far as it is known, else ""
    digest: str
    licence: str
    size: int
    adopted: str | None  # when `update` took it, RFC 3339; None: it was given by hand, or is the package's own
    upstream: str  # id of the row of upstreams.toml; "" for what the reader gave, and for the package's own
    dated: bool = True  # False: nobody said its date, so it is the day on which it was brought
    rows: int | None = None  # that the loader uses, as far as they were counted


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of upstreams."""

    seen: dict[str, Seen] = {}  # id of an upstream -> what was brought last
    adopted: dict[str, str] = {}  # digest of a file -> when it was taken


def remembered(store: Store) -> Memory:
    """The memory; an empty one where there is none that can be read."""
    try:
        return msgspec.json.decode(store.storage.read(manifests.ORIGINS), type=Memory)
    except (FileNotFoundError, msgspec.MsgspecError):
        return Memory()


def remember(store: Store, memory: Memory) -> None:
    """Write it down, in one piece; the writer's seat is held."""
    if memory == remembered(store):
        return
    sink = store.storage.create(manifests.ORIGINS)
    try:
        sink.file.write(msgspec.json.format(msgspec.json.encode(memory, order="sorted"), indent=1))
        sink.close()
    finally:
        sink.abandon()


def given_of(store: Store) -> dict[str, bytes]:
    """The files beside the package's own tables that the store uses next."""
    own = own_files()
    return {name: data for name, data in (store.pinned() or {}).items() if name not in own}


def present_digest(store: Store, asked: Reference | None = None) -> str:
    """Names the reference that a command would use now: the one asked for, else the store's, with the package's own
    tables as they are. Nothing is loaded."""
    if asked is not None:
        return asked.digest
    own = own_files()
    names = store.pinned_names() or {}
    if not names:
        return digest_of(own)
    tables = {name: digest for name, digest in names.items() if name not in own}
    return digest_of_digests(tables | _digests(own))


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    from hashlib import sha256

    return {name: sha256(data).hexdigest() for name, data in files.items()}


def made_with(store: Store, asked: Reference | None, wanted: Filter | None = None) -> Reference:
    """The reference that made the verdicts of these days, so that the same question has the same answer until they are
    judged again. Where several did, or none, it is the one that the store uses next."""
    if asked is not None:
        return asked
    manifest = store.manifest()
    days = (entry for day, entry in manifest.days.items() if wanted is None or wanted.passes(day, entry))
    used = {entry.judged.reference for entry in days if entry.judged is not None}
    one = used.pop() if len(used) == 1 else None
    if one is None or one == manifest.reference:
        return reference_of(store, None)
    own = own_files()
    pinned = store.pinned(one) or {}
    return load_reference({name: data for name, data in pinned.items() if name not in own})


def stale_days(store: Store, asked: Reference | None = None) -> tuple[str, ...]:
    """Days whose verdicts were made with other rules or reference data than would be used now."""
    rules, reference = load_rules().digest, present_digest(store, asked)
    judged = store.manifest().judged()
    return tuple(day for day, made in judged if (made.rules, made.reference) != (rules, reference))


def snapshots(store: Store) -> tuple[SnapshotRow, ...]:
    """The reference data that the store uses next, file by file; the package's own tables are among them."""
    given = given_of(store)
    memory = remembered(store)
    seen = {found.name: (upstream, found) for upstream, found in memory.seen.items()}
    sizes = {name: len(data) for name, data in (own_files() | given).items()}
    rows: list[SnapshotRow] = []
    for one in list_snapshots(given):
        upstream, found = seen.get(one.name, ("", None))
        known = found if found is not None and found.digest == one.digest else None
        rows.append(SnapshotRow(
            name=one.name, kind=one.kind, date=one.date, digest=one.digest, licence=one.terms.licence,
            size=sizes[one.name], adopted=memory.adopted.get(one.digest), upstream=upstream if known else "",
            dated=known is None or not known.fetched, rows=known.rows if known else None,
        ))  # fmt: skip
    return tuple(rows)


def adopt(store: Store, before: str | None, reference: Reference | None, memory: Memory) -> None:
    """From here on the store uses this reference: kept first, then named, in one commit. None: only remember."""
    with writing(store) as manifest:
        if manifest.reference != before:
            raise StoreError("another command has changed the store meanwhile", hint="Run the same command again.")
        if reference is not None:
            store.pin(reference.digest, own_files() | dict(reference.given))
            manifests.commit(store.storage, msgspec.structs.replace(manifest, reference=reference.digest))
        remember(store, memory)
