"""Law: an encrypted resolver is the target of all its steps; what it answers is about it, not about the name asked.

OONI specifications ts-028 (dnscheck), ts-025 (STUN reachability), ts-041 (DDR). Here a lookup over DoH, DoT or UDP is
the very thing tested, so it lies on the path.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.features import port_of
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    Reader,
    forget,
    input_host,
    mapping,
    opinion,
    readers,
    role_target,
    summary,
    written,
)
from clampdown.intake.sources.ooni.structs import Query, items
from clampdown.intake.sources.ooni.templates import everything, fixed, queries

_ENGINES: Final = {"https": "doh", "http3": "doh", "h3": "doh", "dot": "dot", "tls": "dot", "tcp": "tcp", "udp": "udp"}


def service_target(
    m: Measurement, kind: str, host: str | None, port: int | None, *, with_port: bool = False
) -> str | None:
    """`dns/<host>` or `stun/<host>:<port>`; a bare address stands under its published name or an opaque one."""
    if host is None:
        return None
    known = role_target(m, kind, host, port)
    if known is not None:
        return known
    if m.memo.ip(host) is not None:
        # The table's opaque name: an address is never part of a target.
        host = (m.memo.target(host, None) or "").partition("/")[2]
    return f"{kind}/{host}:{port}" if with_port and port else f"{kind}/{host}"


def read_dnscheck(m: Measurement, rows: Rows) -> None:
    """The lookup of the resolver's own name, then each of its addresses asked for a harmless name."""
    keys = m.keys
    host, port = input_host(m)
    m.target = service_target(m, "dns", host, port)
    opinion(m, "bootstrap_failure")
    bootstrap = mapping(m, keys.get("bootstrap"), "bootstrap")
    everything(rows, m, bootstrap, fixed(m.target), chain=False)
    if ("dns_lookup", m.target) not in written(rows):
        summary(m, rows, "dns_lookup", m.target, None, keys.get("bootstrap_failure", UNSET), hostname=m.name(host))
    for url, found in mapping(m, keys.get("lookups"), "lookups").items():
        forget(m)
        _lookup(m, rows, url, mapping(m, found, "lookups"))
    for name in ("x_residual", "residual"):
        for url, found in mapping(m, keys.get(name), name).items():
            forget(m)
            _lookup(m, rows, url, mapping(m, found, name), detail="residual", classic=False)


def _lookup(
    m: Measurement, rows: Rows, url: str, keys: dict[str, Any], *, detail: str | None = None, classic: bool = True
) -> None:
    parts = m.memo.url(url)
    scheme = (parts.scheme or "").lower() if parts is not None else ""
    asked = items(keys.get("queries"), Query, "lookups.queries", m.degraded)
    for q in asked:
        q.engine = q.engine or _ENGINES.get(scheme)
    # The name asked has its answers; they must not rename the addresses of the resolver itself.
    names = dict(m.names)
    queries(rows, m, asked, fixed(m.target), classic=classic, detail=detail)
    m.names = {**m.names, **names}
    everything(rows, m, {**keys, "queries": None}, fixed(m.target), chain=False)
    if not asked:
        engine = _ENGINES.get(scheme, "unknown")
        failure = keys.get("failure", UNSET)
        summary(m, rows, "dns_lookup", m.target, None, failure, classic=classic, engine=engine)


def read_stun(m: Measurement, rows: Rows) -> None:
    """One binding request over UDP; what the answer says (the probe's address) is not published."""
    keys = m.keys
    host, port = input_host(m)
    given = keys.get("endpoint")
    if host is None and isinstance(given, str):
        ip, port, name = m.memo.endpoint(given)
        host = m.ip(ip) or m.name(name)
    m.target = service_target(m, "stun", host, port, with_port=True)
    everything(rows, m, keys, fixed(m.target), chain=False)
    outcome, failure = m.memo.failure(keys.get("failure", UNSET))
    looked_up = any(operation == "dns_answer" for operation, _ in written(rows)) or m.ip(host) is not None
    stage = "done" if outcome == "ok" else "bootstrap" if looked_up else "connect"
    rows.add(
        "tunnel_bootstrap", target=m.target, outcome=outcome, failure=failure, network_proto="udp",
        hostname=m.name(host), ip=m.ip(host), port=port_of(port), stage=stage if outcome != "unknown" else None,
        detail="stun",
    )  # fmt: skip


def read_ddr(m: Measurement, rows: Rows) -> None:
    """What the probe's own resolver says of encrypted ones: a lookup about no target."""
    opinion(m, "supports_ddr")
    queries(rows, m, items(m.keys.get("queries"), Query, "queries", m.degraded), fixed(None), detail="ddr")


TESTS: Final[dict[str, Reader]] = readers(
    {
        "dnscheck": read_dnscheck,
        "stunreachability": read_stun,
        "stun_reachability": read_stun,
        "ddr": read_ddr,
    }
)
