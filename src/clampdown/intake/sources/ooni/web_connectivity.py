"""Law: the probe's steps and its control's stand side by side as observations; the probe's own opinion stays apart.

OONI specification ts-017, versions 0.0 to 0.5. Requests are listed newest first. Since 0.5 steps carry the tags
`classic`, `depth=N` and `fetch_body=`; before, everything but the control was on the classic path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from clampdown.intake.features import Memo, asn_of
from clampdown.intake.features_http import (
    clean_title,
    headers_of,
    ratio,
    same_headers,
    same_status,
    same_title,
    text_of,
    uncommon,
)
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Envelope, Measurement, clean, open_measurement
from clampdown.intake.sources.ooni.exchanges import Facts
from clampdown.intake.sources.ooni.structs import (
    Connect,
    Event,
    Handshake,
    Query,
    RawRequest,
    Request,
    Whole,
    items,
    one,
)
from clampdown.intake.sources.ooni.templates import (
    Compared,
    connects,
    endpoints_of,
    events,
    handshakes,
    link,
    queries,
    requests,
    web_place,
)


class ControlDNS(msgspec.Struct, gc=False):
    """The control's lookup."""

    failure: Any = msgspec.UNSET
    addrs: list[str] | None = None


class ControlHTTP(msgspec.Struct, gc=False):
    """The control's exchange; status -1 is a failure."""

    failure: Any = msgspec.UNSET
    body_length: Whole | None = None
    title: str | None = None
    headers: Any = None
    status_code: Whole | None = None


class Control(msgspec.Struct, gc=False):
    """What the test helper saw."""

    dns: ControlDNS | None = None
    http_request: ControlHTTP | None = None
    http3_request: ControlHTTP | None = None
    tcp_connect: dict[str, Any] | None = None
    tls_handshake: dict[str, Any] | None = None
    quic_handshake: dict[str, Any] | None = None
    ip_info: dict[str, Any] | None = None


class WebKeys(msgspec.Struct, gc=False):
    """The test's keys that are read."""

    queries: list[Query] | None = None
    tcp_connect: list[Connect] | None = None
    tls_handshakes: list[Handshake] | None = None
    quic_handshakes: list[Handshake] | None = None
    requests: Sequence[Request] | None = None
    network_events: list[Event] | None = None
    x_dns_duplicate_responses: list[Query] | None = None
    control: Control | None = None
    control_failure: Any = None
    client_resolver: Any = None
    blocking: Any = None
    accessible: Any = None


class RawWebKeys(WebKeys, gc=False):
    """The keys straight from the bytes."""

    requests: list[RawRequest] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class WebRecord(Envelope, gc=False):
    """A whole record, decoded in one pass; a record that does not fit is read key by key instead."""

    test_keys: RawWebKeys | None = None


_DECODER: Final = msgspec.json.Decoder(WebRecord)
_MARK: Final = b"web_connectivity"
_NEAR: Final = 3000  # the test's name stands among the first or the last keys of the envelope


def open_fast(data: bytes, memo: Memo) -> tuple[Measurement, WebKeys] | None:
    """The record of a web connectivity test, decoded straight into structs; None where that does not go smoothly."""
    if data.find(_MARK, -_NEAR if len(data) > _NEAR else 0) < 0 and data.find(_MARK, 0, _NEAR) < 0:
        return None
    try:
        record = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    keys = record.test_keys
    if keys is None or record.test_name != "web_connectivity":
        return None
    m = open_measurement(record, {}, memo, keys.client_resolver)
    m.tagged = _tagged(keys)
    return m, keys


def _tagged(keys: WebKeys) -> bool:
    groups: tuple[Sequence[Query | Connect | Handshake | Request] | None, ...] = (
        keys.queries, keys.tcp_connect, keys.requests, keys.tls_handshakes, keys.quic_handshakes,
    )  # fmt: skip
    for group in groups:
        for step in group or ():
            if step.tags and "classic" in step.tags:
                return True
    return False


def read_web_connectivity(m: Measurement, rows: Rows) -> None:
    """Read from the keys as found, however broken."""
    found, degraded = m.keys, m.degraded
    keys = WebKeys(
        queries=items(found.get("queries"), Query, "queries", degraded),
        tcp_connect=items(found.get("tcp_connect"), Connect, "tcp_connect", degraded),
        tls_handshakes=items(found.get("tls_handshakes"), Handshake, "tls_handshakes", degraded),
        quic_handshakes=items(found.get("quic_handshakes"), Handshake, "quic_handshakes", degraded),
        requests=items(found.get("requests"), Request, "requests", degraded),
        network_events=items(found.get("network_events"), Event, "network_events", degraded),
        x_dns_duplicate_responses=items(
            found.get("x_dns_duplicate_responses"), Query, "x_dns_duplicate_responses", degraded
        ),
        control=one(found.get("control"), Control, "control", degraded),
        control_failure=found.get("control_failure"),
        blocking=found.get("blocking"),
        accessible=found.get("accessible"),
    )
    observe(m, rows, keys)


def observe(m: Measurement, rows: Rows, keys: WebKeys) -> None:
    """The rows of one web connectivity record."""
    m.peer = peer_of(keys)
    control = keys.control
    failed = keys.control_failure not in (None, False, "")
    if failed:
        m.control = "failed"
    elif control is not None and (control.http_request or control.dns or control.tcp_connect):
        m.control = "ok"
    if control is not None:
        _networks(m, control)
    shaken = [*(keys.tls_handshakes or ()), *(keys.quic_handshakes or ())]
    asked = keys.requests or ()
    place = web_place(m)
    if keys.network_events:
        m.ends = endpoints_of(keys.network_events)
    link(m, shaken, asked)
    queries(rows, m, keys.queries or (), place)
    queries(rows, m, keys.x_dns_duplicate_responses or (), place, detail="duplicate", classic=False)
    connects(rows, m, keys.tcp_connect or (), place)
    handshakes(rows, m, shaken, place)
    usable = control if m.control == "ok" else None
    compare = _comparison(usable.http_request) if usable is not None and usable.http_request is not None else None
    requests(rows, m, asked, place, compare=compare)
    if keys.network_events:
        events(rows, m, keys.network_events, place)
    if usable is not None:
        read_control(m, rows, usable)


def peer_of(keys: WebKeys) -> str | None:
    """The probe's own opinion in words; never evidence."""
    if keys.blocking is None and keys.accessible is None:
        return None
    blocking = keys.blocking
    word = blocking if isinstance(blocking, str) and len(blocking) < 20 and blocking.isascii() else None
    if word is None:
        word = "none" if blocking is False else "null" if blocking is None else "other"
    seen = {True: "true", False: "false"}.get(keys.accessible) if isinstance(keys.accessible, bool) else "null"
    return f"blocking={word} accessible={seen}"


def _networks(m: Measurement, control: Control) -> None:
    for text, about in (control.ip_info or {}).items():
        ip = m.ip(text)
        asn = asn_of(about.get("asn")) if isinstance(about, dict) else None
        if ip is not None and asn is not None:
            m.asns[ip] = asn


_NO_NAMES: Final = frozenset[str]()


def _comparison(theirs: ControlHTTP) -> Any:
    """How the final exchange is held against the control's; null wherever either has nothing to compare."""
    if theirs.failure not in (None, False, msgspec.UNSET) or not theirs.status_code or theirs.status_code < 0:
        return None
    title = clean_title(theirs.title) if theirs.title else None
    # Control and page mostly send the same headers: lower-casing them all at once costs one call.
    names = (
        uncommon("\n".join(map(str, theirs.headers)).lower().split("\n"))
        if isinstance(theirs.headers, dict)
        else _NO_NAMES
    )

    def compare(request: Request, facts: Facts) -> Compared:
        # A body cut off at the probe's limit cannot be measured against a whole one.
        length = None if facts.truncated else facts.length
        return (
            same_status(facts.status, theirs.status_code),
            same_title(facts.title, title),
            same_headers(facts.names, names),
            ratio(length, theirs.body_length),
        )

    return compare


def read_control(m: Measurement, rows: Rows, control: Control) -> None:
    """The control's steps, as observations of origin `control`."""
    name = None if m.memo.ip(m.host) else m.host
    if control.dns is not None and name is not None:
        _control_dns(m, rows, control.dns, name)
    for endpoint, about in (control.tcp_connect or {}).items():
        _control_step(m, rows, "tcp_connect", endpoint, about, name)
    for endpoint, about in (control.tls_handshake or {}).items():
        _control_step(m, rows, "tls_handshake", endpoint, about, name)
    for endpoint, about in (control.quic_handshake or {}).items():
        _control_step(m, rows, "quic_handshake", endpoint, about, name)
    if control.http_request is not None:
        _control_http(m, rows, control.http_request, name, "tcp")
    if control.http3_request is not None:
        _control_http(m, rows, control.http3_request, name, "udp")


def _control_dns(m: Measurement, rows: Rows, dns: ControlDNS, name: str) -> None:
    outcome, failure = m.memo.failure(dns.failure)
    addresses = dns.addrs or []
    if outcome == "ok" and not addresses:
        outcome = "unknown"
    target, seq, index, write = m.target, rows.seq, rows.m, rows.answers.append
    rows.lookups.append(
        (
            index, seq, "control", target, None, False, None, None, name, None, None, None, outcome, failure, None,
            None, "unknown", None, None, None,
        )
    )  # fmt: skip
    for text in addresses:
        seq += 1
        ip = m.ip(text)
        alias = m.name(text) if ip is None else None
        kind = ("AAAA" if ":" in ip else "A") if ip else "CNAME"
        asn = m.asns.get(ip) if ip else None
        done = "ok" if ip or alias else "unknown"
        write(
            (
                index, seq, "control", target, None, False, None, None, name, ip, None, asn, done, None, None, None,
                "unknown", None, None, kind, alias,
            )
        )  # fmt: skip
    rows.seq = seq + 1


def _control_step(m: Measurement, rows: Rows, operation: str, endpoint: str, about: Any, name: str | None) -> None:
    if not isinstance(about, dict):
        m.degraded.add(f"control.{operation}")
        return
    raw_ip, port, _ = m.memo.endpoint(endpoint)
    ip = m.ip(raw_ip)
    outcome, failure = m.memo.failure(about.get("failure", msgspec.UNSET))
    if outcome != "failed":
        status = about.get("status")
        outcome = "ok" if status is True else "failed" if status is False else "unknown"
    if operation != "tcp_connect":
        name = m.name(_text(about.get("server_name"))) or name
    side = m.port is not None and port != m.port
    common = (
        rows.m, rows.seq, "control", m.target, None, side, None, None, name, ip, port,
        m.asns.get(ip) if ip else None, outcome, failure, None, None,
    )  # fmt: skip
    if operation == "tcp_connect":
        rows.connects.append((*common, "tcp", None))
    else:
        proto = "udp" if operation == "quic_handshake" else "tcp"
        rows.of[operation].append((*common, proto, *(None,) * 9))
    rows.seq += 1


def _control_http(m: Measurement, rows: Rows, http: ControlHTTP, name: str | None, proto: str) -> None:
    outcome, failure = m.memo.failure(http.failure)
    status = http.status_code
    if outcome == "ok":
        outcome = "ok" if status and status > 0 else "failed" if status and status < 0 else "unknown"
    title = clean_title(http.title) if http.title else None
    if title and m.secrets:
        title = m.secrets.remove(title)
    lines = headers_of(m.memo, None, http.headers, m.secrets).lines
    parts = m.memo.url(m.url)
    path = (m.secrets.remove(clean(parts.shown)) or "/") if parts else None
    scheme = m.scheme if m.scheme in ("http", "https") else None
    ip = m.ip(m.host)
    rows.exchanges.append(
        (
            rows.m, rows.seq, "control", m.target, None, False, None, None, name, ip, m.port,
            m.asns.get(ip) if ip else None, outcome, failure, None, None, proto, None, "GET", scheme, path,
            status if status and 0 < status < 1000 else None, title,
            http.body_length if http.body_length is not None and http.body_length >= 0 and outcome == "ok" else None,
            None, None, lines, None, True, None, None, None, None, None,
        )
    )  # fmt: skip
    rows.seq += 1


def _text(value: object) -> str | None:
    text = text_of(value)
    return text if isinstance(text, str) else None
