"""Law: speed is bytes and seconds, about no target; a client's own address in these records is never read.

OONI specifications ts-021 (dash) and ts-022 (ndt, versions 5 and 7).
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.features import port_of
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    SUMMARY,
    Reader,
    failed,
    mapping,
    maps,
    number,
    opinion,
    readers,
    whole_number,
    written,
)


def _server(m: Measurement) -> str | None:
    server = m.keys.get("server")
    name = server.get("hostname") if isinstance(server, dict) else m.keys.get("server_address")
    return m.name(name) if isinstance(name, str) else None


def _transfer(
    m: Measurement, rows: Rows, detail: str, *, layer: str = "http", outcome: str | None = None, **fields: Any
) -> None:
    outcome = outcome or ("ok" if fields.get("bytes") else "unknown")
    rows.add(
        "transfer", target=None, outcome=outcome, detail=detail, layer=layer, network_proto="tcp", stage="transfer",
        hostname=_server(m), **fields,
    )  # fmt: skip


def _failure(m: Measurement, rows: Rows) -> None:
    """A test that transferred nothing says how it failed."""
    if not written(rows):
        outcome, failure = m.memo.failure(m.keys.get("failure", UNSET))
        m.instrument = "no_transfer" if outcome == "failed" else None
        _transfer(m, rows, SUMMARY, outcome="failed" if outcome == "failed" else "unknown", failure=failure)


def read_ndt(m: Measurement, rows: Rows) -> None:
    """Version 7 lists counters over time, version 5 wrote a list of runs; each direction is one row."""
    keys = m.keys
    for direction in ("download", "upload"):
        _ndt7(m, rows, direction)
    for key, direction in (("test_s2c", "download"), ("test_c2s", "upload")):
        for run in maps(m, _without_null(keys.get(key)), key):
            _ndt5(m, rows, run, direction)
    if not written(rows):
        for key in ("summary", "simple"):
            rates = mapping(m, keys.get(key), key)
            for direction in ("download", "upload"):
                rate = number(rates.get(direction))
                if rate is not None and rate > 0:
                    _transfer(m, rows, f"{SUMMARY} {direction} {rate:.0f} kbit/s", outcome="ok")
            if written(rows):
                break
    _failure(m, rows)


def _without_null(value: object) -> object:
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _ndt7(m: Measurement, rows: Rows, direction: str) -> None:
    """The last count that the client made is the total of the direction."""
    last: tuple[float, int] | None = None
    for item in maps(m, m.keys.get(direction), direction):
        app = item.get("AppInfo")
        if not isinstance(app, dict) or item.get("Origin") not in ("client", None):
            continue
        count, elapsed = whole_number(app.get("NumBytes")), number(app.get("ElapsedTime"))
        if count is not None and elapsed is not None and elapsed > 0 and (last is None or elapsed >= last[0]):
            last = (elapsed, count)
    if last is not None:
        # Elapsed time is in microseconds.
        _transfer(m, rows, direction, layer="tls", bytes=last[1], seconds=last[0] / 1e6)


def _ndt5(m: Measurement, rows: Rows, run: dict[str, Any], direction: str) -> None:
    """Pairs of (seconds since the start, kbit/s) at the receiver: the area below them is what came."""
    key = "receiver_data" if direction == "download" else "sender_data"
    points: list[tuple[float, float]] = []
    found = run.get(key)
    for pair in found if isinstance(found, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            t, rate = number(pair[0]), number(pair[1])
            if t is not None and rate is not None and t >= 0 and rate >= 0:
                points.append((t, rate))
    if not points:
        return
    seconds = max(t for t, _ in points)
    # Each rate is the mean since the start, so the last one gives the total.
    total = int(max(points)[1] * 1000 / 8 * seconds)
    port = port_of(m.keys.get("server_port"))
    _transfer(m, rows, direction, layer="tcp", bytes=total, seconds=seconds or None, port=port)


def read_dash(m: Measurement, rows: Rows) -> None:
    """One row per segment of the simulated film."""
    keys = m.keys
    for segment in maps(m, keys.get("receiver_data"), "receiver_data"):
        seconds = number(segment.get("elapsed"))
        count = whole_number(segment.get("received"))
        _transfer(m, rows, "segment", bytes=count, seconds=seconds if seconds and seconds > 0 else None)
    rate = number(mapping(m, keys.get("simple"), "simple").get("median_bitrate"))
    if not written(rows) and rate:
        _transfer(m, rows, f"{SUMMARY} download {rate:.0f} kbit/s", outcome="ok")
    if failed(m, keys.get("failure")) and written(rows):
        opinion(m, "failure")
    _failure(m, rows)


TESTS: Final[dict[str, Reader]] = readers({"ndt": read_ndt, "ndt7": read_ndt, "dash": read_dash})
