"""Law: tables as OONI's pipeline writes them are made here, of measurements that nobody made."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clampdown.intake.containers import Limits, Raw, records
from clampdown.intake.features import Kit
from clampdown.model import Batch, Reject
from clampdown.pipeline.observe import read_input

COLUMNS = (
    "report_id", "input", "test_name", "test_version", "measurement_uid", "probe_cc", "probe_asn", "network_type",
    "measurement_start_time", "hostname", "ip", "port", "ip_asn", "resolver_ip", "resolver_asn", "dns_engine",
    "dns_failure", "dns_answer", "tcp_success", "tcp_failure", "tls_handshake_time", "tls_success",
    "tls_is_certificate_valid", "tls_failure", "http_request_url", "http_failure", "probe_analysis", "failure_class",
)  # fmt: skip
SCORES = (
    "domain", "input", "test_name", "probe_asn", "probe_cc", "resolver_asn", "network_type", "measurement_start_time",
    "measurement_uid", "top_probe_analysis", "top_dns_failure", "top_tcp_failure", "top_tls_failure",
    "dns_blocked", "dns_down", "dns_ok", "tcp_blocked", "tcp_down", "tcp_ok", "tls_blocked", "tls_down", "tls_ok",
)  # fmt: skip
SITE, ADDRESS = "news.example", "93.184.216.7"
Cells = Mapping[str, str | None]


def uid(number: int, test: str = "webconnectivity") -> str:
    return f"20240301120000.{number:06}_XA_{test}_{number:016x}"


def shared(number: int, test: str = "web_connectivity") -> dict[str, str | None]:
    """What every row of one measurement says."""
    return {
        "report_id": f"20240301T000000Z_{test.replace('_', '')}_XA_64500_n1_{number:016x}",
        "input": f"https://{SITE}/" if test == "web_connectivity" else None,
        "test_name": test,
        "test_version": "0.4.3",
        "measurement_uid": uid(number, test.replace("_", "")),
        "probe_cc": "XA",
        "probe_asn": "64500",
        "network_type": "wifi",
        "measurement_start_time": "2024-03-01 11:59:58+00:00",
        "resolver_asn": "64500.0",
        "resolver_ip": "198.51.100.53",
    }


def visit(number: int, *, tls: str | None = None, host: str = SITE, ip: str = ADDRESS) -> list[dict[str, str | None]]:
    """A page asked for over HTTPS: the endpoint's row and the exchange's."""
    same = shared(number) | {"input": f"https://{host}/", "hostname": host}
    step = same | {
        "ip": ip, "port": "443.0", "ip_asn": "64510.0", "dns_engine": "system", "dns_answer": ip, "tcp_success": "1.0",
        "tls_success": "1", "tls_handshake_time": "0.2", "tls_failure": tls,
        "tls_is_certificate_valid": None if tls else "1.0",
    }  # fmt: skip
    page = same | {"tls_success": "0", "http_request_url": f"https://{host}/", "http_failure": tls}
    return [step, page]


def table(rows: Iterable[Cells], columns: Sequence[str] = COLUMNS, null: str = "", sign: str = ",") -> bytes:
    out = io.StringIO()
    written = csv.writer(out, delimiter=sign, lineterminator="\n")
    written.writerow(columns)
    for row in rows:
        written.writerow([null if row.get(name) is None else row[name] for name in columns])
    return out.getvalue().encode()


def scored(number: int, day: int = 1, **given: str | None) -> dict[str, str | None]:
    """A row of scores: all passed, but for what is given."""
    same: dict[str, str | None] = {
        "domain": SITE, "input": f"https://{SITE}/", "test_name": "web_connectivity", "probe_asn": "64500",
        "probe_cc": "XA", "resolver_asn": "64500", "network_type": "mobile",
        "measurement_start_time": f"2024-03-{day:02} 10:00:00.000",
        "measurement_uid": f"202403{day:02}100100.{number:06}_XA_webconnectivity_{number:016x}",
        "top_probe_analysis": "false",
    }  # fmt: skip
    for layer in ("dns", "tcp", "tls"):
        same |= {f"{layer}_blocked": "0", f"{layer}_down": "0", f"{layer}_ok": "1"}
    return same | given


def failed(layer: str, failure: str, blocked: str, down: str) -> dict[str, str | None]:
    """The cells of a layer that failed, and of those behind it that were not reached."""
    cells: dict[str, str | None] = {
        f"top_{layer}_failure": failure, f"{layer}_blocked": blocked, f"{layer}_down": down, f"{layer}_ok": "0",
    }  # fmt: skip
    for later in ("dns", "tcp", "tls")[("dns", "tcp", "tls").index(layer) + 1 :]:
        cells[f"{later}_ok"] = "0"
    return cells


def sql(rows: Iterable[Cells], columns: Sequence[str] = SCORES, between: str = "\n, ") -> bytes:
    def value(name: str, found: str | None) -> str:
        if found is None:
            return "NULL"
        if name.endswith(("_ok", "_blocked", "_down", "_asn")):
            return found
        return "'" + found.replace("\\", "\\\\").replace("'", "\\'") + "'"

    head = f"INSERT INTO analysis_web_measurement ({', '.join(f'`{name}`' for name in columns)}) VALUES "
    return (
        head + between.join("(" + ", ".join(value(n, row.get(n)) for n in columns) + ")" for row in rows) + "\n;\n"
    ).encode()


# What is read of them

KIT = Kit()


def raws(data: bytes, **limits: int) -> list[Raw | Reject]:
    return list(records(io.BytesIO(data), "t", Limits(**limits)))


def batches(data: bytes, kit: Kit = KIT) -> list[Batch]:
    return list(read_input(io.BytesIO(data), "t", kit, Limits()))  # type: ignore[arg-type]


def measured(data: bytes, kit: Kit = KIT) -> list[dict[str, Any]]:
    return [row for batch in batches(data, kit) for row in batch.measurements.to_pylist()]


def facts(data: bytes, *names: str, kit: Kit = KIT) -> list[tuple[Any, ...]]:
    return [
        tuple(row[name] for name in names)
        for batch in batches(data, kit)
        for row in sorted(batch.observations.to_pylist(), key=lambda row: (row["measurement"], row["seq"]))
    ]


def rejected(data: bytes) -> list[Reject]:
    return [reject for batch in batches(data) for reject in batch.rejects]
