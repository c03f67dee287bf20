"""Law: what the newest manifest does not name does not exist; a manifest is created once and never changed.

A manifest is one small file that names every part of the store, every input that was read, and what made each
day's tables. Committing is creating the next number where nobody has; whoever finds it taken has lost and says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from clampdown.errors import StoreError
from clampdown.model import CONNECTIVITY
from clampdown.store.storage import Storage

FORMAT: Final = 1
_KEEP: Final = 4  # manifests that stay, for readers that are still at work
MARK: Final = "clampdown.json"
ORIGINS: Final = "reference/upstreams.json"  # where snapshots came from; a memory that may be lost


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Parquet file."""

    path: str
    rows: int
    size: int


def parts_digest(tables: Mapping[str, tuple[Part, ...]]) -> str:
    """Names rows by their parts: the digest of the names, which follow from the content."""
    names = sorted(part.path for parts in tables.values() for part in parts)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


class Landed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one task (one large input, or several small ones) brought for one day."""

    task: str
    parts: dict[str, tuple[Part, ...]]


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a day's verdicts were made from."""

    rules: str
    reference: str
    settled: str


class Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day's settled tables, and the tables made from them."""

    tables: dict[str, tuple[Part, ...]]
    settled: str  # digest over the names of the settled parts
    first: str | None = None  # earliest and latest `time` of its measurements, RFC 3339
    last: str | None = None
    judged: Judged | None = None
    levels: str | None = None  # digest over the names of its parts of signals, series and context
    levels_first: str | None = None  # earliest and latest time of its signals
    levels_last: str | None = None
    levels_newest: str | None = None  # the latest one with a value

    def span(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest time of anything in it; a day without times has none."""
        ends = (self.first, self.last, self.levels_first, self.levels_last)
        found = [datetime.fromisoformat(end) for end in ends if end is not None]
        return (min(found), max(found)) if found else None

    def levels_only(self) -> bool:
        """Does it hold signals or published records, and nothing that could be judged?"""
        return self.levels is not None and self.tables.keys() <= CONNECTIVITY.keys()


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file that was read. Counts add up over inputs: a measurement counts for the input that brought it first."""

    name: str
    size: int
    references: str
    records: int
    rejects: dict[str, int]
    measurements: int = 0
    observations: int = 0
    conflicts: int = 0
    resubmissions: int = 0
    levels: int = 0
    published: int = 0
    cut: str | None = None  # what it brought of days before this one was forgotten; it also holds later days
    of: str | None = None  # country that the person named, of a file that names none; the key covers it


class Forgot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lay before this day was removed on purpose."""

    before: str
    at: str  # when, RFC 3339; said by who removed it


class Lost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input that was let go together with damaged tables, and could not be read again."""

    name: str
    size: int
    days: tuple[str, ...]  # whose tables went; of others what it brought may still be here
    of: str | None = None  # as in Input


class Detected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The findings and events of the whole store, and what they were made from."""

    inputs: str  # `inputs_digest` of the days that were judged
    thresholds: str
    as_of: str | None  # the newest measurement, RFC 3339
    run: int  # number of the newest entry of the log; 0 while nothing was ever found
    head: str | None  # digest of that entry: an end cut off, or written over, is noticed
    sources: tuple[str, ...]
    tables: dict[str, tuple[Part, ...]]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole store at one moment."""

    format: int = FORMAT
    number: int = 0
    reference: str | None = None  # digest of the snapshot that was used last
    inputs: dict[str, Input] = {}
    landing: dict[str, tuple[Landed, ...]] = {}
    days: dict[str, Day] = {}
    lost: dict[str, Lost] = {}  # by key; until it is read again, or its days are forgotten
    detected: Detected | None = None
    forgot: tuple[Forgot, ...] = ()
    gone: tuple[str, ...] = ()  # inputs that went with forgotten days, while no ledger was there to know it

    def paths(self) -> set[str]:
        """Every part that exists."""
        landed = {p.path for day in self.landing.values() for part in day for ps in part.parts.values() for p in ps}
        whole = {p.path for parts in self.detected.tables.values() for p in parts} if self.detected else set[str]()
        return landed | whole | {p.path for day in self.days.values() for parts in day.tables.values() for p in parts}

    def inputs_digest(self) -> str:
        """Names what a run of `detect` would be made from: every judged day, its rows, rules and reference; and the
        signals of every day that has any."""
        total = hashlib.sha256()
        for day, made in self.judged():
            total.update(f"{day}\t{made.settled}\t{made.rules}\t{made.reference}\n".encode())
        for day in self.leveled():
            total.update(f"{day}\tlevels\t{self.days[day].levels}\n".encode())
        return total.hexdigest()

    def leveled(self) -> list[str]:
        """The days that hold signals or published records, first to last."""
        return sorted(day for day, entry in self.days.items() if entry.levels is not None)

    def judged(self) -> list[tuple[str, Judged]]:
        """The days whose verdicts are those of their rows, first to last; a day settled again meanwhile is none."""
        known = ((day, entry.judged, entry.settled) for day, entry in sorted(self.days.items()))
        return [(day, made) for day, made, settled in known if made is not None and made.settled == settled]

    def as_of(self) -> str | None:
        """The newest measurement of a judged day."""
        return _newest(self.days[day].last for day, _ in self.judged())

    def levels_as_of(self) -> str | None:
        """The newest signal that has a value."""
        return _newest(entry.levels_newest for entry in self.days.values())


def _newest(times: Iterable[str | None]) -> str | None:
    newest = max((time for time in times if time), default=None, key=datetime.fromisoformat)
    return None if newest is None else f"{newest}Z"


class _Mark(msgspec.Struct, frozen=True):
    format: int


def exists(storage: Storage) -> bool:
    """Is there a store at all?"""
    try:
        storage.size(MARK)
    except FileNotFoundError:
        return False
    return True


def found(storage: Storage) -> None:
    """Make an empty store where none is."""
    storage.write_new(MARK, b'{"format": %d}\n' % FORMAT)


def format_of(storage: Storage) -> int:
    """The format that the store says it is of."""
    try:
        return msgspec.json.decode(storage.read(MARK), type=_Mark).format
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise StoreError("clampdown.json of the store cannot be read", hint="Is this folder a store?") from fault


def check_format(storage: Storage) -> None:
    """Refuse what another version wrote."""
    found = format_of(storage)
    if found > FORMAT:
        hint = "Use the newer Clampdown that made it."
        raise StoreError(f"the store is of format {found}; this Clampdown knows up to {FORMAT}", hint=hint)
    if found < FORMAT:
        hint = f"This Clampdown reads format {FORMAT}: ingest the raw files into a new store."
        raise StoreError(f"the store is of the old format {found}", hint=hint)


def numbers(storage: Storage) -> list[int]:
    """The numbers of the manifests there are, smallest first."""
    names = (path.removeprefix("manifest/").removesuffix(".json") for path in storage.list("manifest"))
    return sorted(int(name) for name in names if name.isdecimal())


def traces(storage: Storage) -> str | None:
    """What only a store has that was committed, if there is any of it: tables, or entries of the log. Before its first
    commit there is at most what has landed, and pinned references."""
    return next((name for name in ("tables", "log") if storage.list(name)), None)


def _orphaned(left: str, name: str) -> StoreError:
    """Nothing may be read from such a store, and nothing deleted: what no manifest names may be all there is."""
    hint = f"Nothing was changed. Run this: clampdown doctor --store {name} --mend"
    return StoreError(f"there are {left} and no manifest, which would name them", where=name, hint=hint)


def newest(storage: Storage, name: str = "STORE") -> Manifest:
    """The store as it is now. A manifest that vanishes while it is read was followed by a newer one. Where there is
    none, it is an empty store only if nothing shows that there was one. `name` is how a person calls the store."""
    for _attempt in range(5):
        known = numbers(storage)
        if not known:
            left = traces(storage)
            if left is None:
                return Manifest()
            if not numbers(storage):
                raise _orphaned(left, name)
            continue
        try:
            data = storage.read(f"manifest/{known[-1]}.json")
        except FileNotFoundError:
            continue
        try:
            manifest = msgspec.json.decode(data, type=Manifest)
        except msgspec.MsgspecError as fault:
            hint = f"It is damaged, or a newer Clampdown's; this says which: clampdown doctor --store {name} --mend"
            raise StoreError(f"manifest {known[-1]} cannot be read", where=name, hint=hint) from fault
        if manifest.format != FORMAT:
            raise StoreError(f"manifest {known[-1]} is of format {manifest.format}, not {FORMAT}", where=name)
        if manifest.number != known[-1]:
            hint = f"Run this: clampdown doctor --store {name} --mend"
            raise StoreError(f"manifest {known[-1]} is another one under this name", where=name, hint=hint)
        return manifest
    raise StoreError("the store changes faster than it can be read", hint="Run the command again.")


def commit(storage: Storage, manifest: Manifest) -> Manifest:
    """Create the next manifest: from here on it is the store."""
    gone = tuple(key for key in manifest.gone if key not in manifest.inputs)  # others were read again
    following = msgspec.structs.replace(manifest, number=manifest.number + 1, gone=gone)
    data = msgspec.json.format(msgspec.json.encode(following, order="sorted"), indent=1)
    created = storage.write_new(f"manifest/{following.number}.json", data)
    if not created or numbers(storage)[-1:] != [following.number]:
        raise StoreError("another command has changed this store meanwhile", hint="Run the same command again.")
    return following


def collect(storage: Storage, manifest: Manifest) -> None:
    """Delete what no longer exists: parts that are not named, and manifests that are long past. What no commit speaks
    of is not known to be garbage."""
    if manifest.number == 0 and (left := traces(storage)) is not None:
        raise _orphaned(left, "STORE")
    named = manifest.paths()
    unnamed = [path for path in (*storage.list("landing"), *storage.list("tables")) if path not in named]
    past = [f"manifest/{number}.json" for number in numbers(storage) if number <= manifest.number - _KEEP]
    storage.delete(*unnamed, *past)


def keep_reference_file(storage: Storage, data: bytes) -> str:
    """Keep one file of reference data under the digest of its content; it may be there already, or be damaged."""
    digest = hashlib.sha256(data).hexdigest()
    path = f"reference/{digest}"
    if not storage.write_new(path, data) and hashlib.sha256(storage.read(path)).hexdigest() != digest:
        sink = storage.create(path)
        try:
            sink.file.write(data)
            sink.close()
        finally:
            sink.abandon()
    return digest
