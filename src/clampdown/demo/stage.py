"""Law: a scenario is a small world of its own: one or two sites, the servers they need, and one thing that goes wrong.

Addresses are of the documentation ranges (RFC 5737, RFC 3849); reference data of the synthetic world says that they
count as public there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from clampdown.demo.certs import Chain, Forge
from clampdown.demo.envelope import Probe, record
from clampdown.demo.expect import Expected
from clampdown.demo.net import Effect, Net, Page, Server, Site, View
from clampdown.demo.visit import NEW, Visit

DAY: Final = datetime(2026, 3, 12, 9, 30)
PROBE: Final = Probe(64496, "Lantern Mobile", name="scenario")
ORIGIN, ORIGIN_2, ORIGIN_6 = "198.51.100.10", "198.51.100.11", "2001:db8:100::10"
SHORTENER: Final = "198.51.100.20"
EDGE_HERE, EDGE_THERE = "203.0.113.5", "203.0.113.77"
CENSOR, RELAY, CLOSED = "192.0.2.80", "192.0.2.90", "192.0.2.91"
LISTED: Final = "192.0.2.66"  # the demo's reference lists it as the answer that XA injects
PORTAL: Final = "10.0.0.1"

SERVERS: Final = {
    ORIGIN: Server(64505, "Harbour Hosting"),
    ORIGIN_2: Server(64505, "Harbour Hosting"),
    ORIGIN_6: Server(64505, "Harbour Hosting"),
    SHORTENER: Server(64506, "Shortlink Services"),
    EDGE_HERE: Server(64507, "Nearby Edge"),
    EDGE_THERE: Server(64508, "Faraway Edge"),
    RELAY: Server(64496, "Lantern Mobile", relay=True),
    CLOSED: Server(64496, "Lantern Mobile", ports=frozenset()),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Records of one session with what is known of them."""

    name: str
    family: str
    records: tuple[dict[str, Any], ...]
    expected: tuple[Expected | None, ...]  # one for each record; None: nothing is claimed
    pooled: bool = False  # the truth shows only when the session is judged together
    note: str = ""


def words(seed: str, size: int) -> str:
    """Plain prose of about this many characters, the same for the same seed."""
    stock = (  # noqa: SIM905 - thirty words as a list take thirty lines
        "harbour morning ledger window orchard copper lantern bridge river paper market winter signal garden engine "
        "letter stone village teacher music report season council harvest compass station table silver meadow"
    ).split()
    digest = hashlib.sha256(seed.encode()).digest()
    picked = " ".join(stock[(digest[i % 32] + 7 * i) % len(stock)] for i in range(size // 7 + 1))
    return picked[:size]


def page_of(host: str, size: int = 2400, *, status: int = 200, title: str | None = None, **headers: str) -> Page:
    """An ordinary page of a site."""
    name = title if title is not None else f"Welcome to {host.partition('.')[0]} reading room"
    body = f"<!doctype html><html><head><title>{name}</title></head><body><p>{words(host, size)}</p></body></html>"
    shown = {
        "Content-Type": "text/html; charset=utf-8", "Server": "harbour", "X-Site-Edition": "7",
        "Content-Length": str(len(body.encode())),
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }  # fmt: skip
    return Page(status, name, body, tuple(sorted(shown.items())))


def to(location: str, status: int = 302) -> Page:
    return Page(status, "", "", (("Content-Length", "0"), ("Location", location)))


class Stage:
    """Builds the world of one scenario and has it visited."""

    def __init__(self, forge: Forge, name: str, *, when: datetime = DAY, wide: bool = False) -> None:
        """`wide`: sites have several addresses of both families, behind another name."""
        self.forge, self.name, self.when, self.wide = forge, name, when, wide
        self.net = Net((), SERVERS)
        self.host = self._host("site")
        self.effects: tuple[Effect, ...] = ()
        self.view: dict[str, Any] = {}
        self.abroad: tuple[Effect, ...] = ()  # what the control meets
        self.probe = replace(PROBE, name=name)
        self.add(self.host)

    def _host(self, kind: str) -> str:
        # Hosts differ from scenario to scenario, so that nothing can learn one by heart.
        digits = hashlib.sha256(f"{self.name}/{kind}".encode()).hexdigest()[:6]
        return f"{kind}-{digits}.example"

    def other(self, kind: str, **given: Any) -> str:
        """A further site; its name."""
        host = self._host(kind)
        self.add(host, **given)
        return host

    def add(
        self,
        host: str,
        *addresses: str,
        page: Page | None = None,
        chain: Chain | None = None,
        failure: str | None = None,
        pages: dict[str, Page] | None = None,
        alias: str | None = None,
    ) -> None:
        shown = pages or {"*": page or page_of(host)}
        chain = chain or self.forge.good(host, on=self.when)
        if self.wide and not addresses:
            addresses, alias = (ORIGIN_6, ORIGIN, ORIGIN_2), alias or f"edge.{host}"
        self.net.add(Site(host, addresses or (ORIGIN,), chain, shown, alias, failure))

    def server(self, ip: str, server: Server) -> None:
        self.net.servers[ip] = server

    def meets(self, layer: str, *hosts: str, **given: Any) -> None:
        """Something on the way of the probe."""
        self.effects = (*self.effects, Effect(layer, frozenset(hosts), **given))

    def hijack(self, *answers: str, host: str | None = None) -> None:
        """The resolver (and whoever answers for others in its place) gives these addresses; encrypted ones do not."""
        self.meets("dns", host or self.host, answers=answers)

    def visit(
        self,
        url: str,
        *,
        version: str = NEW,
        after: float = 0,
        control_failure: str | None = None,
        without_times: bool = False,
        shown: datetime | None = None,
        edit: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """One record."""
        probe = View(self.net, self.effects, **self.view)
        done = Visit(probe, View(self.net, self.abroad), url, version=version, control_failure=control_failure)
        keys = done.keys()
        if without_times:
            strip_times(keys)
        if edit:
            edit(keys)
        return record(
            self.probe, "web_connectivity", version, keys, time=self.when + timedelta(seconds=after),
            session=self.when, given=url, runtime=done.runtime, shown=shown,
        )  # fmt: skip


def strip_times(keys: dict[str, Any]) -> None:
    """Records whose times were taken out, as some publishers do."""
    keys["network_events"] = None
    for group in ("queries", "tcp_connect", "tls_handshakes", "requests"):
        for row in keys[group]:
            row.pop("t0", None)
            row["t"] = 0
