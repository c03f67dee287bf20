"""Law: the state of a peer is its table and every change since, in the order told; what is not known whole is not full.

A column of origins per peer, a row per prefix that any peer ever told (0: not there). Changes wait in a queue and are
written by columns. A peer's table is known whole where a table of the collector gave it, or where its session began
in the stream and the peer said that it had told all (End-of-RIB); a session that ends, a hole in the stream and
updates that are not read take that away, for updates alone tell changes and never a level.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from clampdown.intake.sources.bgp.events import FAMILIES, Entry, Peer, State, Table, Update

Ints = npt.NDArray[np.int64]
Origins = npt.NDArray[np.uint32]
_QUEUE: Final = 1 << 18  # changes that wait before they are written
_ROWS: Final = 1 << 10


class Family:
    """The tables of all peers in one family of addresses."""

    def __init__(self) -> None:
        self.rows: dict[bytes, int] = {}
        self.prefixes: list[bytes] = []
        self._columns: list[Origins | None] = []
        self._row, self._peer, self._origin = array("I"), array("I"), array("I")
        self._touched: list[Any] | None = []  # rows that changed since they were last asked for; None: any

    def put(self, peer: int, prefixes: Sequence[bytes], origin: int) -> None:
        """These prefixes of a peer now have this origin (0: none, they are gone)."""
        rows = self.rows
        for prefix in prefixes:
            row = rows.get(prefix)
            if row is None:
                if not origin:
                    continue
                row = self._new(prefix)
            self._row.append(row)
            self._peer.append(peer)
            self._origin.append(origin)
        if len(self._row) >= _QUEUE:
            self.settle()

    def put_all(self, prefix: bytes, peers: Sequence[int], origins: Sequence[int]) -> None:
        """One prefix of many peers."""
        row = self.rows.get(prefix)
        if row is None:
            row = self._new(prefix)
        self._row.extend(array("I", (row,)) * len(peers))
        self._peer.extend(peers)
        self._origin.extend(origins)
        if len(self._row) >= _QUEUE:
            self.settle()

    def _new(self, prefix: bytes) -> int:
        row = self.rows[prefix] = len(self.prefixes)
        self.prefixes.append(prefix)
        return row

    def drop(self, peer: int) -> None:
        """A peer's table is empty."""
        self.settle()
        if peer < len(self._columns) and self._columns[peer] is not None:
            self._columns[peer] = None
            self._touched = None

    def settle(self) -> None:
        """Write what waits: of several changes of one cell the last counts."""
        if not self._row:
            return
        row, peer, origin = (np.frombuffer(a, np.uint32) for a in (self._row, self._peer, self._origin))
        cell = (peer.astype(np.int64) << 32) | row
        order = np.argsort(cell, kind="stable")
        cell = cell[order]
        last = np.append(cell[1:] != cell[:-1], True)
        peer, row, origin = peer[order][last], row[order][last], origin[order][last]
        edges = np.flatnonzero(np.append(True, peer[1:] != peer[:-1])).tolist()
        for begin, end in zip(edges, [*edges[1:], len(peer)], strict=True):
            self._column(int(peer[begin]))[row[begin:end]] = origin[begin:end]
        if self._touched is not None:
            self._touched.append(np.unique(row))
        self._row, self._peer, self._origin = array("I"), array("I"), array("I")

    def _column(self, peer: int) -> Origins:
        if peer >= len(self._columns):
            self._columns.extend([None] * (peer + 1 - len(self._columns)))
        column, size = self._columns[peer], len(self.prefixes)
        if column is None or len(column) < size:
            grown = np.zeros(max(_ROWS, size + (size >> 2)), np.uint32)
            if column is not None:
                grown[: len(column)] = column
            column = self._columns[peer] = grown
        return column

    def column(self, peer: int) -> Origins:
        """Origins of all prefixes as a peer has them; settled before."""
        return self._column(peer)[: len(self.prefixes)]

    def held(self, peer: int) -> int:
        """How many prefixes a peer has; settled before."""
        column = self._columns[peer] if peer < len(self._columns) else None
        return 0 if column is None else int(np.count_nonzero(column))

    def touched(self) -> Ints | None:
        """Rows that changed since this was last asked; None where any may have."""
        found, self._touched = self._touched, []
        if found is None:
            return None
        return np.unique(np.concatenate([np.empty(0, np.int64), *found])).astype(np.int64)

    def table(self, peer: int) -> dict[bytes, int]:
        """What a peer has, prefix by prefix; for comparison, not for counting."""
        self.settle()
        column = self.column(peer)
        return {self.prefixes[row]: int(column[row]) for row in np.flatnonzero(column).tolist()}


class Tables:
    """What all peers have, and whose tables are known whole."""

    def __init__(self) -> None:
        self.of: dict[int, Family] = {family: Family() for family in FAMILIES}
        self.peers: dict[Peer, int] = {}
        self.tables = 0  # tables that began
        self._based: dict[int, tuple[int, int]] = {}  # peer -> (number of the table, its time)
        self._trusted: dict[int, set[int]] = {family: set() for family in FAMILIES}
        self._begun: set[int] = set()  # peers whose session began in the stream
        self._time = 0
        self._index: tuple[Peer, ...] = ()
        self._ids: list[int] = []

    def number(self, peer: Peer) -> int:
        """The place of a peer in the columns."""
        return self.peers.setdefault(peer, len(self.peers))

    def begin(self, event: Table) -> None:
        """A table begins: what its peers had before is replaced by it."""
        self.tables += 1
        self._time = event.time
        self._index, self._ids = event.peers, [self._base(peer) for peer in event.peers]

    def _base(self, peer: Peer) -> int:
        number = self.number(peer)
        if self._based.get(number, (0, 0))[0] != self.tables:
            self._empty(number)
            self._based[number] = (self.tables, self._time)
            for trusted in self._trusted.values():
                trusted.add(number)
        return number

    def enter(self, event: Entry) -> None:
        """One prefix of the table that began last."""
        ids = self._ids if event.table is self._index else [self._base(peer) for peer in event.table]
        self.of[event.family].put_all(event.prefix, [ids[at] for at in event.peers], event.origins)

    def change(self, event: Update) -> None:
        """One message; what was told before the peer's table was written is in the table already."""
        number = self.number(event.peer)
        if number in self._based and event.time < self._based[number][1]:
            return
        four, six = self.of[4], self.of[6]
        if event.withdrawn:
            four.put(number, event.withdrawn, 0)
        if event.announced:
            four.put(number, event.announced, event.origin)
        if event.withdrawn6:
            six.put(number, event.withdrawn6, 0)
        if event.announced6:
            six.put(number, event.announced6, event.origin)
        if number in self._begun:
            for family in event.whole:
                self._trusted[family].add(number)

    def turn(self, event: State) -> None:
        """A session begins or ends: nothing of the old one holds."""
        number = self.number(event.peer)
        if number in self._based and event.time < self._based[number][1]:
            return
        self._empty(number)
        (self._begun.add if event.up else self._begun.discard)(number)

    def _empty(self, number: int) -> None:
        for family in FAMILIES:
            self.of[family].drop(number)
            self._trusted[family].discard(number)
        self._begun.discard(number)

    def distrust(self) -> bool:
        """No table is known whole any more (a hole in the stream); was one before?"""
        before = any(self._trusted.values())
        for trusted in self._trusted.values():
            trusted.clear()
        self._begun.clear()
        return before

    def full(self, family: int, more_than: int) -> tuple[int, ...]:
        """Peers whose tables are known whole and hold more prefixes than that."""
        own = self.of[family]
        own.settle()
        return tuple(n for n in sorted(self._trusted[family]) if own.held(n) > more_than)
