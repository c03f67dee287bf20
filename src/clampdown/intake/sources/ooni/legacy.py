"""Law: the oldest records keep their meaning: what went through Tor, or to the control resolver, is the control.

OONI specifications ts-002 (DNS consistency), ts-003 (HTTP requests), ts-005 (DNS spoof), ts-008 (TCP connect), ts-009
(multi-protocol traceroute), ts-012 (DNS injection). Packets and traceroutes name the routers near a person: none of
them is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.features import PUBLIC_RESOLVERS
from clampdown.intake.features_http import ratio, same_headers, same_status, same_title, uncommon
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.exchanges import Compare, Compared, Facts, body_facts, exchange
from clampdown.intake.sources.ooni.nettest import (
    Reader,
    endpoint,
    failed,
    hide,
    input_host,
    input_target,
    maps,
    opinion,
    readers,
    role_target,
    summary,
)
from clampdown.intake.sources.ooni.structs import Query, Request, items, one
from clampdown.intake.sources.ooni.templates import fixed, queries, web_place


def read_http_requests(m: Measurement, rows: Rows) -> None:
    """The page fetched plainly, and once more through Tor: the control."""
    keys = m.keys
    input_target(m)
    opinion(m, "body_length_match", "headers_match")
    plain: list[Request] = []
    through: list[Request] = []
    for item in maps(m, keys.get("requests"), "requests"):
        read = one(item, Request, "requests", m.degraded)
        if read is not None:
            _fill(read, item, keys)
            (through if _is_tor(item) else plain).append(read)
    reached = [r for r in through if r.response is not None and r.response.code]
    m.control = "ok" if reached else "failed" if through or failed(m, keys.get("control_failure")) else "none"
    compare = _comparison(m, reached[0]) if reached else None
    place = web_place(m)
    for r in plain:
        exchange(rows, m, r, place, True, 0, True, compare, None, None)
    if not plain:
        summary(m, rows, "http_exchange", m.target, None, keys.get("experiment_failure", UNSET), depth=0,
                hostname=m.name(m.host), port=m.port, scheme=m.scheme if m.scheme in ("http", "https") else None,
                final=True)  # fmt: skip
    for r in through:
        _control(m, rows, r)


def _is_tor(item: Mapping[str, Any]) -> bool:
    asked = item.get("request")
    tor = asked.get("tor") if isinstance(asked, dict) else None
    return tor is True or (isinstance(tor, dict) and tor.get("is_tor") is True)


def _fill(r: Request, item: Mapping[str, Any], keys: Mapping[str, Any]) -> None:
    """These records wrote a failure beside the list, not into the exchange."""
    if r.failure is not UNSET:
        return
    answered = r.response is not None and r.response.code
    said = keys.get("control_failure" if _is_tor(item) else "experiment_failure")
    r.failure = None if answered else said if said is not None else UNSET


def _control(m: Measurement, rows: Rows, r: Request) -> None:
    """An exchange of the control: the row of an exchange, with its origin and without a place on the path."""
    exchange(rows, m, r, web_place(m), False, None, True, None, None, "through Tor")
    row = rows.exchanges[-1]
    rows.exchanges[-1] = (*row[:2], "control", row[3], None, *row[5:])


def _comparison(m: Measurement, theirs: Request) -> Compare:
    facts = body_facts(m, theirs.response)
    names = uncommon(facts.names)

    def compare(_: Request, ours: Facts) -> Compared:
        return (
            same_status(ours.status, facts.status),
            same_title(ours.title, facts.title),
            same_headers(ours.names, names),
            ratio(ours.length, facts.length),
        )

    return compare


def read_dns_consistency(m: Measurement, rows: Rows) -> None:
    """The probe's resolvers beside a control resolver that the probe asked by address."""
    keys = m.keys
    host, _ = input_host(m)
    m.host, m.target = host, m.memo.target(host)
    control = endpoint(m, keys.get("control_resolver"))[0]

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        # The test also looked up the names of the addresses it was given: facts of those, not of the target.
        return None if name is not None and name.endswith(".arpa") else m.target

    answered = False
    for q in items(keys.get("queries"), Query, "queries", m.degraded):
        asked = q.resolver_address or q.resolver_hostname
        ip = endpoint(m, asked)[0]
        if control is not None and ip == control:
            q.engine = "udp"
            answered = answered or bool(q.answers)
            queries(rows, m, [q], place, origin="control")
            m.control = "ok" if answered else "failed"
        else:
            public = ip in PUBLIC_RESOLVERS
            # A resolver of a list that the probe was given; any other is the one of its own network.
            q.engine = q.engine or ("udp" if public else None)
            q.resolver_address = q.resolver_address or (asked if public else None)
            queries(rows, m, [q], place)


def read_tcp_connect(m: Measurement, rows: Rows) -> None:
    """One connect to an endpoint: a site, or a relay of Tor's."""
    host, port = input_host(m)
    text = (m.url or "").strip()
    ip, port_given = endpoint(m, text)
    port = port or port_given
    table = m.kit.targets
    known = table.target_of_endpoint(ip, port) if table is not None and ip is not None and port is not None else None
    if ip is not None and known is None:
        # A bare address in these lists may be a bridge.
        hide(m, [(ip, port)])
    m.host, m.port = host if ip is None else None, port
    shown = port if port not in (80, 443) else None
    m.target = known or (role_target(m, "tor", host, port) or m.memo.target(host, shown) if ip is None else None)
    said = m.keys.get("connection", UNSET)
    if said is UNSET or said is None:
        return
    ok = said == "success"
    outcome, failure = ("ok", None) if ok else m.memo.failure(said)
    rows.add(
        "tcp_connect", target=m.target, outcome=outcome, failure=failure, hostname=m.name(m.host), ip=m.ip(ip),
        port=port, network_proto="tcp",
    )  # fmt: skip


def read_lookups(m: Measurement, rows: Rows) -> None:
    """Tests whose templates are lookups of the input's name."""
    host, _ = input_host(m)
    m.host, m.target = host, m.memo.target(host)
    queries(rows, m, items(m.keys.get("queries"), Query, "queries", m.degraded), fixed(m.target))
    for name in ("injected", "spoofing"):
        said = m.keys.get(name)
        if isinstance(said, bool):
            opinion(m, name)
            summary(m, rows, "middlebox", "network/middlebox", not said, detail=f"dns {name}" if said else "unchanged")


def read_nothing(m: Measurement, rows: Rows) -> None:
    """Traces of packets and routers: the record is kept, and none of its hops."""
    m.target = None


TESTS: Final[dict[str, Reader]] = readers(
    {
        "http_requests": read_http_requests,
        "dns_consistency": read_dns_consistency,
        "tcp_connect": read_tcp_connect,
        "dns_injection": read_lookups,
        "dns_spoof": read_lookups,
        "multi_protocol_traceroute": read_nothing,
        "multi_port_traceroute": read_nothing,
        "traceroute": read_nothing,
        "parasitic_traceroute": read_nothing,
    }
)
