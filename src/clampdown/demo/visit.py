"""Law: a visit is written as the probe writes it: every step it took, with times, and nothing that it did not try.

Facts of the shape: OONI specification ts-017 (web_connectivity) and df-001, 002, 005, 006, 008, versions 0.4 and 0.5.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from clampdown.demo.certs import Chain
from clampdown.demo.control import MOST_REDIRECTS, control_of, endpoint, parts_of, ports_of
from clampdown.demo.net import Found, Page, View

NEW, OLD = "0.5.28", "0.4.3"
_PATIENCE: Final = 10.0  # seconds after which a step that gets no answer is given up
_BODY_LIMIT: Final = {NEW: 1 << 19, OLD: 1 << 17}
_DOH: Final = "https://dns.google/dns-query"
_UDP: Final = "1.1.1.1:53"
_ASKED: Final = (
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.9"),
    ("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.3"),
)


@lru_cache(maxsize=4096)
def _certificates(chain: Chain) -> tuple[dict[str, str], ...]:
    return tuple({"data": base64.b64encode(der).decode("ascii"), "format": "base64"} for der in chain.ders)


class Visit:
    """One URL tried by one probe; `keys` is the result."""

    def __init__(
        self,
        probe: View,
        control: View,
        url: str,
        *,
        version: str = NEW,
        control_failure: str | None = None,
        jitter: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self.probe, self.control, self.url, self.version = probe, control, url, version
        self.control_failure, self.jitter = control_failure, jitter
        self.new = version == NEW
        self.now = 0.0
        self.queries: list[dict[str, Any]] = []
        self.connects: list[dict[str, Any]] = []
        self.handshakes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []  # in the order made; written newest first
        self._transaction = 0
        self.failure: str | None = None
        self._addresses: list[str] = []
        self._run()

    @property
    def runtime(self) -> float:
        return round(self.now, 6)

    def _run(self) -> None:
        url, hop = self.url, 0
        while True:
            page = self._hop(url, hop)
            following = self._next(url, page) if page is not None else None
            if following is None:
                return
            if hop == MOST_REDIRECTS:
                self.failure = "unknown_failure: stopped after too many redirects"
                self.requests[-1]["failure"] = self.failure
                return
            url, hop = following, hop + 1

    def _next(self, url: str, page: Page) -> str | None:
        if not 300 <= page.status < 400 or page.location is None:
            return None
        following = urljoin(url, page.location)
        if urlsplit(following).scheme not in ("http", "https") or not urlsplit(following).hostname:
            self.failure = "http_invalid_redirect_location_host"
            self.requests[-1]["failure"] = self.failure
            return None
        return following

    def _hop(self, url: str, hop: int) -> Page | None:
        """One URL of the chain: lookups, connections, and the page of the first that gets through."""
        scheme, host, port, path = parts_of(url)
        found = self._lookups(host, hop)
        wanted: dict[str, bool] = dict.fromkeys(found, True)
        if self.new:
            wanted = self._wider(host, hop, wanted)
        if hop == 0:
            self._addresses = list(wanted)
        fetched: Page | None = None
        done = False
        for ip, classic in wanted.items():
            if self.new and ip.startswith(("127.", "0.")):
                continue  # this version does not connect to its own machine
            for each in ports_of(scheme, port) if self.new else (port,):
                fetch = each == port and not (done and self.new)
                page = self._endpoint(ip, each, scheme, host, path, hop, classic, fetch and not done, own=each == port)
                if isinstance(page, Page):
                    fetched, done = page, True
        if not found and self.failure is None:
            self.failure = "dns_no_answer"
        if not self.new and fetched is None and len(self.requests) == hop:
            # The old test writes a request even where nothing was sent.
            self._request(url, scheme, host, None, self.failure or "generic_timeout_error", [], None, self.now)
        return fetched

    # Lookups

    def _lookups(self, host: str, hop: int) -> tuple[str, ...]:
        started = self.now
        found = self.probe.lookup("system", host)
        self.now += self._wait(found.failure)
        if self.new:
            self._query("getaddrinfo", "ANY", host, "", found, started, ["classic", f"depth={hop}"], 10001 + hop)
        elif hop == 0:
            # The old test looked up the first name only, and wrote one answer as two.
            self._query("system", "A", host, "", found, started, None, None)
            self._query("system", "AAAA", host, "", found, started, None, None)
        if found.failure is not None:
            self.failure = found.failure
        return found.addresses if self.probe.ipv6 or self.new else tuple(a for a in found.addresses if ":" not in a)

    def _wider(self, host: str, hop: int, wanted: dict[str, bool]) -> dict[str, bool]:
        """What other resolvers say; addresses that only they know are not on the ordinary path."""
        started = self.now - 0.02
        wanted = dict(wanted)
        for engine, where, base in (("udp", _UDP, 20001), ("doh", _DOH, 30001)):
            if engine == "doh" and hop:
                continue
            found = self.probe.lookup(engine, host)
            for kind in ("A", "AAAA"):
                self._query(engine, kind, host, where, found, started, [f"depth={hop}"], base + hop)
            for ip in found.addresses:
                wanted.setdefault(ip, False)
        if hop == 0 and self.control_failure is None:
            for ip in self.control.lookup("system", host).addresses:
                wanted.setdefault(ip, False)
        return wanted

    def _query(
        self, engine: str, kind: str, host: str, where: str, found: Found, started: float, tags: Any, number: int | None
    ) -> None:
        answers: list[dict[str, Any]] = []
        if found.alias:
            answers.append({"answer_type": "CNAME", "hostname": found.alias + ".", "ttl": None})
        for ip in found.addresses:
            six = ":" in ip
            if kind != "ANY" and six != (kind == "AAAA"):
                continue
            asn, org = self.probe.net.network(ip)
            about: dict[str, Any] = {"asn": asn, "as_org_name": org} if asn else {}
            answers.append({**about, "answer_type": "AAAA" if six else "A", "ipv6" if six else "ipv4": ip, "ttl": None})
        empty = not any("hostname" not in a for a in answers)
        failure = found.failure or ("dns_no_answer" if empty else None)
        row: dict[str, Any] = {
            "answers": None if empty else answers, "engine": engine, "failure": failure, "hostname": host,
            "query_type": kind, "resolver_hostname": None, "resolver_port": None, "resolver_address": where,
        }  # fmt: skip
        if tags is not None:
            row |= {"t0": round(started, 6), "tags": tags, "transaction_id": number}
        row["t"] = round(self.now, 6)
        self.queries.append(row)

    # Connections

    def _endpoint(
        self, ip: str, port: int, scheme: str, host: str, path: str, hop: int, classic: bool, fetch: bool, *, own: bool
    ) -> Page | None:
        self._transaction += 1
        number = 50000 + self._transaction
        tags = self._tags(hop, classic, fetch_body=own)
        started = self.now
        failure = self.probe.connect(ip, port, host)
        self.now += self._wait(failure)
        status: dict[str, Any] = {"failure": failure, "success": failure is None}
        if not self.new:
            status["blocked"] = failure is not None
        self._keep(self.connects, hop, self._row({"ip": ip, "port": port, "status": status}, started, tags, number))
        self._event("connect", ip, port, started, tags, number, failure)
        if failure is None and (scheme == "https" or port == 443):
            failure = self._shake(ip, port, host, hop, tags, number)
        if failure is not None:
            if (fetch or not self.new) and classic and own:
                self.failure = self.failure or failure
            return None
        return self._page(ip, port, scheme, host, path, tags, number) if fetch else None

    def _tags(self, hop: int, classic: bool, *, fetch_body: bool) -> list[str]:
        if not self.new:
            return ["tcptls_experiment"]
        tags = ["classic"] if classic else []
        if hop == 0:
            tags.append("tcptls_experiment")
        return [*tags, f"depth={hop}", f"fetch_body={'true' if fetch_body else 'false'}"]

    def _row(self, row: dict[str, Any], started: float, tags: Sequence[str], number: int | None) -> dict[str, Any]:
        if self.new:
            row |= {"t0": round(started, 6), "transaction_id": number}
        return row | {"t": round(self.now, 6), "tags": list(tags)}

    def _shake(self, ip: str, port: int, host: str, hop: int, tags: Sequence[str], number: int) -> str | None:
        started = self.now
        failure, chain = self.probe.handshake(ip, port, host)
        self._event("tls_handshake_start", ip, port, started, tags, number)
        self._event("write", ip, port, started, tags, number, size=517)
        self.now += self._wait(failure if chain is None else None)
        if chain is not None:
            self._event("read", ip, port, started, tags, number, size=sum(map(len, chain.ders)) + 700)
        else:
            self._event("read", ip, port, started, tags, number, failure)
        self._event("tls_handshake_done", ip, port, started, tags, number, failure)
        fine = failure is None
        row: dict[str, Any] = {
            "network": "tcp", "address": endpoint(ip, port), "cipher_suite": "TLS_AES_128_GCM_SHA256" if fine else "",
            "failure": failure, "negotiated_protocol": "http/1.1" if fine else "", "no_tls_verify": False,
            "peer_certificates": list(_certificates(chain)) if chain else None, "server_name": host,
            "tls_version": "TLSv1.3" if fine else "",
        }  # fmt: skip
        self._keep(self.handshakes, hop, self._row(row, started, tags, number))
        return failure

    def _keep(self, rows: list[dict[str, Any]], hop: int, row: dict[str, Any]) -> None:
        # The old test wrote down its steps for the first URL only.
        if self.new or hop == 0:
            rows.append(row)

    def _page(
        self, ip: str, port: int, scheme: str, host: str, path: str, tags: Sequence[str], number: int
    ) -> Page | None:
        started, url = self.now, f"{scheme}://{host}{'' if port in (80, 443) else f':{port}'}{path}"
        self._event("http_transaction_start", ip, port, started, tags, number)
        self._event("write", ip, port, started, tags, number, size=380)
        got = self.probe.fetch(scheme, ip, port, host, path)
        if isinstance(got, str):
            self.now += self._wait(got)
            self._event("read", ip, port, started, tags, number, got)
            self._request(url, scheme, host, (ip, port), got, tags, number, started)
            self.failure = self.failure or got
            return None
        self.now += self._wait(None)
        whole = self._reads(ip, port, host, got, tags, number)
        failure = None if whole else "generic_timeout_error"
        self._event("http_transaction_done", ip, port, started, tags, number, failure)
        self._request(url, scheme, host, (ip, port), failure, tags, number, started, got)
        if failure is not None:
            self.failure = failure
            return None
        if "classic" in tags or not self.new:
            self.failure = None
        return got

    def _reads(self, ip: str, port: int, host: str, page: Page, tags: Sequence[str], number: int) -> bool:
        """The body coming in; False where patience ended before it did."""
        size = min(page.size, _BODY_LIMIT[self.version]) + 400
        rate = self.probe.speed(host, ip) * (0.85 + 0.3 * self.jitter())
        begun, left = self.now, _PATIENCE
        chunks = min(8, 1 + size // 4096)
        for index in range(chunks):
            part = size // chunks if index + 1 < chunks else size - size // chunks * (chunks - 1)
            step = part / rate
            if step > left:
                self.now = begun + _PATIENCE
                self._event("read", ip, port, self.now - left, tags, number, size=int(rate * left))
                return False
            started, left = self.now, left - step
            self.now += step
            self._event("read", ip, port, started, tags, number, size=part)
        return True

    def _request(
        self, url: str, scheme: str, host: str, at: tuple[str, int] | None, failure: str | None,
        tags: Sequence[str], number: int | None, started: float, page: Page | None = None,
    ) -> None:  # fmt: skip
        headers = (*_ASKED[:2], ("Host", host), *_ASKED[2:])
        limit = _BODY_LIMIT[self.version]
        response: dict[str, Any] = {
            "body": "",
            "body_is_truncated": False,
            "code": 0,
            "headers_list": [],
            "headers": {},
        }
        if page is not None:
            late = failure is not None and page.location is None
            response = {
                "body": "" if late else page.body[:limit], "body_is_truncated": not late and page.size > limit,
                "code": page.status, "headers_list": [list(h) for h in page.headers], "headers": dict(page.headers),
            }  # fmt: skip
        row: dict[str, Any] = {
            "failure": failure,
            "request": {
                "body": "", "body_is_truncated": False, "headers_list": [list(h) for h in headers],
                "headers": dict(headers), "method": "GET",
                "tor": {"exit_ip": None, "exit_name": None, "is_tor": False}, "x_transport": "tcp", "url": url,
            },
            "response": response,
        }  # fmt: skip
        if self.new:
            row |= {"network": "tcp", "address": endpoint(*at) if at else ""}
            if scheme == "https":
                row["alpn"] = "http/1.1"
            self.requests.append(self._row(row, started, tags, number))
        else:
            self.requests.append(row | {"t": round(self.now, 6)})

    def _event(
        self, operation: str, ip: str, port: int, started: float, tags: Sequence[str], number: int,
        failure: str | None = None, *, size: int | None = None,
    ) -> None:  # fmt: skip
        row: dict[str, Any] = {
            "address": endpoint(ip, port),
            "failure": failure,
            "operation": operation,
            "proto": "tcp",
        }
        if size is not None:
            row["num_bytes"] = size
        self.events.append(self._row(row, started, tags, number))

    def _wait(self, failure: str | None) -> float:
        if failure in ("generic_timeout_error", "dns_timeout"):
            return _PATIENCE
        return self.probe.rtt * (0.8 + 0.4 * self.jitter())

    # The result

    def keys(self) -> dict[str, Any]:
        """`test_keys`."""
        keys: dict[str, Any] = {
            "agent": "redirect", "client_resolver": "", "retries": None, "socksproxy": None,
            "network_events": self.events, "tls_handshakes": self.handshakes, "queries": self.queries,
            "dns_experiment_failure": next((q["failure"] for q in self.queries[:1]), None),
            "control_failure": self.control_failure,
            "control": None, "tcp_connect": self.connects, "requests": self.requests[::-1],
            "http_experiment_failure": self.failure,
        }  # fmt: skip
        if self.new:
            keys |= {"x_dns_whoami": None, "x_doh": None, "x_do53": None, "x_dns_duplicate_responses": None}
        keys["control"] = (
            {} if self.control_failure else control_of(self.control, self.url, self._addresses, new=self.new)
        )
        # The probe's own opinion is of no use to whoever judges for himself; it is not imitated.
        return keys | {"dns_consistency": None, "blocking": None, "accessible": None}
