"""Law: where a redirect leads to a block page the site that was asked for is blamed, not the page's own host."""

from __future__ import annotations

from typing import Any

import pytest

from clampdown.engine import Engine
from clampdown.judge.cells import judge_day
from clampdown.judge.rules import load_rules
from clampdown.reference import load_reference

from .worlds import SITE, fact, measurement, world

ENGINE, RULES = Engine(), load_rules()
COLUMNS = (
    b"name,scope,other_names,location_found,pattern_type,pattern,"
    b"confidence_no_fp,expected_countries,source,exp_url,notes\n"
)
PAGE = b"t.page,nat,,header.server,full,wall,9,XA,test,,\n"  # the page itself, not the redirect to it
REFERENCE = load_reference({"fingerprints_http.csv": COLUMNS + PAGE})
WALL, SITE_AT, WALL_AT = "notice.example", "9.9.1.1", "9.9.1.2"


def chain(first: str, last: str, *, between: str | None = None, control: bool = True) -> list[dict[str, Any]]:
    """The site redirects (over `first`), perhaps by way of a host of its own over HTTPS, to the wall (over `last`)."""
    rows: list[dict[str, Any]] = []

    def step(operation: str, depth: int, host: str, ip: str, port: int, **given: Any) -> None:
        where = {"hostname": host, "ip": ip, "ip_version": 4, "ip_class": "public"}
        if operation != "dns_answer":
            where["port"] = port
        rows.append(fact("a", len(rows), operation, depth=depth, **where, **given))

    hops = [(SITE, SITE_AT, first), *([(between, "9.9.1.3", "https")] if between else []), (WALL, WALL_AT, last)]
    for depth, (host, ip, scheme) in enumerate(hops):
        port = 443 if scheme == "https" else 80
        rows.append(fact("a", len(rows), "dns_lookup", depth=depth, hostname=host, engine="system"))
        step("dns_answer", depth, host, ip, port, engine="system")
        step("tcp_connect", depth, host, ip, port)
        if scheme == "https":
            step("tls_handshake", depth, host, ip, port)
        end = depth == len(hops) - 1
        shown = {"status": 200, "headers": "server: wall", "final": True} if end else {"status": 302, "final": False}
        leads = {} if end else {"location": hops[depth + 1][0]}
        step("http_exchange", depth, host, ip, port, scheme=scheme, **shown, **leads)
    if control:
        theirs = {"origin": "control", "classic": None, "hostname": SITE}
        rows.append(fact("a", 90, "dns_lookup", **theirs))
        rows.append(fact("a", 91, "dns_answer", **theirs, ip=SITE_AT, ip_version=4, ip_class="public"))
        rows.append(fact("a", 92, "http_exchange", **theirs, status=200))
    return rows


@pytest.mark.parametrize(
    ("made", "states", "settled"),
    [
        (chain("http", "http"), {SITE: "blocked", WALL: "unknown"}, SITE),
        (chain("http", "http", control=False), {SITE: "blocked", WALL: "unknown"}, SITE),
        # The site itself, with the right certificate, sends the reader on: what is cut is the second hop.
        (chain("https", "http"), {SITE: "ok", WALL: "blocked"}, WALL),
        (chain("http", "http", between="own.example"), {SITE: "unknown", "own.example": "ok", WALL: "blocked"}, WALL),
    ],
    ids=["clear", "clear, no control", "vouched", "a hop over HTTPS between"],
)
def test_who_is_blamed(made: list[dict[str, Any]], states: dict[str, str], settled: str) -> None:
    asked = measurement("a", control="ok" if any(row["origin"] == "control" for row in made) else "none")
    found = judge_day(ENGINE, *world((asked, made)), rules=RULES, reference=REFERENCE, pooled=True)
    rows = {row["target"].removeprefix("web/"): row for row in found.verdicts.to_pylist()}
    assert {host: row["state"] for host, row in rows.items()} == states
    assert [host for host, row in rows.items() if row["settled"]] == [settled]
    mechanisms = {row["mechanism"] for row in rows.values() if row["state"] == "blocked"}
    assert mechanisms == {"http.redirect" if settled == SITE else "http.blockpage"}


@pytest.mark.parametrize("further", [False, True], ids=["one redirect", "a second one within the host"])
def test_a_page_to_which_a_redirect_led_is_not_blamed_by_comparison_where_the_input_is_unknown(further: bool) -> None:
    made = chain("http", "http")
    last = next(row for row in made if row["operation"] == "http_exchange" and row.get("final"))
    last |= {"headers": None, "title_match": False, "headers_match": False, "status_match": True, "body_ratio": 0.1}
    if further:
        first = {**last, "final": False, "status": 302, "location": f"http://{WALL}/page", "seq": 50}
        last["depth"] = 2
        made.append(first)
    asked = measurement("a", target=None, input=None)
    found = judge_day(ENGINE, *world((asked, made)), rules=RULES, reference=load_reference(), pooled=False)
    states = {row["target"].removeprefix("web/"): row["state"] for row in found.verdicts.to_pylist()}
    assert states == {SITE: "blocked", WALL: "unknown"}
