"""Law: what is wrong is named with what to do, what can be made anew is, and what was mended was looked at again.

`check` only reads. `mend` changes what it must and checks once more: a problem is mended if the second look does not
find it, and nothing was lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import damage, fetched, whose
from clampdown.pipeline.damage import Plan
from clampdown.pipeline.fetched import Raw
from clampdown.pipeline.inputs import Input, Progress
from clampdown.pipeline.river import Tell, quiet, reference_of
from clampdown.pipeline.status import todo
from clampdown.reference import Reference
from clampdown.store import health
from clampdown.store import manifest as manifests
from clampdown.store.health import Place, Problem
from clampdown.store.manifest import FORMAT, Lost, Manifest
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store

MEND: Final = "clampdown doctor --store {store} --mend"
# What to do about each kind, where the problem does not say it itself.
HINTS: Final = {
    "mark": f"{MEND} writes it again.",
    "manifest": (
        f"{MEND} goes back to the one before, if all is among the fetched files and nothing of the log is given up. "
        "Else take it from a copy of the store, or move the store away and ingest the files again."
    ),
    "part_missing": f"{MEND} makes it anew.",
    "part_damaged": f"{MEND} makes it anew.",
    "day_other": f"{MEND} makes the day anew.",
    "input_lost": (
        f"If you have it: {MEND} FILE, or clampdown ingest FILE --store {{store}}. What was fetched, the next "
        "clampdown fetch of its period brings. Else the days keep what other files brought of them."
    ),
    "unreadable": (
        "Nothing is mended until it can be read, lest something whole is let go. Check who owns it, and the disk; what "
        "is lost for good, remove yourself, then run the same command."
    ),
    "part_unnamed": f"The next writing command removes it, and so does {MEND}.",
    "log_unnamed": f"The next writing command removes it, and so does {MEND}.",
    "temporary": f"The next writing command removes it, and so does {MEND}.",
    "reference": f"{MEND} --reference DIR writes it again, where DIR holds the same files.",
    "landing": f"{MEND} settles it, and so does the command that was interrupted.",
    "ledger_torn": f"{MEND} writes the ledger anew without them; what they named is fetched again.",
    "raw_missing": f"{MEND} writes it down; the next clampdown fetch brings what the store does not hold.",
    "raw_damaged": f"{MEND} removes it; the next clampdown fetch brings what the store does not hold.",
    "raw_unnamed": f"{MEND} removes it.",
    "raw_unlisted": "It stays. A fetch of its period names it again; else ingest it, or remove it yourself.",
    "raw_gone": "The next clampdown fetch of its period brings it, from where it came from.",
    "ledger_gone": (
        "Take ledger.jsonl from a copy. Without one the next clampdown fetch begins another, and brings again what it "
        "must; no fetched file is removed."
    ),
    "not_in_store": f"{MEND} ingests it.",
    "log": "Take the log from a copy of the store.",
    "busy": "Run it again when that command is done.",
}
# Traces of a command that is still at work.
_PARTS: Final = frozenset({"part_missing", "part_damaged", "day_other"})
_PASSING: Final = frozenset({"part_unnamed", "log_unnamed", "temporary", "landing", "raw_unnamed", "raw_unlisted"})
_DAYS: Final = 6  # that one problem names
_STAYS: Final = "It cannot be made anew: files that it came from are not here, and are named as input_needed."


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
    busy: bool
    raw: Raw = field(default_factory=Raw)
    again: dict[str, Input] = field(default_factory=dict[str, Input])  # key -> what can be read again
    plan: Plan = field(default_factory=Plan)
    counted: int = 0

    @property
    def readable(self) -> bool:
        """Could everything be looked at?"""
        return all(one.kind != "unreadable" for one in self.problems)


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
    given: Mapping[str, Input] | None = None,
) -> Check:
    """One look at everything. Where a writer was at work meanwhile it is taken again. `raw_held`: the caller itself
    holds the lock of the fetched files; `given` are files beside these that may be read again, by key."""
    found = _check(store, ledger, reference, progress, raw_held, given or {})
    for _attempt in range(2):
        number = found.manifest.number if found.manifest is not None else None
        newest = manifests.numbers(store.storage)
        if not found.problems or number is None or not newest or newest[-1] == number:
            return found
        found = _check(store, ledger, reference, progress, raw_held, given or {})
    return found


def _check(
    store: Store, ledger: Ledger | None, reference: Reference | None, progress: Tell, raw_held: bool,
    given: Mapping[str, Input],
) -> Check:  # fmt: skip
    storage = store.storage
    numbers = manifests.numbers(storage)
    mark = health.mark(storage)
    left = None if numbers else manifests.traces(storage)
    if mark is not None and not numbers and left is None:
        raise StoreError("this is no store", where=store.name, hint="clampdown ingest FILES --store DIR makes one.")
    if mark is None:
        manifests.check_format(storage)
    bad, manifest = health.torn(storage)
    busy = storage.busy()
    found = Check(manifest, [], [], set(), bad, busy)
    found.problems += [mark] if mark is not None else []
    found.problems += [Problem("manifest", f"manifest/{number}.json", "it cannot be read") for number in bad]
    if left is not None:
        found.bad_manifests.append(0)
        found.problems.append(Problem("manifest", "manifest", f"there is none, and there are {left}"))
    count = _counter(found, progress)
    if not found.bad_manifests:
        _store(store, found, manifest or Manifest(), reference, count)
    if ledger is not None:
        found.raw = fetched.look(ledger, None if found.bad_manifests else manifest or Manifest(), count)
        found.problems += found.raw.problems
    if not found.bad_manifests:
        _ways(store, found, manifest or Manifest(), given)
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
    found.parts = [(place, problem) for place, problem in found.parts if problem.kind != "unreadable"]
    for day, problem in health.misnamed(manifest):
        found.days.add(day)
        found.problems.append(problem)
    _each(found, lambda: health.left_over(storage, manifest))
    found.problems += [Problem("landing", day, "it has landed and is not settled", False) for day in manifest.landing]
    _each(found, lambda: [one] if (one := health.chain(storage, manifest)) is not None else [])
    if not _each(found, lambda: health.references(storage, manifest)):
        for one in todo(store, manifest, reference_of(store, reference)):
            if one.why != "settle":
                what = f"{len(one.days):,} days" if one.days else "findings, events and outages"
                found.problems.append(Problem("stale", one.why, f"{what} are to be made again", False, one.command))


def _each(found: Check, made: Callable[[], Iterable[Problem]]) -> bool:
    """Add what a look finds; what cannot be read is one of them, and the next look goes on. Was there anything?"""
    before = len(found.problems)
    try:
        for one in made():
            found.problems.append(one)
    except EnvironmentFault as fault:
        found.problems.append(health.unreadable(fault.where or "", fault))
    return len(found.problems) > before


def _ways(store: Store, found: Check, manifest: Manifest, given: Mapping[str, Input]) -> None:
    """What can be made anew, and what for want of which file cannot; inputs that an earlier mending let go."""
    known = manifest.inputs.keys() | manifest.lost.keys()
    found.again = found.raw.again | {key: one for key, one in whose.placed(given, manifest).items() if key in known}
    for one in manifest.lost.values():
        found.problems.append(Problem("input_lost", one.name, f"what it brought of {_days(one)} is gone", False))
    if not found.readable:
        return
    found.plan = damage.plan(store.storage, manifest, (place for place, _ in found.parts), found.days, found.again)
    left = {problem.where for place, problem in found.parts if place.day in found.plan.left} | found.plan.left
    for number, problem in enumerate(found.problems):
        if problem.kind in _PARTS and problem.where in left:
            found.problems[number] = replace(problem, hint=_STAYS)
    for one in found.plan.needed.values():
        mend = MEND.format(store=store.name)
        hint = f"If you have it: {mend} FILE. Without it, {mend} --drop removes what is damaged of these days, and all "
        hint += "that it brought of them; what was fetched can then be fetched again."
        what = f"what it brought of {_days(one)} is damaged, and it is not among the fetched files"
        found.problems.append(Problem("input_needed", one.name, what, hint=hint))


def _days(one: Lost) -> str:
    more = len(one.days) - _DAYS
    return ", ".join(one.days[:_DAYS]) + (f" and {more:,} more days" if more > 0 else "")


def told(store: Store, before: Check, after: Check | None = None, lost: list[Problem] | None = None) -> Health:
    """The findings of one look; or, after mending, those of the first with what became of them, and what is new."""
    left = {(one.kind, one.where) for one in after.problems} if after is not None else set[tuple[str, str]]()
    named = after.manifest.paths() if after is not None and after.manifest is not None else set[str]()

    def mended(one: Problem) -> bool:
        """Is it found no more? A part that came back is named again; else it is mended only if nothing was lost."""
        gone = after is not None and (one.kind, one.where) not in left
        return gone and (one.kind not in _PARTS or not lost or one.where in named)

    # What was needed is said by what became of it: lost, or mended.
    first = [
        _finding(store, one, mended(one)) for one in before.problems if one.kind != "input_needed" or not mended(one)
    ]
    known = {(one.kind, one.where) for one in (*before.problems, *(lost or ()))}
    new = [one for one in after.problems if (one.kind, one.where) not in known] if after is not None else []
    first += [_finding(store, one, mended=False) for one in (*new, *(lost or ()))]
    seen = after or before
    return Health(
        store=store.name,
        format=FORMAT,
        manifest=seen.manifest.number if seen.manifest is not None else 0,
        parts=sum(1 for _ in health.places(seen.manifest or Manifest())),
        files=seen.raw.files,
        bytes=before.counted + (after.counted if after is not None else 0),
        mended=sum(one.mended for one in first),
        healthy=not any(one.wrong and not one.mended for one in first),
        findings=tuple(first),
    )


def _finding(store: Store, one: Problem, mended: bool) -> Finding:
    hint = one.hint or HINTS.get(one.kind, "").format(store=store.name) or None
    return Finding(one.kind, one.where, one.what, one.wrong, mended, None if mended else hint)
