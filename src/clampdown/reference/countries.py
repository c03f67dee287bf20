"""Law: a country is a code of two letters that the table lists; a name is never guessed into a code, only hinted at."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from clampdown.reference import toml

_FILE: Final = "countries.toml"


class _Codes(NamedTuple):
    names: Mapping[str, str]  # alpha-2 -> name
    alpha3: Mapping[str, str]
    by_name: Mapping[str, str]


@cache
def _codes() -> _Codes:
    data = (resources.files("clampdown.reference") / "data" / _FILE).read_bytes()
    document = toml.read(data, _FILE)
    countries, threes = (toml.table(document, key, _FILE) for key in ("countries", "alpha3"))
    names = {code: toml.text(countries, code, _FILE) for code in countries}
    alpha3 = {code: toml.text(threes, code, _FILE) for code in threes}
    aliases = toml.table(document, "aliases", _FILE)
    others = {_plain(name): toml.text(aliases, name, _FILE) for name in aliases}
    return _Codes(names, alpha3, others | {_plain(name): code for code, name in names.items()})


def _plain(text: str) -> str:
    """A name without accents, case and doubled spaces."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


def country_of(text: str) -> str | None:
    """The code of two letters, given in either case or as the code of three letters; None for all else."""
    code = text.strip().upper()
    codes = _codes()
    return code if code in codes.names else codes.alpha3.get(code)


def name_of(code: str) -> str | None:
    """The English name of a country by its code of two letters."""
    return _codes().names.get(code)


def country_named(name: str) -> str | None:
    """The code of a country whose English name (or another name in lists, or code of three letters) this is: for hints,
    and for tables that others made."""
    codes = _codes()
    return codes.by_name.get(_plain(name)) or codes.alpha3.get(name.strip().upper())
