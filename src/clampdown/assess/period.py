"""Law: a report covers the period of its question, else of its data; a day without a measurement stays a day of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import document as doc
from clampdown.assess.connectivity import Connectivity
from clampdown.assess.counting import Thresholds
from clampdown.assess.document import Question
from clampdown.errors import InputError
from clampdown.model import UNKNOWN_DAY


def period_of(
    asked: pa.Table, coverage: pa.Table, question: Question, limits: Thresholds, signals: Connectivity | None
) -> doc.Period:
    """From the question, else from the data. `until` is half-open: midnight belongs to the day that begins."""
    days = {d for t in (asked, coverage) for d in t.column("day").to_pylist() if d and d != UNKNOWN_DAY}
    # What comes years late with a clock that is wrong makes no period of years.
    sound = set(asked.filter(pc.not_equal(asked.column("state"), "invalid")).column("day").to_pylist()) & days or days
    if not sound and signals is not None:  # nothing was measured: the days of the signals, all of them silent
        sound = {each.date().isoformat() for each in (signals.first, signals.last - timedelta(microseconds=1))}
    first = question.since.date() if question.since else date.fromisoformat(min(sound)) if sound else None
    if question.until is not None:
        last = (question.until - timedelta(microseconds=1)).date()
    else:
        last = date.fromisoformat(max(sound)) if sound else first
    first = first or last
    if first is None or last is None:
        raise InputError(
            f"nothing is known of {question.country} in this period",
            hint="Name a country that the store holds, and a period with data.",
        )
    every = [(first + timedelta(days=i)).isoformat() for i in range((last - first).days + 1)]
    tested = tuple(day for day in every if day in days)
    silent = tuple(day for day in every if day not in days)
    recent = every[-limits.recent_days] if len(every) >= 2 * limits.recent_days else None
    return doc.Period(
        first=first.isoformat(),
        last=last.isoformat(),
        days=len(every),
        tested=tested,
        silent=silent,
        recent=recent,
    )


def as_of(asked: pa.Table, period: doc.Period) -> str:
    newest = cast("datetime | None", pc.max(asked.column("time")).as_py())
    return newest.date().isoformat() if newest else period.last
