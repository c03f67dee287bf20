"""Law: what went wrong in a scenario is known because we made it; each is a row of one table.

The families are those that a measurement tool's own quality assurance walks through (interference in each layer, at
the first URL or after a redirect, with true and with forged answers of the resolver), each in the shape of version
0.5 and, where it can show it, of 0.4; the same without times and certificates (`bare`); the look-alikes that are no
interference (`lookalikes`); and what only a whole session shows (`sessions`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from clampdown.demo.bare import bare
from clampdown.demo.expect import Expected
from clampdown.demo.layers import LAYERS, WIDE_LAYERS, large
from clampdown.demo.lookalikes import lookalikes
from clampdown.demo.net import Effect, Page, Server
from clampdown.demo.reference import forge
from clampdown.demo.sessions import sessions
from clampdown.demo.stage import CENSOR, CLOSED, ORIGIN, ORIGIN_2, RELAY, Scenario, Stage, page_of, to
from clampdown.demo.table import DOWN, OK, OLD, SCHEMES, Table, blocked

__all__ = ["Expected", "Scenario", "scenarios"]


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario, in a fixed order."""
    table = Table(forge())
    for fill in (_plain, _certificates, _dns, _hijacks, *LAYERS):
        fill(table)
    table.rows.extend(_wide())
    table.rows.extend(lookalikes(table.forge))
    table.rows.extend(bare(table.rows))
    table.rows.extend(sessions(table.forge))
    return tuple(table.rows)


def _wide() -> tuple[Scenario, ...]:
    """The families again, with sites of several addresses behind another name."""
    table = Table(forge(), wide=True)
    for fill in (_certificates, _dns, _hijacks, *WIDE_LAYERS):
        fill(table)
    return tuple(table.rows)


def _plain(table: Table) -> None:
    for scheme in SCHEMES:
        table.both("success", scheme, OK, lambda s, scheme=scheme: f"{scheme}://{s.host}/")
        table.both("large_file", scheme, OK, lambda s, scheme=scheme: large(s, scheme))
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

    def idna_chain(s: Stage) -> str:
        last, name = s.other("last"), "Читальня.example"
        middle = s.other("middle", page=to(f"https://{last}/", 308))
        s.add(name.lower().encode("idna").decode("ascii"), page=to(f"https://{middle}/", 308))
        return f"http://{name}/"

    table.both("idna", "chain", OK, idna_chain)


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
        for scheme in SCHEMES:

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
    for scheme in SCHEMES:

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
