"""Law: more vantage points than usual, or more new ones, freeze what is advised; what cannot be held against a usual
does so too.

Counts of days in, a reason to wait out. A week is held against the median of the weeks before it. Each week that ends
within the window of an answer is looked at, since its sessions are in the answer.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from importlib.resources import files
from statistics import median
from typing import Annotated, Final, NamedTuple, cast

import msgspec
import pyarrow as pa

from clampdown.errors import RuleError

# What is read of each verdict.
NEEDED: Final = ("target", "day", "vantage", "vantage_kind", "network", "platform", "network_type", "resolver_network")
Days = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Few = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The values of feed.toml."""

    valid_days: Days
    settled_days: Days
    surge_factor: Annotated[float, msgspec.Meta(ge=1, le=1_000)]
    surge_least: Few
    surge_days: Days
    surge_before: Days
    unseen_days: Days

    def history(self, window: int) -> int:
        """Days that must be known for every week of a window to be held against a usual."""
        return window - 1 + self.surge_days + self.surge_before

    def reads(self, window: int) -> int:
        """Days that are read: new is what was not there before the first of them that counts."""
        return self.history(window) + self.unseen_days


def load_limits(data: bytes | None = None) -> Limits:
    """The limits shipped with the package, or those of a file of the same shape."""
    text = data if data is not None else files("clampdown.assess").joinpath("feed.toml").read_bytes()
    try:
        table = cast("dict[str, dict[str, object]]", tomllib.loads(text.decode("utf-8")))
        if not all(str(entry["reason"]) for entry in table.values()):
            raise ValueError("a reason is empty")
        made = msgspec.convert({name: entry["value"] for name, entry in table.items()}, Limits)
        if made.surge_before < made.surge_days:
            raise ValueError("no week fits into the days before")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(
            f"the thresholds are not well formed: {error}", hint="Each is a table with value and reason."
        ) from error
    return made


class Seen(NamedTuple):
    """Vantage points of one day, the most that they can be, and devices among them that were not there before."""

    points: int
    unseen: int


ByDay = Mapping[str, Seen]  # a day that is not there has none


class Watch(NamedTuple):
    """What was seen of a country's transports: type -> counts, and type -> network -> counts."""

    types: Mapping[str, ByDay]
    networks: Mapping[str, Mapping[int, ByDay]]
    first: str | None  # the first day on which anything was tested there: before it nothing is known


def watch(verdicts: pa.Table, types: Mapping[str, Collection[str]], first: str | None, limits: Limits) -> Watch:
    """Who tried the targets of each type on each day. Sessions are cheap, so each counts; a device stays the same
    under another session and another version of its program."""
    rows = verdicts.select(list(NEEDED)).group_by(list(NEEDED)).aggregate([]).to_pylist()
    made: dict[str, ByDay] = {}
    networks: dict[str, dict[int, ByDay]] = {}
    for name, targets in types.items():
        mine = [row for row in rows if row["target"] in targets]
        apart: dict[int, list[dict[str, object]]] = defaultdict(list)
        for row in mine:
            if row["network"] is not None:
                apart[row["network"]].append(row)
        made[name] = _counted(mine, limits)
        networks[name] = {network: _counted(own, limits) for network, own in sorted(apart.items())}
    return Watch(made, networks, first)


def _counted(rows: Iterable[Mapping[str, object]], limits: Limits) -> ByDay:
    points: dict[str, set[object]] = defaultdict(set)
    devices: dict[str, set[object]] = defaultdict(set)
    for row in rows:
        device = (row["network"], row["platform"], row["network_type"], row["resolver_network"])
        own = row["vantage"] if row["vantage_kind"] == "credential" else None
        points[str(row["day"])].add((row["network"], row["vantage"] or device))
        devices[str(row["day"])].add((own, *device))
    new = _unseen(devices, limits.unseen_days)
    return {day: Seen(len(found), new[day]) for day, found in sorted(points.items())}


def _unseen(devices: Mapping[str, set[object]], days: int) -> dict[str, int]:
    """Day -> devices that were not there in the days before."""
    last: dict[object, date] = {}
    made: dict[str, int] = {}
    for day in sorted(devices):
        now = date.fromisoformat(day)
        made[day] = sum(1 for one in devices[day] if one not in last or (now - last[one]).days > days)
        last |= dict.fromkeys(devices[day], now)
    return made


def why(found: Watch, types: Iterable[str], at: str, window: int, limits: Limits) -> tuple[str, ...]:
    """Reasons not to move the advice on these types as of the end of a day: `history`, or `surge:<type>`. None: empty.

    A week of sessions stays in the answer for as long as its window, so it counts for as long."""
    last = date.fromisoformat(at)
    if found.first is None or (last - date.fromisoformat(found.first)).days + 1 < limits.history(window):
        return ("history",)
    made = [f"surge:{name}" for name in sorted(set(types)) if surges(found.types.get(name, {}), at, window, limits)]
    return tuple(made)


def steady(found: Watch, name: str, network: int, at: str, window: int, limits: Limits) -> bool:
    """Is nothing unusual in how many tried a type on one network? One where nobody tried before has no usual: who adds
    sessions may choose the network that they come from."""
    return not surges(found.networks.get(name, {}).get(network, {}), at, window, limits)


def surges(days: Mapping[str, Seen], at: str, window: int, limits: Limits) -> bool:
    """Does any week that ends within the window stand out, by its vantage points or by the new ones among them?"""
    last = date.fromisoformat(at)
    span = limits.history(window)
    known = [days.get((last - timedelta(days=ago)).isoformat(), Seen(0, 0)) for ago in reversed(range(span))]
    for counts in ([one.points for one in known], [one.unseen for one in known]):
        for end in range(span - window + 1, span + 1):
            if _stands_out(counts[:end], limits):
                return True
    return False


def _stands_out(counts: list[int], limits: Limits) -> bool:
    """The last week of these days against the weeks before it."""
    week, before = limits.surge_days, limits.surge_before
    now = sum(counts[-week:])
    past = counts[-week - before : -week]
    usual = median(sum(past[at : at + week]) for at in range(0, len(past) - week + 1, week))
    return now > max(limits.surge_factor * usual, usual + limits.surge_least)


__all__ = ["NEEDED", "Limits", "Seen", "Watch", "load_limits", "steady", "surges", "watch", "why"]
