"""Law: what was found is held against what truly happened, the same for every rule; each figure has its interval.

- An event belongs to a truth of the same entity if it begins no more than SLACK before the truth and before all is back
  again (and SLACK more). One that begins earlier and covers a truth is not its find: it was about something else.
- It finds the truth if it also begins before the truth's end. One event per truth is asked for: what else belongs to it
  is a fragment. A recurring cut is one truth: one event is asked for, of which any night will do; found nights are
  counted beside it.
- Everything else is false: level shifts, holidays, curfews, matches, failing sources, gaps, noise. Partial cuts,
  throttling, power cuts and fades are true losses: to report them is not false, not to report them is a miss.
- A false event is laid to the nuisance of its entity that is going on or ended within six hours when it begins; else
  to `noise`.
- Onset error: how far the bracket (onset_after, onset_before] is from the true start; 0 where it holds it. End error:
  how far the bracket of the end is from the time between the true end and when all was back. Delay: from the true start
  to the first bin below.
- Grades: counts at a grade hold the events of that grade and above.
Daily series: SLACK is a day and a half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sim.score import poisson, wilson

from clampdown.model import GRADES
from signals.world import Truth, World

SLACK: Final = timedelta(hours=1)
DAILY: Final = timedelta(hours=36)
AFTER: Final = timedelta(hours=6)  # so long after a nuisance an event may still be laid to it
HOUR: Final = timedelta(hours=1)

__all__ = ["Found", "Score", "found_in", "poisson", "score", "wilson"]


@dataclass(frozen=True, slots=True)
class Found:
    """An outage as any rule reports it."""

    entity: str
    onset_before: datetime
    onset_after: datetime | None = None
    end_after: datetime | None = None  # the last bin below
    end_before: datetime | None = None  # the first bin back; None: it lasts
    grade: str = "consistent"
    planes: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    spans: tuple[tuple[datetime, datetime], ...] = ()  # of a recurring one


@dataclass(slots=True)
class Score:
    """Counts of one world or, added up, of several; false events by kind of entity."""

    years: dict[str, float] = field(default_factory=dict)  # entity-years by kind of entity
    found: dict[tuple[str, str], list[dict[str, int]]] = field(default_factory=dict)  # (entity kind, kind): by grade
    delays: dict[str, list[float]] = field(default_factory=dict)  # hours, by kind of truth
    onsets: dict[str, list[float]] = field(default_factory=dict)
    ends: dict[str, list[float]] = field(default_factory=dict)
    pieces: dict[str, list[int]] = field(default_factory=dict)  # events per found truth
    nights: dict[str, list[float]] = field(default_factory=dict)  # share of a recurring truth's spans
    false: dict[tuple[str, str], int] = field(default_factory=dict)  # (entity kind, grade)
    causes: dict[tuple[str, str, str], int] = field(default_factory=dict)  # (entity kind, grade, nuisance)
    wrong: list[tuple[Found, str]] = field(default_factory=list)  # the false events themselves, with their cause

    def add(self, other: Score) -> None:
        for name in ("years", "false", "causes"):
            mine: dict[Any, Any] = getattr(self, name)
            for key, value in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + value
        for name in ("found", "delays", "onsets", "ends", "pieces", "nights"):
            held: dict[Any, list[Any]] = getattr(self, name)
            for key, values in getattr(other, name).items():
                held.setdefault(key, []).extend(values)
        self.wrong.extend(other.wrong)

    def recall(self, kind: str, grade: str = "consistent", entity_kind: str = "country") -> tuple[int, int]:
        tried = self.found.get((entity_kind, kind), [])
        return sum(one[grade] for one in tried), len(tried)


def found_in(outages: Iterable[Mapping[str, Any]], parts: Iterable[Mapping[str, Any]] = ()) -> list[Found]:
    """Rows of OUTAGES and OUTAGE_PARTS as they are scored."""
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for part in parts:
        if part["role"] == "occurrence" and part["onset_before"] is not None:
            end = part["end_before"] or part["end_after"] or part["onset_before"]
            spans.setdefault(part["outage"], []).append((part["onset_before"], end))
    return [
        Found(
            row["entity"],
            row["onset_before"],
            row["onset_after"],
            row["end_after"],
            row["end_before"],
            row["grade"],
            tuple(row["planes"].split()),
            tuple(row["signals"].split()),
            tuple(sorted(spans.get(row["outage"], ()))),
        )
        for row in outages
    ]


def score(world: World, found: Sequence[Found], *, daily: bool = False) -> Score:
    """Of everything that was found in a world, entity by entity."""
    result, slack = Score(), DAILY if daily else SLACK
    for place in world.places:
        result.years[place.kind] = result.years.get(place.kind, 0.0) + world.years
        true = [one for one in world.truth if one.entity == place.entity]
        mine = sorted((one for one in found if one.entity == place.entity), key=lambda one: one.onset_before)
        hits: dict[str, list[Found]] = {}
        for event in mine:
            about = next((one for one in true if _belongs(event, one, slack)), None)
            if about is not None:
                hits.setdefault(about.name, []).append(event)
            else:
                _false(result, world, place.kind, place.country, event)
        for one in true:
            _held(result, one, hits.get(one.name, []))
    return result


def _belongs(event: Found, one: Truth, slack: timedelta) -> bool:
    return one.start - slack <= event.onset_before <= one.back + slack


def _held(result: Score, one: Truth, events: Sequence[Found]) -> None:
    first = [event for event in events if event.onset_before <= one.end]
    grades = [GRADES.index(event.grade) for event in first]
    got = {grade: int(any(held >= place for held in grades)) for place, grade in enumerate(GRADES)}
    result.found.setdefault((one.entity_kind, one.kind), []).append(got)
    if not got["consistent"] or one.entity_kind != "country":
        return
    event = first[0]
    result.pieces.setdefault(one.kind, []).append(len(events))
    result.delays.setdefault(one.kind, []).append((event.onset_before - one.start) / HOUR)
    after = event.onset_after or datetime.min
    error = (
        timedelta()
        if after <= one.start <= event.onset_before
        else min(abs(one.start - after) if event.onset_after else timedelta.max, abs(event.onset_before - one.start))
    )
    result.onsets.setdefault(one.kind, []).append(error / HOUR)
    last = max(first, key=lambda held: held.end_before or datetime.max)
    if len(one.spans) == 1 and last.end_before is not None:
        after = last.end_after or last.end_before
        early, late = max(timedelta(), one.end - last.end_before), max(timedelta(), after - one.back)
        result.ends.setdefault(one.kind, []).append(max(early, late) / HOUR)
    if len(one.spans) > 1:
        seen = [span for event in events for span in event.spans or [(event.onset_before, _end(event))]]
        told = [any(begin <= end and stop >= start for begin, stop in seen) for start, end in one.spans]
        result.nights.setdefault(one.kind, []).append(sum(told) / len(told))


def _end(event: Found) -> datetime:
    return event.end_before or event.end_after or event.onset_before


def _false(result: Score, world: World, kind: str, country: str, event: Found) -> None:
    cause = _cause(world, kind, country, event)
    result.wrong.append((event, cause))
    for grade in GRADES[: GRADES.index(event.grade) + 1]:
        result.false[kind, grade] = result.false.get((kind, grade), 0) + 1
        result.causes[kind, grade, cause] = result.causes.get((kind, grade, cause), 0) + 1


def _cause(world: World, kind: str, country: str, event: Found) -> str:
    number = next(place.number for place in world.places if place.country == country)
    begin = event.onset_after or event.onset_before
    first, last = world.minute(begin) - 60, world.minute(event.onset_before) + 60
    for one in world.nuisances:
        if one.entity not in (None, event.entity) or one.country not in (None, number):
            continue
        if one.signal is not None and event.signals and one.signal not in event.signals:
            continue
        if one.country is not None and kind != "country":
            continue
        if one.start <= last and one.end + AFTER / timedelta(minutes=1) >= first:
            return one.kind
    return "noise"
