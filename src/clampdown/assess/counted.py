"""Law: published counts say at most `consistent`, are never added up, and say nothing where the number of tests is not
published.

Windows of published counts overlap, so that only the newest one counts. A test without a count was not counted: that
is no zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess.reach import Limits, first_day
from clampdown.assess.ways import Counted

PREFIX: Final = "tests/"
_WHAT: Final = ("tried", "failed", "failed-share")
_Levels = dict[datetime, float]


def counted(series: pa.Table, levels: pa.Table, at: str, limits: Limits) -> dict[str, tuple[Counted, ...]]:
    """Test -> its newest count by each source, of the window that ends with the day `at`. `series`: the store's series
    of one country; `levels`: series, time, value."""
    first, end = date.fromisoformat(first_day(at, limits.window_days)), date.fromisoformat(at) + timedelta(days=1)
    begin, until = (datetime(d.year, d.month, d.day) for d in (first, end))
    names: dict[str, tuple[str, str, str, str]] = {}
    for row in series.select(["series", "signal", "source", "operator", "entity_kind"]).to_pylist():
        parts = row["signal"].removeprefix(PREFIX).split("/")
        own = row["signal"].startswith(PREFIX) and row["entity_kind"] == "country"
        if own and len(parts) == 2 and parts[1] in _WHAT:
            names[row["series"]] = (parts[0], row["source"], row["operator"], parts[1])
    found: dict[tuple[str, str, str], dict[str, _Levels]] = defaultdict(lambda: defaultdict(dict))
    mine = levels.filter(pc.is_in(levels["series"], pa.array(sorted(names), pa.string())))
    columns = (mine[c].to_pylist() for c in ("series", "time", "value"))
    for name, time, value in zip(*columns, strict=True):
        if value is not None and begin <= time < until:
            test, source, operator, what = names[name]
            found[test, source, operator][what][time] = value
    made: dict[str, list[Counted]] = defaultdict(list)
    for (test, source, operator), told in sorted(found.items()):
        one = _newest(test, source, operator, told)
        if one is not None:
            made[test].append(one)
    return {test: tuple(each) for test, each in made.items()}


def _newest(test: str, source: str, operator: str, told: dict[str, _Levels]) -> Counted | None:
    shares: dict[datetime, tuple[int | None, int | None, float]] = {}
    for time, percent in told["failed-share"].items():
        if 0 <= percent <= 100:
            shares[time] = (None, None, percent / 100)
    for time, tried in told["tried"].items():
        failed = told["failed"].get(time)
        if failed is not None and tried > 0 and 0 <= failed <= tried:
            shares[time] = (int(tried), int(failed), failed / tried)
        elif time in shares and tried > 0:
            shares[time] = (int(tried), round(shares[time][2] * tried), shares[time][2])
    if not shares:
        return None
    newest = max(shares)
    n, failed, share = shares[newest]
    return Counted(
        source=source, operator=operator, test=test, time=newest.isoformat(timespec="seconds") + "Z", n=n,
        failed=failed, failed_share=share, since=min(shares).isoformat(timespec="seconds") + "Z", counts=len(shares),
        share_low=min(s for _, _, s in shares.values()), share_high=max(s for _, _, s in shares.values()),
    )  # fmt: skip


def state_of(found: Sequence[Counted], at: str, limits: Limits) -> tuple[str, Counted] | None:
    """What counts alone say of a way, and the count that says it; None where they say nothing. Tests that differ are
    a conflict, as networks that differ are."""
    fresh = first_day(at, limits.fresh_days)
    told = [c for c in found if c.n is not None and c.n >= limits.counts_floor and c.time[:10] >= fresh]
    if not told:
        return None
    states = {_state(each, limits) for each in told}
    newest = max(told, key=lambda c: (c.n or 0, c.time, c.test, c.source))
    if len(states) == 1:
        return states.pop(), newest
    return ("conflicting" if states >= {"works", "blocked"} else "impaired"), newest


def unsaid(found: Sequence[Counted], at: str, limits: Limits) -> str:
    """Why counts that are there say nothing by themselves: somebody tried, so this is not `untested`."""
    told = [c for c in found if c.time[:10] >= first_day(at, limits.fresh_days)]
    if not told:
        return "stale"
    return "only_a_share" if all(c.n is None for c in told) else "few_measurements"


def _state(count: Counted, limits: Limits) -> str:
    if 1 - count.failed_share >= limits.counts_ok:
        return "works"
    return "blocked" if count.failed_share >= limits.counts_failed else "impaired"
