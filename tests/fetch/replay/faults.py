"""Law: a misbehaviour is a record: where it strikes, how often, and what it does to an answer.

Each field changes one thing; a fault may set several. The functions below name the ones that services show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase

PORTAL = (
    b"<!doctype html><html><head><title>Log in to the network</title></head>"
    b"<body><h1>Welcome</h1><p>Please log in before you go on.</p></body></html>"
)
GARBAGE = b"\x1f\x8b\x08\x00this was never packed" + bytes(range(256))


@dataclass
class Fault:
    """What goes wrong with the answers to some requests."""

    name: str
    where: str = "*"  # pattern over the path and query
    times: int | None = None  # None: always
    skip: int = 0  # requests that go well first
    # In place of the answer
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()  # added; an empty value takes the header away
    body: bytes | None = None
    alter: Callable[[bytes], bytes] | None = None  # of the body; its headers stay as they were
    # On the wire
    rate: float | None = None  # bytes per second
    cut: float | None = None  # the connection ends after this part of the body
    length: int = 0  # that Content-Length says too much (or too little)
    endless: bool = False  # no length, and bytes for ever
    extra: int = 0  # bytes behind the body, which the length does not count
    mute: float | None = None  # seconds before the first byte
    hangup: bool = False  # no byte at all
    struck: int = field(default=0, compare=False)
    passed: int = field(default=0, compare=False)

    def strikes(self, target: str) -> bool:
        """Whether this request is one of those; counts it."""
        if not fnmatchcase(target, self.where) or (self.times is not None and self.struck >= self.times):
            return False
        if self.passed < self.skip:
            self.passed += 1
            return False
        self.struck += 1
        return True


def slow(rate: float, where: str = "*", times: int | None = None) -> Fault:
    """So many bytes a second."""
    return Fault("slow", where, times, rate=rate)


def cut(where: str = "*", times: int | None = None, at: float = 0.5) -> Fault:
    """The connection ends in the middle of a body."""
    return Fault("cut", where, times, cut=at)


def too_long(where: str = "*", times: int | None = None) -> Fault:
    """The length says more than comes."""
    return Fault("too_long", where, times, length=1000)


def too_short(where: str = "*", times: int | None = None) -> Fault:
    """The length says less than there is."""
    return Fault("too_short", where, times, length=-10)


def busy(where: str = "*", times: int | None = None, after: float | None = None, *, dated: bool = False) -> Fault:
    """429, with `Retry-After` in seconds, as a date, or without."""
    headers: tuple[tuple[str, str], ...] = ()
    if after is not None:
        when = format_datetime(datetime.now(UTC) + timedelta(seconds=after), usegmt=True)
        headers = (("Retry-After", when if dated else f"{after:.0f}"),)
    return Fault("busy", where, times, status=429, headers=headers, body=b"slow down")


def storm(where: str = "*", times: int | None = None) -> Fault:
    """503, again and again."""
    return Fault("storm", where, times, status=503, body=b"<Error><Code>SlowDown</Code></Error>")


def broken(where: str = "*", times: int | None = None) -> Fault:
    """500."""
    return Fault("broken", where, times, status=500, body=b"Internal Server Error")


def elsewhere(to: str, where: str = "*", times: int | None = None) -> Fault:
    """A redirect to an address."""
    return Fault("elsewhere", where, times, status=302, headers=(("Location", to),), body=b"")


def false_encoding(where: str = "*", times: int | None = None) -> Fault:
    """`Content-Encoding: gzip` over bytes that are no gzip."""
    return Fault("false_encoding", where, times, headers=(("Content-Encoding", "gzip"),), body=GARBAGE)


def no_gzip(where: str = "*.gz", times: int | None = None) -> Fault:
    """A packed object that is not packed: as long as it was, of other bytes."""
    return Fault(
        "no_gzip", where, times, alter=lambda body: (b"not gzip at all. " * (len(body) // 17 + 1))[: len(body)]
    )


def endless(where: str = "*", times: int | None = None) -> Fault:
    """A body that never ends."""
    return Fault("endless", where, times, endless=True)


def beyond(where: str = "*", times: int | None = None, by: int = 4096) -> Fault:
    """A body that is longer than the listing says, and rightly announced."""
    return Fault("beyond", where, times, alter=lambda body: body + b"\0" * by)


def empty(where: str = "*", times: int | None = None) -> Fault:
    """The connection ends without an answer."""
    return Fault("empty", where, times, hangup=True)


def mute(where: str = "*", times: int | None = None, seconds: float = 3600.0) -> Fault:
    """Headers that never come."""
    return Fault("mute", where, times, mute=seconds)


def portal(where: str = "*", times: int | None = None) -> Fault:
    """Somebody else's page, with status 200."""
    kind = (("Content-Type", "text/html"), ("ETag", ""), ("Last-Modified", ""))
    return Fault("portal", where, times, status=200, headers=kind, body=PORTAL)


def other_content(where: str = "*", times: int | None = None) -> Fault:
    """As many bytes as there should be, and one of them another."""
    return Fault("other_content", where, times, alter=lambda body: body[:-1] + bytes([body[-1] ^ 1]) if body else body)


def refused(where: str = "*", times: int | None = None, status: int = 403) -> Fault:
    """The service says no."""
    return Fault("refused", where, times, status=status, body=b"no")
