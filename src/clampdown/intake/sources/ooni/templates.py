"""Law: a template's step becomes one row that says what happened; what its fields cannot say stays null.

`place` tells whose step it is: (name, address, port, hop) -> target. For web tests that is `web_place`; messengers and
tunnels give their own. Order of calls within a record: `link`, `queries`, then the others, because addresses get their
name and their network from the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clampdown.intake.features import asn_of, port_of, resolver_of
from clampdown.intake.features_tls import certificate_of
from clampdown.intake.rows import Row, Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.exchanges import Compare, Compared, body_facts, exchange, requests
from clampdown.intake.sources.ooni.steps import Place, beside, find_tags, fixed, on_path, web_place, word
from clampdown.intake.sources.ooni.structs import Answer, Connect, Event, Handshake, Query, Request, items
from clampdown.intake.sources.ooni.transfers import endpoints_of, events

__all__ = [
    "Compare", "Compared", "Place", "beside", "body_facts", "connects", "ech_of", "events", "everything", "exchange",
    "find_tags", "fixed", "handshakes", "link", "on_path", "queries", "requests", "web_place", "word",
]  # fmt: skip

SYSTEM_ENGINES: Final = frozenset({"system", "getaddrinfo", "golang_net_resolver", "go", ""})
ANSWER_TYPES: Final = frozenset({"A", "AAAA", "CNAME"})
QUERY_TYPES: Final = frozenset({"A", "AAAA", "ANY", "CNAME", "HTTPS", "NS", "PTR", "TXT", "SOA", "MX"})
SIDE_ENGINES: Final = frozenset({"doh", "dot", "udp", "tcp"})


def link(m: Measurement, handshakes: Sequence[Handshake], requests: Sequence[Request]) -> None:
    """Learn which name a transaction or a hop is about, so that its TCP connect carries it too."""
    for handshake in handshakes:
        name = m.name(handshake.server_name)
        if name and handshake.transaction_id is not None:
            m.hosts[handshake.transaction_id] = name
            if handshake.tags:
                m.tags[handshake.transaction_id] = handshake.tags
    for request in requests:
        parts = m.memo.url(request.request.url) if request.request else None
        name = m.name(parts.hostname) if parts else None
        if name:
            if request.transaction_id is not None:
                m.hosts[request.transaction_id] = name
                if request.tags:
                    m.tags[request.transaction_id] = request.tags
            depth = m.memo.tags(request.tags)[1]
            if depth is not None:
                m.hops.setdefault(depth, name)


def queries(
    rows: Rows,
    m: Measurement,
    found: Sequence[Query],
    place: Place,
    *,
    origin: str = "probe",
    detail: str | None = None,
    classic: bool | None = None,
) -> None:
    """df-002: a row per lookup, a row per answer. `classic` overrules what tags and engine say."""
    memo = m.memo
    for q in found:
        tagged, depth, _ = memo.tags(q.tags)
        raw_engine = (q.engine or "").lower()
        engine = "system" if raw_engine in SYSTEM_ENGINES else raw_engine if raw_engine in SIDE_ENGINES else "unknown"
        path = classic
        if path is None:
            path = tagged if m.tagged else engine not in SIDE_ENGINES
        name = m.name(q.hostname)
        if depth is not None and name is not None:
            m.hops.setdefault(depth, name)
        target = place(name, None, None, depth)
        outcome, failure = memo.failure(q.failure)
        answers = q.answers
        if outcome == "ok" and not answers:
            outcome = "unknown"  # no failure and nothing answered: not a success
        resolver = resolver_of(engine, q.resolver_address, memo)
        if resolver and m.secrets and m.secrets.within(resolver):
            resolver = None
        kind = _query_type(q.query_type)
        seq = rows.seq
        m_index = rows.m
        rows.lookups.append(
            (
                m_index, seq, origin, target, path, False, depth, q.transaction_id, name, None, None, None,
                outcome, failure, q.t0, q.t, engine, kind, resolver, detail,
            )
        )  # fmt: skip
        seq += 1
        if answers:
            head = (origin, target, path, False, depth, q.transaction_id, name)
            seq = _answers(rows, m, answers, seq, head, (q.t0, q.t, engine, kind, resolver), detail)
        rows.seq = seq


def _answers(
    rows: Rows, m: Measurement, answers: Sequence[Answer], seq: int, head: Row, tail: Row, detail: str | None
) -> int:
    """A row per answer of one lookup; learns the name and the network of each address. Returns the next seq."""
    name = head[-1]
    names, asns, write = m.names, m.asns, rows.answers.append
    index, system = rows.m, tail[2] == "system"
    for a in answers:
        text = a.ipv4 or a.ipv6
        asn = _asn(a.asn)
        note, answer_type = detail, a.answer_type if a.answer_type in ANSWER_TYPES else None
        if text is not None:
            ip = m.ip(text)
            if ip is not None:
                if asn is not None:
                    asns[ip] = asn
                else:
                    asn = asns.get(ip)
                if name is not None and (system or ip not in names):
                    names[ip] = name
        elif a.hostname is None:
            continue
        else:
            # Old probes named the address itself, or the queried name, in `hostname`.
            ip = m.ip(a.hostname)
            if ip is None:
                note, answer_type = m.name(a.hostname), answer_type or "CNAME"
        outcome = "ok" if ip is not None or note is not None else "unknown"
        write((index, seq, *head, ip, None, asn, outcome, None, *tail, answer_type, note))
        seq += 1
    return seq


def _query_type(text: str | None) -> str | None:
    return text if text in QUERY_TYPES else None


def _asn(value: int | str | None) -> int | None:
    if isinstance(value, int):
        return value if 0 < value < 4294967296 else None
    return None if value is None else asn_of(value)


def connects(rows: Rows, m: Measurement, found: Sequence[Connect], place: Place, *, detail: str | None = None) -> None:
    """df-005: a row per TCP connect. An `ip` that is a name or scrubbed leaves the address null."""
    memo = m.memo
    for c in found:
        tagged, depth, fetch = memo.tags(c.tags)
        ip = m.ip(c.ip)
        name = m.hosts.get(c.transaction_id) if c.transaction_id is not None else None
        if name is None and depth is not None:
            name = m.hops.get(depth)
        if name is None:
            name = m.names.get(ip) if ip else m.name(c.ip)
        port = port_of(c.port)
        status = c.status
        outcome, failure = "unknown", None
        if status is not None:
            outcome, failure = memo.failure(status.failure)
            if outcome != "failed":
                success = status.success
                outcome = "ok" if success is True else "failed" if success is False else "unknown"
        rows.connects.append(
            (
                rows.m, rows.seq, "probe", place(name, ip, port, depth), on_path(m, tagged),
                beside(m, port, depth, fetch), depth, c.transaction_id, name, ip, port,
                m.asns.get(ip) if ip else None, outcome, failure, c.t0, c.t, "tcp", detail,
            )
        )  # fmt: skip
        rows.seq += 1


def handshakes(
    rows: Rows, m: Measurement, found: Sequence[Handshake], place: Place, *, detail: str | None = None
) -> None:
    """df-006: a row per TLS or QUIC handshake, with the leaf certificate judged for name, time and roots."""
    memo = m.memo
    for h in found:
        tagged, depth, fetch = memo.tags(h.tags)
        address = h.address
        if not address and h.t is not None:
            address = m.ends.get(h.t)
        raw_ip, port, endpoint_name = memo.endpoint(address)
        ip = m.ip(raw_ip)
        name = m.name(h.server_name) or m.name(endpoint_name)
        outcome, failure = memo.failure(h.failure)
        leaf = certificate_of(memo, h.peer_certificates, name or ip, m.start)
        digest, status, issuer, subject = leaf or (None, None, None, None)
        if m.secrets:
            issuer, subject = issuer and m.secrets.remove(issuer), subject and m.secrets.remove(subject)
        quic = h.network in ("udp", "quic")
        (rows.quic if quic else rows.handshakes).append(
            (
                rows.m, rows.seq, "probe", place(name, ip, port, depth), on_path(m, tagged),
                beside(m, port, depth, fetch), depth, h.transaction_id, name, ip, port,
                m.asns.get(ip) if ip else None, outcome, failure, h.t0, h.t,
                "udp" if quic else "tcp", word(h.tls_version), word(h.negotiated_protocol), ech_of(h),
                None if h.no_tls_verify is None else not h.no_tls_verify,
                digest, status, issuer, subject, detail or m.text(h.so_error, 80),
            )
        )  # fmt: skip
        rows.seq += 1


def ech_of(h: Handshake) -> str | None:
    """Whether the handshake hid its name: `grease` pretends to, `real` did."""
    if not h.echconfig:
        return "real" if h.outer_server_name else None
    return "grease" if h.echconfig.upper() == "GREASE" else "real"


def everything(rows: Rows, m: Measurement, keys: Mapping[str, Any], place: Place, *, chain: bool = True) -> None:
    """All templates found under `keys`, in the order that lets each learn from the one before."""
    degraded = m.degraded
    shaken = items(keys.get("tls_handshakes"), Handshake, "tls_handshakes", degraded)
    shaken += items(keys.get("quic_handshakes"), Handshake, "quic_handshakes", degraded)
    asked = items(keys.get("requests"), Request, "requests", degraded)
    link(m, shaken, asked)
    traced = items(keys.get("network_events"), Event, "network_events", degraded)
    if traced:
        m.ends = endpoints_of(traced)
    queries(rows, m, items(keys.get("queries"), Query, "queries", degraded), place)
    for name in ("tcp_connect", "tcp_connects"):
        connects(rows, m, items(keys.get(name), Connect, name, degraded), place)
    handshakes(rows, m, shaken, place)
    requests(rows, m, asked, place, chain=chain)
    events(rows, m, traced, place)
