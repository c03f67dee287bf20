"""Law: one bad field costs that field, one bad reader costs its rows, and neither costs the record.

A record is decoded twice at most: fast into structs, and where that fails once more generically by `containers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from clampdown.intake.containers import (
    CROWD_BYTES,
    Limits,
    Raw,
    canonical_id,
    crowded,
    decode_noting,
    digest,
    reject,
)
from clampdown.intake.features import Kit, Memo
from clampdown.intake.identity import measurement_id
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Envelope, Measurement, measurement_row, open_measurement
from clampdown.intake.sources.ooni.structs import one
from clampdown.intake.sources.ooni.templates import everything, find_tags, web_place
from clampdown.intake.sources.ooni.web_connectivity import observe, open_fast
from clampdown.model import Batch, Reject

Reader = Callable[[Measurement, Rows], None]

BATCH_RECORDS: Final = 2000
BATCH_BYTES: Final = 64 << 20
MOST_ROWS: Final = 10_000  # of one record
_LIMITS: Final = Limits()
_TEMPLATES: Final = frozenset(
    {"queries", "requests", "tcp_connect", "tcp_connects", "tls_handshakes", "quic_handshakes", "network_events"}
)
_TAG: Final = b'"classic"'
# What hostile or broken structure that no guard foresaw may raise in a reader.
_BROKEN: Final = (
    TypeError, ValueError, KeyError, AttributeError, IndexError, RecursionError, OverflowError, msgspec.MsgspecError,
)  # fmt: skip
# A thing is a measurement of OONI's when it says which test it is of, or where and when it was made.
_MARKS: Final = (b'"test_name"', b'"test_keys"', b'"probe_cc"', b"test_name:", b"probe_cc:")


def sniff(data: bytes) -> bool:
    """Whether these bytes look like a measurement of OONI's."""
    return any(mark in data for mark in _MARKS)


def read_records(
    records: Iterable[Raw | Reject], kit: Kit, tests: Mapping[str, Reader], limits: Limits = _LIMITS
) -> Iterator[Batch]:
    """Batches of about 2,000 measurements or 64 MB, whichever comes first."""
    memo = kit.memo
    rows, size = Rows(), 0
    for record in records:
        if isinstance(record, Reject):
            rows.rejects.append(record)
            continue
        size += len(record.data)
        if len(record.data) > CROWD_BYTES and record.form == "json" and crowded(record.data):
            rows.rejects.append(reject(record, "too_many_values", "more values than any measurement holds"))
            continue
        read_one(record, rows, memo, tests, limits)
        if len(rows.measurements) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield rows.finish(memo.classify)
            rows, size = Rows(), 0
    if rows.measurements or rows.rejects:
        yield rows.finish(memo.classify)


def read_one(raw: Raw, rows: Rows, memo: Memo, tests: Mapping[str, Reader], limits: Limits = _LIMITS) -> None:
    """One record: its observations, then its measurements row; or a reject."""
    if raw.form == "json" and _read_fast(raw, rows, memo):
        return
    found = decode_noting(raw, limits)
    if isinstance(found, Reject):
        rows.rejects.append(found)
        return
    value = found.value
    degraded = set(found.degraded)
    env = one(value, Envelope, "", degraded) or Envelope()
    keys = value.get("test_keys")
    if keys is not None and not isinstance(keys, dict):
        degraded.add("test_keys")
    m = open_measurement(env, keys if isinstance(keys, dict) else {}, memo, _client_resolver(keys))
    m.degraded |= degraded
    if raw.form != "json" or _TAG in raw.data:
        find_tags(m, m.keys)
    rows.begin()
    _observe(m, rows, tests)
    _bound(m, rows)
    uid = env.measurement_uid if isinstance(env.measurement_uid, str) else None
    canonical = None if measurement_id(uid, raw.member, raw.file) else canonical_id(value)
    rows.close(measurement_row(m, digest(raw.data), canonical, raw.file, raw.member, raw.line))


def _read_fast(raw: Raw, rows: Rows, memo: Memo) -> bool:
    """The common case in one pass: a whole web connectivity record, named by its id or its place."""
    opened = open_fast(raw.data, memo)
    if opened is None:
        return False
    m, keys = opened
    uid = m.env.measurement_uid
    if not measurement_id(uid if isinstance(uid, str) else None, raw.member, raw.file):
        found = decode_noting(raw, _LIMITS)
        if isinstance(found, Reject):
            return False
        canonical = canonical_id(found.value)
    else:
        canonical = None
    rows.begin()
    try:
        observe(m, rows, keys)
    except _BROKEN:
        rows.undo()
        return False
    _bound(m, rows)
    rows.close(measurement_row(m, digest(raw.data), canonical, raw.file, raw.member, raw.line))
    return True


def _bound(m: Measurement, rows: Rows) -> None:
    """Some 200 rows are the most that a real record gives; what a forged one has beyond the limit costs those rows."""
    if rows.cut(MOST_ROWS):
        m.degraded.add("test_keys:rows")


def _client_resolver(keys: object) -> object:
    return keys.get("client_resolver") if isinstance(keys, dict) else None


def _observe(m: Measurement, rows: Rows, tests: Mapping[str, Reader]) -> None:
    """Read the test by its own reader; where that trips over the record, generically, and say so."""
    reader = tests.get(m.test or "")
    if reader is not None:
        try:
            reader(m, rows)
        except _BROKEN:
            # The record stays, its special rows do not.
            rows.undo()
            m.degraded.add("test_keys")
        else:
            return
    try:
        read_any(m, rows)
    except _BROKEN:
        rows.undo()
        m.degraded.add("test_keys")


def read_any(m: Measurement, rows: Rows) -> None:
    """Every template found anywhere in the test's keys, as rows of whatever host each step is about."""
    place = web_place(m)
    pending: list[tuple[Any, int]] = [(m.keys, 0)]
    while pending:
        found, deep = pending.pop()
        if isinstance(found, dict):
            if not _TEMPLATES.isdisjoint(found):
                everything(rows, m, found, place)
            if deep < 12:
                pending.extend((v, deep + 1) for k, v in reversed(found.items()) if k not in _TEMPLATES)
        elif isinstance(found, list) and deep < 12:
            pending.extend((v, deep + 1) for v in reversed(found) if isinstance(v, dict | list))
