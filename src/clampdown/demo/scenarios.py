"""Law: what went wrong in a scenario is known because we made it; each is a row of one table.

The families are those that a measurement tool's own quality assurance walks through (interference in each layer, at
the first URL or after a redirect, with true and with forged answers of the resolver), each in the shape of version
0.5 and, where it can show it, of 0.4; and the look-alikes that are no interference (`lookalikes`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from clampdown.demo.certs import Forge
from clampdown.demo.expect import Expected
from clampdown.demo.lookalikes import lookalikes
from clampdown.demo.net import Effect, Page, Server
from clampdown.demo.reference import forge
from clampdown.demo.sessions import sessions
from clampdown.demo.stage import (
    CENSOR,
    CLOSED,
    EDGE_THERE,
    ORIGIN,
    ORIGIN_2,
    RELAY,
    SHORTENER,
    Scenario,
    Stage,
    page_of,
    to,
    words,
)
from clampdown.demo.visit import NEW, OLD

OK: Final = Expected(("ok",))
DOWN: Final = Expected(("down",))
_VERSIONS: Final = (NEW, OLD)
_SCHEMES: Final = ("http", "https")
_FAILURES: Final = {"reset": "connection_reset", "eof": "eof_error", "timeout": "generic_timeout_error"}


def blocked(*must: str, may: tuple[str, ...] = (), or_else: tuple[str, ...] = ()) -> Expected:
    return Expected(("blocked", *or_else), must, may)


class Table:
    """Scenarios as they are made."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.rows: list[Scenario] = []

    def one(
        self, family: str, name: str, expected: Expected, set_up: Callable[[Stage], str], *, version: str = NEW,
        note: str = "", **visit: Any,
    ) -> None:  # fmt: skip
        """Set a stage (which says what URL is visited) and keep the record."""
        full = f"{family}.{name}.{version}"
        stage = Stage(self.forge, full)
        url = set_up(stage)
        self.rows.append(Scenario(full, family, (stage.visit(url, version=version, **visit),), (expected,), note=note))

    def both(self, family: str, name: str, expected: Expected, set_up: Callable[[Stage], str], **more: Any) -> None:
        for version in _VERSIONS:
            self.one(family, name, expected, set_up, version=version, **more)


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario, in a fixed order."""
    table = Table(forge())
    for fill in (_plain, _certificates, _dns, _hijacks, _tcp, _tls, _http, _redirects, _chains, _slow, _down):
        fill(table)
    table.rows.extend(lookalikes(table.forge))
    table.rows.extend(sessions(table.forge))
    return tuple(table.rows)


def _plain(table: Table) -> None:
    for scheme in _SCHEMES:
        table.both("success", scheme, OK, lambda s, scheme=scheme: f"{scheme}://{s.host}/")
        table.both("large_file", scheme, OK, lambda s, scheme=scheme: _large(s, scheme))
        table.one(
            "control_failure", scheme, Expected(("ok", "unknown") if scheme == "http" else ("ok",)),
            lambda s, scheme=scheme: f"{scheme}://{s.host}/", control_failure="connection_reset",
        )  # fmt: skip
        captcha = Expected(("ok", "refused"), may=("server.captcha",))
        table.both("captcha", scheme, captcha, lambda s, scheme=scheme: _captcha(s, scheme))

    def idna(s: Stage, name: str) -> str:
        s.add(name.lower().encode("idna").decode("ascii"))
        return f"http://{name}/"

    for label, name in (("lower", "читальня.example"), ("upper", "Читальня.example"), ("umlaut", "bücherei.example")):
        table.both("idna", label, OK, lambda s, name=name: idna(s, name))


def _large(s: Stage, scheme: str) -> str:
    body = words(s.host, 700_000)
    s.add(s.host, page=Page(200, "", body, (("Content-Type", "text/plain"),), 16 << 20))
    return f"{scheme}://{s.host}/"


def _captcha(s: Stage, scheme: str) -> str:
    shown = page_of(s.host, 6000, status=503, title="Just a moment...", cf_mitigated="challenge")
    s.meets("http", s.host, page=shown)
    if scheme == "https":
        # Over TLS the challenge is the server's own: it shows another page to whoever looks like a machine.
        s.server(ORIGIN, Server(64505, "Harbour Hosting", page=shown))
        s.server(ORIGIN_2, Server(64505, "Harbour Hosting", hosts=frozenset({s.host})))
        s.abroad = (Effect("dns", frozenset({s.host}), answers=(ORIGIN_2,)),)
    return f"{scheme}://{s.host}/"


def _certificates(table: Table) -> None:
    kinds = ("expired", "of_stranger", "self_signed", "good")  # `good` for another name
    for kind in kinds:
        name = "wrong_name" if kind == "good" else kind

        def own(s: Stage, kind: str = kind, address: str | None = None) -> str:
            names = ("elsewhere.example",) if kind == "good" else (s.host,)
            s.add(s.host, chain=getattr(s.forge, kind)(*names, on=s.when))
            if address:
                s.hijack(address)
            return f"https://{s.host}/"

        table.both("bad_certificate", f"{name}.consistent", DOWN, own, note="the site's own; the control sees the same")
        either = Expected(("down", "blocked", "unknown"), ("dns.injection",), ("tls.mitm",))
        table.both("bad_certificate", f"{name}.inconsistent", either, lambda s, own=own: own(s, address=RELAY))

        def forged(s: Stage, kind: str = kind) -> str:
            names = ("elsewhere.example",) if kind == "good" else (s.host,)
            s.server(CENSOR, Server(64496, "Lantern Mobile", chain=getattr(s.forge, kind)(*names, on=s.when)))
            s.hijack(CENSOR)
            return f"https://{s.host}/"

        if kind != "expired":
            table.both("mitm", f"{name}.inconsistent", blocked("dns.injection", "tls.mitm"), forged)

        def on_path(s: Stage, kind: str = kind) -> str:
            names = ("elsewhere.example",) if kind == "good" else (s.host,)
            s.meets("tls", s.host, chain=getattr(s.forge, kind)(*names, on=s.when))
            return f"https://{s.host}/"

        if kind != "expired":
            table.both("mitm", f"{name}.consistent", blocked("tls.mitm"), on_path)


def _dns(table: Table) -> None:
    answers = {
        "nxdomain": ("dns_nxdomain_error", "dns.nxdomain"), "servfail": ("dns_servfail_error", "dns.servfail"),
        "refused": ("dns_refused_error", "dns.refused"), "no_answer": ("dns_no_answer", "dns.no_answer"),
        "timeout": ("generic_timeout_error", "dns.timeout"),
    }  # fmt: skip
    for name, (failure, mechanism) in answers.items():
        for scheme in _SCHEMES:

            def fails(s: Stage, failure: str = failure, scheme: str = scheme) -> str:
                s.meets("dns", s.host, failure=failure, engines=frozenset({"system"}))
                return f"{scheme}://{s.host}/"

            table.one("dns_failure", f"{name}.{scheme}", blocked(mechanism), fails)
            # The old test has no second resolver: a timeout of the only lookup shows no living line.
            states = ("unknown",) if name == "timeout" else ()
            table.one(
                "dns_failure", f"{name}.{scheme}", blocked(mechanism, or_else=states), fails, version=OLD
            )  # fmt: skip

    def no_data(s: Stage) -> str:
        s.meets("dns", s.host, failure="android_dns_cache_no_data", engines=frozenset({"system"}))
        return f"https://{s.host}/"

    table.both("dns_failure", "android_no_data", blocked("dns.nxdomain", "dns.no_answer"), no_data)


def _hijacks(table: Table) -> None:
    for scheme in _SCHEMES:

        def lead(*answers: str, scheme: str = scheme) -> Callable[[Stage], str]:
            def set_up(s: Stage) -> str:
                s.hijack(*answers)
                return f"{scheme}://{s.host}/"

            return set_up

        for name, answer in (
            ("localhost", "127.0.0.1"), ("private", "10.10.20.30"), ("zero", "0.0.0.0"), ("carrier", "100.64.7.9"),
        ):  # fmt: skip
            table.both("hijack", f"{name}.{scheme}", blocked("dns.injection.bogon"), lead(answer))
        table.both("hijack", f"proxy.{scheme}", Expected(("ok",), may=("dns.injection",)), lead(RELAY))
        table.both(
            "hijack",
            f"elsewhere.{scheme}",
            blocked("dns.injection", "http.differs", may=("tls.mitm",)),
            _to_page(scheme),
        )
        ghost = blocked("dns.injection", may=("http.blockpage", "tcp", "tcp.refused"), or_else=("down",))
        table.both("ghost", f"closed.{scheme}", ghost, lambda s, scheme=scheme: _ghost(s, scheme, CLOSED))
        table.both("ghost", f"page.{scheme}", ghost, lambda s, scheme=scheme: _ghost(s, scheme, CENSOR))


def _to_page(scheme: str) -> Callable[[Stage], str]:
    def set_up(s: Stage) -> str:
        shown = Page(200, "Notice", "<html><head><title>Notice</title></head><body>Withheld.</body></html>")
        chain = s.forge.good("notice.example", on=s.when)
        s.server(CENSOR, Server(64496, "Lantern Mobile", page=shown, chain=chain))
        s.hijack(CENSOR)
        return f"{scheme}://{s.host}/"

    return set_up


def _ghost(s: Stage, scheme: str, address: str) -> str:
    s.add(s.host, failure="dns_nxdomain_error")
    _to_page(scheme)(s)
    s.effects = ()
    s.hijack(address)
    return f"{scheme}://{s.host}/"


def _tcp(table: Table) -> None:
    for kind, failure in (
        ("refused", "connection_refused"),
        ("timeout", "generic_timeout_error"),
        ("reset", "connection_reset"),
    ):
        for scheme in _SCHEMES:

            def fails(s: Stage, answer: str | None = None, failure: str = failure, scheme: str = scheme) -> str:
                s.add(s.host, ORIGIN)
                if answer:
                    s.server(answer, Server(64496, "Lantern Mobile"))
                    s.hijack(answer)
                s.meets("tcp", addresses=frozenset({answer or ORIGIN}), failure=failure)
                return f"{scheme}://{s.host}/"

            # Nothing in the old record answers when its only connection times out.
            quiet = ("unknown",) if kind == "timeout" else ()
            table.one("tcp", f"{kind}.{scheme}.consistent", blocked(f"tcp.{kind}"), fails)
            table.one("tcp", f"{kind}.{scheme}.consistent", blocked(f"tcp.{kind}", or_else=quiet), fails, version=OLD)
            wrong = blocked("dns.injection", f"tcp.{kind}")
            table.one("tcp", f"{kind}.{scheme}.inconsistent", wrong, lambda s, f=fails: f(s, "192.0.2.92"))


def _tls(table: Table) -> None:
    for kind, failure in _FAILURES.items():

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
    for kind, failure in _FAILURES.items():

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


def _redirects(table: Table) -> None:
    """A first hop that works, and a second that meets each kind of trouble."""
    for scheme in _SCHEMES:

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

        table.both("redirect", f"refused.{scheme}", blocked("tcp.refused"), two(closed))
        table.both("redirect", f"nxdomain.{scheme}", blocked("dns.nxdomain"), two(gone))
        for kind, failure in _FAILURES.items():

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
    for scheme in _SCHEMES:

        def broken(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, page=to("http://"))
            return f"{scheme}://{s.host}/"

        def endless(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, pages={f"/{n}": to(f"/{n + 1}") for n in range(30)})
            return f"{scheme}://{s.host}/0"

        table.both("redirect", f"broken_location.{scheme}", Expected(("down", "ok", "unknown")), broken)
        table.both("redirect", f"endless.{scheme}", DOWN, endless)


def _slow(table: Table) -> None:
    cut = Expected(("blocked", "throttled"), ("http.timeout", "http.throttle", "tls.throttle"))

    def slow(s: Stage) -> str:
        _large(s, "https")
        s.meets("speed", s.host, rate=9000.0)
        return f"https://{s.host}/"

    table.both("throttling", "cut_off.with_times", cut, slow)
    table.one("throttling", "cut_off.without_times", cut, slow, strip_times=True)


def _down(table: Table) -> None:
    for scheme in _SCHEMES:

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
        table.both("down", f"refused.{scheme}", DOWN, lambda s, f=shut: f(s, "connection_refused"))
        table.both("down", f"connect_timeout.{scheme}", DOWN, lambda s, f=shut: f(s, "generic_timeout_error"))
        table.both("down", f"reset.{scheme}", DOWN, lambda s, f=mute: f(s, "connection_reset"))
        table.both("down", f"eof.{scheme}", DOWN, lambda s, f=mute: f(s, "eof_error"))
    table.one("down", "odd_port", DOWN, lambda s: f"http://{s.host}:444/")
