"""Law: where reference data come from is a table; a name in a store tells which row it came from, without a memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

from clampdown.errors import RuleError, UsageError
from clampdown.reference import toml
from clampdown.reference.load import day_in

FILE: Final = "upstreams.toml"
DATES: Final = ("inside", "version", "modified")
_OPTIONAL: Final = ("versions", "version", "dated", "versioned", "md5")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One file of somebody else's; `{cc}` in it stands for a country."""

    id: str
    kind: str
    address: str
    name: str
    date: str
    terms: str
    why: str
    default: bool
    versions: str = ""
    version: str = ""
    dated: str = ""
    versioned: str = ""
    md5: str = ""
    leads_to: tuple[str, ...] = ()
    country: str = ""  # of a row that was made for one

    @property
    def per_country(self) -> bool:
        return "{cc}" in self.id

    def of(self, country: str) -> Upstream:
        """The row for one country."""
        cc = country.lower()
        names = ("id", "address", "name", "versions", "versioned")
        return replace(self, country=cc, **{name: getattr(self, name).replace("{cc}", cc) for name in names})

    def called(self, day: date) -> str:
        """Its name in a store."""
        return self.name.replace("{date}", day.isoformat())

    def owns(self, name: str) -> Upstream | None:
        """This row, of the file's country, if a file of this name came from it."""
        pattern = re.escape(self.name).replace(r"\{date\}", r"\d{4}-\d\d-\d\d").replace(r"\{cc\}", "([a-z]{2})")
        found = re.fullmatch(pattern, name)
        if found is None or day_in(name) is None:
            return None
        return self.of(found[1]) if self.per_country else self


@dataclass(frozen=True, slots=True)
class Limits:
    """What a new snapshot may be, compared with the old one."""

    shrink: float
    unreadable: float
    most: int


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The whole table."""

    rows: tuple[Upstream, ...]
    limits: Limits
    elsewhere: tuple[tuple[str, str, str], ...]  # what, why it is not fetched here, what to do instead

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.kind for row in self.rows))

    def of_name(self, name: str) -> Upstream | None:
        """The row that a file of a store came from; None for what the reader gave."""
        # The fixed names first: `global` is no country.
        for row in sorted(self.rows, key=lambda row: row.per_country):
            found = row.owns(name)
            if found is not None:
                return found
        return None

    def of_id(self, name: str) -> Upstream | None:
        for row in self.rows:
            if row.id == name:
                return row
            head, _, tail = row.id.partition("{cc}")
            cc = name.removeprefix(head).removesuffix(tail)
            if row.per_country and re.fullmatch("[a-z]{2}", cc) and row.of(cc).id == name:
                return row.of(cc)
        return None

    def chosen(self, held: tuple[str, ...], countries: tuple[str, ...], only: tuple[str, ...]) -> tuple[Upstream, ...]:
        """What to ask for: the usual, what the store holds already (by name), and what the words ask for."""
        for kind in only:
            if kind not in self.kinds:
                raise UsageError(f"there is no kind {kind!r} to fetch", hint=f"Say {', '.join(self.kinds)}.")
        found: dict[str, Upstream] = {}
        for row in self.rows:
            wanted = row.kind in only if only else row.default
            if wanted:
                for one in [row.of(cc) for cc in countries] if row.per_country else [row]:
                    found[one.id] = one
        for name in held:
            row = self.of_name(name)
            if row is not None and (not only or row.kind in only):
                found[row.id] = row
        return tuple(found.values())


def load_upstreams(data: bytes, where: str = FILE) -> Upstreams:
    """Read the table, typed at the door."""
    document = toml.read(data, where)
    limits = toml.table(document, "limits", where)

    def share(name: str) -> float:
        value = limits.get(name)
        if not isinstance(value, float) or not 0 < value < 1:
            raise RuleError(f"`{name}` must be a share between 0 and 1", where=where)
        return value

    most = limits.get("most")
    if not isinstance(most, int) or most <= 0:
        raise RuleError("`most` must be a number of bytes", where=where)
    rows = tuple(_row(table, where) for table in toml.tables(document, "upstream", where))
    if len({row.id for row in rows}) != len(rows):
        raise RuleError("two upstreams have one id", where=where)
    words = ("what", "why", "instead")
    elsewhere = [tuple(toml.text(t, word, where) for word in words) for t in toml.tables(document, "elsewhere", where)]
    return Upstreams(
        rows, Limits(share("shrink"), share("unreadable"), most), tuple((a, b, c) for a, b, c in elsewhere)
    )


def _row(table: toml.Table, where: str) -> Upstream:
    def text(name: str) -> str:
        return toml.text(table, name, where, default="" if name in _OPTIONAL else None)

    names = ("id", "kind", "address", "name", "date", "terms", "why", *_OPTIONAL)
    row = Upstream(
        default=toml.flag(table, "default", where),
        leads_to=toml.texts(table, "leads_to", where),
        **{name: text(name) for name in names},
    )
    if row.date not in DATES or "{date}" not in row.name:
        raise RuleError(f"{row.id}: the date of a snapshot is one of {', '.join(DATES)}, and in its name", where=where)
    if (row.date == "version") != bool(row.versions and row.version and row.dated and row.versioned):
        raise RuleError(f"{row.id}: a version needs versions, version, dated and versioned", where=where)
    return row


@cache
def upstreams() -> Upstreams:
    """The package's own table."""
    return load_upstreams((resources.files("clampdown.fetch") / FILE).read_bytes())
