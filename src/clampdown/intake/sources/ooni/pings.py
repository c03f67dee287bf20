"""Law: a ping is a step like any other, repeated; every repetition is a row.

OONI specifications ts-031 (quicping), ts-032 (tcpping), ts-033 (tlsping), ts-034 (simplequicping), ts-035 (dnsping),
ts-037 (TLS middlebox).
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    Reader,
    input_host,
    input_target,
    mapping,
    maps,
    number,
    readers,
    whole_number,
)
from clampdown.intake.sources.ooni.structs import Handshake, Query, items
from clampdown.intake.sources.ooni.templates import everything, fixed, handshakes, queries, web_place

# Keys that hold one template's step in a ping -> the key under which a record holds the list.
_PLURAL: Final = (
    ("query", "queries"),
    ("tcp_connect", "tcp_connect"),
    ("tls_handshake", "tls_handshakes"),
    ("quic_handshake", "quic_handshakes"),
    ("network_events", "network_events"),
)
# How far a TTL-limited handshake went says nothing about the target.
_TRACES: Final = ("control_trace", "target_trace")


def read_pings(m: Measurement, rows: Rows) -> None:
    """tcpping, tlsping, simplequicping: the steps of every ping to the input's endpoint."""
    target = input_target(m)
    for ping in maps(m, m.keys.get("pings"), "pings"):
        keys: dict[str, Any] = {}
        for one, many in _PLURAL:
            found = ping.get(one)
            keys[many] = [found] if isinstance(found, dict) else found
        everything(rows, m, keys, fixed(target), chain=False)


def read_dnsping(m: Measurement, rows: Rows) -> None:
    """Lookups at one server over UDP: beside the path of the names asked."""
    place = web_place(m)
    m.target = None
    for ping in maps(m, m.keys.get("pings"), "pings"):
        found = ping.get("query")
        asked = items([found] if isinstance(found, dict) else found, Query, "pings.query", m.degraded)
        queries(rows, m, asked, place)
        late = items(ping.get("delayed_responses"), Query, "pings.delayed_responses", m.degraded)
        queries(rows, m, late, place, detail="duplicate", classic=False)


def read_quicping(m: Measurement, rows: Rows) -> None:
    """A packet of an unknown version, which a QUIC server must answer: it shows that UDP passes, and no more."""
    target = input_target(m, 443)
    host, port = input_host(m)
    name, ip = m.name(host), m.ip(host)
    for ping in maps(m, m.keys.get("pings"), "pings"):
        outcome, failure = m.memo.failure(ping.get("failure", UNSET))
        answers = maps(m, ping.get("responses"), "pings.responses")
        answered = [a for a in answers if m.memo.failure(a.get("failure", UNSET))[0] == "ok"]
        if outcome == "ok" and not answered:
            outcome = "unknown"
        end = min((t for a in answered if (t := number(a.get("t"))) is not None), default=None)
        rows.add(
            "quic_handshake", target=target, outcome=outcome, failure=failure, classic=False, hostname=name, ip=ip,
            port=port or 443, t0=number(ping.get("t")), t=end, network_proto="udp", detail="version negotiation",
        )  # fmt: skip


def read_tlsmiddlebox(m: Measurement, rows: Rows) -> None:
    """Handshakes with a growing TTL. The routers that answered are not kept: the first hops are the person's own."""
    input_target(m, 443)
    everything(rows, m, {**m.keys, "tls_handshakes": None}, web_place(m), chain=False)
    for trace in maps(m, m.keys.get("iterative_trace"), "iterative_trace"):
        address = trace.get("address")
        for name in _TRACES:
            found = mapping(m, trace.get(name), name)
            for step in maps(m, found.get("iterations"), "iterations"):
                _iteration(m, rows, step, address, found.get("server_name"), name)


def _iteration(m: Measurement, rows: Rows, step: dict[str, Any], address: object, sni: object, name: str) -> None:
    ttl = whole_number(step.get("ttl"))
    shaken = items([step.get("handshake")] if step.get("handshake") else None, Handshake, "handshake", m.degraded)
    for h in shaken:
        h.address = h.address or (address if isinstance(address, str) else None)
        h.server_name = h.server_name or (sni if isinstance(sni, str) else None)
    tagged, m.tagged = m.tagged, True
    words = f"{name.partition('_')[0]} ttl={ttl if ttl is not None else '?'}"
    target = m.target if name == "target_trace" else None
    handshakes(rows, m, shaken, fixed(target), detail=words)
    m.tagged = tagged


TESTS: Final[dict[str, Reader]] = readers(
    {
        "tcpping": read_pings,
        "tlsping": read_pings,
        "simplequicping": read_pings,
        "dnsping": read_dnsping,
        "quicping": read_quicping,
        "tlsmiddlebox": read_tlsmiddlebox,
    }
)
