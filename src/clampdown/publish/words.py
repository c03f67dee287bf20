"""Law: all prose comes from here, says no more than the evidence, and never says `banned`.

States, grades, mechanisms and reasons as people read them; sentences made from numbers. The words are DESIGN's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clampdown.publish import numbers as num

# Rule id -> (why, false positives), as the rules' own files say it.
Reasons = Mapping[str, tuple[str, str]]

STATE: Final = {
    "ok": "reachable",
    "blocked": "blocked",
    "throttled": "slowed down",
    "partly": "partly blocked",
    "refused": "refused by the far end",
    "down": "down for everyone",
    "conflicting": "conflicting",
    "unknown": "undecided",
    "unclear": "unclear",
    "insufficient": "too little data",
    "invalid": "instrument at fault",
    "not_applicable": "not a question of blocking",
    "mixed": "both within an hour",
    "none": "no data",
}
SHORT: Final = STATE | {"throttled": "slowed", "refused": "refused", "down": "down", "insufficient": "too little"}
STATE_MEANS: Final = {
    "blocked": "Something between the user and the service stops the connection, while the service works elsewhere.",
    "throttled": "The service answers, but at least five times slower than others do in the same session.",
    "refused": "The service itself, or the network in front of it, declines: by place, by law, or until a human "
    "proves to be one. This is not counted as blocked, nor as reachable.",
    "down": "The service fails for everyone, here and elsewhere.",
    "conflicting": "There is enough data, and it does not agree: blocked on some days or for some vantage points, "
    "reachable for others. The days tell more.",
    "ok": "An ordinary program reaches the service.",
    "unknown": "Most tries decided nothing.",
    "insufficient": "Fewer tries or vantage points than the floor below which nothing is said.",
    "none": "Nobody tried on that day. This never reads as reachable.",
}
GRADE: Final = {
    "insufficient": "insufficient",
    "consistent": "consistent",
    "corroborated": "corroborated",
    "confirmed": "confirmed",
}
GRADE_MEANS: Final = {
    "consistent": "the data fits this state, but one vantage point or one day carries it",
    "corroborated": "at least two vantage points saw it on at least two days, or on two networks, and it stands with "
    "any one of them left out",
    "confirmed": "corroborated, and at least two saw a settling artefact: a block page or an answer known to be this "
    "country's",
}
REASON: Final = {
    "few_measurements": "fewer than {measurements} tries decided anything",
    "nothing_decided": "no try decided anything",
    "few_vantage_points": "fewer than {vantage_points} vantage points",
    "vantage_points_unknown": "the vantage points are unknown",
    "mostly_undecided": "most tries decided nothing",
    "no_two_agree": "no two vantage points agree",
}
EXCLUDED: Final = {
    "repeat": "sent again by the same probe, and counted once",
    "invalid": "the probe, its clock or its network was at fault",
    "not_applicable": "tests that measure no target",
    "no_network": "the network is unknown",
    "no_target": "the target is unknown",
}
SECTION: Final = {
    "answer": "The short answer",
    "matrix": "Targets and networks",
    "days": "Day by day",
    "evidence": "The evidence, cell by cell",
    "silence": "What could not be said, and why",
    "methods": "How this was counted",
    "provenance": "Where it comes from, and how to check it",
}
LAYER: Final = {
    "dns": "DNS", "tcp": "TCP", "tls": "TLS", "http": "HTTP", "quic": "QUIC", "tunnel": "tunnel", "record": "record",
    "pool": "other records",
}  # fmt: skip
_HOW: Final = {
    "dns": "something is wrong with the name's lookup",
    "dns.injection": "the name lookup was answered by a forgery",
    "dns.injection.blockpage": "the name lookup led to the address of a block page",
    "dns.injection.bogon": "the name lookup was answered with an address that no public site can have",
    "dns.injection.other": "the name lookup led to an address that is not the site's",
    "dns.nxdomain": "the resolver said that the name does not exist, while it does elsewhere",
    "dns.servfail": "the resolver said that it failed, while the name resolves elsewhere",
    "dns.refused": "the resolver refused the name",
    "dns.no_answer": "the resolver gave no address for the name",
    "dns.timeout": "the resolver never answered for the name",
    "tcp": "the connection could not be made",
    "tcp.reset": "the connection was reset while it was being made",
    "tcp.timeout": "the connection attempt got no answer",
    "tcp.refused": "the connection was refused",
    "tcp.unreachable": "the network said that the address cannot be reached",
    "tls": "the encrypted handshake failed",
    "tls.reset": "the encrypted handshake was cut by a reset",
    "tls.timeout": "the encrypted handshake got no answer",
    "tls.eof": "the encrypted handshake was closed half-way",
    "tls.alert": "the encrypted handshake ended in an alert",
    "tls.stall": "the encrypted connection froze",
    "tls.throttle": "the encrypted connection was slowed down",
    "tls.mitm": "someone else's certificate was shown",
    "tls.mitm.self_signed": "someone else's certificate was shown, signed by itself",
    "tls.mitm.ca_signed": "someone else's certificate was shown, signed by an authority",
    "http": "the page could not be fetched",
    "http.blockpage": "a known block page came instead of the page",
    "http.redirect": "the answer led away to a block page",
    "http.differs": "another page came than elsewhere",
    "http.error": "an error came that others do not get",
    "http.tamper": "what was sent was changed on the way",
    "http.tamper.header": "the headers that were sent came back changed",
    "http.tamper.request_line": "an invalid request was changed or answered on the way",
    "http.reset": "the connection was reset after the request",
    "http.eof": "the connection was closed after the request, without an answer",
    "http.timeout": "the request got no answer",
    "http.throttle": "the page came very slowly",
    "quic": "the QUIC handshake failed",
    "quic.reset": "the QUIC handshake was refused",
    "quic.timeout": "the QUIC handshake got no answer",
    "tunnel": "the tunnel did not work",
    "tunnel.bootstrap": "the tunnel did not start",
    "tunnel.stalled": "the tunnel started and then stood still",
    "tunnel.throttle": "the tunnel was slowed down",
    "server": "the far end declined",
    "server.geofence": "the far end does not serve this place",
    "server.captcha": "the far end asked for proof of being human",
    "server.legal": "the far end withheld the page for legal reasons",
    "server.error": "the far end answered with an error",
}
_BECAUSE: Final = {
    "sni": ", and another name passed on the same address",
    "host": ", and another name passed on the same address",
    "ech": ", and only where the name was hidden",
    "other": ", whatever the name",
}


def how(mechanism: str | None) -> str:
    """What a mechanism looked like, as a clause; an id unknown here is told by its nearest known ancestor."""
    if not mechanism:
        return ""
    stem, _, leaf = mechanism.rpartition(".")
    if mechanism not in _HOW and stem in _HOW and leaf in _BECAUSE:
        return _HOW[stem] + _BECAUSE[leaf]
    path = mechanism
    while path and path not in _HOW:
        path = path.rpartition(".")[0]
    return _HOW.get(path, f"of a kind without a name here ({num.plain(mechanism)})")


def why(state: str, mechanism: str | None, rule: str | None, reasons: Reasons | None = None) -> str:
    """One plain sentence for a verdict."""
    said = (reasons or {}).get(rule or "", ("", ""))[0]
    clause = how(mechanism)
    if state in ("blocked", "throttled", "refused") and clause:
        head = {"blocked": "Blocked", "throttled": "Slowed down", "refused": "Refused by the far end"}[state]
        return f"{head}: {clause}. {said}".strip()
    fallback = {
        "ok": "The target was reached by the path that an ordinary program takes.",
        "down": "The controls failed in the same way: the target is down for everyone.",
        "unknown": "Nothing in the record decides it.",
        "invalid": "The probe, its clock or its network was at fault; the record says nothing of the target.",
        "not_applicable": "This test measures no target.",
        "blocked": "The target was blocked.",
        "throttled": "The target was slowed down.",
        "refused": "The far end answered and declined.",
    }[state]
    return f"{fallback} {said}".strip() if said else fallback


# What came of a step, by its failure; failures not listed are printed as they are.
_FAILURE: Final = {
    "connection_reset": "the connection was reset",
    "connection_refused": "the connection was refused",
    "connection_aborted": "the connection was aborted",
    "generic_timeout_error": "no answer in time",
    "eof_error": "closed without an answer",
    "dns_nxdomain_error": "the resolver said that the name does not exist",
    "dns_no_answer": "the resolver had no address",
    "dns_server_failure": "the resolver said that it failed",
    "dns_refused_error": "the resolver refused",
    "dns_bogon_error": "an address that no public site can have",
    "host_unreachable": "the host cannot be reached",
    "network_unreachable": "the network cannot be reached",
    "ssl_invalid_hostname": "the certificate is for another name",
    "ssl_unknown_authority": "the certificate's authority is unknown",
    "ssl_invalid_certificate": "the certificate is not valid",
    "ssl_failed_handshake": "the handshake failed",
    "interrupted": "interrupted",
}


def failure(name: str | None) -> str:
    """A failure as people read it."""
    if name is None:
        return "failed for a reason that the record does not give"
    return _FAILURE.get(name, num.plain(name.replace("_", " ")))


_ENGINE: Final = {
    "system": "the system's resolver",
    "udp": "a resolver over UDP",
    "tcp": "a resolver over TCP",
    "doh": "DNS over HTTPS",
    "dot": "DNS over TLS",
}


def tried(row: Mapping[str, Any]) -> str:
    """What one observation tried."""
    host = num.plain(str(row.get("hostname") or "a name that is not given"))
    where = _endpoint(row)
    operation = row["operation"]
    if operation in ("dns_lookup", "dns_answer"):
        through = _ENGINE.get(row.get("engine") or "", "a resolver")
        by = f"{through} ({num.plain(row['resolver'])})" if row.get("resolver") else through
        return f"look up {host} ({row.get('query_type') or 'A'}) with {by}"
    if operation == "tcp_connect":
        return f"connect to {where}"
    if operation == "tls_handshake":
        return f"TLS handshake for {host} at {where}"
    if operation == "quic_handshake":
        return f"QUIC handshake for {host} at {where}"
    if operation == "http_exchange":
        scheme = row.get("scheme") or "http"
        return f"{row.get('method') or 'GET'} {scheme}://{host}{num.plain(row.get('path') or '/')}"
    if operation == "tunnel_bootstrap":
        return f"start the tunnel ({num.plain(row.get('role') or row.get('target') or 'unnamed')}) at {where}"
    if operation == "transfer":
        return f"receive data from {host if row.get('hostname') else where}"
    return "send a request that a middlebox would change"


def _endpoint(row: Mapping[str, Any]) -> str:
    ip, port = row.get("ip"), row.get("port")
    if ip is None:
        return "an address that is not kept" if port is None else f"an address that is not kept, port {port}"
    shown = f"[{ip}]" if ":" in ip else ip
    owner = f" ({num.network(row['asn'])})" if row.get("asn") else ""
    return f"{shown}:{port}{owner}" if port is not None else f"{shown}{owner}"


def came_back(row: Mapping[str, Any]) -> str:
    """What came back; nothing known never reads as success."""
    if row["outcome"] == "failed":
        return failure(row.get("failure"))
    if row["outcome"] != "ok":
        return "the record does not say"
    operation = row["operation"]
    if operation == "dns_answer":
        answer = row.get("ip") or row.get("detail") or "an answer without an address"
        kind = row.get("ip_class")
        owner = f", {num.network(row['asn'])}" if row.get("asn") else ""
        return (
            num.plain(str(answer))
            + owner
            + (f", a {kind.replace('_', ' ')} address" if kind not in (None, "public") else "")
        )
    if operation in ("tls_handshake", "quic_handshake"):
        status = row.get("cert_status")
        return f"done, certificate: {status.replace('_', ' ')}" if status else "done"
    if operation == "http_exchange":
        parts = [f"status {row['status']}" if row.get("status") is not None else "an answer"]
        if row.get("title"):
            parts.append(f"title “{num.plain(row['title'], 120)}”")
        if row.get("body_length") is not None:
            parts.append(f"{num.count(row['body_length'])} bytes")
        if row.get("location"):
            parts.append(f"leads to {num.plain(row['location'])}")
        return ", ".join(parts)
    if operation == "transfer" and row.get("bytes") is not None and row.get("seconds"):
        speed = row["bytes"] * 8 / row["seconds"] / 1000
        return f"{num.count(row['bytes'])} bytes in {row['seconds']:.1f} s ({speed:,.0f} kbit/s)"
    if operation == "tunnel_bootstrap" and row.get("progress") is not None:
        return f"got to {num.percent(row['progress'])} of the start"
    return "done"


CONTROL: Final = {
    "ok": "The record carries a control: the same steps from where the censor is not.",
    "failed": "The control itself failed, so there is nothing to hold the answers against.",
    "none": "The record carries no control.",
}
SHOW: Final = {
    "tried": "What was tried, and what came back",
    "control": "What the control saw",
    "rules": "Rules that fired",
    "against": "What speaks against it",
    "nothing": "Nothing was recorded.",
    "no_control": "Nothing.",
    "no_rules": "No rule fired.",
    "no_doubt": "No rule that fired says otherwise.",
    "hop": "after {depth} redirect(s)",
    "beside": "beside the path of an ordinary program",
    "decides": "decides",
    "noted": "noted",
    "degraded": "These fields could not be read: {fields}.",
    "instrument": "The record says of itself: {instrument}.",
    "control_failed": "The control failed: a fault of the service itself cannot be told from a block.",
    "wrong_if": "Wrong where: {text}",
    "other_rule": "{rule} says {verdict}: {text}",
    "peer": "The publisher's own opinion (never used here)",
}
