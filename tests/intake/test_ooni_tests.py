"""Law: each nettest yields its facts under their targets, in every shape that its probes ever wrote, however broken."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clampdown.intake.features import Kit
from clampdown.intake.sources.ooni import TESTS
from clampdown.reference import load_reference

sys.path.insert(0, str(Path(__file__).parent))
import nettests as n
from records import batch, envelope, measured, observed

KIT = Kit(targets=load_reference().targets)
IGNORED = ("dns_answer",)


def made(test: str, keys: Any, given: str | None = None, **changes: Any) -> dict[str, Any]:
    return envelope(test, keys, input=given, **changes)


def rows(test: str, keys: Any, given: str | None = None, **changes: Any) -> list[dict[str, Any]]:
    return observed(made(test, keys, given, **changes), kit=KIT)


def said(test: str, keys: Any, given: str | None = None, **changes: Any) -> dict[str, Any]:
    return measured(made(test, keys, given, **changes), kit=KIT)


def short(found: list[dict[str, Any]]) -> list[tuple[str, str | None, str, str | None]]:
    """(operation, target, outcome, failure), answers left out."""
    kept = (row for row in found if row["operation"] not in IGNORED)
    return [(row["operation"], row.get("target"), row["outcome"], row.get("failure")) for row in kept]


def test_every_reader_has_an_example() -> None:
    shown = {test for test, _, _ in n.EXAMPLES} | {"web_connectivity"}
    # Other names of the same reader.
    shown |= {"stun_reachability", "port_filtering", "ndt7", "tlsping", "simplequicping", "dns_spoof", "psiphon_test"}
    shown |= {"openvpn_client_test", "multi_port_traceroute", "traceroute", "parasitic_traceroute"}
    assert set(TESTS) == shown


@pytest.mark.parametrize(("test", "keys", "given"), n.EXAMPLES, ids=[test for test, _, _ in n.EXAMPLES])
def test_a_whole_record_reads_without_loss(test: str, keys: dict[str, Any], given: str | None) -> None:
    row = said(test, keys, given)
    assert row["degraded"] == ("queries" if test == "ddr" else "")
    assert row["instrument"] is None
    found = rows(test, keys, given)
    assert bool(found) is (test != "multi_protocol_traceroute")
    assert all(row["outcome"] in ("ok", "failed", "unknown") for row in found)


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value within a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*at, key)
        yield from paths(item, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], junk: Any) -> Any:
    whole = copy.deepcopy(value)
    place = whole
    for key in at[:-1]:
        place = place[key]
    if junk is KeyError:
        del place[at[-1]]
    else:
        place[at[-1]] = junk
    return whole


JUNK: tuple[Any, ...] = (None, False, True, -1, 1e300, "\ud800", [None], {"x": [[]]}, KeyError)


@pytest.mark.parametrize(("test", "keys", "given"), n.EXAMPLES, ids=[test for test, _, _ in n.EXAMPLES])
def test_no_wrong_value_anywhere_loses_a_record_or_trips_its_reader(
    test: str, keys: dict[str, Any], given: str | None
) -> None:
    broken = [replaced(keys, at, junk) for at in paths(keys) for junk in JUNK]
    found = batch(*(made(test, b, given, measurement_uid=None) for b in broken), kit=KIT)
    assert found.measurements.num_rows == len(broken)
    assert not found.rejects
    degraded = found.measurements.column("degraded").to_pylist()
    tripped = [b for b, words in zip(broken, degraded, strict=True) if "test_keys" in words.split(",")]
    assert not tripped


@pytest.mark.parametrize("test", sorted(set(TESTS) - {"web_connectivity"}))
@pytest.mark.parametrize("keys", [None, {}, [], "x"])
def test_without_test_keys_there_is_no_step_and_the_record_says_so(test: str, keys: Any) -> None:
    assert rows(test, keys, "https://birds.example/") == []
    assert said(test, keys, "https://birds.example/")["instrument"] == "no_test_keys"


@pytest.mark.parametrize("test", sorted(set(TESTS) - {"web_connectivity"}))
def test_keys_that_say_nothing_are_never_a_success(test: str) -> None:
    found = rows(test, {"agent": "redirect"}, "https://birds.example/")
    assert [row for row in found if row["outcome"] == "ok"] == []


@pytest.mark.parametrize("test", ["telegram", "whatsapp", "signal", "facebook_messenger", "urlgetter", "echcheck"])
def test_a_failure_before_the_first_step_is_the_instruments(test: str) -> None:
    row = said(test, {"failure": "unknown_failure: the session was closed", "queries": None})
    if test == "urlgetter":
        assert row["instrument"] is None  # there the failure itself is what was measured
    else:
        assert row["instrument"] == "no_steps"


def test_telegram_by_steps() -> None:
    found = rows("telegram", n.TELEGRAM)
    assert short(found) == [
        ("dns_lookup", "telegram/web", "ok", None),
        ("tcp_connect", "telegram/app", "ok", None),
        ("tcp_connect", "telegram/web", "ok", None),
        ("tls_handshake", "telegram/web", "ok", None),
        ("http_exchange", "telegram/app", "ok", None),
        ("http_exchange", "telegram/web", "ok", None),
    ]
    assert said("telegram", n.TELEGRAM)["peer"] == (
        "telegram_tcp_blocking=false telegram_http_blocking=false telegram_web_status=ok"
    )


def test_telegram_by_summary() -> None:
    keys = {
        "telegram_tcp_blocking": True, "telegram_http_blocking": None,
        "telegram_web_status": "blocked", "telegram_web_failure": "dns_lookup_error",
    }  # fmt: skip
    found = rows("telegram", keys)
    assert short(found) == [
        ("tcp_connect", "telegram/app", "failed", None),
        ("dns_lookup", "telegram/web", "failed", "dns_lookup_error"),
    ]
    assert {row["detail"] for row in found} == {"summary"}


def test_whatsapp_roles_and_summary() -> None:
    assert [(op, target) for op, target, _, _ in short(rows("whatsapp", n.WHATSAPP))] == [
        ("dns_lookup", "whatsapp/app"),
        ("dns_lookup", "whatsapp/registration"),
        ("tcp_connect", "whatsapp/app"),
        ("tcp_connect", "whatsapp/app"),
        ("tcp_connect", "whatsapp/registration"),
        ("tls_handshake", "whatsapp/registration"),
        ("http_exchange", "whatsapp/registration"),
        ("http_exchange", "whatsapp/web"),
    ]
    keys = {
        "whatsapp_endpoints_status": "blocked", "whatsapp_endpoints_blocked": ["e4.whatsapp.net"],
        "registration_server_status": "ok", "registration_server_failure": None,
        "whatsapp_web_status": "blocked", "whatsapp_web_failure": "connection_reset",
    }  # fmt: skip
    found = rows("whatsapp", keys)
    assert short(found) == [
        ("tcp_connect", "whatsapp/app", "failed", None),
        ("tcp_connect", "whatsapp/app", "failed", None),
        ("http_exchange", "whatsapp/registration", "ok", None),
        ("http_exchange", "whatsapp/web", "failed", "connection_reset"),
    ]
    assert found[1]["hostname"] == "e4.whatsapp.net"


def test_the_outage_counter_of_signal_is_beside_the_path() -> None:
    found = rows("signal", n.SIGNAL)
    assert {row["target"] for row in found} == {"signal/app"}
    beside = [row for row in found if row["hostname"] == "uptime.signal.org"]
    assert [row["classic"] for row in beside] == [False, False]
    assert all(row["classic"] for row in found if row["hostname"] != "uptime.signal.org")


@pytest.mark.parametrize(
    ("when", "also", "instrument"),
    [
        ("2023-05-06 00:00:00", None, None),
        ("2023-05-30 00:00:00", None, "outdated_test"),
        ("2023-05-30 00:00:00", "connection_reset", None),
    ],
)
def test_hosts_that_signal_took_down(when: str, also: str | None, instrument: str | None) -> None:
    old = "api.directory.signal.org"
    keys = {
        **n.SIGNAL,
        "queries": [*n.SIGNAL["queries"], n.lookup(old, failure="dns_nxdomain_error")],
        "requests": [n.fetch("https://chat.signal.org/", failure=also)],
    }
    dated = {"measurement_start_time": when, "measurement_uid": None, "report_id": None}
    assert said("signal", keys, **dated)["instrument"] == instrument
    step = next(r for r in rows("signal", keys, **dated) if r["hostname"] == old)
    assert step["classic"] is (when < "2023-05-07")


@pytest.mark.parametrize(
    ("failure", "operation"),
    [("dns_nxdomain_error", "dns_lookup"), ("ssl_invalid_hostname", "tls_handshake"), ("eof_error", "http_exchange")],
)
def test_signal_by_summary(failure: str, operation: str) -> None:
    found = rows("signal", {"signal_backend_status": "blocked", "signal_backend_failure": failure})
    assert short(found) == [(operation, "signal/app", "failed", failure)]


def test_facebook_messenger_roles_and_summary() -> None:
    assert short(rows("facebook_messenger", n.FACEBOOK)) == [
        ("dns_lookup", "facebook_messenger/b_api", "ok", None),
        ("dns_lookup", "facebook_messenger/stun", "ok", None),
        ("tcp_connect", "facebook_messenger/b_api", "ok", None),
        ("tcp_connect", "facebook_messenger/star", "failed", None),
    ]


def test_dnscheck_steps_are_the_resolvers() -> None:
    found = rows("dnscheck", n.DNSCHECK, "https://dns.google/dns-query")
    assert {row["target"] for row in found} == {"dns/dns.google"}
    lookups = [row for row in found if row["operation"] == "dns_lookup"]
    assert [(row["engine"], row.get("hostname"), row["outcome"]) for row in lookups] == [
        ("system", "dns.google", "ok"),
        ("doh", "example.org", "ok"),
        ("dot", None, "failed"),
    ]
    assert lookups[2]["detail"] == "summary"
    assert all(row["classic"] for row in found)
    assert next(row for row in found if row["operation"] == "tcp_connect")["hostname"] == "dns.google"


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("dot://dns.quad9.net:853", "dns/dns.quad9.net"),
        ("udp://8.8.8.8:53", "dns/dns.google"),
        ("https://bücher.example/dns-query", "dns/xn--bcher-kva.example"),
    ],
)
def test_dnscheck_targets(given: str, target: str) -> None:
    assert said("dnscheck", n.DNSCHECK, given)["target"] == target


def test_an_address_is_never_part_of_a_target() -> None:
    target = said("dnscheck", n.DNSCHECK, "dot://93.184.215.14:853")["target"]
    assert target.startswith("dns/address-")
    assert "93.184" not in target


def test_stun() -> None:
    found = rows("stunreachability", n.STUN, "stun://stun.l.google.com:19302")
    assert {row["target"] for row in found} == {"stun/stun.l.google.com:19302"}
    last = found[-1]
    assert (last["operation"], last["outcome"], last["stage"], last["network_proto"]) == (
        "tunnel_bootstrap", "ok", "done", "udp",
    )  # fmt: skip
    lost = {**n.STUN, "failure": "generic_timeout_error"}
    assert rows("stunreachability", lost, "stun://stun.l.google.com:19302")[-1]["stage"] == "bootstrap"
    # Up to 0.1 the endpoint stood in the keys alone.
    assert said("stunreachability", n.STUN)["target"] == "stun/stun.l.google.com:19302"
