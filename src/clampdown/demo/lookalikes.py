"""Law: what looks like interference and is none is never called blocked; each such record says why it is none.

Servers that decline, probes at fault, content networks that answer by place, and silence that proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from clampdown.demo.certs import Forge
from clampdown.demo.expect import Expected
from clampdown.demo.net import Effect, Page, Server
from clampdown.demo.stage import (
    DAY,
    EDGE_HERE,
    EDGE_THERE,
    ORIGIN,
    ORIGIN_2,
    ORIGIN_6,
    Scenario,
    Stage,
    page_of,
    to,
)
from clampdown.demo.visit import NEW, OLD

TRANSLATED: Final = "64:ff9b::c633:640a"
OK: Final = Expected(("ok",))
PROBES: Final = Expected(("invalid",))
Rows = list[Scenario]


def lookalikes(forge: Forge) -> tuple[Scenario, ...]:
    """All of them, in a fixed order."""
    rows: Rows = []
    for fill in (_networks, _servers, _probes, _roots, _silence):
        fill(forge, rows)
    return tuple(rows)


def _add(
    forge: Forge, rows: Rows, family: str, name: str, expected: Expected, set_up: Callable[[Stage], str], *,
    versions: tuple[str, ...] = (NEW, OLD), when: datetime = DAY, note: str = "", **visit: Any,
) -> None:  # fmt: skip
    for version in versions:
        full = f"{family}.{name}.{version}"
        stage = Stage(forge, full, when=when)
        url = set_up(stage)
        rows.append(Scenario(full, family, (stage.visit(url, version=version, **visit),), (expected,), note=note))


def _networks(forge: Forge, rows: Rows) -> None:
    for scheme in ("http", "https"):

        def near_edge(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, EDGE_THERE)
            s.server(EDGE_HERE, Server(64507, "Nearby Edge", hosts=frozenset({s.host})))
            s.effects = (Effect("dns", frozenset({s.host}), answers=(EDGE_HERE,)),)
            return f"{scheme}://{s.host}/"

        def broken_six(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, ORIGIN_6, ORIGIN)
            s.view = {"ipv6": False}
            return f"{scheme}://{s.host}/"

        def dead_six(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, ORIGIN_6, ORIGIN)
            s.meets("tcp", addresses=frozenset({ORIGIN_6}), failure="generic_timeout_error")
            return f"{scheme}://{s.host}/"

        def translated(s: Stage, scheme: str = scheme) -> str:
            # The resolver of a network without IPv4 makes up addresses that only its own translator knows (RFC 6052).
            s.server(TRANSLATED, Server(64505, "Harbour Hosting", ports=frozenset()))
            s.effects = (Effect("dns", frozenset({s.host}), answers=(TRANSLATED,), engines=frozenset({"system"})),)
            s.meets("tcp", addresses=frozenset({TRANSLATED}), failure="generic_timeout_error")
            return f"{scheme}://{s.host}/"

        def one_dead(s: Stage, scheme: str = scheme) -> str:
            s.add(s.host, ORIGIN, ORIGIN_2)
            s.meets("tcp", addresses=frozenset({ORIGIN}), failure="generic_timeout_error")
            return f"{scheme}://{s.host}/"

        _add(forge, rows, "content_network", scheme, OK, near_edge, note="an edge in another network proves itself")
        _add(forge, rows, "broken_ipv6", f"unreachable.{scheme}", OK, broken_six)
        _add(forge, rows, "broken_ipv6", f"timeout.{scheme}", OK, dead_six)
        unsure = Expected(("ok", "unknown"))
        _add(forge, rows, "broken_ipv6", f"translated.{scheme}", unsure, translated)
        _add(forge, rows, "one_address_dead", scheme, OK, one_dead, note="a program goes on to the next address")


def _servers(forge: Forge, rows: Rows) -> None:
    refused = Expected(("refused",))

    def declines(s: Stage, page: Page, scheme: str = "https") -> str:
        s.server(ORIGIN, Server(64505, "Harbour Hosting", page=page))
        s.server(ORIGIN_2, Server(64505, "Harbour Hosting", hosts=frozenset({s.host})))
        s.abroad = (Effect("dns", frozenset({s.host}), answers=(ORIGIN_2,)),)
        return f"{scheme}://{s.host}/"

    for name, status, title in (
        ("geofence", 403, "Not available in your region"), ("legal", 451, "Unavailable For Legal Reasons"),
        ("overloaded", 503, "Service Temporarily Unavailable"),
    ):  # fmt: skip

        def answer(s: Stage, status: int = status, title: str = title) -> str:
            return declines(s, page_of(s.host, 500, status=status, title=title))

        _add(forge, rows, "server_declines", f"{name}.https", refused, answer)
    legal = Expected(("refused", "unknown"))
    _add(
        forge, rows, "server_declines", "legal.http", legal,
        lambda s: declines(s, page_of(s.host, 500, status=451, title="Unavailable For Legal Reasons"), "http"),
    )  # fmt: skip

    def moved(s: Stage) -> str:
        # The server itself sends the reader to its new name.
        after = s.other("moved")
        s.add(s.host, page=to(f"https://{after}/", 301))
        return f"https://{s.host}/"

    def dynamic(s: Stage) -> str:
        s.add(s.host, page=page_of(s.host, 2600))
        s.meets("http", s.host, ports=frozenset({80}), page=page_of(s.host, 1900))
        return f"http://{s.host}/"

    def edition(s: Stage) -> str:
        # Readers from here are sent to an edition of their own, under the same owner's name.
        there = f"m.{s.host}"
        s.add(there, EDGE_THERE, page=page_of(there, 900, title="Our edition for this place"))
        s.server(ORIGIN, Server(64505, "Harbour Hosting", page=to(f"http://{there}/")))
        s.server(ORIGIN_2, Server(64505, "Harbour Hosting", hosts=frozenset({s.host})))
        s.abroad = (Effect("dns", frozenset({s.host}), answers=(ORIGIN_2,)),)
        return f"http://{s.host}/"

    _add(forge, rows, "moved", "https", OK, moved)
    _add(forge, rows, "moved", "edition", Expected(("ok", "unknown")), edition)
    _add(forge, rows, "dynamic_page", "http", OK, dynamic, note="the same title and headers, another length")


def _probes(forge: Forge, rows: Rows) -> None:
    def plain(s: Stage) -> str:
        return f"https://{s.host}/"

    for name, off in (("ahead", timedelta(days=420)), ("behind", -timedelta(days=900))):
        _add(forge, rows, "wrong_clock", name, PROBES, plain, shown=DAY + off)

    def rejects(s: Stage) -> str:
        s.view = {"old_roots": True}
        return plain(s)

    # A clock that is years behind finds every certificate not yet valid, and says so in its records.
    _add(forge, rows, "wrong_clock", "certificates", PROBES, rejects, shown=DAY - timedelta(days=900))

    def antivirus(s: Stage) -> str:
        s.meets("tls", chain=s.forge.of_antivirus(s.host, on=s.when))
        return plain(s)

    _add(forge, rows, "antivirus", "https", PROBES, antivirus)


def _roots(forge: Forge, rows: Rows) -> None:
    never = Expected(("invalid", "ok", "unknown"))

    def outdated(s: Stage) -> str:
        s.view = {"old_roots": True}
        return f"https://{s.host}/"

    _add(forge, rows, "old_roots", "good_chain", PROBES, outdated)

    def ended(s: Stage) -> str:
        chain = s.forge.under_ended_root(s.host, on=s.when)
        s.add(s.host, chain=chain)
        s.meets("tls", chain=replace(chain, fault="ssl_invalid_certificate"))
        return f"https://{s.host}/"

    def ended_unknown(s: Stage) -> str:
        chain = s.forge.under_ended_root(s.host, on=s.when)
        s.add(s.host, chain=chain)
        s.meets("tls", chain=replace(chain, fault="ssl_unknown_authority"))
        return f"https://{s.host}/"

    # The root ended on 30 September 2021 at 14:01 UTC; old machines failed from then on.
    for name, when in (
        ("that_day", datetime(2021, 9, 30, 16, 5)),
        ("next_day", datetime(2021, 10, 1, 8, 0)),
        ("later", datetime(2021, 12, 5, 20, 0)),
    ):
        _add(forge, rows, "ended_root", f"{name}.invalid", never, ended, when=when)
        _add(forge, rows, "ended_root", f"{name}.unknown", never, ended_unknown, when=when)


def _silence(forge: Forge, rows: Rows) -> None:
    quiet = Expected(("unknown", "invalid"))

    def meets(layer: str, failure: str, scheme: str = "https") -> Callable[[Stage], str]:
        def set_up(s: Stage) -> str:
            s.meets(layer, s.host, failure=failure)
            return f"{scheme}://{s.host}/"

        return set_up

    # The control was overloaded and said nothing: what failed here may have failed for everyone.
    for control in ("http_request_failed", "generic_timeout_error", "unknown_failure: 503 Service Unavailable"):
        name = control.partition(":")[0]
        for layer, failure, scheme in (
            ("tcp", "generic_timeout_error", "https"), ("tls", "generic_timeout_error", "https"),
            ("http", "generic_timeout_error", "http"), ("tcp", "connection_refused", "http"),
        ):  # fmt: skip
            label = f"{name}.{layer}.{failure.partition('_')[0]}"
            _add(forge, rows, "no_control", label, quiet, meets(layer, failure, scheme), control_failure=control)
    fine = Expected(("ok", "unknown"))
    _add(
        forge, rows, "no_control", "success.https", Expected(("ok",)), lambda s: f"https://{s.host}/",
        control_failure="unknown_failure: 503 Service Unavailable",
    )  # fmt: skip
    _add(
        forge, rows, "no_control", "success.http", fine, lambda s: f"http://{s.host}/",
        control_failure="unknown_failure: 503 Service Unavailable",
    )  # fmt: skip

    def offline(s: Stage) -> str:
        # The control works, but this probe reached nothing at all, not even a resolver.
        s.effects = (
            Effect("dns", engines=frozenset({"system", "udp", "doh"}), failure="generic_timeout_error"),
            Effect("tcp", failure="generic_timeout_error"),
        )
        return f"https://{s.host}/"

    _add(forge, rows, "no_network", "all_timeouts", Expected(("unknown", "invalid")), offline)
