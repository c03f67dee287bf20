"""Law: the tests' own records: one small web connectivity measurement, every part of which a test may change."""

from __future__ import annotations

import json
from typing import Any

from clampdown.intake.containers import Raw
from clampdown.intake.features import Kit
from clampdown.intake.sources.ooni import read
from clampdown.model import Batch

UID = "20240301101112.131415_XA_webconnectivity_0123456789abcdef"
PAGE = "<html><head><title>A page about birds</title></head><body>birds</body></html>"


TAGS = ["classic", "tcptls_experiment", "depth=0", "fetch_body=true"]
ENDPOINT = "93.184.215.14:443"


def web(**changes: Any) -> dict[str, Any]:
    """A successful measurement of https://birds.example/ in the shape of version 0.5; `changes` are test keys."""
    keys: dict[str, Any] = {
        **probe_steps(),
        "network_events": None,
        "control": control(),
        "control_failure": None,
        "blocking": False,
        "accessible": True,
        **changes,
    }
    return envelope("web_connectivity", keys, input="https://birds.example/")


def probe_steps() -> dict[str, Any]:
    """One lookup, one connect, one handshake, one exchange."""
    lookup = {
        "answers": [{"answer_type": "A", "ipv4": "93.184.215.14", "asn": 64500}],
        "engine": "getaddrinfo",
        "failure": None,
        "hostname": "birds.example",
        "query_type": "ANY",
        "resolver_address": "",
        "t0": 0.01,
        "t": 0.02,
        "tags": ["classic", "depth=0"],
        "transaction_id": 10001,
    }
    shared: dict[str, Any] = {"tags": TAGS, "transaction_id": 30001}
    connect = {"ip": "93.184.215.14", "port": 443, "status": {"success": True, "failure": None}, "t0": 0.03, "t": 0.04}
    handshake = {
        "address": ENDPOINT,
        "network": "tcp",
        "failure": None,
        "server_name": "birds.example",
        "tls_version": "TLSv1.3",
        "negotiated_protocol": "h2",
        "no_tls_verify": False,
        "peer_certificates": None,
        "t0": 0.05,
        "t": 0.06,
    }
    return {
        "queries": [lookup],
        "tcp_connect": [connect | shared],
        "tls_handshakes": [handshake | shared],
        "requests": [exchange() | shared],
    }


def exchange() -> dict[str, Any]:
    """The page fetched."""
    return {
        "address": ENDPOINT,
        "network": "tcp",
        "alpn": "h2",
        "failure": None,
        "request": {"method": "GET", "url": "https://birds.example/", "x_transport": "tcp"},
        "response": {
            "code": 200,
            "body": PAGE,
            "body_is_truncated": False,
            "headers_list": [["Server", "nest"], ["X-Birds", "robin"]],
        },
        "t0": 0.07,
        "t": 0.08,
    }


def control() -> dict[str, Any]:
    """The same seen by the test helper."""
    return {
        "dns": {"failure": None, "addrs": ["93.184.215.14"]},
        "tcp_connect": {ENDPOINT: {"status": True, "failure": None}},
        "tls_handshake": {ENDPOINT: {"server_name": "birds.example", "status": True, "failure": None}},
        "http_request": {
            "body_length": len(PAGE),
            "failure": None,
            "title": "A page about birds",
            "headers": {"Server": "nest", "X-Birds": "robin"},
            "status_code": 200,
        },
        "ip_info": {"93.184.215.14": {"asn": 64500, "flags": 11}},
    }


def envelope(test: str, keys: Any, **changes: Any) -> dict[str, Any]:
    """An envelope around test keys."""
    return {
        "annotations": {"platform": "linux", "network_type": "wifi"},
        "data_format_version": "0.2.0",
        "input": None,
        "measurement_start_time": "2024-03-01 10:11:01",
        "measurement_uid": UID,
        "probe_asn": "AS64500",
        "probe_cc": "XA",
        "probe_ip": "127.0.0.1",
        "report_id": "20240301T101100Z_webconnectivity_XA_64500_n1_0123456789abcdef",
        "resolver_asn": "AS64500",
        "resolver_ip": "127.0.0.2",
        "software_name": "probe",
        "software_version": "1.2.3",
        "test_keys": keys,
        "test_name": test,
        "test_runtime": 1.5,
        "test_start_time": "2024-03-01 10:11:00",
        "test_version": "0.5.28",
        **changes,
    }


def raw(record: Any, file: str = "records.jsonl", line: int | None = 1) -> Raw:
    """The record as a container would give it."""
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    return Raw(data, file, None, line, "json")


def batch(*records: Any, kit: Kit | None = None) -> Batch:
    """One batch of these records."""
    (only,) = read([raw(record, line=i) for i, record in enumerate(records, 1)], kit or Kit())
    return only


def observed(record: Any, kit: Kit | None = None) -> list[dict[str, Any]]:
    """The observations of one record, in its order, nulls left out."""
    rows = batch(record, kit=kit).observations.sort_by("seq").to_pylist()
    return [{k: v for k, v in row.items() if v is not None and k not in ("measurement", "digest")} for row in rows]


def measured(record: Any, kit: Kit | None = None) -> dict[str, Any]:
    """The measurements row of one record."""
    (row,) = batch(record, kit=kit).measurements.to_pylist()
    return row
