"""Law: the archive of the benchmark is made here, from a seed, the same bytes on every machine; nothing in it is real.

Three profiles in the shape of OONI's public archive: `web` (web_connectivity 0.4, which nearly all probes ran until
2026: some 27 KB a record, most of it page bodies), `web05` (version 0.5: more steps, more events, every header twice)
and `mix` (small tests of a few hundred bytes to some KB). Pages are put together from a pool of fragments, so that
they pack about as well as real ones (5:1) and no two are equal.
"""

from __future__ import annotations

import base64
import gzip
import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

START = datetime(2024, 3, 1, tzinfo=UTC)
HOSTS = 80
SESSION = 40  # sites that a probe visits in one go
FILE_BYTES = 20 << 20
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
Record = dict[str, Any]


class World:
    """What the records speak of: words, page fragments, hosts with their certificates, networks, probes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        letters = "aaabcdeeefghiiijklmnooopqrstuuvwxyzéß"
        words = ["".join(self.random.choices(letters, k=self.random.randint(2, 11))) for _ in range(4000)]
        self.fragments = [self._fragment(words) for _ in range(600)]
        self.hosts = [f"{words[n]}{n}.example".encode("idna").decode() for n in range(HOSTS)]
        self.chains = [_chain(n, host) for n, host in enumerate(self.hosts)]

    def _fragment(self, words: list[str]) -> str:
        """A KB or three of a page: text, markup, now and then a script."""
        draw = self.random
        parts: list[str] = []
        script = draw.random() < 0.2
        for _ in range(draw.randint(9, 25)):
            some = draw.sample(words, 6)
            if script:
                parts.append(
                    f"function {some[0]}({some[1]}){{if({some[1]}>{draw.randint(0, 99)}){{return [{some[2]}]}}}}"
                )
            else:
                parts.append(f'<div class="{some[0]}"><a href="/{some[1]}">{some[2]}</a> {" ".join(some[3:])}</div>')
        text = "\n".join(parts)
        return f"<script>{text}</script>" if script else text

    def page(self, fragments: float = 3, spread: float = 0.8, most: int = 18) -> str:
        """A page of lognormal length: the median and the highest number of fragments."""
        size = min(int(self.random.lognormvariate(math.log(fragments), spread)), most) + 1
        title = self.random.choice(self.hosts)
        body = "\n".join(self.random.sample(self.fragments, size))
        return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"


def _chain(number: int, host: str) -> list[dict[str, str]]:
    """A leaf and its issuer; Ed25519 signs without chance, so the bytes follow from the number."""
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (host, "Bench issuer", "Bench root")
    ]
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([part]) * 31 + bytes([number])) for part in (1, 2)]
    issuer_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    alternatives = [x509.DNSName(host), *(x509.DNSName(f"n{n}.{host}") for n in range(20))]
    out: list[dict[str, str]] = []
    for level, signer in ((0, keys[1]), (1, issuer_key)):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(names[level])
            .issuer_name(names[level + 1])
            .public_key(keys[level].public_key())
            .serial_number(1000 + number)
            .not_valid_before(START - timedelta(days=60))
            .not_valid_after(START + timedelta(days=300))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(signer, None)
        )
        der = certificate.public_bytes(serialization.Encoding.DER)
        out.append({"data": base64.b64encode(der).decode(), "format": "base64"})
    return out


def _envelope(world: World, number: int, test: str, version: str, keys: Record, asked: str | None) -> Record:
    draw = world.random
    started = START + timedelta(seconds=number * 13 % (5 * 86_400))
    stamp = started + timedelta(seconds=draw.randint(5, 90))
    short = test.replace("_", "")
    # A probe visits many sites in one session, under one report; each small test is a report of its own.
    session = number // SESSION if test == "web_connectivity" else number
    network = 64496 + session % 8
    opened = START + timedelta(seconds=session * SESSION * 13 % (5 * 86_400))
    return {
        "annotations": {
            "architecture": "arm64",
            "engine_version": "3.20.0",
            "network_type": "wifi",
            "platform": "linux",
        },
        "data_format_version": "0.2.0",
        "input": asked,
        "measurement_start_time": f"{started:%Y-%m-%d %H:%M:%S}",
        "measurement_uid": f"{stamp:%Y%m%d%H%M%S}.{number % 10**6:06d}_XA_{short}_{draw.getrandbits(64):016x}",
        "probe_asn": f"AS{network}",
        "probe_cc": "XA",
        "probe_ip": "127.0.0.1",
        "report_id": f"{opened:%Y%m%dT%H%M%SZ}_{short}_XA_{network}_n1_{session:016x}",
        "resolver_asn": f"AS{network}",
        "resolver_ip": "192.0.2.53",
        "software_name": "ooniprobe-cli",
        "software_version": "3.20.0",
        "test_helpers": {"backend": {"address": "https://th.example", "type": "https"}},
        "test_keys": keys,
        "test_name": test,
        "test_runtime": round(draw.uniform(0.4, 9), 6),
        "test_start_time": f"{started:%Y-%m-%d %H:%M:%S}",
        "test_version": version,
    }


def _step(draw: random.Random, transaction: int, *tags: str) -> Record:
    begun = round(draw.uniform(0.01, 1), 6)
    return {"failure": None, "t0": begun, "t": begun + 0.02, "tags": list(tags), "transaction_id": transaction}


def _headers(draw: random.Random) -> list[list[str]]:
    return [
        ["Cache-Control", "private, no-cache, no-store, must-revalidate"],
        ["Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"],
        ["Content-Type", "text/html; charset=utf-8"],
        ["Date", "Fri, 01 Mar 2024 10:00:00 GMT"],
        ["Etag", f'"{draw.getrandbits(64):x}"'],
        ["Server", "nginx"],
        ["Set-Cookie", f"session={draw.getrandbits(128):x}; Path=/; Secure; HttpOnly"],
        ["Strict-Transport-Security", "max-age=63072000"],
        ["Vary", "Accept-Encoding"],
        ["X-Content-Type-Options", "nosniff"],
        ["X-Frame-Options", "DENY"],
    ]


def _web_endpoint(world: World, keys: Record, host: int, ip: str, transaction: int, port: int) -> None:
    draw = world.random
    tags = ("classic", "tcptls_experiment", "depth=0", "fetch_body=true")
    name, address = world.hosts[host], f"{ip}:{port}"
    events: list[Record] = keys["network_events"]
    events.append({**_step(draw, transaction, *tags), "address": address, "operation": "connect", "proto": "tcp"})
    status = {"failure": None, "success": True}
    keys["tcp_connect"].append({**_step(draw, transaction, *tags), "ip": ip, "port": port, "status": status})
    if port == 443:
        keys["tls_handshakes"].append({
            **_step(draw, transaction, *tags), "network": "tcp", "address": address, "server_name": name,
            "cipher_suite": "TLS_AES_128_GCM_SHA256", "negotiated_protocol": "h2", "no_tls_verify": False,
            "peer_certificates": world.chains[host], "tls_version": "TLSv1.3",
        })  # fmt: skip
    for n in range(draw.randint(8, 24)):
        event = {"address": address, "num_bytes": draw.randint(60, 1400), "operation": ("read", "write")[n % 2]}
        events.append({**_step(draw, transaction, *tags), **event, "proto": "tcp"})
    scheme = "https" if port == 443 else "http"
    pairs = _headers(draw)
    response = {
        "body": world.page(),
        "body_is_truncated": False,
        "code": 200,
        "headers_list": pairs,
        "headers": dict(pairs),
    }
    sent = [["Accept", "*/*"], ["Accept-Language", "en-US,en;q=0.9"], ["Host", name], ["User-Agent", AGENT]]
    request = {"url": f"{scheme}://{name}/", "method": "GET", "body": "", "body_is_truncated": False}
    request |= {"headers_list": sent, "headers": dict(sent), "x_transport": "tcp"}
    exchange = {**_step(draw, transaction, *tags), "network": "tcp", "address": address, "alpn": "h2"}
    keys["requests"].append({**exchange, "request": request, "response": response})


def web(world: World, number: int) -> Record:
    """A web_connectivity 0.4 record: one resolver, one connection, the chain of requests newest first, the control."""
    draw = world.random
    host = draw.randrange(HOSTS)
    name = world.hosts[host]
    ip = f"198.51.100.{host + 1}"
    address, failed = f"{ip}:443", draw.random() < 0.08
    status = {"blocked": False, "failure": None, "success": True}
    events: list[Record] = [{"address": address, "failure": None, "operation": "connect", "proto": "tcp", "t": 0.05}]
    for n in range(draw.randint(6, 14)):
        operation, size = ("write", "read")[n % 2], draw.randint(60, 1400)
        events.append({"failure": None, "num_bytes": size, "operation": operation, "t": 0.06 + n / 100})
    handshake = {
        "address": address, "cipher_suite": "TLS_AES_128_GCM_SHA256", "failure": None, "negotiated_protocol": "h2",
        "no_tls_verify": False, "peer_certificates": world.chains[host], "server_name": name, "t": 0.2, "tags": None,
        "tls_version": "TLSv1.3",
    }  # fmt: skip
    answers = [{"answer_type": "A", "asn": 64500, "as_org_name": "Bench", "ipv4": ip, "ttl": None}]
    query = {"engine": "system", "failure": None, "hostname": name, "resolver_address": "", "t": 0.02}
    body = world.page(7, 1.1, 80)
    requests = [] if failed else [_old_request(draw, f"https://{name}/", 200, body)]
    if draw.random() < 0.25:
        requests.append(_old_request(draw, f"http://{name}/", 301, "<html><body>Moved</body></html>"))
    works = {"failure": None, "status": True}
    keys: Record = {
        "accessible": not failed, "agent": "redirect", "blocking": False, "body_length_match": True,
        "body_proportion": 1, "client_resolver": "192.0.2.53", "control_failure": None, "dns_consistency": "consistent",
        "dns_experiment_failure": None, "headers_match": True, "http_experiment_failure": None,
        "network_events": events, "queries": [
            {**query, "answers": answers, "query_type": "A"},
            {**query, "answers": None, "failure": "dns_no_answer", "query_type": "AAAA"},
        ],
        "requests": requests, "retries": None, "socksproxy": None, "status_code_match": True,
        "tcp_connect": [{"ip": ip, "port": 443, "status": status, "t": 0.05}], "title_match": True,
        "tls_handshakes": [handshake], "x_status": 1,
        "control": {
            "dns": {"addrs": [ip], "failure": None},
            "http_request": {
                "body_length": len(body.encode()), "failure": None, "headers": dict(_headers(draw)),
                "status_code": 200, "title": body.split("</title>")[0].rsplit("<title>", 1)[1],
            },
            "tcp_connect": {address: works},
        },
    }  # fmt: skip
    return _envelope(world, number, "web_connectivity", "0.4.3", keys, f"https://{name}/")


def _old_request(draw: random.Random, url: str, code: int, body: str) -> Record:
    pairs = _headers(draw)
    response = {"body": body, "body_is_truncated": False, "code": code, "headers": dict(pairs), "headers_list": pairs}
    sent = [["Accept", "*/*"], ["Accept-Language", "en-US;q=0.8,en;q=0.5"], ["User-Agent", AGENT]]
    asked = {"body": "", "body_is_truncated": False, "headers": dict(sent), "headers_list": sent, "method": "GET"}
    asked |= {"tor": {"exit_ip": None, "exit_name": None, "is_tor": False}, "url": url, "x_transport": "tcp"}
    return {"failure": None, "request": asked, "response": response, "t": 0.5}


def web05(world: World, number: int) -> Record:
    """A web_connectivity 0.5 record: three resolvers, two to four endpoints, the pages they gave, the control."""
    draw = world.random
    host = draw.randrange(HOSTS)
    name = world.hosts[host]
    ips = [f"198.51.100.{host + 1}", f"203.0.113.{host + 1}"]
    keys: Record = {key: [] for key in ("queries", "tcp_connect", "tls_handshakes", "network_events", "requests")}
    for transaction, (engine, resolver) in enumerate(
        (("getaddrinfo", ""), ("udp", "8.8.8.8:53"), ("doh", "https://dns.google/dns-query"))
    ):
        answers = [{"answer_type": "A", "ipv4": ip, "asn": 64500, "as_org_name": "Bench", "ttl": None} for ip in ips]
        query = {
            "answers": answers,
            "engine": engine,
            "hostname": name,
            "query_type": "A",
            "resolver_address": resolver,
        }
        keys["queries"].append(
            {**_step(draw, transaction + 1, "depth=0", *(("classic",) if not transaction else ())), **query}
        )
    for n, ip in enumerate(ips):
        _web_endpoint(world, keys, host, ip, 10 + n, 443)
    if draw.random() < 0.15:  # a side without TLS
        _web_endpoint(world, keys, host, ips[0], 30, 80)
    final = keys["requests"][0]["response"]
    works = {"failure": None, "status": True}
    keys["control"] = {
        "dns": {"failure": None, "addrs": ips},
        "http_request": {
            "body_length": len(final["body"].encode()), "failure": None, "headers": final["headers"],
            "status_code": 200,
            "title": final["body"].split("</title>")[0].rsplit("<title>", 1)[1],
        },
        "ip_info": {ip: {"asn": 64500, "flags": 11} for ip in ips},
        "tcp_connect": {f"{ip}:443": works for ip in ips},
        "tls_handshake": {f"{ip}:443": {**works, "server_name": name} for ip in ips},
    }  # fmt: skip
    keys |= {"agent": "redirect", "blocking": False, "accessible": True, "control_failure": None, "x_dns_flags": 0}
    return _envelope(world, number, "web_connectivity", "0.5.28", keys, f"https://{name}/")


def _endpoints(draw: random.Random, count: int, port: int) -> list[Record]:
    status = {"failure": None, "success": True}
    return [{**_step(draw, n + 1), "ip": f"192.0.2.{n + 1}", "port": port, "status": status} for n in range(count)]


def _lookups(draw: random.Random, name: str) -> list[Record]:
    answers = [{"answer_type": "A", "ipv4": "192.0.2.9", "asn": 64500, "ttl": None}]
    return [{**_step(draw, 1), "answers": answers, "engine": "system", "hostname": name, "query_type": "A"}]


# One small test a line: version, input, and the keys of the test.
_SMALL: dict[str, tuple[str, str | None, Callable[[random.Random], Record]]] = {
    "telegram": ("0.3.1", None, lambda d: {"tcp_connect": _endpoints(d, 10, 443), "telegram_web_status": "ok"}),
    "whatsapp": ("0.11.0", None, lambda d: {"tcp_connect": _endpoints(d, 16, 5222), "whatsapp_web_status": "ok"}),
    "signal": ("0.2.5", None, lambda d: {"queries": _lookups(d, "signal.example"), "signal_backend_status": "ok"}),
    "facebook_messenger": ("0.2.1", None, lambda d: {"tcp_connect": _endpoints(d, 7, 443)}),
    "psiphon": ("0.6.0", None, lambda d: {"bootstrap_time": d.uniform(1, 9), "failure": None}),
    "vanilla_tor": ("0.3.0", None, lambda d: {"tor_progress": 100, "bootstrap_time": d.uniform(3, 60)}),
    "stunreachability": ("0.4.0", "stun://stun.example:3478", lambda d: {"queries": _lookups(d, "stun.example")}),
    "dnscheck": ("0.9.2", "dot://dns.example:853", lambda d: {"bootstrap": {"queries": _lookups(d, "dns.example")}}),
    "http_invalid_request_line": ("0.2.0", None, lambda _: {"tampering": False, "sent": ["A"], "received": ["A"]}),
    "ndt": ("0.10.0", None, lambda d: {"summary": {"download": d.uniform(1e3, 9e4), "ping": d.uniform(5, 90)}}),
}  # fmt: skip


def mix(world: World, number: int) -> Record:
    """A record of one of the small tests."""
    test = world.random.choice(list(_SMALL))
    version, asked, keys = _SMALL[test]
    return _envelope(world, number, test, version, keys(world.random), asked)


PROFILES: dict[str, Callable[[World, int], Record]] = {"web": web, "web05": web05, "mix": mix}


def lines(profile: str, size: int, seed: int) -> Iterator[bytes]:
    """Records as lines until there are `size` bytes."""
    world = World(seed)
    made = number = 0
    while made < size:
        line = msgspec.json.encode(PROFILES[profile](world, number)) + b"\n"
        made += len(line)
        number += 1
        yield line


def write(folder: Path, profile: str, size: int, seed: int = 7) -> list[Path]:
    """The archive as gzip files of about 20 MB unpacked, at the level that the public archive uses."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    each = min(FILE_BYTES, max(size // 4, 1))
    held: list[bytes] = []
    length = 0

    def close() -> None:
        path = folder / f"2024030110_XA_{profile}.n{len(paths)}.0.jsonl.gz"
        path.write_bytes(gzip.compress(b"".join(held), 6, mtime=0))
        paths.append(path)
        held.clear()

    for line in lines(profile, size, seed):
        held.append(line)
        length += len(line)
        if length >= each:
            close()
            length = 0
    if held:
        close()
    return paths
