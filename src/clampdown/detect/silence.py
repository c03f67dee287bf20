"""Law: that nobody measures any more is a signal of its own, and never reads as recovery.

A country's or network's number of measurements is held against the same weekday of the weeks before, those in which
it had not collapsed. A day that the coverage does not name has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from math import exp, lgamma, log
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.detect.limits import Limits
from clampdown.detect.votes import Floats, Ints, ordinal
from clampdown.model import NOTES, UNKNOWN_DAY

_WEEKS: Final = 8
_LEAST: Final = 3  # weeks that make a rhythm
Place = tuple[str, int | None]


def tally(coverage: Iterable[pa.Table]) -> dict[tuple[Place, int], int]:
    """Measurements of every network and day; tables of any size, in any order."""
    made: dict[tuple[Place, int], int] = {}
    for table in coverage:
        known = table.filter(pc.and_(pc.is_valid(table["country"]), pc.not_equal(table["day"], UNKNOWN_DAY)))
        for row in known.group_by(["country", "network", "day"]).aggregate([("n", "sum")]).to_pylist():
            day = ordinal(row["day"])
            if day is not None:
                at = ((row["country"], row["network"]), day)
                made[at] = made.get(at, 0) + row["n_sum"]
    return made


def collapses(counts: Mapping[tuple[Place, int], int], first: int, days: int, limits: Limits) -> list[dict[str, Any]]:
    """Where and when measuring collapsed within a window of days, as rows of NOTES."""
    last = first + days - 1
    series: dict[Place, Ints] = {}
    for ((country, network), day), n in counts.items():
        if not first <= day <= last:
            continue
        places: list[Place] = [(country, None)] if network is None else [(country, None), (country, network)]
        for place in places:
            series.setdefault(place, np.zeros(last - first + 1, np.int64))[day - first] += n
    made: list[dict[str, Any]] = []
    for place, n in sorted(series.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        low, usual = _low(n, limits)
        made.extend(_note(place, first, run, n, float(usual[run[0]])) for run in _runs(low))
    return made


def _low(n: Ints, limits: Limits) -> tuple[Ints, Ints]:
    """(days far below their own rhythm, that rhythm). What is low is not taken as the rhythm of later weeks."""
    low, rhythm, surprise = np.zeros(len(n), bool), np.zeros(len(n)), np.zeros(len(n))
    for day in range(len(n)):
        weeks = [n[d] for d in range(day - 7, day - 7 * (_WEEKS + 1), -7) if d >= 0 and not low[d]]
        if len(weeks) < _LEAST:
            continue
        rhythm[day] = usual = float(np.median(weeks))
        if usual >= limits.volume_least and n[day] < limits.volume_share * usual:
            past = np.arange(max(0, day - 7 * _WEEKS), day)
            low[day], surprise[day] = True, _surprise(float(n[day]), usual, n[past[~low[past]]].astype(float))
    for begin, end in _runs(low):
        if surprise[begin : end + 1].sum() < limits.volume_evidence:
            low[begin : end + 1] = False
    return low, rhythm


def _surprise(seen: float, usual: float, past: Floats) -> float:
    """How unlikely so few are, in nats: measurements come by the session, as much as the days before show."""
    together = max(1.0, float(past.var() / max(past.mean(), 1e-9))) if len(past) > 1 else 1.0
    mean, count = usual / together, int(seen / together)
    chance = sum(exp(i * log(mean) - mean - lgamma(i + 1)) for i in range(count + 1))
    return -log(max(chance, 1e-300))


def _runs(low: Ints) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], low.astype(np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _note(place: Place, first: int, run: tuple[int, int], n: Ints, usual: float) -> dict[str, Any]:
    begin, end = run
    seen = int(n[begin : end + 1].sum())
    lasts = end == len(n) - 1
    return dict.fromkeys(NOTES.names) | {
        "kind": "volume", "country": place[0], "network": place[1],
        "first": date.fromordinal(first + begin).isoformat(),
        "last": None if lasts else date.fromordinal(first + end).isoformat(), "members": seen,
        "detail": f"measurements:{seen} days:{end - begin + 1} usual:{round(usual)}",
    }  # fmt: skip
