"""Law: falls of one entity are one outage where they begin together; what began apart is joined by nothing.

Planes stay apart inside: each keeps its own dates. A fall that lies within a deep outage is part of it. Falls of one
signal in many countries at once are the source's, unless other operators saw the same countries fall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from clampdown.detect.rhythm import DAY
from clampdown.detect.watching import Fall

SLACK: Final = timedelta(
    hours=3
)  # between the onsets of one cut in different planes: IODA's lag and ramps. Provisional.
_FLAP: Final = timedelta(hours=2)  # two falls of one series closer than this are one that flaps
_SHORT: Final = timedelta(hours=12)  # a series of days says nothing about less
_DEEP: Final = 0.5
# Which plane dates an outage, of those that fell at least half as deep as the deepest: addresses before use.
ORDER: Final = ("data", "usage", "background", "control", "service")
# A source breaks everywhere at once: at least so many countries, and so large a part of those it sees. Provisional.
GUARD_COUNTRIES: Final = 4
GUARD_SHARE: Final = 0.3
GUARD_SPREAD: Final = timedelta(hours=1)
GUARD_OTHERS: Final = 0.5  # of these countries in which another operator saw it too: then it was real


@dataclass(frozen=True, slots=True)
class Cut:
    """Falls of one entity that belong together; `main` dates it."""

    main: Fall
    falls: tuple[Fall, ...]  # by plane and signal

    @property
    def lasts(self) -> bool:
        return self.main.drop.end_after is None

    @property
    def end(self) -> datetime:
        """Where it is over, or the data are."""
        return self.main.end_before or self.main.until

    @property
    def length(self) -> timedelta:
        return self.end - self.main.onset_before


def joined(falls: Iterable[Fall]) -> list[Fall]:
    """Falls of one series that follow each other at once, as one."""
    parted: dict[str, list[Fall]] = defaultdict(list)
    for fall in falls:
        parted[fall.about.series].append(fall)
    made: list[Fall] = []
    for found in parted.values():
        found.sort(key=lambda f: f.drop.before)
        held = [found[0]]
        for fall in found[1:]:
            last = held[-1]
            gap = None if last.end_before is None else fall.onset_before - last.end_before
            near = gap is not None and gap < min(_FLAP, (last.until - last.onset_before) / 2)
            if near and fall.about.step < DAY and not last.drop.normal_again:
                held[-1] = _one(last, fall)
            else:
                held.append(fall)
        made.extend(held)
    return made


def _one(first: Fall, second: Fall) -> Fall:
    a, b = first.drop, second.drop
    deep = a if a.depth >= b.depth else b
    return replace(
        first,
        drop=a._replace(
            end_after=b.end_after, end_before=b.end_before, worst=deep.worst, depth=deep.depth, expected=deep.expected,
            level=deep.level, lost=a.lost + b.lost, unknown=a.unknown + b.unknown, last=b.last,
            statistic=max(a.statistic, b.statistic), normal_again=b.normal_again, later=(*a.later, *b.later),
        ),
    )  # fmt: skip


def failures(falls: Sequence[Fall], seen: Mapping[str, int]) -> list[list[Fall]]:
    """Falls that are their source's own: runs of one signal's falls in many countries at once.

    seen: signal and operator, joined by a blank -> countries in which it is watched.
    """
    parted: dict[tuple[str, str], list[Fall]] = defaultdict(list)
    for fall in falls:
        parted[fall.about.signal, fall.about.operator].append(fall)
    others: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for fall in falls:
        others[fall.about.entity].append((fall.about.operator, fall.onset_before))
    made: list[list[Fall]] = []
    for (signal, operator), found in sorted(parted.items()):
        found.sort(key=lambda f: f.onset_before)
        watched = seen.get(f"{signal} {operator}", 0)
        for run in _together(found):
            # Regions and networks fall with their country: it is countries that a source has in common.
            countries = {fall.about.country for fall in run if fall.about.country}
            if len(countries) < max(GUARD_COUNTRIES, GUARD_SHARE * watched):
                continue
            entities = {fall.about.entity for fall in run}
            real = sum(_elsewhere(entity, operator, run[0].onset_before, others) for entity in entities)
            if real < GUARD_OTHERS * len(entities):
                made.append(run)
    return made


def _together(found: Sequence[Fall]) -> list[list[Fall]]:
    """Runs in which each fall begins within the spread of the first."""
    made: list[list[Fall]] = []
    for fall in found:
        spread = max(GUARD_SPREAD, fall.step)
        if made and fall.onset_before - made[-1][0].onset_before <= spread:
            made[-1].append(fall)
        else:
            made.append([fall])
    return made


def _elsewhere(entity: str, operator: str, at: datetime, others: Mapping[str, Sequence[tuple[str, datetime]]]) -> bool:
    """Did another operator see this entity fall at about that time?"""
    return any(by != operator and abs(when - at) <= SLACK for by, when in others[entity])


def cuts(falls: Sequence[Fall]) -> list[Cut]:
    """The outages of every entity, in order of entity and time."""
    parted: dict[str, list[Fall]] = defaultdict(list)
    for fall in falls:
        parted[fall.about.entity].append(fall)
    made: list[Cut] = []
    for entity in sorted(parted):
        own = sorted(parted[entity], key=lambda f: (f.onset_before, f.about.plane, f.about.signal, f.about.series))
        groups = _grouped(own)
        made.extend(_absorbed([_cut(group) for group in groups]))
    return made


def _grouped(own: Sequence[Fall]) -> list[list[Fall]]:
    """Falls whose onsets coincide, directly or through others."""
    groups: list[list[Fall]] = []
    for fall in own:
        near = [group for group in groups[-8:] if any(coincide(fall, other) for other in group)]
        if not near:
            groups.append([fall])
            continue
        near[0].append(fall)
        for group in near[1:]:
            near[0].extend(group)
            groups.remove(group)
    return groups


def coincide(one: Fall, other: Fall) -> bool:
    """Can both have begun at the same time?"""
    if one.about.series == other.about.series:
        return False
    low, high = max(_begins(one), _begins(other)), min(_begun(one), _begun(other))
    if low > high + SLACK:
        return False
    if (one.about.step >= DAY) != (other.about.step >= DAY):
        fine = other if one.about.step >= DAY else one
        return fine.until - fine.onset_before >= _SHORT
    return True


def _begins(fall: Fall) -> datetime:
    return fall.onset_after or fall.onset_before - fall.step


def _begun(fall: Fall) -> datetime:
    return fall.onset_before + (fall.step if fall.about.step >= DAY else timedelta())


def _cut(group: Sequence[Fall]) -> Cut:
    deepest = max(fall.drop.depth for fall in group)
    fit = [f for f in group if f.drop.depth >= _DEEP * deepest]
    main = min(fit, key=lambda f: (_rank(f), f.about.step, -f.drop.statistic, f.about.series))
    order = sorted(group, key=lambda f: (_rank(f), f.about.signal, f.drop.before, f.about.series))
    return Cut(main, tuple(order))


def _rank(fall: Fall) -> int:
    return ORDER.index(fall.about.plane) if fall.about.plane in ORDER else len(ORDER)


def _absorbed(found: list[Cut]) -> list[Cut]:
    """Falls within a deep outage of several signals, or of most of what there was, are parts of it."""
    kept: list[Cut] = []
    for cut in sorted(found, key=lambda c: (-c.length, c.main.onset_before)):
        home = next((n for n, big in enumerate(kept) if _within(cut, big)), None)
        if home is None:
            kept.append(cut)
        else:
            big = kept[home]
            falls = sorted((*big.falls, *cut.falls), key=lambda f: (_rank(f), f.about.signal, f.drop.before))
            kept[home] = Cut(big.main, tuple(falls))
    return sorted(kept, key=lambda c: (c.main.onset_before, c.main.about.series))


def _within(cut: Cut, big: Cut) -> bool:
    if big.main.drop.depth < _DEEP or (big.main.drop.normal_again and len(planes_of(big)) < 2):
        return False
    if cut.main.about.series == big.main.about.series:
        return False
    begins = cut.main.onset_before
    return big.main.onset_before - SLACK <= begins < big.end and cut.main.drop.depth <= 1.1 * big.main.drop.depth


def planes_of(cut: Cut) -> dict[str, set[str]]:
    """Plane -> operators of its falls."""
    made: dict[str, set[str]] = defaultdict(set)
    for fall in cut.falls:
        made[fall.about.plane].add(fall.about.operator)
    return made


def together(cut: Cut) -> list[Fall]:
    """The falls that began with it: what corroborates its beginning."""
    return [f for f in cut.falls if f is cut.main or coincide(f, cut.main)]


def independent(falls: Iterable[Fall]) -> int:
    """The most planes of which each has an operator of its own: two planes of one operator are one witness."""
    operators: dict[str, set[str]] = defaultdict(set)
    for fall in falls:
        if not fall.drop.normal_again:
            operators[fall.about.plane].add(fall.about.operator)
    taken: dict[str, str] = {}

    def place(plane: str, tried: set[str]) -> bool:
        for operator in sorted(operators[plane] - tried):
            tried.add(operator)
            if operator not in taken or place(taken[operator], tried):
                taken[operator] = plane
                return True
        return False

    return sum(place(plane, set()) for plane in sorted(operators))
