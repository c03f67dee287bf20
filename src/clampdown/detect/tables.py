"""Law: detection is one function of verdicts, coverage, thresholds and what was said before; the same in, the same out.

Verdicts become tries, tries become courses, courses become findings and changes, changes become events. Changes that
a contrast withholds, bursts, broken sessions and collapses of measuring go to the list of notes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from clampdown.detect import events, silence
from clampdown.detect.contrast import Edits, World
from clampdown.detect.courses import courses
from clampdown.detect.doubt import Doubts, crowd_of, set_aside
from clampdown.detect.events import Cluster, Names, clusters, contrasted
from clampdown.detect.findings import Hands, Row, Users, country_rows, episode_row, quiet_table, tail_row
from clampdown.detect.limits import Limits, load_limits
from clampdown.detect.measure import Counter, counter
from clampdown.detect.members import changes
from clampdown.detect.series import HOURS
from clampdown.detect.standing import standing
from clampdown.detect.votes import Day, Votes, gather, of_day
from clampdown.model import DETECTED, FINDINGS, NOTES

_ORDER = ("country", "target", "network", "onset_before", "state")


@dataclass(frozen=True, slots=True)
class Given:
    """What detection needs beside the data."""

    limits: Limits = field(default_factory=load_limits)
    names: Names = field(default_factory=lambda: Names(family, lambda _: ()))
    users: Users = field(default_factory=dict[tuple[str, int], float])
    previous: Mapping[str, pa.Table] | None = None
    edits: Edits | None = None


def family(target: str) -> str:
    """The platform of a target; a site is its own."""
    platform, _, _ = target.partition("/")
    return target if platform == "web" else platform


def detect_tables(
    days: Iterable[pa.Table], coverage: Iterable[pa.Table] = (), given: Given | None = None
) -> dict[str, pa.Table]:
    """Findings, events, event_members and notes of verdicts given day by day (a table of one day each)."""
    given = given or Given()
    return detect_votes((of_day(table, given.limits.icc) for table in days), coverage, given)


def detect_votes(found: Iterable[Day | None], coverage: Iterable[pa.Table], given: Given) -> dict[str, pa.Table]:
    """The same from the tries of days, which may have been taken anywhere."""
    limits = given.limits
    votes, doubts = set_aside(gather(found), limits)
    if not len(votes):
        return _nothing(silence.collapses(silence.tally(coverage), votes.first, votes.days, limits))
    count = counter(votes, crowd_of(votes), limits)
    seen = courses(votes, limits)
    firm = standing(votes, seen, limits)
    rows: dict[tuple[int, int], Row] = {}
    tails: list[Row] = []
    for series, course in seen.items():
        key = votes.series[series]
        for number, episode in enumerate(course.episodes):
            rows[series, number] = episode_row(votes, count, key, episode, limits, firm=(series, number) in firm)
        tail = tail_row(votes, count, key, course, limits)
        if tail is not None:
            tails.append(tail)
    world = World(votes, limits)
    kept, withheld = contrasted(
        clusters(changes(votes, seen, rows, count, limits), given.names, limits), world, given.edits
    )
    made, members, of_place = events.tables(world, kept, given.names, limits, given.previous)
    for place, row in rows.items():
        row["event"], row["event_end"] = of_place.get(("block", place)), of_place.get(("unblock", place))
    _withhold(rows, withheld)
    return {
        "findings": _findings(votes, count, seen, [*rows.values(), *tails], given),
        "events": made,
        "event_members": members,
        "notes": _notes(
            votes, withheld, doubts, silence.collapses(silence.tally(coverage), votes.first, votes.days, limits)
        ),
    }


def _nothing(collapsed: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """Nobody tried anything that counts."""
    made = {name: schema.empty_table() for name, schema in DETECTED.items()}
    return made | {"notes": pa.Table.from_pylist(collapsed, schema=NOTES)}


def _withhold(rows: Mapping[tuple[int, int], Row], withheld: Sequence[Cluster]) -> None:
    """An episode whose beginning is the site's or the instrument's own doing is no finding of interference."""
    for cluster in withheld:
        code = cluster.said.withheld[0] if cluster.said.withheld else "withheld"
        for member in cluster.members:
            row = rows[member.place]
            known = [row["contradicts"]] if row["contradicts"] else []
            row |= {"state": "insufficient", "grade": "insufficient", "contradicts": ",".join([code, *known])}


def _findings(votes: Votes, count: Counter, seen: Mapping[int, Any], rows: list[Row], given: Given) -> pa.Table:
    quiet = quiet_table(votes, count, seen, given.limits)
    own = pa.concat_tables([quiet, pa.Table.from_pylist(rows, schema=FINDINGS)])
    if not own.num_rows:
        return own
    joint = country_rows(own.to_pylist(), Hands(votes), given.users, given.limits)
    every = pa.concat_tables([own, pa.Table.from_pylist(joint, schema=FINDINGS)])
    return every.sort_by([(name, "ascending") for name in _ORDER]).combine_chunks()


def _notes(votes: Votes, withheld: Sequence[Cluster], doubts: Doubts, collapsed: list[dict[str, Any]]) -> pa.Table:
    rows = list(collapsed)
    for cluster in withheld:
        if cluster.said.withheld is not None:  # else it is the end of one that is
            rows.extend(_withheld(votes, cluster))
    for country, network, day, devices, usual in doubts.bursts:
        rows.append(_note(votes, "burst", day, day, devices, f"devices:{devices} usual:{usual}", country, network))
    sessions: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for country, network, day, number in doubts.broken:
        sessions[country, network].append((day, number))
    for (country, network), found in sorted(sessions.items()):
        first, last = min(d for d, _ in found), max(d for d, _ in found)
        total = sum(n for _, n in found)
        rows.append(_note(votes, "broken_probe", first, last, total, f"sessions:{total}", country, network))
    rows.sort(key=_order)
    return pa.Table.from_pylist(rows, schema=NOTES)


def _order(row: Mapping[str, Any]) -> list[tuple[bool, str]]:
    texts = [row[name] for name in ("country", "first", "kind", "target", "test", "detail")]
    return [(text is not None, text or "") for text in [*texts, f"{row['network'] or 0:012d}"]]


def _withheld(votes: Votes, cluster: Cluster) -> Iterable[dict[str, Any]]:
    """One note for each target that a withheld cluster is about."""
    kind, detail, countries = cluster.said.withheld or ("instrument", "", ())
    for target in sorted({m.key.target for m in cluster.members}):
        own = [m for m in cluster.members if m.key.target == target]
        first, last = min(m.before for m in own) // HOURS, max(m.until or m.before for m in own) // HOURS
        tests = sorted(
            {votes.names["version"][v][3] or "" for m in own for v in votes.columns["version"][m.rows].tolist()}
        )
        row = _note(votes, kind, first, last, len(own), detail, cluster.country, None)
        yield row | {"target": target, "test": " ".join(tests), "countries": " ".join(countries) or None}


def _note(
    votes: Votes, kind: str, first: int, last: int, members: int, detail: str, country: str, network: int | None
) -> dict[str, Any]:  # fmt: skip
    return dict.fromkeys(NOTES.names) | {
        "kind": kind, "country": country, "network": network, "members": members, "detail": detail,
        "first": date.fromordinal(votes.first + first).isoformat(),
        "last": date.fromordinal(votes.first + last).isoformat(),
    }  # fmt: skip
