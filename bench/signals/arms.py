"""Law: an arm is a few worlds of one kind under one seed family, detected as the package does it, scored and printed.

- `quiet`: all nuisances and no cut. Everything that is found is false.
- `everything`: the same with all kinds of cuts at their rates.
- `cuts`: all nuisances and many national cuts of the two sizes that are asked for.
- `two planes`: the same where only probing and one usage signal are seen.
- `falls`: falls of single series in the worlds of `everything`, by signal: before any fusion.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any, Final
from zoneinfo import ZoneInfo

from sim.arms import Figure
from sim.score import bootstrap, poisson, seeds, wilson

from clampdown.model import GRADES
from signals import script
from signals.kinds import BY_NAME
from signals.places import COUNTRIES
from signals.score import Found, Score, found_in, score
from signals.tables import as_tables
from signals.world import SIGNALS, World, world

SHORT, HALF = "national-90-2h", "national-50-6h"
AIMS: Final = {SHORT: ">= 0.95", HALF: ">= 0.8"}
ALL: Final = tuple(BY_NAME)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is run: worlds of each arm, their countries and years."""

    family: str = "report"
    worlds: int = 10
    countries: int = 20
    years: float = 1.0
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    arms: tuple[str, ...]
    signals: tuple[str, ...] = ALL
    rates: tuple[tuple[str, float], ...] = ()
    share: float = 1.0  # of the worlds that are run


MANY: Final = ((SHORT, 8.0), (HALF, 8.0))
ARMS: Final = (
    Arm("quiet", tuple(sorted(script.QUIET))),
    Arm("everything", tuple(sorted(script.EVERYTHING))),
    Arm("cuts", tuple(sorted(script.QUIET | {SHORT, HALF})), SIGNALS, MANY, 0.3),
    Arm("two planes", tuple(sorted(script.QUIET | {SHORT, HALF})), ("probing/slash24", "google/search"), MANY, 0.3),
)


def made(arm: Arm, size: Size, seed: int) -> World:
    return world(seed, size.family, size.years, size.countries, *arm.arms, signals=arm.signals, rates=dict(arm.rates))


_ZONES: Final = {country.code: country.zone for country in COUNTRIES}


def zone(country: str | None, _region: str | None) -> str | None:
    return _ZONES.get(country or "")


def offset(name: str, when: datetime) -> timedelta:
    return when.replace(tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset() or timedelta()


def detected(one: World) -> list[Found]:
    """What the package finds in a world."""
    from clampdown.detect.outages import GivenOutages, make

    days, series = as_tables(one)
    found = make(days, series, GivenOutages(zone=zone, offset=offset))
    return found_in(found["outages"].to_pylist(), found["outage_parts"].to_pylist())


def fallen(one: World) -> dict[str, list[Found]]:
    """Falls of single series, by signal."""
    from clampdown.detect.manners import load_manners
    from clampdown.detect.outages import GivenOutages, clocks_of
    from clampdown.detect.watching import abouts, watch

    days, series = as_tables(one)
    known = abouts(series)
    clocks = clocks_of(known.values(), GivenOutages(zone=zone, offset=offset), [day for day, _ in days])
    made: dict[str, list[Found]] = {name: [] for name in sorted({s.signal for s in one.series})}
    for fall in watch(days, known, load_manners(), clocks=clocks).falls:
        if not fall.drop.rise:
            about = fall.about
            edges = (fall.onset_before, fall.onset_after, fall.end_after, fall.end_before)
            made[about.signal].append(Found(about.entity, *edges, "consistent", (about.plane,), (about.signal,)))
    return made


def scored(arm: Arm, size: Size, seed: int) -> Score:
    one = made(arm, size, seed)
    return score(one, detected(one))


def scored_falls(arm: Arm, size: Size, seed: int) -> dict[str, Score]:
    one = made(arm, size, seed)
    by_signal = {}
    for signal, found in fallen(one).items():
        plane = BY_NAME[signal].plane
        seen = replace(one, places=tuple(p for p in one.places if p.kind in BY_NAME[signal].sources))
        got = score(seen, found, daily=BY_NAME[signal].step >= 86_400)
        # A cut that this plane hardly felt is no miss of its signal.
        felt = {(t.entity_kind, t.kind) for t in one.truth if t.loss.get(plane, 0.0) >= 0.3}
        got.found = {key: value for key, value in got.found.items() if key in felt}
        by_signal[signal] = got
    return by_signal


def _mapped(size: Size, job: Callable[[int], Any], count: int) -> list[Any]:
    chosen = seeds(size.family, count)
    if size.workers < 2 or count < 2:
        return [job(seed) for seed in chosen]
    with ProcessPoolExecutor(size.workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(job, chosen))


def run(arm: Arm, size: Size) -> Score:
    total = Score()
    for one in _mapped(size, partial(scored, arm, size), max(1, round(size.worlds * arm.share))):
        total.add(one)
    return total


def run_falls(size: Size) -> dict[str, Score]:
    total: dict[str, Score] = {}
    for found in _mapped(size, partial(scored_falls, ARMS[1], size), max(1, size.worlds // 3)):
        for signal, one in found.items():
            total.setdefault(signal, Score()).add(one)
    return total


def _share(label: str, name: str, pair: tuple[int, int], aim: str = "") -> Figure:
    hits, tries = pair
    return Figure(label, name, hits / tries if tries else float("nan"), *wilson(hits, tries), aim, f"{hits} of {tries}")


def rate(label: str, name: str, count: int, units: float, aim: str = "") -> Figure:
    low, high = poisson(count)
    return Figure(label, name, count / units, low / units, high / units, aim, f"{count} in {units:.0f}")


def false_figures(label: str, total: Score) -> list[Figure]:
    """False events, by kind of entity and grade; of countries also what they were laid to."""
    made = []
    for kind, years in total.years.items():
        for grade, per, aim in (("consistent", 1, "<= 1"), ("corroborated", 20, "<= 1")):
            count, name = total.false.get((kind, grade), 0), "a year" if per == 1 else f"in {per} years"
            asked = aim if kind == "country" else ""
            made.append(rate(label, f"false events of a {kind} {name}, {grade}", count, years / per, asked))
    causes = sorted(total.causes.items(), key=lambda item: -item[1])
    for (kind, grade, cause), count in causes:
        if kind == "country" and grade in GRADES[1:3]:
            made.append(rate(label, f"    {grade}, laid to {cause}, a year", count, total.years["country"]))
    return made


def recall_figures(label: str, total: Score) -> list[Figure]:
    made = []
    for entity_kind, kind in sorted(total.found):
        if entity_kind != "country":
            continue
        for grade in GRADES[1:3]:
            aim = AIMS.get(kind, "") if grade == "corroborated" else ""
            made.append(_share(label, f"recall of {kind}, {grade}", total.recall(kind, grade), aim))
        for name, values, of in (
            ("delay, hours (median)", total.delays, "median"),
            ("onset bracket off by hours (mean)", total.onsets, "mean"),
            ("end bracket off by hours (mean)", total.ends, "mean"),
            ("events per found", total.pieces, "mean"),
            ("share of its nights told", total.nights, "mean"),
        ):
            if values.get(kind):
                made.append(
                    Figure(label, f"    {kind}: {name}", *bootstrap(values[kind], of), of=str(len(values[kind])))
                )
    for entity_kind in ("region", "network"):
        kinds = sorted({kind for own, kind in total.found if own == entity_kind})
        made += [
            _share(label, f"recall of {k}, {entity_kind}", total.recall(k, "consistent", entity_kind)) for k in kinds
        ]
    return made


def truth(size: Size, only: tuple[str, ...] = ()) -> list[Figure]:
    figures = []
    for arm in ARMS:
        if not only or arm.name in only:
            total = run(arm, size)
            label = f"{arm.name} ({size.family})"
            figures += recall_figures(label, total) + false_figures(label, total)
    return figures


def falls(size: Size) -> list[Figure]:
    figures = []
    for signal, total in run_falls(size).items():
        label = f"falls of {signal} ({size.family})"
        figures += recall_figures(label, total) + false_figures(label, total)
    return figures
