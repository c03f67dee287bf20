"""Law: a world and what stands between it and a viewer; every viewer sees the same world through his own effects.

`Net` is the truth: names, addresses, servers, pages. An `Effect` is one thing that someone on the way does. A `View`
is what one viewer (a probe on a network, or the control abroad) gets when he tries a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from clampdown.demo.certs import Chain

WEB_PORTS: Final = frozenset({80, 443})


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a request."""

    status: int = 200
    title: str = ""
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None  # of the whole body, where `body` is only its beginning

    @property
    def location(self) -> str | None:
        return next((value for name, value in self.headers if name == "Location"), None)

    @property
    def size(self) -> int:
        return len(self.body.encode()) if self.length is None else self.length


@dataclass(frozen=True, slots=True)
class Site:
    """A name: where it lives, what it shows, how it proves itself."""

    host: str
    addresses: tuple[str, ...]
    chain: Chain | None = None
    pages: Mapping[str, Page] = field(default_factory=dict[str, Page])  # "http /path" or "/path" or "*"
    alias: str | None = None  # a CNAME on the way
    failure: str | None = None  # of its lookup, for everyone

    def page(self, scheme: str, path: str) -> Page:
        for key in (f"{scheme} {path}", path, f"{scheme} *", "*"):
            if key in self.pages:
                return self.pages[key]
        return Page(404, "Not Found", "<html><head><title>Not Found</title></head><body>Nothing here.</body></html>")


@dataclass(frozen=True, slots=True)
class Server:
    """An address: which ports answer. A relay passes everything on to the site that was asked for."""

    asn: int
    org: str
    ports: frozenset[int] = WEB_PORTS
    relay: bool = False
    page: Page | None = None  # the same page for whatever is asked
    chain: Chain | None = None  # the same certificate for whatever is asked
    hosts: frozenset[str] = frozenset()  # names it serves; empty: every name that has this address


@dataclass(frozen=True, slots=True)
class Effect:
    """Something on the way. Empty sets match everything."""

    layer: str  # dns | tcp | tls | http | speed
    hosts: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()
    engines: frozenset[str] = frozenset({"system", "udp"})
    failure: str | None = None
    answers: tuple[str, ...] = ()
    page: Page | None = None
    chain: Chain | None = None
    rate: float | None = None  # bytes per second

    def touches(self, host: str | None, ip: str | None = None, port: int | None = None) -> bool:
        return (
            (not self.hosts or host in self.hosts)
            and (not self.addresses or ip in self.addresses)
            and (not self.ports or port in self.ports)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a lookup."""

    addresses: tuple[str, ...] = ()
    failure: str | None = None
    alias: str | None = None


class Net:
    """Names and addresses of a world."""

    def __init__(self, sites: Iterable[Site], servers: Mapping[str, Server]) -> None:
        self.sites = {site.host: site for site in sites}
        self.servers = dict(servers)

    def add(self, site: Site) -> None:
        self.sites[site.host] = site

    def network(self, ip: str) -> tuple[int, str]:
        server = self.servers.get(ip)
        return (server.asn, server.org) if server else (0, "")

    def serves(self, ip: str, host: str) -> Site | None:
        """The site that answers for this name at this address."""
        site, server = self.sites.get(host), self.servers.get(ip)
        if site is None or server is None:
            return None
        if server.relay or ip in site.addresses or host in server.hosts:
            return site
        return None


@dataclass(frozen=True, slots=True)
class View:
    """One viewer of a world."""

    net: Net
    effects: tuple[Effect, ...] = ()
    ipv6: bool = True
    old_roots: bool = False  # rejects every certificate, as a machine with outdated roots or a wrong clock does
    rtt: float = 0.08
    rate: float = 1_500_000.0

    def through(self, *effects: Effect) -> View:
        return replace(self, effects=(*effects, *self.effects))

    def _effect(self, layer: str, host: str | None, ip: str | None = None, port: int | None = None) -> Effect | None:
        for effect in self.effects:
            if effect.layer == layer and effect.touches(host, ip, port):
                return effect
        return None

    def lookup(self, engine: str, host: str) -> Found:
        for effect in self.effects:
            if effect.layer == "dns" and engine in effect.engines and effect.touches(host):
                return Found(effect.answers, effect.failure)
        site = self.net.sites.get(host)
        if site is None:
            return Found(failure="dns_nxdomain_error")
        if site.failure is not None:
            return Found(failure=site.failure)
        return Found(site.addresses, None, site.alias)

    def connect(self, ip: str, port: int, host: str) -> str | None:
        if ":" in ip and not self.ipv6:
            return "network_unreachable"
        effect = self._effect("tcp", host, ip, port)
        if effect is not None:
            return effect.failure
        if ip.startswith(("127.", "0.")):
            return "connection_refused"  # nothing listens on the probe's own machine
        server = self.net.servers.get(ip)
        if server is None:
            return "generic_timeout_error"
        return None if port in server.ports else "connection_refused"

    def handshake(self, ip: str, port: int, host: str) -> tuple[str | None, Chain | None]:
        """(failure, what was presented)."""
        effect = self._effect("tls", host, ip, port)
        if effect is not None and effect.chain is None:
            return effect.failure, None
        server, site = self.net.servers.get(ip), self.net.serves(ip, host)
        chain = effect.chain if effect is not None else server.chain if server and server.chain else None
        if chain is None:
            chain = site.chain if site else None
        if chain is None:
            return "ssl_failed_handshake", None
        return (chain.fault or "ssl_unknown_authority" if self.old_roots else chain.failure_for(host)), chain

    def fetch(self, scheme: str, ip: str, port: int, host: str, path: str) -> Page | str:
        """A page, or how the exchange failed."""
        effect = self._effect("http", host, ip, port)
        if effect is not None and (effect.page is None or scheme == "http"):
            # Nobody writes a page into a TLS connection that he cannot open.
            return effect.page if effect.page is not None else effect.failure or "eof_error"
        server, site = self.net.servers.get(ip), self.net.serves(ip, host)
        if server is not None and server.page is not None:
            return server.page
        return site.page(scheme, path) if site else Page(404, "Not Found", "<html><title>Not Found</title></html>")

    def speed(self, host: str, ip: str) -> float:
        effect = self._effect("speed", host, ip)
        return effect.rate if effect is not None and effect.rate is not None else self.rate
