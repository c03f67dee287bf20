"""Law: some truths show only in the company of other records of one session; each session is judged together.

A captive portal is no block, a slow line is no throttling, and the echo of one block is not a second one.
"""

from __future__ import annotations

from typing import Any, Final

from clampdown.demo.certs import Forge
from clampdown.demo.expect import Expected
from clampdown.demo.net import Effect, Page, Server
from clampdown.demo.stage import EDGE_HERE, ORIGIN, ORIGIN_2, PORTAL, Scenario, Stage, words
from clampdown.demo.visit import NEW

OK: Final = Expected(("ok",))
INVALID: Final = Expected(("invalid",))


def sessions(forge: Forge) -> tuple[Scenario, ...]:
    """All of them, in a fixed order."""
    made = [_throttled(forge), _slow_line(forge), _echo(forge, 60), _echo(forge, 400), _by_name(forge)]
    made += [_portal(forge, scheme) for scheme in ("http", "https")]
    made += [_dead_line(forge, failure) for failure in ("generic_timeout_error", "network_unreachable")]
    return tuple(made)


def _large(s: Stage, host: str, address: str) -> str:
    size = 400_000
    body = f"<html><head><title>{host}</title></head><body>{words(host, size)}</body></html>"
    s.add(host, address, page=Page(200, host, body, (("Content-Type", "text/html"),)))
    return f"https://{host}/"


def _visits(s: Stage, urls: list[str], gap: float = 40.0, **given: Any) -> tuple[dict[str, Any], ...]:
    return tuple(s.visit(url, version=NEW, after=index * gap, **given) for index, url in enumerate(urls))


def _throttled(forge: Forge) -> Scenario:
    s = Stage(forge, "throttling.by_comparison")
    urls = [_large(s, s.host, ORIGIN)]
    for index in range(4):
        host = s.other(f"quick{index}")
        urls.append(_large(s, host, (ORIGIN_2, EDGE_HERE)[index % 2]))
    s.meets("speed", s.host, rate=52_000.0)
    slow = Expected(("throttled",), ("http.throttle", "tls.throttle"))
    return Scenario(s.name, "throttling", _visits(s, urls), (slow, OK, OK, OK, OK), pooled=True)


def _slow_line(forge: Forge) -> Scenario:
    s = Stage(forge, "slow_line.everything")
    s.view = {"rate": 52_000.0}
    urls = [_large(s, s.other(f"page{index}"), ORIGIN_2) for index in range(5)]
    return Scenario(s.name, "slow_line", _visits(s, urls), (OK,) * 5, pooled=True)


def _echo(forge: Forge, after: float) -> Scenario:
    """A reset on one name; then another name at the same address, within or beyond the time of residual blocking."""
    s = Stage(forge, f"residual.after_{after:.0f}_seconds")
    second = s.other("neighbour")
    s.meets("tls", s.host, failure="connection_reset")
    first = s.visit(f"https://{s.host}/")
    if after < 180:
        s.meets("tcp", second, failure="generic_timeout_error")
    later = s.visit(f"https://{second}/", after=after)
    echo = Expected(("unknown",)) if after < 180 else OK
    return Scenario(s.name, "residual", (first, later), (Expected(("blocked",), ("tls.reset",)), echo), pooled=True)


def _by_name(forge: Forge) -> Scenario:
    """Two names at one address: only one passes, so it is the name that matters."""
    s = Stage(forge, "tls.reset.by_name")
    second = s.other("neighbour")
    s.meets("tls", s.host, failure="connection_reset")
    records = (s.visit(f"https://{second}/"), s.visit(f"https://{s.host}/", after=300))
    return Scenario(s.name, "tls", records, (OK, Expected(("blocked",), ("tls.reset.sni",))), pooled=True)


def _portal(forge: Forge, scheme: str) -> Scenario:
    s = Stage(forge, f"captive_portal.{scheme}")
    page = Page(200, "Sign in to continue", f"<title>Sign in to continue</title>{words('portal', 700)}")
    s.server(PORTAL, Server(0, "", page=page, chain=forge.self_signed("portal.example", on=s.when)))
    hosts = [s.other(f"site{index}") for index in range(12)]
    everyone = frozenset({"system", "udp", "doh"})
    blocked = tuple(ip for ip in s.net.servers if ip != PORTAL)
    s.effects = (
        Effect("dns", engines=everyone, answers=(PORTAL,)),
        Effect("tcp", addresses=frozenset(blocked), failure="connection_refused"),
    )
    return Scenario(
        s.name, "captive_portal", _visits(s, [f"{scheme}://{h}/" for h in hosts]), (INVALID,) * 12, pooled=True
    )


def _dead_line(forge: Forge, failure: str) -> Scenario:
    s = Stage(forge, f"no_network.{failure}")
    hosts = [s.other(f"site{index}") for index in range(12)]
    s.meets("tcp", failure=failure)
    expected = INVALID if failure == "generic_timeout_error" else Expected(("invalid", "unknown"))
    return Scenario(s.name, "no_network", _visits(s, [f"https://{h}/" for h in hosts]), (expected,) * 12, pooled=True)
