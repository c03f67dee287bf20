"""Law: everything that the newest manifest names is looked at, byte by byte, and nothing is written.

A settled part goes by the digest of its content, so one wrong bit is found; landing parts have checksums of their
pages. What is found is a problem with a kind: `wrong` (something that should be here is not, or is not what it was),
or left over, which the next writing command or `--mend` clears away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import msgspec
import pyarrow as pa

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.model import CONNECTIVITY, DETECTED, TABLES
from clampdown.reference.load import digest_of
from clampdown.store import log
from clampdown.store import manifest as manifests
from clampdown.store.manifest import ORIGINS, Day, Manifest, Part, parts_digest
from clampdown.store.settle import LANDING, SETTLED
from clampdown.store.storage import Storage
from clampdown.store.tables import rows_of, stream

_BLOCK: Final = 1 << 20
_HANDS: Final = 4  # parts at a time; hashing leaves the interpreter
Count = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be."""

    kind: str  # of those in pipeline/doctor.py
    where: str
    what: str
    wrong: bool = True
    hint: str | None = None


def unreadable(where: str, fault: OSError | EnvironmentFault) -> Problem:
    """What this machine does not let us look at: whether it is damaged nobody knows, so nothing is done about it. Other
    faults of the environment (a bucket that does not answer) are not of one file, and end the look."""
    cause = fault.__cause__ if isinstance(fault, EnvironmentFault) else fault
    if not isinstance(cause, OSError):
        raise fault
    return Problem("unreadable", where, f"it cannot be read: {cause.strerror or cause}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the manifest names a part: a table of a day, of a task that landed, or of the whole store."""

    table: str
    part: Part
    day: str | None = None
    task: str | None = None


def places(manifest: Manifest) -> Iterator[Place]:
    """Every part that is named."""
    for day, entry in sorted(manifest.days.items()):
        yield from (Place(table, part, day) for table, parts in sorted(entry.tables.items()) for part in parts)
    for day, groups in sorted(manifest.landing.items()):
        for group in groups:
            for table, parts in sorted(group.parts.items()):
                yield from (Place(table, part, day, group.task) for part in parts)
    for table, parts in sorted(manifest.detected.tables.items()) if manifest.detected else ():
        yield from (Place(table, part) for part in parts)


def damaged(storage: Storage, manifest: Manifest, count: Count) -> list[tuple[Place, Problem]]:
    """The parts that are not there, or are not what they were."""

    def look(place: Place) -> tuple[Place, Problem] | None:
        found = _part(storage, place, count)
        return None if found is None else (place, found)

    with ThreadPoolExecutor(_HANDS) as hands:
        return [found for found in hands.map(look, places(manifest)) if found is not None]


def _part(storage: Storage, place: Place, count: Count) -> Problem | None:
    path = place.part.path
    try:
        size = storage.size(path)
        if size != place.part.size:
            return Problem("part_damaged", path, f"it has {size:,} bytes; {place.part.size:,} were written")
        schema = _schema(place)
        if schema is None or not path.startswith(_folder(place)):
            return Problem("part_damaged", path, "it lies in another table's or day's folder")
        if place.task is not None:
            rows = sum(batch.num_rows for batch in stream(storage, place.table, [place.part], schema=schema).read(None))
            count(size)
        else:
            if _digest(storage, path, count) != path.rpartition("/")[2].removesuffix(".parquet"):
                return Problem("part_damaged", path, "its content is not the one that it is named by")
            rows = rows_of(storage, place.part)
        if rows != place.part.rows:
            return Problem("part_damaged", path, f"it has {rows:,} rows; {place.part.rows:,} were written")
    except FileNotFoundError:
        return Problem("part_missing", path, "it is named and not there")
    except EnvironmentFault as fault:
        return unreadable(path, fault)  # the disk said so, not the file
    except OSError as fault:
        return unreadable(path, fault)
    except StoreError as fault:
        missing = isinstance(fault.__cause__, FileNotFoundError)
        return Problem("part_missing" if missing else "part_damaged", path, fault.what)
    return None


def _schema(place: Place) -> pa.Schema | None:
    known = LANDING if place.task is not None else TABLES if place.day is not None else DETECTED
    return known.get(place.table)


def _folder(place: Place) -> str:
    if place.day is None:
        return f"tables/{place.table}/"
    return f"landing/day={place.day}/" if place.task is not None else f"tables/{place.table}/day={place.day}/"


def _digest(storage: Storage, path: str, count: Count) -> str:
    found = hashlib.sha256()
    with storage.open(path) as file:
        while block := file.read(_BLOCK):
            found.update(block)
            count(len(block))
    return found.hexdigest()


def misnamed(manifest: Manifest) -> Iterator[tuple[str, Problem]]:
    """Days whose parts are others than those that the day was said to be made of."""
    for day, entry in sorted(manifest.days.items()):
        if _settled(entry) != entry.settled or _levels(entry) != entry.levels:
            yield day, Problem("day_other", day, "its parts are not those that it was settled as")


def _settled(entry: Day) -> str:
    return parts_digest({name: parts for name, parts in entry.tables.items() if name in SETTLED})


def _levels(entry: Day) -> str | None:
    if entry.levels is None and not entry.tables.keys() & CONNECTIVITY.keys():
        return None
    return parts_digest({name: parts for name, parts in entry.tables.items() if name in CONNECTIVITY})


def left_over(storage: Storage, manifest: Manifest) -> Iterator[Problem]:
    """What lies here and does not exist: parts and entries of the log that nobody names, half-written files."""
    named = manifest.paths()
    for path in (*storage.list("landing"), *storage.list("tables")):
        if path not in named:
            yield Problem("part_unnamed", path, "no manifest names it", wrong=False)
    for path in log.beyond(storage, manifest):
        yield Problem("log_unnamed", path, "a run that did not finish wrote it", wrong=False)
    for path in storage.temporary():
        yield Problem("temporary", path, "it is half written", wrong=False)
    for name in storage.strange():
        hint = "Nothing of Clampdown made it; move it elsewhere."
        yield Problem("strange", name, "no store would have put it here", wrong=False, hint=hint)


def chain(storage: Storage, manifest: Manifest) -> Problem | None:
    """The log, every link."""
    try:
        log.entries(storage, manifest)
    except StoreError as fault:
        return Problem("log", fault.where or "log", fault.what, hint=fault.hint)
    return None


def references(storage: Storage, manifest: Manifest) -> Iterator[Problem]:
    """Pinned snapshots: every file goes by its digest, and those that days were judged with are complete."""
    _, needed = listed(storage, manifest)
    held = {path.rpartition("/")[2] for path in storage.list("reference") if path != ORIGINS}
    for digest in sorted(needed | held):
        why = altered(storage, digest)
        if why is not None:
            yield Problem("reference", f"reference/{digest}", why)


def listed(storage: Storage, manifest: Manifest) -> tuple[set[str], set[str]]:
    """Digests of the files that any snapshot names; and of all that days were judged with, snapshots and files."""
    wanted = {made.judged.reference for made in manifest.days.values() if made.judged is not None}
    if manifest.reference is not None:
        wanted.add(manifest.reference)
    files: set[str] = set()
    needed = set(wanted)
    for path in storage.list("reference"):
        named = set((_listed(storage.read(path)) or {}).values())
        files |= named
        if path.rpartition("/")[2] in wanted:
            needed |= named
    return files, needed


def altered(storage: Storage, digest: str) -> str | None:
    """Why a file of references is not what it goes by; None where it is."""
    try:
        data = storage.read(f"reference/{digest}")
    except FileNotFoundError:
        return "it is missing, and days were judged with it"
    if hashlib.sha256(data).hexdigest() == digest:
        return None
    files = _listed(data)
    if files is None:
        return "its content is not the one that it is named by"
    try:
        held = {name: storage.read(f"reference/{each}") for name, each in files.items()}
    except (FileNotFoundError, StoreError):
        return "files of this snapshot are missing"
    return None if digest_of(held) == digest else "it, or a file of this snapshot, is not the one that was pinned"


def _listed(data: bytes) -> Mapping[str, str] | None:
    try:
        return msgspec.json.decode(data, type=dict[str, dict[str, str]])["files"]
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, json.JSONDecodeError):
        return None


def mark(storage: Storage) -> Problem | None:
    """Does the store say its format?"""
    try:
        manifests.format_of(storage)
    except FileNotFoundError:
        return Problem("mark", manifests.MARK, "it is missing")
    except StoreError as fault:
        return Problem("mark", manifests.MARK, fault.what)
    return None


def torn(storage: Storage) -> tuple[list[int], Manifest | None]:
    """Manifests, newest first, that are no JSON, and the newest one before them that can be read. A manifest that is
    JSON and nothing that we know was made by a newer Clampdown, and is left alone."""
    bad: list[int] = []
    for number in reversed(manifests.numbers(storage)):
        try:
            data = storage.read(f"manifest/{number}.json")
        except FileNotFoundError:
            continue  # a newer one followed it meanwhile
        try:
            json.loads(data)
        except (ValueError, UnicodeDecodeError):
            bad.append(number)
            continue
        try:
            found = msgspec.json.decode(data, type=Manifest)
        except msgspec.MsgspecError as fault:
            raise _unknown(number) from fault
        if found.format != manifests.FORMAT:
            raise _unknown(number)
        if found.number != number:
            bad.append(number)
            continue
        return bad, found
    return bad, None


def _unknown(number: int) -> StoreError:
    hint = "Use the newer Clampdown that made it; nothing was changed."
    return StoreError(f"manifest {number} is of a kind that this Clampdown does not know", hint=hint)
