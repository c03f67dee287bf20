"""Law: the command line's tests make their own records: one site that a resolver denies, one that it gives."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

ADDRESS = {"denied.example": "93.184.216.7", "given.example": "93.184.216.8"}


def record(host: str, day: int, hour: int, session: int, network: int = 64500) -> dict[str, Any]:
    """A web connectivity measurement; the resolver of `network` says that denied.example does not exist."""
    address = ADDRESS[host]
    denied = host == "denied.example"
    stamp = f"202403{day:02}{hour:02}0000.000000"
    answers = None if denied else [{"answer_type": "A", "ipv4": address, "asn": 64510}]
    failure = "dns_nxdomain_error" if denied else None
    page = {"status_code": 200, "title": "Hello", "body_length": 100, "failure": None, "headers": {}}
    body = "<title>Hello</title>" + "x" * 80
    exchange = {
        "failure": failure,
        "request": {"url": f"http://{host}/", "method": "GET", "headers": {}},
        "response": None if denied else {"code": 200, "body": body, "headers": {}},
        "t": 0.3,
    }
    keys: dict[str, Any] = {
        "queries": [
            {"engine": "system", "hostname": host, "query_type": "A", "failure": failure, "answers": answers, "t": 0.1}
        ],
        "tcp_connect": []
        if denied
        else [{"ip": address, "port": 80, "status": {"success": True, "failure": None}, "t": 0.2}],
        "requests": [exchange],
        "control_failure": None,
        "control": {
            "dns": {"failure": None, "addrs": [address]},
            "tcp_connect": {f"{address}:80": {"status": True, "failure": None}},
            "http_request": page,
        },
    }
    return {
        "measurement_uid": f"{stamp}_XA_webconnectivity_{network:08x}{session:04x}{'d' if denied else 'a'}000",
        "report_id": f"202403{day:02}T000000Z_webconnectivity_XA_{network}_n1_{session:016x}",
        "test_name": "web_connectivity",
        "test_version": "0.4.3",
        "software_name": "ooniprobe-cli",
        "software_version": f"3.{session}.0",
        "measurement_start_time": f"2024-03-{day:02} {hour:02}:00:00",
        "test_start_time": f"2024-03-{day:02} {hour:02}:00:00",
        "probe_asn": f"AS{network}",
        "probe_cc": "XA",
        "probe_ip": "127.0.0.1",
        "resolver_asn": f"AS{network}",
        "annotations": {"platform": "linux", "network_type": "wifi"},
        "input": f"http://{host}/",
        "test_runtime": 1.0,
        "test_keys": keys,
    }


def records() -> list[dict[str, Any]]:
    """Two days, three sessions each, two sites, two hours apart."""
    return [
        record(host, day, hour, session)
        for day in (1, 2)
        for hour in (9, 11)
        for session in (1, 2, 3)
        for host in ADDRESS
    ]


def write(folder: Path) -> Path:
    """The records as one packed file of lines."""
    path = folder / "2024030100_XA_webconnectivity.n1.0.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in records()).encode(), mtime=0))
    return path
