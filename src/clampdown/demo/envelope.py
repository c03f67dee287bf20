"""Law: every record says who measured, when and from where; its id follows from what it names, not from a clock.

Facts of the shape: OONI data format specification df-000 and the collector's ids.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

BACKEND = {"backend": {"address": "https://helper.example/", "type": "https"}}


@dataclass(frozen=True, slots=True)
class Probe:
    """One vantage point as its records describe it."""

    network: int
    network_name: str
    country: str = "XA"
    platform: str = "android"
    software: str = "ooniprobe-android"
    version: str = "3.22.0"
    network_type: str = "mobile"
    resolver: str = "198.18.0.53"
    resolver_network: int | None = None  # None: the same network
    credential: str = ""
    name: str = ""  # tells probes apart; never written

    @property
    def session(self) -> str:
        return hashlib.sha256(f"{self.network}/{self.name}".encode()).hexdigest()


def short(test: str) -> str:
    return test.replace("_", "")


def report_id(probe: Probe, test: str, started: datetime) -> str:
    tail = hashlib.sha256(f"{probe.session}{test}{started.isoformat()}".encode()).hexdigest()[:16]
    return f"{started:%Y%m%dT%H%M%SZ}_{short(test)}_{probe.country}_{probe.network}_n1_{tail}"


def record(
    probe: Probe,
    test: str,
    version: str,
    keys: dict[str, Any],
    *,
    time: datetime,
    session: datetime,
    given: str | None,
    runtime: float = 1.0,
    received: datetime | None = None,
    shown: datetime | None = None,
) -> dict[str, Any]:
    """A whole record. `shown`: what the probe's clock said, where it is wrong."""
    network = f"AS{probe.network}"
    resolver = probe.resolver_network or probe.network
    arrived = received or time + timedelta(seconds=int(runtime) + 3)
    start = shown or time
    made: dict[str, Any] = {
        "annotations": {
            "architecture": "arm64", "engine_name": "ooniprobe-engine", "engine_version": probe.version,
            "network_type": probe.network_type, "platform": probe.platform,
        },
        "data_format_version": "0.2.0",
        "extensions": {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0, "tunnel": 0},
        "input": given,
        "measurement_start_time": f"{start:%Y-%m-%d %H:%M:%S}",
        "probe_asn": network, "probe_cc": probe.country, "probe_ip": "127.0.0.1",
        "probe_network_name": probe.network_name,
        "report_id": report_id(probe, test, session),
        "resolver_asn": f"AS{resolver}", "resolver_ip": probe.resolver, "resolver_network_name": probe.network_name,
        "software_name": probe.software, "software_version": probe.version,
        "test_helpers": BACKEND,
        "test_keys": keys, "test_name": test, "test_runtime": round(runtime, 6),
        "test_start_time": f"{session:%Y-%m-%d %H:%M:%S}", "test_version": version,
    }  # fmt: skip
    made["measurement_uid"] = uid(probe, test, arrived, given)
    if probe.credential:
        made["probe_id"] = probe.credential
        made["is_verified"] = "t"
    return made


def uid(probe: Probe, test: str, arrived: datetime, given: str | None) -> str:
    """The collector's id: the time of arrival and sixteen digits."""
    text = f"{probe.session}{test}{arrived.isoformat()}{given}"
    digits = hashlib.sha256(text.encode()).hexdigest()
    micro = int(digits[:5], 16) % 1_000_000
    return f"{arrived:%Y%m%d%H%M%S}.{micro:06d}_{probe.country}_{short(test)}_{digits[-16:]}"


def line(made: dict[str, Any]) -> bytes:
    """One line of an archive."""
    return msgspec.json.encode(made) + b"\n"
