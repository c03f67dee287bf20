"""Law: a name of a country is found exactly, apart from accents, case and filling words, or it is not found at all.

Lists of outages call one country by many names; a name that is merely like another's belongs to nobody here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Final

from clampdown.errors import RuleError
from clampdown.reference import toml

_FILLING: Final = frozenset({"the", "of", "and"})
_ABBREVIATED: Final = {"st": "saint", "rep": "republic", "dem": "democratic", "is": "islands"}
_MOST: Final = 100  # letters: longer texts are sentences, not names


@lru_cache(4096)
def country_of(text: str) -> str | None:
    """ISO 3166-1 alpha-2 code of a code (alpha-2, alpha-3) or an English name; None where no table has it."""
    if len(text) > _MOST:
        return None
    table = _table()
    if (found := table.get(_key(text))) is not None:
        return found
    # "Kyrgyz Republic (Kyrgyzstan)", "Myanmar/Burma": two names, and both must be the same country's.
    parts = text.replace("(", "/").replace(")", "/").split("/")
    named = {table.get(_key(part)) for part in parts if part.strip()}
    return named.pop() if len(named) == 1 else None


def _key(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    plain = plain.replace("ı", "i").replace("ø", "o").replace("&", " and ")
    words = "".join(c if c.isalnum() else "" if c in "'’‘`.ʼ" else " " for c in plain).split()
    if len(words) == 1:
        return words[0]  # a code, or a name of one word: "IS" is Iceland
    return "".join(_ABBREVIATED.get(word, word) for word in words if word not in _FILLING)


@cache
def _table() -> Mapping[str, str]:
    """Every code and name, by its key. Which file holds it never changes within a process."""
    folder = resources.files("clampdown.reference") / "data"
    places = toml.read((folder / "places.toml").read_bytes(), "places.toml")
    names = toml.read((folder / "countries.toml").read_bytes(), "countries.toml")
    return table_of(toml.table(names, "countries", "countries.toml"), places)


def table_of(countries: toml.Table, places: toml.Table) -> Mapping[str, str]:
    """Key -> alpha-2 code; two countries under one key are an error of the tables."""
    table: dict[str, str] = {}
    where = "places.toml"
    alpha3, names = toml.table(places, "alpha3", where), toml.table(places, "names", where)
    if unknown := (alpha3.keys() | names.keys()) - countries.keys():
        raise RuleError(f"no country has the code {', '.join(sorted(unknown))}", where=where)
    for code in countries:
        said = [code, toml.text(countries, code, "countries.toml"), *toml.texts(names, code, where)]
        if code in alpha3:
            said.append(toml.text(alpha3, code, where))
        for name in said:
            key = _key(name)
            if table.setdefault(key, code) != code:
                raise RuleError(f"{name!r} is a name of {table[key]} and of {code}", where=where)
    return table
