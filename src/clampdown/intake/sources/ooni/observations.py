"""Law: a row of OONI's flat observations says what one step did; what its publisher derived from it is not read.

One row is one endpoint or exchange of a measurement, with the lookup that led there: `dns_*`, `tcp_*`, `tls_*`,
`http_*`. The raw failure of each layer decides; `failure_class`, `failure_str` and the like are conclusions. A step is
taken as tried where it has a failure, or is said to have succeeded: a zero alone is how some tables write null.
No control is in these tables. Bodies are not either, and mostly no status: an exchange without failure of which the
table has no status column is `ok` as the table says so. Whether a certificate was valid is a fact as stated there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from clampdown.intake.features import asn_of, port_of, resolver_of
from clampdown.intake.identity import time_of
from clampdown.intake.redact import public_text
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement, clean
from clampdown.intake.sources.ooni.messengers import PLACES, counts_outages, leave_retired
from clampdown.intake.sources.ooni.nettest import endpoint, hide
from clampdown.intake.sources.ooni.steps import Place, web_place, word
from clampdown.intake.sources.ooni.tables import Line
from clampdown.intake.sources.ooni.templates import QUERY_TYPES, SIDE_ENGINES, SYSTEM_ENGINES

_WEB: Final = frozenset({"web_connectivity", "urlgetter", "http_requests", "browser_web"})
_STATUS: Final = "http_response_status_code"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SHAKEN: Final = ("tls_handshake_time", "tls_handshake_last_operation")
_OF_FAILURE: Final = {"ssl_invalid_hostname": "name_mismatch", "ssl_unknown_authority": "unknown_authority"}


def observe(m: Measurement, rows: Rows, lines: Sequence[Line]) -> None:
    """Lookups, connects, handshakes, exchanges: in the order in which the other readers write them."""
    place = _place(m, lines)
    _lookups(m, rows, lines, place)
    for line in lines:
        _connect(m, rows, line, place)
    for line in lines:
        _handshake(m, rows, line, place)
    for line in lines:
        _exchange(m, rows, line, place)
    if m.test == "signal":
        leave_retired(m, rows)


def _place(m: Measurement, lines: Sequence[Line]) -> Place:
    """Whose step it is. Of tests that may speak of bridges no unpublished address is kept, and none makes a target."""
    of_test = PLACES.get(m.test or "")
    if of_test is not None:
        return of_test(m)
    web = web_place(m)
    if m.test in _WEB:
        return web
    for line in lines:
        ip, _ = endpoint(m, line.text("ip"))
        hide(m, [(ip, line.whole("port"))])
    return lambda name, ip, port, depth: m.target if name is None else web(name, None, port, depth)


def _name(m: Measurement, line: Line) -> str | None:
    return m.name(line.text("hostname"))


def _lookups(m: Measurement, rows: Rows, lines: Sequence[Line], place: Place) -> None:
    """A row per lookup (its answers stand in several rows of the table), then its answers."""
    memo = m.memo
    found: dict[tuple[str | None, str, str | None, str | None, str | None], list[tuple[str, int | None]]] = {}
    for line in lines:
        answers = line.items("dns_answer") or line.items("dns_answers")
        failure, said = line.text("dns_failure"), line.text("dns_engine")
        if not answers and failure is None and (said is None or line.text("ip") is None):
            continue
        raw = (said or ("unknown" if line.has("dns_engine") else "system")).lower()
        engine = "system" if raw in SYSTEM_ENGINES else raw if raw in SIDE_ENGINES else "unknown"
        kind = line.text("dns_query_type")
        resolver = resolver_of(engine, line.text("dns_engine_resolver_address"), memo)
        if resolver and m.secrets and m.secrets.within(resolver):
            resolver = None
        key = (_name(m, line), engine, kind if kind in QUERY_TYPES else None, resolver, failure)
        known = found.setdefault(key, [])
        asn = line.whole("dns_answer_asn") or line.whole("ip_asn")
        known += [(answer, asn_of(asn)) for answer in answers]
    for (name, engine, kind, resolver, said), answers in found.items():
        outcome, failure = memo.failure(said)
        if outcome == "ok" and not answers:
            outcome = "unknown"
        path, target = engine not in SIDE_ENGINES, place(name, None, None, None)
        if m.test == "signal" and counts_outages(name):
            path = False
        of_query: dict[str, Any] = {
            "engine": engine,
            "query_type": kind,
            "resolver": resolver,
            "hostname": name,
        }
        rows.add("dns_lookup", target=target, outcome=outcome, failure=failure, classic=path, side=False, **of_query)
        for text, asn in dict.fromkeys(answers):
            ip = m.ip(text)
            alias = m.name(text) if ip is None else None
            if ip is not None and asn is not None:
                m.asns[ip] = asn
            if ip is not None and name is not None and (engine == "system" or ip not in m.names):
                m.names[ip] = name
            kind_of = None if ip is None and alias is None else "CNAME" if ip is None else "AAAA" if ":" in ip else "A"
            rows.add(
                "dns_answer", target=target, outcome="ok" if kind_of else "unknown", classic=path, ip=ip, asn=asn,
                side=False, answer_type=kind_of, detail=alias, **of_query,
            )  # fmt: skip


def _endpoint(m: Measurement, line: Line) -> tuple[str | None, str | None, int | None, int | None]:
    """(name, address, port, network of the address)."""
    ip = m.ip(line.text("ip"))
    name = _name(m, line) or (m.names.get(ip) if ip else None)
    asn = asn_of(line.whole("ip_asn")) or (m.asns.get(ip) if ip else None)
    return name, ip, port_of(line.whole("port")), asn


def _connect(m: Measurement, rows: Rows, line: Line, place: Place) -> None:
    outcome, failure = _ended(m, line, "tcp")
    if outcome is None:
        return
    name, ip, port, asn = _endpoint(m, line)
    rows.add(
        "tcp_connect", target=place(name, ip, port, None), outcome=outcome, failure=failure, classic=True,
        side=_beside(m, name, port), hostname=name, ip=ip, port=port, asn=asn, network_proto="tcp",
    )  # fmt: skip


def _ended(m: Measurement, line: Line, layer: str) -> tuple[str | None, str | None]:
    """(outcome, failure) of a step; no outcome where nothing says that it was tried. A failure outweighs a success."""
    said = line.text(f"{layer}_failure")
    if said is not None:
        return m.memo.failure(said)
    return ("ok", None) if line.truth(f"{layer}_success") else (None, None)


def _beside(m: Measurement, name: str | None, port: int | None) -> bool:
    """Another port than the one that the input leads to."""
    return name is not None and name == m.host and m.port is not None and port is not None and port != m.port


def _handshake(m: Measurement, rows: Rows, line: Line, place: Place) -> None:
    outcome, failure = _ended(m, line, "tls")
    if outcome is None:
        if all(line.text(column) is None for column in _SHAKEN):
            return
        outcome = "unknown"
    name, ip, port, asn = _endpoint(m, line)
    name = m.name(line.text("tls_server_name")) or name
    valid = line.truth("tls_is_certificate_valid")
    fingerprint = (line.text("tls_end_entity_certificate_fingerprint") or "").lower()
    rows.add(
        "tls_handshake", target=place(name, ip, port, None), outcome=outcome, failure=failure, classic=True,
        side=_beside(m, name, port), hostname=name, ip=ip, port=port, asn=asn, network_proto="tcp",
        tls_version=word(line.text("tls_version")), verified=False if outcome == "ok" and valid is False else None,
        cert_digest=fingerprint if _DIGEST.fullmatch(fingerprint) else None,
        cert_status=_certificate(m, line, valid, failure),
        cert_issuer=_common(m, line, "issuer"), cert_subject=_common(m, line, "subject"),
    )  # fmt: skip


def _certificate(m: Measurement, line: Line, valid: bool | None, failure: str | None) -> str | None:
    """The certificate as the table describes it; null where it describes none."""
    prefix = "tls_end_entity_certificate_"
    subject, issuer = line.text(f"{prefix}subject"), line.text(f"{prefix}issuer")
    if valid:
        return "ok"
    if valid is None and subject is None:
        return None
    if m.start is not None:
        ends, begins = time_of(line.text(f"{prefix}not_valid_after")), time_of(line.text(f"{prefix}not_valid_before"))
        if ends is not None and ends < m.start:
            return "expired"
        if begins is not None and begins > m.start:
            return "not_yet_valid"
    if subject is not None and subject == issuer:
        return "self_signed"
    return _OF_FAILURE.get(failure or "", "unknown")


def _common(m: Measurement, line: Line, whose: str) -> str | None:
    found = line.text(f"tls_end_entity_certificate_{whose}_common_name")
    return None if found is None else public_text(m.secrets.remove(clean(found)), 120) or None


def _exchange(m: Measurement, rows: Rows, line: Line, place: Place) -> None:
    url, said = line.text("http_request_url"), line.text("http_failure")
    status = line.whole(_STATUS)
    status = status if status is not None and 0 < status < 1000 else None
    if url is None and said is None and status is None:
        return
    parts = m.memo.url(url)
    name, ip, port, asn = _endpoint(m, line)
    scheme = shown = None
    if parts is not None:
        scheme = parts.scheme if parts.scheme in ("http", "https") else None
        name = m.name(parts.hostname) if parts.name else name
        ip = ip or m.ip(parts.ip)
        port = port or port_of(parts.port) or {"http": 80, "https": 443}.get(scheme or "")
        shown = m.secrets.remove(clean(parts.shown)) or "/"
    outcome, failure = m.memo.failure(said)
    if outcome == "ok" and status is None and line.has(_STATUS):
        outcome = "unknown"
    to = m.memo.url(line.text("http_response_header_location"))
    length = line.whole("http_response_body_length")
    rows.add(
        "http_exchange", target=place(name, ip, port, None), outcome=outcome, failure=failure, classic=True,
        side=False, hostname=name, ip=ip, port=port, asn=asn or (m.asns.get(ip) if ip else None),
        network_proto="tcp", method=word(line.text("http_request_method")), scheme=scheme, path=shown, status=status,
        title=m.text(line.text("http_response_body_title")),
        body_length=length if length is not None and length >= 0 else None,
        body_truncated=line.truth("http_response_body_is_truncated"),
        location=None if to is None else m.ip(to.ip) or m.name(to.name),
    )  # fmt: skip
