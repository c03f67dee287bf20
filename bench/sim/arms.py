"""Law: an arm is a few worlds of one kind under one seed family, detected and scored, and the figures it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Final

import pyarrow as pa

from clampdown.model import GRADES
from sim import worlds
from sim.rows import coverage
from sim.score import Score, bootstrap, poisson, score, seeds, wilson
from sim.world import World, arm

Detect = Callable[[Iterable[pa.Table], Iterable[pa.Table]], dict[str, pa.Table]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the benchmark. `aim`: what the issue asks for, as text."""

    arm: str
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    aim: str = ""
    of: str = ""  # what it was counted on


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run. `detector` is a module with `detect_tables`."""

    detector: str = "clampdown.detect"
    family: str = "report"
    workers: int = 2
    isolated: int = 8  # seeds
    others: int = 3
    clusters: tuple[str, ...] = ("vantage", "both", "day")
    blocks: int = 12
    national: tuple[int, int] = (40, 30)
    forgers: tuple[str, ...] = worlds.FORGED
    countries: int = 5
    rate: float = 12.0  # tries a day of each series where forms are shown


def detector(name: str) -> Detect:
    return import_module(name).detect_tables  # type: ignore[no-any-return]


def detected(name: str, world: World) -> dict[str, pa.Table]:
    """What a detector finds in a world; the days pass by once, and their coverage is told after them."""
    told: list[pa.Table] = []

    def days() -> Iterator[pa.Table]:
        for day in world.days():
            told.append(coverage(day))
            yield day

    return detector(name)(days(), (table for table in told))


def run(make: Callable[[int], World], name: str, seed: int) -> tuple[Score, list[dict[str, Any]]]:
    """The score of one world, and its events."""
    world = make(seed)
    found = detected(name, world)
    return score(world, found), found["events"].to_pylist()


def many(plan: Plan, make: Callable[[int], World], count: int) -> tuple[Score, list[list[dict[str, Any]]]]:
    total, events = Score(), []
    job = partial(run, make, plan.detector)
    if plan.workers < 2 or count < 2:
        done = [job(seed) for seed in seeds(plan.family, count)]
    else:
        with ProcessPoolExecutor(plan.workers, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(job, seeds(plan.family, count)))
    for one, rows in done:
        total.add(one)
        events.append(rows)
    return total, events


def _share(label: str, name: str, pair: tuple[int, int], aim: str = "") -> Figure:
    hits, tries = pair
    return Figure(label, name, hits / tries if tries else float("nan"), *wilson(hits, tries), aim, f"{hits} of {tries}")


def _rate(label: str, name: str, count: int, units: float, aim: str = "") -> Figure:
    low, high = poisson(count)
    return Figure(label, name, count / units, low / units, high / units, aim, f"{count} in {units:.1f}")


def common(label: str, total: Score, *, aim: str = "") -> list[Figure]:
    """Recall, pieces, dates and false events: what every arm with true changes has."""
    error = Figure(label, "onset error, days (median)", *bootstrap(total.errors), "<= 1", f"{len(total.errors)}")
    pieces = Figure(label, "events per true event", *bootstrap(total.pieces, "mean"), "<= 1.2", f"{len(total.pieces)}")
    blocks = [name for name in total.found if name.endswith(" block")]
    ends = [name for name in total.found if name.endswith("unblock")]
    return [
        _share(label, "recall of blocks", total.recall(*blocks), aim),
        _share(label, "recall of ends", total.recall(*ends)),
        pieces,
        error,
        _share(label, "bracket holds the true time", (sum(total.held), len(total.held))),
        *(_rate(label, f"false events a week, {grade}", total.false[grade], total.weeks) for grade in GRADES[1:3]),
    ]


ASKED: Final = (("80 %, 3 days, 5 a day", 0.8, 3, 5.0, ">= 0.95"), ("30 %, 7 days, 20 a day", 0.3, 7, 20.0, ">= 0.8"))


def isolated(plan: Plan) -> list[Figure]:
    figures = []
    for cluster in plan.clusters:
        for name, share, days, rate, aim in ASKED:
            make = partial(worlds.isolated, benign=arm(cluster), share=share, days=days, rate=rate, blocks=plan.blocks)
            total, _ = many(plan, make, plan.isolated)
            figures += common(f"{name} ({cluster})", total, aim=aim)
    return figures


def alone(plan: Plan) -> list[Figure]:
    """The same with one vantage point in the block: nothing above `consistent`."""
    make = partial(worlds.isolated, share=0.8, days=3, rate=5.0, blocks=plan.blocks, alone=True)
    total, _ = many(plan, make, plan.others)
    label = "one vantage point only"
    above = Figure(label, "events above consistent", total.true["corroborated"], aim="0", of=str(total.recall()[1]))
    return [above, _share(label, "found at consistent", total.recall())]


def forms(plan: Plan) -> list[Figure]:
    total, _ = many(plan, partial(worlds.forms, rate=plan.rate), plan.others)
    figures = [_share("forms", f"found: {name}", total.recall(name)) for name in sorted(total.found)]
    return [*figures, *common("forms", total)[2:]]


def one_event(plan: Plan) -> list[Figure]:
    networks, targets = plan.national
    label = f"national block, {networks} networks x {targets} domains"
    make = partial(worlds.national, networks=networks, targets=targets)
    total, events = many(plan, make, plan.others)
    begun = [[e for e in found if e["direction"] == "block" and e["grade"] != "insufficient"] for found in events]
    _, alerts = many(replace(plan, detector="sim.peers"), make, 1)
    largest = [max((e["members"] for e in found), default=0) for found in begun]
    return [
        Figure(label, "block events", *bootstrap([len(found) for found in begun], "mean"), "1", f"{len(begun)} worlds"),
        Figure(label, "alerts of a peer's CUSUM, for comparison", len(alerts[0]), of="1 world"),
        Figure(label, "members of the largest", *bootstrap(largest, "mean"), f"{networks * targets}"),
        *common(label, total),
    ]


def none_at_all(plan: Plan) -> list[Figure]:
    """Happenings that are no one's policy: no event, but a note."""
    figures = []
    for label, make, kind in (
        ("a release breaks one test", partial(worlds.bad_release, countries=plan.countries), "instrument"),
        ("a site goes down worldwide", partial(worlds.site_down, countries=plan.countries), "site_down"),
        ("measurements stop", worlds.collapse, "volume"),
    ):
        total, events = many(plan, make, plan.others)
        false = [_rate(label, f"all false events a world, {g}", total.false[g], plan.others) for g in GRADES[1:3]]
        if kind != "volume":
            touched = worlds.touched(make(0))
            wrong = [e for found in events for e in found if touched & set(e["targets"].split())]
            for grade in GRADES[1:3]:
                count = sum(GRADES.index(e["grade"]) >= GRADES.index(grade) for e in wrong)
                false.append(_rate(label, f"events about it a world, {grade}", count, plan.others, "0"))
        notes = Figure(label, f"notes `{kind}` a world", total.notes.get(kind, 0) / plan.others, aim=">= 1")
        figures += [*false, notes]
        if kind == "volume":
            ended = sum(e["direction"] == "unblock" for found in events for e in found)
            figures.append(Figure(label, "ends found of a block that lasts", ended, aim="0"))
    return figures


def forged(plan: Plan) -> list[Figure]:
    figures = []
    true, base = many(plan, worlds.true_block, plan.others)
    for kind in plan.forgers:
        total, _ = many(plan, partial(worlds.forged, kind=kind), plan.others)
        label = f"forger ({kind})"
        figures.append(Figure(label, "events above consistent", total.false["corroborated"], aim="0"))
        denied, found = many(plan, partial(worlds.forged, kind=kind, against=True), plan.others)
        moved = sum(_moved(old, new) for old, new in zip(base, found, strict=True))
        known = sum(len(_strong(rows)) for rows in base)
        figures.append(Figure(label, "true events ended, moved or added", moved, aim="0", of=f"{known} events"))
        figures.append(_share(label, "true changes still found", denied.recall(), f"{true.recall()[0]} without"))
    return figures


def _strong(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["grade"] in GRADES[2:]]


def _moved(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> int:
    """Corroborated events of the honest world that have no counterpart with a bracket within theirs; and new ones."""
    lost, used = 0, set()
    for row in _strong(old):
        same = [
            place
            for place, other in enumerate(new)
            if place not in used
            and other["direction"] == row["direction"]
            and other["targets"] == row["targets"]
            and not _outside(row, other)
        ]
        used.update(same[:1])
        lost += not same
    return lost + sum(place not in used for place, row in enumerate(new) if row in _strong(new))


def _outside(row: dict[str, Any], other: dict[str, Any]) -> bool:
    early = row["onset_after"] and other["onset_before"] and other["onset_before"] < row["onset_after"]
    late = row["onset_before"] and other["onset_after"] and other["onset_after"] > row["onset_before"]
    return bool(early or late)


SMALL_ARMS: Final = (isolated, alone, forms, one_event, none_at_all, forged)


def false_alarms(label: str, total: Score) -> list[Figure]:
    quarters = total.weeks / 13
    return [
        _rate(label, "false events a week, consistent or above", total.false["consistent"], total.weeks, "<= 1"),
        _rate(label, "false events a quarter, corroborated or above", total.false["corroborated"], quarters, "<= 1"),
    ]


def false_share(label: str, total: Score) -> list[Figure]:
    true, false = total.true["corroborated"], total.false["corroborated"]
    return [
        _share(label, "false of events at corroborated or above", (false, true + false), "<= 0.05"),
        *common(label, total),
    ]
