"""Law: what a way through is called follows from its newest days, and one vantage point can neither open nor shut it.

From tries of one way on one network to a state with a grade, a share and an interval that knows of clusters. Where
the tries say that something changed within the window, the days before the change say nothing of today.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from importlib.resources import files
from math import fsum, log
from typing import Annotated, Final, cast

import msgspec

from clampdown.assess.counting import (
    CONFLICTING,
    DECIDED,
    INSUFFICIENT,
    MIXED,
    Bounds,
    Caps,
    Days,
    Few,
    Judgement,
    Row,
    Share,
    Tally,
    Thresholds,
    bounds,
    decide,
    load_thresholds,
    tally,
)
from clampdown.errors import RuleError
from clampdown.model import UNKNOWN_DAY

FAILED: Final = ("blocked", "throttled", "refused", "down")
_SAME: Final = {"ok": "works", "throttled": "impaired", "blocked": "blocked", "refused": "refused", "down": "down"}
_STEPS: Final = 4  # changes within one window that are followed
Nats = Annotated[float, msgspec.Meta(ge=0, le=1_000)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The values of access.toml, and the floors of counting."""

    window_days: Days
    fresh_days: Days
    some: Share
    icc: Share
    change: Nats
    change_without: Nats
    counts_floor: Few
    counts_ok: Share
    counts_failed: Share
    witnesses: Few
    counting: Thresholds

    def values(self) -> dict[str, float]:
        """Name -> value, as an answer carries them."""
        own = {name: float(getattr(self, name)) for name in self.__struct_fields__ if name != "counting"}
        floors = {f"counting.{n}": getattr(self.counting, n) for n in self.counting.__struct_fields__ if n != "reasons"}
        return own | {name: float(value) for name, value in floors.items()}


def load_limits(data: bytes | None = None, counting: Thresholds | None = None) -> Limits:
    """The limits shipped with the package, or those of a file of the same shape."""
    text = data if data is not None else files("clampdown.assess").joinpath("access.toml").read_bytes()
    try:
        table = cast("dict[str, dict[str, object]]", tomllib.loads(text.decode("utf-8")))
        if not all(str(entry["reason"]) for entry in table.values()):
            raise ValueError("a reason is empty")
        values = {name: entry["value"] for name, entry in table.items()}
        made = {**values, "counting": msgspec.to_builtins(counting or load_thresholds())}
        return msgspec.convert(made, Limits)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(
            f"the limits of access are not well formed: {error}", hint="Each is a table with value and reason."
        ) from error


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What may be said of one way in one place."""

    state: str  # STATES of assess/ways.py
    reason: str | None
    grade: str
    n: int
    ok: int
    share: float | None
    low: float | None
    high: float | None
    vantage: Bounds
    stands: bool  # with any one vantage point left out
    first: str | None  # the first day that the state rests on
    mechanisms: tuple[str, ...]
    days: int  # with a try that decided something


UNTESTED: Final = Reach(
    state="untested", reason=None, grade=INSUFFICIENT, n=0, ok=0, share=None, low=None, high=None,
    vantage=Bounds(low=0, high=0), stands=False, first=None, mechanisms=(), days=0,
)  # fmt: skip


def voice(row: Row) -> Row:
    """Sessions cost nothing: one device that opens a thousand of them has one voice. Devices that cannot be told apart
    (platform, software, network type, resolver network) share it, as they do in the lower bound of vantage points."""
    if row.vantage_kind != "session" or row.vantage is None:
        return row
    parts = (row.platform, row.software, row.network_type, row.resolver_network)
    return row._replace(vantage=f"device {parts}")


def first_day(at: str, days: int) -> str:
    """The first of so many days that end with `at`."""
    return (date.fromisoformat(at) - timedelta(days=days - 1)).isoformat()


def reach(rows: Iterable[Row], at: str, limits: Limits, cap: Caps, changed: str | None = None) -> Reach:
    """Tries of one way on one network -> what may be said of it at the end of the day `at`.

    `rows` are verdicts of that way (days outside of the window are left aside); `cap`: counting.caps of the network's
    history; `changed`: the first day of the present state as the findings have it, if they say one within the window.
    """
    first = first_day(at, limits.window_days)
    found = [r for r in rows if r.day != UNKNOWN_DAY and first <= r.day <= at and r.state in (*DECIDED, "unknown")]
    if not found:
        return UNTESTED
    mine = [voice(row) for row in found]
    begin = _since(mine, limits, cap)
    if changed is not None and changed > (begin or first):
        begin = changed
    now = tally(row for row in mine if begin is None or row.day >= begin)
    said = decide(now, cap, limits.counting)
    state, reason, grade = _state(now, said, cap, limits)
    if begin is not None and state == INSUFFICIENT:
        reason = "changed_lately"
    fresh = first_day(at, limits.fresh_days)
    came = ("ok", "throttled") if state == "impaired" else ("ok",)
    success = any(counts[each] for day, counts in now.days.items() for each in came if day >= fresh)
    if state in ("works", "impaired", CONFLICTING) and not success:
        state, reason, grade = INSUFFICIENT, "stale", INSUFFICIENT
    elif state == "blocked" and max(now.days) < fresh:
        reason, grade = "stale", "consistent"
    share, low, high = interval(now.votes, limits.icc)
    heard = bounds((r for r in found if r.state in DECIDED and (begin is None or r.day >= begin)), cap)
    heard_of = Bounds(low=said.vantage.low, high=heard.high)
    return Reach(
        state=state, reason=reason, grade=grade, n=now.decided, ok=now.tries["ok"], share=share, low=low, high=high,
        vantage=heard_of, stands=said.stands, first=begin or min(r.day for r in mine),
        mechanisms=_mechanisms(now), days=sum(1 for c in now.days.values() if _weight(c)),
    )  # fmt: skip


def _weight(counts: Counter[str]) -> int:
    return sum(counts[state] for state in (*DECIDED, MIXED))


def _mechanisms(now: Tally) -> tuple[str, ...]:
    found: Counter[str] = Counter()
    for (state, mechanism), n in now.mechanisms.items():
        if state in FAILED:
            found[mechanism] += n
    return tuple(name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0])))


# ---- the state ---------------------------------------------------------------------------------------------------


def _state(now: Tally, said: Judgement, cap: Caps, limits: Limits) -> tuple[str, str | None, str]:
    """(state, why no more could be said, grade)"""
    if said.state in _SAME:
        return _SAME[said.state], said.reason, said.grade or INSUFFICIENT
    if said.state in (INSUFFICIENT, "unknown"):
        return INSUFFICIENT, said.reason, INSUFFICIENT
    if said.reason is not None:
        return INSUFFICIENT, said.reason, INSUFFICIENT
    if _two_sides(now, cap, limits):
        return CONFLICTING, None, "consistent"
    floor = limits.counting.agreeing_vantage_points
    came = bounds((row for row in now.rows if row.state == "ok"), cap).low >= floor
    failed = bounds((row for row in now.rows if row.state in FAILED), cap).low >= floor
    if said.shares.get("ok", 0.0) + said.shares.get("throttled", 0.0) < limits.some:
        return INSUFFICIENT, "no_single_cause", INSUFFICIENT
    if not (came and failed):
        return INSUFFICIENT, "no_two_agree", INSUFFICIENT
    return "impaired", None, _between(now, limits)


def _two_sides(now: Tally, cap: Caps, limits: Limits) -> bool:
    """Would those who say ok, and those who say blocked, each reach the floor by themselves?"""
    for state in ("ok", "blocked"):
        voters = {key for key, vote in now.votes.items() if vote[state] * 2 > _weight(vote)}
        backing = [row for row in now.rows if row.state == state and row.vantage in voters]
        tries = sum(now.votes[key][state] for key in voters)
        if tries < limits.counting.measurements or bounds(backing, cap).low < limits.counting.vantage_points:
            return False
    return True


def _between(now: Tally, limits: Limits) -> str:
    """Grade of a share between the limits: it must stay there with any one vantage point left out."""
    parts = [vote["ok"] / _weight(vote) for vote in now.votes.values() if _weight(vote)]
    if len(parts) <= limits.counting.vantage_points or len(now.days) < limits.counting.corroborated_days:
        return "consistent"
    total = fsum(parts)
    without = [(total - part) / (len(parts) - 1) for part in (min(parts), max(parts))]
    firm = all(limits.some <= share < limits.counting.ok for share in without)
    return "corroborated" if firm else "consistent"


# ---- what changed within the window ------------------------------------------------------------------------------

_Days = Mapping[str | None, Mapping[str, float]]  # vantage point -> day -> share of success


def _since(rows: Sequence[Row], limits: Limits, cap: Caps) -> str | None:
    """The first day after the last change within the window; None where nothing changed."""
    begin: str | None = None
    for _ in range(_STEPS):
        mine = [row for row in rows if begin is None or row.day >= begin]
        found = _change(mine, limits, cap)
        if found is None:
            break
        begin = found
    return begin


def _change(rows: Sequence[Row], limits: Limits, cap: Caps) -> str | None:
    """The day from which on the tries are best told apart from those before it, where two vantage points say so."""
    daily = _daily(rows)
    if not {share for days in daily.values() for share in days.values()} - {0.0} or all(
        share == 1.0 for days in daily.values() for share in days.values()
    ):
        return None
    gain, at, falls = _best(daily)
    if at is None or gain < limits.change:
        return None
    if any(_gain({k: d for k, d in daily.items() if k != key}, at) < limits.change_without for key in daily):
        return None
    states = FAILED if falls else ("ok",)
    support = bounds((row for row in rows if row.day >= at and row.state in states), cap)
    return at if support.low >= limits.counting.agreeing_vantage_points else None


def _daily(rows: Sequence[Row]) -> dict[str | None, dict[str, float]]:
    """One voice for each vantage point and day, however often it tried."""
    hours: dict[tuple[str | None, str, int | None], set[str]] = defaultdict(set)
    for row in rows:
        hours[row.vantage, row.day, row.hour].add(row.state)
    found: dict[str | None, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (vantage, day, _), states in hours.items():
        decided = states.intersection(DECIDED)
        if decided:
            found[vantage][day].append(("ok" in decided) / len(decided))
    return {key: {day: fsum(parts) / len(parts) for day, parts in days.items()} for key, days in found.items()}


def _sums(daily: _Days) -> dict[str, tuple[float, int]]:
    """Day -> (success, voices)"""
    parts: dict[str, list[float]] = defaultdict(list)
    for days in daily.values():
        for day, share in days.items():
            parts[day].append(share)
    return {day: (fsum(sorted(values)), len(values)) for day, values in parts.items()}


def _best(daily: _Days) -> tuple[float, str | None, bool]:
    """(gain, the first day after the change, whether success falls)"""
    sums = _sums(daily)
    best: tuple[float, str | None, bool] = (0.0, None, False)
    for day in sorted(sums)[1:]:
        gain, falls = _split(sums, day)
        if gain > best[0] + 1e-9:
            best = (gain, day, falls)
    return best


def _gain(daily: _Days, day: str) -> float:
    return _split(_sums(daily), day)[0]


def _split(sums: Mapping[str, tuple[float, int]], day: str) -> tuple[float, bool]:
    sides = [[sums[d] for d in sums if (d >= day) is after] for after in (False, True)]
    (k0, n0), (k1, n1) = ((fsum(sorted(k for k, _ in side)), sum(n for _, n in side)) for side in sides)
    if not n0 or not n1:
        return 0.0, False
    return _likelihood(k0, n0) + _likelihood(k1, n1) - _likelihood(k0 + k1, n0 + n1), k1 / n1 < k0 / n0


def _likelihood(k: float, n: float) -> float:
    p = k / n
    return sum(part * log(part / n) for part in (k, n - k) if part > 1e-12) if 0 < p < 1 else 0.0


# ---- the interval ------------------------------------------------------------------------------------------------


def interval(votes: Mapping[str | None, Counter[str]], icc: float) -> tuple[float | None, float | None, float | None]:
    """(share of success, low, high): every vantage point weighs the same; its tries are one cluster."""
    from clampdown.detect.measure import interval as wilson  # numpy, only where there is something to count

    parts = [(vote["ok"], _weight(vote)) for vote in votes.values() if _weight(vote)]
    if not parts:
        return None, None, None
    count = len(parts)
    shares = sorted(ok / n for ok, n in parts)
    share = fsum(shares) / count
    # The mean of `count` shares, each as exact as its own effective number of tries lets it be.
    effective = count * count / fsum(sorted((1 + (n - 1) * icc) / n for _, n in parts))
    if count > 1 and 0 < share < 1:
        spread = fsum((part - share) ** 2 for part in shares) / (count * (count - 1))
        if spread > 0:
            effective = min(effective, share * (1 - share) / spread)
    low, high = wilson(share, max(effective, 1e-6))
    return share, low, high
