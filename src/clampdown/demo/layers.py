"""Law: interference in one layer looks the same wherever it is met: at the first URL or behind a redirect.

Connections, handshakes, exchanges, chains of redirects, slow lines; and sites that are down for everyone, which look
the same to the probe and not to the control.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clampdown.demo.expect import Expected
from clampdown.demo.net import Effect, Page, Server
from clampdown.demo.stage import (
    CLOSED,
    EDGE_HERE,
    EDGE_THERE,
    ORIGIN,
    ORIGIN_2,
    SHORTENER,
    Stage,
    page_of,
    to,
    words,
)
from clampdown.demo.table import DOWN, FAILURES, OK, OLD, SCHEMES, Table, blocked


def large(s: Stage, scheme: str) -> str:
    body = words(s.host, 700_000)
    s.add(s.host, page=Page(200, "", body, (("Content-Type", "text/plain"),), 16 << 20))
    return f"{scheme}://{s.host}/"


def _tcp(table: Table) -> None:
    for kind, failure in (
        ("refused", "connection_refused"),
        ("timeout", "generic_timeout_error"),
        ("reset", "connection_reset"),
    ):
        for scheme in SCHEMES:

            def fails(s: Stage, answer: str | None = None, failure: str = failure, scheme: str = scheme) -> str:
                if answer:
                    s.server(answer, Server(64496, "Lantern Mobile"))
                    s.hijack(answer)
                    s.meets("tcp", addresses=frozenset({answer}), failure=failure)
                else:
                    s.meets("tcp", s.host, failure=failure)
                return f"{scheme}://{s.host}/"

            # Nothing in the old record answers when its only connection times out.
            quiet = ("unknown",) if kind == "timeout" else ()
            table.one("tcp", f"{kind}.{scheme}.consistent", blocked(f"tcp.{kind}"), fails)
            table.one("tcp", f"{kind}.{scheme}.consistent", blocked(f"tcp.{kind}", or_else=quiet), fails, version=OLD)
            wrong = blocked("dns.injection", f"tcp.{kind}")
            table.one("tcp", f"{kind}.{scheme}.inconsistent", wrong, lambda s, f=fails: f(s, "192.0.2.92"))


def _tls(table: Table) -> None:
    for kind, failure in FAILURES.items():

        def fails(s: Stage, answer: str | None = None, failure: str = failure) -> str:
            if answer:
                s.server(answer, Server(64496, "Lantern Mobile", hosts=frozenset({s.host})))
                s.hijack(answer)
            s.meets("tls", s.host, failure=failure)
            return f"https://{s.host}/"

        table.both("tls", f"{kind}.consistent", blocked(f"tls.{kind}"), fails)
        wrong = blocked(f"tls.{kind}", may=("dns.injection",))
        table.one("tls", f"{kind}.inconsistent", wrong, lambda s, f=fails: f(s, "192.0.2.93"))
        # The old control makes no handshakes, so nobody vouches for the address that the resolver gave.
        unsure = blocked(f"tls.{kind}", "dns.injection", or_else=("unknown",))
        table.one("tls", f"{kind}.inconsistent", unsure, lambda s, f=fails: f(s, "192.0.2.93"), version=OLD)


def _http(table: Table) -> None:
    for kind, failure in FAILURES.items():

        def fails(s: Stage, answer: str | None = None, failure: str = failure) -> str:
            if answer:
                s.server(answer, Server(64496, "Lantern Mobile", hosts=frozenset({s.host})))
                s.hijack(answer)
            s.meets("http", s.host, ports=frozenset({80}), failure=failure)
            return f"http://{s.host}/"

        table.both("http", f"{kind}.consistent", blocked(f"http.{kind}"), fails)
        wrong = blocked(f"http.{kind}", may=("dns.injection",))
        table.both("http", f"{kind}.inconsistent", wrong, lambda s, f=fails: f(s, "192.0.2.94"))

    def other_page(s: Stage, answer: str | None = None) -> str:
        if answer:
            s.server(answer, Server(64496, "Lantern Mobile", hosts=frozenset({s.host})))
            s.hijack(answer)
        shown = Page(200, "Out of order", "<html><head><title>Out of order</title></head><body>No.</body></html>")
        s.meets("http", s.host, ports=frozenset({80}), page=shown)
        return f"http://{s.host}/"

    must = ("http.blockpage", "http.differs", "http.redirect")
    table.both("http", "differs.consistent", blocked(*must), other_page)
    wrong = blocked(*must, "dns.injection")
    table.both("http", "differs.inconsistent", wrong, lambda s: other_page(s, "192.0.2.95"))


def _strays(table: Table) -> None:
    """A forged answer leads to a server that is not the site's, and there is trouble at the site's own address too."""
    for kind, failure in (("refused", "connection_refused"), ("timeout", "generic_timeout_error")):
        for scheme in SCHEMES:

            def shut(s: Stage, failure: str = failure, scheme: str = scheme) -> str:
                s.hijack(CLOSED)
                s.meets("tcp", s.host, failure=failure)
                return f"{scheme}://{s.host}/"

            either = blocked("dns.injection", f"tcp.{kind}")
            table.one("stray", f"shut.{kind}.{scheme}", either, shut)
            quiet = blocked("dns.injection", f"tcp.{kind}", or_else=("unknown",))
            table.one("stray", f"shut.{kind}.{scheme}", quiet, shut, version=OLD)
    for kind, failure in FAILURES.items():

        def cut(s: Stage, failure: str = failure, scheme: str = "https") -> str:
            chain = s.forge.good("elsewhere.example", on=s.when)
            s.server("192.0.2.96", Server(64496, "Lantern Mobile", chain=chain))
            s.hijack("192.0.2.96")
            s.meets("tls" if scheme == "https" else "http", s.host, failure=failure)
            return f"{scheme}://{s.host}/"

        # The old record shows neither the control's handshakes nor the site's own address.
        quiet = () if kind == "reset" else ("unknown",)
        for layer, scheme in (("tls", "https"), ("http", "http")):
            must = (f"{layer}.{kind}", "dns.injection")
            name, unsure = f"cut.{kind}.{scheme}", blocked(*must, or_else=quiet)
            table.one("stray", name, blocked(*must), lambda s, c=cut, x=scheme: c(s, scheme=x))
            table.one("stray", name, unsure, lambda s, c=cut, x=scheme: c(s, scheme=x), version=OLD)

        def edge(s: Stage, failure: str = failure) -> str:
            # The nearby edge is the site's own, as the control finds; what is cut there is no matter of the answer.
            s.add(s.host, EDGE_THERE)
            s.server(EDGE_HERE, Server(64507, "Nearby Edge", hosts=frozenset({s.host})))
            s.effects = (Effect("dns", frozenset({s.host}), answers=(EDGE_HERE,), engines=frozenset({"system"})),)
            s.meets("tls", s.host, addresses=frozenset({EDGE_HERE}), failure=failure)
            return f"https://{s.host}/"

        table.one("stray", f"edge.{kind}", blocked(f"tls.{kind}"), edge)

    def no_certificate_at_all(s: Stage) -> str:
        # A site in clear text only: what stands on its other port is nobody's proof.
        for address, network in ((EDGE_THERE, 64508), (EDGE_HERE, 64507)):
            chain = s.forge.good("elsewhere.example", on=s.when)
            s.server(address, Server(network, "Edge", hosts=frozenset({s.host}), chain=chain))
        s.add(s.host, EDGE_THERE)
        s.effects = (Effect("dns", frozenset({s.host}), answers=(EDGE_HERE,)),)
        s.meets("http", s.host, ports=frozenset({80}), page=page_of(s.host, 900, title="Our reading room today"))
        return f"http://{s.host}/"

    table.both("stray", "no_certificate", Expected(("ok", "unknown")), no_certificate_at_all)


def _redirects(table: Table) -> None:
    """A first hop that works, and a second that meets each kind of trouble."""
    for scheme in SCHEMES:

        def two(trouble: Callable[[Stage, str], None], scheme: str = scheme) -> Callable[[Stage], str]:
            def set_up(s: Stage) -> str:
                second = s.other("second")
                first = s.other("go", page=to(f"{scheme}://{second}/", 308))
                s.add(first, SHORTENER, page=to(f"{scheme}://{second}/", 308))
                s.add(second, EDGE_THERE)
                trouble(s, second)
                return f"https://{first}/{s.host[5:11]}"

            return set_up

        table.both("redirect", f"success.{scheme}", OK, two(lambda s, h: None))

        def closed(s: Stage, host: str) -> None:
            s.meets("tcp", host, failure="connection_refused")

        def gone(s: Stage, host: str) -> None:
            s.meets("dns", host, failure="dns_nxdomain_error")

        def forged(s: Stage, host: str) -> None:
            s.hijack("10.10.20.30", host=host)

        table.one("redirect", f"bogon.{scheme}", blocked("dns.injection.bogon"), two(forged))
        table.both("redirect", f"refused.{scheme}", blocked("tcp.refused"), two(closed))
        table.both("redirect", f"nxdomain.{scheme}", blocked("dns.nxdomain"), two(gone))
        for kind, failure in FAILURES.items():

            def cut(s: Stage, host: str, failure: str = failure, scheme: str = scheme) -> None:
                s.meets("tls", host, failure=failure)
                s.meets("http", host, failure=failure)

            layer, lower = ("tls", "http") if scheme == "https" else ("http", "tls")
            must = blocked(f"{layer}.{kind}", may=(f"{lower}.{kind}",))
            table.one("redirect", f"{kind}.{scheme}", must, two(cut))
            # In the old shape only the request's failure is written: its layer cannot be told.
            vague = blocked(
                f"http.{kind}", f"tls.{kind}", f"tcp.{kind}", or_else=("unknown",) if kind == "timeout" else ()
            )
            table.one("redirect", f"{kind}.{scheme}", vague, two(cut), version=OLD)


def _chains(table: Table) -> None:
    for scheme in SCHEMES:

        def broken(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, page=to("http://"))
            return f"{scheme}://{s.host}/"

        def endless(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, pages={f"/{n}": to(f"/{n + 1}") for n in range(30)})
            return f"{scheme}://{s.host}/0"

        lost = Expected(("down", "ok", "unknown"))
        table.both("redirect", f"broken_location.{scheme}", lost, broken)

        def broken_here(s: Stage, scheme: str = scheme) -> str:
            s.server(ORIGIN, Server(64505, "Harbour Hosting", page=to("http://")))
            s.server(ORIGIN_2, Server(64505, "Harbour Hosting", hosts=frozenset({s.host})))
            s.abroad = (Effect("dns", frozenset({s.host}), answers=(ORIGIN_2,)),)
            return f"{scheme}://{s.host}/"

        table.both("redirect", f"broken_location.not_for_control.{scheme}", lost, broken_here)
        table.both("redirect", f"endless.{scheme}", DOWN, endless)


def _slow(table: Table) -> None:
    cut = Expected(("blocked", "throttled"), ("http.timeout", "http.throttle", "tls.throttle"))

    def slow(s: Stage) -> str:
        large(s, "https")
        s.meets("speed", s.host, rate=9000.0)
        return f"https://{s.host}/"

    table.both("throttling", "cut_off.with_times", cut, slow)
    table.one("throttling", "cut_off.without_times", cut, slow, without_times=True)


def _unfailed(keys: dict[str, Any]) -> None:
    """Some controls say of a name without addresses that nothing failed."""
    keys["control"]["dns"]["failure"] = None


def _down(table: Table) -> None:
    for scheme in SCHEMES:

        def local(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, "127.0.0.1")
            return f"{scheme}://{s.host}/"

        def unnamed(s: Stage, scheme: str = scheme, failure: str = "dns_nxdomain_error") -> str:
            s.add(s.host, failure=failure)
            return f"{scheme}://{s.host}/"

        def shut(s: Stage, failure: str, scheme: str = scheme) -> str:
            s.meets("tcp", s.host, failure=failure)
            s.abroad = s.effects
            return f"{scheme}://{s.host}/"

        def mute(s: Stage, failure: str, scheme: str = scheme) -> str:
            s.meets("tls" if scheme == "https" else "http", s.host, failure=failure)
            s.abroad = s.effects
            return f"{scheme}://{s.host}/"

        table.both("localhost", scheme, DOWN, local)
        table.both("down", f"nxdomain.{scheme}", DOWN, unnamed)
        table.both("down", f"no_addresses.{scheme}", DOWN, lambda s, u=unnamed: u(s, failure="dns_no_answer"))
        table.both(
            "down", f"empty_answer.{scheme}", DOWN, lambda s, u=unnamed: u(s, failure="dns_no_answer"), edit=_unfailed
        )
        table.both("down", f"refused.{scheme}", DOWN, lambda s, f=shut: f(s, "connection_refused"))
        table.both("down", f"connect_timeout.{scheme}", DOWN, lambda s, f=shut: f(s, "generic_timeout_error"))
        table.both("down", f"reset.{scheme}", DOWN, lambda s, f=mute: f(s, "connection_reset"))
        table.both("down", f"eof.{scheme}", DOWN, lambda s, f=mute: f(s, "eof_error"))
    table.one("down", "odd_port", DOWN, lambda s: f"http://{s.host}:444/")


LAYERS = (_tcp, _tls, _http, _strays, _redirects, _chains, _slow, _down)
WIDE_LAYERS = (_tcp, _tls, _http, _strays, _redirects, _slow, _down)
