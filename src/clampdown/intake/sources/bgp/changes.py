"""Law: without a table only changes are counted: prefixes that were told in a bin, never how many there are.

A prefix counts once in a bin, however many peers told of it. A withdrawal names no network; it is that of the network
that the stream named last for this prefix, and of none where it named none.
"""

from __future__ import annotations

from typing import Final

from clampdown.intake.features import CountryTable
from clampdown.intake.sources.bgp.events import BITS, UNKNOWN, Update

ANNOUNCED: Final = "bgp/announced"
WITHDRAWN: Final = "bgp/withdrawn"
Key = tuple[str, int | str]  # signal; network (a number) or country (a code)


class Changes:
    """Distinct prefixes announced and withdrawn, by network and country and bin."""

    def __init__(self, countries: CountryTable | None) -> None:
        self.counts: dict[Key, list[tuple[int, int]]] = {}  # (bin, prefixes), where there are any
        self._countries = countries
        self._origin: dict[tuple[int, bytes], int] = {}
        self._places: dict[tuple[int, bytes], str | None] = {}
        self._bin = 0
        self._now: dict[Key, set[tuple[int, bytes]]] = {}

    def take(self, bin_: int, event: Update) -> None:
        """One message without a table behind it. Messages of a bin that is closed count to the one that is open."""
        if bin_ > self._bin:
            self.close()
            self._bin = bin_
        for family, gone, here in ((4, event.withdrawn, event.announced), (6, event.withdrawn6, event.announced6)):
            for prefix in gone:
                self._count(WITHDRAWN, (family, prefix), self._origin.get((family, prefix), UNKNOWN))
            for prefix in here:
                self._origin[family, prefix] = event.origin
                self._count(ANNOUNCED, (family, prefix), event.origin)

    def _count(self, signal: str, prefix: tuple[int, bytes], origin: int) -> None:
        if origin != UNKNOWN:
            self._now.setdefault((signal, origin), set()).add(prefix)
        country = self._country(prefix, origin)
        if country is not None:
            self._now.setdefault((signal, country), set()).add(prefix)

    def _country(self, prefix: tuple[int, bytes], origin: int) -> str | None:
        table = self._countries
        if table is None:
            return None
        if prefix not in self._places:
            family, key = prefix
            start = int.from_bytes(key[1:], "big") << (BITS[family] - 8 * (len(key) - 1))
            self._places[prefix] = table.of_address(start, family)
        return self._places[prefix] or (table.of_network(origin) if origin != UNKNOWN else None)

    def close(self) -> None:
        """The open bin is over."""
        for key, found in self._now.items():
            self.counts.setdefault(key, []).append((self._bin, len(found)))
        self._now = {}
