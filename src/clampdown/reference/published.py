"""Law: what a publisher means by its words is a row of a table; a word without a row is `other`, never a guess.

The words of causes and scopes of published lists, in those of the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from clampdown.errors import RuleError
from clampdown.reference import toml

CAUSES: Final = (
    "government", "exam", "cable", "power", "weather", "disaster", "technical", "attack", "military", "other",
)  # fmt: skip
_SCOPES: Final = ("national", "regional", "local")
_WHERE: Final = "published.toml"
_WORD: Final = re.compile(r"[a-z0-9]+")


def meaning(group: str, text: str) -> str | None:
    """What a publisher's word means; None where it says that it does not know, or says nothing."""
    key = _key(text)
    if not key:
        return None
    table = _tables()[group]
    return table.get(key, None if group.endswith("_scope") else "other") or None


def _key(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    folder = resources.files("clampdown.reference") / "data"
    return load_published(toml.read((folder / _WHERE).read_bytes(), _WHERE))


def load_published(document: toml.Table) -> Mapping[str, Mapping[str, str]]:
    """The tables of a document; a meaning that the model does not know is an error."""
    tables: dict[str, dict[str, str]] = {}
    for group in document:
        table = toml.table(document, group, _WHERE)
        known = _SCOPES if group.endswith("_scope") else CAUSES
        tables[group] = {_key(word): toml.text(table, word, _WHERE) for word in table}
        if unknown := set(tables[group].values()) - {"", *known}:
            raise RuleError(f"{', '.join(sorted(unknown))} is no meaning in [{group}]", where=_WHERE)
    return tables
