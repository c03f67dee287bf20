"""Law: the tests' own records of the small nettests, in the shapes of their ages; a test may change any part."""

from __future__ import annotations

from typing import Any

GATEWAY = "185.199.40.7"  # an address that no tool publishes
BRIDGE = "185.199.41.8:9443"
ECHO = '{"headers_dict": {"aCCept": ["a"]}, "request_line": "GeT / HTTP/1.1"}'


def lookup(
    name: str, *addresses: str, failure: str | None = None, engine: str = "system", **more: Any
) -> dict[str, Any]:
    """df-002."""
    kinds = (("AAAA", "ipv6") if ":" in ip else ("A", "ipv4") for ip in addresses)
    answers = [{"answer_type": kind, key: ip} for (kind, key), ip in zip(kinds, addresses, strict=True)]
    return {
        "hostname": name,
        "engine": engine,
        "failure": failure,
        "query_type": "A",
        "answers": answers or None,
        **more,
    }


def connect(ip: str, port: int, failure: str | None = None, **more: Any) -> dict[str, Any]:
    """df-005."""
    return {"ip": ip, "port": port, "status": {"success": failure is None, "failure": failure}, "t": 0.2, **more}


def shake(name: str | None, address: str, failure: str | None = None, **more: Any) -> dict[str, Any]:
    """df-006."""
    return {"server_name": name, "address": address, "failure": failure, "tls_version": "TLSv1.3", "t": 0.3, **more}


def fetch(url: str, code: int = 200, failure: str | None = None, body: str = "", **more: Any) -> dict[str, Any]:
    """df-001."""
    answer = {"code": code, "body": body, "headers": {}} if failure is None else None
    return {"failure": failure, "request": {"method": "GET", "url": url}, "response": answer, "t": 0.5, **more}


def target(protocol: str, address: str, failure: Any = None, **more: Any) -> dict[str, Any]:
    """A target of the tor test."""
    ip, _, port = address.rpartition(":")
    steps = [connect(ip.strip("[]"), int(port), failure)]
    parts = {"connect": {"failure": failure}}
    return {
        "failure": failure, "target_address": address, "target_protocol": protocol, "tcp_connect": steps,
        "summary": parts, "network_events": None, "queries": None, "requests": None, "tls_handshakes": None, **more,
    }  # fmt: skip


TELEGRAM: dict[str, Any] = {
    "telegram_tcp_blocking": False,
    "telegram_http_blocking": False,
    "telegram_web_status": "ok",
    "telegram_web_failure": None,
    "queries": [lookup("web.telegram.org", "149.154.167.99")],
    "tcp_connect": [connect("149.154.175.50", 443), connect("149.154.167.99", 443)],
    "tls_handshakes": [shake("web.telegram.org", "149.154.167.99:443")],
    "requests": [fetch("http://149.154.175.50:443/", 404), fetch("https://web.telegram.org/")],
    "network_events": None,
}
WHATSAPP: dict[str, Any] = {
    "whatsapp_endpoints_status": "ok",
    "whatsapp_endpoints_blocked": [],
    "whatsapp_endpoints_dns_inconsistent": [],
    "registration_server_status": "ok",
    "registration_server_failure": None,
    "whatsapp_web_status": "ok",
    "whatsapp_web_failure": None,
    "queries": [lookup("e4.whatsapp.net", "93.184.215.4"), lookup("v.whatsapp.net", "93.184.215.5")],
    "tcp_connect": [connect("93.184.215.4", 443), connect("93.184.215.9", 5222), connect("93.184.215.5", 443)],
    "tls_handshakes": [shake("v.whatsapp.net", "93.184.215.5:443")],
    "requests": [fetch("https://v.whatsapp.net/v2/register", 404), fetch("https://web.whatsapp.com/")],
}
SIGNAL: dict[str, Any] = {
    "signal_backend_status": "ok",
    "signal_backend_failure": None,
    "queries": [lookup("chat.signal.org", "93.184.215.20"), lookup("uptime.signal.org", "127.0.0.1")],
    "tcp_connect": [connect("93.184.215.20", 443)],
    "tls_handshakes": [shake("chat.signal.org", "93.184.215.20:443")],
    "requests": [fetch("https://chat.signal.org/", 404)],
}
FACEBOOK: dict[str, Any] = {
    "facebook_b_api_dns_consistent": True,
    "facebook_b_api_reachable": True,
    "facebook_stun_dns_consistent": True,
    "facebook_stun_reachable": None,
    "facebook_star_reachable": False,
    "facebook_dns_blocking": False,
    "facebook_tcp_blocking": True,
    "queries": [lookup("b-api.facebook.com", "93.184.215.30"), lookup("stun.fbsbx.com", "93.184.215.31")],
    "tcp_connect": [connect("93.184.215.30", 443)],
}
TOR: dict[str, Any] = {
    "dir_port_total": 1,
    "dir_port_accessible": 1,
    "targets": {
        "193.23.244.244:443": target(
            "or_port_dirauth", "193.23.244.244:443", target_name="dannenberg",
            tls_handshakes=[shake(None, "193.23.244.244:443", no_tls_verify=True)],
        ),
        "128.31.0.39:9131": target(
            "dir_port", "128.31.0.39:9131", "generic_timeout_error", target_name="moria1",
            requests=[fetch("http://128.31.0.39:9131/tor/status-vote/current/consensus.z", 0, "generic_timeout_error")],
        ),
        "00ff": target("obfs4", BRIDGE, network_events=[{"operation": "read", "address": BRIDGE, "num_bytes": 9}]),
    },
}  # fmt: skip
VANILLA_TOR: dict[str, Any] = {
    "bootstrap_time": 0,
    "error": "timeout-reached",
    "failure": "generic_timeout_error",
    "success": False,
    "timeout": 200,
    "tor_logs": ["Aug 03 [notice] Bootstrapped 50% (loading_descriptors)"],
    "tor_progress": 50,
    "tor_progress_tag": "loading_descriptors",
    "tor_progress_summary": "Loading relay descriptors",
    "transport_name": "vanilla",
}
PSIPHON: dict[str, Any] = {
    "bootstrap_time": 5.5,
    "failure": None,
    "max_runtime": 60,
    "socksproxy": "socks5://127.0.0.1:4000",
    "tcp_connect": [connect("127.0.0.1", 4000)],
    "tls_handshakes": [shake("www.example.com", "127.0.0.1:4000")],
    "requests": [fetch("https://www.example.com/page")],
    "queries": None,
    "tunnel": "psiphon",
}
OPENVPN: dict[str, Any] = {
    "success": True,
    "bootstrap_time": 0.4,
    "failure": None,
    "tunnel": "openvpn",
    "tcp_connect": [connect(GATEWAY, 1194)],
    "openvpn_handshake": [
        {
            "endpoint": f"openvpn://{GATEWAY}:1194/tcp", "failure": None, "ip": GATEWAY, "port": 1194,
            "transport": "tcp", "provider": "riseup", "handshake_time": 0.4, "t0": 0.1, "t": 0.5, "transaction_id": 1,
        }
    ],
    "network_events": [
        {"operation": "state", "stage": "PRE_START", "t": 0.1},
        {"operation": "state", "stage": "START", "t": 0.2},
    ],
}  # fmt: skip
RISEUP: dict[str, Any] = {
    "api_failures": None,
    "ca_cert_status": True,
    "queries": [lookup("api.black.riseup.net", "93.184.215.40")],
    "tcp_connect": [connect("93.184.215.40", 443), connect(GATEWAY, 443, "generic_timeout_error")],
    "requests": [fetch("https://api.black.riseup.net/3/config/eip-service.json")],
    "network_events": [{"operation": "read", "address": f"{GATEWAY}:443", "num_bytes": 30, "t0": 0.1, "t": 0.2}],
}
DNSCHECK: dict[str, Any] = {
    "domain": "example.org",
    "bootstrap": {"queries": [lookup("dns.google", "8.8.8.8")]},
    "bootstrap_failure": None,
    "lookups": {
        "https://8.8.8.8/dns-query": {
            "failure": None,
            "queries": [lookup("example.org", "93.184.215.14", engine="doh", resolver_address="https://dns.google/")],
            "tcp_connect": [connect("8.8.8.8", 443)],
            "tls_handshakes": [shake("dns.google", "8.8.8.8:443")],
        },
        "dot://8.8.8.8:853": {"failure": "connection_reset", "queries": None},
    },
}
STUN: dict[str, Any] = {
    "endpoint": "stun.l.google.com:19302",
    "failure": None,
    "queries": [lookup("stun.l.google.com", "93.184.215.50")],
    "network_events": [
        {"operation": "connect", "address": "93.184.215.50:19302", "proto": "udp", "t": 0.1},
        {"operation": "read", "num_bytes": 32, "t": 0.2},
    ],
}
REQUEST_LINE: dict[str, Any] = {
    "sent": ["ABCD / HTTP/1.1\n\r", "GET / HTTP/XYZ\n\r"],
    "received": ["ABCD / HTTP/1.1\n\r", "HTTP/1.1 400 Bad Request\r\n\r\n<html>this page is closed</html>"],
    "failure_list": [None, None],
    "tampering_list": [False, True],
    "tampering": True,
}
HEADERS: dict[str, Any] = {
    "failure": None,
    "requests": [
        {
            **fetch("http://93.184.215.60:80", body=ECHO),
            "request": {"method": "GeT", "url": "http://93.184.215.60:80", "headers": {"aCCept": "a"}},
        }
    ],
    "tampering": {
        "header_field_name": False, "header_field_number": False, "header_field_value": False,
        "header_name_capitalization": False, "header_name_diff": [], "request_line_capitalization": False,
        "total": False,
    },
}  # fmt: skip
NDT: dict[str, Any] = {
    "protocol": 7,
    "failure": None,
    "server": {"hostname": "ndt.example.net"},
    "download": [
        {"AppInfo": {"NumBytes": 100, "ElapsedTime": 250000}, "Origin": "client", "Test": "download"},
        {"AppInfo": {"NumBytes": 900, "ElapsedTime": 500000}, "Origin": "client", "Test": "download"},
        {"ConnectionInfo": {"Client": "37.201.195.77:4000"}, "Origin": "server", "Test": "download"},
    ],
    "upload": [{"AppInfo": {"NumBytes": 50, "ElapsedTime": 250000}, "Origin": "client", "Test": "upload"}],
    "summary": {"download": 1, "upload": 1},
}
DASH: dict[str, Any] = {
    "failure": None,
    "server": {"hostname": "dash.example.net"},
    "receiver_data": [{"received": 7500, "elapsed": 0.5, "real_address": "37.201.195.77"}],
    "simple": {"median_bitrate": 3000},
}
URLGETTER: dict[str, Any] = {
    "failure": None,
    "failed_operation": None,
    "queries": [lookup("birds.example", "93.184.215.14")],
    "requests": [fetch("https://birds.example/")],
    "tcp_connect": [connect("93.184.215.14", 443)],
}
ECH: dict[str, Any] = {
    "queries": [lookup("birds.example", "93.184.215.14")],
    "tcp_connects": [connect("93.184.215.14", 443)],
    "tls_handshakes": [
        shake("birds.example", "93.184.215.14:443"),
        shake("birds.example", "93.184.215.14:443", "connection_reset", echconfig="GREASE"),
    ],
}
SNI: dict[str, Any] = {
    "control": {
        "sni": "fish.example", "failure": None, "tcp_connect": [connect("93.184.215.70", 443)],
        "tls_handshakes": [{"failure": None, "t": 0.2}],
    },
    "target": {
        "sni": "birds.example", "failure": "ssl_invalid_hostname", "tcp_connect": [connect("93.184.215.70", 443)],
        "tls_handshakes": [{"failure": "ssl_invalid_hostname", "t": 0.2}],
    },
    "result": "got_expected_error",
}  # fmt: skip
HTTP_REQUESTS: dict[str, Any] = {
    "experiment_failure": None,
    "control_failure": None,
    "requests": [
        {
            "request": {"url": "http://birds.example/", "method": "GET", "tor": {"is_tor": False}},
            "response": {"code": 200, "body": "<title>Birds within reach</title>", "headers": {"X-Nest": "1"}},
        },
        {
            "request": {"url": "http://birds.example/", "method": "GET", "tor": {"is_tor": True}},
            "response": {"code": 200, "body": "<title>Birds within reach</title>", "headers": {"X-Nest": "1"}},
        },
    ],
}
DNS_CONSISTENCY: dict[str, Any] = {
    "control_resolver": "93.184.215.80:57004",
    "queries": [
        {**lookup("birds.example", "93.184.215.14", engine=""), "resolver_hostname": "93.184.215.80"},
        {**lookup("birds.example", "93.184.215.15", engine=""), "resolver_hostname": "127.0.1.1"},
    ],
}
QUICPING: dict[str, Any] = {
    "domain": "birds.example",
    "pings": [
        {"failure": None, "t": 1.0, "responses": [{"failure": None, "t": 1.1}]},
        {"failure": "generic_timeout_error", "t": 2.0, "responses": None},
    ],
}
MIDDLEBOX: dict[str, Any] = {
    "queries": [lookup("birds.example", "93.184.215.14", engine="doh")],
    "tcp_connect": [connect("93.184.215.14", 443)],
    "iterative_trace": [
        {
            "address": "93.184.215.14:443",
            "tcp_traceroute": {"iterations": [{"ttl": 1, "icmp_error": {"source_ip_prefix": "37.201.195.0/24"}}]},
            "control_trace": {
                "server_name": "fish.example",
                "iterations": [{"ttl": 1, "handshake": {"failure": None}}],
            },
            "target_trace": {
                "server_name": "birds.example",
                "iterations": [
                    {"ttl": 3, "handshake": {"failure": "connection_reset", "so_error": "host_unreachable"}}
                ],
            },
        }
    ],
}

# (test, keys, input) of every reader; each is read in every broken form as well.
EXAMPLES: list[tuple[str, dict[str, Any], str | None]] = [
    ("telegram", TELEGRAM, None),
    ("whatsapp", WHATSAPP, None),
    ("signal", SIGNAL, None),
    ("facebook_messenger", FACEBOOK, None),
    ("tor", TOR, None),
    ("vanilla_tor", VANILLA_TOR, None),
    ("torsf", {**VANILLA_TOR, "transport_name": "snowflake", "rendezvous_method": "amp"}, None),
    (
        "bridge_reachability",
        {**VANILLA_TOR, "transport_name": "obfs4", "bridge_address": BRIDGE},
        f"obfs4 {BRIDGE} 00FF",
    ),
    ("meek_fronted_requests_test", {"success": True, "requests": [fetch("https://front.example/")]}, "front.example"),
    ("psiphon", PSIPHON, None),
    ("openvpn", OPENVPN, f"openvpn://riseup.corp/?address={GATEWAY}:1194&transport=tcp"),
    ("riseupvpn", RISEUP, None),
    ("lantern_circumvention_tool_test", {"bootstrapped": True, "success": True}, None),
    ("dnscheck", DNSCHECK, "https://dns.google/dns-query"),
    ("stunreachability", STUN, "stun://stun.l.google.com:19302"),
    ("ddr", {"queries": lookup("_dns.resolver.arpa", engine="udp"), "supports_ddr": False}, None),
    ("http_invalid_request_line", REQUEST_LINE, None),
    ("http_header_field_manipulation", HEADERS, None),
    ("http_host", {"transparent_http_proxy": False, "requests": [fetch("http://93.184.215.60/")]}, "birds.example"),
    ("http_host_header", URLGETTER, "birds.example"),
    ("portfiltering", {"tcp_connect": [connect("93.184.215.60", 9000)]}, None),
    ("ndt", NDT, None),
    (
        "ndt",
        {"test_s2c": [{"receiver_data": [[0.5, 800.0], [1.0, 1000.0]]}, None], "server_address": "ndt.example"},
        None,
    ),
    ("dash", DASH, None),
    ("urlgetter", URLGETTER, "https://birds.example/"),
    ("urlgetter", PSIPHON, "https://birds.example/"),
    ("echcheck", ECH, "https://birds.example/"),
    ("echcheck", {"control": shake("birds.example", "93.184.215.14:443"), "target": None}, "https://birds.example/"),
    ("browser_web", {"result": "ok", "load_time_ms": 357.4, "browser_name": "chrome"}, "https://birds.example/"),
    ("sni_blocking", SNI, "birds.example"),
    ("tcpping", {"pings": [{"tcp_connect": connect("93.184.215.14", 443)}]}, "tcpconnect://93.184.215.14:443"),
    ("dnsping", {"pings": [{"query": lookup("birds.example", engine="udp")}]}, "udp://8.8.8.8:53"),
    ("quicping", QUICPING, "birds.example"),
    ("tlsmiddlebox", MIDDLEBOX, "tlstrace://birds.example"),
    ("http_requests", HTTP_REQUESTS, "http://birds.example/"),
    ("dns_consistency", DNS_CONSISTENCY, "birds.example"),
    ("tcp_connect", {"connection": "connection_refused_error"}, "birds.example:9001"),
    ("dns_injection", {"injected": True, "queries": [lookup("birds.example", "93.184.215.14")]}, "birds.example"),
    ("multi_protocol_traceroute", {"hops_443": [{"address": "37.201.195.1", "ttl": 1}]}, None),
]
