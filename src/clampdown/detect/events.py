"""Law: one real-world happening is one row, and keeps its name while it stays what it is.

Changes of one platform within days of each other, network by network, are one happening; so are changes of several
platforms at the same time on the same networks. An event takes the id that an earlier run gave to most of its
members; where it splits or merges it says which ids it replaces. A new id follows from the event's first member.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa

from clampdown.detect.brackets import turns
from clampdown.detect.contrast import Edits, Said, Wanted, World, contrast, edited
from clampdown.detect.findings import moment_of
from clampdown.detect.limits import Limits
from clampdown.detect.members import Change
from clampdown.detect.series import HOURS
from clampdown.detect.votes import Votes
from clampdown.model import EVENT_MEMBERS, EVENTS

_HEARD: Final = 7  # days after an event in which a network may show that it was heard
_STRAY: Final = 0.1  # of a happening's changes, how many may be so badly dated that they seem another one
_BADLY: Final = 21 * HOURS  # by how much
_TELLS: Final = 3 * HOURS  # a bracket wider than this says nothing of another network's
_CLEAR: Final = 0.8  # from this share on, the order of single tries tells when
_WITNESS: Final = 3 * HOURS  # networks that change within this are witnesses of each other
_SILENT: Final = Said()
_SAME: Final = timedelta(days=3)  # more data may move a member's bracket by so much, and it is still that member


@dataclass(frozen=True, slots=True)
class Names:
    """What events need of the reference: the family (platform, or the target itself) and the groups of a target."""

    family: Callable[[str], str]
    groups: Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Changes that belong together, and why."""

    members: tuple[Change, ...]
    why: frozenset[str]
    said: Said = _SILENT

    @property
    def direction(self) -> str:
        return self.members[0].direction

    @property
    def country(self) -> str:
        return self.members[0].key.country

    @property
    def networks(self) -> frozenset[int]:
        return frozenset(m.key.network for m in self.members)

    def at(self, reach: int) -> float:
        """When it happened, in hours: the middle of the brackets of those members that tell it best."""
        spans = sorted((clipped(m, reach) for m in self.members), key=lambda s: s[1] - s[0])
        return median(sum(span) / 2 for span in spans[: max(1, (len(spans) + 2) // 3)])


def clipped(change: Change, reach: int) -> tuple[int, int]:
    """The bracket of a change, none wider than the days in which an order is carried out."""
    low = change.before - reach if change.after is None else max(change.after, change.before - reach)
    return low, change.before


def clusters(found: Sequence[Change], names: Names, limits: Limits) -> list[Cluster]:
    """The changes that belong together: first network by network, then platform by platform."""
    families: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in found:
        families[change.key.country, change.direction, names.family(change.key.target)].append(change)
    places: dict[tuple[str, str], list[Cluster]] = defaultdict(list)
    for (country, direction, _), members in sorted(families.items()):
        places[country, direction].extend(_chained(members, limits))
    made: list[Cluster] = []
    for _, own in sorted(places.items()):
        made.extend(_absorbed(_together(own, limits), names))
    return made


def _absorbed(found: list[Cluster], names: Names) -> list[Cluster]:
    """Where a large happening is known, a few of its changes that seem to lie apart are badly dated, not another one.

    They are on its networks and of its platforms, and either last beyond its time or are close to it.
    """
    order = sorted(found, key=lambda c: -len(c.members))
    large: list[Cluster] = []
    for cluster in order:
        for number, big in enumerate(large):
            if len(cluster.members) <= _STRAY * len(big.members) and _strays(cluster, big, names):
                members = sorted((*big.members, *cluster.members), key=lambda m: (m.before, m.key, m.place))
                large[number] = replace(big, members=tuple(members))
                break
        else:
            large.append(cluster)
    return large


def _strays(cluster: Cluster, big: Cluster, names: Names) -> bool:
    families = {names.family(m.key.target) for m in big.members}
    middle = median(m.before for m in big.members)
    return all(
        m.key.network in big.networks
        and names.family(m.key.target) in families
        and (abs(m.before - middle) <= _BADLY or (cluster.direction == "block" and m.before <= middle <= _until(m)))
        for m in cluster.members
    )


def _chained(members: list[Change], limits: Limits) -> list[Cluster]:
    """One family's changes, each within days of the one before it."""
    reach = limits.rollout_days * HOURS
    ordered = sorted(members, key=lambda m: (clipped(m, reach), m.key))
    groups: list[list[Change]] = []
    end = over = 0
    for change in ordered:
        low, high = clipped(change, reach)
        # What began after all of it was over is another happening.
        if groups and low - end <= reach and (change.direction == "unblock" or low <= over):
            groups[-1].append(change)
            end, over = max(end, high), max(over, _until(change))
        else:
            groups.append([change])
            end, over = high, _until(change)
    return [Cluster(tuple(g), frozenset({"same_platform"} if len(g) > 1 else ())) for g in groups]


def _until(change: Change) -> int:
    return 1 << 40 if change.until is None else change.until


def _together(found: list[Cluster], limits: Limits) -> list[Cluster]:
    """Families that changed at the same time on the same networks: each is close to every other one it is joined to."""
    reach, most = limits.rollout_days * HOURS, limits.together_days * HOURS
    order = sorted(found, key=lambda c: (c.at(reach), c.members[0].key))
    times = [cluster.at(reach) for cluster in order]
    groups: list[list[int]] = []
    for i, cluster in enumerate(order):
        for group in reversed(groups):
            if all(times[i] - times[j] <= most for j in group) and any(
                _shared(cluster, order[j], limits) for j in group
            ):
                group.append(i)
                break
        else:
            groups.append([i])
    made: list[Cluster] = []
    for own in groups:
        members = sorted((m for i in own for m in order[i].members), key=lambda m: (m.before, m.key, m.place))
        why = {w for i in own for w in order[i].why} | ({"same_days", "shared_networks"} if len(own) > 1 else set())
        made.append(Cluster(tuple(members), frozenset(why)))
    return made


def _shared(one: Cluster, other: Cluster, limits: Limits) -> bool:
    small = min(len(one.networks), len(other.networks))
    return len(one.networks & other.networks) >= limits.shared_networks * small


def contrasted(found: Sequence[Cluster], world: World, edits: Edits | None) -> tuple[list[Cluster], list[Cluster]]:
    """(events, what is withheld): each cluster with what the others say of it. The end of what is withheld is too."""
    kept: list[Cluster] = []
    withheld: list[Cluster] = []
    for cluster, changed in zip(found, _edited(found, world, edits), strict=True):
        said = changed if changed.withheld else contrast(world, cluster.members)
        (withheld if said.withheld else kept).append(replace(cluster, said=said))
    gone = {m.place for cluster in withheld for m in cluster.members}
    halves = [c for c in kept if 2 * sum(m.place in gone for m in c.members) > len(c.members)]
    return [c for c in kept if c not in halves], [*withheld, *halves]


def _edited(found: Sequence[Cluster], world: World, edits: Edits | None) -> list[Said]:
    """What came with each cluster: another list of tests, or other reference data for bodies."""
    if edits is None:
        return [_SILENT] * len(found)
    wanted = [
        Wanted(
            cluster.country,
            frozenset(m.key.target for m in cluster.members),
            date.fromordinal(world.votes.first + min(m.before - 1 for m in cluster.members) // HOURS),
        )
        for cluster in found
    ]
    told = edits(wanted)
    made: list[Said] = []
    for number, cluster in enumerate(found):
        bodies = all((m.mechanism or "").startswith(("http.blockpage", "http.differs")) for m in cluster.members)
        made.append(edited(*told[number], bodies=bodies) if number in told else _SILENT)
    return made


def grade_of(cluster: Cluster, limits: Limits) -> str:
    """The best grade of a member; networks that several devices vouch for are witnesses of each other."""
    grades = {m.grade for m in cluster.members}
    networks: dict[int, set[tuple[object, ...]]] = defaultdict(set)
    for member in cluster.members:
        networks[member.key.network] |= member.signatures
    every = set().union(*networks.values())
    # The same description everywhere may be one hand that claims to be in many places.
    several = len(networks) >= limits.corroborated_networks and len(every) > 1 and _at_once(cluster)
    ended = [m.ended for m in cluster.members if m.ended is not None]
    if ended:  # nor is the end of what one hand made up more than that was
        several = several and len(frozenset[tuple[object, ...]]().union(*ended)) > 1
    if "confirmed" in grades or "corroborated" in grades:
        return "confirmed" if "confirmed" in grades else "corroborated"
    return "corroborated" if several else "consistent"


def _at_once(cluster: Cluster) -> bool:
    """Did two networks change within days of each other? Else one is no witness of the other."""
    order = sorted((m.before, m.key.network) for m in cluster.members)
    return any(b - a <= _WITNESS and one != other for (a, one), (b, other) in pairwise(order))


def tables(
    world: World, found: Sequence[Cluster], names: Names, limits: Limits, previous: Mapping[str, pa.Table] | None
) -> tuple[pa.Table, pa.Table, dict[tuple[str, tuple[int, int]], str]]:
    """Events, their members, and the event of each (direction, episode)."""
    votes = world.votes
    ids, replaced = _ids(votes, found, previous)
    of_place = {(c.direction, m.place): i for c, i in zip(found, ids, strict=True) for m in c.members}
    rows: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []
    for cluster, event, old in zip(found, ids, replaced, strict=True):
        rows.append(_event(world, cluster, event, old, of_place, names, limits))
        members.extend(_member(votes, event, change) for change in cluster.members)
    rows.sort(key=lambda r: (r["country"], r["onset_before"], r["event"]))
    members.sort(key=lambda r: (r["event"], r["target"], r["network"], r["before"]))
    return _table(rows, EVENTS), _table(members, EVENT_MEMBERS), of_place


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def _event(
    world: World, cluster: Cluster, event: str, replaced: Sequence[str],
    of_place: Mapping[tuple[str, tuple[int, int]], str], names: Names, limits: Limits,
) -> dict[str, Any]:  # fmt: skip
    votes, members, blocks = world.votes, cluster.members, cluster.direction == "block"
    after, before, spread = _when(world, cluster)
    other = "unblock" if blocks else "block"
    halves = Tally(i for m in members if (i := of_place.get((other, m.place))) is not None)
    targets = sorted({m.key.target for m in members})
    patterns = Tally(p.partition(":")[0] if p.startswith("rec") else p for m in members if m.pattern
                     for p in m.pattern.split(","))  # fmt: skip
    against = Tally(code for m in members for code in m.against)
    shared = [code for code, n in against.items() if 2 * n > len(members)]
    return {
        "event": event, "direction": cluster.direction, "country": cluster.country,
        "grade": grade_of(cluster, limits), "targets": " ".join(targets),
        "platforms": " ".join(sorted({names.family(t) for t in targets})),
        "groups": " ".join(sorted({g for t in targets for g in names.groups(t)})),
        "networks": " ".join(str(n) for n in sorted(cluster.networks)),
        "mechanisms": " ".join(sorted({m.mechanism for m in members if m.mechanism})),
        "onset_after": moment_of(votes, after), "onset_before": moment_of(votes, before),
        "spread": moment_of(votes, spread),
        "lasts": 2 * sum(m.lasts for m in members) > len(members) if blocks else None,
        "counterpart": min(halves, key=lambda i: (-halves[i], i)) if halves else None,
        "members": len(members), "targets_n": len(targets), "networks_n": len(cluster.networks),
        "networks_data": _heard(world, cluster, targets), "statistic": round(sum(m.statistic for m in members), 3),
        "pattern": ",".join(sorted(p for p, n in patterns.items() if 2 * n > len(members))) or None,
        "why": ",".join(sorted({*cluster.why, *cluster.said.backing})),
        "contradicts": ",".join(sorted({*shared, *cluster.said.against})) or None,
        "supersedes": " ".join(sorted(replaced)) or None,
    }  # fmt: skip


def _when(world: World, cluster: Cluster) -> tuple[int | None, int, int]:
    """The bracket of the first network, and when the last one was seen to have followed.

    All targets of a network tell together when it changed: one of many may be badly dated by itself.
    """
    networks: dict[int, list[Change]] = defaultdict(list)
    for member in cluster.members:
        networks[member.key.network].append(member)
    dated = [_dated(world, own) for own in networks.values()]
    after, before = min(dated, key=lambda d: (d[1], d[0] if d[0] is not None else -1))
    if after is not None:
        # Another network may have changed earlier, as far as its own bracket tells; not one that hardly tells anything.
        after = min([after, *(a for a, b in dated if a is not None and b - a <= _TELLS)])
    return after, before, max(b for _, b in dated)


def _dated(world: World, own: Sequence[Change]) -> tuple[int | None, int]:
    """When the changes of one network happened: of several targets, by all of their tries in the order of time."""
    if len(own) == 1:
        return own[0].after, own[0].before
    middle = int(median(m.before for m in own))
    low, high = (middle - _BADLY) // HOURS, (middle + _BADLY) // HOURS
    at = world.numbers
    rows = world.rows([at[m.key] for m in own], low, high)
    c = world.votes.columns
    rows = rows[(c["weight"][rows] > 0)]
    hour = c["day"][rows].astype(np.int64) * HOURS + np.maximum(c["hour"][rows], 0)
    order = np.argsort(hour, kind="stable")
    rows, hour = rows[order], hour[order]
    levels = [[v for v in (getattr(m, name) for m in own) if v is not None] for name in ("level_before", "level_after")]
    old, new = (median(v) if v else 0.0 for v in levels)
    first, last = turns(world.votes, rows, old, new, world.limits.bracket)
    if max(old, new) < _CLEAR:
        # Of a partial block the order of single tries tells little: what all its targets allow.
        afters = [m.after for m in own if m.after is not None]
        return min(afters) if afters else None, max(m.before for m in own)
    changed = (c["x"][rows] > 0.5) == (own[0].direction == "block")
    earlier, later = np.flatnonzero(~changed[:first]), np.flatnonzero(changed[last:])
    if not len(earlier) or not len(later):
        return own[0].after, own[0].before
    return int(hour[earlier[-1]]), int(hour[last + later[0]]) + 1


def _heard(world: World, cluster: Cluster, targets: Sequence[str]) -> int:
    """Networks of the country that tried any of the targets in the days of the event."""
    first = min(m.before for m in cluster.members) // HOURS
    last = max(m.before for m in cluster.members) // HOURS + _HEARD
    found: set[int] = set()
    for number in (n for target in targets for n in world.by_target[target]):
        key = world.votes.series[number]
        if key.country == cluster.country and key.network not in found and len(world.rows([number], first, last)):
            found.add(key.network)
    return len(found | cluster.networks)


def _member(votes: Votes, event: str, change: Change) -> dict[str, Any]:
    return {
        "event": event, "country": change.key.country, "network": change.key.network, "target": change.key.target,
        "direction": change.direction, "after": moment_of(votes, change.after),
        "before": moment_of(votes, change.before), "level_before": change.level_before,
        "level_after": change.level_after, "statistic": round(change.statistic, 3), "grade": change.grade,
        "mechanism": change.mechanism, "k": change.k, "n": change.n,
    }  # fmt: skip


def _ids(
    votes: Votes, found: Sequence[Cluster], previous: Mapping[str, pa.Table] | None
) -> tuple[list[str], list[list[str]]]:
    """The id of each event, and the earlier ids that it replaces."""
    known: dict[tuple[str, int, str, str], list[tuple[datetime | None, datetime, str]]] = defaultdict(list)
    for row in previous["event_members"].to_pylist() if previous else ():
        key = (row["country"], row["network"], row["target"], row["direction"])
        known[key].append((row["after"], row["before"], row["event"]))
    claims: list[Tally[str]] = []
    for cluster in found:
        claim: Tally[str] = Tally()
        for m in cluster.members:
            low, high = moment_of(votes, m.after), moment_of(votes, m.before)
            for after, before, event in known.get((m.key.country, m.key.network, m.key.target, m.direction), ()):
                if high is not None and (after or before) - _SAME <= high and before + _SAME >= (low or high):
                    claim[event] += 1
        claims.append(claim)
    fresh = [_fresh(votes, cluster) for cluster in found]
    owners: dict[str, int] = {}
    for event in sorted({e for claim in claims for e in claim}):
        owners[event] = max(range(len(found)), key=lambda i: (claims[i][event], -i))
    ids: list[str] = []
    replaced: list[list[str]] = []
    taken = set(owners)
    for number, (claim, new) in enumerate(zip(claims, fresh, strict=True)):
        own = [event for event in claim if owners[event] == number]
        if own:
            chosen = min(own, key=lambda e: (-claim[e], e))
        else:
            chosen = new
            while chosen in taken:  # two events of one first member, or an id that was given to another one
                chosen = _named(found[number], chosen)
        taken.add(chosen)
        ids.append(chosen)
        replaced.append([e for e in claim if e != chosen and (e in own or not own)])
    return ids, replaced


def _fresh(votes: Votes, cluster: Cluster) -> str:
    first = min(cluster.members, key=lambda m: (m.before, m.key))
    day = moment_of(votes, first.before)
    return _named(cluster, f"{cluster.direction} {first.key.target} {first.key.network} {day:%Y-%m-%d}")


def _named(cluster: Cluster, text: str) -> str:
    return f"{cluster.country}-{sha256(f'{cluster.country} {text}'.encode()).hexdigest()[:10]}"
