"""Law: what a signal tells of is a row of a table; a signal without a row is told by its own file alone.

The table says the plane, the operator, the unit and the service; names that publishers give their data lead to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from clampdown.errors import RuleError
from clampdown.model_signals import PLANES
from clampdown.reference import toml

_WHERE: Final = "signals.toml"
_WORD: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Told:
    """What one signal tells of."""

    signal: str
    plane: str
    operator: str
    unit: str
    service: str | None
    watched: bool


@dataclass(frozen=True, slots=True)
class Named:
    """What a publisher's name for its data leads to."""

    told: Told
    normalised: bool = False
    fields: tuple[str, ...] = ()  # of nested values: the first that is there is read
    forecast: bool = False  # what was expected, not what was measured: good for naming the evidence of an alert only


@dataclass(frozen=True, slots=True)
class SignalTable:
    """The rows, longest ids first, and the publishers' names."""

    rows: tuple[Told, ...]
    ioda: Mapping[str, Named]
    columns: tuple[tuple[tuple[str, ...], str, str | None], ...]
    products: Mapping[int, str]

    def of(self, signal: str, operator: str | None = None) -> Told | None:
        """What a signal tells of; None where no row knows it."""
        for row in self.rows:
            if row.signal == signal or (row.signal.endswith("/") and signal.startswith(row.signal)):
                service = signal if row.service == "*" else row.service
                return Told(signal, row.plane, operator or row.operator, row.unit, service, row.watched)
        return None

    def of_column(self, name: str) -> Told | None:
        """What a column of IODA's dashboard tells of, by the words of its name."""
        words = set(_WORD.findall(name.lower()))
        for needed, signal, operator in self.columns:
            if set(needed) <= words:
                if signal.endswith("/"):
                    inner = re.search(r"\(([^()]+)\)", name)
                    signal += slug(inner[1]) if inner and slug(inner[1]) else "all"
                return self.of(signal, operator)
        return None

    def of_product(self, text: str) -> Told | None:
        """What a product of Google's report tells of, by its number or its name."""
        plain = slug(text)
        signal = self.products.get(int(plain), "") if plain.isdecimal() else "google/" + _OTHER.get(plain, plain)
        return self.of(signal) if signal in self.products.values() else None


_OTHER: Final = {"web-search": "search", "websearch": "search", "picasa-web-albums": "picasa"}


def slug(text: str) -> str:
    """`Web Search` -> `web-search`."""
    return "-".join(_WORD.findall(text.lower()))


@cache
def signal_table() -> SignalTable:
    """The package's own table; it never changes within a process."""
    folder = resources.files("clampdown.reference") / "data"
    return load_signals(toml.read((folder / _WHERE).read_bytes(), _WHERE))


def load_signals(document: toml.Table) -> SignalTable:
    """The table of a document; a row that contradicts the model, or a name that leads nowhere, is an error."""
    rows: list[Told] = []
    for each in toml.tables(document, "signals", _WHERE):
        signal, plane, operator, unit = (toml.text(each, key, _WHERE) for key in ("id", "plane", "operator", "unit"))
        if plane not in PLANES:
            raise RuleError(f"{plane!r} is no plane", where=_WHERE, hint=f"One of: {', '.join(PLANES)}")
        service = toml.text(each, "service", _WHERE, default="") or None
        rows.append(Told(signal, plane, operator, unit, service, toml.flag(each, "watched", _WHERE)))
    rows.sort(key=lambda row: (-len(row.signal), row.signal))
    table = SignalTable(tuple(rows), {}, (), {})

    def known(signal: str, operator: str | None) -> Told:
        told = table.of(signal, operator)
        if told is None:
            raise RuleError(f"there is no signal {signal!r}", where=_WHERE)
        return told

    named: dict[str, Named] = {}
    for name in (group := toml.table(document, "ioda", _WHERE)):
        each = toml.table(group, name, _WHERE)
        told = known(toml.text(each, "signal", _WHERE), toml.text(each, "operator", _WHERE, default="") or None)
        told = replace(told, unit=toml.text(each, "unit", _WHERE, default=told.unit))
        read = toml.texts(each, "fields", _WHERE)
        flags = [toml.flag(each, key, _WHERE) for key in ("normalised", "forecast")]
        named[name] = Named(told, flags[0], read, flags[1])
    columns: list[tuple[tuple[str, ...], str, str | None]] = []
    for each in toml.tables(document, "columns", _WHERE):
        told = known(toml.text(each, "signal", _WHERE), None)
        operator = toml.text(each, "operator", _WHERE, default="")
        columns.append((toml.texts(each, "words", _WHERE), told.signal, operator or None))
    group = toml.table(document, "products", _WHERE)
    products = {int(number): known(toml.text(group, number, _WHERE), None).signal for number in group}
    return SignalTable(tuple(rows), named, tuple(columns), products)
