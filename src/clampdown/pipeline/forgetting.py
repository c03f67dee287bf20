"""Law: what is forgotten goes in one commit, and what stays is said with its reason; killed anywhere, it is done again.

An input is forgotten where the days that go name its file and no day that stays does. Where no table names it (all its
records were copies, or it had none), the dates in its key decide: all of them before the day. A file that neither tells
stays. Fetched files go first, then the ledger's lines, then the days: until that last commit the same command finds
everything it found before, and does the rest.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.errors import StoreError, UsageError
from clampdown.fetch.ledger import Forgot, Got, Ledger, Line, RawLock, Request
from clampdown.fetch.wanted import Wanted
from clampdown.model import TABLES, UNKNOWN_DAY
from clampdown.pipeline.river import writing
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Manifest, Part
from clampdown.store.settle import LANDING
from clampdown.store.storage import LocalStorage, Storage, nothing
from clampdown.store.store import Store, moment
from clampdown.store.tables import iterate

# Rejects name files too; they stay as a list of places, and keep no file.
_NAMING: Final = ("measurements", "conflicts", "series", "context")
_DATE: Final = re.compile(r"(?<!\d)(20\d\d)(-?)([01]\d)\2([0-3]\d)(?:\d\d){0,3}(?!\d)")
_SECONDS: Final = re.compile(r"(?<!\d)(1[3-9]\d{8})(?!\d)")  # a moment in 2011 to 2033, as some services write it
_ODD: Final = re.compile(r"!|:\d+\Z")  # names whose locators could be taken apart in two ways


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went, or (`done` false) what would go."""

    before: str
    done: bool
    raw_only: bool
    days: tuple[str, ...]
    table_bytes: int
    inputs: int  # that the store no longer knows: they can be ingested again
    inputs_both: int  # that stay: they also hold later days
    inputs_untold: int  # that stay: nothing tells which days they hold
    inputs_unnamed: int  # of those that went, how many no ledger names that was looked into
    files: int  # fetched files that went
    file_bytes: int
    files_kept: dict[str, int]  # why -> fetched files that stay: both | untold | unread (--raw-only) | shared
    undated: bool  # the store holds records without a usable time; they stay
    stale: bool  # findings, events and outages are of other days than the store holds now


@dataclass(frozen=True)
class _Plan:
    days: frozenset[str]
    inputs: frozenset[str]  # keys
    both: frozenset[str]
    got: tuple[Got, ...]  # lines that go (or whose files go)
    kept: Mapping[str, int]


def forget(
    store: Store,
    before: object,
    *,
    ledger: Ledger | None = None,
    raw_only: bool = False,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Forgotten:
    """Remove the days before one day. `now` is the time that the ledger gives it."""
    day = _day(before)
    if ledger is not None and ledger.torn and not dry_run:
        hint = f"Run this first: clampdown doctor --store {store.name} --mend"
        raise StoreError(f"{ledger.torn:,} lines of the ledger cannot be read", where=str(ledger.path), hint=hint)
    if dry_run:
        manifest = store.manifest()
        return _told(manifest, ledger, _plan(store, manifest, ledger, day, raw_only=raw_only), day, raw_only=raw_only)
    with ExitStack() as stack:
        if ledger is not None:
            stack.callback(RawLock(ledger.root).release)
        manifest = stack.enter_context(writing(store))
        plan = _plan(store, manifest, ledger, day, raw_only=raw_only)
        told = _told(manifest, ledger, plan, day, raw_only=raw_only)
        at = _at(now or datetime.now(UTC))
        if ledger is not None:
            _files(store.storage, ledger, plan.got)
            _lines(ledger, plan, day, at, raw_only=raw_only)
        _commit(store.storage, manifest, plan, day, at, raw_only=raw_only)
    return replace(told, done=True)


def recall(store: Store, ledger: Ledger, wanted: Iterable[Wanted], since: datetime) -> None:
    """What is asked for from days that were forgotten is read again, where its files also held days that stayed: the
    store no longer knows them as read. Its other days keep what they have."""
    day = since.date().isoformat()
    known = {key for key, one in store.manifest().inputs.items() if one.cut is not None and one.cut > day}
    cut: list[Got] = []
    waiting = deque(wanted if known else ())
    while waiting:
        one = waiting.popleft()
        got = ledger.got.get((one.service, one.key))
        if got is None or got.input not in known:
            continue
        cut.append(got)
        if one.follow is not None and got.digest is not None and ledger.file(got.digest).exists():
            waiting.extend(one.follow(ledger.file(got.digest)))
    if not cut:
        return
    keys = {got.input for got in cut}
    with writing(store) as manifest:
        inputs = {key: one for key, one in manifest.inputs.items() if key not in keys}
        manifests.commit(store.storage, msgspec.structs.replace(manifest, inputs=inputs))
    ledger.add(*(msgspec.structs.replace(got, input=None) for got in cut))


def stay_forgotten(store: Store, before: Manifest) -> None:
    """After files were read again that also held forgotten days: days that only they brought back go once more."""
    with writing(store) as manifest:
        cut = {key: day for key, one in before.inputs.items() if (day := one.cut) is not None}
        again = {key: day for key, day in cut.items() if key in manifest.inputs and manifest.inputs[key].cut is None}
        if not again:
            return
        names = {manifest.inputs[key].name for key in again}
        new = manifest.days.keys() - before.days.keys() - before.landing.keys() - {UNKNOWN_DAY}
        old = (day for day in new if day < max(again.values()))
        away = {day for day in old if _names(store.storage, manifest, [day]) <= names}
        inputs = {
            key: msgspec.structs.replace(one, cut=again[key]) if key in again else one
            for key, one in manifest.inputs.items()
        }
        days = {day: entry for day, entry in manifest.days.items() if day not in away}
        made = manifests.commit(store.storage, msgspec.structs.replace(manifest, days=days, inputs=inputs))
        manifests.collect(store.storage, made)


def _day(before: object) -> str:
    at = moment(before)
    if at is None or at.time() != datetime.min.time():
        hint = "Write the first day that stays, such as 2021-03-01."
        raise UsageError("what is forgotten are whole days", where="--before", hint=hint)
    return at.date().isoformat()


def _plan(store: Store, manifest: Manifest, ledger: Ledger | None, day: str, *, raw_only: bool) -> _Plan:
    gone = {each for each in manifest.days.keys() | manifest.landing.keys() if each != UNKNOWN_DAY and each < day}
    keys = {got.input: got for got in ledger.every() if got.input is not None} if ledger is not None else {}
    named = _names(store.storage, manifest, gone)
    old = {
        one.name for key, one in manifest.inputs.items()
        if one.name not in named and not _ODD.search(one.name) and _before(_dates(keys.get(key), one.name), day)
    }  # fmt: skip
    stay = _names(store.storage, manifest, (manifest.days.keys() | manifest.landing.keys()) - gone, among=named | old)
    leave = (named | old) - stay
    inputs = frozenset(key for key, one in manifest.inputs.items() if one.name in leave)
    both = frozenset(key for key, one in manifest.inputs.items() if one.name in named & stay)
    got, kept = _got(manifest, ledger, inputs, both, day, raw_only=raw_only)
    return _Plan(frozenset(gone), inputs, both, got, kept)


def _dates(got: Got | None, name: str) -> str:
    return name if got is None else f"{got.key} {got.name}"


def _untold(manifest: Manifest, ledger: Ledger | None, plan: _Plan) -> int:
    """Inputs of which nothing was new, that no day that goes names, and whose names say no date."""
    keys = {got.input: got for got in ledger.every() if got.input is not None} if ledger is not None else {}
    silent = {
        key: one for key, one in manifest.inputs.items()
        if key not in plan.both | plan.inputs and not one.measurements + one.levels + one.published
    }  # fmt: skip
    return sum(not _dated(_dates(keys.get(key), one.name)) for key, one in silent.items())


def _dated(text: str) -> bool:
    return bool(_DATE.search(text) or _SECONDS.search(text))


def _before(text: str, day: str) -> bool:
    """Are there dates in it, and all of them before the day?"""
    found = [f"{one[1]}-{one[3]}-{one[4]}" for one in _DATE.finditer(text)]
    found += [datetime.fromtimestamp(int(one[1]), UTC).date().isoformat() for one in _SECONDS.finditer(text)]
    return bool(found) and max(found) < day


def _names(storage: Storage, manifest: Manifest, days: Iterable[str], among: Collection[str] | None = None) -> set[str]:
    """The files that tables of these days name. With `among`, of these alone; it ends when all were found."""
    found: set[str] = set()
    wanted = None if among is None else set(among)
    for day in sorted(days):
        for column in _locators(storage, manifest, day):
            if wanted is not None and wanted <= found:
                return found & wanted
            cut = pc.call_function("replace_substring_regex", [column], pc.ReplaceSubstringOptions("!.*$", ""))
            cut = pc.call_function("replace_substring_regex", [cut], pc.ReplaceSubstringOptions(r":\d+$", ""))
            found.update(pc.call_function("unique", [cut]).to_pylist())
    return found if wanted is None else found & wanted


def _locators(storage: Storage, manifest: Manifest, day: str) -> Iterator[pa.ChunkedArray]:
    entry = manifest.days.get(day)
    groups: list[tuple[Mapping[str, Sequence[Part]], Mapping[str, pa.Schema]]] = []
    if entry is not None:
        groups.append((entry.tables, TABLES))
    groups += [(landed.parts, LANDING) for landed in manifest.landing.get(day, ())]
    for tables, schemas in groups:
        for name in _NAMING:
            if tables.get(name):
                for rows in iterate(storage, name, tables[name], columns=["locator"], schema=schemas[name]):
                    yield rows["locator"]


def _got(
    manifest: Manifest, ledger: Ledger | None, inputs: Collection[str], both: Collection[str], day: str,
    *, raw_only: bool,
) -> tuple[tuple[Got, ...], dict[str, int]]:  # fmt: skip
    """Lines of the ledger that go, and why others stay."""
    gone: list[Got] = []
    kept: dict[str, int] = defaultdict(int)
    for got in ledger.every() if ledger is not None else ():
        if got.input is not None and got.input in manifest.inputs:
            if got.input in inputs:
                gone.append(got)
            elif got.kept and (got.input in both or _before(f"{got.key} {got.name}", day)):
                kept["both"] += 1
            elif got.kept and not _dated(got.key):
                kept["untold"] += 1
        elif got.input in manifest.gone:  # its days were forgotten while nobody named this ledger
            gone.append(got)
        elif _before(f"{got.key} {got.name}", day):  # never read, or a gap that was written down
            if raw_only:
                kept["unread"] += got.digest is not None and got.kept
            else:
                gone.append(got)
    if raw_only:
        gone = [got for got in gone if got.kept and got.digest is not None]
    left = _digests(ledger, gone)
    kept["shared"] = len({got.digest for got in gone if got.kept and got.digest in left})
    return tuple(gone), {why: count for why, count in sorted(kept.items()) if count}


def _digests(ledger: Ledger | None, without: Iterable[Got]) -> set[str | None]:
    """Files that lines other than these name."""
    if ledger is None:
        return set()
    away = {got.which for got in without}
    return {got.digest for got in ledger.every() if got.which not in away and got.kept}


def _going(ledger: Ledger | None, gone: Sequence[Got]) -> dict[str, int]:
    """Digest -> size of the files that go: of bytes that two keys share only with the last of them."""
    left = _digests(ledger, gone)
    return {got.digest: got.size for got in gone if got.kept and got.digest is not None and got.digest not in left}


def _files(storage: Storage, ledger: Ledger, gone: Sequence[Got]) -> None:
    folder = LocalStorage(ledger.root, getattr(storage, "step", nothing))
    for digest in sorted(_going(ledger, gone)):
        folder.delete(f"{digest[:2]}/{digest}")


def _lines(ledger: Ledger, plan: _Plan, day: str, at: str, *, raw_only: bool) -> None:
    """Write the ledger anew: without the lines (or with their files said to be gone), and what was forgotten."""
    away = {got.which for got in plan.got}
    made: list[Line] = []
    for line in ledger.lines():
        if isinstance(line, Request) and not raw_only:
            made.append(_missed(line, day))
        elif not isinstance(line, Got) or line.which not in away:
            made.append(line)
        elif raw_only:
            made.append(msgspec.structs.replace(line, kept=False))
    if not raw_only:
        made = [line for line in made if not isinstance(line, Forgot) or line.before > day]
        made.append(Forgot(day, at))
    ledger.rewrite(made)


def _missed(line: Request, day: str) -> Request:
    """A question without the files of forgotten days that it could not have."""
    failed = tuple(key for key in line.failed if not _before(key, day))
    return msgspec.structs.replace(line, failed=failed, missing=line.missing - len(line.failed) + len(failed))


def _at(now: datetime) -> str:
    plain = now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="seconds") + "Z"


def _commit(storage: Storage, manifest: Manifest, plan: _Plan, day: str, at: str, *, raw_only: bool) -> None:
    """The days go, and the store remembers it: the ledger may lie elsewhere, and nobody may have named it."""
    told = {got.input for got in plan.got}
    following = msgspec.structs.replace(manifest, gone=tuple(key for key in manifest.gone if key not in told))
    lost = {key: one for key, one in manifest.lost.items() if not one.days or max(one.days) >= day}
    if not raw_only and (plan.days or plan.inputs or lost != manifest.lost):
        following = msgspec.structs.replace(
            following,
            days={day: entry for day, entry in manifest.days.items() if day not in plan.days},
            landing={day: groups for day, groups in manifest.landing.items() if day not in plan.days},
            inputs={
                key: msgspec.structs.replace(one, cut=max(day, one.cut or "")) if key in plan.both else one
                for key, one in manifest.inputs.items()
                if key not in plan.inputs
            },
            forgot=(*(one for one in manifest.forgot if one.before > day), manifests.Forgot(day, at)),
            lost=lost,
            gone=tuple(sorted({*following.gone, *(plan.inputs - told)})),
        )
    if following != manifest:
        manifests.collect(storage, manifests.commit(storage, following))


def _told(manifest: Manifest, ledger: Ledger | None, plan: _Plan, day: str, *, raw_only: bool) -> Forgotten:
    days = () if raw_only else tuple(sorted(plan.days))
    parts: list[Any] = []
    for each in days:
        if each in manifest.days:
            parts += [part for table in manifest.days[each].tables.values() for part in table]
        parts += [p for group in manifest.landing.get(each, ()) for table in group.parts.values() for p in table]
    rest = {each: entry for each, entry in manifest.days.items() if each not in days}
    after = msgspec.structs.replace(manifest, days=rest).inputs_digest()
    files = _going(ledger, plan.got)
    return Forgotten(
        before=day,
        done=False,
        raw_only=raw_only,
        days=days,
        table_bytes=sum(part.size for part in parts),
        inputs=0 if raw_only else len(plan.inputs),
        inputs_both=len(plan.both),
        inputs_untold=_untold(manifest, ledger, plan),
        inputs_unnamed=0 if raw_only else len(plan.inputs - {got.input for got in plan.got}),
        files=len(files),
        file_bytes=sum(files.values()),
        files_kept=dict(plan.kept),
        undated=UNKNOWN_DAY in manifest.days,
        stale=manifest.detected is not None and manifest.detected.inputs != after,
    )
