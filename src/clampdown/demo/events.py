"""Law: found events and findings stand beside the script's own; a missed one, a false one and a wrong time are counted.

A scripted *change* is a target on a network going over to interference, or out of it, at midnight before a day; what
stood when the data begin has no beginning. Changes of one day and direction are one scripted *happening*.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from clampdown.demo.nettests import tried
from clampdown.demo.script import Script

_HITS: Final = frozenset({"blocked", "throttled", "partly"})
_NEAR: Final = timedelta(days=3)  # a change found so near to a scripted one is that one, at a wrong time
_WIDTH: Final = 60
Place = tuple[str, int]  # target, network


@dataclass(frozen=True, slots=True)
class Change:
    """One target on one network, scripted or found or both."""

    direction: str  # block | unblock
    target: str
    network: int
    day: int | None  # scripted
    at: date | None
    event: str | None = None  # found
    after: datetime | None = None
    before: datetime | None = None
    grade: str | None = None

    @property
    def verdict(self) -> str:
        """true | missed | false"""
        return "false" if self.day is None else "missed" if self.event is None else "true"

    @property
    def holds(self) -> bool:
        """Whether the scripted midnight lies within the bracket that was found."""
        if self.at is None or self.before is None:
            return False
        midnight = datetime(self.at.year, self.at.month, self.at.day)
        return (self.after or datetime.min) <= midnight <= self.before


@dataclass(frozen=True)
class EventComparison:
    """Every change and every course of interference, scripted beside found."""

    changes: tuple[Change, ...]
    found: tuple[Place, ...]  # interference that was scripted and is a finding
    missed: tuple[Place, ...]  # that was scripted and is none
    false: tuple[Place, ...]  # that is a finding and was not scripted

    def count(self, verdict: str) -> int:
        return sum(change.verdict == verdict for change in self.changes)

    @property
    def holding(self) -> int:
        """True changes whose bracket holds the scripted time."""
        return sum(change.holds for change in self.changes)

    def happenings(self) -> dict[tuple[int, str], tuple[Change, ...]]:
        """(scripted day, direction) → its changes."""
        made: dict[tuple[int, str], list[Change]] = defaultdict(list)
        for change in self.changes:
            if change.day is not None:
                made[change.day, change.direction].append(change)
        return {key: tuple(found) for key, found in sorted(made.items())}

    @property
    def false_events(self) -> tuple[str, ...]:
        """Events none of whose changes was scripted."""
        true = {change.event for change in self.changes if change.day is not None}
        return tuple(sorted({c.event for c in self.changes if c.event is not None} - true))

    @property
    def joined(self) -> tuple[str, ...]:
        """Events that hold changes of several scripted happenings."""
        held: dict[str, set[int]] = defaultdict(set)
        for change in self.changes:
            if change.event is not None and change.day is not None:
                held[change.event].add(change.day)
        return tuple(sorted(event for event, days in held.items() if len(days) > 1))

    def text(self) -> list[str]:
        """For a person at a terminal."""
        happenings = self.happenings()
        lines = [
            f"changes: {self.count('true'):,} true, {self.count('missed'):,} missed, {self.count('false'):,} false; "
            f"of the true, {self.holding:,} within their bracket",
            f"findings of interference: {len(self.found):,} true, {len(self.missed):,} missed, "
            f"{len(self.false):,} false (per target and network)",
        ]
        for (day, direction), changes in happenings.items():
            lines.append(_told(day, direction, changes))
        lines += [f"joined: {event} holds several scripted happenings" for event in self.joined]
        lines += [f"false event: {event}" for event in self.false_events]
        for kind, places in (("missed", self.missed), ("false", self.false)):
            lines += [f"{kind} finding: {target} on AS{network}" for target, network in places[:20]]
        return lines

    def csv(self) -> bytes:
        """All changes as a table."""
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("direction", "target", "network", "scripted_day", "scripted", "event", "after", "before", "grade",
             "verdict", "bracket_holds")
        )  # fmt: skip
        for c in self.changes:
            times = (_text(c.after), _text(c.before))
            holds = "" if c.verdict != "true" else "yes" if c.holds else "no"
            scripted = (c.day or "", c.at.isoformat() if c.at else "")
            row = (c.direction, c.target, f"AS{c.network}", *scripted, c.event or "", *times, c.grade or "")
            writer.writerow((*row, c.verdict, holds))
        return file.getvalue().encode()


def _text(time: datetime | None) -> str:
    return "" if time is None else f"{time.isoformat(timespec='minutes')}Z"


def _told(day: int, direction: str, changes: Collection[Change]) -> str:
    targets = " ".join(sorted({c.target for c in changes}))
    networks = len({c.network for c in changes})
    seen = [c for c in changes if c.event is not None]
    events = sorted({c.event for c in seen if c.event is not None})
    verb = "begins" if direction == "block" else "ends"
    lead = f"day {day:>2} {verb:<6} {targets[:_WIDTH]:<{_WIDTH}} {networks} networks: "
    if not seen:
        return f"{lead}missed"
    after, before = min(c.after or datetime.min for c in seen), min(c.before or datetime.max for c in seen)
    since = "" if after == datetime.min else f"{after:%Y-%m-%d %H:%M} .. "
    return f"{lead}{len(seen)} of {len(changes)} changes, {since}{before:%Y-%m-%d %H:%M}, {' '.join(events)}"


def compare_events(
    script: Script, members: pa.Table, findings: pa.Table, days: Iterable[int], country: str
) -> EventComparison:
    """Lay what `detect` found beside the script, for the days that were to be measured."""
    measured = sorted(set(days) - script.silent)
    places = [(t, n.asn) for t in tried(p.target for p in script.places) for n in script.networks]
    rows = [row for row in members.to_pylist() if row["country"] == country]
    changes: list[Change] = []
    for target, network in places:
        for day, direction in _turns(script, target, network, measured):
            changes.append(_matched(script, Change(direction, target, network, day, script.date(day)), rows))
    changes.extend(
        Change(r["direction"], r["target"], r["network"], None, None, r["event"], r["after"], r["before"], r["grade"])
        for r in rows
    )
    scripted = {(t, n) for t, n in places if any(script.truth(t, n, day)[0] in _HITS for day in measured)}
    told = {
        (r["target"], r["network"]) for r in findings.to_pylist()
        if r["country"] == country and r["network"] is not None and r["state"] in _HITS
    }  # fmt: skip
    return EventComparison(
        tuple(changes), tuple(sorted(scripted & told)), tuple(sorted(scripted - told)), tuple(sorted(told - scripted))
    )


def _turns(script: Script, target: str, network: int, measured: list[int]) -> Iterable[tuple[int, str]]:
    """(first day of it, direction) of each change that measured days lie on both sides of."""
    was = None
    for day in range(measured[0], measured[-1] + 1):
        hit = script.truth(target, network, day)[0] in _HITS
        if was is not None and hit != was:
            yield day, "block" if hit else "unblock"
        was = hit


def _matched(script: Script, change: Change, rows: list[dict[str, Any]]) -> Change:
    """The change with the nearest found one beside it, which is taken out of the rows."""
    if change.at is None:
        return change
    midnight = datetime(change.at.year, change.at.month, change.at.day)
    near = [row for row in rows if _fits(change, row, midnight)]
    if not near:
        return change
    best = min(near, key=lambda row: (abs(row["before"] - midnight), row["event"]))
    rows.remove(best)
    return Change(
        change.direction, change.target, change.network, change.day, change.at, best["event"], best["after"],
        best["before"], best["grade"],
    )  # fmt: skip


def _fits(change: Change, row: Mapping[str, Any], midnight: datetime) -> bool:
    same = (row["direction"], row["target"], row["network"]) == (change.direction, change.target, change.network)
    return same and (row["after"] or row["before"]) - _NEAR <= midnight <= row["before"] + _NEAR
