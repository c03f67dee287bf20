"""Law: every way has a cell for the country and for each network, tried or not; what nobody tried is `untested`.

From verdicts, steps, findings and published counts to the frozen answer. A country's cell is made of its networks and
hides no difference between them; counts without vantage points fill only what tests leave open.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import counted as counts
from clampdown.assess import ways as doc
from clampdown.assess.counting import DECIDED, Bounds, Caps, Row, bounds, rows_of, tally
from clampdown.assess.document import Inputs
from clampdown.assess.reach import UNTESTED, Limits, Reach, first_day, interval, reach
from clampdown.assess.since import Found, changed_of, found_of, since_of
from clampdown.assess.stages import End, Facts, Tried, ended, stages, variants
from clampdown.assess.trying import FAILED, combine, state_of, together
from clampdown.assess.ways import Access, Counted, Question, Tested
from clampdown.assess.witnesses import Listing, listing
from clampdown.evidence import Witness, Witnesses
from clampdown.model import GRADES, Terms
from clampdown.reference.tools import Tools, Way, labels_of, ways_of

NEEDED: Final = (
    "measurement", "target", "network", "state", "mechanism", "rule", "day", "hour", "time", "vantage",
    "vantage_kind", "repeat", "test", "settled", "platform", "software", "network_type", "resolver_network",
)  # fmt: skip
_SAID: Final = ("measurement", "target", "network", "state", "rule", "day", "hour", "time", "vantage", "test")
_UNSAID: Final = ("insufficient", "untested")
_CAME: Final = ("works", "impaired")


class Given(NamedTuple):
    """What an answer is made from. The verdicts may hold more than the window and the tools."""

    verdicts: pa.Table
    caps: Caps
    facts: Facts
    findings: pa.Table | None  # None: nothing was detected
    counted: Mapping[str, tuple[Counted, ...]]  # test -> counts
    inputs: Inputs
    terms: Terms | None
    synthetic: bool = False


class _World(NamedTuple):
    """What every cell is made from."""

    at: str
    first: str
    given: Given
    limits: Limits
    found: Found
    rows: Mapping[str, list[Row]]  # target -> rows
    asked: Mapping[str, list[dict[str, Any]]]  # target -> verdicts
    listed: Mapping[str, Witness]
    timed: frozenset[int]  # networks whose times may be said
    networks: tuple[int, ...]


def build(
    question: Question,
    at: str,
    tools: Tools,
    given: Given,
    limits: Limits,
    usage: tuple[doc.Usage, ...] = (),
    conflicts: tuple[doc.Conflict, ...] = (),
) -> Access:
    """Answer `access COUNTRY` as of the end of the day `at`."""
    first = first_day(at, limits.window_days)
    asked = _asked(given.verdicts, tools, first, at)
    every = rows_of(asked)
    tested = _tested(asked, every, given.caps, limits)
    day_only = frozenset(each.network for each in tested if each.day_only)
    timed = frozenset(each.network for each in tested if not each.day_only)
    listed = listing(asked, day_only, synthetic=given.synthetic)
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in every:
        rows[cast("str", row.target)].append(row)
    verdicts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for verdict in asked.select(list(_SAID)).to_pylist():
        verdicts[verdict["target"]].append(verdict)
    networks = tuple(each.network for each in tested)
    if question.network is not None:
        networks = (question.network,)
    found = found_of(given.findings, at)
    world = _World(at, first, given, limits, found, rows, verdicts, _by_id(listed), timed, networks)
    cells = [_cells(way, world) for way in ways_of(tools)]
    return Access(
        format=doc.FORMAT, kind=doc.KIND, question=question, as_of=at, first=first, last=at,
        ways=tuple(cell[index] for index in range(1 + len(networks)) for cell in cells), networks=tested, usage=usage,
        conflicts=conflicts, labels=labels_of(tools), limits=limits.values(), inputs=given.inputs, terms=given.terms,
        witnesses_digest=listed.digest,
    )  # fmt: skip


def _asked(verdicts: pa.Table, tools: Tools, first: str, at: str) -> pa.Table:
    """Verdicts on the tools' targets within the window; what counts for nothing is left out."""
    targets = sorted({target for way in ways_of(tools) for target in way.targets})
    keep = pc.is_in(verdicts["target"], pa.array(targets, pa.string()))
    keep = pc.and_(keep, pc.is_in(verdicts["state"], pa.array([*DECIDED, "unknown"])))
    keep = pc.and_(keep, pc.is_valid(verdicts["network"]))
    keep = pc.and_(keep, pc.invert(pc.fill_null(verdicts["repeat"], fill_value=False)))
    keep = pc.and_(keep, pc.and_(pc.greater_equal(verdicts["day"], first), pc.less_equal(verdicts["day"], at)))
    return verdicts.filter(keep)


def _tested(asked: pa.Table, rows: Sequence[Row], cap: Caps, limits: Limits) -> tuple[Tested, ...]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[cast("int", row.network)].append(row)
    ids: dict[int, set[str]] = defaultdict(set)
    for network, measurement in zip(asked["network"].to_pylist(), asked["measurement"].to_pylist(), strict=True):
        ids[network].add(measurement)
    made = [
        Tested(
            network=network, measurements=len(ids[network]), vantage=(vantage := bounds(mine, cap)),
            day_only=vantage.low < limits.counting.private_below,
        )
        for network, mine in grouped.items()
    ]  # fmt: skip
    return tuple(sorted(made, key=lambda each: (-each.measurements, each.network)))


def _by_id(listed: Listing) -> dict[str, Witness]:
    return {witness.measurement: witness for found in listed.by_cell.values() for witness in found}


# ---- the cells of one way ----------------------------------------------------------------------------------------


class _Tries(NamedTuple):
    """The measurements of one way."""

    tried: Mapping[int | None, list[Tried]]  # network, or None for all -> in the order of their ids
    verdicts: Mapping[str, list[dict[str, Any]]]  # measurement -> those on the targets that decide
    ends: Mapping[str, End]  # measurement -> where it failed
    targets: Mapping[int | None, frozenset[str]]  # network, or None for all -> tried there


def _cells(way: Way, world: _World) -> list[doc.Way]:
    """The country's cell, then one for each network in question."""
    by_network: dict[int, list[Row]] = defaultdict(list)
    for row in combine((row for target in way.deciding for row in world.rows.get(target, ())), way):
        by_network[cast("int", row.network)].append(row)
    tries = _tries(way, world)
    said = {
        network: reach(
            rows, world.at, world.limits, world.given.caps, changed_of(world.found, way, network, world.first, world.at)
        )
        for network, rows in sorted(by_network.items())
    }
    country, enough, same = _country(by_network, said, world)
    begun = {network: one.first for network, one in said.items()}
    made = [_with_counts(_cell(way, None, country, begun, tries, world), way, enough, same, world)]
    return made + [_cell(way, network, said.get(network, UNTESTED), begun, tries, world) for network in world.networks]


def _tries(way: Way, world: _World) -> _Tries:
    """Each measurement of the way, with what came of it."""
    verdicts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for target in way.deciding:
        for verdict in world.asked.get(target, ()):
            verdicts[verdict["measurement"]].append(verdict)
    tried: dict[int | None, list[Tried]] = defaultdict(list)
    ends: dict[str, End] = {}
    for measurement, found in sorted(verdicts.items()):
        states: dict[str, set[str]] = defaultdict(set)
        for verdict in found:
            states[verdict["target"]].add(verdict["state"])
        state, by = together({target: state_of(seen) for target, seen in states.items()}, way)
        one = found[0]
        bad = by if state in FAILED else ()
        each = Tried(measurement, one["network"], one["vantage"], one["day"], one["hour"], state, bad)
        tried[one["network"]].append(each)
        tried[None].append(each)
        end = ended(each, way, world.given.facts)
        if end is not None:
            ends[measurement] = end
    targets: dict[int | None, set[str]] = defaultdict(set)
    for target in way.targets:
        for verdict in world.asked.get(target, ()):
            targets[verdict["network"]].add(target)
            targets[None].add(target)
    return _Tries(tried, verdicts, ends, {network: frozenset(seen) for network, seen in targets.items()})


def _cell(
    way: Way, network: int | None, said: Reach, begun: Mapping[int, str | None], tries: _Tries, world: _World
) -> doc.Way:
    every = tries.tried.get(network, [])
    now = [tried for tried in every if tried.day >= (begun.get(tried.network) or "")]
    good = [tried for tried in every if tried.state == "ok"]
    bad = [tried for tried in every if tried.state in FAILED or tried.measurement in tries.ends]
    last_ok, age_ok = _last(good, network, tries, world)
    last_failed, age_failed = _last(bad, network, tries, world)
    verdicts = [verdict for tried in now for verdict in tries.verdicts[tried.measurement]]
    seen = tries.targets.get(network, frozenset())
    return doc.Way(
        tool=way.tool, way=way.id, network=network, state=said.state, reason=said.reason, grade=said.grade, n=said.n,
        ok=said.ok, share=said.share, low=said.low, high=said.high, vantage=said.vantage, networks=None,
        networks_state=None, last_ok=last_ok, last_failed=last_failed, age_ok=age_ok, age_failed=age_failed,
        stages=stages(now, tries.ends), mechanisms=said.mechanisms,
        variants=variants(now, way, world.given.facts, tries.ends),
        since=since_of(world.found, way, network, world.at, world.timed), counted=(),
        targets=tuple(target for target in way.targets if target in seen),
        tests=tuple(sorted({v["test"] for v in verdicts if v["test"]})),
        rules=tuple(sorted({v["rule"] for v in verdicts if v["rule"] and v["state"] in DECIDED})),
        witnesses=_witnesses(good, bad, world), first=said.first,
    )  # fmt: skip


def _with_counts(made: doc.Way, way: Way, enough: int, same: int, world: _World) -> doc.Way:
    """The country's cell with its networks, and with published counts, which speak where no test does. Where these
    too say nothing, somebody tried all the same."""
    counted = tuple(one for test in way.counted for one in world.given.counted.get(test, ()))
    made = msgspec.structs.replace(made, networks=enough, networks_state=same, counted=counted)
    told = counts.state_of(counted, world.at, world.limits) if made.state in _UNSAID else None
    if told is None:
        if made.state != "untested" or not counted:
            return made
        reason = counts.unsaid(counted, world.at, world.limits)
        return msgspec.structs.replace(made, state="insufficient", reason=reason, vantage=None)
    state, count = told
    n = count.n or 0
    return msgspec.structs.replace(
        made, state=state, reason="counts_only", grade="consistent", n=n, ok=n - (count.failed or 0),
        share=1 - count.failed_share, low=None, high=None, vantage=None,
    )  # fmt: skip


def _last(found: Sequence[Tried], network: int | None, tries: _Tries, world: _World) -> tuple[str | None, int | None]:
    """(when, days before `at`) of the newest: the time only where it points at nobody."""
    if not found:
        return None, None
    newest = max(found, key=lambda each: (each.day, -1 if each.hour is None else each.hour, _time(each, tries)))
    age = (date.fromisoformat(world.at) - date.fromisoformat(newest.day)).days
    time = _time(newest, tries)
    if network not in world.timed or time[:10] != newest.day:
        return newest.day, age
    return time, age


def _time(tried: Tried, tries: _Tries) -> str:
    time = cast("datetime | None", tries.verdicts[tried.measurement][0]["time"])
    return "" if time is None else time.isoformat(timespec="seconds") + "Z"


def _witnesses(good: Sequence[Tried], bad: Sequence[Tried], world: _World) -> dict[str, Witnesses]:
    named = {
        ("way", 0, name): [world.listed[tried.measurement] for tried in found if tried.measurement in world.listed]
        for name, found in (("ok", good), ("failed", bad))
    }
    held = Listing(pa.table({}), "", named)
    return {key[2]: held.witnesses(*key, world.limits.witnesses) for key, found in named.items() if found}


# ---- the country -------------------------------------------------------------------------------------------------


def _country(by_network: Mapping[int, list[Row]], said: Mapping[int, Reach], world: _World) -> tuple[Reach, int, int]:
    """(the country's cell, networks with enough data, those of them in its state). It works where it works on every
    network with enough data; where networks differ, that is said, and `works` is counted."""
    known = {network: one for network, one in said.items() if one.state not in _UNSAID}
    if not said:
        return UNTESTED, 0, 0
    rows = [row for network, mine in by_network.items() for row in mine if row.day >= (said[network].first or "")]
    if not known:
        return _without_network(rows, said, world), 0, 0
    rows = [row for row in rows if row.network in known]
    state, reason = _joint_state([one.state for one in known.values()])
    mine = [one for one in known.values() if one.state == state]
    now = tally(row for row in rows if row.day <= world.at)
    share, low, high = interval(now.votes, world.limits.icc)
    kinds = Counter(name for one in known.values() for name in one.mechanisms)
    made = Reach(
        state=state, reason=reason, grade=_joint_grade(mine, world.limits), n=now.decided, ok=now.tries["ok"],
        share=share, low=low, high=high, vantage=_total(rows, world.given.caps),
        stands=sum(one.stands for one in mine) >= world.limits.counting.corroborated_networks,
        first=min(one.first for one in known.values() if one.first is not None),
        mechanisms=tuple(name for name, _ in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
        days=len(now.days),
    )  # fmt: skip
    counted = mine if reason is None else [one for one in known.values() if one.state == "works"]
    return made, len(known), len(counted)


def _without_network(rows: Sequence[Row], said: Mapping[int, Reach], world: _World) -> Reach:
    """No network has enough data by itself: together they may, at most `consistent`."""
    made = reach(rows, world.at, world.limits, world.given.caps)
    if made.state in _UNSAID:
        reasons = {one.reason for one in said.values()}
        return msgspec.structs.replace(made, reason=reasons.pop() if len(reasons) == 1 else made.reason)
    return msgspec.structs.replace(made, grade="consistent", reason="networks_together", stands=False)


def _joint_state(states: Iterable[str]) -> tuple[str, str | None]:
    seen = set(states)
    if len(seen) == 1:
        return seen.pop(), None
    if "conflicting" in seen or ("blocked" in seen and "works" in seen):
        return "conflicting", "networks_differ"
    if seen.intersection(_CAME):
        return "impaired", "networks_differ"
    return ("blocked" if "blocked" in seen else min(seen)), "networks_differ"


def _joint_grade(found: Sequence[Reach], limits: Limits) -> str:
    """Several networks are witnesses of each other where each stands with any one vantage point left out."""
    if not found:
        return "consistent"
    best = max((one.grade for one in found), key=GRADES.index)
    if best == "consistent" and sum(one.stands for one in found) >= limits.counting.corroborated_networks:
        return "corroborated"
    return best


def _total(rows: Sequence[Row], cap: Caps) -> Bounds:
    """A device may move, so the lower bound is that of the best network, not a sum."""
    grouped: dict[int | None, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.network].append(row)
    each = [bounds(mine, cap) for mine in grouped.values()]
    keys = {row.vantage for row in rows if row.vantage_kind in ("credential", "session") and row.vantage}
    return Bounds(low=max((one.low for one in each), default=0), high=len(keys))
