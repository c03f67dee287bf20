"""Law: every target on every network with data has a finding, `ok` and `insufficient` too; silence is never one.

A series without interference has one finding for the whole window. A series with it has one for each episode and,
where the last one ended, one for what followed. Country rows say how many of the networks with data agree.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from clampdown.detect.courses import Course, Episode
from clampdown.detect.limits import Limits
from clampdown.detect.measure import Counter, effective, grade_of, hours_of, interval, supporters, wilson
from clampdown.detect.votes import BLOCKED, DOWN, OK, REFUSED, THROTTLED, UNKNOWN, Floats, Ints, Key, Votes, distinct
from clampdown.model import FINDINGS

_UNDECIDED: Final = 3  # days on which nobody could decide anything, from which a finding says so
_EPOCH: Final = datetime(1970, 1, 1).toordinal()
Row = dict[str, Any]
Users = Mapping[tuple[str, int], float]


def moment_of(votes: Votes, hour: int | None) -> datetime | None:
    """An hour of the window as a time."""
    return None if hour is None else datetime.fromordinal(votes.first) + timedelta(hours=hour)


def episode_row(votes: Votes, count: Counter, key: Key, episode: Episode, limits: Limits, *, firm: bool) -> Row:
    """The finding that an episode of interference is. firm: it stands with any one device left out."""
    c = votes.columns
    rows = episode.rows
    hits = supporters(votes, episode)
    share, n_effective = effective(votes, rows, limits)
    low, high = interval(share, n_effective)
    at_least, at_most = count.bounds(rows)
    grade, settled = grade_of(votes, count, episode, limits, firm=firm)
    told = c["weight"][hits]
    state = "throttled" if 2 * told[c["state"][hits] == THROTTLED].sum() > told.sum() else "blocked"
    against = sorted({*episode.against, *_one_device(votes, hits), *_silent(votes, rows, episode)})
    if episode.onset.after is None and share < limits.blocked_share:
        state, grade = "conflicting", "insufficient"  # no change witnesses it, and it is no clear majority
    if grade == "insufficient" and state != "conflicting":
        state = "insufficient"
    begin, end = episode.onset, episode.end
    return _row(
        country=key.country, network=key.network, target=key.target, state=state, grade=grade,
        mechanism=mechanism_of(votes, hits),
        onset_after=moment_of(votes, begin.after), onset_before=moment_of(votes, begin.before),
        end_after=moment_of(votes, end.after) if end else None,
        end_before=moment_of(votes, end.before) if end else None,
        last_seen=moment_of(votes, _last(votes, rows)), k=len(hits), n=len(rows), share=share, low=low, high=high,
        n_effective=n_effective, vantage_low=at_least, vantage_high=at_most,
        days=len(np.unique(c["day"][rows])), days_all=_span(votes, rows, None if end is None else end.after),
        stands=firm, settled=settled, pattern=_pattern(votes, episode, share, limits),
        contradicts=",".join(against) or None, witnesses=int(c["n"][hits].sum()),
    )  # fmt: skip


def tail_row(votes: Votes, count: Counter, key: Key, course: Course, limits: Limits) -> Row | None:
    """What followed the last episode of a course: open, by the tries after it."""
    rows = course.tail
    if not len(rows) or course.tail_end is None:
        return None
    c = votes.columns
    share, n_effective = effective(votes, rows, limits)
    low, high = interval(share, n_effective)
    fine = rows[c["x"][rows] <= 0.5]
    at_least, at_most = count.bounds(fine)
    days = len(np.unique(c["day"][rows]))
    devices = len(np.unique(c["device"][fine]))
    firm = devices >= limits.vantage_points and len(fine) >= limits.tries
    enough = len(rows) >= limits.tries
    grade = "insufficient"
    if enough:
        both = at_least >= limits.vantage_points and days >= limits.corroborated_days and firm
        grade = "corroborated" if both else "consistent"
    return _row(
        country=key.country, network=key.network, target=key.target, state="ok" if enough else "insufficient",
        grade=grade, onset_after=moment_of(votes, course.tail_end.after),
        onset_before=moment_of(votes, course.tail_end.before), last_seen=moment_of(votes, _last(votes, rows)),
        k=len(rows) - len(fine), n=len(rows), share=share, low=low, high=high, n_effective=n_effective,
        vantage_low=at_least, vantage_high=at_most, days=days, days_all=_span(votes, rows, None), stands=firm,
        witnesses=int(c["n"][fine].sum()),
    )  # fmt: skip


def mechanism_of(votes: Votes, hits: Ints) -> str | None:
    """The mechanism that most of these tries saw, each by what it can tell."""
    c = votes.columns
    seen = hits[c["mechanism"][hits] >= 0]
    codes, at = np.unique(c["mechanism"][seen], return_inverse=True)
    told = np.round(np.bincount(at, weights=c["weight"][seen].astype(float), minlength=len(codes)), 6)
    named = {votes.names["mechanism"][i]: w for i, w in zip(codes.tolist(), told.tolist(), strict=True)}
    named.pop(None, None)
    return min(named, key=lambda m: (-named[m], m)) if named else None


def _row(**values: Any) -> Row:
    row: Row = dict.fromkeys(FINDINGS.names)
    row |= {"stands": False, "settled": 0, "witnesses": 0}
    return row | values


def _last(votes: Votes, rows: Ints) -> int:
    return int(votes.columns["day"][rows[-1]]) * 24 + max(0, int(votes.columns["hour"][rows[-1]])) + 1


def _span(votes: Votes, rows: Ints, end: int | None) -> int:
    """Days from the first try to the last (to the end of the window, where it lasts)."""
    first = int(votes.columns["day"][rows[0]])
    return (votes.days - first) if end is None else max(end // 24, int(votes.columns["day"][rows[-1]])) - first + 1


def _one_device(votes: Votes, hits: Ints) -> list[str]:
    return ["one_device"] if len(np.unique(votes.columns["device"][hits])) == 1 else []


def _silent(votes: Votes, rows: Ints, episode: Episode) -> list[str]:
    """It lasts as far as anybody looked: how long nobody has."""
    quiet = votes.days - 1 - int(votes.columns["day"][rows[-1]])
    return [f"silent:{quiet}"] if episode.end is None and quiet >= 7 else []


def _pattern(votes: Votes, episode: Episode, share: float, limits: Limits) -> str | None:
    words = [f"recurring:{episode.parts}"] if episode.parts > 1 else []
    hours = hours_of(votes, episode)
    if hours is not None:
        words.append(f"hours:{hours}")
    elif share < limits.blocked_share:
        words.append("partial")
    return ",".join(words) or None


def quiet_table(votes: Votes, count: Counter, skip: Iterable[int], limits: Limits) -> pa.Table:
    """The findings of all series without an episode, at once."""
    c, total = votes.columns, len(votes.series)
    use = c["weight"] > 0
    use |= np.isin(c["state"], (REFUSED, DOWN, UNKNOWN))
    series = c["series"][use]
    n = {code: np.bincount(series, weights=c["state"][use] == code, minlength=total) for code in range(6)}
    hits = n[BLOCKED] + n[THROTTLED]
    decided = hits + n[OK] + n[REFUSED] + n[DOWN]
    telling = use & (c["state"] != UNKNOWN)
    clusters = _clusters(votes, telling, total, limits)
    low_bound, high_bound, days, last = _vantages(votes, count, telling, total)
    silent_days = _days(votes, use, total) - days
    answered = silent_days < limits.undecided_days * np.maximum(days + silent_days, 1)
    state, share = _states(n, decided, answered, limits)
    firm = (clusters["devices"] >= limits.vantage_points) & (clusters["without"] >= limits.tries - 1)
    both = firm & (low_bound >= limits.vantage_points) & (days >= limits.corroborated_days)
    grade = np.where(np.isin(state, ("insufficient", "conflicting")), "insufficient",
                     np.where(both, "corroborated", "consistent"))  # fmt: skip
    n_effective = np.minimum(clusters["effective"], np.maximum(decided, 1))
    share = np.nan_to_num(share)
    low, high = wilson(share, n_effective)
    keep = np.ones(total, bool)
    keep[np.fromiter(skip, np.int64, -1)] = False
    at = np.flatnonzero(keep & (np.bincount(series, minlength=total) > 0))
    empty = decided[at] == 0

    def known(values: Any) -> pa.Array:
        return pa.array(values[at], mask=empty)

    columns: dict[str, Any] = {
        "country": pa.array([votes.series[i].country for i in at], pa.string()),
        "network": pa.array([votes.series[i].network for i in at], pa.int64()),
        "target": pa.array([votes.series[i].target for i in at], pa.string()),
        "state": pa.array(state[at].tolist(), pa.string()),
        "grade": pa.array(grade[at].tolist(), pa.string()),
        "last_seen": pa.array(
            (last[at] + (votes.first - _EPOCH) * 24) * 3_600_000_000, pa.int64(), mask=days[at] == 0
        ).cast(pa.timestamp("us")),
        "k": pa.array(hits[at].astype(np.int64)),
        "n": pa.array(decided[at].astype(np.int64)),
        "share": known(share), "low": known(low), "high": known(high), "n_effective": known(n_effective),
        "vantage_low": pa.array(low_bound[at].astype(np.int32)),
        "vantage_high": pa.array(high_bound[at].astype(np.int32)),
        "days": pa.array(days[at].astype(np.int32)),
        "days_all": pa.array(np.full(len(at), votes.days, np.int32)),
        "stands": pa.array((firm & (grade != "insufficient"))[at]),
        "settled": pa.array(np.zeros(len(at), np.int32)),
        "contradicts": pa.array(
            [f"undecided:{n}" if n >= _UNDECIDED else None for n in silent_days[at].tolist()], pa.string()
        ),
        "witnesses": pa.array(_measured(votes, telling, total)[at]),
    }  # fmt: skip
    arrays = [columns[f.name] if f.name in columns else pa.nulls(len(at), f.type) for f in FINDINGS]
    return pa.Table.from_arrays(arrays, schema=FINDINGS)


def _states(n: Mapping[int, Ints], decided: Ints, answered: Ints, limits: Limits) -> tuple[Ints, Floats]:
    """The state of every series without an episode, and its share of interference. n: tries by state."""
    hits = n[BLOCKED] + n[THROTTLED]
    with np.errstate(invalid="ignore", divide="ignore"):
        open_share, share = n[OK] / decided, hits / (hits + n[OK])
        refused, down = n[REFUSED] / decided, n[DOWN] / decided
    return np.select(
        [decided < limits.tries, refused >= limits.blocked_share, down >= limits.blocked_share,
         (share <= limits.ok_share) & (open_share >= 0.5) & answered],
        ["insufficient", "refused", "down", "ok"], "conflicting",
    ), share  # fmt: skip


def _days(votes: Votes, use: Ints, total: int) -> Ints:
    """Days with any of these tries, per series."""
    c = votes.columns
    return np.bincount(
        distinct(c["series"][use].astype(np.int64) * votes.days + c["day"][use])[0] // votes.days, minlength=total
    )  # fmt: skip


def _measured(votes: Votes, use: Ints, total: int) -> Ints:
    c = votes.columns
    return np.bincount(c["series"][use], weights=c["n"][use], minlength=total).astype(np.int64)


def _clusters(votes: Votes, use: Ints, total: int, limits: Limits) -> dict[str, Any]:
    """Per series: devices, tries that would tell as much as all of them, tries without the device that has most."""
    c = votes.columns
    span = max(1, len(votes.names["device"]))
    pairs, size = distinct(c["series"][use].astype(np.int64) * span + c["device"][use])
    of = pairs // span
    told = size / (1 + (size - 1) * limits.icc)
    most = np.zeros(total, np.int64)
    np.maximum.at(most, of, size)
    return {
        "devices": np.bincount(of, minlength=total),
        "effective": np.bincount(of, weights=told, minlength=total),
        "without": np.bincount(of, weights=size, minlength=total) - most,
    }


def _vantages(votes: Votes, count: Counter, use: Ints, total: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Per series: both bounds of the vantage points, days with tries, and the hour after the last one."""
    c = votes.columns
    series, day = c["series"][use].astype(np.int64), c["day"][use].astype(np.int64)
    known = c["vantage"][use] != count.unknown
    span, devices = max(1, len(votes.names["vantage"])), len(count.credential)
    high = np.bincount(distinct((series * span + c["vantage"][use])[known])[0] // span, minlength=total)
    own = count.credential[c["device"][use]]
    named, _ = distinct((series * devices + c["device"][use])[known & own])
    credentials = np.bincount(named // devices, minlength=total)
    place, _ = distinct(((series * votes.days + day) * devices + c["device"][use])[known & ~own])
    places, counts = distinct(place // devices)
    cap = count.cap.reshape(-1)[count.crowd.of_series[places // votes.days] * votes.days + places % votes.days]
    low = np.zeros(total, np.int64)
    np.maximum.at(low, places // votes.days, np.minimum(counts, cap))
    low = np.maximum(low, credentials)
    days = np.bincount(distinct(series * votes.days + day)[0] // votes.days, minlength=total)
    last = np.zeros(total, np.int64)
    np.maximum.at(last, series, day * 24 + np.maximum(c["hour"][use], 0) + 1)
    none = (days > 0) & (high == 0)
    return np.where(none, -1, low), np.where(none, -1, high), days, last


class Hands:
    """Whether the tries behind the findings of several networks come from more than one hand.

    The same description of a device everywhere may be one that claims to be in many places.
    """

    def __init__(self, votes: Votes) -> None:
        c = votes.columns
        names = [name[2:] for name in votes.names["device"]]
        at = {name: number for number, name in enumerate(sorted(set(names), key=str))}
        code = np.array([at[name] for name in names], np.int64)
        self._series = {key: number for number, key in enumerate(votes.series)}
        self._bounds: dict[bool, tuple[Ints, Ints]] = {}
        for hit in (True, False):
            low, high = np.full(len(votes.series), len(names)), np.full(len(votes.series), -1)
            if len(votes):
                own = ((c["x"] > 0.5) == hit) & (c["weight"] > 0)
                np.minimum.at(low, c["series"][own], code[c["device"][own]])
                np.maximum.at(high, c["series"][own], code[c["device"][own]])
            self._bounds[hit] = low, high

    def several(self, rows: Sequence[Row], *, hit: bool) -> bool:
        """More than one description among the tries that saw (or did not see) interference."""
        low, high = self._bounds[hit]
        series = [self._series[Key(r["country"], r["network"], r["target"])] for r in rows]
        return bool(series) and int(low[series].min()) != int(high[series].max())


def country_rows(rows: Iterable[Row], hands: Hands, users: Users, limits: Limits) -> list[Row]:
    """One row per target and country for what holds now, and one per event that ended: k of m networks with data."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["country"], row["target"]].append(row)
    made: list[Row] = []
    for (_, _), own in sorted(groups.items()):
        current = [r for r in own if r["end_before"] is None]
        heard = [r for r in current if r["grade"] != "insufficient"]
        made.append(_joint(heard or current, heard, hands, users, limits))
        past: dict[str | None, list[Row]] = defaultdict(list)
        for r in own:
            if r["end_before"] is not None and r["grade"] != "insufficient":
                past[r["event"]].append(r)
        made.extend(_joint(ended, heard + ended, hands, users, limits) for _, ended in sorted(past.items(), key=_first))
    return made


def _first(item: tuple[str | None, list[Row]]) -> tuple[datetime, str]:
    return min(r["onset_before"] for r in item[1]), item[0] or ""


def _joint(rows: list[Row], heard: list[Row], hands: Hands, users: Users, limits: Limits) -> Row:
    """What the findings of several networks on one target come to."""
    country, target = rows[0]["country"], rows[0]["target"]
    with_data = {r["network"] for r in heard}
    states: dict[str, set[int]] = defaultdict(set)
    for r in rows:
        if r["grade"] != "insufficient":
            states[r["state"]].add(r["network"])
    hit = states["blocked"] | states["throttled"]
    share = sum(users.get((country, n), 0.0) for n in hit) if hit and any(k[0] == country for k in users) else None
    carried = share is not None and share > limits.users_majority
    state, against = _country_state(states, hit, with_data, limits, carried=carried)
    backing = [r for r in rows if r["grade"] != "insufficient" and (r["network"] in hit if hit else True)]
    backing = [r for r in backing if not hit or r["state"] in ("blocked", "throttled")] or rows
    onset = [r for r in backing if r["onset_before"] is not None]
    first = min(onset, key=lambda r: r["onset_before"]) if onset else None
    ends = [r for r in backing if r["end_before"] is not None]
    last = max(ends, key=lambda r: r["end_before"]) if ends and len(ends) == len(backing) else None
    k, n = sum(r["k"] for r in backing), sum(r["n"] for r in backing)
    n_effective = sum(r["n_effective"] or 0.0 for r in backing)
    shares = [(r["share"] or 0.0) * (r["n_effective"] or 0.0) for r in backing]
    level = sum(shares) / n_effective if n_effective else None
    low, high = interval(level, n_effective) if level is not None else (None, None)
    mechanisms = Tally(r["mechanism"] for r in backing if r["mechanism"])
    return _row(
        country=country, network=None, target=target, state=state,
        grade=_joint_grade(backing, state, hands, limits),
        mechanism=min(mechanisms, key=lambda m: (-mechanisms[m], m)) if mechanisms else None,
        onset_after=first["onset_after"] if first else None, onset_before=first["onset_before"] if first else None,
        end_after=last["end_after"] if last else None, end_before=last["end_before"] if last else None,
        last_seen=max((r["last_seen"] for r in backing if r["last_seen"]), default=None), k=k, n=n, share=level,
        low=low, high=high, n_effective=n_effective or None,
        vantage_low=_sum(r["vantage_low"] for r in backing), vantage_high=_sum(r["vantage_high"] for r in backing),
        days=max(r["days"] for r in backing), days_all=max(r["days_all"] for r in backing),
        networks_hit=len(hit) if hit else len(states.get(state, ())), networks_data=len(with_data), users_share=share,
        stands=sum(r["stands"] for r in backing) >= limits.corroborated_networks,
        settled=sum(r["settled"] for r in backing), contradicts=",".join(against) or None,
        witnesses=sum(r["witnesses"] for r in backing), event=first["event"] if first else None,
        event_end=last["event_end"] if last else None,
    )  # fmt: skip


def _country_state(
    states: Mapping[str, set[int]], hit: set[int], heard: set[int], limits: Limits, *, carried: bool
) -> tuple[str, list[str]]:
    """The country's state, and what speaks against it. One network is never the country, unless it carries most."""
    if not heard:
        return "insufficient", []
    if hit:
        others = len(heard) - len(hit)
        against = [f"networks_open:{others}"] if others else []
        name = "throttled" if len(states["throttled"]) > len(states["blocked"]) else "blocked"
        if len(hit) >= limits.corroborated_networks or carried:
            return name, against
        return ("conflicting" if others else "insufficient"), against or ["one_network"]
    best = max(sorted(states), key=lambda s: len(states[s]), default="insufficient")
    if len(states.get(best, ())) >= limits.blocked_share * len(heard):
        return best, []
    return "conflicting", []


def _joint_grade(backing: list[Row], state: str, hands: Hands, limits: Limits) -> str:
    """Networks are witnesses of each other where each is graded and two of them rest on devices of their own."""
    if state in ("insufficient", "conflicting"):
        return "insufficient"
    grades = {r["grade"] for r in backing}
    known = [r for r in backing if r["vantage_low"] > 0 and r["grade"] != "insufficient"]
    if "confirmed" in grades:
        return "confirmed"
    several = len({r["network"] for r in known}) >= limits.corroborated_networks
    if "corroborated" in grades or (several and hands.several(known, hit=state in ("blocked", "throttled"))):
        settled = {r["network"] for r in backing if r["settled"]}
        return "confirmed" if len(settled) >= limits.corroborated_networks else "corroborated"
    return "consistent" if "consistent" in grades else "insufficient"


def _sum(values: Iterable[int]) -> int:
    found = [v for v in values if v >= 0]
    return sum(found) if found else -1
