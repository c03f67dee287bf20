"""Law: the control tries what the probe tried, from where nobody interferes, and says what the test helper would say.

Facts of the shape: OONI specification ts-017 and the answers of its test helper (`control`), versions 0.4 and 0.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from clampdown.demo.net import Page, View

MOST_REDIRECTS: Final = 10
# The test helper has words of its own for failures.
_WORDS: Final[Mapping[str, str]] = {
    "dns_nxdomain_error": "dns_name_error",
    "connection_refused": "connection_refused_error",
    "dns_servfail_error": "dns_server_failure",
}
_PAGE_WORDS: Final[Mapping[str, str]] = {
    "connection_refused": "connection_refused_error",
    "connection_reset": "connection_reset_error",
    "dns_nxdomain_error": "dns_lookup_error",
    "dns_no_answer": "dns_lookup_error",
    "dns_servfail_error": "dns_lookup_error",
    "generic_timeout_error": "generic_timeout_error",
    "eof_error": "eof_error",
}


def endpoint(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def parts_of(url: str) -> tuple[str, str, int, str]:
    """(scheme, host in punycode, port, path)."""
    found = urlsplit(url)
    host = (found.hostname or "").encode("idna").decode("ascii")
    path = found.path or "/"
    return found.scheme, host, found.port or (443 if found.scheme == "https" else 80), path


def ports_of(scheme: str, port: int) -> tuple[int, ...]:
    """The ports that are tried for a URL: HTTPS beside plain HTTP."""
    return (80, 443) if (scheme, port) == ("http", 80) else (port,)


def follow(view: View, url: str) -> tuple[Page | None, str | None]:
    """(the last page of a chain of redirects, its failure), by the ordinary path."""
    for _ in range(MOST_REDIRECTS + 1):
        scheme, host, port, path = parts_of(url)
        found = view.lookup("system", host)
        if found.failure or not found.addresses:
            return None, found.failure or "dns_no_answer"
        page: Page | str = "generic_timeout_error"
        for ip in found.addresses:
            page = _one(view, scheme, host, ip, port, path)
            if isinstance(page, Page):
                break
        if isinstance(page, str):
            return None, page
        if not 300 <= page.status < 400 or page.location is None:
            return page, None
        url = urljoin(url, page.location)
        if not urlsplit(url).hostname:
            return None, "unknown_error"
    return None, "unknown_error"


def _one(view: View, scheme: str, host: str, ip: str, port: int, path: str) -> Page | str:
    if ip.startswith("127."):
        return "unknown_error"
    failed = view.connect(ip, port, host)
    if failed is None and scheme == "https":
        failed, _ = view.handshake(ip, port, host)
    return failed or view.fetch(scheme, ip, port, host, path)


def control_of(view: View, url: str, probe_addresses: Iterable[str], *, new: bool) -> dict[str, Any]:
    """What the test helper answers; `new`: with TLS handshakes and networks of the addresses."""
    scheme, host, port, _ = parts_of(url)
    found = view.lookup("system", host)
    addresses = list(dict.fromkeys((*found.addresses, *probe_addresses)))
    addresses = [ip for ip in addresses if not ip.startswith(("127.", "10.", "0."))]
    connects: dict[str, Any] = {}
    handshakes: dict[str, Any] = {}
    for ip in addresses:
        for each in ports_of(scheme, port) if new else (port,):
            failure = view.connect(ip, each, host)
            connects[endpoint(ip, each)] = {"status": failure is None, "failure": _word(failure)}
            if failure is None and (each == 443 or scheme == "https"):
                wrong, _ = view.handshake(ip, each, host)
                handshakes[endpoint(ip, each)] = {"server_name": host, "status": wrong is None, "failure": wrong}
    control: dict[str, Any] = {
        "tcp_connect": dict(sorted(connects.items())),
        "http_request": _page(*follow(view, url)),
        "dns": {"failure": _word(found.failure), "addrs": list(found.addresses)},
    }
    if new:
        control["tls_handshake"] = dict(sorted(handshakes.items()))
        control["quic_handshake"] = {}
        control["http3_request"] = None
        control["ip_info"] = {
            ip: {"asn": view.net.network(ip)[0], "flags": 10 + (ip not in found.addresses)} for ip in addresses
        }
    return control


def _word(failure: str | None) -> str | None:
    return None if failure is None else _WORDS.get(failure, failure)


def _page(page: Page | None, failure: str | None) -> dict[str, Any]:
    if page is None:
        said = _PAGE_WORDS.get(failure or "", "unknown_error")
        return {"body_length": -1, "failure": said, "title": "", "headers": {}, "status_code": -1}
    return {
        "body_length": page.size,
        "discovered_h3_endpoint": "",
        "failure": None,
        "title": page.title,
        "headers": dict(page.headers),
        "status_code": page.status,
    }
