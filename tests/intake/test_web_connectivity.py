"""Law: the probe's steps and its control's stand side by side as observations, whatever state the record is in."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clampdown.intake.containers import records as contained
from clampdown.intake.features import Kit
from clampdown.intake.sources.ooni import SOURCE, read
from clampdown.model import MEASUREMENTS, OBSERVATIONS

sys.path.insert(0, str(Path(__file__).parent))
from records import PAGE, batch, envelope, measured, observed, raw, web

IP = "93.184.215.14"


def pick(record: Any, operation: str, origin: str = "probe", kit: Kit | None = None) -> list[dict[str, Any]]:
    return [r for r in observed(record, kit) if r["operation"] == operation and r["origin"] == origin]


def test_a_successful_record_row_by_row() -> None:
    rows = observed(web())
    assert [(r["seq"], r["origin"], r["operation"], r["outcome"]) for r in rows] == [
        (0, "probe", "dns_lookup", "ok"),
        (1, "probe", "dns_answer", "ok"),
        (2, "probe", "tcp_connect", "ok"),
        (3, "probe", "tls_handshake", "ok"),
        (4, "probe", "http_exchange", "ok"),
        (5, "control", "dns_lookup", "ok"),
        (6, "control", "dns_answer", "ok"),
        (7, "control", "tcp_connect", "ok"),
        (8, "control", "tls_handshake", "ok"),
        (9, "control", "http_exchange", "ok"),
    ]
    assert {r["target"] for r in rows} == {"web/birds.example"}
    assert {r["hostname"] for r in rows} == {"birds.example"}
    assert {r["asn"] for r in rows if "ip" in r} == {64500}
    assert rows[4] | {"headers": None, "body_digest": None} == {
        "seq": 4, "origin": "probe", "operation": "http_exchange", "layer": "http", "target": "web/birds.example",
        "classic": True, "side": False, "depth": 0, "transaction": 30001, "hostname": "birds.example", "ip": IP,
        "ip_version": 4, "port": 443, "asn": 64500, "ip_class": "public", "outcome": "ok", "t0": 0.07, "t": 0.08,
        "network_proto": "tcp", "alpn": "h2", "method": "GET", "scheme": "https", "path": "/", "status": 200,
        "title": "A page about birds", "body_length": len(PAGE), "body_truncated": False, "final": True,
        "status_match": True, "title_match": True, "headers_match": True, "body_ratio": 1.0, "headers": None,
        "body_digest": None,
    }  # fmt: skip


def test_the_measurement_row() -> None:
    row = measured(web())
    assert row["control"] == "ok"
    assert row["degraded"] == ""
    assert row["peer"] == "blocking=false accessible=true".replace("false", "none")
    assert (row["country"], row["network"], row["resolver_network"]) == ("XA", 64500, 64500)
    assert (row["input"], row["target"]) == ("https://birds.example/", "web/birds.example")
    assert (row["locator"], row["software"], row["platform"], row["network_type"]) == (
        "records.jsonl:1", "probe/1.2.3", "linux", "wifi",
    )  # fmt: skip
    assert row["vantage_kind"] == "session"
    assert row["instrument"] is None


@pytest.mark.parametrize(
    ("identity", "verified", "kind"),
    [("a" * 64, "t", "credential"), ("a" * 64, None, "credential"), ("a" * 64, "f", "session"), ("", "t", "session"),
     (None, None, "session"), (7, "t", "session")],
)  # fmt: skip
def test_vantage_points(identity: Any, verified: Any, kind: str) -> None:
    row = measured(web() | {"probe_id": identity, "is_verified": verified})
    assert row["vantage_kind"] == kind
    assert measured(web() | {"probe_id": identity, "is_verified": verified, "report_id": ""})["vantage_kind"] in (
        kind,
        "none",
    )


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "ok"),
        ({"control_failure": "connection_reset"}, "failed"),
        ({"control": None, "control_failure": "unknown_failure: 503"}, "failed"),
        ({"control": None}, "none"),
        ({"control": {}}, "none"),
        ({"control": [1, 2]}, "none"),
    ],
)
def test_no_control_and_a_failed_control_are_different(changes: dict[str, Any], state: str) -> None:
    record = web(**changes)
    assert measured(record)["control"] == state
    assert bool([r for r in observed(record) if r["origin"] == "control"]) is (state == "ok")


@pytest.mark.parametrize(
    ("http", "outcome"),
    [
        ({"failure": None, "status_code": 200}, "ok"),
        ({"failure": "dns_nxdomain_error", "status_code": -1}, "failed"),
        ({"failure": None, "status_code": -1}, "failed"),
        ({"failure": None, "status_code": 0}, "unknown"),
        ({"status_code": 0}, "unknown"),
    ],
)
def test_the_controls_exchange(http: dict[str, Any], outcome: str) -> None:
    record = web()
    record["test_keys"]["control"]["http_request"] = http
    (row,) = pick(record, "http_exchange", "control")
    assert row["outcome"] == outcome


def test_tags_decide_the_path_where_there_are_any() -> None:
    record = web()
    record["test_keys"]["queries"].append(
        {"engine": "doh", "failure": None, "hostname": "birds.example", "query_type": "A", "tags": ["depth=0"],
         "resolver_address": "https://dns.google/dns-query", "answers": [{"answer_type": "A", "ipv4": IP}]}
    )  # fmt: skip
    extra = copy.deepcopy(record["test_keys"]["tcp_connect"][0]) | {"tags": ["tcptls_experiment", "depth=0"]}
    record["test_keys"]["tcp_connect"].append(extra)
    assert [(r["engine"], r["classic"]) for r in pick(record, "dns_lookup")] == [("system", True), ("doh", False)]
    assert [r["classic"] for r in pick(record, "tcp_connect")] == [True, False]


@pytest.mark.parametrize("engine", ["system", "getaddrinfo", "golang_net_resolver", "go", "", None])
def test_without_tags_everything_but_other_lookups_is_on_the_path(engine: Any) -> None:
    record = web()
    for name in ("queries", "tcp_connect", "tls_handshakes", "requests"):
        for step in record["test_keys"][name]:
            step["tags"] = None
    record["test_keys"]["queries"][0]["engine"] = engine
    record["test_keys"]["queries"].append({"engine": "udp", "failure": "dns_nxdomain_error", "hostname": "x.example"})
    steps = [r for r in observed(record) if r["origin"] == "probe"]
    assert [r["classic"] for r in steps] == [True, True, False, True, True, True]
    assert [r["engine"] for r in steps if r["operation"] == "dns_lookup"] == ["system", "udp"]


def test_duplicate_answers_are_told_apart() -> None:
    copies = [{"engine": "udp", "failure": None, "hostname": "birds.example", "query_type": "A",
               "answers": [{"answer_type": "A", "ipv4": "10.10.34.36"}], "tags": ["classic"]}]  # fmt: skip
    found = [r for r in observed(web(x_dns_duplicate_responses=copies)) if r.get("detail") == "duplicate"]
    assert [(r["operation"], r["classic"]) for r in found] == [("dns_lookup", False), ("dns_answer", False)]
    assert found[1]["ip_class"] == "private"


def test_redirects_are_hops_with_targets_of_their_own() -> None:
    record = web()
    keys = record["test_keys"]
    hop = copy.deepcopy(keys["requests"][0])
    hop["response"] |= {"code": 302, "body": "", "headers_list": [["Location", "http://bees.example/login?u=1"]]}
    failed = copy.deepcopy(keys["requests"][0])
    failed |= {"failure": "connection_reset", "response": None, "address": "93.184.215.20:80", "transaction_id": 30009}
    failed["tags"] = ["classic", "depth=1", "fetch_body=true"]
    failed["request"]["url"] = "http://bees.example/login?u=1"
    keys["requests"] = [failed, hop]
    lookup = copy.deepcopy(keys["queries"][0]) | {"hostname": "bees.example", "tags": ["classic", "depth=1"]}
    keys["queries"].append(lookup)
    connect = copy.deepcopy(keys["tcp_connect"][0])
    connect |= {"ip": "93.184.215.20", "port": 80, "transaction_id": 30009, "tags": failed["tags"]}
    beside = connect | {"port": 443, "transaction_id": 30010, "tags": ["classic", "depth=1", "fetch_body=false"]}
    keys["tcp_connect"] += [connect, beside]
    last, first = pick(record, "http_exchange")
    assert (last["target"], last["depth"], last["final"], last["outcome"]) == ("web/bees.example", 1, True, "failed")
    assert (first["target"], first["depth"], first["final"], first["outcome"]) == ("web/birds.example", 0, False, "ok")
    assert (first["location"], last["path"]) == ("bees.example", "/login")
    assert [(r["target"], r["depth"], r["side"]) for r in pick(record, "tcp_connect")] == [
        ("web/birds.example", 0, False), ("web/bees.example", 1, False), ("web/bees.example", 1, True),
    ]  # fmt: skip
    assert pick(record, "dns_lookup")[1]["target"] == "web/bees.example"


def test_old_records_count_hops_from_the_list() -> None:
    record = web()
    keys = record["test_keys"]
    hop = copy.deepcopy(keys["requests"][0])
    hop["request"]["url"] = "http://birds.example/"
    keys["requests"].append(hop)
    for step in keys["requests"]:
        del step["address"], step["transaction_id"]
    for name in ("queries", "tcp_connect", "tls_handshakes", "requests"):
        for step in keys[name]:
            step.pop("tags", None)
    rows = pick(record, "http_exchange")
    assert [(r["depth"], r["final"], r["scheme"], r["port"]) for r in rows] == [
        (1, True, "https", 443), (0, False, "http", 80),
    ]  # fmt: skip


def test_another_port_than_the_inputs_is_a_check_beside_the_path() -> None:
    record = web()
    connect = copy.deepcopy(record["test_keys"]["tcp_connect"][0]) | {"port": 80, "tags": None}
    record["test_keys"]["tcp_connect"].append(connect)
    assert [r["side"] for r in pick(record, "tcp_connect")] == [False, True]


def test_bytes_and_seconds_per_connection() -> None:
    events = [
        {"operation": "connect", "address": f"{IP}:443", "t0": 0.0, "t": 0.1, "transaction_id": 30001, "proto": "tcp"},
        {"operation": "tls_handshake_start", "t0": 0.1, "t": 0.1, "transaction_id": 30001},
        {"operation": "read", "address": f"{IP}:443", "num_bytes": 100, "t0": 0.2, "t": 0.5, "transaction_id": 30001},
        {"operation": "write", "address": f"{IP}:443", "num_bytes": 999, "t0": 0.5, "t": 0.5, "transaction_id": 30001},
        {"operation": "read", "address": f"{IP}:443", "num_bytes": 200, "t0": 0.6, "t": 4.2, "transaction_id": 30001},
        {"operation": "bytes_received_cumulative", "address": f"{IP}:443", "num_bytes": 250, "t": 4.0,
         "transaction_id": 30001},
    ]  # fmt: skip
    (row,) = pick(web(network_events=events), "transfer")
    assert (row["layer"], row["bytes"], row["seconds"], row["hostname"]) == ("tls", 300, 4.0, "birds.example")
    assert (row["transaction"], row["ip"], row["port"]) == (30001, IP, 443)


def test_an_old_handshake_finds_its_endpoint_among_the_events() -> None:
    record = web(
        network_events=[
            {"operation": "connect", "address": f"{IP}:443", "t": 0.04, "proto": "tcp"},
            {"operation": "tls_handshake_start", "t": 0.04},
            {"operation": "tls_handshake_done", "t": 0.06},
        ]
    )
    del record["test_keys"]["tls_handshakes"][0]["address"]
    (row,) = pick(record, "tls_handshake")
    assert (row["ip"], row["port"]) == (IP, 443)


class Finds:
    def match(self, body: bytes, /) -> tuple[str, ...]:
        return ("birds",) if b"birds" in body else ()


def test_fingerprints_are_looked_for_in_bodies_of_either_form() -> None:
    kit = Kit(bodies=Finds(), references="abc")
    made = batch(web(), kit=kit)
    assert [(r["seq"], r["fingerprint"]) for r in made.matches.to_pylist()] == [(4, "birds")]
    assert made.measurements.column("references").to_pylist() == ["abc"]
    record = web()
    record["test_keys"]["requests"][0]["response"]["body"] = {"format": "base64", "data": "PHA+YmlyZHM8L3A+"}
    assert len(batch(record, kit=kit).matches) == 1


@pytest.mark.parametrize(
    ("body", "truncated", "ratio"), [("", False, 0.0), (PAGE * 2, False, 0.5), (PAGE * 2, True, None)]
)
def test_lengths_are_compared_only_where_both_are_whole(body: str, truncated: bool, ratio: float | None) -> None:
    record = web()
    record["test_keys"]["requests"][0]["response"] |= {"body": body, "body_is_truncated": truncated}
    assert pick(record, "http_exchange")[0].get("body_ratio") == ratio


# ---- broken records -------------------------------------------------------------------------------------------------

BROKEN: list[tuple[dict[str, Any], str, int]] = [
    ({"queries": None, "requests": None, "tcp_connect": None, "tls_handshakes": None}, "", 5),
    ({"queries": 7}, "queries", 8),
    ({"queries": "x"}, "queries", 8),
    ({"tls_handshakes": {"a": {"server_name": "birds.example", "failure": None}}}, "tls_handshakes", 10),
    ({"tcp_connect": ["x", None, 3]}, "tcp_connect", 9),
    ({"control": "x"}, "control", 5),
    ({"network_events": [{"operation": 7, "num_bytes": "many"}]},
     "network_events.num_bytes,network_events.operation", 10),
    ({"network_events": [{"operation": "read", "num_bytes": 2**80, "t": 1e999, "transaction_id": -(2**90)}]},
     "network_events.num_bytes,network_events.transaction_id,record:not_finite", 10),
    ({"requests": [{"failure": None, "request": None, "response": None}]}, "", 10),
    ({"requests": [{"failure": False, "request": {"url": 7}, "response": {"code": "200", "body": {"data": 3}}}]},
     "requests.request.url", 10),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "degraded", "rows"), BROKEN)
def test_a_bad_field_costs_that_field_and_is_named(changes: dict[str, Any], degraded: str, rows: int) -> None:
    record = web(**changes)
    assert measured(record)["degraded"] == degraded
    assert len(observed(record)) == rows


@pytest.mark.parametrize("keys", [None, [], "x", 7, {}])
def test_without_keys_the_record_is_still_a_measurement(keys: Any) -> None:
    row = measured(envelope("web_connectivity", keys, input="https://birds.example/"))
    assert row["target"] == "web/birds.example"
    assert row["degraded"] == ("" if keys in (None, {}) else "test_keys")


def test_an_address_that_is_a_name_or_scrubbed_is_no_address() -> None:
    record = web()
    record["test_keys"]["tcp_connect"][0] |= {"ip": "[scrubbed]", "transaction_id": None, "tags": None}
    assert "ip" not in pick(record, "tcp_connect")[0]
    record["test_keys"]["tcp_connect"][0]["ip"] = "bees.example"
    row = pick(record, "tcp_connect")[0]
    assert ("ip" not in row, row["hostname"]) == (True, "bees.example")


def test_idna_and_punycode_are_one_target() -> None:
    record = web() | {"input": "https://BIRDS.Пример/"}
    record["test_keys"]["queries"][0]["hostname"] = "birds.xn--e1afmkfd"
    assert measured(record)["target"] == "web/birds.xn--e1afmkfd"
    assert observed(record)[0]["target"] == "web/birds.xn--e1afmkfd"


def test_old_cname_rows_name_the_alias() -> None:
    record = web()
    answers = [{"answer_type": "CNAME", "hostname": "Alias.example."}, {"answer_type": "A", "ipv4": IP}]
    record["test_keys"]["queries"][0]["answers"] = answers
    alias, address = pick(record, "dns_answer")
    assert (alias["answer_type"], alias["detail"], "ip" in alias) == ("CNAME", "alias.example", False)
    assert address["ip"] == IP


def test_the_fast_and_the_careful_reader_agree() -> None:
    record = web(network_events=[{"operation": "read", "num_bytes": 5, "t": 1, "address": f"{IP}:443"}])
    fast = batch(record)
    # The name of the test far from both ends is only found by the careful reader.
    far = {"x_before": "-" * 4000, **record, "x_after": "-" * 4000}
    careful = batch(far)
    assert fast.observations.drop(["digest"]).equals(careful.observations.drop(["digest"]))
    assert fast.measurements.drop(["digest"]).equals(careful.measurements.drop(["digest"]))


def test_the_source_knows_its_own() -> None:
    assert SOURCE.name == "ooni"
    assert SOURCE.sniff(raw(web()).data)
    assert not SOURCE.sniff(b'{"signals": []}')


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += paths(inner, (*here, key))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The structure with one place replaced; unchanged where an earlier change took the place away."""
    if not path:
        return new
    key = path[0]
    if not (isinstance(value, dict) and key in value) and not (
        isinstance(value, list) and isinstance(key, int) and key < len(value)
    ):
        return value
    made = copy.copy(value)
    made[key] = put(made[key], path[1:], new)
    return made


WHOLE = web(network_events=[{"operation": "read", "num_bytes": 5, "t": 1, "address": f"{IP}:443"}])
PATHS = paths(WHOLE)[1:]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PATHS), junk), min_size=1, max_size=3))
def test_whatever_stands_in_any_place_the_record_is_not_lost(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    record = copy.deepcopy(WHOLE)
    for path, value in changes:
        record = put(record, path, value)
    made = batch(json.dumps(record).encode())
    assert len(made.measurements) + len(made.rejects) == 1
    assert made.measurements.schema == MEASUREMENTS
    assert made.observations.schema == OBSERVATIONS
    made.observations.validate(full=True)


@pytest.mark.shared
def test_no_record_of_the_material_is_lost(shared: Path) -> None:
    lost: list[str] = []
    seen = 0
    for path in sorted((shared / "cases" / "ooni").glob("*/*")):
        if path.suffix not in (".json", ".yaml"):
            continue
        with path.open("rb") as stream:
            batches = list(read(contained(stream, path.name), Kit()))
        seen += sum(len(made.measurements) for made in batches)
        lost += [f"{path.name}: {reject}" for made in batches for reject in made.rejects]
        if not sum(len(made.measurements) for made in batches):
            lost.append(path.name)
    assert not lost
    assert seen > 80
