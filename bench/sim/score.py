"""Law: what was found is held against what truly happened, the same for every detector; each figure has its interval.

Thresholds are tuned on one family of seeds and reported on another; no seed is in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from clampdown.model import GRADES

if TYPE_CHECKING:
    from sim.script import Block
    from sim.world import World

FAMILIES: Final = {"tuning": 1000, "report": 2000}
SLACK: Final = timedelta(days=2)  # a change this near the true one is that one
DAY: Final = timedelta(days=1)


def seeds(family: str, count: int) -> range:
    assert count <= 1000, "the families would meet"
    return range(FAMILIES[family], FAMILIES[family] + count)


@dataclass(frozen=True, slots=True)
class Happening:
    """One true change: what an ideal detector would give exactly one event for."""

    name: str
    pattern: str
    direction: str
    country: str
    pairs: frozenset[tuple[int, str]]  # network, target
    first: datetime  # the change of the first member
    last: datetime  # until then a change of this direction belongs to it


@dataclass(slots=True)
class Score:
    """Counts of one world or, added up, of several."""

    weeks: float = 0.0
    found: dict[str, list[int]] = field(default_factory=dict)  # by pattern and direction: 1 found, 0 missed
    pieces: list[int] = field(default_factory=list)  # events per found happening
    errors: list[float] = field(default_factory=list)  # days between the first seen as after and the truth
    held: list[int] = field(default_factory=list)  # whether the bracket holds the true time
    true: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GRADES, 0))  # events at this grade or above
    false: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GRADES, 0))
    false_by_world: list[int] = field(default_factory=list)  # at `consistent` or above
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, other: Score) -> None:
        self.weeks += other.weeks
        for name, values in other.found.items():
            self.found.setdefault(name, []).extend(values)
        for name in ("pieces", "errors", "held", "false_by_world"):
            getattr(self, name).extend(getattr(other, name))
        for name in ("true", "false", "notes"):
            mine: dict[str, int] = getattr(self, name)
            for key, value in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + value

    def recall(self, *names: str) -> tuple[int, int]:
        """(found, all), of these patterns and directions or of all."""
        kept = [v for name, values in self.found.items() if not names or name in names for v in values]
        return sum(kept), len(kept)


def truths(world: World) -> tuple[Happening, ...]:
    return tuple(one for block in world.script.blocks for one in _changes(world, block))


def _changes(world: World, block: Block) -> Iterator[Happening]:
    numbers = world.people[block.country].numbers
    pairs = frozenset((int(numbers[n]), world.names[t]) for n in block.networks for t in block.targets)
    zero = datetime(world.start.year, world.start.month, world.start.day)
    whole = 24.0 * world.days_count
    country = world.countries[block.country]
    back = block.pattern in ("curfew", "flapping")  # any of its turns belongs to it
    end = zero + timedelta(hours=min(block.end, whole))
    if block.onset > 0:
        first = zero + timedelta(hours=block.onset)
        yield Happening(block.name, block.pattern, "block", country, pairs, first, end)
    if block.end < whole:
        first = zero + timedelta(hours=block.onset if back else block.end)
        yield Happening(block.name, block.pattern, "unblock", country, pairs, first, end)


def score(world: World, found: dict[str, pa.Table], *, grade: str = "consistent") -> Score:
    """A detection counts from this grade; false events are counted at every grade."""
    result = Score(weeks=world.days_count / 7)
    true = truths(world)
    members: dict[str, list[dict[str, Any]]] = {}
    for member in found["event_members"].to_pylist():
        members.setdefault(member["event"], []).append(member)
    hits: dict[int, list[dict[str, Any]]] = {}
    for event in found["events"].to_pylist():
        place = _place(true, event, members.get(event["event"], []))
        counts = result.false if place is None else result.true
        for name in GRADES[: GRADES.index(event["grade"]) + 1]:
            counts[name] += 1
        if place is not None and GRADES.index(event["grade"]) >= GRADES.index(grade):
            hits.setdefault(place, []).append(event)
    for place, one in enumerate(true):
        events = hits.get(place, [])
        result.found.setdefault(f"{one.pattern} {one.direction}", []).append(int(bool(events)))
        if events:
            result.pieces.append(len(events))
            _dated(result, one, events)
    result.false_by_world.append(result.false["consistent"])
    for note in found["notes"].to_pylist():
        result.notes[note["kind"]] = result.notes.get(note["kind"], 0) + 1
    return result


def _dated(result: Score, one: Happening, events: list[dict[str, Any]]) -> None:
    best = min(events, key=lambda e: abs(_seen(e, one) - one.first))
    truth = one.last if one.direction == "unblock" else one.first
    result.errors.append(min(abs((_seen(e, one) - truth) / DAY) for e in events))
    after = best["onset_after"] or datetime.min
    before = best["onset_before"] or datetime.max
    result.held.append(int(any((e["onset_after"] or after) <= truth <= (e["onset_before"] or before) for e in events)))


def _seen(event: dict[str, Any], one: Happening) -> datetime:
    return event["onset_before"] or event["onset_after"] or one.first - 365 * DAY


def _place(true: tuple[Happening, ...], event: dict[str, Any], members: list[dict[str, Any]]) -> int | None:
    """The happening that most of the event's members belong to; None where most belong to none."""
    votes: dict[int, int] = {}
    for member in members:
        for place, one in enumerate(true):
            if _belongs(one, member):
                votes[place] = votes.get(place, 0) + 1
                break
    if not votes or 2 * sum(votes.values()) < len(members):
        return None
    return max(votes, key=lambda place: votes[place])


def _belongs(one: Happening, member: dict[str, Any]) -> bool:
    if member["direction"] != one.direction or member["country"] != one.country:
        return False
    if (member["network"], member["target"]) not in one.pairs:
        return False
    before = member["before"] or datetime.max
    after = member["after"] or before
    return after <= one.last + SLACK and before >= one.first - SLACK


# Intervals (95 %).
_Z: Final = 1.959964


def wilson(hits: int, tries: int) -> tuple[float, float]:
    if not tries:
        return 0.0, 1.0
    share, spread = hits / tries, _Z * _Z / tries
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / tries + spread / (4 * tries)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int) -> tuple[float, float]:
    """Of a count (Byar's approximation; exact at zero)."""

    def edge(n: float, sign: int) -> float:
        return n * (1 - 1 / (9 * n) + sign * _Z / (3 * math.sqrt(n))) ** 3

    low = max(0.0, edge(count, -1)) if count else 0.0
    return low, edge(count + 1, 1) if count else -math.log(0.025)


def bootstrap(values: Iterable[float], of: str = "median") -> tuple[float, float, float]:
    """(figure, low, high) over resamples of the values."""
    held = np.array(list(values), dtype=float)
    if not len(held):
        return math.nan, math.nan, math.nan
    rng = np.random.default_rng(0)
    drawn = held[rng.integers(0, len(held), (2000, len(held)))]
    figures = np.median(drawn, axis=1) if of == "median" else drawn.mean(axis=1)
    figure = np.median(held) if of == "median" else held.mean()
    low, high = np.quantile(figures, (0.025, 0.975))
    return float(figure), float(low), float(high)
