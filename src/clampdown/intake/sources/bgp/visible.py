"""Law: a prefix is visible if more than half of the full-feed peers have it, and is counted once, for one network.

Its network is the one that most of those peers name (the smallest number where several are named as often). A /24 is
counted once for a network or country, however many visible prefixes lie in it or over it. What changed is counted
anew, by networks and countries; nothing is added up from bin to bin, so that no error can grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from clampdown.intake.features import CountryTable
from clampdown.intake.sources.bgp.events import BITS, UNKNOWN
from clampdown.intake.sources.bgp.limits import Limits
from clampdown.intake.sources.bgp.replay import Family, Ints, Origins

Flags = npt.NDArray[np.bool_]
_SPAN: Final = 1 << 25  # more than all /24s: sets the networks apart on one line
_TOGETHER: Final = 1 << 12  # rows in dispute that are looked at together


class Count(NamedTuple):
    """What is visible of one network or country from one bin on."""

    bin: int  # place among the bins that have levels
    prefixes: int
    slash24: int


def covered(ids: Ints, first: Ints, last: Ints) -> tuple[Ints, Ints, Ints]:
    """(id, ranges, units that they cover together) of each id; ranges may overlap, `last` is within."""
    if not len(ids):
        return ids, ids, ids
    order = np.lexsort((first, ids))
    ids, first, last = ids[order], first[order], last[order]
    own, begin, count = np.unique(ids, return_index=True, return_counts=True)
    base = np.repeat(np.arange(len(own), dtype=np.int64) * _SPAN, count)
    reached = np.maximum.accumulate(last + base)
    before = np.append(-1, reached[:-1])
    new = np.maximum(last + base - np.maximum(first + base, before + 1) + 1, 0)
    return own, count.astype(np.int64), np.add.reduceat(new, begin)


def owners(columns: Sequence[Origins]) -> tuple[Ints, Origins]:
    """(how many of the columns have the row, which network most of them name; 0 where none has it)."""
    size = len(columns[0])
    seen = np.zeros(size, np.int64)
    low, high = np.full(size, UNKNOWN, np.uint32), np.zeros(size, np.uint32)
    for column in columns:
        there = column != 0
        seen += there
        np.minimum(low, np.where(there, column, np.uint32(UNKNOWN)), out=low)
        np.maximum(high, column, out=high)
    owner = high
    disputed = np.flatnonzero((low != high) & (seen > 1))
    for at in range(0, len(disputed), _TOGETHER):
        rows = disputed[at : at + _TOGETHER]
        named = np.sort(np.stack([column[rows] for column in columns], axis=1), axis=1)
        votes = (named[:, :, None] == named[:, None, :]).sum(axis=2) if len(columns) <= 16 else _votes(named)
        votes[named == 0] = 0
        owner[rows] = named[np.arange(len(rows)), votes.argmax(axis=1)]
    return seen, owner


def _votes(named: Origins) -> Ints:
    """The same by columns, for many peers."""
    votes = np.zeros(named.shape, np.int64)
    for at in range(named.shape[1]):
        votes[:, at] = (named == named[:, at : at + 1]).sum(axis=1)
    return votes


class Visible:
    """What is visible of each network and country in one family, and since which bin."""

    def __init__(self, family: int, tables: Family, limits: Limits, countries: CountryTable | None) -> None:
        self._family, self._tables, self._limits, self._countries = family, tables, limits, countries
        self._full: tuple[int, ...] = ()
        self._owner, self._place = np.empty(0, np.uint32), np.empty(0, np.int64)
        self._shown: Flags = np.empty(0, np.bool_)  # visible
        self._long: Flags = np.empty(0, np.bool_)  # no default route
        self._first, self._last = np.empty(0, np.int64), np.empty(0, np.int64)  # in /24s
        self._given: Ints = np.empty(0, np.int64)  # country that the address is delegated to, or -1
        self.codes: list[str] = list(countries.codes) if countries else []
        self._code: dict[str, int] = {code: at for at, code in enumerate(self.codes)}
        self._of_network: dict[int, int] = {}
        self.networks: dict[int, list[Count]] = {}
        self.countries: dict[int, list[Count]] = {}
        self.bins: list[int] = []

    def level(self, bin_: int, full: tuple[int, ...]) -> None:
        """The state of now is the level of this bin."""
        self._grow()
        rows = self._tables.touched()
        columns = [self._tables.column(peer) for peer in full]
        if full != self._full or rows is None or not self.bins:
            rows = np.arange(len(self._owner), dtype=np.int64)
        else:
            columns = [column[rows] for column in columns]
        self._full = full
        at = len(self.bins)
        self.bins.append(bin_)
        old_owner, old_place = self._owner[rows], self._place[rows]
        old_shown = self._shown[rows]
        seen, owner = owners(columns)
        shown = (seen > self._limits.visible * len(full)) & self._long[rows]
        place = self._placed(rows, owner)
        self._owner[rows], self._shown[rows], self._place[rows] = owner, shown, place
        changed = (owner != old_owner) | (shown != old_shown) | (place != old_place)
        networks = np.concatenate([old_owner[changed], owner[changed]]).astype(np.int64)
        self._recount(self.networks, np.unique(networks[(networks > 0) & (networks < UNKNOWN)]), self._owner, at)
        places = np.concatenate([old_place[changed], place[changed]])
        if at == 0 and self._countries is not None:
            places = np.concatenate([places, np.arange(len(self._countries.codes), dtype=np.int64)])
        self._recount(self.countries, np.unique(places[places >= 0]), self._place, at)

    def _recount(self, log: dict[int, list[Count]], ids: Ints, of: npt.NDArray[np.integer], at: int) -> None:
        """Count these networks (or countries) anew."""
        if not len(ids):
            return
        rows = np.flatnonzero(self._shown & np.isin(of, ids))
        own, count, slash24 = covered(of[rows].astype(np.int64), self._first[rows], self._last[rows])
        found = dict(zip(own.tolist(), zip(count.tolist(), slash24.tolist(), strict=True), strict=True))
        for one in ids.tolist():
            new = found.get(one, (0, 0))
            counts = log.setdefault(one, [])
            if not counts or counts[-1][1:] != new:
                counts.append(Count(at, *new))

    def _placed(self, rows: Ints, owner: Origins) -> Ints:
        """The country of each row: by its address, else by its network."""
        table = self._countries
        if table is None:
            return np.full(len(rows), -1, np.int64)
        own, back = np.unique(owner, return_inverse=True)
        by_network = np.array([self._network(int(asn), table) for asn in own.tolist()], np.int64)[back]
        given = self._given[rows]
        # A prefix that no full-feed peer has is no one's; the place of its address would make it a change.
        return np.where(owner == 0, -1, np.where(given >= 0, given, by_network))

    def _network(self, asn: int, table: CountryTable) -> int:
        known = self._of_network.get(asn)
        if known is None:
            known = self._of_network[asn] = self._numbered(table.of_network(asn) if 0 < asn < UNKNOWN else None)
        return known

    def _numbered(self, code: str | None) -> int:
        if code is None:
            return -1
        if code not in self._code:
            self._code[code] = len(self.codes)
            self.codes.append(code)
        return self._code[code]

    def _grow(self) -> None:
        """Facts of the prefixes that came since."""
        fresh = self._tables.prefixes[len(self._owner) :]
        if not fresh:
            return
        short, bits, table = self._limits.short(self._family), BITS[self._family], self._countries
        starts = [int.from_bytes(p[1:], "big") << (bits - 8 * (len(p) - 1)) for p in fresh]
        lengths = np.array([p[0] for p in fresh], np.int64)
        if self._family == 4:
            first = np.array(starts, np.int64)
            last = first + (np.int64(1) << (32 - lengths)) - 1
        else:
            first = last = np.zeros(len(fresh), np.int64)
        given = [-1 if table is None else self._numbered(table.of_address(s, self._family)) for s in starts]
        self._first, self._last = np.append(self._first, first >> 8), np.append(self._last, last >> 8)
        self._long = np.append(self._long, lengths >= short)
        self._given = np.append(self._given, np.array(given, np.int64))
        self._owner = np.append(self._owner, np.zeros(len(fresh), np.uint32))
        self._place = np.append(self._place, np.full(len(fresh), -1, np.int64))
        self._shown = np.append(self._shown, np.zeros(len(fresh), np.bool_))


def spread(counts: Iterable[Count], size: int, of: Callable[[Count], int]) -> tuple[int, list[float]]:
    """(first bin, its value and those of all bins after it) of what was written only where it changed."""
    held = list(counts)
    ends = [each.bin for each in held[1:]] + [size]
    values: list[float] = []
    for each, end in zip(held, ends, strict=True):
        values.extend([float(of(each))] * (end - each.bin))
    return held[0].bin, values
