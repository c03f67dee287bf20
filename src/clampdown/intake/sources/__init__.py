"""Law: a source is a name, a sniff and a read; it opens, fetches and enriches nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from clampdown.intake.containers import Raw
from clampdown.intake.features import Kit
from clampdown.intake.levels import Opened
from clampdown.model import Batch, Reject

__all__ = ["SignalSource", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """One format. `sniff` looks at the bytes of one record; `read` turns records into batches of rows."""

    name: str
    sniff: Callable[[bytes], bool]
    read: Callable[[Iterable[Raw | Reject], Kit], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class SignalSource:
    """One format of signals or published records: whole files. `sniff` looks at the first bytes (up to 64 KiB,
    unpacked, without a byte order mark), `read` takes the opened text to its end. `placeless`: its files do not say of
    which country they are, and `Opened.of` says it where the reader did."""

    name: str
    sniff: Callable[[bytes], bool]
    read: Callable[[Opened, Kit], Iterator[Batch]]
    placeless: bool = False
