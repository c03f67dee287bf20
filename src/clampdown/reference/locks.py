"""Law: a lock names every snapshot by its digest and holds no clock: who brings its files has the same reference.

It is TOML, sorted by name, written the same for the same reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from clampdown.errors import InputError, RuleError
from clampdown.reference import toml

FORMAT: Final = 1
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HEAD: Final = (
    "# Reference data of a Clampdown store, pinned. `clampdown update --store DIR --pin FILE` brings exactly these.\n"
)
_WORDS: Final = ("name", "upstream", "address", "sha256", "date", "licence")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One file."""

    name: str
    upstream: str  # "" for what the reader gave
    address: str
    sha256: str
    size: int
    date: str
    licence: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole reference: the files beside the package's own tables, and what those tables were."""

    reference: str  # digest of all of it
    clampdown: str  # version
    roots: str  # version of certifi, whose list of roots is a part of it
    own: str  # digest of the package's own tables
    snapshots: tuple[Pinned, ...]


def write(lock: Lock) -> bytes:
    """The file."""

    def line(name: str, value: str | int) -> str:
        return f"{name} = {json.dumps(value, ensure_ascii=False)}\n"

    parts = [_HEAD, line("format", FORMAT)]
    parts += [line(name, getattr(lock, name)) for name in ("reference", "clampdown", "roots", "own")]
    for one in sorted(lock.snapshots, key=lambda one: one.name):
        parts.append("\n[[snapshot]]\n")
        parts += [line(name, getattr(one, name)) for name in ("name", "upstream", "address", "sha256", "size")]
        parts += [line(name, getattr(one, name)) for name in ("date", "licence")]
    return "".join(parts).encode()


def read(data: bytes, where: str) -> Lock:
    """A lock file; an error that says what is wrong with it."""
    hint = "clampdown update --store DIR --pin FILE writes one where there is no such file."
    try:
        document = toml.read(data, where)
        if document.get("format") != FORMAT:
            raise InputError(f"it is no lock of format {FORMAT}", where=where, hint=hint)
        rows = tuple(_pinned(table, where) for table in toml.tables(document, "snapshot", where))
        lock = Lock(
            *(toml.text(document, name, where) for name in ("reference", "clampdown", "roots", "own")), snapshots=rows
        )
    except RuleError as fault:
        raise InputError(fault.what, where=where, hint=hint) from fault
    if len({row.name for row in rows}) != len(rows):
        raise InputError("two snapshots have one name", where=where)
    return lock


def _pinned(table: Mapping[str, Any], where: str) -> Pinned:
    words = {name: toml.text(cast("toml.Table", table), name, where) for name in _WORDS}
    size = table.get("size")
    if _DIGEST.fullmatch(words["sha256"]) is None or not isinstance(size, int) or size < 0:
        raise InputError(f"{words['name']} has no sha256 or no size", where=where)
    return Pinned(**words, size=size)
