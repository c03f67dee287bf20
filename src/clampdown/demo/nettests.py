"""Law: messengers and tunnels are written as their own tests write them: which door was tried, and what it said.

Facts of the shapes: OONI specifications ts-015 (psiphon), ts-016 (vanilla_tor), ts-018 (whatsapp), ts-020 (telegram),
ts-023 (tor) and ts-029 (signal), and df-001, 002, 005, 006, 008 for the steps.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, Final

from clampdown.demo.control import endpoint, parts_of
from clampdown.demo.net import Page, View
from clampdown.demo.script import Act
from clampdown.demo.world import CENTRES, DOORS, REGISTRATION, SIGNAL, TELEGRAM_WEB, WHATSAPP, WHATSAPP_WEB

_PATIENCE: Final = 10.0
_ROUND: Final = 0.09
Keys = dict[str, Any]


class Steps:
    """The steps of one test, as the templates of the data format write them."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.now = 0.0
        self.queries: list[Keys] = []
        self.connects: list[Keys] = []
        self.handshakes: list[Keys] = []
        self.requests: list[Keys] = []
        self._transaction = 0

    def keys(self) -> Keys:
        return {
            "queries": self.queries, "tcp_connect": self.connects, "tls_handshakes": self.handshakes,
            "requests": self.requests[::-1], "network_events": [],
        }  # fmt: skip

    def _took(self, failure: str | None) -> float:
        begun = self.now
        self.now = round(self.now + (_PATIENCE if failure == "generic_timeout_error" else _ROUND), 6)
        return begun

    def _times(self, begun: float) -> Keys:
        return {"t0": begun, "t": self.now, "tags": [], "transaction_id": self._transaction}

    def begin(self) -> None:
        """A transaction of its own for what follows."""
        self._transaction += 1

    def lookup(self, host: str) -> tuple[str, ...]:
        found = self.view.lookup("system", host)
        begun = self._took(found.failure)
        answers: list[Keys] = [
            {"answer_type": "AAAA", "ipv6": ip, "ttl": None}
            if ":" in ip
            else {"answer_type": "A", "ipv4": ip, "ttl": None}
            for ip in found.addresses
        ]
        for answer, ip in zip(answers, found.addresses, strict=True):
            asn, org = self.view.net.network(ip)
            if asn:
                answer |= {"asn": asn, "as_org_name": org}
        self.queries.append(
            {
                "answers": answers or None, "engine": "getaddrinfo", "failure": found.failure, "hostname": host,
                "query_type": "ANY", "resolver_hostname": None, "resolver_port": None, "resolver_address": "",
                **self._times(begun),
            }
        )  # fmt: skip
        return found.addresses

    def connect(self, ip: str, port: int, name: str) -> str | None:
        failure = self.view.connect(ip, port, name)
        begun = self._took(failure)
        status = {"failure": failure, "success": failure is None}
        self.connects.append({"ip": ip, "port": port, "status": status, **self._times(begun)})
        return failure

    def handshake(self, ip: str, port: int, name: str) -> str | None:
        failure, chain = self.view.handshake(ip, port, name)
        begun = self._took(failure)
        presented = (
            [{"data": base64.b64encode(der).decode(), "format": "base64"} for der in chain.ders] if chain else None
        )
        self.handshakes.append(
            {
                "address": endpoint(ip, port), "network": "tcp", "server_name": name, "failure": failure,
                "cipher_suite": "" if failure else "TLS_AES_128_GCM_SHA256", "no_tls_verify": False,
                "tls_version": "" if failure else "TLSv1.3", "negotiated_protocol": "" if failure else "http/1.1",
                "peer_certificates": presented, **self._times(begun),
            }
        )  # fmt: skip
        return failure

    def get(self, url: str, method: str = "GET") -> str | None:
        """A whole visit; how it failed."""
        self.begin()
        scheme, host, port, path = parts_of(url)
        addresses = (host,) if host[0].isdigit() else self.lookup(host)
        failure: str | None = None if addresses else self.queries[-1]["failure"] or "dns_no_answer"
        page: Page | str | None = None
        at = ""
        for ip in addresses:
            at, failure = endpoint(ip, port), self.connect(ip, port, host)
            if failure is None and scheme == "https":
                failure = self.handshake(ip, port, host)
            if failure is None:
                page = self.view.fetch(scheme, ip, port, host, path)
                failure = page if isinstance(page, str) else None
                break
        self._request(url, method, at, failure, page)
        return failure

    def _request(self, url: str, method: str, at: str, failure: str | None, page: Page | str | None) -> None:
        begun = self._took(None)
        shown = page if isinstance(page, Page) else Page(0, "", "")
        self.requests.append(
            {
                "network": "tcp", "address": at, "failure": failure,
                "request": {
                    "url": url, "method": method, "headers": {}, "headers_list": [], "body": "",
                    "body_is_truncated": False, "x_transport": "tcp",
                    "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
                },
                "response": {
                    "code": shown.status, "body": shown.body, "body_is_truncated": False,
                    "headers": dict(shown.headers), "headers_list": [list(h) for h in shown.headers],
                },
                **self._times(begun),
            }
        )  # fmt: skip


def telegram(view: View, _: Act | None) -> Keys:
    """Five data centres on two ports each, then the web client."""
    steps = Steps(view)
    http = [steps.get(f"http://{ip}{':443' if port == 443 else ''}/", "POST") for ip in CENTRES for port in (80, 443)]
    tcp = [c["status"]["failure"] for c in steps.connects]
    web = steps.get(f"https://{TELEGRAM_WEB}/")
    return steps.keys() | {
        "telegram_tcp_blocking": all(tcp), "telegram_http_blocking": all(http),
        "telegram_web_status": "blocked" if web else "ok", "telegram_web_failure": web,
    }  # fmt: skip


def whatsapp(view: View, _: Act | None) -> Keys:
    """Some of the endpoints, the registration service, the web client."""
    steps = Steps(view)
    blocked: list[str] = []
    for host in WHATSAPP:
        steps.begin()
        addresses = steps.lookup(host)
        if not any(steps.connect(ip, port, host) is None for ip in addresses for port in (443, 5222)):
            blocked.append(host)
    registration, web = steps.get(f"https://{REGISTRATION}/v2/register"), steps.get(f"https://{WHATSAPP_WEB}/")
    return steps.keys() | {
        "registration_server_failure": registration,
        "registration_server_status": "blocked" if registration else "ok",
        "whatsapp_endpoints_blocked": blocked, "whatsapp_endpoints_dns_inconsistent": [],
        "whatsapp_endpoints_status": "blocked" if blocked else "ok",
        "whatsapp_web_failure": web, "whatsapp_web_status": "blocked" if web else "ok",
    }  # fmt: skip


def signal(view: View, _: Act | None) -> Keys:
    """The service's hosts, each asked over HTTPS."""
    steps = Steps(view)
    failures = [steps.get(f"https://{host}/") for host in SIGNAL]
    failure = next((f for f in failures if f), None)
    return steps.keys() | {
        "signal_backend_status": "blocked" if failure else "ok", "signal_backend_failure": failure,
    }  # fmt: skip


def tor(view: View, _: Act | None) -> Keys:
    """Directory authorities on both of their ports, and bridges that the tool brings along."""
    targets: Keys = {}
    for place, kind in DOORS.items():
        ip, port = place.rsplit(":", 1)
        steps = Steps(view)
        failure = steps.connect(ip, int(port), place)
        targets[place] = {
            "agent": "redirect", "failure": failure, "target_address": place, "target_name": "",
            "target_protocol": kind, "target_source": "", "queries": None, "requests": None, "tls_handshakes": None,
            "network_events": None, "tcp_connect": steps.connects, "summary": {"connect": {"failure": failure}},
        }  # fmt: skip
    totals: Keys = {}
    for kind in ("dir_port", "or_port_dirauth", "or_port", "obfs4"):
        own = [t for t in targets.values() if t["target_protocol"] == kind]
        totals[f"{kind}_total"] = len(own)
        totals[f"{kind}_accessible"] = sum(t["failure"] is None for t in own)
    return {"targets": targets, **totals}


def vanilla_tor(_: View, act: Act | None) -> Keys:
    """A tor client without a bridge: how far it came."""
    stalled = act is not None
    return {
        "bootstrap_time": 0 if stalled else 14.25, "error": "timeout-reached" if stalled else None,
        "failure": "generic_timeout_error" if stalled else None, "success": not stalled, "timeout": 200,
        "tor_logs": [], "tor_progress": 50 if stalled else 100,
        "tor_progress_tag": "loading_descriptors" if stalled else "done",
        "tor_progress_summary": "Loading relay descriptors" if stalled else "Done",
        "tor_version": "0.4.8.10", "transport_name": "vanilla",
    }  # fmt: skip


def psiphon(_: View, act: Act | None) -> Keys:
    """A tunnel and a page fetched through it."""
    failed = act is not None
    return {
        "bootstrap_time": 0 if failed else 3.5, "failure": "generic_timeout_error" if failed else None,
        "max_runtime": 0, "socksproxy": "", "tunnel": "psiphon", "agent": "redirect", "network_events": [],
        "queries": [], "requests": [], "tcp_connect": [], "tls_handshakes": [],
    }  # fmt: skip


# Test -> (version, the target whose act it needs to know of, how it is done).
NETTESTS: Final[dict[str, tuple[str, str, Callable[[View, Act | None], Keys]]]] = {
    "telegram": ("0.3.1", "", telegram),
    "whatsapp": ("0.11.0", "", whatsapp),
    "signal": ("0.2.5", "", signal),
    "tor": ("0.4.0", "", tor),
    "vanilla_tor": ("0.3.0", "tor/direct", vanilla_tor),
    "psiphon": ("0.6.0", "psiphon/tunnel", psiphon),
}
TRIED: Final = (
    "telegram/app", "telegram/web", "whatsapp/app", "whatsapp/registration", "whatsapp/web", "signal/app",
    "tor/dir_port", "tor/or_port_dirauth", "tor/obfs4", "tor/direct", "psiphon/tunnel",
)  # fmt: skip


def tried(places: Iterable[str]) -> tuple[str, ...]:
    """Every target that a session tries."""
    return (*places, *TRIED)
