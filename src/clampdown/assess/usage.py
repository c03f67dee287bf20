"""Law: users fall when a country goes dark, so they are held against its connectivity, and never divided by next to
nothing.

Counts of users, a day each, beside the days before: the same weekdays, less the days on which the share of directories
that report (`frac`) jumped, and none from before a change of counting. A missing day is missing. Tests and users that
say different things are set beside each other, and no third number is made of them.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from importlib.resources import files
from math import inf, log
from statistics import median
from typing import Annotated, Any, Final, NamedTuple, cast

import msgspec
import pyarrow as pa

from clampdown.assess.daily import Days, days_of, level_of_day
from clampdown.assess.ways import Conflict, Usage
from clampdown.assess.ways import Way as Cell
from clampdown.errors import RuleError

# Tool, way, signals of its users; a name that ends in `/` stands for all that begin so.
Ways = Sequence[tuple[str, str, tuple[str, ...]]]
_DAY: Final = 86_400
_PLANES: Final = ("control", "data", "usage")
_FAIL: Final = ("blocked",)
_WORK: Final = ("works",)
Count = Annotated[int, msgspec.Meta(ge=1, le=3_660)]
Factor = Annotated[float, msgspec.Meta(gt=0, le=100)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of usage.toml."""

    recent_days: Count
    reference_days: Count
    least_weekdays: Count
    least_days: Count
    least_recent: Count
    stale_days: Count
    least_users: Annotated[float, msgspec.Meta(gt=0)]
    rises: Factor
    falls: Factor
    dark: Factor
    quality_days: Count
    quality_least: Count
    quality_jump: Factor
    filled: Factor
    tests_least: Count
    breaks: tuple[tuple[str, str], ...]  # signal, day
    connectivity: Mapping[str, tuple[str, ...]]  # plane -> signals
    parts: tuple[str, ...]

    @property
    def days(self) -> int:
        """So many days before the day that is asked about are read."""
        return self.stale_days + self.recent_days + self.reference_days + self.quality_days // 2 + 1


def load_limits(data: bytes | None = None) -> Limits:
    """The limits shipped with the package, or those of a file of the same shape."""
    text = data if data is not None else files("clampdown.assess").joinpath("usage.toml").read_bytes()
    try:
        table = tomllib.loads(text.decode("utf-8"))
        values = {name: entry for name, entry in table.items() if name not in ("breaks", "connectivity", "parts")}
        breaks = cast("list[dict[str, str]]", table["breaks"])
        if not all(str(entry["reason"]) for entry in (*values.values(), *breaks)):
            raise ValueError("a reason is empty")
        made: dict[str, Any] = {name: entry["value"] for name, entry in values.items()}
        made["breaks"] = [(one["signal"], date.fromisoformat(one["day"]).isoformat()) for one in breaks]
        made |= {"connectivity": table["connectivity"], "parts": table["parts"]["signals"]}
        if set(made["connectivity"]) - set(_PLANES):
            raise ValueError("connectivity names a plane that is none")
        return msgspec.convert(made, Limits)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(
            f"the limits of usage are not well formed: {error}", hint="Each is a table with value and reason."
        ) from error


class _Users(NamedTuple):
    """One count of users: what is told by it, and its days."""

    signal: str
    operator: str
    source: str
    unit: str
    days: Days


class _Said(NamedTuple):
    """A day beside its reference; `low` and `high`: the least and the most that a plane has of its usual level."""

    users: float
    usual: float
    ratio: float
    low: float | None
    high: float | None


def names(signal: str, given: Iterable[str]) -> bool:
    """Is the signal one of these, or does it begin as one that ends in `/`?"""
    return any(signal == each or (each.endswith("/") and signal.startswith(each)) for each in given)


def needed(series: pa.Table, ways: Ways, limits: Limits) -> pa.Table:
    """The series of a country that an answer rests on: its users, and how well connected it is."""
    wanted = [each for _, _, signals in ways for each in signals]
    wanted += [each for signals in limits.connectivity.values() for each in signals]
    keep = [
        kind == "country" and names(signal, wanted) and step > 0
        for kind, signal, step in zip(*(series[c].to_pylist() for c in ("entity_kind", "signal", "step")), strict=True)
    ]
    return series.filter(pa.array(keep, pa.bool_()))


def usage(series: pa.Table, levels: pa.Table, at: str, ways: Ways, limits: Limits) -> tuple[Usage, ...]:
    """What is said of the users of each way at the end of the day `at`. `series`, `levels`: those of one country, of
    the days before (see `needed`, and `Limits.days`)."""
    held = days_of(levels, at)
    rows = needed(series, ways, limits).to_pylist()
    planes = _planes(rows, held, limits)
    made: list[Usage] = []
    for tool, way, signals in ways:
        mine = [row for row in rows if names(row["signal"], signals) and row["step"] == _DAY]
        made.extend(
            said for users in _series(mine, held) if (said := _one(tool, way, users, at, planes, limits)) is not None
        )
    return tuple(made)


def _series(rows: Sequence[Mapping[str, Any]], held: Mapping[str, Sequence[Any]]) -> list[_Users]:
    """Each signal of each source once; of series that say the same day the longest one's value."""
    found: dict[tuple[str, str, str], list[tuple[str, Days]]] = defaultdict(list)
    units: dict[tuple[str, str, str], str] = {}
    for row in rows:
        key = row["signal"], row["operator"], row["source"]
        units.setdefault(key, row["unit"])
        if row["unit"] == units[key] and row["scale"] == "all":
            found[key].append((row["series"], {d.day: d for d in level_of_day(held.get(row["series"], ()), _DAY, 0)}))
    made: list[_Users] = []
    for key, each in sorted(found.items()):
        days: Days = {}
        for _, one in sorted(each, key=lambda pair: (len(pair[1]), pair[0])):
            days |= one
        if days:
            made.append(_Users(key[0], key[1], key[2], units[key], dict(sorted(days.items()))))
    return made


def _planes(
    rows: Sequence[Mapping[str, Any]], held: Mapping[str, Sequence[Any]], limits: Limits
) -> dict[str, list[dict[str, float]]]:
    """Plane -> the series that speak for it: day -> level."""
    made: dict[str, list[dict[str, float]]] = defaultdict(list)
    for row in rows:
        plane = next((p for p, signals in limits.connectivity.items() if names(row["signal"], signals)), None)
        if plane is not None:
            days = level_of_day(held.get(row["series"], ()), row["step"], limits.filled)
            made[plane].append({d.day: d.value for d in days if d.value is not None})
    return made


def _one(
    tool: str, way: str, users: _Users, at: str, planes: Mapping[str, list[dict[str, float]]], limits: Limits
) -> Usage | None:
    begin = _before(at, limits.days)
    days = {day: each for day, each in users.days.items() if begin < day <= at and each.value is not None}
    if not days:
        return None
    withheld = _jumping(users.days, limits)
    good = {day: each.value for day, each in days.items() if day not in withheld and each.value is not None}
    day = max(good, default=max(days))
    broken = max((d for signal, d in limits.breaks if names(users.signal, (signal,)) and d <= day), default="")
    said = {d: _beside(d, good, broken, planes, limits) for d in _recent(good, day, limits, broken)}
    here = said.get(day)
    reason = _reason(day, at, good, here, broken, limits)
    level = None if here is None else here.low
    bright = here is not None and level is not None and level >= limits.dark
    return Usage(
        tool=tool, way=way, signal=users.signal, operator=users.operator, unit=users.unit, day=day,
        users=good.get(day), usual=None if here is None else here.usual, ratio=None if here is None else here.ratio,
        connectivity=level, adjusted=here.ratio / level if bright and here and level else None,
        trend="unknown" if reason is not None else _trend(said, day, limits),
        withheld=tuple(sorted(d for d in withheld if begin < d <= at)), reason=reason, source=users.source,
    )  # fmt: skip


def _before(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def _jumping(days: Days, limits: Limits) -> set[str]:
    """Days whose `frac` is far off the median of the days around them."""
    shares = {day: each.quality for day, each in days.items() if each.quality is not None}
    half = limits.quality_days // 2
    found: set[str] = set()
    for day, share in shares.items():
        first, last = _before(day, half), _before(day, -half)
        around = [other for when, other in shares.items() if first <= when <= last]
        if len(around) >= limits.quality_least and abs(share - median(around)) > limits.quality_jump:
            found.add(day)
    return found


def _recent(good: Mapping[str, float], day: str, limits: Limits, broken: str) -> list[str]:
    first = _before(day, limits.recent_days)
    return [each for each in sorted(good) if first < each <= day and each > broken]


def _beside(
    day: str, good: Mapping[str, float], broken: str, planes: Mapping[str, list[dict[str, float]]], limits: Limits
) -> _Said | None:
    """A day beside the weeks before its own; None where these are too few, or have hardly any users."""
    last = _before(day, limits.recent_days)
    first = max(_before(day, limits.recent_days + limits.reference_days), broken)
    weekday = date.fromisoformat(day).weekday()
    days = {each for each in good if first < each <= last}
    same = [good[each] for each in days if date.fromisoformat(each).weekday() == weekday]
    if len(days) < limits.least_days:
        return None
    usual = median(same) if len(same) >= limits.least_weekdays else median(good[each] for each in days)
    if usual <= 0:
        return None
    low, high = _connected(day, days, planes, limits)
    return _Said(good[day], usual, good[day] / usual, low, high)


def _connected(
    day: str, reference: set[str], planes: Mapping[str, list[dict[str, float]]], limits: Limits
) -> tuple[float | None, float | None]:
    """The country's connectivity over its own of the reference days: the least and the most of any plane. What tells
    of routes alone is asked where nothing tells of hosts or traffic."""
    found: dict[str, float] = {}
    for plane in _PLANES:
        shares: list[float] = []
        for levels in planes.get(plane, ()):
            before = [levels[each] for each in reference if each in levels]
            usual = median(before) if len(before) >= limits.least_days else 0.0
            if day in levels and usual > 0:
                shares.append(levels[day] / usual)
        if shares:
            found[plane] = median(shares)
    if len(found) > 1:
        found.pop("control", None)
    return (min(found.values()), max(found.values())) if found else (None, None)


def _reason(
    day: str, at: str, good: Mapping[str, float], here: _Said | None, broken: str, limits: Limits
) -> str | None:
    """Why nothing, or no more, is said."""
    if day not in good:
        return "withheld"
    if day <= _before(at, limits.stale_days):
        return "stale"
    if here is None:
        reach = _before(day, limits.recent_days + limits.reference_days)
        return "counting_changed" if broken > reach else "short_reference"
    if here.usual < limits.least_users:
        return "few_users"
    if here.low is None:
        return "no_connectivity"
    return "nearly_dark" if here.low < limits.dark else None


def _trend(said: Mapping[str, _Said | None], day: str, limits: Limits) -> str:
    """What most of the recent days say, and the newest one too; a rise over what the best connected plane allows for,
    a fall below what the worst one does."""
    each = {when: _direction(one, limits) for when, one in said.items()}
    newest = each.get(day, "unknown")
    told = [word for word in each.values() if word != "unknown"]
    if len(told) < limits.least_recent or newest == "unknown":
        return "unknown"
    if newest != "steady" and told.count(newest) < max(limits.least_recent, len(told) // 2 + 1):
        return "steady"
    return newest


def _direction(one: _Said | None, limits: Limits) -> str:
    if one is None or one.low is None or one.high is None or one.low < limits.dark:
        return "unknown"
    if one.ratio / one.high >= limits.rises:
        return "rises"
    return "falls" if one.ratio / one.low <= limits.falls else "steady"


def conflicts(ways: Iterable[Cell], said: Iterable[Usage], limits: Limits) -> tuple[Conflict, ...]:
    """Ways of the country of which tests and users say different things; of several counts of users the one that says
    it most."""
    users: dict[tuple[str, str], list[Usage]] = defaultdict(list)
    for each in said:
        if each.adjusted is not None and not names(each.signal, limits.parts):
            users[each.tool, each.way].append(each)
    made: list[Conflict] = []
    for cell in ways:
        found = _tests(cell)
        if cell.network is not None or found is None or found[1] < limits.tests_least:
            continue
        trend = "rises" if cell.state in _FAIL else "falls" if cell.state in _WORK else ""
        told = [each for each in users[cell.tool, cell.way] if each.trend == trend]
        mine = [each.adjusted for each in told if each.adjusted is not None]
        if mine:
            kind = "users_rise_tests_fail" if trend == "rises" else "users_fall_tests_work"
            most = max(mine, key=lambda value: abs(log(value)) if value > 0 else inf)
            made.append(Conflict(tool=cell.tool, way=cell.way, kind=kind, share=found[0], n=found[1], adjusted=most))
    return tuple(made)


def _tests(cell: Cell) -> tuple[float, int] | None:
    """Share of success and number of tests; of published counts where there is nothing else."""
    if cell.share is not None and cell.n:
        return cell.share, cell.n
    told = [each for each in cell.counted if each.n]
    best = max(told, key=lambda each: (each.n or 0, each.time), default=None)
    return None if best is None else (1 - best.failed_share, best.n or 0)
