"""Law: days are read anywhere, in any order, and what detection makes of them is one function of all of them.

Two passes over the judged days: the tries of each, and then, for what was found, the measurements that witness it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown import cluster
from clampdown.detect import COLUMNS, Given, Limits, Names, Wanted, detect_votes, of_day
from clampdown.detect.votes import Day
from clampdown.evidence import digest
from clampdown.model import CONNECTED, COVERAGE, FINDINGS, TABLES, UNKNOWN_DAY
from clampdown.pipeline.inputs import Progress
from clampdown.reference import Reference
from clampdown.store.manifest import Manifest, Part
from clampdown.store.storage import Storage
from clampdown.store.store import Store
from clampdown.store.tables import read

_INLINE: Final = 300_000  # rows of verdicts for which starting processes would take longer than the work
_FIRST: Final = 20  # ids that a finding names; the digest is over all of them
_SEEN: Final = ("measurement", "country", "network", "target", "state", "vantage", "repeat")
_HITS: Final = ("blocked", "throttled")


@dataclass(frozen=True, slots=True)
class Place:
    """A day's parts of one table."""

    day: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """What every process that reads days holds."""

    storage: Storage
    limits: Limits
    spans: Mapping[tuple[str, int, str], Sequence[tuple[str, str, int]]]  # series -> first day, last day, finding


def make(
    store: Store, manifest: Manifest, before: Mapping[str, pa.Table], reference: Reference, limits: Limits,
    *, workers: int, progress: Callable[[Progress], None],
) -> dict[str, pa.Table]:  # fmt: skip
    """The tables of `DETECTED` from the days that `manifest.judged()` names."""
    days = [day for day, _ in manifest.judged() if day != UNKNOWN_DAY]
    places = [Place(day, manifest.days[day].tables.get("verdicts", ())) for day in days]
    rows = sum(part.rows for place in places for part in place.parts)
    crew = 1 if rows < _INLINE else workers or cluster.cores()
    progress(Progress(stage="detect", total_days=2 * len(places)))
    given = Given(
        limits=limits,
        names=Names(_family(reference), reference.targets.groups_of),
        users=reference.users,
        previous=before,
        edits=lambda wanted: _edits(store, manifest, wanted),
    )
    tries = cluster.run(
        _tries, places, setup=Reader, given=(store.storage, limits, {}), workers=min(crew, len(places)), tell=progress
    )
    coverage = (
        read(store.storage, "coverage", manifest.days[day].tables.get("coverage", ()), schema=COVERAGE) for day in days
    )
    made = {name: schema.empty_table() for name, schema in CONNECTED.items()} | detect_votes(tries, coverage, given)
    made["findings"] = _witnessed(store.storage, made["findings"], places, limits, crew, progress)
    return made


def _family(reference: Reference) -> Callable[[str], str]:
    platforms = reference.targets.platforms

    def family(target: str) -> str:
        platform, _, _ = target.partition("/")
        return platform if platform in platforms else target

    return family


def _tries(state: Reader, place: Place, tell: Callable[[Any], None]) -> Day | None:
    table = read(state.storage, "verdicts", place.parts, columns=list(COLUMNS), schema=TABLES["verdicts"])
    tell(Progress(stage="detect", days=1))
    return of_day(table, state.limits.icc) if table.num_rows else None


def _witnessed(
    storage: Storage, findings: pa.Table, places: Sequence[Place], limits: Limits, crew: int,
    progress: Callable[[Progress], None],
) -> pa.Table:  # fmt: skip
    """The findings of interference with the measurements that saw it: how many, their digest, and some of them."""
    spans: dict[tuple[str, int, str], list[tuple[str, str, int]]] = defaultdict(list)
    names = ("country", "network", "target", "state", "onset_before", "end_after", "last_seen")
    columns = {name: findings[name].to_pylist() for name in names}
    for number in range(findings.num_rows):
        one = {name: column[number] for name, column in columns.items()}
        if one["state"] in _HITS and one["network"] is not None:
            last = one["end_after"] or one["last_seen"]
            begin = (one["onset_before"] - timedelta(hours=1)).date().isoformat()
            spans[one["country"], one["network"], one["target"]].append((begin, last.date().isoformat(), number))
    days = {(first, last) for found in spans.values() for first, last, _ in found}
    chosen = [p for p in places if any(first <= p.day <= last for first, last in days)]
    progress(Progress(stage="detect", days=len(places) - len(chosen)))
    seen: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for found in cluster.run(
        _seen, chosen, setup=Reader, given=(storage, limits, dict(spans)), workers=min(crew, len(chosen)),
        tell=progress,
    ):  # fmt: skip
        for number, entry in found:
            seen[number].append(entry)
    return _filled(findings, seen)


def _seen(state: Reader, place: Place, tell: Callable[[Any], None]) -> list[tuple[int, tuple[str, str, str]]]:
    """(finding, (vantage point, day, measurement)) of this day's rows that saw what a finding says."""
    targets = pa.array(sorted({target for _, _, target in state.spans}), pa.string())
    where = pc.field("target").isin(targets) & pc.field("state").isin(_HITS)
    table = read(state.storage, "verdicts", place.parts, columns=list(_SEEN), schema=TABLES["verdicts"], where=where)
    made: list[tuple[int, tuple[str, str, str]]] = []
    for row in table.to_pylist():
        if row["repeat"]:
            continue
        for first, last, number in state.spans.get((row["country"], row["network"], row["target"]), ()):
            if first <= place.day <= last:
                made.append((number, (row["vantage"] or "", place.day, row["measurement"])))
    tell(Progress(stage="detect", days=1))
    return made


def _filled(findings: pa.Table, seen: Mapping[int, list[tuple[str, str, str]]]) -> pa.Table:
    total = findings["witnesses"].to_pylist()
    digests: list[str | None] = [None] * findings.num_rows
    first: list[str | None] = [None] * findings.num_rows
    for number, entries in seen.items():
        ids = sorted({measurement for _, _, measurement in entries})
        total[number], digests[number] = len(ids), digest(ids)
        first[number] = " ".join(_spread(entries))
    for name, values in (("witnesses", total), ("witnesses_digest", digests), ("witnesses_first", first)):
        at = FINDINGS.get_field_index(name)
        findings = findings.set_column(at, FINDINGS.field(name), pa.array(values, FINDINGS.field(name).type))
    return findings


def _spread(entries: Iterable[tuple[str, str, str]]) -> list[str]:
    """One of each vantage point in turn, so that a short list is not one device's word."""
    turns: dict[str, int] = defaultdict(int)
    keyed: list[tuple[int, str, str, str]] = []
    for vantage, day, measurement in sorted(set(entries), key=lambda e: (e[0], e[1], e[2])):
        keyed.append((turns[vantage], day, vantage, measurement))
        turns[vantage] += 1
    return list(dict.fromkeys(entry[3] for entry in sorted(keyed)))[:_FIRST]


def _edits(store: Store, manifest: Manifest, wanted: Sequence[Wanted]) -> dict[int, tuple[set[str], set[str]]]:
    """For each change asked about: the inputs and the body fingerprints in use before it, and after it."""
    made: dict[int, tuple[set[str], set[str]]] = {n: (set(), set()) for n in range(len(wanted))}
    if not wanted:
        return made
    targets = pa.array(sorted({t for one in wanted for t in one.targets}), pa.string())
    columns = ["country", "target", "input", "references"]
    for day, _ in manifest.judged():
        here = [(n, one) for n, one in enumerate(wanted) if day != UNKNOWN_DAY and one.near(date.fromisoformat(day))]
        if not here:
            continue
        parts = manifest.days[day].tables.get("measurements", ())
        where = pc.field("target").isin(targets)
        rows: Any = read(store.storage, "measurements", parts, columns=columns, where=where).group_by(columns)
        for row in rows.aggregate([]).to_pylist():
            for n, one in here:
                if row["country"] == one.country and row["target"] in one.targets:
                    side = made[n][date.fromisoformat(day) >= one.day]
                    side.add(f"input:{row['input']}" if row["input"] else "input:")
                    side.add(f"references:{row['references']}")
    return made
