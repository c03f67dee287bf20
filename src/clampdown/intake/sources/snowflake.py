"""Law: who asked the Snowflake broker is read by country and way of asking; who lends a proxy is no user of it.

Texts of CollecTor (`@type snowflake-stats`), one or more windows of a day each, as the broker's specification of its
metrics has them (gitlab.torproject.org, tpo/anti-censorship/pluggable-transports/snowflake, doc/broker-spec.txt):

    snowflake-stats-end 2026-02-14 22:44:14 (86400 s)
    snowflake-ips US=...                      proxies: volunteers where they run, not read
    client-http-ips IR=16,RU=8                clients' requests by way of rendezvous, each count
    client-ampcache-ips ...                   rounded up to the next multiple of 8
    client-sqs-ips ...

A level begins where its window does. `snowflake/clients` is the sum over the ways that the window names: requests and
not people, and up to 7 too high for each way. A country that is not listed has no level. `??` is the entity `unknown`.
A window in which no proxy and no client came is a broker that nobody used, and says nothing of any country.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import nan
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import BLOCK, DEFAULT
from clampdown.intake.documents import drain, opened
from clampdown.intake.features import Kit
from clampdown.intake.gathered import Gathered, micros
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.countries import country_of

_DAY: Final = 86_400
_END: Final = re.compile(r"snowflake-stats-end (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \((\d{1,9}) s\)", re.ASCII)
_HEAD: Final = re.compile(rb"(?:\A|\n)snowflake-stats-end \d{4}-\d\d-\d\d ")
_METHODS: Final = {"client-http-ips": "http", "client-ampcache-ips": "ampcache", "client-sqs-ips": "sqs"}
# Where all of these say nothing, nobody used this broker.
_USED: Final = {"snowflake-ips-total": 1, "snowflake-idle-count": 0, "client-snowflake-match-count": 0}
_UNKNOWN: Final = "??"
_LONGEST: Final = 40


class _Line(NamedTuple):
    number: int
    text: str


Window = dict[str, _Line]


def sniff(head: bytes) -> bool:
    """A line that ends a window."""
    return _HEAD.search(head.replace(b"\r\n", b"\n")) is not None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All windows of one text."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    gathered = Gathered(rows)
    strange: dict[str, int] = {}
    text = _text(reader, rows)
    found = False
    for window in _windows(text):
        found = True
        _take(window, gathered, rows, strange)
    if text and not found:
        rows.reject(None, "unknown_format", "no window of the Snowflake broker's statistics begins in it")
    for code, line in strange.items():
        rows.reject(line, "unknown_country", f"{code!r} is not a country's code of two letters")
    yield from gathered.settle()
    yield from rows.finish(reader.digest())


def _text(reader: Digested, rows: LevelRows) -> str:
    """The whole text; empty, with a reject, where there is none."""
    found = opened(reader, rows)
    if found is None:
        return ""
    data = b""
    while block := found.read(BLOCK):
        data += block
        if len(data) > DEFAULT.record:
            drain(found)
            rows.reject(None, "too_long", f"longer than the limit of {DEFAULT.record} bytes")
            return ""
    if found.fault is not None:
        found.fault.told = True
        rows.reject(None, found.fault.reason, found.fault.detail)
        data = data.rpartition(b"\nsnowflake-stats-end")[0]  # the last window may be cut
    return data.decode("utf-8", "replace")


def _windows(text: str) -> Iterator[Window]:
    """The lines of each window, by their first word."""
    window: Window | None = None
    for number, line in enumerate(text.split("\n"), 1):
        word, _, rest = line.strip().partition(" ")
        if word == "snowflake-stats-end":
            if window is not None:
                yield window
            window = {word: _Line(number, line.strip())}
        elif window is not None and word and not word.startswith("@"):
            window.setdefault(word, _Line(number, rest.strip()))
    if window is not None:
        yield window


def _take(window: Window, gathered: Gathered, rows: LevelRows, strange: dict[str, int]) -> None:
    """Keep the levels of one window."""
    line, text = window["snowflake-stats-end"]
    told = _END.fullmatch(text)
    try:
        end = iso(told[1]).time if told else None
    except BadStamp:
        end = None
    if told is None or end is None:
        rows.reject(line, "not_a_time", f"{text[:_LONGEST]!r} does not say when a window ended, and how long it was")
        return
    if int(told[2]) != _DAY:
        rows.reject(line, "not_a_level", f"a window of {int(told[2]):,} seconds compares with none of a day")
        return
    if all(_idle(window.get(word), most) for word, most in _USED.items()):
        rows.reject(line, "no_data", "nobody used this broker in this window: it says nothing of any country")
        return
    begin = micros(end - timedelta(seconds=_DAY))
    totals: dict[str, int] = {}
    for word, method in _METHODS.items():
        if word not in window:
            continue
        for code, count in _counts(window[word], rows).items():
            if code != _UNKNOWN and country_of(code) is None:
                strange.setdefault(code[:_LONGEST], window[word].number)
                continue
            totals[code] = totals.get(code, 0) + count
            gathered.of(_signal(code, f"snowflake/rendezvous/{method}")).add(begin, count, nan, line)
    for code, count in totals.items():
        gathered.of(_signal(code, "snowflake/clients")).add(begin, count, nan, line)


def _idle(line: _Line | None, most: int) -> bool:
    return line is not None and line.text.isdecimal() and int(line.text) <= most


def _counts(line: _Line, rows: LevelRows) -> Mapping[str, int]:
    """`IR=16,RU=8`; what is none of this costs itself."""
    made: dict[str, int] = {}
    for pair in filter(None, line.text.split(",")):
        code, _, count = pair.strip().partition("=")
        if not code or code in made or not (count.isascii() and count.isdecimal() and len(count) <= 12):
            rows.reject(line.number, "not_a_level", f"{pair[:_LONGEST]!r} is no country with its count")
            continue
        made[code] = int(count)
    return made


def _signal(code: str, signal: str) -> Signal:
    country = None if code == _UNKNOWN else country_of(code)
    return Signal(
        entity=country or "unknown",
        entity_kind="country",
        plane="usage",
        signal=signal,
        operator="tor",
        source="tor-metrics",
        step=_DAY,
        country=country,
        service="snowflake",
    )


SOURCE: Final = SignalSource("snowflake", sniff, read)
