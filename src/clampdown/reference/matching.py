"""Law: hostile text is searched in linear time only, and both engines find the same.

Hyperscan (Vectorscan) where it is installed, RE2 where it is not. An engine is built at the first search of a
process; a pickled matcher carries its patterns only. One matcher serves one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import re2

try:
    import hyperscan
except ImportError:  # no wheel for this machine
    hyperscan: Any = None

# RE2 builds its automaton while it searches; 1,300 phrases need about a tenth of this.
RE2_MEMORY: Final = 256 << 20
BACKENDS: Final = ("hyperscan", "re2") if hyperscan is not None else ("re2",)

Search = Callable[[bytes], Sequence[int]]


def _hyperscan(expressions: Sequence[str]) -> Search:
    database = hyperscan.Database()
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
    database.compile(
        expressions=[e.encode("ascii") for e in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flags] * len(expressions),
    )

    def search(data: bytes) -> Sequence[int]:
        found: list[int] = []

        def seen(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(number)

        database.scan(data, match_event_handler=seen)
        return found

    return search


def _re2(expressions: Sequence[str]) -> Search:
    options = re2.Options()
    options.max_mem = RE2_MEMORY
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    collection = re2.Set.SearchSet(options)
    for text in expressions:
        collection.Add(text)
    collection.Compile()

    def search(data: bytes) -> Sequence[int]:
        return collection.Match(data) or ()

    return search


class Matcher:
    """Many patterns searched at once."""

    def __init__(self, ids: Sequence[str], expressions: Sequence[str], backend: str | None = None) -> None:
        self._ids = tuple(ids)
        self._expressions = tuple(expressions)
        self.backend = backend or BACKENDS[0]
        self._search: Search | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def __reduce__(self) -> tuple[object, ...]:
        return (Matcher, (self._ids, self._expressions, self.backend))

    def match(self, data: bytes) -> tuple[str, ...]:
        """The ids of the patterns found, in the order of the table."""
        if not data or not self._ids:
            return ()
        search = self._search or self._build()
        found = search(data)
        return tuple(self._ids[i] for i in sorted(set(found))) if found else ()

    def _build(self) -> Search:
        if self.backend == "hyperscan":
            try:
                self._search = _hyperscan(self._expressions)
            except hyperscan.error:
                # An expression too large for it: RE2 finds the same, only slower.
                self.backend = "re2"
        if self._search is None:
            self._search = _re2(self._expressions)
        return self._search
