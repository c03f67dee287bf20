"""Law: the list of outages that IODA's people investigated rests on IODA's signals, and every row of it says on which.

The table of Bischof et al. (SIGCOMM 2023): times in UTC as a spreadsheet prints them, by hand in places, and three
columns that say in which signals the outage was seen. Where they say nothing, the row rests on all three: it was
found there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clampdown.intake.documents import text_of
from clampdown.intake.features import Kit
from clampdown.intake.levels import LevelRows, Opened
from clampdown.intake.listed import Columns, Row, head_of, named, published
from clampdown.intake.naming import network, number_of
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, spoken
from clampdown.model import Batch
from clampdown.reference.places import country_of
from clampdown.reference.published import meaning

_SOURCE: Final = "sigcomm2023-outages"
_COLUMNS: Final[Columns] = {
    "id": ("id",),
    "begin": ("begin time", "start time"),
    "end": ("end time",),
    "country": ("country",),
    "bgp-collectors": ("ioda bgp*", "bgp*"),
    "ioda": ("ioda ap*", "ioda active*"),
    "ucsd": ("ioda ibr*", "ioda telescope*"),
    "scope": ("scope*",),
    "cause": ("cause",),
    "status": ("confirmation status", "confirmation*"),
}
_OPERATORS: Final = ("bgp-collectors", "ioda", "ucsd")
_YES: Final = frozenset({"true", "ture", "yes", "1"})  # one cell is misspelt
_OPEN: Final = frozenset({"", "n/a", "na", "ongoing", "unknown"})
_SCOPE: Final = re.compile(r"(region|as)\s*\(\s*(.*?)\s*\)?", re.IGNORECASE)


def sniff(head: bytes) -> bool:
    found = head_of(head)
    return found is not None and _fits(found[1])


def _fits(columns: tuple[str, ...]) -> bool:
    found = named(columns, _COLUMNS)
    return {"begin", "end", "country"} <= found.keys() and any(key in found for key in _OPERATORS)


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    yield from published(opened, _COLUMNS, _fits, _publish)


def _publish(said: Mapping[str, str], row: Row, rows: LevelRows) -> None:
    try:
        start = spoken(said["begin"])
    except BadStamp as problem:
        rows.reject(row.line, "bad_time", f"begin: {problem}", row.data)
        return
    doubts = set(start.doubts)
    end = _end(said["end"], start.time, doubts)
    country = country_of(said["country"])
    if country is None:
        doubts.add("country")
    entity, region, numbers, scope = _reach(said.get("scope", ""), country)
    seen = [operator for operator in _OPERATORS if said.get(operator, "").strip().lower() in _YES]
    words = [said.get(key, "").strip() for key in ("cause", "status")]
    title = ", ".join(word for word in words if word) or "outage, cause not said"
    rows.publish(
        row.line, source=_SOURCE, kind="outage-list", country=country, entity=entity, region=region, networks=numbers,
        start=start.time, end=end, precision=start.precision, cause=meaning("outage_list", words[0]), scope=scope,
        title=text_of(f"{said['id']}: {title}" if said.get("id") else title),
        evidence=" ".join(sorted(seen or _OPERATORS)), doubt=",".join(sorted(doubts)) or None,
    )  # fmt: skip


def _end(text: str, start: datetime, doubts: set[str]) -> datetime | None:
    if text.strip().lower() in _OPEN:
        return None
    try:
        end = spoken(text)
    except BadStamp:
        doubts.add("end-unread")
        return None
    doubts.update(end.doubts)
    if end.time < start:
        doubts.add("end-before-start")
        return None
    return end.time


def _reach(text: str, country: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    """(entity, region, networks, scope) of `Country`, `Region (Táchira)`, `AS (58224)`."""
    plain = " ".join(text.split())
    if plain.lower().startswith("country"):
        return country, None, None, "national"
    found = _SCOPE.fullmatch(plain)
    if found is None or not found[2]:
        return None, text_of(plain, 80), None, None
    if found[1].lower() == "region":
        name = text_of(found[2], 80)
        return (f"{country}/{name}" if country else None), name, None, "regional"
    numbers = [n for part in re.split(r"[,;\s]+", found[2]) if (n := number_of(part)) is not None]
    alone = network(numbers[0]).entity if len(numbers) == 1 else None
    return alone, None, " ".join(map(str, sorted(set(numbers)))) or None, None


SOURCE: Final = SignalSource("outage_list", sniff, read)
