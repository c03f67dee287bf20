"""Law: hours without a network are counted over the months that somebody looked; no signals is not no outage.

A country's cuts are Poisson with a gamma rate over the months with signals; the hours that each loses are exponential
with a gamma rate. Cuts that a source outside the signals calls deliberate (shutdowns) stand apart from all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MONTH: Final = 365.2425 / 12  # days


class Cut(NamedTuple):
    """One loss of connectivity within the period."""

    outage: str
    hours: float  # connectivity-hours, weighed by users where only networks fell
    n: int  # occurrences


class Cuts(NamedTuple):
    """Of one country and kind."""

    months: float  # with signals of the whole country
    cuts: tuple[Cut, ...]
    narrower: int  # of regions, and of networks whose users nobody states: not in the hours

    @property
    def hours(self) -> float:
        return sum(cut.hours for cut in self.cuts)

    @property
    def n(self) -> int:
        return sum(cut.n for cut in self.cuts)


def cuts_of(
    outages: Sequence[Mapping[str, Any]],
    kind: str,
    days: Mapping[str, int],
    users: Mapping[tuple[str, int], float],
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Cuts]:
    """Country → its cuts. `outages`: rows of the table; `days`: with signals of the whole country; `users`: the share
    of a country's users that a network carries. Every country with a day is in it."""
    rows = [row for row in outages if row["kind"] == kind and row["grade"] != "insufficient" and row["country"] in days]
    made: dict[str, Cuts] = {}
    for country, seen in days.items():
        own = [row for row in rows if row["country"] == country]
        whole = [row for row in own if row["entity_kind"] == "country"]
        cuts: list[Cut] = [Cut(row["outage"], _hours(row, since, until), max(row["occurrences"], 1)) for row in whole]
        narrower = 0
        for row in own:
            if row["entity_kind"] == "country" or any(_within(row, other) for other in whole):
                continue
            share = users.get((country, row["network"])) if row["entity_kind"] == "network" else None
            if share is None:
                narrower += 1
            else:
                cuts.append(Cut(row["outage"], share * _hours(row, since, until), 0))
        made[country] = Cuts(seen / MONTH, tuple(cut for cut in cuts if cut.hours > 0 or cut.n), narrower)
    return made


def _ends(row: Mapping[str, Any]) -> tuple[datetime, datetime]:
    first = row["onset_before"]
    return first, max(row["end_before"] or row["end_after"] or row["last_seen"], first + timedelta(minutes=1))


def _hours(row: Mapping[str, Any], since: datetime | None, until: datetime | None) -> float:
    """Hours lost, of those within the period as much as lies in it."""
    first, last = _ends(row)
    inside = min(last, until or last) - max(first, since or first)
    return float(row["lost_hours"]) * min(max(inside / (last - first), 0.0), 1.0)


def _within(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Did it begin while the whole country was cut?"""
    first, last = _ends(other)
    return bool(first <= row["onset_before"] <= last)


def lost(
    cuts: Sequence[Cuts], *, prior_cuts: float, prior_months: float, prior_hours: float, draws: int, seed: int
) -> Floats:
    """Draws of the hours lost a month, [draws, countries]."""
    dice = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, 77))))
    n = np.array([each.n for each in cuts], float)
    months = np.array([each.months for each in cuts], float)
    hours = np.array([each.hours for each in cuts], float)
    often = dice.gamma(prior_cuts + n, 1.0, (draws, len(cuts))) / (prior_months + months)
    # 1 / mean hours ~ gamma(2 + n, 2 x prior + hours): the prior is worth two cuts.
    long = (2 * prior_hours + hours) / dice.gamma(3.0 + n, 1.0, (draws, len(cuts)))
    return often * long
