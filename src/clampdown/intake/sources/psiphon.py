"""Law: connections that came through volunteers' stations are counted by whole days; a day that still runs has none.

The public statistics of Psiphon's Conduit (stats.psianalytics.live/conduitStats), a JSON object:

    daily_inproxy_count_last30   [{date, client_region, doc_count}]: connections by the country of the client
    _last_updated, _partial      when it was made, and whether its makers could not count all of it

The day of `_last_updated`, or the newest one where it is not said, is not over: it has no level. An answer that says of
itself that it is partial is refused as a whole, and so is one without the list: neither is a zero. Nothing is read of
where stations run: these are volunteers and no users.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import nan
from typing import Any, Final

from clampdown.intake.documents import Document, documents, fields, items, number, text_of
from clampdown.intake.features import Kit
from clampdown.intake.gathered import Gathered, micros
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.countries import country_of

_LIST: Final = "daily_inproxy_count_last30"
_SIGNAL: Final = "psiphon/conduit-connections"
_DAY: Final = 86_400
_NO_LIST: Final = f"it has no list {_LIST!r}: an answer without it says nothing, and is no zero"
_PARTIAL: Final = "it says that it is partial: its counts may be too low"
_NEVER_OVER: Final = "no day in it is over yet"


def sniff(head: bytes) -> bool:
    """An object with the list of days."""
    return head.lstrip().startswith(b"{") and f'"{_LIST}"'.encode() in head


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All days of all countries."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    gathered = Gathered(rows)
    for document in documents(reader, opened.place, rows):
        _take(document, gathered, rows)
    yield from gathered.settle()
    yield from rows.finish(reader.digest())


def _take(document: Document, gathered: Gathered, rows: LevelRows) -> None:
    root = fields(document.value)
    if not isinstance(root.get(_LIST), list):
        rows.reject(document.line, "unknown_record", _NO_LIST, document.data)
        return
    if root.get("_partial") not in (None, False):
        rows.reject(document.line, "no_data", _PARTIAL, document.data)
        return
    found: dict[tuple[str, datetime], float] = {}
    days: set[datetime] = set()
    for at, each in enumerate(items(root[_LIST]), 1):
        said = _row(fields(each))
        if isinstance(said, str):
            rows.reject(None, "not_a_level", f"row {at}: {said}")
            continue
        country, day, count = said
        days.add(day)
        if found.setdefault((country, day), count) != count:
            rows.reject(None, "contradiction", f"row {at}: {country} has another count of {day:%Y-%m-%d} before it")
    until = _until(root, days)
    whole = {key: count for key, count in found.items() if until is not None and key[1] < until}
    for (country, day), count in whole.items():
        gathered.of(_signal(country)).add(micros(day), count, nan, document.line or 0)
    if not whole:
        rows.reject(document.line, "no_data", _NEVER_OVER)


def _row(row: dict[str, Any]) -> tuple[str, datetime, float] | str:
    """Country, day and count; or why not."""
    region, count = text_of(row.get("client_region")), number(row.get("doc_count"))
    country = country_of(region) if region is not None and len(region) == 2 else None
    if country is None:
        return f"{region!r:.40} is not a country's code of two letters"
    try:
        stamp = iso(text_of(row.get("date")) or "")
    except BadStamp as problem:
        return str(problem)
    if stamp.precision != "day":
        return "the date is not a day"
    if count is None or count < 0 or count != int(count):
        return f"{row.get('doc_count')!r:.40} is no count"
    return country, stamp.time, count


def _until(root: dict[str, Any], days: set[datetime]) -> datetime | None:
    """The first day that is not over."""
    newest = max(days, default=None)
    try:
        made = iso(text_of(root.get("_last_updated")) or "").time.replace(hour=0, minute=0, second=0, microsecond=0)
    except BadStamp:
        return newest
    return made


def _signal(country: str) -> Signal:
    return Signal(
        entity=country,
        entity_kind="country",
        plane="usage",
        signal=_SIGNAL,
        operator="psiphon",
        source="psiphon",
        step=_DAY,
        country=country,
        service="psiphon",
    )


SOURCE: Final = SignalSource("psiphon", sniff, read)
