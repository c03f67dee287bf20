"""Law: what the user collected is kept as said, and is evidence of its own unless it names a list that is not.

A plain table of orders, statements, protests, elections, exams, coups: `date` (or `start`), `end`, `country`, `kind`,
`title`, `url`, `cause`, `region`, `acknowledged`; `country` and `kind` must be there, columns in any order. The same
reader takes tables of known events (`country, region_or_as, start_utc, end_utc, kind, source_title, certainty, note`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clampdown.intake.documents import text_of
from clampdown.intake.features import Kit
from clampdown.intake.levels import LevelRows, Opened
from clampdown.intake.listed import Columns, Row, column, head_of, named, published
from clampdown.intake.naming import network, number_of
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.places import country_of
from clampdown.reference.published import CAUSES

_SOURCE: Final = "given"
KINDS: Final = ("order", "statement", "protest", "election", "exam", "coup")
_COLUMNS: Final[Columns] = {
    "start": ("date", "start", "start utc", "time", "day"),
    "end": ("end", "end utc"),
    "country": ("country",),
    "kind": ("kind",),
    "title": ("title", "source title"),
    "url": ("url", "link"),
    "cause": ("cause",),
    "region": ("region", "region or as"),
    "acknowledged": ("acknowledged",),
    "certainty": ("certainty",),
}
_NOT: Final = (
    "entity",
    "signal",
    "value",
    "measurement uid",
    "operator",
    "plane",
)  # tables of signals, of measurements
_LIST: Final = re.compile(r"SIGCOMM\s*2023|Destination Unreachable|internet_outages", re.IGNORECASE)
_LIST_OPERATORS: Final = "bgp-collectors ioda ucsd"
_SAID: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_ASN: Final = re.compile(r"AS\s?(\d{1,10})", re.IGNORECASE)


def sniff(head: bytes) -> bool:
    found = head_of(head)
    return found is not None and _fits(found[1])


def _fits(columns: tuple[str, ...]) -> bool:
    found = named(columns, _COLUMNS)
    return {"start", "country", "kind"} <= found.keys() and column(columns, *_NOT) is None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    yield from published(opened, _COLUMNS, _fits, _publish)


def _publish(said: Mapping[str, str], row: Row, rows: LevelRows) -> None:
    kind, extent, cause = _kind(said["kind"])
    country = country_of(said["country"])
    try:
        start = iso(said["start"])
    except BadStamp as problem:
        rows.reject(row.line, "bad_time", str(problem), row.data)
        return
    if kind is None or country is None:
        known = ", ".join(KINDS)
        what = f"{said['kind'][:40]!r} is no kind; one of: {known}, shutdown, outage"
        what = what if kind is None else f"{said['country'][:40]!r} is no country"
        rows.reject(row.line, "unknown_record", what, row.data)
        return
    doubts: set[str] = set()
    if said.get("certainty", "").strip().upper() == "C":
        doubts.add("uncertain")
    told = said.get("cause", "").strip().lower()
    if told:
        cause = told if told in CAUSES else "other"
    title = text_of(said.get("title"))
    asn = _ASN.fullmatch(said.get("region", "").strip())
    number = number_of(asn[1]) if asn else None
    region = None if number is not None else text_of(said.get("region"))
    entity = network(number, country).entity if number is not None else f"{country}/{region}" if region else country
    listed = kind in ("shutdown-list", "outage-list")
    rows.publish(
        row.line, source=_SOURCE, kind=kind, country=country, entity=None if listed and region else entity,
        region=region, networks=None if number is None else str(number), start=start.time,
        end=_end(said.get("end", ""), start.time, doubts), precision=start.precision, cause=cause, extent=extent,
        acknowledged=_SAID.get(said.get("acknowledged", "").strip().lower()), title=title,
        url=text_of(said.get("url"), 500), evidence=_LIST_OPERATORS if title and _LIST.search(title) else None,
        doubt=",".join(sorted(doubts)) or None,
    )  # fmt: skip


def _kind(text: str) -> tuple[str | None, str | None, str | None]:
    """(kind, extent, cause) of a word such as `order`, `shutdown`, `shutdown-exam`, `shutdown-partial`."""
    plain = "-".join(text.lower().replace("_", " ").replace("-", " ").split())
    if plain in KINDS:
        return plain, None, "exam" if plain == "exam" else None
    head, _, rest = plain.partition("-")
    if head not in ("shutdown", "outage"):
        return None, None, None
    extent = "service" if rest == "partial" else "other" if rest == "precursor" else None
    return f"{head}-list", extent, "exam" if rest == "exam" else None


def _end(text: str, start: datetime, doubts: set[str]) -> datetime | None:
    if not text.strip():
        return None
    try:
        end = iso(text).time
    except BadStamp:
        doubts.add("end-unread")
        return None
    if end < start:
        doubts.add("end-before-start")
        return None
    return end


SOURCE: Final = SignalSource("context_csv", sniff, read)
