"""Law: tests without a control are held against what a platform's roles answer elsewhere, and against one another."""

from __future__ import annotations

from typing import Any

import pytest

from clampdown.engine import Engine
from clampdown.judge import controls
from clampdown.judge.rules import load_rules
from clampdown.judge.verdicts import judge_records
from clampdown.model import OBSERVATIONS
from clampdown.reference import load_reference

from .worlds import fact, measurement, table, world

RULES, REFERENCE = load_rules(), load_reference()
Rows = list[dict[str, Any]]


def judged(test: str, rows: Rows) -> dict[str, tuple[str, list[str]]]:
    """Target → (state, deciding mechanisms) of one record."""
    name = "m"
    tables = world((measurement(name, test=test, test_version="0.4.0", target=None, input=None, control="none"), rows))
    made = judge_records(
        Engine(threads=1, memory="1GB"), *tables, rules=RULES, reference=REFERENCE, pooled=False
    )  # fmt: skip
    fired = made.fired.to_pylist()
    return {
        row["target"]: (
            row["state"],
            sorted({f["mechanism"] for f in fired if f["target"] == row["target"] and f["decides"] and f["mechanism"]}),
        )
        for row in made.verdicts.to_pylist()
    }


def relays(target: str, passed: int, cut: int, failure: str = "generic_timeout_error", named: bool = True) -> Rows:
    """Connects and endings of a class of relays, by address or (bridges) without one."""
    rows: Rows = []
    for n in range(passed + cut):
        ended = {"outcome": "ok"} if n < passed else {"outcome": "failed", "failure": failure}
        ip = f"9.9.2.{n + 1}" if named else None
        where = {"target": target, "hostname": None, "ip": ip, "ip_version": 4 if ip else None, "port": 443}
        where |= {"ip_class": "public" if ip else None}
        rows.append(fact("m", 2 * n, "tcp_connect", **where, **ended))
        rows.append(fact("m", 2 * n + 1, "tunnel_bootstrap", **where, **ended))
    return rows


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("passed", "cut", "state"),
    [
        (10, 0, "ok"),
        (7, 3, "ok"),
        (3, 9, "ok"),
        (2, 9, "blocked"),
        (1, 9, "blocked"),
        (0, 3, "unknown"),
        (0, 1, "unknown"),
    ],
)
def test_of_many_relays_a_few_are_no_way_through(passed: int, cut: int, state: str, named: bool) -> None:
    found, mechanisms = judged("tor", relays("tor/obfs4", passed, cut, named=named))["tor/obfs4"]
    assert found == state
    assert mechanisms == (["tcp.timeout", "tunnel.bootstrap"] if state == "blocked" else [])


def test_the_layer_that_decides_is_the_one_at_which_most_are_cut() -> None:
    """Most connections are made and no tunnel comes of them; the few that time out do not decide."""
    rows = relays("tor/dir_port", 1, 9)
    for row in rows[2:14:2]:
        row |= {"outcome": "ok", "failure": None}
    assert judged("tor", rows)["tor/dir_port"] == ("blocked", ["tunnel.bootstrap"])


def test_a_class_of_relays_may_be_cut_while_another_passes() -> None:
    rows = relays("tor/or_port_dirauth", 0, 9) + [row | {"seq": row["seq"] + 100} for row in relays("tor/obfs4", 9, 1)]
    found = judged("tor", rows)
    assert found["tor/obfs4"][0] == "ok"
    assert found["tor/or_port_dirauth"] == ("blocked", ["tcp.timeout", "tunnel.bootstrap"])


def role(ip: str, kind: str, asn: int | None, tcp: str | None = None, target: str = "facebook_messenger/edge") -> Rows:
    """A host that is looked up and connected to, and no more."""
    site = {"target": target, "hostname": "edge-mqtt.facebook.com"}
    where = {**site, "ip": ip, "ip_version": 4, "ip_class": kind, "asn": asn}
    return [
        fact("m", 0, "dns_lookup", **site, engine="system"),
        fact("m", 1, "dns_answer", **where, engine="system"),
        fact("m", 2, "tcp_connect", **where, port=443, outcome="failed" if tcp else "ok", failure=tcp),
    ]


@pytest.mark.parametrize(
    ("rows", "state", "mechanisms"),
    [
        (role("157.240.1.1", "public", 32934), "ok", []),
        (role("157.240.1.1", "public", None), "ok", []),
        (role("10.10.34.36", "private", None), "blocked", ["dns.injection.bogon"]),
        (role("9.9.3.1", "public", 64999), "blocked", ["dns.injection"]),
        (role("9.9.3.1", "public", 64999, "connection_refused"), "blocked", ["dns.injection", "tcp.refused"]),
        (role("157.240.1.1", "public", 32934, "connection_reset"), "blocked", ["tcp.reset"]),
        (role("157.240.1.1", "public", 32934)[:2], "ok", []),
    ],
    ids=[
        "at home",
        "network not known",
        "bogon that connects",
        "foreign",
        "foreign, closed",
        "reset",
        "looked up only",
    ],
)
def test_a_connection_is_no_better_than_the_answer_that_led_to_it(
    rows: Rows, state: str, mechanisms: list[str]
) -> None:
    assert judged("facebook_messenger", rows)["facebook_messenger/edge"] == (state, mechanisms)


def test_a_lookup_is_no_way_through_where_the_connection_was_tried() -> None:
    rows = role("157.240.1.1", "public", 32934)[:2]
    rows.append(
        fact("m", 3, "tcp_connect", target="facebook_messenger/edge", hostname=None, outcome="failed", detail="summary")
    )
    assert judged("facebook_messenger", rows)["facebook_messenger/edge"] == ("unknown", [])


def test_a_summary_that_says_ok_is_ok() -> None:
    rows = [fact("m", 0, "http_exchange", target="whatsapp/registration", hostname=None, final=True, detail="summary")]
    assert judged("whatsapp", rows)["whatsapp/registration"][0] == "ok"


def test_sister_sites_bear_one_owners_name() -> None:
    pairs = {
        ("www.example.com", "m.example.com"): True,
        ("example.com", "example.de"): True,
        ("www.example.co.uk", "example.com"): True,
        ("one.co.uk", "two.co.uk"): False,
        ("example.com", "blocked.example.net"): True,
        ("example.com", "notice.provider.net"): False,
        ("example.com", "9.9.1.1"): False,
        ("9.9.1.1", "9.9.1.2"): False,
    }
    rows = [fact("m", n, "http_exchange", hostname=a, location=b) for n, (a, b) in enumerate(pairs)]
    found = controls.kin(Engine(), table(rows, OBSERVATIONS)).to_pylist()
    assert {(row["hostname"], row["location"]) for row in found} == {pair for pair, kin in pairs.items() if kin}
