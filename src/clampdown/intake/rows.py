"""Law: a row is a tuple in the fixed order of its operation, and becomes Arrow columns once, at the end of a batch.

What repeats is not written twice: the columns of the measurement (`measurement`, `digest`) are taken by index, and
what follows from another column (layer, role, address class and family) is worked out once per distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa

from clampdown.model import MATCHES, MEASUREMENTS, OBSERVATIONS, Batch, Reject

Row = tuple[Any, ...]

# The first columns of every row; `m` is the index of the measurement within the batch.
COMMON: Final = (
    "m", "seq", "origin", "target", "classic", "side", "depth", "transaction", "hostname", "ip", "port", "asn",
    "outcome", "failure", "t0", "t",
)  # fmt: skip
_HANDSHAKE: Final = (
    "network_proto", "tls_version", "alpn", "ech", "verified", "cert_digest", "cert_status", "cert_issuer",
    "cert_subject", "detail",
)  # fmt: skip
_EXCHANGE: Final = (
    "network_proto", "alpn", "method", "scheme", "path", "status", "title", "body_length", "body_digest",
    "body_truncated", "headers", "location", "final", "status_match", "title_match", "headers_match", "body_ratio",
    "detail",
)  # fmt: skip
# What an operation adds to COMMON, in this order. A column that an operation does not list is null in its rows.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "dns_lookup": ("engine", "query_type", "resolver", "detail"),
    "dns_answer": ("engine", "query_type", "resolver", "answer_type", "detail"),
    "tcp_connect": ("network_proto", "detail"),
    "tls_handshake": _HANDSHAKE,
    "quic_handshake": _HANDSHAKE,
    "http_exchange": _EXCHANGE,
    "tunnel_bootstrap": ("network_proto", "stage", "progress", "bytes", "seconds", "detail"),
    "transfer": ("layer", "network_proto", "bytes", "seconds", "stage", "detail"),
    "middlebox": ("network_proto", "method", "detail"),
}
LAYER_OF: Final[dict[str, str | None]] = {
    "dns_lookup": "dns",
    "dns_answer": "dns",
    "tcp_connect": "tcp",
    "tls_handshake": "tls",
    "quic_handshake": "quic",
    "http_exchange": "http",
    "tunnel_bootstrap": "tunnel",
    "middlebox": None,
}
_MEASUREMENT: Final = tuple(MEASUREMENTS.names)
_MATCH: Final = ("m", "seq", "fingerprint", "place")
_DERIVED: Final = frozenset({"measurement", "digest", "operation", "layer", "role", "ip_version", "ip_class"})


class Rows:
    """The rows of one batch while it grows.

    The fast way is `rows.lookups.append((m, seq, ...))` in the order of COMMON + FIELDS; `add` takes names and is for
    operations that occur once or twice in a record. `begin` opens a measurement, `undo` drops what it wrote so far.
    """

    def __init__(self) -> None:
        self.of: dict[str, list[Row]] = {operation: [] for operation in FIELDS}
        self.lookups = self.of["dns_lookup"]
        self.answers = self.of["dns_answer"]
        self.connects = self.of["tcp_connect"]
        self.handshakes = self.of["tls_handshake"]
        self.quic = self.of["quic_handshake"]
        self.exchanges = self.of["http_exchange"]
        self.transfers = self.of["transfer"]
        self.measurements: list[Row] = []
        self.matches: list[Row] = []
        self.rejects: list[Reject] = []
        self.m = -1  # index of the measurement being read
        self.seq = 0  # next free place within it
        self._marks: list[int] = []

    def begin(self) -> None:
        """Open the next measurement; its row follows with `close`."""
        self.m = len(self.measurements)
        self.seq = 0
        self._marks = [len(rows) for rows in self.of.values()]
        self._marks.append(len(self.matches))

    def undo(self) -> None:
        """Drop every row of the open measurement, so that it can be read again in another way."""
        for rows, mark in zip([*self.of.values(), self.matches], self._marks, strict=True):
            del rows[mark:]
        self.seq = 0

    def cut(self, most: int) -> bool:
        """Keep the first `most` rows of the open measurement; was there more?"""
        if self.seq <= most:
            return False
        for rows, mark in zip([*self.of.values(), self.matches], self._marks, strict=True):
            rows[mark:] = [row for row in rows[mark:] if row[1] < most]  # m, seq, ...
        self.seq = most
        return True

    def close(self, measurement: Row) -> None:
        """Write the open measurement's own row, in the order of model.MEASUREMENTS."""
        self.measurements.append(measurement)

    def add(
        self,
        operation: str,
        *,
        target: str | None,
        outcome: str,
        origin: str = "probe",
        classic: bool | None = True,
        **fields: Any,
    ) -> int:
        """Write one row by names; returns its seq. An unknown name is a mistake of the caller and raises."""
        seq = self.seq
        fields.update(m=self.m, seq=seq, origin=origin, target=target, outcome=outcome, classic=classic)
        names = COMMON + FIELDS[operation]
        if not fields.keys() <= set(names):
            raise KeyError(f"{operation} has no field {sorted(fields.keys() - set(names))}")
        self.of[operation].append(tuple([fields.get(name) for name in names]))
        self.seq = seq + 1
        return seq

    def match(self, seq: int, fingerprint: str, place: str = "body") -> None:
        """Say that a body fingerprint was found in the exchange with this seq."""
        self.matches.append((self.m, seq, fingerprint, place))

    def finish(self, classify: Callable[[str], str]) -> Batch:
        """Turn the rows into tables with exactly the model's schemas."""
        measurements = _columns(_MEASUREMENT, self.measurements, MEASUREMENTS)
        ids = measurements.column("measurement").combine_chunks()
        digests = measurements.column("digest").combine_chunks()
        parts = [_operation(operation, rows, ids, digests, classify) for operation, rows in self.of.items() if rows]
        # Not sorted: `seq` tells the record's order, and settling sorts whole days anyway.
        observations = pa.concat_tables(parts) if parts else OBSERVATIONS.empty_table()
        return Batch(measurements, observations, self._matches(ids, digests), tuple(self.rejects))

    def _matches(self, ids: pa.Array, digests: pa.Array) -> pa.Table:
        if not self.matches:
            return MATCHES.empty_table()
        m, seq, fingerprint, place = zip(*self.matches, strict=True)
        at = pa.array(m, pa.int32())
        columns = [
            ids.take(at),
            digests.take(at),
            pa.array(seq, pa.int32()),
            pa.array(fingerprint, pa.string()),
            pa.array(place, pa.string()),
        ]
        return pa.Table.from_arrays(columns, schema=MATCHES)


def _columns(names: Sequence[str], rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    if not rows:
        return schema.empty_table()
    columns = zip(*rows, strict=True)
    arrays = [_array(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _operation(
    operation: str, rows: Sequence[Row], ids: pa.Array, digests: pa.Array, classify: Callable[[str], str]
) -> pa.Table:
    """The columns of one operation: the written ones, the repeated ones, the derived ones, nulls for the rest."""
    names = COMMON + FIELDS[operation]
    columns: dict[str, pa.Array] = {}
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        columns[name] = _array(values, pa.int32() if name == "m" else OBSERVATIONS.field(name).type)
    at = columns["m"]
    n = len(at)
    columns["measurement"] = ids.take(at)
    columns["digest"] = digests.take(at)
    columns["operation"] = pa.repeat(pa.scalar(operation), n)
    if "layer" not in columns:
        columns["layer"] = pa.repeat(pa.scalar(LAYER_OF[operation], pa.string()), n)
    columns["role"] = _derive(columns["target"], _role, pa.string())
    columns["ip_version"] = _derive(columns["ip"], _version, pa.int8())
    columns["ip_class"] = _derive(columns["ip"], classify, pa.string())
    arrays = [columns[f.name] if f.name in columns else pa.nulls(n, f.type) for f in OBSERVATIONS]
    return pa.Table.from_arrays(arrays, schema=OBSERVATIONS)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column; a value that its type cannot hold becomes null, so that no record costs the batch."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.array([_fitting(value, kind) for value in values], kind)


def _fitting(value: Any, kind: pa.DataType) -> Any:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None
    return value


def _derive(values: pa.Array, of: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """One call per distinct value, then a take: addresses and targets repeat in every record."""
    encoded = values.dictionary_encode()
    distinct: Iterable[str] = encoded.dictionary.to_pylist()
    return pa.array([of(value) for value in distinct], kind).take(encoded.indices)


def _role(target: str) -> str | None:
    platform, _, role = target.partition("/")
    return None if platform == "web" or not role else role


def _version(ip: str) -> int:
    return 6 if ":" in ip else 4
