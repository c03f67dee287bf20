"""Law: what is known of a service stands in one row, checked when it is read; code and docs take it from there.

The rows are `services.toml` beside this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from clampdown.errors import RuleError, UsageError
from clampdown.model_signals import PLANES
from clampdown.reference import toml
from clampdown.reference.signals import signal_table

_WHERE: Final = "services.toml"
_KINDS: Final = ("archive", "questions")


@dataclass(frozen=True, slots=True)
class Part:
    """One layout of an archive."""

    name: str
    address: str
    path: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one service."""

    name: str
    title: str
    address: str  # without a slash at its end
    kind: str  # archive: files by name; questions: answers made when asked
    measures: str
    planes: tuple[str, ...]
    signals: tuple[str, ...]
    since: date
    delay: timedelta  # before this, data of a moment cannot be there
    settles: timedelta  # after this, an answer is not revised
    late: str  # both in words
    window: timedelta | None  # the longest question that we ask
    page: int  # the most rows that we ask for at once; 0: there are no pages
    limit: str  # what the service documents
    parallel: int  # connections at once
    pause: float  # seconds between requests
    terms: str  # source in terms.toml
    token: tuple[str, ...]  # variables of the environment that may hold one; none: none is needed
    ask: str
    cannot: tuple[str, ...]
    example: str
    sources: tuple[str, ...]  # where it was looked up
    unchecked: str  # what could not be
    parts: tuple[Part, ...] = ()


@cache
def all_known() -> Mapping[str, Known]:
    """The package's own table, in its order; it never changes within a process."""
    data = (resources.files("clampdown.fetch") / _WHERE).read_bytes()
    return load(toml.read(data, _WHERE))


def known(name: str) -> Known:
    """The row of one service."""
    found = all_known().get(name)
    if found is None:
        raise UsageError(f"there is no service {name!r}", hint=f"Services: {', '.join(all_known())}.")
    return found


def load(document: toml.Table) -> Mapping[str, Known]:
    """The table of a document; a row that says too little or contradicts the model is an error."""
    found: dict[str, Known] = {}
    for row in toml.tables(document, "services", _WHERE):
        one = _row(row)
        if one.name in found:
            raise RuleError(f"{one.name!r} has two rows", where=_WHERE)
        found[one.name] = one
    return found


def _row(row: toml.Table) -> Known:
    name = toml.text(row, "name", _WHERE)
    where = f"{_WHERE}, {name}"
    texts = ("title", "address", "kind", "measures", "late", "limit", "terms", "ask", "example", "unchecked")
    lists = ("planes", "signals", "token", "cannot", "sources")
    rest: dict[str, Any] = {key: toml.text(row, key, where) for key in texts}
    rest |= {key: toml.texts(row, key, where) for key in lists}
    window = _number(row, "window", where)
    made = Known(
        name=name,
        since=_day(row, "since", where),
        delay=timedelta(hours=_number(row, "delay", where)),
        settles=timedelta(hours=_number(row, "settles", where)),
        window=timedelta(days=window) if window else None,
        page=int(_number(row, "page", where)),
        parallel=int(_number(row, "parallel", where)),
        pause=_number(row, "pause", where),
        parts=tuple(_part(each, where) for each in toml.tables(row, "parts", where)),
        **rest,
    )  # fmt: skip
    _check(made, where)
    return made


def _part(row: toml.Table, where: str) -> Part:
    name, address, path = (toml.text(row, key, where) for key in ("name", "address", "path"))
    return Part(name, address, path, _day(row, "since", where), _day(row, "until", where) if "until" in row else None)


def _check(one: Known, where: str) -> None:
    if one.kind not in _KINDS:
        raise RuleError(f"{one.kind!r} is no kind of service", where=where, hint=f"One of: {', '.join(_KINDS)}.")
    for address in (one.address, *(part.address for part in one.parts)):
        if not address.startswith("https://") or address.endswith("/"):
            raise RuleError(
                f"{address!r} is no address of a service", where=where, hint="https://…, no slash at its end"
            )
    for plane in one.planes:
        if plane not in PLANES:
            raise RuleError(f"{plane!r} is no plane", where=where, hint=f"One of: {', '.join(PLANES)}.")
    for signal in one.signals:
        if signal_table().of(signal) is None:
            raise RuleError(f"there is no signal {signal!r}", where=where)
    if one.parallel < 1 or not one.sources or not one.cannot:
        raise RuleError("`parallel`, `sources` and `cannot` may not be empty", where=where)


def _number(row: toml.Table, key: str, where: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise RuleError(f"`{key}` must be a number of zero or more", where=where)
    return value


def _day(row: toml.Table, key: str, where: str) -> date:
    value = row.get(key)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise RuleError(f"`{key}` must be a day", where=where)
    return value
