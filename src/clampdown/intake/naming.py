"""Law: a file that does not say whom its numbers are about may say it in its name; a name that says two says none.

Names are cut at everything that is neither letter nor digit. What counts: a network (`AS58224`), a country's code
(`IR`, `country-IR`) or its English name. Codes that are English words (`in`, `to`, `is`) count in capitals only.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import Place
from clampdown.reference.places import country_of

HINT: Final = "rename it <anything>_IR_<anything> (or _AS58224_), or convert it to the plain CSV"
_ENDINGS: Final = re.compile(
    r"(\.(csv|tsv|txt|json|jsonl|ndjson|js|gz|bz2|xz|zst|lz4|zip|download|part))+$", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9]+")
_NETWORK: Final = re.compile(r"AS(\d{1,10})", re.IGNORECASE)
_SHY: Final = """ad ag ai al am an as at ba be by co de do es et eu fm id in io is it la ma md me mr ms mt mu my na ne
    no nr pa pm pr ps re sa se sh so st tc tm to tv un us va vi"""
_WORDS: Final = frozenset(_SHY.split())


class Entity(NamedTuple):
    """Whom numbers are about, as the columns of a series say it."""

    entity: str
    kind: str  # country | region | network
    country: str | None
    network: int | None = None


def country(code: str) -> Entity:
    return Entity(code, "country", code)


def network(number: int, code: str | None = None) -> Entity:
    return Entity(f"AS{number}" if code is None else f"AS{number}@{code}", "network", code, number)


def number_of(text: object) -> int | None:
    """The number of a network: 58224, "58224", "AS58224"; None where it is none."""
    digits = str(text).strip().upper().removeprefix("AS")
    if isinstance(text, bool) or not digits.isdecimal() or not digits.isascii() or len(digits) > 10:
        return None
    return int(digits) if 0 < int(digits) < 2**32 else None


def words_of(place: Place) -> list[str]:
    """The words of a file's name, without its endings; of a member's, where it is one."""
    base = (place.member or place.file).replace("\\", "/").rpartition("/")[2]
    return _TOKEN.findall(_ENDINGS.sub("", base))


def entity_in(place: Place, *, shy: bool = True) -> Entity | str:
    """Whom a file's name says that it is about, or why it does not; `shy` of codes that are words."""
    words = words_of(place)
    capitals = all(word == word.upper() for word in words)
    networks, countries = set[int](), set[str]()
    for before, word in zip(["", *words], words, strict=False):
        if (found := _NETWORK.fullmatch(word)) is not None:
            number = number_of(found[1])
            if number is not None:
                networks.add(number)
        elif len(word) == 2 or len(word) > 3:
            plain = shy and word.lower() in _WORDS and (capitals or word != word.upper())
            code = None if plain and before.lower() not in ("country", "region") else country_of(word)
            if code is not None:
                countries.add(code)
    if len(networks) > 1 or len(countries) > 1:
        said = ", ".join([*(f"AS{n}" for n in sorted(networks)), *sorted(countries)])
        return f"the file names no entity, and its name more than one ({said}); {HINT}"
    code = next(iter(countries), None)
    if networks:
        return network(next(iter(networks)), code)
    return f"the file names no entity, nor does its name; {HINT}" if code is None else country(code)
