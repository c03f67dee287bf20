"""Law: an entity is a country, a region of one, or a network, in one spelling; all else is not guessed."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from clampdown.reference.countries import country_named, country_of

_NETWORK: Final = re.compile(r"[Aa][Ss](\d{1,10})(?:@([A-Za-z]{2}))?", re.ASCII)
_MOST_NETWORK: Final = (1 << 32) - 1
_LONGEST: Final = 100
FORMS: Final = "IR, MM/Bago, AS64500 or AS64500@IR"


class NotAnEntity(ValueError):
    """The text names no entity; its message says why."""


class Entity(NamedTuple):
    """Of whom a level tells."""

    name: str
    kind: str  # country | region | network
    country: str | None
    network: int | None = None


def entity_of(text: str) -> Entity:
    """`IR`, `MM/Bago`, `AS64500`, `AS64500@IR`."""
    text = " ".join(text.split())
    if not text or len(text) > _LONGEST or "\ufffd" in text or not text.isprintable():
        raise NotAnEntity(f"the entity must be one of the forms {FORMS}")
    network = _NETWORK.fullmatch(text)
    if network is not None:
        number = int(network[1])
        if not 0 < number <= _MOST_NETWORK:
            raise NotAnEntity(f"{text} is not the number of a network")
        country = None if network[2] is None else _country(network[2])
        name = f"AS{number}" if country is None else f"AS{number}@{country}"
        return Entity(name, "network", country, number)
    code, slash, region = text.partition("/")
    country = _country(code.strip())
    if not slash:
        return Entity(country, "country", country)
    if not region.strip():
        raise NotAnEntity(f"{text!r} names no region after the stroke")
    return Entity(f"{country}/{region.strip()}", "region", country)


def _country(code: str) -> str:
    found = country_of(code) if len(code) == 2 else None
    if found is not None:
        return found
    meant = country_named(code)
    hint = f"write {meant}" if meant else f"write one of the forms {FORMS}"
    raise NotAnEntity(f"{code!r} is not a country's code of two letters: {hint}")
