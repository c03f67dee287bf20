"""Law: the rules of local time come from the package tzdata and never from the machine, so that all read the same.

Which zones a country has is zone.tab of the same package; fictional countries have theirs in countries.toml. A place
has a zone only where there is no choice: the country's only zone, several that have told the same time since 2000, or
one whose city or region is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from clampdown.reference import toml

_FILE: Final = "countries.toml"
_KEY: Final = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}")
# Two zones are the same if they agree every twelve hours of these years; signals of networks are not older.
_SAME_FROM: Final = datetime(2000, 1, 1)
_SAME_DAYS: Final = 40 * 366
_HALF_DAY: Final = timedelta(hours=12)


class _Zone(NamedTuple):
    key: str
    places: frozenset[str]  # names that mean this zone, case folded


@cache
def _table() -> Mapping[str, tuple[_Zone, ...]]:
    text = (resources.files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8")
    found: dict[str, list[_Zone]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            country, _, key, *remark = line.split("\t")
            found.setdefault(country, []).append(_Zone(key, _places(key, "".join(remark))))
    document = toml.read((resources.files("clampdown.reference") / "data" / _FILE).read_bytes(), _FILE)
    invented = toml.table(document, "zones", _FILE)
    for country in invented:
        found[country] = [_Zone(toml.text(invented, country, _FILE), frozenset())]
    return {country: tuple(zones) for country, zones in found.items()}


def _places(key: str, remark: str) -> frozenset[str]:
    """The city that names the zone, and the regions of its remark (`MSK+01 - Samara, Udmurtia`)."""
    words = [key.rpartition("/")[2].replace("_", " "), *re.split(r"[,;/()]|\s-\s", remark)]
    return frozenset(word for word in map(_folded, words) if len(word) > 2)


def _folded(text: str) -> str:
    return " ".join(text.replace("_", " ").casefold().split())


@cache
def zone(key: str) -> ZoneInfo | None:
    """The zone of this IANA name, from the package; None where there is no such zone."""
    if not _KEY.fullmatch(key):
        return None
    try:
        with resources.files("tzdata.zoneinfo").joinpath(*key.split("/")).open("rb") as data:
            return ZoneInfo.from_file(data, key=key)
    except (OSError, ValueError):
        return None


def zones_of(country: str) -> tuple[str, ...]:
    """The zones of a country (alpha-2) in the order of the table: the most used one first."""
    return tuple(each.key for each in _table().get(country, ()))


@cache
def _the_same(keys: tuple[str, ...]) -> bool:
    rules = [found for key in keys if (found := zone(key)) is not None]
    if len(rules) < 2:
        return True
    return all(
        len({rule.utcoffset(moment) for rule in rules}) == 1
        for moment in (_SAME_FROM + half * _HALF_DAY for half in range(2 * _SAME_DAYS))
    )


@cache
def zone_of(country: str, region: str | None = None) -> str | None:
    """The one zone of a place; None where several zones of the country differ and the region settles nothing."""
    zones = _table().get(country, ())
    if not zones:
        return None
    if _the_same(tuple(each.key for each in zones)):
        return zones[0].key
    named = [each.key for each in zones if region and _folded(region) in each.places]
    return named[0] if named and _the_same(tuple(named)) else None
