"""Law: the signals and outages that words and pages are tried on are made here, in the exact schemas of the model."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.assess.connectivity import Outage
from clampdown.assess.outages import records
from clampdown.assess.signals import Signals
from clampdown.model import Terms
from clampdown.model_signals import CONTEXT, OUTAGE_PARTS, OUTAGES, SERIES, SIGNALS

START = datetime(2026, 9, 1)
CUT = datetime(2026, 9, 12, 16, 30)
BACK = datetime(2026, 9, 19, 6)
TERMS = (
    Terms("ioda", "non-commercial", "non-commercial", "IODA, Georgia Tech", "https://example.org/ioda"),
    Terms("given", "unknown", "yes", "Files that were given", ""),
)
ZONE = "Asia/Tehran"
H = timedelta(hours=1)


def row(name: str = "o1", **given: Any) -> dict[str, Any]:
    """One row of OUTAGES; everything not given is plain and plausible."""
    made: dict[str, Any] = dict.fromkeys(OUTAGES.names)
    made |= {
        "outage": name, "kind": "outage", "kind_why": "no_outside_source", "grade": "corroborated", "country": "XA",
        "entity": "XA", "entity_kind": "country", "plane": "data", "onset_after": CUT - H / 2, "onset_before": CUT,
        "end_after": BACK - H / 2, "end_before": BACK, "last_seen": datetime(2026, 9, 30, 23, 30), "lasts": False,
        "depth": 0.93, "worst": CUT + 18 * H, "lost_hours": 146.2, "unknown_hours": 0.0, "scope": "unknown",
        "planes": "control data", "planes_unmoved": "", "planes_missing": "", "signals": "bgp/slash24 probing/slash24",
        "signals_unmoved": "", "operators": "bgp-collectors ioda", "precursors": 0, "restorations": 0,
        "occurrences": 1, "occurrences_of": 1, "features": "", "published": "", "events": "", "zone": ZONE,
        "points": 1440, "witnesses_digest": "a" * 64, "sources": "ioda",
    }  # fmt: skip
    return made | given


def part(role: str = "loss", signal: str = "probing/slash24", outage: str = "o1", **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(OUTAGE_PARTS.names)
    made |= {
        "outage": outage, "role": role, "entity": "XA", "plane": "data", "signal": signal, "operator": "ioda",
        "source": "ioda", "series": f"s-{signal}", "inputs": "made.csv",
    }  # fmt: skip
    if role == "loss":
        made |= {
            "onset_after": CUT - H / 2, "onset_before": CUT, "end_after": BACK - H / 2, "end_before": BACK,
            "expected": 23640.0, "level": 1655.0, "depth": 0.93, "worst": CUT + 18 * H, "lost_hours": 146.2,
            "unknown_hours": 0.0, "statistic": 40.0,
        }  # fmt: skip
    return made | given


def record(name: str = "c1", **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(CONTEXT.names)
    made |= {
        "record": name, "kind": "shutdown-list", "country": "XA", "start": CUT, "precision": "day",
        "cause": "government", "title": "A list of shutdowns", "url": "https://example.org/list", "source": "keepiton",
        "input": "d" * 64, "locator": "list.csv:7", "day": CUT.date().isoformat(),
    }  # fmt: skip
    return made | given


def tables(
    rows: Sequence[dict[str, Any]], parts: Sequence[dict[str, Any]] = (), context: Sequence[dict[str, Any]] = ()
) -> tuple[pa.Table, pa.Table, pa.Table]:
    return (
        pa.Table.from_pylist(list(rows), schema=OUTAGES), pa.Table.from_pylist(list(parts), schema=OUTAGE_PARTS),
        pa.Table.from_pylist(list(context), schema=CONTEXT),
    )  # fmt: skip


def one(parts: Sequence[dict[str, Any]] = (), context: Sequence[dict[str, Any]] = (), **given: Any) -> Outage:
    """A record of one outage."""
    (made,) = records(*tables([row(**given)], parts, context))
    return made


def nights(count: int, first: datetime, hour: float = 18.5, length: float = 7.5) -> list[dict[str, Any]]:
    """Cuts that come back, one a day."""
    made: list[dict[str, Any]] = []
    for index in range(count):
        begin = first + timedelta(days=index, hours=hour)
        end = begin + timedelta(hours=length)
        made.append(
            part("occurrence", onset_after=begin - H, onset_before=begin, end_after=end - H, end_before=end, depth=1.0)
        )
    return made


# ---- levels ------------------------------------------------------------------------------------------------------

Shape = Callable[[datetime, random.Random], float | None]


def diurnal(top: float, swing: float = 0.35) -> Shape:
    def level(time: datetime, dice: random.Random) -> float | None:
        wave = 1 - swing * (1 + math.cos((time.hour + time.minute / 60 + 3.5) * math.pi / 12)) / 2
        return top * wave * (1 + dice.gauss(0, 0.015))

    return level


def cut(shape: Shape, begin: datetime, end: datetime, left: float) -> Shape:
    """The same, with so much left in between."""

    def level(time: datetime, dice: random.Random) -> float | None:
        value = shape(time, dice)
        return value if value is None or not begin <= time < end else value * left

    return level


def gone(shape: Shape, begin: datetime, end: datetime) -> Shape:
    """The same, without data in between."""

    def level(time: datetime, dice: random.Random) -> float | None:
        return None if begin <= time < end else shape(time, dice)

    return level


def series(name: str, day: datetime, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(SERIES.names)
    made |= {
        "series": f"s-{name}", "country": "XA", "entity": "XA", "entity_kind": "country", "plane": "data",
        "signal": name, "operator": "ioda", "unit": "count", "scale": "all", "step": 1800, "source": "ioda",
        "input": "e" * 64, "locator": "made.csv", "rows": 48, "day": day.date().isoformat(),
    }  # fmt: skip
    return made | given


def made_levels(days: int, shapes: dict[str, tuple[Shape, dict[str, Any]]], seed: int = 5) -> tuple[pa.Table, pa.Table]:
    """(series, levels) of so many days from START on. A level that is None is a row without a value."""
    dice = random.Random(seed)
    kinds: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for name, (shape, given) in shapes.items():
        step = given.get("step", 1800)
        kinds += [series(name, START + timedelta(days=d), **given) for d in range(days)]
        for index in range(days * 86400 // step):
            time = START + timedelta(seconds=index * step)
            value = shape(time, dice)
            if value is None and given.get("absence"):
                continue
            rows.append({
                "series": f"s-{name}", "time": time, "value": value, "quality": None, "day": time.date().isoformat(),
            })  # fmt: skip
    return pa.Table.from_pylist(kinds, schema=SERIES), pa.Table.from_pylist(rows, schema=SIGNALS)


def country(days: int = 30) -> Signals:
    """A country that was cut off for a week: BGP hardly moved, Google came back early, the telescope has a gap."""
    google = cut(cut(diurnal(90.0, 0.6), CUT, CUT + 80 * H, 0.02), CUT + 80 * H, BACK, 0.8)
    shapes: dict[str, tuple[Shape, dict[str, Any]]] = {
        "bgp/slash24": (
            cut(diurnal(11900.0, 0.0), CUT + 2 * H, CUT + 17 * H, 0.87),
            {"plane": "control", "operator": "bgp-collectors", "step": 300},
        ),
        "probing/slash24": (cut(diurnal(23900.0, 0.03), CUT, BACK, 0.07), {"step": 600}),
        "telescope/sources": (
            gone(cut(diurnal(5000.0, 0.4), CUT, BACK, 0.1), CUT + 2 * H, CUT + 50 * H),
            {"plane": "background", "operator": "merit"},
        ),
        "google/search": (
            google, {"plane": "usage", "operator": "google", "service": "google", "unit": "normalised"}
        ),
        "tor/relay-users": (
            cut(diurnal(41000.0, 0.0), CUT, BACK, 0.3),
            {"plane": "usage", "operator": "tor", "service": "tor", "step": 86400},
        ),
        "pings/replies": (
            lambda time, dice: None if CUT <= time < BACK else 40.0 + dice.randrange(20),
            {"step": 3600, "absence": "no-reply", "operator": "ping-log", "entity": "XA/Hills", "entity_kind": "region",
             "zone": ZONE},
        ),
    }  # fmt: skip
    kinds, levels = made_levels(days, shapes)
    return Signals(kinds, levels, *script(), TERMS)


def script() -> tuple[pa.Table, pa.Table, pa.Table]:
    """What a detector would say of it."""
    rows = [
        row(
            planes="background control data usage", planes_missing="", precursors=1, restorations=1, kind="shutdown",
            kind_why="published_list", signals="bgp/slash24 google/search probing/slash24 telescope/sources",
            operators="bgp-collectors google ioda merit", unknown_hours=48.0, scope="total", published="c1",
            features="on_the_hour=yes:3.06 protest=unknown", signals_unmoved="",
        ),
        row(
            "o2", grade="consistent", entity="XA/Hills", entity_kind="region", planes="data", signals="pings/replies",
            operators="ping-log", contradicts="one_signal,operator_shared", planes_unmoved="", end_after=BACK - H,
            end_before=BACK, depth=1.0,
        ),
        row(
            "o3", grade="consistent", onset_after=datetime(2026, 9, 25, 4), onset_before=datetime(2026, 9, 25, 4, 30),
            end_after=datetime(2026, 9, 25, 6), end_before=datetime(2026, 9, 25, 6, 30), depth=0.31,
            worst=datetime(2026, 9, 25, 5), planes="data", planes_unmoved="control", lost_hours=0.6,
            contradicts="planes_disagree", signals="probing/slash24", signals_unmoved="bgp/slash24", operators="ioda",
            kind_why="accident_named", features="on_the_hour=no:0.38",
        ),
    ]  # fmt: skip
    parts = [
        part(), part("loss", "bgp/slash24", plane="control", operator="bgp-collectors", depth=0.13, expected=11900.0,
                     level=10353.0, onset_after=CUT + 1.5 * H, onset_before=CUT + 2 * H, end_after=CUT + 16.5 * H,
                     end_before=CUT + 17 * H),
        part("loss", "telescope/sources", plane="background", operator="merit", depth=0.9, expected=4800.0, level=480.0,
             unknown_hours=48.0),
        part("loss", "google/search", plane="usage", operator="google", depth=0.98, expected=80.2, level=1.6,
             end_after=CUT + 79.5 * H, end_before=CUT + 80 * H),
        part("restoration", "google/search", plane="usage", operator="google", onset_after=CUT + 79.5 * H,
             onset_before=CUT + 80 * H),
        part("precursor", "google/search", plane="usage", operator="google", onset_after=CUT - 30 * H,
             onset_before=CUT - 29.5 * H, end_after=CUT - 26 * H, end_before=CUT - 25.5 * H, depth=0.4),
        part("loss", "pings/replies", "o2", entity="XA/Hills", operator="ping-log", expected=50.0, level=0.0,
             depth=1.0),
        part("loss", "probing/slash24", "o3", onset_after=datetime(2026, 9, 25, 4),
             onset_before=datetime(2026, 9, 25, 4, 30), end_after=datetime(2026, 9, 25, 6),
             end_before=datetime(2026, 9, 25, 6, 30), depth=0.31, expected=23600.0, level=16284.0),
        part("unmoved", "bgp/slash24", "o3", plane="control", operator="bgp-collectors"),
    ]  # fmt: skip
    return tables(rows, parts, [record()])
