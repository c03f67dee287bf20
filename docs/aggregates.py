"""Law: published daily counts of three countries are read, cut and counted here; nothing of them is kept.

The files (cases/series of the material folder) are those of an artefact of ACSAC 2024, made from data of OONI,
Censored Planet and Tor Metrics. Months count as quiet where no list at hand names an event; the lists are incomplete.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from clampdown.detect.detectors import shifts
from clampdown.detect.series import ChangePoint, Series

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
from sim import peers

FIRST: Final = date(2021, 1, 1)
AFTER: Final = date(2023, 4, 1)
LENGTH: Final = (AFTER - FIRST).days
COUNTRIES: Final = {"ir": "Iran", "ru": "Russia", "mm": "Myanmar"}
LISTED: Final = {
    "ir": ("IR", "Iran (Islamic Republic of)"),
    "ru": ("RU", "Russian Federation"),
    "mm": ("MM", "Myanmar"),
}
SOURCES: Final = ("OONI", "Censored Planet", "Tor users")
# file, its columns that are added up: k; and n
KINDS: Final[dict[tuple[str, str], tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    ("OONI", "any anomaly"): ("ooni", ("dns", "http", "tls"), ("total",)),
    ("OONI", "dns"): ("ooni", ("dns",), ("total",)),
    ("OONI", "http"): ("ooni", ("http",), ("total",)),
    ("OONI", "tls"): ("ooni", ("tls",), ("total",)),
    ("OONI", "error"): ("ooni", ("error",), ("total", "error")),
    ("Censored Planet", "http"): ("http", ("anomalies",), ("measurements",)),
    ("Censored Planet", "https"): ("https", ("anomalies",), ("measurements",)),
    ("Censored Planet", "satellite"): ("satellite", ("anomalies",), ("measurements",)),
    ("Tor users", "users"): ("tor", ("users",), ()),
}
DAYS_OF_A_MONTH: Final = 7  # with fewer days of data a month is not counted
SEPTEMBER: Final = (date(2022, 9, 10), date(2022, 9, 30))


@dataclass(frozen=True)
class Line:
    """One series: k of n, or a size (n has no zeros but where there are no data), and its shifts."""

    source: str
    kind: str
    country: str
    k: np.ndarray
    n: np.ndarray
    found: tuple[ChangePoint, ...]

    @property
    def sized(self) -> bool:
        return self.source == "Tor users"

    @property
    def days(self) -> np.ndarray:
        return np.flatnonzero(self.n > 0)

    @property
    def values(self) -> np.ndarray:
        """What is drawn: shares, or sizes."""
        at = self.days
        return self.k[at] if self.sized else self.k[at] / self.n[at]


def day_of(place: int) -> date:
    return FIRST + timedelta(days=int(place))


def lines(material: Path) -> Iterator[Line]:
    """Every series that there is, cut."""
    for (source, kind), (file, tops, bottoms) in KINDS.items():
        for country in COUNTRIES:
            path = material / f"cases/series/{file}-data-{country}.csv"
            if not path.is_file():
                continue
            k, n = np.zeros(LENGTH), np.zeros(LENGTH)
            with path.open(encoding="utf-8", newline="") as opened:
                for row in csv.DictReader(opened):
                    place = (date.fromisoformat(row["date"]) - FIRST).days
                    if 0 <= place < LENGTH:
                        k[place] += sum(float(row[c]) for c in tops)
                        n[place] += sum(float(row[c]) for c in bottoms) if bottoms else float(row[tops[0]])
            found = shifts.detect_sizes(k) if source == "Tor users" else shifts.detect(Series(0, k, n))
            yield Line(source, kind, country, k, n, found)


# ---- quiet months ----------------------------------------------------------------------------------------------


def month(day: date) -> tuple[int, int]:
    return day.year, day.month


def months_listed(material: Path) -> dict[str, set[tuple[int, int]]]:
    """By country the months that a list names: all that an event covers; of one without an end its first month."""
    made: dict[str, set[tuple[int, int]]] = {country: set() for country in COUNTRIES}
    for country, start, end in _events(material):
        begin = date.fromisoformat(start[:10])
        last = date.fromisoformat(end[:10]) if end else begin
        day = begin
        while day <= max(begin, last):
            made[country].add(month(day))
            day += timedelta(days=1)
    return made


def _events(material: Path) -> Iterator[tuple[str, str, str]]:
    places = {name: country for country, names in LISTED.items() for name in names}
    for file, begin, end in (
        ("cases/signals/known_events.csv", "start_utc", "end_utc"),
        ("context/keepiton_2016-2022_flat.csv", "start_date", "end_date"),
    ):
        with (material / file).open(encoding="utf-8", newline="") as opened:
            for row in csv.DictReader(opened):
                country = places.get(row["country"].strip())
                if country and row[begin]:
                    yield country, row[begin], row[end] or ""


def tested(line: Line) -> set[tuple[int, int]]:
    """Months with enough days of data."""
    days = [month(day_of(place)) for place in line.days]
    return {one for one in set(days) if days.count(one) >= DAYS_OF_A_MONTH}


@dataclass(frozen=True)
class Exposure:
    """How often an alarm was raised where no list says why."""

    series: int
    months: int  # quiet series-months
    shifts: int
    alarms: int  # in quiet months

    @property
    def rate(self) -> float:
        return self.alarms / self.months if self.months else math.nan


def quiet(pairs: list[tuple[Line, list[tuple[int, int]]]], listed: dict[str, set[tuple[int, int]]]) -> Exposure:
    """Of these series with brackets (places of days). A shift is in a quiet month if its bracket touches no other."""
    months = shifts_ = alarms = 0
    for line, brackets in pairs:
        here = tested(line) - listed[line.country]
        months += len(here)
        shifts_ += len(brackets)
        alarms += sum(
            not {month(day_of(p)) for p in range(a, b + 1)} & listed[line.country] and month(day_of(b)) in here
            for a, b in brackets
        )
    return Exposure(len(pairs), months, shifts_, alarms)


def brackets(line: Line) -> list[tuple[int, int]]:
    return [(cp.after if cp.before is None else cp.before, cp.after) for cp in line.found]


# ---- peers -----------------------------------------------------------------------------------------------------


def cusum(line: Line) -> list[tuple[int, int]]:
    """The peer's step-by-step CUSUM as published, on daily shares."""
    if line.sized:
        return []
    found = peers.cusum(line.days, line.values, width=24.0)
    return [(a.after if a.before is None else a.before, a.after) for a in found]


def kernel(line: Line, factor: float) -> list[tuple[int, int]]:
    """The search of ruptures; its penalty is a multiple of the variance by which days differ from the next day."""
    at = line.days
    values = np.log(line.values) if line.sized else line.values
    near = np.flatnonzero(np.diff(at) <= 3)
    steps = np.abs(np.diff(values))[near] if len(near) else np.abs(np.diff(values))
    spread = float(np.median(steps)) / 0.6745
    penalty = factor * max(spread * spread / 2, 1e-12)
    return [(a.after if a.before is None else a.before, a.after) for a in peers.kernel(at, values, penalty=penalty)]


def compared(found: list[Line], listed: dict[str, set[tuple[int, int]]]) -> list[tuple[Any, ...]]:
    """Detectors on the same series: name, shifts, alarms in quiet months and their rate, Iran's September in OONI."""
    ours = quiet([(line, brackets(line)) for line in found], listed)
    textbook = 2 * math.log(LENGTH)
    factor = textbook
    while quiet([(line, kernel(line, factor)) for line in found], listed).alarms > ours.alarms:
        factor *= 1.25
    ways = [
        ("ours, `shifts`", brackets),
        ("KernelCPD, penalty 2 ln n variances", lambda line: kernel(line, textbook)),
        (f"KernelCPD, penalty {factor:.0f} variances: no more alarms than ours", lambda line: kernel(line, factor)),
        ("CUSUM as published, on daily shares (without Tor users)", cusum),
    ]
    made: list[tuple[Any, ...]] = []
    for name, way in ways:
        pairs = [(line, way(line)) for line in found]
        total = quiet(pairs, listed)
        seen = [line.kind for line, own in pairs if line.country == "ir" and line.source == "OONI" and september(own)]
        made.append((name, total.shifts, total.alarms, f"{total.rate:.3f}", ", ".join(seen) or "none"))
    return made


def september(own: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Brackets that end between these days of September 2022."""
    return [(a, b) for a, b in own if SEPTEMBER[0] <= day_of(b) <= SEPTEMBER[1]]
