"""Law: Access Now's list of shutdowns is kept row by row, as it says them; its days are days, not minutes.

Columns are found by their words, for their names and their order change from year to year. What a row says of its
extent stands in two columns whose meaning was swapped once, so both are read together. Its evidence is the press and
organisations: none of our signals.
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
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.places import country_of
from clampdown.reference.published import meaning

_SOURCE: Final = "access-now"
_COLUMNS: Final[Columns] = {
    "start": ("start date", "date start", "shutdown start date"),
    "end": ("end date", "date end", "shutdown end date"),
    "country": ("country", "country name", "location"),
    "reach": ("geo scope", "geographic scope", "geo*", "scope"),
    "area": ("area name", "area names", "area*"),
    "type": ("shutdown type", "type of shutdown", "shutdown type*"),
    "network": ("affected network", "affected networks", "affected network*", "network affected"),
    "extent": ("extent", "shutdown extent", "extent*"),
    "acknowledged": ("gov ack", "government acknowledgement", "gov ack*", "government ack*", "acknowledged"),
    "cause": ("actual cause", "actual causes", "actual cause*"),
    "title": ("event name", "event", "title"),
    "url": ("an link", "link", "links", "url", "source"),
}
_ITS_OWN: Final = ("reach", "type", "network", "extent", "acknowledged", "cause")
_OPEN: Final = frozenset({"", "ongoing", "unknown", "unkown", "n/a", "na", "-", "not known"})
_WHOLE: Final = re.compile(
    r"\b(nation\s?-?w\w*de|national(?!\s+capital)|country\s?-?\s?wide|(entire|whole)\s+country)\b"
)


def sniff(head: bytes) -> bool:
    found = head_of(head)
    return found is not None and _fits(found[1])


def _fits(columns: tuple[str, ...]) -> bool:
    found = named(columns, _COLUMNS)
    return {"start", "country"} <= found.keys() and sum(key in found for key in _ITS_OWN) >= 2


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    yield from published(opened, _COLUMNS, _fits, _publish)


def _publish(said: Mapping[str, str], row: Row, rows: LevelRows) -> None:
    try:
        start = iso(said["start"])
    except BadStamp as problem:
        rows.reject(row.line, "bad_time", f"start: {problem}", row.data)
        return
    end, doubts = _end(said.get("end", ""), start.time)
    country = country_of(said["country"])
    if country is None:
        doubts.append("country")
    scope = _scope(said.get("reach", ""), said.get("area", ""))
    extent, access = _extent(said), _access(said)
    cause = meaning("access_now", said.get("cause", ""))
    rows.publish(
        row.line, source=_SOURCE, kind="shutdown-list", country=country,
        entity=country if scope == "national" else None, region=text_of(said.get("area"), 500),
        start=start.time, end=end, precision=start.precision, cause=cause, extent=extent, access=access, scope=scope,
        acknowledged={"yes": True, "no": False}.get(said.get("acknowledged", "").strip().lower()),
        title=text_of(said.get("title")) or text_of(said.get("cause")), url=text_of(said.get("url"), 500),
        doubt=",".join(sorted(doubts)) or None,
    )  # fmt: skip


def _end(text: str, start: datetime) -> tuple[datetime | None, list[str]]:
    if text.strip().lower() in _OPEN:
        return None, []
    try:
        end = iso(text).time
    except BadStamp:
        return None, ["end-unread"]
    return (None, ["end-before-start"]) if end < start else (end, [])


def _scope(reach: str, area: str) -> str | None:
    """National only where a name says so: more than one region is not yet the country."""
    plain, where = reach.lower(), area.lower()
    if "only affected one" in plain or plain == "local" or re.search(r"level\s+1\b", plain):
        return "local"
    if plain == "national":
        return "national"
    if re.search(r"more than one (state|province|region)|level\s+3\b|multi", plain):
        return "national" if _WHOLE.search(where) else "regional" if where else None
    if "more than one city" in plain or plain == "regional" or re.search(r"level\s+2\b", plain):
        return "regional"
    return None


def _extent(said: Mapping[str, str]) -> str | None:
    extent, kind = said.get("extent", "").lower(), said.get("type", "").lower()
    slowed = "throttl" in kind and "shutdown" not in kind and "internet" not in kind
    if "full" in extent:
        return "throttle" if slowed else "full"
    if "throttl" in extent:
        return "throttle"
    if "service" in extent:
        return "service"
    if "internet" in extent:  # all mobile, or all fixed, connections: `access` says which
        return "full"
    if extent.strip() in ("", "unknown"):
        if "service" in kind and "shutdown" not in kind and "internet" not in kind:
            return "service"
        return "throttle" if slowed else "full" if "internet" in kind else None
    return "other"


def _access(said: Mapping[str, str]) -> str | None:
    text = said.get("network", "").lower()
    if not text.strip():
        text = f"{said.get('type', '')} {said.get('extent', '')}".lower()
    mobile = "mobile" in text
    fixed = "broadband" in text or "fixed" in text
    return "both" if mobile and fixed else "mobile" if mobile else "fixed" if fixed else None


SOURCE: Final = SignalSource("access_now", sniff, read)
