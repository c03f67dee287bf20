"""Law: a template's step becomes one row that says what happened; what its fields cannot say stays null.

`place` tells whose step it is: (name, address, port, hop) -> target. For web tests that is `web_place`; messengers and
tunnels give their own. Order of calls within a record: `link`, `queries`, then the others, because addresses get their
name and their network from the answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from clampdown.intake.features import port_of, resolver_of
from clampdown.intake.features_http import bytes_of, headers_of, pairs_of, text_of, title_of
from clampdown.intake.features_tls import certificate_of
from clampdown.intake.redact import path_of
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement, clean
from clampdown.intake.sources.ooni.structs import Connect, Event, Handshake, Query, Request, items

Place = Callable[[str | None, str | None, int | None, int | None], str | None]
# (status_match, title_match, headers_match, body_ratio)
Compared = tuple[bool | None, bool | None, bool | None, float | None]
Compare = Callable[[Request, dict[str, Any]], Compared]

SYSTEM_ENGINES: Final = frozenset({"system", "getaddrinfo", "golang_net_resolver", "go", ""})
SIDE_ENGINES: Final = frozenset({"doh", "dot", "udp", "tcp"})


def web_place(m: Measurement) -> Place:
    """The input's target for its own name, and for steps without a name on no later hop; else the other host's."""

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        if name is None:
            name = m.hops.get(depth) if depth else None
            if name is None:
                return m.target if not depth else m.memo.target(ip, None)
        if name == m.host:
            return m.target
        return m.memo.target(name, port if port not in (80, 443) else None)

    return place


def fixed(target: str | None) -> Place:
    """Every step belongs to one target."""
    return lambda name, ip, port, depth: target


def tag_facts(tags: Sequence[str] | None) -> tuple[bool, int | None, bool | None]:
    """(classic, depth, fetch_body) of a step's tags; None where they do not say."""
    if not tags:
        return False, None, None
    classic, depth, fetch = False, None, None
    for tag in tags:
        if tag == "classic":
            classic = True
        elif tag.startswith("depth="):
            digits = tag[6:]
            depth = int(digits) if digits.isdigit() and len(digits) < 4 else None
        elif tag.startswith("fetch_body="):
            fetch = tag == "fetch_body=true"
    return classic, depth, fetch


def find_tags(m: Measurement, keys: object, deep: int = 0) -> None:
    """Say on `m` whether any step, at any place, carries the tag `classic`."""
    if isinstance(keys, dict):
        tags = keys.get("tags")
        if isinstance(tags, list) and "classic" in tags:
            m.tagged = True
        else:
            for value in keys.values():
                if isinstance(value, dict | list) and not m.tagged and deep < 8:
                    find_tags(m, value, deep + 1)
    elif isinstance(keys, list):
        for value in keys:
            if m.tagged:
                return
            find_tags(m, value, deep + 1)


def link(m: Measurement, handshakes: Sequence[Handshake], requests: Sequence[Request]) -> None:
    """Learn which name a transaction or a hop is about, so that its TCP connect carries it too."""
    for handshake in handshakes:
        name = m.name(handshake.server_name)
        if name and handshake.transaction_id is not None:
            m.hosts[handshake.transaction_id] = name
    for request in requests:
        parts = m.memo.url(request.request.url) if request.request else None
        name = m.name(parts.hostname) if parts else None
        if name:
            if request.transaction_id is not None:
                m.hosts[request.transaction_id] = name
            depth = tag_facts(request.tags)[1]
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
        tagged, depth, _ = tag_facts(q.tags)
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
        for a in answers or ():
            text = a.ipv4 or a.ipv6
            ip = m.ip(text) if text else None
            asn = _asn(a.asn)
            note = detail
            answer_type = a.answer_type if a.answer_type in ("A", "AAAA", "CNAME") else None
            if text is None:
                if a.hostname is None:
                    continue
                # Old probes named the address itself, or the queried name, in `hostname`.
                ip = m.ip(a.hostname)
                if ip is None:
                    note, answer_type = m.name(a.hostname), answer_type or "CNAME"
            elif ip is not None:
                if asn is not None:
                    m.asns[ip] = asn
                if name is not None and (engine == "system" or ip not in m.names):
                    m.names[ip] = name
            rows.answers.append(
                (
                    m_index, seq, origin, target, path, False, depth, q.transaction_id, name, ip, None, asn,
                    "ok" if ip is not None or note is not None else "unknown", None, q.t0, q.t,
                    engine, kind, resolver, answer_type, note,
                )
            )  # fmt: skip
            seq += 1
        rows.seq = seq


def _query_type(text: str | None) -> str | None:
    return text if text in ("A", "AAAA", "ANY", "CNAME", "HTTPS", "NS", "PTR", "TXT", "SOA", "MX") else None


def _asn(value: int | str | None) -> int | None:
    if value.__class__ is int:
        return value if 0 < value < 4294967296 else None  # type: ignore[operator]
    if isinstance(value, str) and value.removeprefix("AS").isdigit() and len(value) < 13:
        return _asn(int(value.removeprefix("AS")))
    return None


def _path(m: Measurement, tagged: bool) -> bool:
    return tagged if m.tagged else True


def _side(m: Measurement, port: int | None, depth: int | None, fetch: bool | None) -> bool:
    """A check beside the path: not meant to fetch the page, or a port that the input does not lead to."""
    if fetch is not None:
        return not fetch
    return not depth and m.port is not None and port is not None and port != m.port


def connects(
    rows: Rows, m: Measurement, found: Sequence[Connect], place: Place, *, detail: str | None = None
) -> None:
    """df-005: a row per TCP connect. An `ip` that is a name or scrubbed leaves the address null."""
    memo = m.memo
    for c in found:
        tagged, depth, fetch = tag_facts(c.tags)
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
                rows.m, rows.seq, "probe", place(name, ip, port, depth), _path(m, tagged),
                _side(m, port, depth, fetch), depth, c.transaction_id, name, ip, port,
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
        tagged, depth, fetch = tag_facts(h.tags)
        raw_ip, port, endpoint_name = memo.endpoint(h.address)
        ip = m.ip(raw_ip)
        name = m.name(h.server_name) or endpoint_name
        outcome, failure = memo.failure(h.failure)
        leaf = certificate_of(memo, h.peer_certificates, name or ip, m.start)
        digest, status, issuer, subject = leaf or (None, None, None, None)
        if m.secrets:
            issuer, subject = issuer and m.secrets.remove(issuer), subject and m.secrets.remove(subject)
        quic = h.network in ("udp", "quic")
        (rows.quic if quic else rows.handshakes).append(
            (
                rows.m, rows.seq, "probe", place(name, ip, port, depth), _path(m, tagged),
                _side(m, port, depth, fetch), depth, h.transaction_id, name, ip, port,
                m.asns.get(ip) if ip else None, outcome, failure, h.t0, h.t,
                "udp" if quic else "tcp", _word(h.tls_version), _word(h.negotiated_protocol), ech_of(h),
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


def _word(text: str | None) -> str | None:
    return text if text and len(text) < 20 and text.isascii() and " " not in text else None


def requests(
    rows: Rows,
    m: Measurement,
    found: Sequence[Request],
    place: Place,
    *,
    compare: Compare | None = None,
    newest_first: bool = True,
    chain: bool = True,
    detail: str | None = None,
) -> None:
    """df-001: a row per exchange. In a redirect chain (newest first) the first on the path is the final one."""
    steps: list[tuple[bool, int | None, bool | None]] = []
    for index, r in enumerate(found):
        tagged, depth, fetch = tag_facts(r.tags)
        if depth is None and chain:
            depth = len(found) - 1 - index if newest_first else index
        steps.append((_path(m, tagged), depth, fetch))
    # The final exchange is the deepest one on the path; where hops tie, the first that is listed.
    last = max((depth or 0 for path, depth, _ in steps if path), default=None)
    for r, (path, depth, fetch) in zip(found, steps, strict=True):
        final = not chain or (path and last is not None and (depth or 0) == last)
        if final and chain:
            last = None
        exchange(rows, m, r, place, path, depth, final, compare if final else None, fetch, detail)


def exchange(
    rows: Rows,
    m: Measurement,
    r: Request,
    place: Place,
    path: bool,
    depth: int | None,
    final: bool,
    compare: Compare | None,
    fetch: bool | None,
    detail: str | None,
) -> None:
    """One exchange with its features; the body ends here."""
    memo = m.memo
    asked, answered = r.request, r.response
    parts = memo.url(asked.url) if asked else None
    raw_ip, port, _ = memo.endpoint(r.address)
    host = name = None
    scheme = shown = None
    if parts is not None:
        scheme = parts.scheme if parts.scheme in ("http", "https") else None
        host = parts.hostname
        name = m.name(host)
        if raw_ip is None:
            raw_ip = memo.ip(host)
        if port is None:
            port = port_of(parts.port) or {"http": 80, "https": 443}.get(scheme or "")
        shown = m.secrets.remove(clean(path_of(parts.path))) or "/"
    ip = m.ip(raw_ip)
    outcome, failure = memo.failure(r.failure)
    facts = body_facts(m, answered, text_url=None)
    status = facts["status"]
    if outcome == "ok" and not status:
        outcome = "unknown"
    location = _location(m, facts["location"])
    status_match, title_match, headers_match, body_ratio = (
        compare(r, facts) if compare is not None and status else (None, None, None, None)
    )
    seq = rows.seq
    udp = r.network in ("udp", "quic") or (asked is not None and asked.x_transport in ("udp", "quic"))
    rows.exchanges.append(
        (
            rows.m, seq, "probe", place(name, ip, port, depth), path,
            False if fetch is None else not fetch, depth, r.transaction_id, name, ip, port,
            m.asns.get(ip) if ip else None, outcome, failure, r.t0, r.t, "udp" if udp else "tcp", _word(r.alpn),
            _word(asked.method) if asked else None, scheme, shown, status, facts["title"], facts["length"],
            facts["digest"], facts["truncated"], facts["headers"], location, final, status_match, title_match,
            headers_match, body_ratio, detail,
        )
    )  # fmt: skip
    for fingerprint in facts["matches"]:
        rows.match(seq, fingerprint)
    rows.seq = seq + 1


def body_facts(m: Measurement, answered: Any, text_url: str | None = None) -> dict[str, Any]:
    """What is kept of a response: status, headers, title, and of the body its length, digest and fingerprints."""
    facts: dict[str, Any] = {
        "status": None, "title": None, "length": None, "digest": None, "truncated": None, "headers": None,
        "location": None, "matches": (), "names": (),
    }  # fmt: skip
    if answered is None:
        return facts
    code = answered.code
    facts["status"] = code if code is not None and 0 < code < 1000 else None
    pairs = list(pairs_of(answered.headers_list, answered.headers))
    facts["names"] = [name for name, _ in pairs]
    facts["headers"], facts["location"] = headers_of(m.memo, pairs, m.secrets)
    facts["truncated"] = answered.body_is_truncated
    body = text_of(answered.body)
    if body is None or not facts["status"]:
        return facts
    title = title_of(body)
    facts["title"] = m.secrets.remove(title) if title and m.secrets else title
    data = body if isinstance(body, bytes) else bytes_of(body) or b""
    facts["length"] = len(data)
    if data:
        facts["digest"] = hashlib.sha256(data).hexdigest()
        matcher = m.kit.bodies
        if matcher is not None:
            facts["matches"] = matcher.match(data)
    return facts


def _location(m: Measurement, value: str | None) -> str | None:
    """The host that an answer redirects to; its path and query are not kept."""
    if not value:
        return None
    parts = m.memo.url(value)
    host = parts.hostname if parts else None
    return m.ip(host) or m.name(host)


TRANSFER_READS: Final = frozenset({"read", "read_from"})


def events(rows: Rows, m: Measurement, found: Sequence[Event], place: Place) -> None:
    """df-008: how many bytes came from an address, and for how long: what throttling can be judged by.

    One row per transaction (else per address). `stage` says of what: `handshake` (reads between the start and the end
    of the TLS handshake) and `transfer` (everything after it); `cumulative` is the probe's own running count.
    """
    runs: dict[tuple[int | None, str | None], _Run] = {}
    for e in found:
        if e.address is None and e.transaction_id is None:
            address = _last_address(runs)
            key = (None, address)
        else:
            key = (e.transaction_id, None if e.transaction_id is not None else e.address)
        run = runs.get(key)
        if run is None:
            run = runs[key] = _Run()
        run.take(e)
    for (transaction, _), run in runs.items():
        run.write(rows, m, transaction, place)


def _last_address(runs: Mapping[tuple[int | None, str | None], Any]) -> str | None:
    """Old probes wrote handshake events without an address: they follow the connect they belong to."""
    return next(reversed(runs))[1] if runs else None


class _Run:
    """The reads of one connection."""

    __slots__ = ("address", "cumulative", "first", "handshake", "last", "proto", "reads", "tags", "total")

    def __init__(self) -> None:
        self.address: str | None = None
        self.proto: str | None = None
        self.tags: Sequence[str] | None = None
        self.total = self.reads = self.cumulative = 0
        self.first: float | None = None
        self.last: float | None = None
        self.handshake: list[float] = []

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
            started = e.t0 if e.t0 is not None else e.t
            if started is not None and (self.first is None or started < self.first):
                self.first = started
            if e.t is not None and (self.last is None or e.t > self.last):
                self.last = e.t
        elif operation == "bytes_received_cumulative" and e.num_bytes is not None:
            self.cumulative = max(self.cumulative, e.num_bytes)
            if e.t is not None and (self.last is None or e.t > self.last):
                self.last = e.t
        elif operation in ("tls_handshake_start", "tls_handshake_done", "quic_handshake_start", "quic_handshake_done"):
            if e.t is not None:
                self.handshake.append(e.t)

    def write(self, rows: Rows, m: Measurement, transaction: int | None, place: Place) -> None:
        if not self.reads and not self.cumulative:
            return
        tagged, depth, fetch = tag_facts(self.tags)
        raw_ip, port, _ = m.memo.endpoint(self.address)
        ip = m.ip(raw_ip)
        name = m.hosts.get(transaction) if transaction is not None else None
        if name is None and ip:
            name = m.names.get(ip)
        seconds = self.last - self.first if self.last is not None and self.first is not None else None
        udp = self.proto in ("udp", "quic")
        rows.transfers.append(
            (
                rows.m, rows.seq, "probe", place(name, ip, port, depth), _path(m, tagged),
                _side(m, port, depth, fetch), depth, transaction, name, ip, port, m.asns.get(ip) if ip else None,
                "ok" if self.total or self.cumulative else "unknown", None, self.first, self.last,
                "quic" if udp else "tls" if self.handshake else "tcp", "udp" if udp else "tcp",
                max(self.total, self.cumulative), seconds, "transfer",
                f"{self.reads} reads" if self.reads else "cumulative",
            )
        )  # fmt: skip
        rows.seq += 1


def everything(rows: Rows, m: Measurement, keys: Mapping[str, Any], place: Place, *, chain: bool = True) -> None:
    """All templates found under `keys`, in the order that lets each learn from the one before."""
    degraded = m.degraded
    shaken = items(keys.get("tls_handshakes"), Handshake, "tls_handshakes", degraded)
    shaken += items(keys.get("quic_handshakes"), Handshake, "quic_handshakes", degraded)
    asked = items(keys.get("requests"), Request, "requests", degraded)
    link(m, shaken, asked)
    queries(rows, m, items(keys.get("queries"), Query, "queries", degraded), place)
    for name in ("tcp_connect", "tcp_connects"):
        connects(rows, m, items(keys.get(name), Connect, name, degraded), place)
    handshakes(rows, m, shaken, place)
    requests(rows, m, asked, place, chain=chain)
    events(rows, m, items(keys.get("network_events"), Event, "network_events", degraded), place)
