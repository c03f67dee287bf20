"""Law: since when it is so is what the findings say; a finding that begins or ends after the day asked about is not
heard, and where few look, a day is said and no time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from clampdown.assess.ways import Since
from clampdown.reference.tools import Way

COLUMNS: Final = (
    "network", "target", "state", "grade", "onset_after", "onset_before", "end_after", "end_before", "event",
    "vantage_high",
)  # fmt: skip
_FEW: Final = 3  # vantage points of a finding below which its times would point at a person
_SAID: Final = ("ok", "blocked", "throttled", "refused", "down")

Found = Mapping[tuple[int | None, str], list[dict[str, Any]]]


def found_of(findings: pa.Table | None, at: str) -> dict[tuple[int | None, str], list[dict[str, Any]]]:
    """(network, target) -> findings that had begun at the end of the day `at`."""
    made: dict[tuple[int | None, str], list[dict[str, Any]]] = defaultdict(list)
    if findings is None:
        return made
    end = _end(at)
    for row in findings.select(list(COLUMNS)).to_pylist():
        begun = row["onset_before"] or row["onset_after"]
        if row["grade"] != "insufficient" and row["state"] in _SAID and (begun is None or begun < end):
            made[row["network"], row["target"]].append(row)
    return made


def _end(at: str) -> datetime:
    day = date.fromisoformat(at) + timedelta(days=1)
    return datetime(day.year, day.month, day.day)


def _over(row: Mapping[str, Any], at: str) -> bool:
    last = row["end_before"] or row["end_after"]
    return last is not None and last < _end(at)


def since_of(found: Found, way: Way, network: int | None, at: str, timed: Collection[int]) -> tuple[Since, ...]:
    """What the findings say of the targets of a way, of those that still hold. `timed`: networks whose times may be
    said."""
    made: list[Since] = []
    for target in way.deciding:
        for row in found.get((network, target), ()):
            if _over(row, at):
                continue
            days = network not in timed or row["vantage_high"] < _FEW
            made.append(
                Since(
                    state=row["state"], target=target, after=_text(row["onset_after"], days=days),
                    before=_text(row["onset_before"], days=days), grade=row["grade"], event=row["event"],
                )
            )  # fmt: skip
    return tuple(made)


def _text(time: datetime | None, *, days: bool) -> str | None:
    if time is None:
        return None
    return time.date().isoformat() if days else time.isoformat(timespec="seconds") + "Z"


def changed_of(found: Found, way: Way, network: int, first: str, at: str) -> str | None:
    """The first day of the present state, where the findings saw it change within the window. A way with several
    targets of which one is enough does not change with one of them."""
    targets = way.lead or way.all_of or (way.any_of if len(way.any_of) == 1 else ())
    days: list[str] = []
    for target in targets:
        for row in found.get((network, target), ()):
            if _over(row, at):
                days += [row["end_before"].date().isoformat()] if row["end_before"] else []
            elif row["onset_after"] is not None and row["onset_before"] is not None:
                days.append(row["onset_before"].date().isoformat())
    return max((day for day in days if first < day <= at), default=None)
