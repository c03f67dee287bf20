"""Law: an outage is a shutdown where a source outside the signals says so; features are shown, and never multiplied.

A published record counts as such a source where it does not rest on the very signals that the outage was seen in. The
features that set deliberate cuts apart come with the ratio in which one observatory's hand-checked outages had them
(Bischof et al., SIGCOMM 2023); they are correlated, and none of them decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from clampdown.detect.fusion import Cut, planes_of

Row = Mapping[str, Any]
Zone = Callable[[str | None, str | None], str | None]
Offset = Callable[[str, datetime], timedelta]
LISTS: Final = ("shutdown-list", "outage-list")
SAID: Final = ("order", "statement")
ACCIDENTS: Final = frozenset({"cable", "power", "weather", "disaster", "technical"})
_DAY: Final = timedelta(days=1)
_NEAR: Final = {"minute": timedelta(hours=3), "hour": timedelta(hours=6), "day": _DAY, "unknown": _DAY}
_ORDERED: Final = timedelta(days=3)  # from an order to the cut that it orders. Provisional.
_SAID: Final = timedelta(days=7)  # from the beginning of a cut to what is said of it. Provisional.
_ALL: Final = ("control", "data", "background")  # the three signals of the source of the ratios

# Share of shutdowns and of other outages that have a feature; the ratios follow. SIGCOMM 2023, and its notebooks.
SHARES: Final[dict[str, tuple[float, float]]] = {
    "on_the_hour": (0.706, 0.231),  # begins at minute 0 of local time
    "half_hour_multiple": (0.55, 0.15),  # lasts a multiple of 30 minutes
    "round_duration": (0.45, 0.01),  # lasts 4.5, 5.5, 8 or 10 hours
    "recurs_1_4_days": (0.677, 0.0017),  # again at the same time after one to four days
    "all_signals": (0.945, 0.539),  # routing, probing and telescope together
}
# How many times likelier a shutdown is on a day of such an event; no other outages became likelier.
DAYS: Final[dict[str, float]] = {"election": 16.0, "protest": 9.0, "coup": 300.0}
_ROUND: Final = tuple(timedelta(hours=hours) for hours in (4.5, 5.5, 8.0, 10.0))
_FINE: Final = timedelta(minutes=10)  # a bracket wider than this tells nothing about minutes


@dataclass(frozen=True, slots=True)
class Speaks:
    """What published records say of an outage."""

    kind: str
    why: tuple[str, ...]
    acknowledged: bool
    accident: bool
    records: tuple[str, ...]
    days: frozenset[str]  # elections, protests, coups, exams of these days


def judge(cut: Cut, records: Iterable[Row]) -> Speaks:
    """Is it called a shutdown, and why? `records` are rows of CONTEXT that may concern it."""
    operators = {operator for found in planes_of(cut).values() for operator in found}
    found = [row for row in records if concerns(row, cut)]
    why: list[str] = []
    acknowledged = accident = own = False
    for row in found:
        second = not (row["evidence"] and set(row["evidence"].split()) & operators)
        if row["kind"] in SAID and row["cause"] not in ACCIDENTS:
            why.append("order")
            acknowledged = True
        elif row["kind"] in LISTS and row["cause"] in ACCIDENTS:
            accident = True
        elif _names_shutdown(row):
            own = own or not second
            if second:
                why.append("published_list")
                acknowledged = acknowledged or bool(row["acknowledged"])
        if row["kind"] in SAID and row["cause"] in ACCIDENTS:
            accident = acknowledged = True
    if not why:
        why = ["own_evidence_only" if own else "no_outside_source"]
    if accident:
        why.append("accident_named")
    kind = "shutdown" if {"order", "published_list"} & set(why) and not accident else "outage"
    days = frozenset(row["kind"] for row in found if row["kind"] in DAYS or row["kind"] == "exam")
    days |= {"exam" for row in found if row["cause"] == "exam"}
    return Speaks(kind, tuple(sorted(set(why))), acknowledged, accident, tuple(r["record"] for r in found), days)


def _names_shutdown(row: Row) -> bool:
    """A list of shutdowns, or an outage that a list says a government made; of the whole network."""
    if row["extent"] not in (None, "full"):
        return False
    return row["kind"] == "shutdown-list" or (row["kind"] == "outage-list" and row["cause"] in ("government", "exam"))


def concerns(row: Row, cut: Cut) -> bool:
    """Does a record speak of this entity at this time?"""
    about = cut.main.about
    if row["start"] is None or row["country"] != about.country or row["country"] is None:
        return False
    return _same_place(row, cut) and _same_time(row, cut)


def _same_place(row: Row, cut: Cut) -> bool:
    about = cut.main.about
    if row["entity"] is not None and row["entity"] == about.entity:
        return True
    networks = (row["networks"] or "").split()
    if networks:
        return about.network is not None and str(about.network) in networks
    if row["region"] or row["scope"] in ("regional", "local"):
        return about.entity_kind == "region" and bool(row["region"]) and _named(about.entity, row["region"])
    return row["entity"] is None or row["entity"] == row["country"]


def _named(entity: str, region: str) -> bool:
    own = entity.partition("/")[2].casefold().strip()
    return bool(own) and any(own == part.casefold().strip() for part in region.replace(";", ",").split(","))


def _same_time(row: Row, cut: Cut) -> bool:
    start, onset = row["start"], cut.main.onset_before
    if row["kind"] in SAID:
        return onset - _ORDERED <= start <= min(cut.end + _DAY, onset + _SAID)
    near = _NEAR.get(row["precision"], _DAY)
    if row["kind"] in LISTS:
        if abs(start - onset) <= near:
            return True
        covers = row["end"] is not None and start <= onset and row["end"] >= onset
        return bool(covers and "end-before-start" not in (row["doubt"] or ""))
    end = row["end"] or start + (_DAY if row["precision"] in ("day", "unknown") else timedelta())
    return start - near <= cut.end and end + near >= onset


def features(cut: Cut, times: Sequence[datetime], speaks: Speaks, zone: str | None, offset: Offset) -> str:
    """name=value:ratio, in the order of SHARES and DAYS; a value is yes, no or unknown. times: of its recurrences."""
    main = cut.main
    found: dict[str, bool | None] = dict.fromkeys(SHARES)
    fine = main.onset_after is not None and main.onset_before - main.onset_after <= _FINE
    if fine and zone is not None:
        local = main.onset_before + offset(zone, main.onset_before)
        before = local - (main.onset_before - (main.onset_after or main.onset_before))
        found["on_the_hour"] = local.minute == 0 or before.hour != local.hour
    ends = main.end_before is not None and main.end_after is not None and main.end_before - main.end_after <= _FINE
    if fine and ends and main.end_before is not None:
        length = main.end_before - main.onset_before
        rest = length % timedelta(minutes=30)
        found["half_hour_multiple"] = min(rest, timedelta(minutes=30) - rest) <= timedelta(minutes=5)
        found["round_duration"] = any(abs(length - each) <= timedelta(minutes=5) for each in _ROUND)
    if times:
        found["recurs_1_4_days"] = _recurs(main.onset_before, times)
    fell = planes_of(cut)
    found["all_signals"] = all(plane in fell for plane in _ALL)
    texts = [_feature(name, value) for name, value in found.items()]
    texts += [f"{name}=yes:{ratio:g}" for name, ratio in DAYS.items() if name in speaks.days]
    texts += ["exam=yes:"] if "exam" in speaks.days else []
    texts += ["order=yes:"] if "order" in speaks.why else []
    return " ".join(texts)


def _feature(name: str, value: bool | None) -> str:
    if value is None:
        return f"{name}=unknown:"
    of_shutdowns, of_others = SHARES[name]
    ratio = of_shutdowns / of_others if value else (1 - of_shutdowns) / (1 - of_others)
    return f"{name}={'yes' if value else 'no'}:{ratio:.3g}"


def _recurs(own: datetime, times: Iterable[datetime]) -> bool:
    """Is there another at the same time of day, one to four days away?"""
    for other in times:
        apart = abs(other - own)
        days = round(apart / _DAY)
        if 1 <= days <= 4 and abs(apart - days * _DAY) <= timedelta(minutes=30):
            return True
    return False
