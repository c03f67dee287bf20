"""Law: small worlds in the schemas of model, so that a test says only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.model import MATCHES, MEASUREMENTS, OBSERVATIONS

DAY = datetime(2026, 3, 10)
SITE, SITE_IP = "news.example", "9.9.1.1"


def table(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    listed = list(rows)
    for row in listed:
        unknown = set(row) - set(schema.names)
        assert not unknown, unknown
    return pa.table([pa.array([row.get(f.name) for row in listed], f.type) for f in schema], schema=schema)


def measurement(name: str, **given: Any) -> dict[str, Any]:
    time = given.pop("time", DAY + timedelta(hours=given.pop("hour", 12)))
    return {
        "measurement": name, "digest": name, "references": "r", "source": "ooni", "locator": f"{name}.jsonl#1",
        "test": "web_connectivity", "test_version": "0.5.28", "software": "ooniprobe/3", "platform": "linux",
        "network_type": "wifi", "country": "XA", "network": 64496, "resolver_network": 64496, "time": time,
        "received": time, "day": f"{time:%Y-%m-%d}", "hour": time.hour,
        "vantage": f"vp-{name}", "vantage_kind": "session",
        "input": f"https://{SITE}/", "target": f"web/{SITE}", "control": "ok", "degraded": "", **given,
    }  # fmt: skip


def fact(name: str, seq: int, operation: str, **given: Any) -> dict[str, Any]:
    layer = {
        "dns_lookup": "dns", "dns_answer": "dns", "tcp_connect": "tcp", "tls_handshake": "tls", "http_exchange": "http",
        "tunnel_bootstrap": "tunnel",
    }.get(operation)  # fmt: skip
    return {
        "measurement": name, "digest": name, "seq": seq, "origin": "probe", "operation": operation, "layer": layer,
        "target": f"web/{given.get('hostname', SITE)}", "classic": True, "side": False, "depth": 0, "hostname": SITE,
        "outcome": "ok", **given,
    }  # fmt: skip


def visit(
    name: str, *, tls: str | None = None, tcp: str | None = None, host: str = SITE, ip: str = SITE_IP
) -> list[dict[str, Any]]:
    """An HTTPS visit with a control that succeeds; `tls` or `tcp` is the failure met, if any."""
    site = {"hostname": host}
    where = {**site, "ip": ip, "ip_version": 4, "ip_class": "public", "asn": 64511, "port": 443}
    rows = [
        fact(name, 0, "dns_lookup", **site, engine="system"),
        fact(name, 1, "dns_answer", **site, ip=ip, ip_version=4, ip_class="public", asn=64511, engine="system"),
        fact(name, 2, "tcp_connect", **where, t=0.1, outcome="failed" if tcp else "ok", failure=tcp),
    ]
    if tcp is None:
        rows.append(fact(name, 3, "tls_handshake", **where, t=0.2, outcome="failed" if tls else "ok", failure=tls))
    if tcp is None and tls is None:
        rows.append(
            fact(
                name,
                4,
                "http_exchange",
                **where,
                scheme="https",
                status=200,
                final=True,
                status_match=True,
                title_match=True,
            )
        )
    control = {"origin": "control", "classic": None}
    rows += [
        fact(name, 10, "dns_lookup", **site, **control),
        fact(name, 11, "dns_answer", **site, **control, ip=ip, ip_version=4, ip_class="public", asn=64511),
        fact(name, 12, "tcp_connect", **where, **control),
        fact(name, 13, "tls_handshake", **where, **control),
        fact(name, 14, "http_exchange", **where, **control, status=200),
    ]
    return rows


World = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def world(*records: tuple[dict[str, Any], Sequence[dict[str, Any]]]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """(measurements, observations, matches) of these records."""
    return (
        table((m for m, _ in records), MEASUREMENTS),
        table((o for _, rows in records for o in rows), OBSERVATIONS),
        MATCHES.empty_table(),
    )
