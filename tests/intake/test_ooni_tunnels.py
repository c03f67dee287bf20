"""Law: a tunnel's ending is one row with its stage, and no address that its operators do not publish reaches a row."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from clampdown.intake.features import Kit
from clampdown.intake.sources.ooni import tor
from clampdown.reference import load_reference

sys.path.insert(0, str(Path(__file__).parent))
import nettests as n
from records import batch, envelope, measured, observed

KIT = Kit(targets=load_reference().targets)
PUBLISHED = "193.11.166.194:27015"  # a bridge built into Tor Browser


def rows(test: str, keys: Any, given: str | None = None) -> list[dict[str, Any]]:
    return observed(envelope(test, keys, input=given), kit=KIT)


def tunnel(test: str, keys: Any, given: str | None = None) -> dict[str, Any]:
    """The one tunnel row."""
    (row,) = [row for row in rows(test, keys, given) if row["operation"] == "tunnel_bootstrap"]
    return row


def ending(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in ("target", "outcome", "failure", "stage", "progress", "seconds"))


def test_tor_has_a_row_for_each_target() -> None:
    found = [row for row in rows("tor", n.TOR) if row["operation"] == "tunnel_bootstrap"]
    assert [(r["target"], r["outcome"], r["stage"], r.get("ip"), r["port"], r.get("detail")) for r in found] == [
        ("tor/or_port_dirauth", "ok", "done", "193.23.244.244", 443, "dannenberg"),
        ("tor/dir_port", "failed", "connect", "128.31.0.39", 9131, "moria1"),
        ("tor/obfs4", "ok", "done", None, 9443, None),
    ]


def test_tor_keeps_the_steps_of_every_target() -> None:
    found = {(r["operation"], r["target"], r["outcome"]) for r in rows("tor", n.TOR)}
    assert found >= {
        ("tcp_connect", "tor/or_port_dirauth", "ok"),
        ("tls_handshake", "tor/or_port_dirauth", "ok"),
        ("tcp_connect", "tor/dir_port", "failed"),
        ("http_exchange", "tor/dir_port", "failed"),
        ("tcp_connect", "tor/obfs4", "ok"),
        ("transfer", "tor/obfs4", "ok"),
    }


def test_a_handshake_that_failed_after_the_connect_is_told_from_one_that_never_began() -> None:
    parts = {"connect": {"failure": None}, "handshake": {"failure": "connection_reset"}}
    late = n.target("obfs4", PUBLISHED, "connection_reset", summary=parts)
    early = n.target("obfs4", PUBLISHED, "connection_refused")
    assert ending(tunnel("tor", {"targets": {"a": late}}))[1:4] == ("failed", "connection_reset", "bootstrap")
    assert ending(tunnel("tor", {"targets": {"a": early}}))[1:4] == ("failed", "connection_refused", "connect")


def test_tor_targets_with_only_a_summary() -> None:
    keys = {"targets": {"x": n.target("or_port_dirauth", "193.23.244.244:443", "eof_error", tcp_connect=None)}}
    keys["targets"]["x"]["summary"] = {"connect": {"failure": None}, "handshake": {"failure": "eof_error"}}
    found = rows("tor", keys)
    assert [(r["operation"], r["outcome"], r.get("failure"), r.get("detail")) for r in found[:2]] == [
        ("tcp_connect", "ok", None, "summary"),
        ("tls_handshake", "failed", "eof_error", "summary"),
    ]


def test_tor_targets_in_a_list_and_without_a_failure_are_unknown() -> None:
    listed = [n.target("dir_port", "128.31.0.39:9131")]
    del listed[0]["failure"]
    assert ending(tunnel("tor", {"targets": listed}))[:4] == ("tor/dir_port", "unknown", None, None)


def test_tor_totals_where_no_target_is_listed() -> None:
    found = rows("tor", {"obfs4_total": 15, "obfs4_accessible": 0, "dir_port_total": 10, "dir_port_accessible": 2})
    assert [(r["target"], r["outcome"], r["detail"]) for r in found] == [
        ("tor/dir_port", "ok", "summary: 2 of 10"),
        ("tor/obfs4", "failed", "summary: 0 of 15"),
    ]


@pytest.mark.parametrize(
    ("test", "keys", "given"),
    [
        ("tor", n.TOR, None),
        ("tor", {"targets": [n.target("obfs4", n.BRIDGE, target_name=n.BRIDGE)]}, None),
        ("tor", {"targets": [n.target("or_port_dirauth", n.BRIDGE, target_source="bridgedb")]}, None),
        ("bridge_reachability", {**n.VANILLA_TOR, "bridge_address": n.BRIDGE}, f"obfs4 {n.BRIDGE} 00FF cert=xyz"),
        ("bridge_reachability", {"tor_progress_summary": f"at {n.BRIDGE}"}, n.BRIDGE),
        ("tcp_connect", {"connection": "success"}, n.BRIDGE),
        ("openvpn", n.OPENVPN, f"openvpn://riseup.corp/?address={n.GATEWAY}:1194&transport=tcp"),
        ("openvpn", {"failure": f"no answer from {n.GATEWAY}"}, f"openvpn://vpn.corp/?address={n.GATEWAY}:443"),
        ("riseupvpn", n.RISEUP, None),
        ("riseupvpn", {"failing_gateways": [{"ip": n.GATEWAY, "port": 443, "transport_type": "obfs4"}]}, None),
    ],
)
def test_no_address_of_a_bridge_or_a_gateway_is_kept(test: str, keys: Any, given: str | None) -> None:
    found = batch(envelope(test, keys, input=given), kit=KIT)
    text = f"{found.measurements.to_pylist()} {found.observations.to_pylist()}"
    assert n.GATEWAY not in text
    assert n.BRIDGE.partition(":")[0] not in text
    assert "cert=xyz" not in text
    assert {443, 1194, 9443} & {row["port"] for row in found.observations.to_pylist()}


def test_nor_where_the_reader_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(tor, "_targets", trip)
    found = observed(envelope("tor", n.TOR), kit=KIT)
    assert found  # read without its reader
    assert n.BRIDGE.partition(":")[0] not in str(found)


def test_a_published_bridge_keeps_its_address() -> None:
    row = tunnel("tor", {"targets": [n.target("obfs4", PUBLISHED)]})
    assert (row["ip"], row["port"]) == ("193.11.166.194", 27015)


def test_an_openvpn_provider_that_nobody_knows_is_not_named() -> None:
    given = f"openvpn://my-own-house.corp/?address={n.GATEWAY}:1194&transport=udp"
    assert measured(envelope("openvpn", n.OPENVPN, input=given), kit=KIT)["input"] == "openvpn://[scrubbed]/"
    known = measured(envelope("openvpn", n.OPENVPN, input=given.replace("my-own-house", "riseup")), kit=KIT)
    assert known["input"] == "openvpn://riseup.corp/" or known["input"] == "openvpn://riseup.corp"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (n.VANILLA_TOR, ("failed", "generic_timeout_error", "bootstrap", 0.5, None)),
        ({**n.VANILLA_TOR, "tor_progress": 5, "tor_progress_tag": "conn"},
         ("failed", "generic_timeout_error", "connect", 0.05, None)),
        ({"success": True, "bootstrap_time": 9.5, "failure": None, "tor_progress": 100, "tor_progress_tag": "done"},
         ("ok", None, "done", 1.0, 9.5)),
        # The Python probe: no `failure`.
        ({"success": False, "error": "timeout-reached", "tor_progress": 85, "tor_log": "..."},
         ("failed", "generic_timeout_error", "bootstrap", 0.85, None)),
        ({"success": True, "error": None, "tor_progress": 100}, ("ok", None, "done", 1.0, None)),
        ({"success": None, "error": None, "tor_progress": 30}, ("unknown", None, "bootstrap", 0.3, None)),
        # The first torsf: two keys.
        ({"bootstrap_time": 0, "failure": "generic_timeout_error"},
         ("failed", "generic_timeout_error", "bootstrap", None, None)),
        ({"bootstrap_time": 78.9, "failure": None}, ("ok", None, "done", 1.0, 78.9)),
        ({"bootstrap_time": 0, "failure": None}, ("unknown", None, None, None, None)),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("test", "target"), [("vanilla_tor", "tor/direct"), ("torsf", "tor/snowflake")])
def test_tor_clients(test: str, target: str, keys: Any, expected: tuple[Any, ...]) -> None:
    assert ending(tunnel(test, keys)) == (target, *expected)


@pytest.mark.parametrize("test", ["vanilla_tor", "torsf", "psiphon", "lantern_circumvention_tool_test"])
@pytest.mark.parametrize(
    ("failure", "instrument"),
    [("unknown_failure: exec: executable file not found in $PATH", "setup"), ("interrupted", "interrupted")],
)
def test_a_tool_that_never_ran_measured_nothing(test: str, failure: str, instrument: str) -> None:
    record = envelope(test, {"failure": failure, "bootstrap_time": 0, "success": False})
    assert measured(record, kit=KIT)["instrument"] == instrument
    assert observed(record, kit=KIT) == []


def test_psiphon_tells_the_tunnel_from_the_page_behind_it() -> None:
    assert ending(tunnel("psiphon", n.PSIPHON)) == ("psiphon/tunnel", "ok", None, "done", 1.0, 5.5)
    never = {**n.PSIPHON, "bootstrap_time": 0, "failure": "generic_timeout_error", "requests": None}
    assert ending(tunnel("psiphon", never))[1:5] == ("failed", "generic_timeout_error", "bootstrap", None)
    later = {**n.PSIPHON, "failure": "eof_error"}
    assert ending(tunnel("psiphon", later))[1:5] == ("failed", "eof_error", "transfer", 1.0)


def test_what_passed_through_a_tunnel_is_beside_the_path() -> None:
    found = rows("psiphon", n.PSIPHON)
    assert "tcp_connect" not in {row["operation"] for row in found}  # only the tunnel's own door was connected to
    assert {row["operation"]: row["classic"] for row in found} == {
        "tunnel_bootstrap": True, "tls_handshake": False, "http_exchange": False,
    }  # fmt: skip
    fetched = rows("urlgetter", n.PSIPHON, "https://birds.example/")
    assert {row["target"] for row in fetched} == {"psiphon/tunnel"}


def test_openvpn() -> None:
    found = rows("openvpn", n.OPENVPN, f"openvpn://riseup.corp/?address={n.GATEWAY}:1194&transport=tcp")
    assert [(r["operation"], r["target"], r["outcome"], r["port"]) for r in found] == [
        ("tcp_connect", "openvpn/tunnel", "ok", 1194),
        ("tunnel_bootstrap", "openvpn/tunnel", "ok", 1194),
    ]
    assert (found[1]["seconds"], found[1]["network_proto"], found[1]["detail"]) == (0.4, "tcp", "riseup")
    failed = dict(n.OPENVPN["openvpn_handshake"][0], failure="generic_timeout_error")
    row = tunnel("openvpn", {**n.OPENVPN, "success": False, "openvpn_handshake": [failed]})
    assert ending(row)[1:5] == ("failed", "generic_timeout_error", "bootstrap", 0.25)
    # The connect failed, so no handshake began.
    keys = {"success": False, "failure": "connection_refused",
            "tcp_connect": [n.connect(n.GATEWAY, 1194, "connection_refused")]}  # fmt: skip
    assert ending(tunnel("openvpn", keys))[1:4] == ("failed", "connection_refused", "connect")


def test_riseupvpn_api_and_gateways() -> None:
    found = [(r["operation"], r["target"], r["outcome"]) for r in rows("riseupvpn", n.RISEUP)]
    assert found == [
        ("dns_lookup", "riseupvpn/api", "ok"),
        ("dns_answer", "riseupvpn/api", "ok"),
        ("tcp_connect", "riseupvpn/api", "ok"),
        ("tcp_connect", "riseupvpn/gateways", "failed"),
        ("http_exchange", "riseupvpn/api", "ok"),
        ("transfer", "riseupvpn/gateways", "ok"),
    ]
    old = {"api_status": "blocked", "api_failure": "connection_reset",
           "transport_status": {"openvpn": "ok", "obfs4": "blocked"}}  # fmt: skip
    summed = rows("riseupvpn", old)
    assert [(r["target"], r["outcome"], r.get("failure"), r["detail"]) for r in summed] == [
        ("riseupvpn/api", "failed", "connection_reset", "summary"),
        ("riseupvpn/gateways", "ok", None, "summary openvpn"),
        ("riseupvpn/gateways", "failed", None, "summary obfs4"),
    ]
