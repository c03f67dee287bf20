"""Law: the script becomes a world: what is there for everyone, and what stands on the way in a network on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Final

from clampdown.demo.certs import Chain
from clampdown.demo.net import Effect, Net, Page, Server, Site, View
from clampdown.demo.reference import forge
from clampdown.demo.script import Act, Place, Script
from clampdown.demo.stage import page_of, to

NOTICE_HOST: Final = "notice.authority.example"
NOTICE_IP, GATEWAY_IP, BOGON = "203.0.113.7", "203.0.113.66", "10.66.6.6"
SLOW: Final = 6_000.0  # bytes per second of a throttled download
FAST: Final = 1_500_000.0
SIGNAL: Final = (
    "chat.signal.org", "storage.signal.org", "cdn.signal.org", "cdn2.signal.org", "cdn3.signal.org",
    "cdsi.signal.org", "sfu.voip.signal.org",
)  # fmt: skip
WHATSAPP: Final = tuple(f"e{n}.whatsapp.net" for n in (1, 4, 7, 10, 13, 16))
TELEGRAM_WEB, WHATSAPP_WEB, REGISTRATION = "web.telegram.org", "web.whatsapp.com", "v.whatsapp.net"
# What the operators publish; clampdown/reference/data/targets.toml names the sources.
CENTRES: Final = ("149.154.175.50", "149.154.167.51", "149.154.175.100", "149.154.167.91", "149.154.171.5")
DOORS: Final = {
    "128.31.0.39:9131": "dir_port", "86.59.21.38:80": "dir_port", "131.188.40.189:80": "dir_port",
    "128.31.0.39:9101": "or_port_dirauth", "86.59.21.38:443": "or_port_dirauth",
    "131.188.40.189:443": "or_port_dirauth", "192.95.36.142:443": "obfs4", "85.31.186.98:443": "obfs4",
}  # fmt: skip
_NOTICE: Final = (
    "<!doctype html><html><head><title>Notice Office of Exampleland</title></head><body><h1>Notice</h1>"
    "<p>Access to this page is withheld by order of the Exampleland Notice Office.</p></body></html>"
)
_DECLINED: Final = (
    "<!doctype html><html><head><title>Not in your region</title></head><body>"
    "<p>Cinestream has no licence to show films in your region.</p></body></html>"
)


class World:
    """Views of the fictional internet, per network and day."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._views: dict[tuple[int, int, int], View] = {}

    @cached_property
    def abroad(self) -> Net:
        """The internet as the control meets it."""
        return self._net(near=False)

    @cached_property
    def here(self) -> Net:
        """The internet as it serves this country."""
        return self._net(near=True)

    def control(self, day: int) -> View:
        """What the control gets on a day: the same servers, nothing on the way."""
        return View(self.abroad, self._effects(None, day))

    def view(self, network: int, day: int, slot: int = 0) -> View:
        """What a sound probe gets in a session of a day in a network."""
        key = (network, day, slot)
        if key not in self._views:
            if len(self._views) > 64:
                self._views.clear()
            self._views[key] = View(self.here, self._effects(network, day, slot), rate=FAST)
        return self._views[key]

    def faulty(self, view: View, kind: str) -> View:
        """The same, seen by a probe at fault."""
        if kind == "ipv6":
            return replace(view, ipv6=False)
        if kind == "roots":
            return replace(view, old_roots=True)
        if kind == "antivirus":
            day = self.script.date(1)
            return view.through(
                *(
                    Effect("tls", frozenset({host}), chain=forge().of_antivirus(host, on=_noon(day)))
                    for host, site in self.here.sites.items()
                    if site.chain is not None
                )
            )
        return view

    def _effects(self, network: int | None, day: int, slot: int | None = None) -> tuple[Effect, ...]:
        """`network` None: what holds for the whole world, so for the control as well."""
        found: list[Effect] = []
        for target, hosts in self.targets.items():
            act = self.script.act(target, network or 0, day, slot)
            if act is not None and (network is not None or act.how == "down"):
                found.extend(self.effects(act, hosts))
        return tuple(found)

    @cached_property
    def targets(self) -> dict[str, frozenset[str]]:
        """Target -> its names (or addresses, where it has no names)."""
        made = {place.target: frozenset({place.host}) for place in self.script.places}
        return made | {
            "telegram/app": frozenset(CENTRES),
            "telegram/web": frozenset({TELEGRAM_WEB}),
            "signal/app": frozenset(SIGNAL),
            "whatsapp/app": frozenset(WHATSAPP),
            "whatsapp/registration": frozenset({REGISTRATION}),
            "whatsapp/web": frozenset({WHATSAPP_WEB}),
            "tor/dir_port": frozenset(e for e, kind in DOORS.items() if kind == "dir_port"),
            "tor/obfs4": frozenset(e for e, kind in DOORS.items() if kind == "obfs4"),
            "tor/or_port_dirauth": frozenset(e for e, kind in DOORS.items() if kind == "or_port_dirauth"),
        }

    def effects(self, act: Act, hosts: frozenset[str]) -> tuple[Effect, ...]:
        """What stands on the way to these names."""
        notice = Page(200, "Notice Office of Exampleland", _NOTICE, _headers(_NOTICE))
        match act.how:
            case "dns.bogon":
                return (Effect("dns", hosts, answers=(BOGON,)),)
            case "dns.other":
                return (Effect("dns", hosts, answers=(GATEWAY_IP,)),)
            case "dns.notice":
                return (Effect("dns", hosts, answers=(NOTICE_IP,)),)
            case "dns.nxdomain":
                return (Effect("dns", hosts, failure="dns_nxdomain_error"),)
            case "tcp.timeout" | "down":
                return (Effect("tcp", hosts, failure="generic_timeout_error"),)
            case "tls.reset":
                return (Effect("tls", hosts, failure="connection_reset"),)
            case "http.blockpage":
                return (Effect("http", hosts, page=notice),)
            case "http.eof":
                return (Effect("http", hosts, failure="eof_error"),)
            case "http.redirect":
                return (Effect("http", hosts, page=to(f"http://{NOTICE_HOST}/{act.first}")),)
            case "throttle":
                return (Effect("speed", hosts, rate=SLOW),)
            case _:
                return ()  # at the server itself, or in a test without a name

    def _net(self, *, near: bool) -> Net:
        servers = {
            NOTICE_IP: Server(64507, "Authority of Exampleland", page=Page(200, "", _NOTICE, _headers(_NOTICE))),
            GATEWAY_IP: Server(64507, "Authority of Exampleland", chain=self._good("gateway.authority.example")),
        }
        sites = [Site(NOTICE_HOST, (NOTICE_IP,), self._good(NOTICE_HOST), {"*": Page(200, "", _NOTICE)})]
        names = {64504: "Northern Hosting", 64505: "Cloud of Examples", 64506: "Cloud of Examples, other coast"}
        for place in self.script.places:
            for asn, addresses in ((place.asn, place.addresses), (place.near_asn, place.near)):
                for ip in addresses:
                    org = names.get(asn, "Authority of Exampleland")
                    servers[ip] = Server(asn, org, hosts=frozenset({place.host}))
            sites.append(self._site(place, near=near))
        for number, host in enumerate((*SIGNAL, *WHATSAPP, REGISTRATION, WHATSAPP_WEB, TELEGRAM_WEB)):
            ip = f"198.51.100.{100 + number}"
            servers[ip] = Server(64505, "Cloud of Examples", ports=frozenset({80, 443, 5222}))
            sites.append(Site(host, (ip,), self._good(host), {"*": page_of(host, 900)}))
        for ip in CENTRES:
            servers[ip] = Server(0, "", page=Page(501, "", ""))
        for place in DOORS:
            ip = place.rpartition(":")[0]
            ports = frozenset(int(each.rpartition(":")[2]) for each in DOORS if each.startswith(f"{ip}:"))
            servers[ip] = Server(0, "", ports=ports)
        return Net(sites, servers)

    def _site(self, place: Place, *, near: bool) -> Site:
        page = page_of(place.host, place.size, title=place.title)
        pages = {"*": page}
        if place.url.startswith("http:") and not place.plain:
            pages = {"http *": to(f"https://{place.host}/", 301), "*": page}
        declined = self.script.act(place.target, self.script.networks[0].asn, 1)
        if near and declined is not None and declined.how == "geofence":
            # The server declines whoever comes from this country, on every day.
            pages = {"*": Page(403, "Not in your region", _DECLINED, _headers(_DECLINED))}
        addresses = place.near if near and place.near else place.addresses
        return Site(place.host, addresses, None if place.plain else self._good(place.host), pages)

    def _good(self, *names: str) -> Chain:
        return forge().good(*names, on=_noon(self.script.first_day))


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)


def _headers(body: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Length", str(len(body.encode()))), ("Content-Type", "text/html; charset=utf-8"))
