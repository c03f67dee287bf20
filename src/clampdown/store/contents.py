"""Law: two records under one id are copies if they say the same, however they are written; else they conflict.

An archive line, the posted file beside it and the answer of an API are one record in other bytes. Where an id comes
with several digests, its facts (rows as stored) are compared; elsewhere a digest stands for its content, at no cost.
What the collector added (its id of the probe) and what a reader noted about the writing is no part of it. An id that
follows from the canonical content says by itself that the contents are one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.engine import Rows, Stream
from clampdown.model import CONFLICTS, MEASUREMENTS, OBSERVATIONS

CONTENT: Final = "content"
_CANONICAL: Final = "x"  # ids that are made of the canonical content begin with it
_WRITING: Final = frozenset(
    {"digest", "references", "locator", "received", "day", "hour", "vantage", "vantage_kind", "degraded"}
)
_SAID: Final = tuple(name for name in MEASUREMENTS.names if name not in _WRITING)
_FACTS: Final = tuple(name for name in OBSERVATIONS.names if name != "digest")
_KEY: Final = ("measurement", "digest")
_Lanes = npt.NDArray[np.uint64]
_NOTHING: Final = np.zeros((0, 2), np.uint64)


def named(
    groups: Sequence[Mapping[str, Any]], measurements: pa.Table, conflicts: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Measurements and earlier conflicts, each row with the name of its content."""
    twice = _several(measurements, conflicts)
    if not len(twice):
        return measurements.append_column(CONTENT, measurements["digest"]), _earlier(conflicts, {})
    found = _compared(groups, measurements, twice)
    names = [
        found.get(pair, pair[1])
        for pair in zip(measurements["measurement"].to_pylist(), measurements["digest"].to_pylist(), strict=True)
    ]
    return measurements.append_column(CONTENT, pa.array(names, pa.string())), _earlier(conflicts, found)


def _several(measurements: pa.Table, conflicts: pa.Table) -> pa.Array:
    """The ids that come with more than one digest."""
    pairs = pa.concat_tables([measurements.select(list(_KEY)), conflicts.select(list(_KEY))])
    digests = pairs.group_by("measurement").aggregate([("digest", "count_distinct")])
    return digests.filter(pc.greater(digests["digest_count_distinct"], 1))["measurement"].combine_chunks()


def _earlier(conflicts: pa.Table, found: Mapping[tuple[str, str], str]) -> pa.Table:
    """Contents that were set aside keep the name that they had; stores of before gave them none."""
    rows = conflicts.to_pylist()
    for row in rows:
        row[CONTENT] = found.get((row["measurement"], row["digest"]), row[CONTENT]) or _name(row)
    return pa.Table.from_pylist(rows, CONFLICTS)


def _name(row: Mapping[str, str]) -> str:
    canonical = row["measurement"].startswith(_CANONICAL)
    return row["measurement"] if canonical else row["digest"]


def _compared(
    groups: Sequence[Mapping[str, Any]], measurements: pa.Table, twice: pa.Array
) -> dict[tuple[str, str], str]:
    """(id, digest) -> name of the content, of these ids."""
    some = _of(measurements, twice)
    canonical = {one for one in twice.to_pylist() if one.startswith(_CANONICAL)}
    pairs = set(zip(*(some[name].to_pylist() for name in _KEY), strict=True))
    found = {pair: pair[0] for pair in pairs if pair[0] in canonical}
    if len(canonical) == len(twice):
        return found
    parts = [(some.select(list(_KEY)), _hashed(some, _SAID))]
    for group in groups:
        rows: Rows = group.get("observations", OBSERVATIONS.empty_table())
        for batch in _batches(rows):
            few = _of(pa.Table.from_batches([batch]), twice)
            if few.num_rows:
                parts.append((few.select(list(_KEY)), _hashed(few, _FACTS)))
    for pair, text in _summed(parts).items():
        found.setdefault(pair, text)
    return found


def _of(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["measurement"], value_set=ids))


def _batches(rows: Rows) -> Iterator[pa.RecordBatch]:
    yield from rows.read(None) if isinstance(rows, Stream) else rows.to_batches()


def _hashed(table: pa.Table, columns: Iterable[str]) -> _Lanes:
    """128 bits per row over these columns: each value is hashed once, and the hashes of a row are added."""
    total = np.zeros((table.num_rows, 2), np.uint64)
    for name in columns:
        coded = table[name].combine_chunks().dictionary_encode()
        values = [*coded.dictionary.to_pylist(), None]
        hashes = np.array([_value(name, value) for value in values], np.uint64).reshape(-1, 2)
        places = pc.fill_null(coded.indices.cast(pa.int64()), len(values) - 1).to_numpy(zero_copy_only=False)
        total += hashes[places]
    return _stirred(total)


def _value(name: str, value: object) -> tuple[int, int]:
    made = hashlib.blake2b(f"{name}\0{value!r}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(made[:8], "big"), int.from_bytes(made[8:], "big")


def _stirred(lanes: _Lanes) -> _Lanes:
    """So that rows cannot trade their values among each other."""
    mixed = lanes ^ (lanes[:, ::-1] >> np.uint64(29))
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        mixed = mixed * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _summed(parts: Sequence[tuple[pa.Table, _Lanes]]) -> dict[tuple[str, str], str]:
    """One name per (id, digest): the sum over its rows, each counted once however many copies there are."""
    keys = pa.concat_tables([table for table, _ in parts]).combine_chunks()
    lanes = np.concatenate([each for _, each in parts] or [_NOTHING])
    ids, digests = (keys[name].combine_chunks().dictionary_encode() for name in _KEY)
    place = np.stack([code.indices.to_numpy().astype(np.uint64) for code in (ids, digests)], axis=1)
    rows = np.unique(np.concatenate([place, lanes], axis=1), axis=0)
    groups, inverse = np.unique(rows[:, :2], axis=0, return_inverse=True)
    sums = np.zeros((len(groups), 2), np.uint64)
    np.add.at(sums, inverse.reshape(-1), rows[:, 2:])
    known, seen = ids.dictionary.to_pylist(), digests.dictionary.to_pylist()
    return {
        (known[one], seen[other]): f"{high:016x}{low:016x}"
        for (one, other), (high, low) in zip(groups.tolist(), sums.tolist(), strict=True)
    }
