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
from clampdown.intake.levels import Digested, LevelRows, Opened
from clampdown.intake.listed import Row, column, head_of, listing
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.places import country_of
from clampdown.reference.published import meaning

_SOURCE: Final = "access-now"
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
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
    named = _named(columns)
    return {"start", "country"} <= named.keys() and sum(key in named for key in _ITS_OWN) >= 2


def _named(columns: tuple[str, ...]) -> dict[str, str]:
    found = {key: column(columns, *choices) for key, choices in _COLUMNS.items()}
    return {key: name for key, name in found.items() if name is not None}


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = listing(reader, rows, _fits)
    if table is not None:
        named = _named(table.columns)
        for row in table.rows:
            _publish({key: row.cells[name] for key, name in named.items()}, row, rows)
    yield from rows.finish(reader.digest())


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
