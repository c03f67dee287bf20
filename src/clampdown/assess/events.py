"""Law: an event in a report is one happening on one bar: its changes, its members, and every day of the period.

Frozen records only. Times are days here, so that no bracket points at a person. A day of the period stands either in
`days` (somebody tried), in `untested` (the networks were measured, these targets were not) or in `nobody` (no
measurement at all from these networks): what is missing never reads as zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from clampdown.assess.counting import Bounds
from clampdown.evidence import Value


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive days, both included."""

    first: str
    last: str


class EventDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day with tries: `k` of `n` saw interference. Where none decided anything n is 0 and there is no interval."""

    day: str
    k: int
    n: int
    undecided: int
    low: float | None
    high: float | None
    vantage: Bounds  # of the tries that decided; the lower bound is the effective n of the interval


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The same over the days before, within or after an event; `days` of them had tries that decided."""

    k: int
    n: int
    days: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one target on one network, its bracket in days."""

    network: int
    target: str
    direction: str
    after: str | None
    before: str | None
    level_before: float | None
    level_after: float | None
    grade: str | None
    mechanism: str | None
    k: int
    n: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the store's events: a beginning or an end, as `detect` wrote it."""

    event: str
    direction: str
    grade: str
    after: str | None  # last seen as before; null: it stood so when the data begin
    before: str | None  # first seen as after
    spread: str | None  # first seen as after by the last member
    lasts: bool | None
    counterpart: str | None
    targets: tuple[str, ...]
    platforms: tuple[str, ...]
    networks: tuple[int, ...]
    networks_data: int
    mechanisms: tuple[str, ...]
    members: int
    pattern: tuple[str, ...]
    why: tuple[str, ...]
    contradicts: tuple[str, ...]
    supersedes: tuple[str, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of the timeline: a beginning with the end that belongs to it, or either alone."""

    id: str
    began: Change | None  # null: it ends something that stood before the data begin
    ended: Change | None
    members: tuple[Member, ...]  # those that the question is about
    before: Stretch
    during: Stretch
    after: Stretch
    days: tuple[EventDay, ...]
    untested: tuple[Run, ...]
    nobody: tuple[Run, ...]

    @property
    def main(self) -> Change:
        """The change by which the bar is named: the beginning where there is one."""
        found = self.began or self.ended
        if found is None:
            raise ValueError("an event has a beginning or an end")
        return found


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is none of policy."""

    kind: str
    network: int | None
    target: str | None
    test: str | None
    first: str
    last: str | None
    members: int
    detail: str
    countries: tuple[str, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one country in one period; `missing` says why there are none to speak of."""

    missing: str | None  # not_detected | stale
    events: tuple[Event, ...]
    notes: tuple[Note, ...]


def numbers(made: Timeline) -> dict[str, Value]:
    """Every number and every conclusion of a timeline, by id."""
    found: dict[str, Value] = {
        "timeline/missing": made.missing,
        "timeline/events": len(made.events),
        "timeline/order": " ".join(event.id for event in made.events),
        "timeline/notes": len(made.notes),
    }
    for event in made.events:
        at = f"event/{event.id}"
        for name in ("began", "ended"):
            change: Change | None = getattr(event, name)
            found[f"{at}/{name}"] = change is not None
            if change is not None:
                _flat(found, f"{at}/{name}", msgspec.to_builtins(change))
        for name in ("before", "during", "after"):
            _flat(found, f"{at}/{name}", msgspec.to_builtins(getattr(event, name)))
        found[f"{at}/members"] = len(event.members)
        for member in event.members:
            own = f"{at}/member/{member.direction}/{member.target}@AS{member.network}/{member.before}"
            _flat(found, own, msgspec.to_builtins(member))
        found[f"{at}/days"] = len(event.days)
        for day in event.days:
            _flat(found, f"{at}/day/{day.day}", msgspec.to_builtins(day))
        for name in ("untested", "nobody"):
            found[f"{at}/{name}"] = " ".join(f"{run.first}/{run.last}" for run in getattr(event, name))
    for note in made.notes:
        whom = "/".join(str(part) for part in (note.kind, note.network, note.target, note.test, note.first))
        _flat(found, f"note/{whom}/{note.detail}", msgspec.to_builtins(note))
    return found


def _flat(made: dict[str, Value], at: str, record: Mapping[str, object]) -> None:
    """Every field of a record: lists as one text, records within it below its name."""
    for name, value in record.items():
        if isinstance(value, dict):
            _flat(made, f"{at}/{name}", value)
        elif isinstance(value, list | tuple):
            made[f"{at}/{name}"] = " ".join(map(str, value))
        elif value is None or isinstance(value, str | int | float):
            made[f"{at}/{name}"] = value
