"""Law: a throttled line shows in bytes and seconds, so both are kept, with times, and judged elsewhere (df-008)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.steps import Place, beside, on_path
from clampdown.intake.sources.ooni.structs import Event

HANDSHAKE_ENDS: Final = frozenset({"tls_handshake_done", "quic_handshake_done"})
TRANSFER_READS: Final = frozenset({"read", "read_from", "bytes_received_cumulative"})
HANDSHAKE_MARKS: Final = frozenset(
    {"tls_handshake_start", "tls_handshake_done", "quic_handshake_start", "quic_handshake_done"}
)


def events(rows: Rows, m: Measurement, found: Sequence[Event], place: Place) -> None:
    """How many bytes came over a connection and for how long, one row per transaction (else per address)."""
    runs: dict[int | str | None, _Run] = {}
    address: str | None = None
    for e in found:
        key: int | str | None = e.transaction_id
        if key is None:
            # Old probes wrote events without an address: they follow the connect they belong to.
            key = address = e.address or address
        run = runs.get(key)
        if run is None:
            run = runs[key] = _Run()
        if e.address is not None and run.address is None:
            run.address, run.proto = e.address, e.proto
        operation, ended = e.operation, e.t
        if operation in TRANSFER_READS:
            run.read(e)
        elif operation in HANDSHAKE_MARKS:
            run.shaken = True
        if ended is not None:
            run.before = ended
    for key, run in runs.items():
        if run.reads or run.cumulative:
            run.write(rows, m, key if isinstance(key, int) else None, place)


class _Run:
    """The reads of one connection."""

    __slots__ = ("address", "before", "cumulative", "first", "last", "proto", "reads", "shaken", "total")

    def __init__(self) -> None:
        self.address: str | None = None
        self.proto: str | None = None
        self.total = self.reads = self.cumulative = 0
        self.first: float | None = None
        self.last: float | None = None
        self.before: float | None = None  # end of the step before
        self.shaken = False

    def read(self, e: Event) -> None:
        """Count one read, or the probe's own running count."""
        number, ended = e.num_bytes or 0, e.t
        if e.operation == "bytes_received_cumulative":
            self.cumulative = max(self.cumulative, number)
        else:
            if number > 0:
                self.total += number
                self.reads += 1
            if self.first is None:
                # Old probes wrote only when a read ended: it began, at the earliest, when the step before it ended.
                self.first = e.t0 if e.t0 is not None else self.before if self.before is not None else ended
        if ended is not None and (self.last is None or ended > self.last):
            self.last = ended

    def write(self, rows: Rows, m: Measurement, transaction: int | None, place: Place) -> None:
        """The row of this connection."""
        tagged, depth, fetch = m.memo.tags(m.tags.get(transaction) if transaction is not None else None)
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
