"""Law: a country of a network or address is the one that its registry delegated it to, and nothing is guessed beyond.

Two forms: the registries' statistics (`registry|cc|asn|start|count|date|status[|...]`, with `ipv4` and `ipv6` lines;
the RIR statistics exchange format, in its plain and extended kind) and a plain `asn,country`, which says it better
where both speak. Where a network is delegated is not where it works: that is said wherever countries are counted.
"""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from clampdown.reference.fingerprints import Problem
from clampdown.reference.lists import asn_of, csv_rows

_HELD: Final = frozenset({"allocated", "assigned"})  # of the others (available, reserved) no one is the holder
_NOWHERE: Final = frozenset({"", "ZZ", "AP", "EU"})  # codes that are no country
Span = tuple[int, int, str]  # first, last, country


@dataclass(frozen=True, slots=True)
class Delegations:
    """Which country networks and addresses are delegated to."""

    networks: tuple[Span, ...] = ()  # sorted, apart
    v4: tuple[Span, ...] = ()
    v6: tuple[Span, ...] = ()
    said: dict[int, str] = field(default_factory=dict[int, str])  # network -> country, from plain tables
    codes: tuple[str, ...] = ()  # countries that addresses are delegated to, sorted
    _starts: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spans = (self.networks, self.v4, self.v6)
        object.__setattr__(self, "_starts", tuple(tuple(first for first, _, _ in own) for own in spans))

    def __bool__(self) -> bool:
        return bool(self.networks or self.v4 or self.v6 or self.said)

    def of_network(self, asn: int) -> str | None:
        """The country of a network; None where no table says."""
        return self.said.get(asn) or self._find(0, self.networks, asn)

    def of_address(self, number: int, version: int) -> str | None:
        """The country of an address, given as a number; None where no table says."""
        return self._find(1, self.v4, number) if version == 4 else self._find(2, self.v6, number)

    def _find(self, which: int, spans: Sequence[Span], number: int) -> str | None:
        at = bisect.bisect_right(self._starts[which], number) - 1
        return spans[at][2] if at >= 0 and number <= spans[at][1] else None


def _country(text: str) -> str:
    code = text.strip().upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise ValueError(f"{text!r} is no country of two letters")
    return code


def _span(kind: str, start: str, count: str) -> tuple[int, int]:
    """(first, last) of a line: numbers of networks, IPv4 addresses, or an IPv6 prefix by its length."""
    size = int(count)
    if kind == "asn":
        first = asn_of(start)
        last = first + size - 1
        most = (1 << 32) - 1
    elif kind == "ipv4":
        first = int(ipaddress.IPv4Address(start))
        last = first + size - 1
        most = (1 << 32) - 1
    else:
        network = ipaddress.IPv6Network(f"{start}/{size}")
        first, last = int(network[0]), int(network[-1])
        most = (1 << 128) - 1
    if not first <= last <= most:
        raise ValueError(f"{count!r} is no size that fits")
    return first, last


def _apart(spans: Sequence[Span]) -> tuple[tuple[Span, ...], int]:
    """(sorted spans, how many were left out because another, named first, holds their beginning)."""
    out: list[Span] = []
    lost = 0
    for span in sorted(spans):
        if out and span[0] <= out[-1][1]:
            lost += span != out[-1]
        else:
            out.append(span)
    return tuple(out), lost


def _statistics(file: str, data: bytes, spans: dict[str, list[Span]], problems: list[Problem], codes: set[str]) -> None:
    for line, text in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        cells = text.split("|")
        # The head (it begins with a version), the summary and comments tell nothing of a range.
        head = cells[0].strip().replace(".", "", 1).isdigit()
        if not text.strip() or text.startswith("#") or cells[-1].strip() == "summary" or head:
            continue
        try:
            _, country, kind, start, count, _, status = (cell.strip() for cell in cells[:7])
            if kind not in spans:
                raise ValueError(f"{kind!r} is none of asn, ipv4, ipv6")
            if status not in _HELD or country.upper() in _NOWHERE:
                continue
            code = _country(country)
            spans[kind].append((*_span(kind, start, count), code))
            if kind != "asn":
                codes.add(code)
        except ValueError as error:
            problems.append(Problem(file, line, "", f"not a row of the registries' statistics: {error}", used=False))


def load_delegations(
    statistics: Sequence[tuple[str, bytes]], plain: Sequence[tuple[str, bytes]]
) -> tuple[Delegations, tuple[Problem, ...]]:
    """All files together; where ranges overlap the one that begins first counts, and the others are reported."""
    spans: dict[str, list[Span]] = {"asn": [], "ipv4": [], "ipv6": []}
    problems: list[Problem] = []
    codes: set[str] = set()
    said: dict[int, str] = {}
    for file, data in statistics:
        _statistics(file, data, spans, problems, codes)
    for file, data in plain:
        for line, row in csv_rows(data):
            if line == 1 and row and not any(c.isdigit() for c in row[0]):
                continue
            try:
                said[asn_of(row[0])] = _country(row[1])
            except (ValueError, IndexError) as error:
                problems.append(Problem(file, line, "", f"not a row of countries: {error}", used=False))
    held: dict[str, tuple[Span, ...]] = {}
    for kind, own in spans.items():
        held[kind], lost = _apart(own)
        if lost:
            detail = f"{lost} ranges of {kind} overlap others and were left out"
            problems.append(Problem(statistics[0][0], 0, "", detail, used=False))
    found = Delegations(held["asn"], held["ipv4"], held["ipv6"], said, tuple(sorted(codes)))
    return found, tuple(problems)
