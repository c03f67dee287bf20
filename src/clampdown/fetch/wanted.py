"""Law: what is asked of a service, and each thing that answers it, is a record; a secret in it is never printed.

A service turns an `Asked` into `Wanted` files. The key of a wanted file names the thing within its service and holds
no secret: what has the same key is the same thing, wherever it is got from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clampdown.errors import FetchError

if TYPE_CHECKING:
    from clampdown.fetch.client import Client


class Nothing(FetchError):
    """An answer that says that the service has nothing of what was asked: a gap where that may be (`absent_ok`)."""

    def __init__(self, what: str, **more: Any) -> None:
        super().__init__(what, status=404, hint="Ask for another period or place.")


class Secret:
    """A token; it prints as dots, also inside of other records and in tracebacks."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The token itself, for the one header that carries it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants of a service. The period is half-open, naive UTC, of the time that the data speak of."""

    since: datetime
    until: datetime
    now: datetime  # of the run; services that publish late are not asked for what cannot be there yet
    country: str | None = None  # ISO 3166 alpha-2
    networks: tuple[int, ...] = ()
    tests: tuple[str, ...] = ()  # OONI's names of tests; none: all
    # The service's own words.
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    base: str | None = None  # a mirror (URL or folder) in place of the service's own address
    token: Secret | None = None
    closed: datetime | None = None  # uploads before this moment were listed, and so long ago that none is added

    def option(self, name: str, default: str = "") -> str:
        """The one value of an option."""
        return next(iter(self.options.get(name, ())), default)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to bring."""

    service: str
    key: str  # archive key, or path and query of the address in one fixed order
    url: str  # where it is; file:// for a mirror on this machine
    name: str  # under which intake reads it (it tells entities and formats from it); a plain file name
    size: int | None = None  # bytes, where a listing says so
    md5: str | None = None  # where a listing says so
    settled: bool = True  # False: what the service says of it may still change, so it is asked for again
    absent_ok: bool = False  # 404 means that the service has none (a gap in an archive), and is remembered as such
    token: Secret | None = None
    # Raises an Error where what came is no answer (an error told with status 200, a page of a portal).
    check: Callable[[Path], None] | None = field(default=None, compare=False)
    # What follows from what came (the next page); the file is complete and checked.
    follow: Callable[[Path], Iterable[Wanted]] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Service:
    """One remote service. `plan` lists what it has of what was asked; it may ask the client for listings, and yields as
    it finds. Its limits and manners are its row in `services.toml`."""

    name: str
    plan: Callable[[Asked, Client], Iterator[Wanted]]
    needs: frozenset[str] = frozenset()  # of: country, token
    takes: frozenset[str] = frozenset()  # of: country, networks, tests; questions with other of these are refused
    instead: Mapping[str, str] = field(default_factory=dict[str, str])  # such a word -> what to do in its place
    # Did this key answer the question, in the uploads before `asked.closed`? Then it need not be listed again.
    listed: Callable[[Asked, str], bool] | None = None
    # The uploads that answer a question, half-open, where upload and measurement differ.
    received: Callable[[Asked], tuple[datetime, datetime]] | None = None
    grain: timedelta = timedelta(seconds=1)  # of the moments that it has: what it can answer ends at one of them
    # Where a key is.
    at: Callable[[Asked, str], str] | None = None
    options: Mapping[str, str] = field(default_factory=dict[str, str])  # its own words -> what they mean
