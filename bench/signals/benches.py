"""Law: which quiet series rules are compared on, real and simulated, and which stretches of them.

Real series are read from the material folder where it is there; nothing of it is kept. Their stretches were chosen
before any rule ran: of the export of December 2025 the two last weeks (what lies before is past for rules that need
weeks), of Tor's users months in which no day fell by a third below the median of the week before.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from signals import equal, peers
from signals.calibrate import export
from signals.equal import Bench, Contender
from signals.kinds import BY_NAME
from signals.script import SHAPES
from signals.world import world

DAY: Final = 86_400
TOR: Final = {  # file: (first and last day that it is set on, the same that it is scored on)
    "ir.tsv": ((date(2011, 10, 15), date(2012, 1, 31)), (date(2012, 3, 20), date(2012, 8, 31))),
    "tr.tsv": ((date(2012, 3, 1), date(2012, 7, 31)), (date(2015, 1, 1), date(2015, 6, 30))),
}
DEEP: Final = (
    "bgp/slash24",
    "probing/slash24",
    "telescope/sources",
    "google/search",
    "cloudflare/http",
    "mozilla/cities",
)


def contenders(bench: Bench, *, own: bool = True) -> list[Contender]:
    """Ours, the rules of others with a free strictness, and theirs with their own."""
    kind = BY_NAME[bench.signal]
    free, shipped = equal.of_ours(
        bench, kind.plane, normalised=bench.label.startswith("real, IODA") or kind.unit == "normalised"
    )
    rules = peers.rules_for(bench.signal, bench.step)
    made = [free, shipped, *bench.more, *(equal.of_rule(rule, bench.step) for rule in rules)]
    fixed = [equal.of_rule(rule, bench.step, factor) for rule in rules for factor in rule.own] if own else []
    return made + fixed


def real(folder: Path, tries: int) -> Iterator[Bench]:
    """What the material folder holds of it."""
    for path in sorted(folder.glob("ioda_ir_*_normalized.csv")):
        start = datetime(2025, 12, 1)
        for signal, values in export(path, datetime(2026, 1, 1)).items():
            step = 3600 if signal.startswith("mozilla") else 1800
            at = [day * DAY // step for day in (16, 23, 30)]
            label = f"real, IODA export of Iran, {signal}"
            yield Bench(signal, label, values[None, :], step, start, (at[0], at[1]), (at[1], at[2]), tries)
    for name, (first, second) in TOR.items():
        if (folder / name).is_file():
            start, values, lower = tor(folder / name)
            spans = [((a - start.date()).days, (b - start.date()).days + 1) for a, b in (first, second)]
            label = f"real, Tor users, {name}"
            yield Bench("tor/relay-users", label, values[None, :], DAY, start, *spans, tries, (equal.of_bounds(lower),))  # type: ignore[arg-type]


def tor(path: Path) -> tuple[datetime, np.ndarray, np.ndarray]:
    """Users a day and the lower bound that the classical detector gave for it; days that are left out are missing."""
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    start = datetime.fromisoformat(rows[0]["date"])
    days = [(datetime.fromisoformat(row["date"]) - start) // timedelta(days=1) for row in rows]
    values, lower = np.full(days[-1] + 1, np.nan), np.full(days[-1] + 1, np.nan)
    values[days] = [float(row["actual_users"]) for row in rows]
    lower[days] = [float(row["min_user_range"] or "nan") for row in rows]
    return start, values, lower


def simulated(family: str, seed: int, *, series: int, tries: int, signals: tuple[str, ...] = DEEP) -> Iterator[Bench]:
    """Quiet countries, many in one bench: six weeks of past, then two stretches of three weeks."""
    for signal in signals:
        made = world(seed, family, 84 / 365, series, *SHAPES, signals=(signal,), regions=0, networks=0)
        step = made.series[0].step
        values = np.array([one.values for one in made.series])
        at = [day * DAY // step for day in (42, 63, 84)]
        label = f"simulated, {series} countries, {signal}"
        yield Bench(signal, label, values, step, made.start, (at[0], at[1]), (at[1], at[2]), tries)


def simulated_tor(family: str, seed: int, *, series: int, tries: int) -> Bench:
    """A year of all countries, so that the classical detector has its fifty; the first ones are scored."""
    made = world(seed, family, 1.0, 60, *SHAPES, signals=("tor/relay-users",), regions=0, networks=0)
    values = np.array([one.values for one in made.series])
    label = f"simulated, {series} of 60 countries, tor/relay-users"
    more = (equal.of_danezis(values),)
    return Bench("tor/relay-users", label, values[:series], DAY, made.start, (60, 210), (210, 360), tries, more)
