"""Law: the world or us: before a change is called policy, it is held against other countries and other instruments.

A change of the site's own shows in unrelated countries where it worked before; a change of the instrument shows under
one version or platform while others on the same networks, in the same days, see nothing. Only a contrast that stands
with any one vantage point left out withholds an event; a weaker one is published with the event, against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np

from clampdown.detect.limits import Limits
from clampdown.detect.members import Change
from clampdown.detect.series import HOURS
from clampdown.detect.votes import DOWN, UNKNOWN, Ints, Key, Votes

_AFTER: Final = 2  # days beyond the first sight of a change in which others are asked
_NEW: Final = 21  # days before a change in which a release must have appeared to be its cause
_UNDER: Final = 14  # days after a change in which versions are compared
_SOME: Final = 5  # tries that make a share
_FEW: Final = 3
_WORKED: Final = 0.2


@dataclass(frozen=True, slots=True)
class Said:
    """What a contrast says of a cluster of changes."""

    withheld: tuple[str, str, tuple[str, ...]] | None = None  # kind of the note, detail, countries
    against: tuple[str, ...] = ()
    backing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change of which is asked whether what was tested changed with it: another input, other body fingerprints."""

    country: str
    targets: frozenset[str]
    day: date

    def near(self, day: date) -> bool:
        """Does this day tell what was usual before it, or what came with it?"""
        return self.day - timedelta(days=_UNDER) <= day <= self.day + timedelta(days=_AFTER)


Edits = Callable[[Sequence[Wanted]], Mapping[int, tuple[set[str], set[str]]]]


def edited(before: set[str], after: set[str], *, bodies: bool) -> Said:
    """Whether none of what was tested after a change was tested before it. `bodies`: it is seen in bodies alone."""
    for head, detail in (("input:", "test_list"), ("references:", "reference")):
        old, new = ({code for code in side if code.startswith(head) and code != head} for side in (before, after))
        if old and new and not old & new and (bodies or head == "input:"):
            return Said(("instrument", detail, ()))
    return Said()


@dataclass(frozen=True)
class World:
    """All tries, by target, to ask others about the same target."""

    votes: Votes
    limits: Limits

    @cached_property
    def by_target(self) -> dict[str, list[int]]:
        """The series of every target."""
        made: dict[str, list[int]] = defaultdict(list)
        for number, key in enumerate(self.votes.series):
            made[key.target].append(number)
        return made

    @cached_property
    def first_seen(self) -> Ints:
        """The first day of every version."""
        first = np.full(max(1, len(self.votes.names["version"])), self.votes.days, np.int32)
        np.minimum.at(first, self.votes.columns["version"], self.votes.columns["day"])
        return first

    @cached_property
    def numbers(self) -> dict[Key, int]:
        """The number of every series."""
        return {key: number for number, key in enumerate(self.votes.series)}

    def rows(self, series: Sequence[int], first: int, last: int) -> Ints:
        """The tries of these series on these days."""
        day = self.votes.columns["day"]
        found: list[Ints] = []
        for number in series:
            own = self.votes.of(number)
            low, high = np.searchsorted(day[own], first), np.searchsorted(day[own], last + 1)
            found.append(np.arange(own.start + int(low), own.start + int(high)))
        return np.concatenate(found) if found else np.zeros(0, np.int64)


def contrast(world: World, members: Sequence[Change]) -> Said:
    """Ask the others about the targets of one cluster of changes in one country."""
    if members[0].direction == "block":
        said = _elsewhere(world, members)
        if said.withheld is not None:
            return said
    else:
        said = Said()
    instrument = _instrument(world, members)
    return Said(instrument.withheld, (*said.against, *instrument.against), (*said.backing, *instrument.backing))


def _elsewhere(world: World, members: Sequence[Change]) -> Said:
    """Do the targets newly fail, in the same days, where they worked before?"""
    first: dict[str, tuple[int, int]] = {}
    for m in members:
        begin, end = (m.before - 1) // HOURS, (m.before - 1) // HOURS + _AFTER
        known = first.get(m.key.target)
        first[m.key.target] = (begin, end) if known is None else (max(begin, known[0]), min(end, known[1]))
    country = members[0].key.country
    asked = sorted(first)[:40]  # of a large event: enough to know
    firm: dict[str, set[str]] = {}
    loose: dict[str, set[str]] = {}
    able: set[str] = set()
    down: list[str] = []
    for target in asked:
        begin, end = first[target]
        firm[target], loose[target], spoke, controls = _countries(world, target, country, begin, max(end, begin))
        able |= spoke
        if controls:
            down.append(target)
    gone = [t for t in asked if len(firm[t]) >= world.limits.contrast_countries and t in down]
    if 2 * len(gone) > len(asked):
        return Said(("site_down", f"targets:{len(gone)}", tuple(sorted(set().union(*(firm[t] for t in gone))))))
    failing = sorted(set().union(*loose.values()))
    against = [f"fails_elsewhere:{len(failing)}"] if failing else []
    against += [f"controls_fail:{len(down)}"] if down else []
    fine = len(able) - len(failing)
    return Said(None, tuple(against), (f"works_elsewhere:{fine}",) if fine > 0 else ())


def _countries(
    world: World, target: str, country: str, begin: int, end: int
) -> tuple[set[str], set[str], set[str], bool]:
    """(countries that newly fail, whoever is left out; that newly fail; that could say so; whether controls fail)."""
    votes, limits = world.votes, world.limits
    by_country: dict[str, list[int]] = defaultdict(list)
    for number in world.by_target[target]:
        by_country[votes.series[number].country].append(number)
    firm: set[str] = set()
    loose: set[str] = set()
    able: set[str] = set()
    controls = 0
    for other, series in by_country.items():
        now = world.rows(series, begin, end)
        dead = votes.columns["state"][now] == DOWN
        if (
            len(now) >= _FEW
            and dead.sum() >= 0.2 * len(now)
            and len(np.unique(votes.columns["vantage"][now[dead]])) > 1
        ):
            controls += 1
        if other == country:
            continue
        before = world.rows(series, begin - limits.contrast_days, begin - 1 - _AFTER)
        weight, x = votes.columns["weight"][before], votes.columns["x"][before]
        tried = weight > 0
        # Whoever has a standing finding, or never worked, has nothing to say of a new failure.
        if tried.sum() < _SOME or float(np.mean(x[tried] > 0.5)) > _WORKED or len(now) < _FEW:
            continue
        able.add(other)
        failed = _failed(votes, now)
        vantage = votes.columns["vantage"][now]
        if failed.mean() >= limits.contrast_share and len(np.unique(vantage[failed])) > 1:
            loose.add(other)
            if all(_still(failed[vantage != one], limits) for one in np.unique(vantage)):
                firm.add(other)
    return firm, loose, able, controls >= limits.contrast_countries


def _still(failed: Ints, limits: Limits) -> bool:
    return len(failed) >= 2 and float(failed.mean()) >= limits.contrast_share


def _failed(votes: Votes, rows: Ints) -> Ints:
    """Tries that came to nothing, for whatever reason."""
    state, x = votes.columns["state"][rows], votes.columns["x"][rows]
    return (x > 0.5) | (state == DOWN) | (state == UNKNOWN)


def _instrument(world: World, members: Sequence[Change]) -> Said:
    """Does the change keep to a release, or to one platform, of the probe?"""
    votes = world.votes
    start = min(m.before for m in members) // HOURS
    targets = sorted({m.key.target for m in members})[:200]
    rows = world.rows([number for t in targets for number in world.by_target[t]], start, start + _UNDER)
    rows = rows[votes.columns["weight"][rows] > 0]
    if not len(rows):
        return Said()
    changed = (votes.columns["x"][rows] > 0.5) == (members[0].direction == "block")
    release = _split(world, rows, changed, slice(0, 2))
    if release is not None:
        mine, name = release
        found = _under(world, rows, changed, mine)
        # A release is new where the same was tried before it came, under others.
        came = int(world.first_seen[votes.columns["version"][rows[mine]]].min())
        earlier = world.rows([number for t in targets for number in world.by_target[t]], 0, came - 1)
        new = came >= start - _NEW and len(earlier) >= _SOME
        old = not mine.all() and int(world.first_seen[votes.columns["version"][rows[~mine]]].min()) < came
        if found is None and mine.all() and new:
            found = _everywhere(world, rows, changed, members, start)
        if found is not None and new and (old or mine.all()):
            detail = f"version:{name}"
            return Said(("instrument", detail, tuple(sorted(found)))) if found else Said(None, (f"follows_{detail}",))
    platform = _split(world, rows, changed, slice(2, 3))
    if platform is not None and _under(world, rows, changed, platform[0]) is not None:
        return Said(None, (f"follows_platform:{platform[1]}",))
    return Said()


def _split(world: World, rows: Ints, changed: Ints, part: slice) -> tuple[Ints, str] | None:
    """The tries under the kinds (versions, platforms) that show the change, where every other kind shows none of it."""
    names = ["/".join(p or "?" for p in name[part]) for name in world.votes.names["version"]]
    ordered = sorted(set(names))
    at = {name: number for number, name in enumerate(ordered)}
    kind = np.array([at[name] for name in names], np.int64)[world.votes.columns["version"][rows]]
    n = np.bincount(kind, minlength=len(ordered))
    share = np.bincount(kind, weights=changed, minlength=len(ordered)) / np.maximum(n, 1)
    shows = (n >= _FEW) & (share >= world.limits.version_share)
    passes = (n > 0) & (share <= _WORKED)
    # A few tries under kinds that are neither spoil nothing.
    if not shows.any() or n[shows | passes].sum() < 0.9 * n.sum():
        return None
    return shows[kind], " ".join(ordered[k] for k in np.flatnonzero(shows)[:5])


def _under(world: World, rows: Ints, changed: Ints, mine: Ints) -> set[str] | None:
    """None: no contrast between these kinds and the others. Else the countries where it is beyond doubt, maybe none."""
    votes, limits = world.votes, world.limits
    series = votes.columns["series"][rows]
    both = np.intersect1d(series[mine], series[~mine])
    here = np.isin(series, both)
    if (here & mine).sum() < _SOME or (here & ~mine).sum() < _SOME:
        return None
    if changed[here & mine].mean() < limits.version_share or changed[here & ~mine].mean() > _WORKED:
        return None
    others = np.unique(votes.columns["device"][rows[here & ~mine]])
    networks = {votes.series[s][:2] for s in np.unique(series[here & mine & changed]).tolist()}
    sure = len(others) > 2 and len(networks) > 1
    return {votes.series[s].country for s in both.tolist()} if sure else set()


def _everywhere(world: World, rows: Ints, changed: Ints, members: Sequence[Change], start: int) -> set[str] | None:
    """Nobody runs another version any more: a new one under which unrelated countries change at once."""
    votes, limits = world.votes, world.limits
    series = [s for t in {m.key.target for m in members} for s in world.by_target[t]]
    if not len(world.rows(series, start - limits.contrast_days, start - 3)):
        return None
    country = np.array([votes.series[s].country for s in votes.columns["series"][rows].tolist()])
    found: set[str] = set()
    for one in np.unique(country).tolist():
        own = country == one
        vantages = np.unique(votes.columns["vantage"][rows[own & changed]])
        if own.sum() >= _FEW and changed[own].mean() >= limits.version_share and len(vantages) > 1:
            found.add(one)
    if len(found) > limits.contrast_countries:  # this country and three others
        return found
    return set() if len(found) > 1 else None
