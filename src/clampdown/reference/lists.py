"""Law: tables of names and of what is tested are read row by row; a bad row is reported and costs only itself.

Three forms: names of networks (`asn,name`), ranges of addresses (`first,last,asn[,name]` as ip-location-db publishes,
or `prefix,asn[,name]`), and URL testing lists (`url,category_code,...` as the Citizen Lab publishes).
"""

from __future__ import annotations

import bisect
import csv
import io
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from clampdown.reference.fingerprints import Problem
from clampdown.reference.targets import canonical_host


class Listed(NamedTuple):
    """One line of a testing list."""

    url: str
    host: str
    category: str
    country: str | None  # None for the global list


@dataclass(frozen=True, slots=True)
class Networks:
    """Numbers and names of networks, and which addresses they hold."""

    names: Mapping[int, str]
    v4: tuple[tuple[int, int, int], ...] = ()  # (first, last, asn), sorted, apart
    v6: tuple[tuple[int, int, int], ...] = ()
    _starts: tuple[tuple[int, ...], tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", (tuple(r[0] for r in self.v4), tuple(r[0] for r in self.v6)))

    def name(self, asn: int) -> str | None:
        return self.names.get(asn)

    def of_address(self, address: str) -> int | None:
        """The network that an address belongs to, or None where no table says."""
        try:
            ip = ipaddress.ip_address(address.strip("[]"))
        except ValueError:
            return None
        six = isinstance(ip, ipaddress.IPv6Address)
        rows, number = (self.v6 if six else self.v4), int(ip)
        at = bisect.bisect_right(self._starts[six], number) - 1
        return rows[at][2] if at >= 0 and number <= rows[at][1] else None


def csv_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of a table; a row that cannot be read has no cells."""
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error:
            yield line, []
            continue
        if row is None:
            return
        if row:
            yield line, row


def asn_of(text: str) -> int:
    """The number of a network, with or without AS before it."""
    number = int(text.strip().upper().removeprefix("AS"))
    if not 0 < number < 2**32:
        raise ValueError(f"{text!r} is no number of a network")
    return number


def _span(row: Sequence[str]) -> tuple[bool, int, int, int, str]:
    """(is v6, first, last, asn, name) of a row of ranges."""
    if "/" in row[0]:
        network = ipaddress.ip_network(row[0].strip(), strict=False)
        first, last, rest = network.network_address, network.broadcast_address, row[1:]
    elif row[0].strip().isdecimal():
        # The numeric edition of ip-location-db; IPv6 numbers lie beyond IPv4's.
        first, last, rest = (*(ipaddress.ip_address(int(cell)) for cell in row[:2]), row[2:])
    else:
        first, last, rest = ipaddress.ip_address(row[0].strip()), ipaddress.ip_address(row[1].strip()), row[2:]
    if first.version != last.version or int(first) > int(last):
        raise ValueError("the range ends before it begins")
    return first.version == 6, int(first), int(last), asn_of(rest[0]), rest[1].strip() if len(rest) > 1 else ""


def _apart(spans: list[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Sorted ranges without overlap: the smaller range inside a larger one wins, as routes do."""
    out: list[tuple[int, int, int]] = []
    # Later and shorter ranges cut what stands below them.
    for first, last, asn in sorted(set(spans), key=lambda s: (s[0], -s[1], s[2])):
        rest: list[tuple[int, int, int]] = []
        while out and out[-1][1] >= first:
            below, top, holder = out.pop()
            if top > last:
                rest.append((max(below, last + 1), top, holder))
            if below < first:
                out.append((below, first - 1, holder))
                break
        out.append((first, last, asn))
        out.extend(reversed(rest))
    return tuple(out)


def load_users(files: Sequence[tuple[str, bytes]]) -> tuple[dict[tuple[str, int], float], tuple[Problem, ...]]:
    """`country,asn,share` of all files: the share (0 to 1) of a country's users that a network carries."""
    shares: dict[tuple[str, int], float] = {}
    problems: list[Problem] = []
    for file, data in files:
        for line, row in csv_rows(data):
            if line == 1 and row and not any(c.isdigit() for c in "".join(row)):
                continue
            try:
                country, asn, share = row[0].strip().upper(), asn_of(row[1]), float(row[2])
                if len(country) != 2 or not country.isalpha() or not 0 <= share <= 1:
                    raise ValueError("want a country of two letters and a share from 0 to 1")
                shares[country, asn] = share
            except (ValueError, IndexError) as error:
                problems.append(Problem(file, line, "", f"not a row of users: {error}", used=False))
    return shares, tuple(problems)


def load_networks(files: Sequence[tuple[str, bytes]]) -> tuple[Networks, tuple[Problem, ...]]:
    """Names and ranges of all files; the first name of a network counts."""
    names: dict[int, str] = {}
    spans: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = ([], [])
    problems: list[Problem] = []
    for file, data in files:
        for line, row in csv_rows(data):
            if line == 1 and row and not any(c.isdigit() for c in row[0]):
                continue
            try:
                numeric = len(row) >= 3 and all(cell.strip().isdecimal() for cell in row[:3])
                if not numeric and row[0].strip().upper().removeprefix("AS").isdecimal():
                    asn, name = asn_of(row[0]), row[1].strip()
                else:
                    six, first, last, asn, name = _span(row)
                    spans[six].append((first, last, asn))
            except (ValueError, IndexError) as error:
                problems.append(Problem(file, line, "", f"not a row of networks: {error}", used=False))
                continue
            if name:
                names.setdefault(asn, name)
    return Networks(names, _apart(spans[0]), _apart(spans[1])), tuple(problems)


def _country(file: str) -> str | None:
    stem = file.rpartition("/")[2].removesuffix(".csv").lower()
    return stem.upper() if len(stem) == 2 and stem.isalpha() else None


def load_test_lists(
    files: Sequence[tuple[str, bytes]], categories: Mapping[str, str]
) -> tuple[tuple[Listed, ...], dict[str, str], tuple[Problem, ...]]:
    """(rows, category per host, problems). A host with several categories has that of its shortest URL."""
    listed: list[Listed] = []
    problems: list[Problem] = []
    for file, data in files:
        header: list[str] | None = None
        for line, row in csv_rows(data):
            if header is None:
                header = [cell.strip().lower() for cell in row]
                if "url" not in header or "category_code" not in header:
                    problems.append(Problem(file, line, "", "not a testing list: no url, category_code", used=False))
                    break
                continue
            cells = dict(zip(header, row, strict=False))
            url, category = cells.get("url", "").strip(), cells.get("category_code", "").strip().upper()
            try:
                # Official lists name bare domains, some with a dot in front for everything below.
                host = urlsplit(url if "://" in url else "//" + url.lstrip(".")).hostname
            except ValueError:
                host = None
            if not host:
                problems.append(Problem(file, line, "", "the row has no URL with a host", used=False))
                continue
            if category not in categories:
                problems.append(Problem(file, line, "", f"the category {category!r} is not known", used=True))
            listed.append(Listed(url, canonical_host(host), category, _country(file)))
    # Shortest first, then by text: independent of the order of files.
    order = sorted(listed, key=lambda row: (row.country is not None, len(row.url), row.url, row.category))
    by_host: dict[str, str] = {}
    for row in order:
        if row.category in categories:
            by_host.setdefault(row.host, row.category)
    return tuple(listed), by_host, tuple(problems)
