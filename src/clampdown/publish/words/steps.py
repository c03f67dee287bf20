"""Law: a step is told as it happened: what was tried, and what came back; what is not known never reads as success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clampdown.publish import numbers as num

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
        method, scheme = row.get("method") or "GET", row.get("scheme") or "http"
        path = num.plain(row.get("path") or "/")
        if row.get("hostname") is None and row.get("ip") is None:
            return f"{method} {path} ({scheme}) at {where}"
        at = host if row.get("hostname") else _endpoint({"ip": row["ip"], "port": row.get("port")})
        return f"{method} {scheme}://{at}{path}"
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
    "behind": "behind another rule",
    "outrun": "It would have had the say here had the rules before it not fired.",
    "degraded": "These fields could not be read: {fields}.",
    "instrument": "The record says of itself: {instrument}.",
    "control_failed": "The control failed: a fault of the service itself cannot be told from a block.",
    "wrong_if": "Wrong where: {text}",
    "other_rule": "{rule} says {verdict}: {text}",
    "peer": "The publisher's own opinion (never used here)",
}
