"""Law: a count is read where the source says both numbers; a share alone stays a share, and a failed look is no value.

`ts,check,status,value,message`: what a monitor saw each time it ran. It names no country, so the person who gives the
file does (`ingest --of`). Checks `ooni-<test>` tell how many of OONI's tests of the days before failed:

    "... 92% anomaly rate (1012/1097 tests)"     failed and tried
    "... 23% anomaly rate (892 OK)"              passed; tried = passed / (1 - value), where that is one whole number
    "... 67% anomaly rate"                       the share alone

`value` is that share in percent. A monitor that reached nothing (`Connection failed`), or found nothing, writes 0: that
is no measurement and no value here. The snapshots overlap: they have no step and are never added up. What the monitor
calls users of Tor is the share of directories that an estimate rests on (`frac`), and its levels of connectivity are
percent of its own normal: neither is read, and one reject for each check says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, nan
from typing import Final, NamedTuple

from clampdown.intake.features import Kit
from clampdown.intake.gathered import WINDOW, Gathered, Kept, micros
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.intake.tabular import PAUSE, Bad, Row, Table, close, head_of, places
from clampdown.intake.times import NotATime, moment
from clampdown.model import Batch

_NEEDED: Final = frozenset({"check", "status", "value", "message"})
_STAMPS: Final = ("ts", "time", "timestamp")
_NAMED: Final = frozenset({"entity", "country"})
_WHY: Final = "a log of checks by a monitor: "
_NO_PLACE: Final = (
    _WHY + "it does not say of which country it is. Say it: clampdown ingest FILE --of COUNTRY --store DIR"
)
_OTHER_LOG: Final = (
    _WHY + "its rows name countries, which no log known here does. To read one check, write it as a plain table: "
    "time,entity,signal,value,unit,step"
)
_TESTS: Final = {
    name: name
    for name in (
        "tor", "torsf", "vanilla_tor", "psiphon", "openvpn", "riseupvpn", "signal", "telegram", "whatsapp",
        "facebook_messenger", "web_connectivity", "dnscheck", "stunreachability",
    )
} | {"web": "web_connectivity"}  # fmt: skip
# Checks that are left out, by how they begin, and why.
_LEFT_OUT: Final = {
    "tor-": "what it calls users is `frac`, the share of directories that an estimate rests on, and not users",
    "ioda-": "its levels are percent of the monitor's own normal, and no counts; IODA's own levels can be had",
}
_NOTHING: Final = ("connection failed", "no measurement data", "no data available")
_SHARE: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?% anomaly rate\s*(?:\(([^()]*)\))?", re.IGNORECASE | re.ASCII)
_BOTH: Final = re.compile(r"(\d{1,12})\s*/\s*(\d{1,12}) tests?", re.IGNORECASE | re.ASCII)
_PASSED: Final = re.compile(r"(\d{1,12}) OK", re.IGNORECASE | re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,3}(?:\.(\d{1,20}))?", re.ASCII)
_DOUBLE: Final = 12  # decimals that a number of three places before the point holds for sure
# A whole number of tests is told only where no neighbour could be meant. Provisional.
_MOST_DOUBT: Final = 0.25
_LONGEST: Final = 40


class _Seen(NamedTuple):
    """What one row says; NaN where it says nothing."""

    share: float
    tried: float = nan
    failed: float = nan
    counted: bool = False  # are both numbers told?


_NO_MEASUREMENT: Final = _Seen(nan)


def sniff(head: bytes) -> bool:
    """A head with a stamp, a check, a status, a value and a message."""
    found = head_of(head)
    return found is not None and set(found.columns) >= _NEEDED and any(name in found.columns for name in _STAMPS)


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All checks of one log."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = Table(reader)
    log = _Log(table, rows, opened.of)
    for _ in log.rows():
        yield from rows.due()
        if log.gathered.waiting >= WINDOW:
            log.nothings()
            yield from log.gathered.settle()
    log.nothings()
    yield from log.gathered.settle()
    close(table, rows, opened.place)
    log.say_left_out()
    yield from rows.finish(reader.digest())


class _Log:
    def __init__(self, table: Table, rows: LevelRows, of: str | None) -> None:
        self._table, self._rows, self._of = table, rows, of or ""
        self._left: dict[str, tuple[int, int]] = {}  # check -> its first line, and how many rows it has
        self._counted: set[str] = set()  # tests of which both numbers were told at least once
        self._nothing: list[tuple[str, int, int]] = []  # test, time and line of looks that brought nothing
        self.gathered = Gathered(rows, stepless=True)

    def rows(self) -> Iterator[None]:
        """Keep what each row says; a pause now and then."""
        at: tuple[int, ...] | None = None
        for row in self._table.rows():
            head = self._table.head
            if at is None and head is not None:
                at = self._columns(head.columns)
            if not at:
                continue
            bad = row.bad or self._take(row, *at)
            if bad is not None:
                self._rows.reject(row.line, bad.reason, bad.detail, row.raw or None)
            if not self._table.count % PAUSE:
                yield

    def _columns(self, columns: tuple[str, ...]) -> tuple[int, ...]:
        """Where what is read stands; nothing where the file as a whole cannot be read."""
        stamp = next((name for name in _STAMPS if name in columns), None)
        if stamp is None or not set(columns) >= _NEEDED:
            self._table.problem = Bad("unknown_format", "it has not the columns of a monitor's log of checks")
        elif not _NAMED.isdisjoint(columns):
            self._table.problem = Bad("unknown_format", _OTHER_LOG)
        elif not self._of:
            self._table.problem = Bad("no_entity", _NO_PLACE)
        else:
            return places(columns, stamp, "check", "status", "value", "message")
        return ()

    def _take(self, row: Row, *at: int) -> Bad | None:
        stamp, check, status, value, message = (row.cells[place].strip() for place in at)
        check = check.lower()
        left = next((begin for begin in _LEFT_OUT if check.startswith(begin)), None)
        if left is not None:
            line, count = self._left.get(check, (row.line, 0))
            self._left[check] = (line, count + 1)
            return None
        test = _TESTS.get(check.removeprefix("ooni-")) if check.startswith("ooni-") else None
        if test is None:
            return Bad("unknown_signal", f"{check[:_LONGEST]!r} is no check that is known here")
        try:
            time = micros(moment(stamp).utc)
        except NotATime as problem:
            return Bad("not_a_time", str(problem))
        seen = _seen(status.lower(), value, message)
        if isinstance(seen, Bad):
            return seen
        if seen.counted:
            self._counted.add(test)
        elif seen.share != seen.share:
            self._nothing.append((test, time, row.line))
        self._of_test(test, "failed-share").add(time, seen.share, nan, row.line)
        self.gathered.waiting += 1
        if seen.counted:
            self._of_test(test, "tried").add(time, seen.tried, nan, row.line)
            self._of_test(test, "failed").add(time, seen.failed, nan, row.line)
            self.gathered.waiting += 2
        return None

    def nothings(self) -> None:
        """Looks that brought nothing have no numbers either, of tests of which the monitor tells numbers."""
        for test, time, line in self._nothing:
            if test in self._counted:
                for what in ("tried", "failed"):
                    self._of_test(test, what).add(time, nan, nan, line)
        self._nothing.clear()

    def _of_test(self, test: str, what: str) -> Kept:
        return self.gathered.of(
            Signal(
                entity=self._of,
                entity_kind="country",
                plane="service",
                signal=f"tests/{test}/{what}",
                operator="ooni",
                source="monitor-log",
                step=0,
                country=self._of,
                service=None if test == "web_connectivity" else test,
                unit="percent" if what == "failed-share" else "count",
            )
        )

    def say_left_out(self) -> None:
        """One reject for each check that is not read."""
        for check, (line, count) in self._left.items():
            why = next(text for begin, text in _LEFT_OUT.items() if check.startswith(begin))
            self._rows.reject(line, "not_a_level", f"{check[:_LONGEST]} and its {count:,} rows are left out: {why}")


def _seen(status: str, value: str, message: str) -> _Seen | Bad:
    """What a row says, or why it says nothing that could be used."""
    told = _SHARE.search(message)
    if status == "unknown" or message.lower().startswith(_NOTHING):
        return _NO_MEASUREMENT
    if told is None:
        return Bad("not_a_level", f"{message[:_LONGEST]!r} tells no share of anomalies, so the value may be anything")
    decimals = _DECIMAL.fullmatch(value)
    share = float(value) if decimals else inf
    if decimals is None or share > 100:
        return Bad("not_a_level", f"{value[:_LONGEST]!r} is no percentage")
    if abs(share - float(told[1])) > 0.5 + 1e-9 * share:
        return Bad("contradiction", f"the value is {share:.12g} and the message says {told[1]} %")
    return _numbers(share, min(len(decimals[1] or ""), _DOUBLE), told[2] or "")


def _numbers(share: float, decimals: int, told: str) -> _Seen | Bad:
    """Tried and failed, where the message tells them and they agree with the share as exactly as it is written."""
    step = 0.5 * 10.0**-decimals
    if both := _BOTH.fullmatch(told.strip()):
        failed, tried = int(both[1]), int(both[2])
        if failed > tried or tried == 0:
            return Bad("contradiction", f"{failed} of {tried} tests cannot have failed")
        if abs(100 * failed / tried - share) > step + 1e-9 * share:
            return Bad("contradiction", f"{failed} of {tried} tests are not {share:.12g} %")
        return _Seen(share, tried, failed, counted=True)
    passed = _PASSED.fullmatch(told.strip())
    if passed is None or share >= 100 or passed[1].strip("0") == "":
        return _Seen(share)
    ok = int(passed[1])
    tried = ok / (1 - share / 100)
    doubt = tried * step / (100 - share) + 1e-12 * tried
    whole = round(tried)
    if doubt > _MOST_DOUBT or abs(tried - whole) > doubt + 1e-6:
        return _Seen(share)
    return _Seen(share, whole, whole - ok, counted=True)


SOURCE: Final = SignalSource("snapshots", sniff, read, placeless=True)
