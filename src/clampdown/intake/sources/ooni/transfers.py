"""Law: a throttled line shows in bytes and seconds, so both are kept, with times, and judged elsewhere (df-008)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.steps import Place, beside, on_path
from clampdown.intake.sources.ooni.structs import Event

HANDSHAKE_ENDS: Final = frozenset({"tls_handshake_done", "quic_handshake_done"})
TRANSFER_READS: Final = frozenset({"read", "read_from"})
HANDSHAKE_MARKS: Final = frozenset(
    {"tls_handshake_start", "tls_handshake_done", "quic_handshake_start", "quic_handshake_done"}
)


def events(rows: Rows, m: Measurement, found: Sequence[Event], place: Place) -> None:
    """How many bytes came over a connection and for how long, one row per transaction (else per address)."""
    runs: dict[tuple[int | None, str | None], _Run] = {}
    address: str | None = None
    for e in found:
        if e.transaction_id is not None:
            key = (e.transaction_id, None)
        else:
            # Old probes wrote events without an address: they follow the connect they belong to.
            address = e.address or address
            key = (None, address)
        run = runs.get(key)
        if run is None:
            run = runs[key] = _Run()
        run.take(e)
    for (transaction, _), run in runs.items():
        run.write(rows, m, transaction, place)


class _Run:
    """The reads of one connection."""

    __slots__ = ("address", "before", "cumulative", "first", "last", "proto", "reads", "shaken", "tags", "total")

    def __init__(self) -> None:
        self.address: str | None = None
        self.proto: str | None = None
        self.tags: tuple[str, ...] | None = None
        self.total = self.reads = self.cumulative = 0
        self.first: float | None = None
        self.last: float | None = None
        self.before: float | None = None
        self.shaken = False

    def take(self, e: Event) -> None:
        if e.address and not self.address:
            self.address, self.proto = e.address, e.proto
        if e.tags and self.tags is None:
            self.tags = e.tags
        operation = e.operation
        if operation in TRANSFER_READS:
            if e.num_bytes is not None and e.num_bytes > 0:
                self.total += e.num_bytes
                self.reads += 1
            # Old probes wrote only when a read ended: it began, at the earliest, when the step before it ended.
            started = e.t0 if e.t0 is not None else self.before if self.before is not None else e.t
            if started is not None and (self.first is None or started < self.first):
                self.first = started
            if e.t is not None and (self.last is None or e.t > self.last):
                self.last = e.t
        elif operation == "bytes_received_cumulative" and e.num_bytes is not None:
            self.cumulative = max(self.cumulative, e.num_bytes)
            if e.t is not None and (self.last is None or e.t > self.last):
                self.last = e.t
        elif operation in HANDSHAKE_MARKS:
            self.shaken = True
        if e.t is not None:
            self.before = e.t

    def write(self, rows: Rows, m: Measurement, transaction: int | None, place: Place) -> None:
        if not self.reads and not self.cumulative:
            return
        tagged, depth, fetch = m.memo.tags(self.tags)
        raw_ip, port, _ = m.memo.endpoint(self.address)
        ip = m.ip(raw_ip)
        name = m.hosts.get(transaction) if transaction is not None else None
        if name is None and ip:
            name = m.names.get(ip)
        seconds = self.last - self.first if self.last is not None and self.first is not None else None
        udp = self.proto in ("udp", "quic")
        rows.transfers.append(
            (
                rows.m, rows.seq, "probe", place(name, ip, port, depth), on_path(m, tagged),
                beside(m, port, depth, fetch), depth, transaction, name, ip, port, m.asns.get(ip) if ip else None,
                "ok" if self.total or self.cumulative else "unknown", None, self.first, self.last,
                "quic" if udp else "tls" if self.shaken else "tcp", "udp" if udp else "tcp",
                max(self.total, self.cumulative), seconds, "transfer",
                f"{self.reads} reads" if self.reads else "cumulative",
            )
        )  # fmt: skip
        rows.seq += 1


def endpoints_of(found: Sequence[Event]) -> dict[float, str]:
    """When a TLS handshake ended -> with which endpoint, for probes that did not write it into the handshake."""
    ends: dict[float, str] = {}
    address: str | None = None
    for e in found:
        if e.operation == "connect":
            address = e.address or address
        elif e.operation in HANDSHAKE_ENDS and e.t is not None and address is not None:
            ends[e.t] = e.address or address
    return ends
