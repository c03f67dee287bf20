"""Law: a line of RIS Live is an event, a count or a reject; the message it wraps is not decoded a second time.

Form: https://ris-live.ripe.net/manual/ (ris_message with UPDATE, OPEN, NOTIFICATION, KEEPALIVE, RIS_PEER_STATE;
ris_error; answers to requests). Paths are lists of numbers, and a set within a path is a list of its own.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from clampdown.intake.containers_bytes import DEFAULT, Peeked, Place, Reader
from clampdown.intake.containers_text import read_lines
from clampdown.intake.sources.bgp.events import BITS, SECOND, UNKNOWN, Broken, Event, Peer, State, Still, Update
from clampdown.model import Reject

_ROOM: Final = 1 << 17
_ENDS: Final = frozenset({"truncated", "damaged", "expansion"})
_TYPE: Final = re.compile(rb'"type"\s*:\s*"ris_[a-z_]+"')
_PONG: Final = re.compile(rb'\s*\{\s*"type"\s*:\s*"pong"')
Json = dict[str, Any]


class _UnfitError(Exception):
    """A line that is JSON and not what RIS Live writes."""


def plausible(head: bytes) -> bool:
    """Is the first line one of RIS Live's?"""
    line = head.lstrip(b" \t\r\n").partition(b"\n")[0]
    return line.startswith(b"{") and (_TYPE.search(line) or _PONG.match(line)) is not None


class Live:
    """Lines to events, as `mrt.Decoder` does it for records."""

    def __init__(self, reader: Reader, place: Place) -> None:
        self._reader, self._place = reader, place
        self.records = 0
        self.seen: Counter[str] = Counter()
        self.other: dict[str, tuple[int, int]] = {}
        self._keys: dict[str, tuple[int, bytes]] = {}

    def events(self) -> Iterator[Event]:
        """All events of the stream, in its order."""
        for found in read_lines(Peeked(self._reader), self._place, DEFAULT):
            line = found.line or 0
            if isinstance(found, Reject):
                yield Broken(line, found.reason, found.detail or "", ends=found.reason in _ENDS)
                continue
            self.records = line
            try:
                yield self._event(line, msgspec.json.decode(found.data))
            except msgspec.DecodeError as error:
                yield Broken(line, "not_json", str(error), found.data)
            except _UnfitError as error:
                yield Broken(line, "damaged", str(error), found.data)

    def _event(self, line: int, value: Any) -> Event:
        kind, data = _object(value, "the line").get("type"), value.get("data")
        if kind == "ris_error":
            message = cast("Json", data).get("message") if isinstance(data, dict) else data
            return Broken(line, "source_error", f"the source itself says that something failed: {message}")
        if kind != "ris_message":
            self.seen["other"] += 1
            return Still(0)
        said = _object(data, "`data`")
        kind = said.get("type")
        time = said.get("timestamp")
        if isinstance(time, bool) or not isinstance(time, int | float) or not 0 < time < 1 << 32:
            raise _UnfitError("`timestamp` is no number of seconds since 1970")
        stamp = round(time * SECOND)
        if kind not in ("UPDATE", "RIS_PEER_STATE"):
            self.seen["other"] += 1
            return Still(stamp)
        peer = _peer(said)
        if kind == "UPDATE":
            self.seen["update"] += 1
            return self._update(stamp, peer, said)
        state = said.get("state")
        if state not in ("up", "down", "connected"):
            raise _UnfitError(f"`state` is {state!r}, none that is known")
        self.seen["state"] += 1
        return State(stamp, peer, state != "down")

    def _update(self, time: int, peer: Peer, said: Json) -> Update:
        comes: tuple[list[bytes], list[bytes]] = ([], [])
        goes: tuple[list[bytes], list[bytes]] = ([], [])
        for each in _list(said, "announcements"):
            for text in _list(_object(each, "an announcement"), "prefixes"):
                six, key = self._key(text)
                comes[six].append(key)
        for text in _list(said, "withdrawals"):
            six, key = self._key(text)
            goes[six].append(key)
        origin = _origin(_list(said, "path"), peer.asn) if "path" in said else None
        if origin is None and (comes[0] or comes[1]):
            raise _UnfitError("prefixes are announced without a path")
        return Update(time, peer, UNKNOWN if origin is None else origin, goes[0], comes[0], goes[1], comes[1], ())

    def _key(self, text: Any) -> tuple[int, bytes]:
        """(is IPv6, prefix as BGP writes it)."""
        known = self._keys.get(text) if isinstance(text, str) else None
        if known is None:
            try:
                network = ipaddress.ip_network(text if isinstance(text, str) else "", strict=False)
            except ValueError:
                raise _UnfitError(f"{text!r} is no prefix") from None
            length = network.prefixlen
            key = bytes((length,)) + network.network_address.packed[: (length + 7) >> 3]
            if len(self._keys) >= _ROOM:
                self._keys.clear()
            known = self._keys[text] = (int(network.max_prefixlen == BITS[6]), key)
        return known


def _object(value: Any, what: str) -> Json:
    if not isinstance(value, dict):
        raise _UnfitError(f"{what} is no object")
    return cast("Json", value)


def _list(said: Json, name: str) -> list[Any]:
    value = said.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _UnfitError(f"`{name}` is no list")
    return cast("list[Any]", value)


def _peer(said: Json) -> Peer:
    host, address, asn = said.get("host"), said.get("peer"), said.get("peer_asn")
    if not isinstance(address, str) or not isinstance(asn, str | int):
        raise _UnfitError("`peer` or `peer_asn` is missing")
    try:
        number = int(asn)
    except ValueError:
        raise _UnfitError(f"`peer_asn` is {asn!r}, no number") from None
    return Peer(address, number, host if isinstance(host, str) else "")


def _origin(path: list[Any], peer: int) -> int:
    last = path[-1] if path else peer
    number = isinstance(last, int) and not isinstance(last, bool) and 0 < last < UNKNOWN
    return last if number else UNKNOWN
