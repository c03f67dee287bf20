"""Law: what `detect` made is read as it was made; nothing is counted again, and nobody is exposed on the way out.

`since` and `until` choose what overlaps the period: a finding that lasts, or whose beginning lies before the data, is
open on that side. `grade` is the least one that is asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.detect.changes import Entry
from clampdown.errors import InputError, UsageError
from clampdown.model import DIRECTIONS, GRADES, STATES, Terms
from clampdown.pipeline.answers import Moment, known_target
from clampdown.pipeline.references import made_with
from clampdown.publish.findings import guarded
from clampdown.reference import Reference
from clampdown.store.store import Filter, Store, country_code, moment, network_number

FOUND: Final = (*STATES[:5], "conflicting", "insufficient")
_NEEDED: Final = ("country", "network", "target", "state", "vantage_high")


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of one table as they may go out, and what must be told beside them."""

    name: str
    rows: pa.Table
    terms: tuple[Terms, ...]
    as_of: str | None
    stale: bool  # days have changed since
    labels: Mapping[str, str]  # target -> what people call it, where the reference says so


@dataclass(frozen=True, slots=True)
class Watched:
    """What runs of `detect` said after one of them."""

    since: int
    run: int  # the newest
    entries: tuple[Entry, ...]  # those after `since`
    known: tuple[Entry, ...]  # the whole log
    country: str | None
    terms: tuple[Terms, ...]
    as_of: str | None
    stale: bool
    labels: Mapping[str, str]


def told(
    store: Store,
    name: str,
    *,
    country: str | None = None,
    target: str | None = None,
    group: str | None = None,
    network: int | str | None = None,
    since: Moment = None,
    until: Moment = None,
    grade: str | None = None,
    state: str | None = None,
    direction: str | None = None,
    reference: Reference | None = None,
) -> Told:
    """Findings, events, event_members or notes that fit what is asked for."""
    made = store.detection()
    code = None if country is None else country_code(country)
    number = None if network is None else network_number(network)
    begin, end = moment(since), moment(until)
    if begin and end and begin >= end:
        raise UsageError("the period is empty", hint="--since must lie before --until; --until itself is not included.")
    for what, asked, of in (("grade", grade, GRADES), ("state", state, FOUND), ("direction", direction, DIRECTIONS)):
        if asked is not None and asked not in of:
            raise UsageError(f"there is no {what} {asked!r}", hint=f"Say {', '.join(of)}.")
    used = made_with(store, reference)
    where = Filter(countries=frozenset({code} if code else ()))
    targets = _targets(store, used, where, target, group)
    rows = _rows(store, name, where, number, targets)
    if begin or end:
        rows = _period(rows, _span(name, rows), begin, end)
    if grade is not None and "grade" in rows.column_names:
        rows = rows.filter(pc.is_in(rows["grade"], pa.array(GRADES[GRADES.index(grade) :])))
    for column, asked in (("state", state), ("direction", direction)):
        if asked is not None and column in rows.column_names:
            rows = rows.filter(pc.equal(rows[column], asked))
    if not rows.num_rows:
        _known(store, used, code, number, target)
    findings = store.detected("findings", where, _NEEDED)
    terms = tuple(t for t in used.terms if t.source in made.sources)
    labels = _labels(used, rows["targets" if name == "events" else "target"].to_pylist())
    return Told(name, guarded(name, rows, findings), terms, made.as_of, store.stale_detection(), labels)


def _labels(used: Reference, named: Iterable[str | None]) -> dict[str, str]:
    """What people call the targets of these lists; a site is called by its name."""
    every = {target for text in named for target in (text or "").split()}
    known = used.targets.platforms
    return {target: used.targets.display(target) for target in every if target.partition("/")[0] in known}


def watch(
    store: Store,
    since: int | str | datetime | None = None,
    *,
    country: str | None = None,
    reference: Reference | None = None,
) -> Watched:
    """What is new, ended, revised since a run (its number), since a time, or with the `last` run."""
    made = store.detection()
    code = None if country is None else country_code(country)
    log, used = store.log(), made_with(store, reference)
    number = _since(since, log, store)
    entries = tuple(entry if code is None else _only(entry, code) for entry in log)
    return Watched(
        since=number, run=made.run, entries=tuple(e for e in entries if e.number > number), known=entries,
        country=code, terms=tuple(t for t in used.terms if t.source in made.sources),
        as_of=made.as_of, stale=store.stale_detection(), labels=_labels(used, _targets_said(entries)),
    )  # fmt: skip


def _targets_said(entries: Iterable[Entry]) -> Iterator[str | None]:
    for entry in entries:
        yield from (str(one.row.get("targets") or "") for one in entry.changes.events)
        yield from (one.target for one in entry.changes.findings)


def _since(since: int | str | datetime | None, log: list[Entry], store: Store) -> int:
    newest = log[-1].number if log else 0
    if since is None:
        return 0
    if since == "last":
        return max(0, newest - 1)
    if isinstance(since, int) or (isinstance(since, str) and since.isascii() and since.isdecimal()):
        number = int(since)
        if not 0 <= number <= newest:
            hint = (
                f"Its newest run is {newest}. Was it made anew? Then say --since 0, and keep the number that is said."
            )
            raise InputError(f"the store's log knows no run {number}", where=store.name, hint=hint)
        return number
    try:
        at = moment(since)
    except UsageError as fault:
        hint = "Write the number of a run, last, or a time: 2024-03-01T12:00:00Z."
        raise UsageError(f"{since!r} is neither a run nor a time", hint=hint) from fault
    return max((e.number for e in log if at and datetime.fromisoformat(e.when).replace(tzinfo=None) <= at), default=0)


def _only(entry: Entry, code: str) -> Entry:
    """What of an entry is about one country."""
    found = msgspec.structs.replace(
        entry.changes,
        events=tuple(one for one in entry.changes.events if one.row.get("country") == code),
        findings=tuple(one for one in entry.changes.findings if one.country == code),
    )
    return msgspec.structs.replace(entry, changes=found)


def _targets(
    store: Store, used: Reference, where: Filter, target: str | None, group: str | None
) -> frozenset[str] | None:
    """The targets that a name or a group stands for; None: all of them."""
    made: frozenset[str] | None = None
    if target is not None:
        platform = used.targets.platforms.get(target)
        made = frozenset({target} if platform is None else {f"{platform.id}/{role}" for role in platform.roles})
    if group is not None:
        groups = used.targets.groups()
        if group not in groups:
            near = difflib.get_close_matches(group.lower(), groups, 1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no group {group!r}", hint=f"{hint}Groups: {', '.join(groups)}")
        seen = pc.unique(store.detected("findings", where, ["target"])["target"]).to_pylist()
        members = frozenset(one for one in seen if group in used.targets.groups_of(one))
        made = members if made is None else made & members
    return made


def _rows(store: Store, name: str, where: Filter, number: int | None, targets: frozenset[str] | None) -> pa.Table:
    """Rows of these countries, networks and targets. A country's own findings have no network."""
    if name != "events":
        asked = replace(
            where, networks=frozenset({number} if number is not None else ()), targets=targets or frozenset()
        )
        rows = store.detected(name, asked)
        return rows.slice(0, 0) if targets is not None and not targets else rows
    rows = store.detected(name, where)
    if number is not None:
        rows = rows.filter(_lists(rows["networks"], {str(number)}))
    return rows if targets is None else rows.filter(_lists(rows["targets"], targets))


def _lists(column: Any, wanted: set[str] | frozenset[str]) -> pa.Array:
    """Which of these space-separated lists name one of the wanted."""
    return pa.array([not wanted.isdisjoint(text.split()) for text in column.to_pylist()], pa.bool_())


Span = Iterable[tuple[datetime | None, datetime | None]]


def _span(name: str, rows: pa.Table) -> Span:
    """From when to when each row holds; None is open."""
    if name == "notes":
        return [
            (_midnight(first), _midnight(last)) for first, last in zip(*_lists_of(rows, "first", "last"), strict=True)
        ]
    if name == "event_members":
        return [(a or b, b or a) for a, b in zip(*_lists_of(rows, "after", "before"), strict=True)]
    if name == "findings":
        columns = _lists_of(rows, "onset_after", "onset_before", "end_after", "end_before")
        return [(a, d or c) for a, _, c, d in zip(*columns, strict=True)]
    columns = _lists_of(rows, "event", "onset_after", "onset_before", "spread", "lasts", "counterpart")
    table = list(zip(*columns, strict=True))
    begun = {event: before or after for event, after, before, *_ in table}
    made: list[tuple[datetime | None, datetime | None]] = []
    for _, after, before, spread, lasts, counterpart in table:
        until = spread or before or after
        made.append(
            (after or before, None if lasts else max(filter(None, (begun.get(counterpart), until)), default=None))
        )
    return made


def _lists_of(rows: pa.Table, *names: str) -> list[list[Any]]:
    return [rows[name].to_pylist() for name in names]


def _midnight(day: str | None) -> datetime | None:
    try:
        return None if day is None else datetime.fromisoformat(day)
    except ValueError:
        return None


def _period(rows: pa.Table, span: Span, begin: datetime | None, end: datetime | None) -> pa.Table:
    kept = [
        (end is None or first is None or first < end) and (begin is None or last is None or last >= begin)
        for first, last in span
    ]
    return rows.filter(pa.array(kept, pa.bool_()))


def _known(store: Store, used: Reference, code: str | None, number: int | None, target: str | None) -> None:
    """Nothing was found: is it that a name is not known?"""
    held = store.detected("findings", columns=["country", "network", "target"])
    countries = sorted(pc.unique(held["country"]).to_pylist())
    if code is not None and countries and code not in countries:
        hint = f"It has findings on {', '.join(countries)}."
        raise InputError(f"the store has no finding on {code}", where=store.name, hint=hint)
    rows = held if code is None else held.filter(pc.equal(held["country"], code))
    if number is not None and held.num_rows and number not in set(rows["network"].to_pylist()):
        place = f" in {code}" if code else ""
        hint = "Leave out --network to see which networks there are."
        raise InputError(f"the store has no finding on AS{number}{place}", where=store.name, hint=hint)
    if target is not None:
        known_target(target, used, set(held["target"].to_pylist()))
