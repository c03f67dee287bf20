"""Law: windows hold all that was asked, never overlap and never exceed what a service takes in one question.

What has been asked for once has the same key when it is asked for again, also as a part of another question: windows
lie at fixed places of the calendar and are asked for whole, and a window that is cut off by the present is named
`open` instead of by its end. So the first and the last may hold more than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlencode

import msgspec

from clampdown.errors import InputError, UsageError
from clampdown.fetch.bucket import folder_of
from clampdown.fetch.fitting import Misfit
from clampdown.fetch.known import Known
from clampdown.fetch.wanted import Asked, Secret

EPOCH: Final = datetime(1970, 1, 1)
OPEN: Final = "open"  # in a key or a name, in place of an end that is the present
SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
_MOST: Final = 256 << 20  # bytes of an answer that is looked into
_SHOWN: Final = 200  # characters of what a service said


class Window(NamedTuple):
    """A period of one question, half-open."""

    start: datetime
    end: datetime
    open: bool  # its end is the present: the next question of the kind reaches further

    @property
    def until(self) -> str:
        """Its end, as a key or a name says it."""
        return OPEN if self.open else stamp(self.end)

    def settled(self, now: datetime, after: timedelta) -> bool:
        """Has it ended so long ago that nothing of it is revised?"""
        return not self.open and self.end + after <= now


def floor(time: datetime, grain: timedelta) -> datetime:
    """The last multiple of the grain that is not later."""
    return time - (time - EPOCH) % grain


def ceil(time: datetime, grain: timedelta) -> datetime:
    """The first multiple of the grain that is not earlier."""
    return floor(time + grain - timedelta(microseconds=1), grain)


def newest(asked: Asked, of: Known, grain: timedelta = SECOND) -> datetime:
    """The end of what can be there."""
    return floor(asked.now - of.delay, grain)


def windows(asked: Asked, of: Known, length: timedelta, grain: timedelta = SECOND) -> Iterator[Window]:
    """The windows of this length, one after the other since the epoch, that hold some of the asked period: whole where
    they are over, whatever was asked of them. One that is not over ends with the question, or open with the present."""
    last, until = newest(asked, of, grain), ceil(asked.until, grain)
    end = min(until, last)
    start = floor(asked.since, length)
    while start < end and floor(asked.since, grain) < end:
        over = start + length
        if over <= last:
            yield Window(start, over, open=False)
        else:
            yield Window(start, end, open=until > last)
        start = over


def pieces(asked: Asked, of: Known, length: timedelta) -> Iterator[Window]:
    """The asked period and nothing beside it, in pieces of at most this length; what cannot be there yet is not asked
    for."""
    start, last = floor(asked.since, SECOND), newest(asked, of)
    until = ceil(asked.until, SECOND)
    end = min(until, last)
    while start < end:
        cut = min(floor(start, length) + length, end)
        yield Window(start, cut, open=until > last and cut == end)
        start = cut


def ticks(since: datetime, until: datetime, every: timedelta) -> Iterator[datetime]:
    """The moments of a rhythm that lie in a half-open period."""
    time = ceil(since, every)
    while time < until:
        yield time
        time += every


def stamp(time: datetime) -> str:
    """A moment as names of files carry it."""
    return time.strftime("%Y%m%dT%H%M%SZ")


def seconds(time: datetime) -> int:
    """A moment as Unix time."""
    return int((time - EPOCH).total_seconds())


def address(asked: Asked, of: Known) -> str:
    """Where questions are sent: the service, or a mirror that speaks as it does."""
    if asked.base is None:
        return of.address
    if folder_of(asked.base) is not None:
        hint = "Give files that you have to clampdown ingest; --from takes the address of a server here."
        raise UsageError(f"{of.name} answers questions: a folder cannot stand in for it", where=asked.base, hint=hint)
    return asked.base.rstrip("/")


def place(asked: Asked, of: Known, key: str) -> str:
    """Where a file of an archive lies: at the service, at a mirror, or in a folder."""
    folder = None if asked.base is None else folder_of(asked.base)
    if folder is not None:
        return (folder / key).as_uri()
    return f"{of.address if asked.base is None else asked.base.rstrip('/')}/{key}"


def question(path: str, *words: tuple[str, object]) -> str:
    """Path and query in the order given: the key of an answer, and the end of its address."""
    return f"{path}?{urlencode(words)}" if words else path


def follows(key: str, other: str) -> bool:
    """Is this the key of the window that was open under the other one, now that it has ended?"""
    head, found, tail = other.partition(f"={OPEN}")
    return bool(found) and key.startswith(f"{head}=") and key.endswith(tail)


def choices(asked: Asked, name: str, known: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """What an option names, each of it known."""
    given = asked.options.get(name) or tuple(default)
    for one in given:
        if one not in known:
            raise UsageError(f"{name} cannot be {one!r}", hint=f"It may be: {', '.join(known)}.")
    return tuple(dict.fromkeys(given))


def whole(asked: Asked, name: str, default: int, least: int = 1) -> int:
    """An option that is a whole number."""
    text = asked.option(name, str(default))
    if not text.isascii() or not text.isdecimal() or int(text) < least:
        raise UsageError(f"{name} cannot be {text!r}", hint=f"Say a whole number of {least} or more.")
    return int(text)


def wants(asked: Asked, *, networks: bool) -> None:
    """A question that names nobody asks for nothing."""
    if asked.country is None and not (networks and asked.networks):
        also = ", or a network: --network AS64500" if networks else ""
        raise Misfit("nobody is named", word="country", hint=f"Say a country after the service, such as IR{also}.")


# ---- what came -------------------------------------------------------------------------------------------------


def read(path: Path) -> bytes:
    """The bytes of an answer; a page of a portal is none."""
    try:
        if path.stat().st_size > _MOST:
            raise InputError(f"the answer is longer than {_MOST >> 20} MiB", hint="Ask for a shorter period.")
        data = path.read_bytes()
    except OSError as fault:
        raise InputError(f"the answer cannot be read: {fault.strerror}") from fault
    return data_of(data)


def data_of(data: bytes) -> bytes:
    """The same of bytes."""
    if not data.strip():
        raise InputError("the service answered with nothing")
    if data.lstrip()[:1] == b"<":
        hint = "A portal or a filter may have answered in its place: try again, or through a proxy."
        raise InputError("a web page came in place of data", hint=hint)
    return data


def fields(data: bytes) -> dict[str, Any]:
    """An answer that must be a JSON object."""
    try:
        value = msgspec.json.decode(data_of(data))
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise InputError("the answer is not JSON", hint="Run the same command again.") from fault
    return inner(value, "the answer is not an object")


def inner(value: object, otherwise: str) -> dict[str, Any]:
    """A value that must be an object."""
    if not isinstance(value, dict):
        raise InputError(otherwise)
    return cast("dict[str, Any]", value)


def rows(value: object) -> list[Any]:
    """A list, or none of it."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def said(value: object, token: Secret | None = None) -> str:
    """What a service said, fit for a message: one line, short, never with a token."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""
    if token is not None:
        text = text.replace(token.reveal(), "…")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text[:_SHOWN] or "no reason given"
