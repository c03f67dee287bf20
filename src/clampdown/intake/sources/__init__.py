"""Law: a source is a name, a sniff and a read; it opens, fetches and enriches nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from clampdown.intake.containers import Raw
from clampdown.intake.features import Kit
from clampdown.model import Batch, Reject

__all__ = ["Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """One format. `sniff` looks at the bytes of one record; `read` turns records into batches of rows."""

    name: str
    sniff: Callable[[bytes], bool]
    read: Callable[[Iterable[Raw | Reject], Kit], Iterator[Batch]]
