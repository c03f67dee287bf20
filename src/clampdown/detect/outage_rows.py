"""Law: a row says what was seen, in which planes, and what speaks against it; its grade follows from nothing else.

`consistent`: one plane. `corroborated`: two planes of different operators began together. `confirmed`: and a statement
or an order says so. A fall of one signal that settled at another height is `insufficient`: how a source counts may
have changed as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.detect import deliberate
from clampdown.detect.fusion import ORDER, Cut, independent, planes_of, together
from clampdown.detect.manners import Manners
from clampdown.detect.presence import Seen
from clampdown.detect.recurring import Series
from clampdown.detect.rhythm import DAY, FULL
from clampdown.detect.watching import About, Fall, Watched
from clampdown.model import CONNECTED

_DAY: Final = timedelta(days=1)
_TOTAL: Final = 0.9  # lost, for a cut to be called total. Provisional.
_USE: Final = 0.5  # of use that is lost, below which other planes that stayed outweigh it. Provisional.
_CURFEW: Final = 0.8  # the same for nights and mornings: curfews of people took up to two thirds. Provisional.
_LET: Final = timedelta(hours=6)  # by which a plane must be back before the others, to be a restoration
_OPEN: Final = timedelta(days=1)  # within which a service came back (or never fell) where only a list is let through
_KEPT: Final = 0.7
_SAME: Final = timedelta(hours=12)  # between the onsets of an outage in two runs
_MOST: Final = 40  # records that a row names


@dataclass(frozen=True, slots=True)
class Known:
    """What rows are told with."""

    abouts: Mapping[str, Sequence[About]]  # entity -> its series
    watched: Watched
    manners: Manners
    zone: deliberate.Zone
    offset: deliberate.Offset
    inputs: Callable[[str], str]
    begun: Mapping[str, Sequence[datetime]]  # entity -> onsets of its outages


@dataclass(frozen=True, slots=True)
class Context:
    """Published records by country, events of blocking, and the outages of the run before."""

    records: Mapping[str, Sequence[deliberate.Row]]
    events: Mapping[str, Sequence[deliberate.Row]]
    previous: Mapping[str, Sequence[deliberate.Row]]

    @classmethod
    def of(cls, context: pa.Table, events: pa.Table | None, previous: pa.Table | None) -> Context:
        def parted(table: pa.Table | None, key: str) -> dict[str, list[deliberate.Row]]:
            made: dict[str, list[deliberate.Row]] = defaultdict(list)
            for row in [] if table is None else table.to_pylist():
                made[row[key] or ""].append(row)
            return made

        known = context.filter(pc.field("start").is_valid())
        return cls(parted(known, "country"), parted(events, "country"), parted(previous, "entity"))


@dataclass(frozen=True, slots=True)
class Told:
    row: dict[str, Any]
    parts: list[dict[str, Any]]


def told(one: Series, seen: Seen | None, known: Known, context: Context) -> Told:
    """One outage as rows of the two tables."""
    main, deepest = one.cuts[0].main, one.main
    about = main.about
    records = context.records.get(about.country or "", ())
    said = [deliberate.judge(cut, records) for cut in one.cuts]
    spoken = max(said, key=lambda s: (s.kind == "shutdown", len(s.records)))
    unmoved, missing = _others(one, seen, known)
    name = _name(one, context.previous.get(about.entity, ()))
    parts = [*_parts(one, name, known), *_still(unmoved, "unmoved", name), *_still(missing, "missing", name)]
    falls = _falls(one)
    planes, still = {fall.about.plane for fall in falls}, {about.plane for about in unmoved}
    zone = known.zone(about.country, about.entity.partition("/")[2] or None)
    last = one.cuts[-1].main
    count = defaultdict[str, int](int)
    for part in parts:
        count[part["role"]] += 1
    row: dict[str, Any] = {
        "outage": name, "kind": spoken.kind, "kind_why": ",".join(spoken.why), "grade": _grade(one, said, unmoved),
        "country": about.country, "entity": about.entity, "entity_kind": about.entity_kind, "network": about.network,
        "plane": about.plane, "onset_after": main.onset_after, "onset_before": main.onset_before,
        "end_after": last.end_after, "end_before": last.end_before, "last_seen": last.until - last.step,
        "lasts": last.drop.end_after is None and not _goes_on(last, known), "depth": deepest.main.drop.depth,
        "worst": deepest.main.at(deepest.main.drop.worst),
        "lost_hours": sum(_hours(cut.main, cut.main.drop.lost) for cut in one.cuts),
        "unknown_hours": sum(_hours(cut.main, cut.main.drop.unknown) for cut in one.cuts),
        "scope": _scope(deepest, unmoved), "planes": _words(planes), "planes_unmoved": _words(still - planes),
        "planes_missing": _words({about.plane for about in missing} - planes - still),
        "signals": _words(f.about.signal for f in falls), "signals_unmoved": _words(a.signal for a in unmoved),
        "operators": _words(f.about.operator for f in falls),
        "precursors": count["precursor"], "restorations": count["restoration"], "pattern": one.pattern,
        "occurrences": len(one.cuts), "occurrences_of": _between(one, zone, known),
        "features": deliberate.features(deepest, known.begun[about.entity], spoken, zone, known.offset),
        "contradicts": ",".join(_against(one, unmoved, known, said)) or None,
        "published": " ".join(dict.fromkeys(r for s in said for r in s.records[:_MOST])),
        "events": _words(_events(one, context.events.get(about.country or "", ()))), "zone": zone,
        "points": seen.points if seen else 0, "witnesses_digest": seen.digest if seen else "",
        "sources": _words(f.about.source for f in falls),
    }  # fmt: skip
    return Told(row, parts)


def _falls(one: Series) -> list[Fall]:
    return [fall for cut in one.cuts for fall in cut.falls]


def _words(values: Iterable[str]) -> str:
    return " ".join(sorted(set(values)))


def _hours(fall: Fall, bins: float) -> float:
    return bins * fall.about.step / 3600


def _grade(one: Series, said: Sequence[deliberate.Speaks], unmoved: Sequence[About]) -> str:
    """The grade that most of its cuts have; of one, its own."""
    if _only_use(one, unmoved):
        return "insufficient"
    grades = sorted(_of_cut(cut, speaks) for cut, speaks in zip(one.cuts, said, strict=True))
    names = ("insufficient", "consistent", "corroborated", "confirmed")
    return names[sorted(names.index(grade) for grade in grades)[len(grades) // 2]]


def _only_use(one: Series, unmoved: Sequence[About]) -> bool:
    """People do other things on holidays, and at night under a curfew: less use alone is no cut of the network."""
    if {fall.about.plane for fall in _falls(one)} != {"usage"}:
        return False
    depth = max(cut.main.drop.depth for cut in one.cuts)
    if one.pattern is not None:
        return depth < _CURFEW
    return depth < _USE and any(about.plane in ("data", "control", "background") for about in unmoved)


def _of_cut(cut: Cut, speaks: deliberate.Speaks) -> str:
    witnesses = independent(together(cut))
    if witnesses < 2:
        return "consistent" if witnesses else "insufficient"
    return "confirmed" if speaks.acknowledged else "corroborated"


def _others(one: Series, seen: Seen | None, known: Known) -> tuple[list[About], list[About]]:
    """Signals of the same entity that did not fall: those that were there, and those that were missing."""
    cut = one.cuts[0]
    fell = {fall.about.series for fall in _falls(one)}
    begin, first, last = cut.main.onset_before, known.watched.first, known.watched.last
    unmoved, missing = list[About](), list[About]()
    for about in known.abouts.get(cut.main.about.entity, ()):
        name = about.series
        if name in fell or name not in first:
            continue
        if not known.manners.of(about.signal, about.plane).watch:
            continue
        judged = known.watched.judged.get(name)
        if judged is None or date.fromisoformat(judged) > begin.date() or not _learned(about, first[name], begin):
            continue  # nothing can be said of it for then
        if about.step >= DAY and cut.length < _DAY / 2:
            continue  # what it shows for that day, or for so early, says nothing
        if date.fromisoformat(last[name]) < begin.date() - timedelta(days=FULL):
            continue
        span = min(cut.length, timedelta(hours=6)) / timedelta(seconds=about.step)
        there = seen.there.get(name, 0) if seen else 0
        (unmoved if there >= max(1, span / 2) else missing).append(about)
    return unmoved, missing


def _learned(about: About, first: str, begin: datetime) -> bool:
    least = FULL if about.step >= DAY else 5
    return begin.date() - date.fromisoformat(first) >= timedelta(days=least)


def _scope(cut: Cut, unmoved: Sequence[About]) -> str:
    main = cut.main
    if main.about.entity_kind == "region":
        return "region"
    access = {fall.about.access for fall in cut.falls}
    spared = {about.access for about in unmoved if about.plane == main.about.plane}
    for mine, other in (("mobile", "fixed"), ("fixed", "mobile")):
        if access == {mine} and other in spared:
            return mine
    if any(about.signal.startswith("domestic/") for about in unmoved):
        return "international"
    if main.about.plane not in ("data", "usage"):
        return "unknown"
    if main.drop.depth >= _KEPT and _let_through(cut, unmoved):
        return "whitelist"
    return "total" if main.drop.depth >= _TOTAL else "unknown"


def _let_through(cut: Cut, unmoved: Sequence[About]) -> bool:
    """Was a single service there, all the time or again within a day, while addresses stayed dark?"""
    if cut.main.about.plane != "data":
        return False
    soon = cut.main.onset_before + _OPEN
    back = [
        f for f in cut.falls if f.about.service and f.end_before is not None and f.end_before <= soon < cut.end - _LET
    ]
    return bool(back) or any(about.service for about in unmoved)


def _between(one: Series, zone: str | None, known: Known) -> int:
    """Days from the first to the last occurrence, both counted, by the local date."""

    def day(when: datetime) -> date:
        return (when if zone is None else when + known.offset(zone, when)).date()

    return (day(one.cuts[-1].main.onset_before) - day(one.cuts[0].main.onset_before)).days + 1


def _against(one: Series, unmoved: Sequence[About], known: Known, said: Sequence[deliberate.Speaks]) -> list[str]:
    """Codes of what speaks against it, or must be known beside it."""
    cut, falls = one.cuts[0], _falls(one)
    main = cut.main
    found: list[str] = []
    if any(f.drop.normal_again for f in (c.main for c in one.cuts)):
        found.append("new_normal")
    if len({fall.about.series for fall in falls}) == 1:
        found.append("one_signal")
    moved = {fall.about.plane for fall in falls}
    if {about.plane for about in unmoved} - moved:
        found.append("planes_disagree")
    if _only_use(one, unmoved):
        found.append("use_alone")
    if len(moved) > 1 and all(independent(together(c)) < 2 for c in one.cuts):
        found.append("operator_shared" if len({f.about.operator for f in falls}) < 2 else "begun_apart")
    own = known.abouts.get(main.about.entity, ())
    ends = [date.fromisoformat(known.watched.last[a.series]) for a in own if a.series in known.watched.last]
    last = one.cuts[-1].main
    if last.drop.end_after is None and not last.drop.normal_again:
        if _goes_on(last, known):
            found.append("scale_ends")
        elif ends and max(ends) - last.until.date() > _DAY:
            found.append("no_data_since")
    first = known.watched.first.get(main.about.series)
    if first is not None and main.onset_before.date() - date.fromisoformat(first) < timedelta(days=FULL):
        found.append("short_history")
    if any(speaks.accident for speaks in said):
        found.append("published_accident")
    return found


def _goes_on(fall: Fall, known: Known) -> bool:
    """Has another file data of this signal for later, on a scale of its own?"""
    last = known.watched.last
    return any(
        about.signal == fall.about.signal and about.operator == fall.about.operator
        and about.series != fall.about.series and date.fromisoformat(last[about.series]) > fall.until.date()
        for about in known.abouts.get(fall.about.entity, ()) if about.series in last
    )  # fmt: skip


def _events(one: Series, rows: Iterable[deliberate.Row]) -> list[str]:
    begin, end = one.cuts[0].main.onset_before - _DAY, one.cuts[-1].end + _DAY
    return [row["event"] for row in rows if (at := row["onset_before"] or row["onset_after"]) and begin <= at <= end]


def _name(one: Series, previous: Iterable[deliberate.Row]) -> str:
    """An outage keeps its id from run to run: that of the nearest one of the same entity and plane."""
    main = one.cuts[0].main
    near = [
        (abs(row["onset_before"] - main.onset_before), row["outage"])
        for row in previous
        if abs(row["onset_before"] - main.onset_before) <= _SAME and row["plane"] == main.about.plane
    ]
    if near:
        return min(near)[1]
    text = f"{main.about.entity}\n{main.about.plane}\n{main.about.series}\n{main.onset_before.isoformat()}"
    return "o" + sha256(text.encode()).hexdigest()[:12]


# ---- parts -----------------------------------------------------------------------------------------------------


def _parts(one: Series, name: str, known: Known) -> list[dict[str, Any]]:
    if one.pattern is not None:
        return [
            _part("occurrence" if fall is cut.main else "loss", fall, name, known)
            for cut in one.cuts for fall in cut.falls
        ]  # fmt: skip
    cut = one.cuts[0]
    made = [_part("loss", fall, name, known) for fall in cut.falls]
    for fall in cut.falls:
        own = _part("precursor", fall, name, known)
        made.extend(own | _level(fall, *level) for level in fall.drop.earlier)
        made.extend(own | {"role": "restoration"} | _level(fall, *level) for level in fall.drop.later)
        back = fall.end_before
        if fall is not cut.main and back is not None and back + _LET <= cut.end:
            whole = {"end_after": None, "end_before": None, "depth": 0.0, "expected": None, "level": None}
            made.append(own | {"role": "restoration", "onset_after": fall.end_after, "onset_before": back} | whole)
    return made


def _part(role: str, fall: Fall, name: str, known: Known) -> dict[str, Any]:
    about, drop = fall.about, fall.drop
    return dict.fromkeys(CONNECTED["outage_parts"].names) | {
        "outage": name, "role": role, "entity": about.entity, "plane": about.plane, "signal": about.signal,
        "operator": about.operator, "source": about.source, "series": about.series, "onset_after": fall.onset_after,
        "onset_before": fall.onset_before, "end_after": fall.end_after, "end_before": fall.end_before,
        "expected": drop.expected, "level": drop.level, "depth": drop.depth, "worst": fall.at(drop.worst),
        "lost_hours": _hours(fall, drop.lost), "unknown_hours": _hours(fall, drop.unknown),
        "statistic": drop.statistic, "normal_again": drop.normal_again, "inputs": known.inputs(about.series),
    }  # fmt: skip


def _level(fall: Fall, first: int, last: int, share: float) -> dict[str, Any]:
    """A stretch at one level: only its time and how much was lost in it are known."""
    blank = dict.fromkeys(("expected", "level", "worst", "lost_hours", "unknown_hours", "statistic", "normal_again"))
    return blank | {
        "onset_after": fall.at(first - 1), "onset_before": fall.at(first), "end_after": fall.at(last),
        "end_before": fall.at(last + 1), "depth": max(0.0, 1 - share),
    }  # fmt: skip


def _still(found: Iterable[About], role: str, name: str) -> list[dict[str, Any]]:
    return [
        dict.fromkeys(CONNECTED["outage_parts"].names)
        | {"outage": name, "role": role, "entity": a.entity, "plane": a.plane, "signal": a.signal}
        | {"operator": a.operator, "source": a.source, "series": a.series, "inputs": ""}
        for a in found
    ]


__all__ = ["ORDER", "Context", "Known", "Told", "planes_of", "told"]
