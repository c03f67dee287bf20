"""Law: what is wrong is named with what to do, what can be made anew is, and what was mended was looked at again.

`check` only reads. `mend` changes what it must and checks once more: a problem is mended if the second look does not
find it, and nothing was lost on the way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clampdown.errors import StoreError
from clampdown.fetch.ledger import Got, Ledger
from clampdown.pipeline.inputs import Progress
from clampdown.pipeline.river import Tell, quiet, reference_of
from clampdown.pipeline.status import todo
from clampdown.reference import Reference
from clampdown.store import health
from clampdown.store import manifest as manifests
from clampdown.store.health import Place, Problem
from clampdown.store.manifest import FORMAT, Manifest
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store

_BLOCK: Final = 1 << 20
MEND: Final = "clampdown doctor --store {store} --mend"
# What to do about each kind, where the problem does not say it itself.
HINTS: Final = {
    "mark": f"{MEND} writes it again.",
    "manifest": (
        f"{MEND} goes back to the one before, if all is among the fetched files. Else take it from a copy of the "
        "store, or move the store away and ingest the files again."
    ),
    "part_missing": f"{MEND} makes its day anew from fetched files.",
    "part_damaged": f"{MEND} makes its day anew from fetched files.",
    "day_other": f"{MEND} makes the day anew from fetched files.",
    "part_unnamed": f"The next writing command removes it, and so does {MEND}.",
    "log_unnamed": f"The next writing command removes it, and so does {MEND}.",
    "temporary": f"The next writing command removes it, and so does {MEND}.",
    "reference": f"{MEND} --reference DIR writes it again, where DIR holds the same files.",
    "landing": f"{MEND} settles it, and so does the command that was interrupted.",
    "ledger_torn": f"{MEND} writes the ledger anew without them; what they named is fetched again.",
    "raw_missing": f"{MEND} writes it down; the next clampdown fetch brings what the store does not hold.",
    "raw_damaged": f"{MEND} removes it; the next clampdown fetch brings what the store does not hold.",
    "raw_unnamed": f"{MEND} removes it.",
    "not_in_store": f"{MEND} ingests it.",
    "log": "Take the log from a copy of the store.",
    "busy": "Run it again when that command is done.",
}
# Traces of a command that is still at work.
_PARTS: Final = frozenset({"part_missing", "part_damaged", "day_other"})
_PASSING: Final = frozenset({"part_unnamed", "log_unnamed", "temporary", "landing", "raw_unnamed"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, and what became of it."""

    kind: str
    where: str
    what: str
    wrong: bool  # false: left over, or to be run again; nothing is lost
    mended: bool = False
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What the doctor says. `healthy`: nothing is wrong that was not mended."""

    store: str
    format: int
    manifest: int
    parts: int  # that were looked at
    files: int  # fetched files that were looked at
    bytes: int  # that were read for it
    mended: int
    healthy: bool
    findings: tuple[Finding, ...]


@dataclass
class Check:
    """What one look found, with what `mend` needs to know of it."""

    manifest: Manifest | None
    problems: list[Problem]
    parts: list[tuple[Place, Problem]]
    days: set[str]  # whose parts are not those they were settled as
    bad_manifests: list[int]
    bad_got: list[tuple[Got, Problem]]
    unnamed: list[Path]
    absent: list[Got]  # that were read, lie here, and are not in the store
    busy: bool
    counted: int = 0
    files: int = 0


def doctor(
    store: Store, ledger: Ledger | None = None, *, reference: Reference | None = None, progress: Tell = quiet
) -> Health:
    """Check everything; nothing is written."""
    return told(store, check(store, ledger, reference=reference, progress=progress))


def check(
    store: Store,
    ledger: Ledger | None,
    *,
    reference: Reference | None = None,
    progress: Tell = quiet,
    raw_held: bool = False,
) -> Check:
    """One look at everything. Where a writer was at work meanwhile it is taken again. `raw_held`: the caller itself
    holds the lock of the fetched files."""
    found = _check(store, ledger, reference, progress, raw_held)
    for _attempt in range(2):
        number = found.manifest.number if found.manifest is not None else None
        newest = manifests.numbers(store.storage)
        if not found.problems or number is None or not newest or newest[-1] == number:
            return found
        found = _check(store, ledger, reference, progress, raw_held)
    return found


def _check(store: Store, ledger: Ledger | None, reference: Reference | None, progress: Tell, raw_held: bool) -> Check:
    storage = store.storage
    numbers = manifests.numbers(storage)
    mark = health.mark(storage)
    if mark is not None and not numbers and not storage.list("tables"):
        raise StoreError("this is no store", where=store.name, hint="clampdown ingest FILES --store DIR makes one.")
    if mark is None:
        manifests.check_format(storage)
    bad, manifest = health.torn(storage)
    busy = storage.busy()
    found = Check(manifest, [], [], set(), bad, [], [], [], busy)
    found.problems += [mark] if mark is not None else []
    found.problems += [Problem("manifest", f"manifest/{number}.json", "it cannot be read") for number in bad]
    if not numbers and storage.list("tables"):
        found.bad_manifests.append(0)
        found.problems.append(Problem("manifest", "manifest", "there is none, and there are tables"))
    count = _counter(found, progress)
    if not found.bad_manifests:
        _store(store, found, manifest or Manifest(), reference, count)
    if ledger is not None:
        _ledger(ledger, found, manifest or Manifest(), count)
    if busy or (ledger is not None and not raw_held and LocalStorage(ledger.root).busy()):
        found.problems = [one for one in found.problems if one.kind not in _PASSING]
    if busy:
        found.problems.append(Problem("busy", store.name, "another command is writing to it", wrong=False))
    return found


def _counter(found: Check, progress: Tell) -> Callable[[int], None]:
    def count(size: int) -> None:
        found.counted += size
        progress(Progress(stage="check", read=size))

    return count


def _store(
    store: Store, found: Check, manifest: Manifest, reference: Reference | None, count: Callable[[int], None]
) -> None:
    storage = store.storage
    found.parts = health.damaged(storage, manifest, count)
    found.problems += [problem for _, problem in found.parts]
    for day, problem in health.misnamed(manifest):
        found.days.add(day)
        found.problems.append(problem)
    found.problems += health.left_over(storage, manifest)
    found.problems += [Problem("landing", day, "it has landed and is not settled", False) for day in manifest.landing]
    broken = health.chain(storage, manifest)
    found.problems += [broken] if broken is not None else []
    references = list(health.references(storage, manifest))
    found.problems += references
    if not references:
        for one in todo(store, manifest, reference_of(store, reference)):
            if one.why != "settle":
                what = f"{len(one.days):,} days" if one.days else "findings, events and outages"
                found.problems.append(Problem("stale", one.why, f"{what} are to be made again", False, one.command))


def _ledger(ledger: Ledger, found: Check, manifest: Manifest, count: Callable[[int], None]) -> None:
    if ledger.torn:
        what = f"{ledger.torn:,} lines cannot be read"
        found.problems.append(Problem("ledger_torn", str(ledger.path), what))
    whole: dict[str, Problem | None] = {}
    for got in ledger.every():
        if got.digest is None or not got.kept:
            continue
        if got.digest not in whole:
            whole[got.digest] = _file(ledger, got, count)
            found.files += 1
        problem = whole[got.digest]
        if problem is not None:
            found.bad_got.append((got, problem))
            found.problems.append(problem)
        elif got.input in manifest.gone:
            day = max((one.before for one in manifest.forgot), default="DAY")
            hint = f"clampdown forget --before {day} removes it, with the same --store and --raw."
            what = "its days were forgotten, and the fetched file lies here"
            found.problems.append(Problem("forgotten", got.key, what, wrong=False, hint=hint))
        elif got.input is not None and got.input not in manifest.inputs and not found.bad_manifests:
            found.absent.append(got)
            found.problems.append(Problem("not_in_store", got.key, "it was read, and the store does not hold it"))
    for path in _files(ledger.root):
        if path.name not in whole:
            found.unnamed.append(path)
            found.problems.append(Problem("raw_unnamed", path.name, "the ledger does not name it", wrong=False))
    for left in LocalStorage(ledger.root).temporary():
        found.problems.append(Problem("temporary", f"{ledger.root.name}/{left}", "it is half written", wrong=False))


def _file(ledger: Ledger, got: Got, count: Callable[[int], None]) -> Problem | None:
    """Is a fetched file what the ledger says?"""
    digest = got.digest or ""
    total = hashlib.sha256()
    size = 0
    try:
        with ledger.file(digest).open("rb") as file:
            while block := file.read(_BLOCK):
                total.update(block)
                size += len(block)
                count(len(block))
    except FileNotFoundError:
        return Problem("raw_missing", got.key, "the fetched file is not there")
    except OSError as fault:
        return Problem("raw_damaged", got.key, f"the fetched file cannot be read: {fault.strerror}")
    if size != got.size:
        return Problem("raw_damaged", got.key, f"the fetched file has {size:,} bytes; {got.size:,} came")
    if total.hexdigest() != digest:
        return Problem("raw_damaged", got.key, "the fetched file has another content than what came")
    return None


def _files(root: Path) -> Iterator[Path]:
    """What lies where fetched files lie: two hex digits, then all 64."""
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and len(folder.name) == 2:
            names = (path for path in folder.iterdir() if len(path.name) == 64 and path.name[:2] == folder.name)
            yield from sorted(names)


def told(store: Store, before: Check, after: Check | None = None, lost: list[Problem] | None = None) -> Health:
    """The findings of one look; or, after mending, those of the first with what became of them, and what is new."""
    left = {(one.kind, one.where) for one in after.problems} if after is not None else set[tuple[str, str]]()
    named = after.manifest.paths() if after is not None and after.manifest is not None else set[str]()

    def mended(one: Problem) -> bool:
        """Is it found no more? A part that came back is named again; else it is mended only if nothing was lost."""
        gone = after is not None and (one.kind, one.where) not in left
        return gone and (one.kind not in _PARTS or not lost or one.where in named)

    first = [_finding(store, one, mended(one)) for one in before.problems]
    known = {(one.kind, one.where) for one in before.problems}
    new = [one for one in after.problems if (one.kind, one.where) not in known] if after is not None else []
    first += [_finding(store, one, mended=False) for one in (*new, *(lost or ()))]
    seen = after or before
    return Health(
        store=store.name,
        format=FORMAT,
        manifest=seen.manifest.number if seen.manifest is not None else 0,
        parts=sum(1 for _ in health.places(seen.manifest or Manifest())),
        files=seen.files,
        bytes=before.counted + (after.counted if after is not None else 0),
        mended=sum(one.mended for one in first),
        healthy=not any(one.wrong and not one.mended for one in first),
        findings=tuple(first),
    )


def _finding(store: Store, one: Problem, mended: bool) -> Finding:
    hint = one.hint or HINTS.get(one.kind, "").format(store=store.name) or None
    return Finding(one.kind, one.where, one.what, one.wrong, mended, None if mended else hint)
