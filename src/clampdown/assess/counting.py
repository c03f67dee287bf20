"""Law: a vantage point counts once per cell and hour, votes once per cell, and cannot decide alone.

Rows of verdicts become tries (one vantage point, one hour), tries become votes (one vantage point, split over what
it saw), votes become a state with a grade. Nothing here knows a word of prose or a name of a network.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from math import fsum
from statistics import median
from typing import Annotated, Final, NamedTuple, cast

import msgspec
import pyarrow as pa

from clampdown.errors import RuleError

DECIDED: Final = ("ok", "blocked", "throttled", "refused", "down")
MIXED: Final = "mixed"  # one vantage point saw two states within one hour
CONFLICTING: Final = "conflicting"  # enough data, and no state has its share
INSUFFICIENT: Final = "insufficient"
INTERFERENCE: Final = ("blocked", "throttled")
KEYS: Final = (
    "target", "network", "vantage", "vantage_kind", "day", "hour", "state", "mechanism", "rule", "settled",
    "platform", "software", "network_type", "resolver_network",
)  # fmt: skip


# A report may come from anywhere: what it carries is bounded before it is used.
Few = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """The values of thresholds.toml; a report carries them, so that it can be recomputed when they change."""

    measurements: Few
    vantage_points: Few
    agreeing_vantage_points: Few
    blocked: Share
    throttled: Share
    refused: Share
    down: Share
    ok: Share
    ok_with_one_dissent: Share
    answered: Share
    corroborated_days: Few
    corroborated_networks: Few
    private_below: Few
    cap_days: Days
    cap_factor: Few
    witnesses: Few
    witnesses_ok: Few
    recent_days: Days
    reasons: dict[str, str] = {}


def load_thresholds(data: bytes | None = None) -> Thresholds:
    """The thresholds shipped with the package, or those of a file of the same shape."""
    text = data if data is not None else files("clampdown.assess").joinpath("thresholds.toml").read_bytes()
    try:
        table = cast("dict[str, dict[str, object]]", tomllib.loads(text.decode("utf-8")))
        values = {name: entry["value"] for name, entry in table.items()}
        reasons = {name: str(entry["reason"]) for name, entry in table.items()}
        made = msgspec.convert({**values, "reasons": reasons}, Thresholds)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(
            f"the thresholds are not well formed: {error}", hint="Each is a table with value and reason."
        ) from error
    return made


class Row(NamedTuple):
    """Verdicts that are equal in everything that counting looks at, and how many there are."""

    target: str | None
    network: int | None
    vantage: str | None
    vantage_kind: str | None
    day: str
    hour: int | None
    state: str
    mechanism: str | None
    rule: str | None
    settled: bool | None
    platform: str | None
    software: str | None
    network_type: str | None
    resolver_network: int | None
    n: int


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Vantage points: at least `low`, at most `high`."""

    low: int
    high: int


Caps = Mapping[tuple[int | None, str], int]


@dataclass(slots=True)
class Tally:
    """What the rows of one target on one network come to."""

    rows: list[Row] = field(default_factory=list[Row])
    measured: Counter[str] = field(default_factory=Counter[str])  # measurements per state, before any deduplication
    tries: Counter[str] = field(default_factory=Counter[str])
    votes: dict[str | None, Counter[str]] = field(default_factory=dict[str | None, Counter[str]])
    days: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    mechanisms: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])  # (state, mechanism)

    @property
    def decided(self) -> int:
        """Tries that said something: the denominator."""
        return sum(self.tries[state] for state in (*DECIDED, MIXED))


def rows_of(verdicts: pa.Table) -> list[Row]:
    """Count equal rows; sorted, so that nothing depends on the order of arrival."""
    grouped = verdicts.group_by(list(KEYS)).aggregate([([], "count_all")])
    columns = [grouped.column(name).to_pylist() for name in (*KEYS, "count_all")]
    return sorted((Row(*values) for values in zip(*columns, strict=True)), key=_order)


def _order(row: Row) -> tuple[tuple[bool, str], ...]:
    return tuple((value is not None, str(value)) for value in row)


def tally(rows: Iterable[Row]) -> Tally:
    """Tries and votes of the rows of one cell."""
    made = Tally()
    seen: dict[tuple[str | None, str, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        made.rows.append(row)
        made.measured[row.state] += row.n
        seen[row.vantage, row.day, row.hour].append(row)
    for (vantage, day, _hour), group in seen.items():
        state = _state_of_try({row.state for row in group})
        if state is None:
            continue
        made.tries[state] += 1
        made.votes.setdefault(vantage, Counter())[state] += 1
        made.days.setdefault(day, Counter())[state] += 1
        found = {row.mechanism for row in group if row.state == state and row.mechanism is not None}
        made.mechanisms.update((state, mechanism) for mechanism in found)
    return made


def _state_of_try(states: set[str]) -> str | None:
    """One vantage point's hour says one thing, or says nothing: what it cannot decide never reads as success."""
    decided = states.intersection(DECIDED)
    if len(decided) == 1:
        return next(iter(decided))
    if decided:
        return MIXED
    return "unknown" if "unknown" in states else None


def shares(votes: Mapping[str | None, Counter[str]]) -> dict[str, float]:
    """Mean over the vantage points of the part of their decided tries that said each state."""
    parts = [vote for vote in votes.values() if _weight(vote)]
    if not parts:
        return {}
    # fsum rounds once, so that the order of the vantage points cannot show in the last digit.
    return {state: fsum(vote[state] / _weight(vote) for vote in parts) / len(parts) for state in (*DECIDED, MIXED)}


def _weight(vote: Counter[str]) -> int:
    return sum(vote[state] for state in (*DECIDED, MIXED))


def leaning(votes: Mapping[str | None, Counter[str]], limits: Thresholds) -> str:
    """The state that has its share, whatever the amount of data; else `conflicting`."""
    share = shares(votes)
    if not share:
        return "unknown"
    for state in ("blocked", "throttled", "refused", "down"):
        if share[state] >= getattr(limits, state):
            return state
    if share["ok"] >= limits.ok:
        return "ok"
    heard = [vote for vote in votes.values() if _weight(vote)]
    if share["ok"] >= limits.ok_with_one_dissent and len(heard) > limits.agreeing_vantage_points:
        parts = [vote["ok"] / _weight(vote) for vote in heard]
        if (fsum(parts) - min(parts)) / (len(parts) - 1) >= limits.ok:
            return "ok"
    return CONFLICTING


def stands(state: str, votes: Mapping[str | None, Counter[str]], limits: Thresholds) -> bool:
    """Whether a state survives any one vantage point left out, and any one contrary vantage point added."""
    parts = [vote[state] / _weight(vote) for vote in votes.values() if _weight(vote)]
    need = limits.ok_with_one_dissent if state == "ok" else float(getattr(limits, state))
    if len(parts) < limits.vantage_points:
        return False
    without = (fsum(parts) - max(parts)) / (len(parts) - 1)
    # A contrary vantage point may also be one that decides nothing, over and over.
    heard = answered(votes) * len(votes) / (len(votes) + 1) >= limits.answered
    return without >= need and fsum(parts) / (len(parts) + 1) >= need and heard


def answered(votes: Mapping[str | None, Counter[str]]) -> float:
    """Mean over the vantage points of the part of their tries that decided something."""
    return fsum(_weight(vote) / vote.total() for vote in votes.values()) / len(votes) if votes else 0.0


def caps(history: Iterable[Row], limits: Thresholds) -> dict[tuple[int | None, str], int]:
    """How many uncredentialed vantage points a network may show on a day, at most."""
    seen: dict[int | None, dict[str, set[tuple[object, ...]]]] = defaultdict(lambda: defaultdict(set))
    for row in history:
        if row.vantage_kind == "session":
            seen[row.network][row.day].add(_device(row))
    made: dict[tuple[int | None, str], int] = {}
    for network, days in seen.items():
        counts = {day: len(devices) for day, devices in days.items()}
        for day in counts:
            before = [counts[d] for d in _days_before(day, limits.cap_days) if d in counts]
            usual = median(before) if before else 0
            made[network, day] = max(2, int(limits.cap_factor * usual))
    return made


def _days_before(day: str, count: int) -> list[str]:
    try:
        last = date.fromisoformat(day)
    except ValueError:  # the day is unknown: there is nothing before it
        return []
    return [(last - timedelta(days=back)).isoformat() for back in range(1, count + 1)]


def _device(row: Row) -> tuple[object, ...]:
    return (row.platform, row.software, row.network_type, row.resolver_network)


def bounds(rows: Iterable[Row], limit: Caps) -> Bounds:
    """Both bounds of the vantage points behind some rows of one network."""
    keys: set[str] = set()
    credentials: set[str] = set()
    sessions: dict[tuple[int | None, str], set[str]] = defaultdict(set)
    devices: dict[tuple[int | None, str], set[tuple[object, ...]]] = defaultdict(set)
    for row in rows:
        if row.vantage is None or row.vantage_kind not in ("credential", "session"):
            continue
        keys.add(row.vantage)
        if row.vantage_kind == "credential":
            credentials.add(row.vantage)
        else:
            sessions[row.network, row.day].add(row.vantage)
            devices[row.network, row.day].add(_device(row))
    daily = [min(len(devices[at]), len(sessions[at]), limit.get(at, 2)) for at in sessions]
    return Bounds(low=max([len(credentials), *daily]), high=len(keys))


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """State and grade of one cell, with what they rest on."""

    state: str
    reason: str | None  # why nothing could be said
    grade: str | None
    stands: bool
    shares: dict[str, float]
    vantage: Bounds
    support: Bounds  # vantage points that mostly say this state
    settled: Bounds  # vantage points that saw a settling artefact


def decide(cell: Tally, limit: Caps, limits: Thresholds) -> Judgement:
    """What may be said of one target on one network, and how well it is evidenced."""
    vantage = bounds((row for row in cell.rows if row.state in DECIDED), limit)
    share = {state: part for state, part in shares(cell.votes).items() if part}
    state, reason = leaning(cell.votes, limits), None
    if cell.decided < limits.measurements:
        state, reason = INSUFFICIENT, "few_measurements" if cell.decided else "nothing_decided"
    elif vantage.low < limits.vantage_points:
        state, reason = INSUFFICIENT, "few_vantage_points" if vantage.high else "vantage_points_unknown"
    elif answered(cell.votes) < limits.answered:
        state, reason = "unknown", "mostly_undecided"
    voters = {key for key, vote in cell.votes.items() if _weight(vote) and vote[state] * 2 >= _weight(vote)}
    backing = [row for row in cell.rows if row.state == state and row.vantage in voters]
    support = bounds(backing, limit)
    if state in DECIDED and support.low < limits.agreeing_vantage_points:
        state, reason = CONFLICTING, "no_two_agree"
    settled = bounds((row for row in backing if row.settled), limit)
    firm = state in DECIDED and stands(state, cell.votes, limits)
    days = sum(1 for counts in cell.days.values() if counts[state])
    return Judgement(
        state=state, reason=reason, grade=_grade(state, firm, days, settled, limits), stands=firm, shares=share,
        vantage=vantage, support=support, settled=settled,
    )  # fmt: skip


def _grade(state: str, firm: bool, days: int, settled: Bounds, limits: Thresholds) -> str | None:
    if state in (INSUFFICIENT, "unknown"):
        return INSUFFICIENT
    if state not in DECIDED:
        return None
    if not firm or days < limits.corroborated_days:
        return "consistent"
    settles = state in INTERFERENCE and settled.low >= limits.agreeing_vantage_points
    return "confirmed" if settles else "corroborated"
