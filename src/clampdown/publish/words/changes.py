"""Law: what runs of `detect` say of each other is said in the words of the run that said it; nothing is unsaid."""

from __future__ import annotations

from typing import Final

from clampdown.publish import numbers as num

KIND: Final = {
    "new": "NEW",
    "ended": "ENDED",
    "revised": "REVISED",
    "superseded": "SUPERSEDED",
    "withdrawn": "WITHDRAWN",
}
TITLE: Final = {
    "new": "New",
    "ended": "Ended",
    "revised": "Revised",
    "superseded": "Superseded",
    "withdrawn": "Withdrawn",
}
DIRECTION: Final = {"block": "block", "unblock": "unblock"}
FEED: Final = "Clampdown: events{where}"
ABOUT: Final = "Findings of interference with the net, as runs of clampdown detect reported and revised them."
WITHDRAWN: Final = "It is said no longer: with the data known now, the change does not stand. It had been said: "
SUPERSEDED: Final = "It is said no longer; in its place: {by}. It had been said: "
CLOSED: Final = "The events were left out: their source does not allow passing them on."
RUN: Final = "run {run}, said on {when}, data until {as_of}"
RUN_SHORT: Final = "run {run}"
FINDINGS: Final = "and {findings} with another state or grade (-v names them)"
ORDER: Final = tuple(KIND)
NOTHING: Final = "nothing new since run {since}"
NEWEST: Final = "newest run: {run}"
_COLUMN: Final = {"onset_after": "last seen as before", "onset_before": "first seen as after", "lasts": "lasts"}


def shift(column: str, before: object, after: object) -> str:
    """grade: consistent, now corroborated"""
    label = _COLUMN.get(column, column.replace("_", " "))
    return f"{label}: {_value(before)}, now {_value(after)}"


def _value(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return num.plain(str(value), 120)
