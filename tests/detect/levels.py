"""Law: levels for the tests of outages are made here, from a seed, and say what was done to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from clampdown.detect.manners import Manner, load_manners
from clampdown.detect.outages import GivenOutages, make
from clampdown.model import CONNECTIVITY

START = datetime(2024, 1, 1)  # a Monday
HOUR = 3600
MANNERS = load_manners()
OPERATORS = {"control": "bgp-collectors", "data": "ioda", "background": "merit", "usage": "google"}
SIGNALS = {
    "control": "bgp/slash24", "data": "probing/slash24", "background": "telescope/sources", "usage": "google/search",
}  # fmt: skip


def manner(plane: str = "data") -> Manner:
    return MANNERS.of(SIGNALS[plane], plane)


def quiet(
    days: int, step: int = HOUR, *, seed: int = 1, noise: float = 0.01, swing: float = 0.0, size: float = 1000.0
) -> Any:
    """A series without an event: a daily swing, and noise that is independent from bin to bin."""
    rng = np.random.default_rng(seed)
    bins = days * 86_400 // step
    time = np.arange(bins) * step / 86_400
    level = size * np.exp(swing * np.sin(2 * np.pi * time) + noise * rng.standard_normal(bins))
    return np.round(level, 3)


def cut(values: Any, first: int, last: int, left: float) -> Any:
    """The same with bins first..last (excluded) at this share."""
    made = values.copy()
    made[first:last] *= left
    return made


@dataclass
class Kept:
    """Series to be detected in."""

    step: int = HOUR
    start: datetime = START
    rows: list[dict[str, Any]] = field(default_factory=list)
    series: list[dict[str, Any]] = field(default_factory=list)

    def add(self, values: Iterable[float], plane: str = "data", entity: str = "XA", **about: Any) -> str:
        """One more series; nan is written as no row, None as a row without a value."""
        name = f"s{len(self.series):02d}"
        step = about.get("step", self.step)
        country = entity[:2] if not entity.startswith("AS") else None
        kind = "network" if entity.startswith("AS") else "region" if "/" in entity else "country"
        self.series.append({
            "series": name, "country": country, "entity": entity, "entity_kind": kind, "network": None, "plane": plane,
            "signal": SIGNALS[plane], "operator": OPERATORS[plane], "service": None, "access": None, "unit": "count",
            "scale": "all", "step": step, "absence": None, "zone": None, "source": "plain", "input": "0" * 64,
            "locator": "made.csv", "rows": 1, "day": START.date().isoformat(),
        } | about)  # fmt: skip
        quality = about.pop("quality", None)
        for place, value in enumerate(values):
            if value is None or np.isfinite(value):
                time = self.start + timedelta(seconds=step * place)
                row = {"series": name, "time": time, "value": value, "day": time.date().isoformat()}
                self.rows.append(row | {"quality": None if quality is None else quality[place]})
        return name

    def days(self, order: Sequence[int] | None = None) -> list[tuple[str, pa.Table]]:
        rows = self.rows if order is None else [self.rows[n] for n in order]
        parted: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            parted[row["day"]].append(row)
        return [(day, pa.Table.from_pylist(parted[day], schema=CONNECTIVITY["signals"])) for day in sorted(parted)]

    def table(self) -> pa.Table:
        names = CONNECTIVITY["series"].names
        return pa.Table.from_pylist([{n: row.get(n) for n in names} for row in self.series], CONNECTIVITY["series"])

    def outages(self, **given: Any) -> dict[str, list[dict[str, Any]]]:
        days = self.days()
        made = make(lambda: days, self.table(), GivenOutages(**given))
        return {name: table.to_pylist() for name, table in made.items()}


def record(**fields: Any) -> dict[str, Any]:
    """A row of CONTEXT."""
    made: dict[str, Any] = dict.fromkeys(CONNECTIVITY["context"].names)
    return made | {
        "record": "c1", "kind": "shutdown-list", "country": "XA", "precision": "day", "extent": "full",
        "source": "given", "input": "0" * 64, "locator": "list.csv:2", "day": "2024-02-01",
    } | fields  # fmt: skip


def context(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=CONNECTIVITY["context"])
