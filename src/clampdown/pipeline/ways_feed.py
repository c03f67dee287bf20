"""Law: a feed is read from the store as of one day for every country, and never writes; which day, the store says.

Answers of that day and, for a map, of some days earlier, with who tried the transports in the weeks before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec
import pyarrow as pa

from clampdown.assess import counted as counts
from clampdown.assess import surge
from clampdown.assess.ways import Access
from clampdown.errors import InputError
from clampdown.model import UNKNOWN_DAY
from clampdown.pipeline.access import access
from clampdown.pipeline.answers import Moment, there
from clampdown.publish.schemas import schema
from clampdown.publish.ways_feed import SCHEMAS, Feed, Given, build
from clampdown.publish.ways_feed_document import Map
from clampdown.publish.ways_map import Types, asks
from clampdown.reference import Reference
from clampdown.reference.tools import Tools, tool_table, ways_of
from clampdown.store.store import Filter, Store, country_code, moment

_CODE: Final = re.compile("[A-Z]{2}")


def ways_feed(
    store: Store,
    country: str | None = None,
    *,
    at: Moment = None,
    reference: Reference | None = None,
    last: bytes | None = None,
    with_map: bool = False,
    limits: surge.Limits | None = None,
) -> Feed:
    """The files of a feed of one country, or of every one of the store. `last` is the last map, if there was one."""
    known, tools = limits or surge.load_limits(), tool_table()
    types = types_of(tools)
    codes, newest = _held(store, None if country is None else country_code(country))
    asked = moment(at)
    day = newest if asked is None else asked.date().isoformat()
    made: dict[str, Given] = {}
    for code in codes:
        now = access(store, code, at=day, reference=reference)
        then, seen = None, None
        if with_map:
            seen = _watch(store, code, now, tools, known)
            if asks(now, types):
                then = access(store, code, at=_before(day, known.settled_days), reference=reference)
        made[code] = Given(now, then, seen)
    schemas = {name: schema(name) for name in SCHEMAS.values()}
    return build(made, schemas, known, types if with_map else None, read_map(last))


def types_of(tools: Tools) -> Types:
    """Which ways have a name in Tor's circumvention settings."""
    return {(way.tool, way.id): way.tor_type for way in ways_of(tools) if way.tor_type is not None}


def read_map(data: bytes | None) -> Map | None:
    """The last map; one that cannot be read is an error, for it may have said something that must not be dropped."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Map)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        hint = "Give a folder of its own for the new feed."
        raise InputError("the last map is not one that this version can read", where="map.json", hint=hint) from None


def _held(store: Store, code: str | None) -> tuple[tuple[str, ...], str]:
    """(the countries of a feed, the newest day on which anything was tested or counted in one of them)"""
    days: dict[str, str] = {}
    covered = store.table("coverage", columns=["country", "day"]).group_by("country").aggregate([("day", "max")])
    for row in covered.to_pylist():
        if row["day_max"] != UNKNOWN_DAY:
            days[str(row["country"])] = row["day_max"]
    for row in store.series().to_pylist():
        if row["signal"].startswith(counts.PREFIX):
            own = str(row["country"])
            days[own] = max(days.get(own, ""), row["last"])
    found = {name: day for name, day in days.items() if _CODE.fullmatch(name) and code in (None, name)}
    if not found:
        text = "the store holds no test and no count" + (f" of {code}" if code else "")
        raise InputError(text, where=store.name, hint=there(store))
    return tuple(sorted(found)), max(found.values())


def _before(day: str, days: int) -> str:
    return (datetime.fromisoformat(day) - timedelta(days=days)).date().isoformat()


def _watch(store: Store, code: str, now: Access, tools: Tools, limits: surge.Limits) -> surge.Watch:
    """Who tried the transports, from as long ago as anything of it is held against."""
    here = frozenset({code})
    types: dict[str, frozenset[str]] = {}
    for way in ways_of(tools):
        if way.tor_type is not None:
            types[way.tor_type] = types.get(way.tor_type, frozenset()) | frozenset(way.deciding)
    window = (datetime.fromisoformat(now.last) - datetime.fromisoformat(now.first)).days + 1
    end = datetime.fromisoformat(now.last) + timedelta(days=1)
    targets = frozenset(target for mine in types.values() for target in mine)
    wanted = Filter(end - timedelta(days=limits.reads(window)), end, here, targets=targets)
    days = [day for day in _days(store, here) if day <= now.last]
    parts = [
        table.group_by(list(surge.NEEDED)).aggregate([]) for table in store.batches("verdicts", wanted, surge.NEEDED)
    ]
    empty = store.table("verdicts", Filter(end, end, here, targets=targets), list(surge.NEEDED))
    return surge.watch(pa.concat_tables([empty, *parts]).unify_dictionaries(), types, min(days, default=None), limits)


def _days(store: Store, here: frozenset[str]) -> Iterator[str]:
    yield from (day for day in store.table("coverage", Filter(countries=here), ["day"])["day"].unique().to_pylist()
                if day != UNKNOWN_DAY)  # fmt: skip


__all__ = ["read_map", "types_of", "ways_feed"]
