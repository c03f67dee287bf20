"""Law: found outages stand beside the script's own: missed, false, wrongly dated or named is counted.

A scripted cut is one outage in each of its entities. What is found beside the script is false from the grade
`consistent` on; below it, nothing was claimed.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from clampdown.demo.cuts import Cut, Found, Signals

_CLAIMS: Final = frozenset({"consistent", "corroborated", "confirmed"})
_NEAR: Final = timedelta(hours=12)  # an outage found so near to a scripted one is that one, at a wrong time
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Beside:
    """One cut in one entity, scripted or found or both."""

    entity: str
    cut: Cut | None
    row: Row | None
    parts: tuple[Row, ...] = ()

    @property
    def verdict(self) -> str:
        """true | wrong | missed | false | slight: beside the script, and nothing was claimed"""
        if self.row is None:
            return "missed"
        if self.cut is None:
            return "false" if self.row["grade"] in _CLAIMS else "slight"
        return "wrong" if self.faults else "true"

    @property
    def faults(self) -> tuple[str, ...]:
        """In what a found cut differs from the scripted one."""
        if self.cut is None or self.row is None or self.cut.found is None:
            return ()
        made = [] if self.holds else ["the bracket does not hold the scripted times"]
        made += [
            f"{name} is {found}, scripted {scripted}"
            for name, scripted, found in _told(self.cut, self.cut.found, self.row, self.parts)
            if scripted != found
        ]
        return tuple(made)

    @property
    def holds(self) -> bool:
        """Whether the scripted begin and end lie within the brackets that were found."""
        if self.cut is None or self.row is None:
            return False
        row, begin, end = self.row, self.cut.begin, self.cut.end
        begun = (row["onset_after"] or datetime.min) <= begin <= row["onset_before"]
        if end is None or row["end_before"] is None:
            return begun and end is row["end_before"]
        return begun and row["end_after"] <= end <= row["end_before"]


def _told(cut: Cut, found: Found, row: Row, parts: Iterable[Row]) -> Iterable[tuple[str, object, object]]:
    """(what, scripted, found)"""
    against = (row["contradicts"] or "").split(",")
    restored = sorted({part["signal"] for part in parts if part["role"] == "restoration"})
    yield "the kind", found.kind, row["kind"]
    yield "the grade", found.grade, row["grade"]
    yield "the pattern", found.pattern, row["pattern"]
    yield "the number of cuts", 1 + len(cut.again), row["occurrences"]
    yield "a new normal", found.new_normal, "new_normal" in against
    yield "an accident", found.accident, "published_accident" in against
    if any(part["signal"] in found.restored for part in parts):
        yield "let through", list(found.restored), restored


@dataclass(frozen=True, slots=True)
class Said:
    """A note that a scripted act is to leave."""

    cut: Cut
    heard: bool


@dataclass(frozen=True)
class OutageComparison:
    """Every cut, scripted beside found, and the notes."""

    rows: tuple[Beside, ...]
    notes: tuple[Said, ...]

    def count(self, verdict: str) -> int:
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as scripted, each in a line."""
        made: list[str] = []
        for row in self.rows:
            if row.verdict == "missed" and row.cut is not None:
                made.append(f"missed outage: {row.cut.name} in {row.entity}")
            elif row.verdict == "false" and row.row is not None:
                when = f"{row.row['onset_before']:%Y-%m-%d %H:%M}"
                made.append(f"false outage: {row.row['outage']} in {row.entity} at {when}, {row.row['grade']}")
            elif row.verdict == "wrong" and row.cut is not None:
                made += [f"wrong outage: {row.cut.name} in {row.entity}: {fault}" for fault in row.faults]
        made += [f"missed note: {said.cut.note} ({said.cut.name})" for said in self.notes if not said.heard]
        return tuple(made)

    def text(self) -> list[str]:
        """For a person at a terminal."""
        heard = sum(said.heard for said in self.notes)
        lines = [
            f"outages: {self.count('true'):,} true, {self.count('missed'):,} missed, {self.count('wrong'):,} wrong, "
            f"{self.count('false'):,} false; notes: {heard:,} of {len(self.notes):,}"
        ]
        scripted: dict[str, list[Beside]] = defaultdict(list)
        for row in self.rows:
            if row.cut is not None:
                scripted[row.cut.name].append(row)
        for name, rows in scripted.items():
            lines.append(f"{name}, {_scripted(rows[0].cut)}")
            lines += [f"  {row.entity:<11} {_found(row)}" for row in rows]
        for said in self.notes:
            lines.append(f"{said.cut.name}: {said.cut.note} {'said' if said.heard else 'missed'}, no outage")
        return [*lines, *self.problems]

    def csv(self) -> bytes:
        """All cuts as a table."""
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        names = ("onset_after", "onset_before", "end_after", "end_before")
        writer.writerow(("scripted", "entity", "begin", "end", "scripted_kind", "scripted_grade", "outage", *names,
                         "kind", "grade", "occurrences", "verdict"))  # fmt: skip
        for each in self.rows:
            cut, row, found = each.cut, each.row or {}, each.cut.found if each.cut else None
            told = (cut.name, each.entity, _text(cut.begin), _text(cut.end)) if cut else ("", each.entity, "", "")
            expected = (found.kind, found.grade) if found else ("", "")
            times = [_text(row.get(name)) for name in names]
            rest = (row.get("kind", ""), row.get("grade", ""), row.get("occurrences", ""), each.verdict)
            writer.writerow((*told, *expected, row.get("outage", ""), *times, *rest))
        return file.getvalue().encode()


def _text(time: datetime | None) -> str:
    return "" if time is None else f"{time.isoformat(timespec='minutes')}Z"


def _scripted(cut: Cut | None) -> str:
    if cut is None or cut.found is None:
        return ""
    times = f"{cut.begin:%Y-%m-%d %H:%M}" + (", lasting" if cut.end is None else f" to {cut.end:%Y-%m-%d %H:%M}")
    often = f", {1 + len(cut.again)} times" if cut.again else ""
    return f"scripted {times}{often}, {cut.found.kind} {cut.found.grade}:"


def _found(beside: Beside) -> str:
    row = beside.row
    if row is None:
        return "missed"
    after = "" if row["onset_after"] is None else f"{row['onset_after']:%m-%d %H:%M} .. "
    end = "lasts" if row["lasts"] else f"ends {row['end_after']:%m-%d %H:%M} .. {row['end_before']:%m-%d %H:%M}"
    often = f", {row['pattern']} {row['occurrences']} times" if row["pattern"] else ""
    depth = f"{100 * row['depth']:.0f} %"
    return (
        f"{after}{row['onset_before']:%m-%d %H:%M}, {end}, {depth} on {row['planes'].replace(' ', '+')}{often}: "
        f"{row['kind']} {row['grade']}, {row['outage']}"
    )


def compare_outages(signals: Signals, outages: pa.Table, parts: pa.Table, notes: pa.Table) -> OutageComparison:
    """Lay what `detect` found beside the script of the signals."""
    left: list[dict[str, Any]] = outages.to_pylist()
    of_outage: dict[str, list[Row]] = defaultdict(list)
    for part in parts.to_pylist():
        of_outage[part["outage"]].append(part)
    rows: list[Beside] = []
    for cut in sorted((cut for cut in signals.cuts if cut.found), key=lambda cut: cut.begin):
        for entity in cut.entities:
            best = _nearest(cut, entity, left)
            if best is not None:
                left.remove(best)
            rows.append(Beside(entity, cut, best, tuple(of_outage[best["outage"]]) if best else ()))
    rows += [Beside(row["entity"], None, row) for row in left]
    told: list[dict[str, Any]] = notes.to_pylist()
    said = tuple(Said(cut, any(_tells(note, cut) for note in told)) for cut in signals.cuts if cut.note)
    return OutageComparison(tuple(rows), said)


def _nearest(cut: Cut, entity: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    near = [
        row for row in rows
        if row["entity"] == entity and abs(row["onset_before"] - cut.begin) <= _NEAR
    ]  # fmt: skip
    return min(near, key=lambda row: (abs(row["onset_before"] - cut.begin), row["outage"]), default=None)


def _tells(note: Row, cut: Cut) -> bool:
    """Is this the note that the act is to leave?"""
    if note["kind"] != cut.note or note["target"] not in cut.left:
        return False
    first, last = date.fromisoformat(note["first"]), date.fromisoformat(note["last"] or note["first"])
    end = cut.end or cut.begin
    return first <= end.date() and last >= cut.begin.date()
