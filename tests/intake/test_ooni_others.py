"""Law: echoes, speeds, pings and the oldest tests yield what they measured, and nothing that they did not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from clampdown.intake.features import Kit
from clampdown.reference import load_reference

sys.path.insert(0, str(Path(__file__).parent))
import nettests as n
from records import batch, envelope, measured, observed

from clampdown.intake.containers import records
from clampdown.intake.sources.ooni import read


class Closed:
    """A matcher that knows one page."""

    def match(self, body: bytes, /) -> tuple[str, ...]:
        return ("closed",) if b"this page is closed" in body else ()


KIT = Kit(targets=load_reference().targets, bodies=Closed())
NAME = "birds.example"


def rows(test: str, keys: Any, given: str | None = None) -> list[dict[str, Any]]:
    return observed(envelope(test, keys, input=given), kit=KIT)


def said(test: str, keys: Any, given: str | None = None) -> dict[str, Any]:
    return measured(envelope(test, keys, input=given), kit=KIT)


def lines(*pairs: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"sent": [s for s, _ in pairs], "received": [r for _, r in pairs], **more}


ODD, FIELDS = "ABCD / HTTP/1.1\n\r", "AAAAA BBBBB CCCCC DDDDD\r\n"


@pytest.mark.parametrize(
    ("keys", "outcome", "words"),
    [
        (lines((ODD, ODD), (FIELDS, FIELDS)), "ok", "invalid method: unchanged, invalid number of fields: unchanged"),
        (lines((ODD, ODD), (FIELDS, "")), "failed", "invalid method: unchanged, invalid number of fields: swallowed"),
        (lines((ODD, ""), (FIELDS, "")), "unknown", "invalid method: no echo, invalid number of fields: no echo"),
        (lines((ODD, ""), failure_list=["connection_reset"]), "unknown", "invalid method: no echo"),
        (lines((ODD, ODD[:8])), "failed", "invalid method: cut short"),
        (lines((ODD, {"format": "base64", "data": "/wA="})), "failed", "invalid method: came back changed"),
        (lines((ODD, "<HTML>no")), "failed", "invalid method: answered by an HTTP server"),
        (lines(("X" * 1024 + " / HTTP/1.1\r\n", None)), "unknown", "huge method: no echo"),
        (
            lines(("GET cache_object://localhost/ HTTP/1.0\n\r", "x")),
            "failed",
            "cache manager request: came back changed",
        ),
        ({"tampering": True}, "failed", "summary"),
        ({"tampering": False, "sent": None}, "ok", "summary"),
    ],
)
def test_invalid_request_lines(keys: Any, outcome: str, words: str) -> None:
    (row,) = rows("http_invalid_request_line", keys)
    assert (row["operation"], row["target"], row["outcome"], row["detail"]) == (
        "middlebox", "network/middlebox", outcome, words,
    )  # fmt: skip


def test_a_block_page_in_place_of_an_echo_is_matched() -> None:
    found = batch(envelope("http_invalid_request_line", n.REQUEST_LINE), kit=KIT)
    assert found.matches.column("fingerprint").to_pylist() == ["closed"]


def headers(reply: str | None, failure: str | None = None, **flags: Any) -> dict[str, Any]:
    request = {"method": "GeT", "url": "http://93.184.215.60:80", "headers": {"aCCept": "a", "hoSt": "x"}}
    response = None if reply is None else {"code": 200, "body": reply}
    keys = {"failure": failure, "requests": [{"request": request, "response": response, "failure": failure}]}
    return {**keys, **({"tampering": {**n.HEADERS["tampering"], **flags}} if flags else {})}


SAME = '{"headers_dict": {"aCCept": ["a"], "hoSt": ["x"], "Connection": ["close"]}, "request_line": "GeT / HTTP/1.1"}'


@pytest.mark.parametrize(
    ("keys", "outcome", "words"),
    [
        (n.HEADERS, "ok", "unchanged"),
        (headers("{}", total=True), "failed", "whole reply"),
        (headers("{}", header_name_diff=["aCCept", "X-Via", "<b>"]), "failed", "headers (unreadable) accept x-via"),
        (headers("{}", request_line_capitalization=True), "failed", "capitals of the request line"),
        (headers(None, "connection_refused", total=False), "unknown", None),
        (headers(None, total=False), "unknown", None),
        # No comparison of the probe's own: ours.
        (headers(SAME), "ok", "unchanged"),
        (headers(SAME.replace("aCCept", "Accept")), "failed", "headers accept"),
        (headers("<html>this page is closed</html>"), "failed", "whole reply"),
        ({"requests": [], "agent": "agent"}, "unknown", None),
        ({**headers("{}"), "tampering": True}, "failed", "summary"),
    ],
)
def test_header_field_manipulation(keys: Any, outcome: str, words: str | None) -> None:
    (row,) = rows("http_header_field_manipulation", keys)
    assert (row["target"], row["outcome"], row.get("detail")) == ("network/middlebox", outcome, words)


def test_http_host_is_beside_the_path_of_the_name() -> None:
    keys = {"transparent_http_proxy": True, "requests": [n.fetch("http://93.184.215.60/")]}
    exchange, proxy = rows("http_host", keys, NAME)
    assert (exchange["target"], exchange["classic"]) == (f"web/{NAME}", False)
    assert (proxy["target"], proxy["outcome"], proxy["detail"]) == ("network/middlebox", "failed", "transparent proxy")


def test_speed_has_bytes_seconds_and_no_target() -> None:
    found = [*rows("ndt", n.NDT), *rows("dash", n.DASH)]
    assert [(r["operation"], r.get("target"), r["detail"], r["bytes"], r["seconds"]) for r in found] == [
        ("transfer", None, "download", 900, 0.5),
        ("transfer", None, "upload", 50, 0.25),
        ("transfer", None, "segment", 7500, 0.5),
    ]
    assert "37.201.195.77" not in str(found)


def test_speed_of_ndt_version_5_and_by_summary() -> None:
    (run,) = rows("ndt", {"test_s2c": [None, {"receiver_data": [[0.5, 800], [1.0, "1000"]]}], "server_port": 3001})
    assert (run["bytes"], run["seconds"], run["port"]) == (125000, 1.0, 3001)
    (told,) = rows("ndt", {"simple": {"download": 4000.4}})
    assert (told["outcome"], told["detail"]) == ("ok", "summary download 4000 kbit/s")
    assert rows("dash", {"simple": {"median_bitrate": 3000}})[0]["detail"] == "summary download 3000 kbit/s"


@pytest.mark.parametrize("test", ["ndt", "dash"])
def test_a_speed_test_that_moved_nothing(test: str) -> None:
    (row,) = rows(test, {"failure": "generic_timeout_error", "test_s2c": [None], "receiver_data": []})
    assert (row["outcome"], row["failure"]) == ("failed", "generic_timeout_error")
    assert said(test, {"failure": "generic_timeout_error"})["instrument"] == "no_transfer"


def test_echcheck_reads_both_spellings_and_says_ech() -> None:
    found = rows("echcheck", n.ECH, f"https://{NAME}/")
    assert [(r["operation"], r["outcome"], r.get("ech")) for r in found if r["operation"] != "dns_answer"] == [
        ("dns_lookup", "ok", None),
        ("tcp_connect", "ok", None),
        ("tls_handshake", "ok", None),
        ("tls_handshake", "failed", "grease"),
    ]
    old = {"control": n.shake(NAME, "93.184.215.14:443"), "target": n.shake(NAME, "93.184.215.14:443", "eof_error")}
    assert [(r["outcome"], r["detail"]) for r in rows("echcheck", old, f"https://{NAME}/")] == [
        ("ok", "control"), ("failed", "target"),
    ]  # fmt: skip


def test_browser_web() -> None:
    (came,) = rows("browser_web", {"result": "ok", "load_time_ms": 500, "browser_name": "chrome"}, f"https://{NAME}/")
    assert (came["target"], came["outcome"], came["t"], came["detail"]) == (f"web/{NAME}", "ok", 0.5, "browser chrome")
    (lost,) = rows("browser_web", {"result": "error"}, f"https://{NAME}/")
    assert (lost["outcome"], lost["failure"]) == ("failed", "unknown_failure")
    assert rows("browser_web", {"result": None}, f"https://{NAME}/") == []


def test_sni_blocking_lets_a_cut_count_and_a_pass_not() -> None:
    passed = [r for r in rows("sni_blocking", n.SNI, NAME) if r["operation"] == "tls_handshake"]
    assert [(r["target"], r["hostname"], r["ip"], r["outcome"], r["classic"]) for r in passed] == [
        ("web/fish.example", "fish.example", "93.184.215.70", "ok", False),
        (f"web/{NAME}", NAME, "93.184.215.70", "ok", False),
    ]
    cut = {**n.SNI, "target": {**n.SNI["target"], "tls_handshakes": [{"failure": "connection_reset"}]}}
    last = [r for r in rows("sni_blocking", cut, NAME) if r["operation"] == "tls_handshake"][-1]
    assert (last["outcome"], last["failure"], last["classic"]) == ("failed", "connection_reset", True)


def test_urlgetter_of_any_scheme() -> None:
    failed = {"queries": [n.lookup(NAME, failure="dns_nxdomain_error")], "failure": "dns_nxdomain_error"}
    (row,) = rows("urlgetter", failed, f"dnslookup://{NAME}")
    assert (row["operation"], row["target"], row["failure"]) == ("dns_lookup", f"web/{NAME}", "dns_nxdomain_error")


def test_pings() -> None:
    two = {
        "pings": [{"tcp_connect": n.connect("93.184.215.14", 443)}, {"tcp_connect": [n.connect("93.184.215.14", 443)]}]
    }
    assert [r["outcome"] for r in rows("tcpping", two, f"tcpconnect://{NAME}:443")] == ["ok", "ok"]
    tls = {"pings": [{"tls_handshake": n.shake(NAME, "93.184.215.14:443", "eof_error")}]}
    assert [(r["target"], r["failure"]) for r in rows("tlsping", tls, f"tlshandshake://{NAME}:443")] == [
        (f"web/{NAME}", "eof_error"),
    ]  # fmt: skip
    late = {"pings": [{"query": n.lookup(NAME, "93.184.215.1", engine="udp"),
                       "delayed_responses": [n.lookup(NAME, "93.184.215.2", engine="udp")]}]}  # fmt: skip
    asked = [r for r in rows("dnsping", late, "udp://8.8.8.8:53") if r["operation"] == "dns_lookup"]
    assert [(r["target"], r["classic"], r.get("detail")) for r in asked] == [
        (f"web/{NAME}", False, None), (f"web/{NAME}", False, "duplicate"),
    ]  # fmt: skip


def test_quicping_is_no_handshake_of_the_page() -> None:
    found = rows("quicping", n.QUICPING, NAME)
    assert [(r["outcome"], r.get("failure"), r["classic"]) for r in found] == [
        ("ok", None, False), ("failed", "generic_timeout_error", False),
    ]  # fmt: skip
    silent = {"pings": [{"failure": None, "responses": []}]}
    assert rows("quicping", silent, NAME)[0]["outcome"] == "unknown"


def test_a_trace_keeps_no_router() -> None:
    found = rows("tlsmiddlebox", n.MIDDLEBOX, f"tlstrace://{NAME}")
    shaken = [r for r in found if r["operation"] == "tls_handshake"]
    assert [(r["hostname"], r["outcome"], r["classic"], r["detail"]) for r in shaken] == [
        ("fish.example", "ok", False, "control ttl=1"), (NAME, "failed", False, "target ttl=3"),
    ]  # fmt: skip
    assert "37.201" not in str(found)
    hops = {"hops_443": [{"address": "37.201.195.1", "ttl": 1}], "queries": [n.lookup(NAME)]}
    assert rows("multi_protocol_traceroute", hops) == []


def test_http_requests_through_tor_are_the_control() -> None:
    ours, theirs = rows("http_requests", n.HTTP_REQUESTS, f"http://{NAME}/")
    assert (ours["origin"], ours["outcome"], ours["title_match"], ours["body_ratio"]) == ("probe", "ok", True, 1.0)
    assert (theirs["origin"], theirs.get("classic"), theirs["detail"]) == ("control", None, "through Tor")
    assert said("http_requests", n.HTTP_REQUESTS, f"http://{NAME}/")["control"] == "ok"
    alone = {
        "requests": [],
        "experiment_failure": "response_never_received",
        "control_failure": "socks_host_unreachable",
    }
    (row,) = rows("http_requests", alone, f"http://{NAME}/")
    assert (row["outcome"], row["failure"], row["detail"]) == ("failed", "eof_error", "summary")
    assert said("http_requests", alone, f"http://{NAME}/")["control"] == "failed"


def test_dns_consistency_knows_the_control_resolver() -> None:
    found = rows("dns_consistency", n.DNS_CONSISTENCY, NAME)
    asked = [(r["origin"], r["engine"], r["target"]) for r in found if r["operation"] == "dns_lookup"]
    assert asked == [("control", "udp", f"web/{NAME}"), ("probe", "system", f"web/{NAME}")]
    assert said("dns_consistency", n.DNS_CONSISTENCY, NAME)["control"] == "ok"


@pytest.mark.parametrize(
    ("connection", "outcome", "failure"),
    [
        ("success", "ok", None),
        ("connection_refused_error", "failed", "connection_refused"),
        ("tcp_timed_out_error", "failed", "generic_timeout_error"),
    ],
)
def test_legacy_tcp_connect(connection: str, outcome: str, failure: str | None) -> None:
    (row,) = rows("tcp_connect", {"connection": connection}, f"{NAME}:9001\n")
    assert (row["target"], row["port"], row["outcome"], row.get("failure")) == (
        f"web/{NAME}:9001", 9001, outcome, failure,
    )  # fmt: skip
    (relay,) = rows("tcp_connect", {"connection": connection}, "128.31.0.39:9131")
    assert (relay["target"], relay["ip"]) == ("tor/dir_port", "128.31.0.39")
    assert rows("tcp_connect", {"connection": None}, f"{NAME}:80") == []


def test_a_legacy_report_in_yaml_reads_like_its_record() -> None:
    import io

    text = (
        "---\nprobe_asn: AS64500\nprobe_cc: XA\nsoftware_name: ooniprobe\nstart_time: 1446726576.0\n"
        "test_name: http_invalid_request_line\ntest_version: '0.2'\n...\n---\ninput: null\nreceived: ['', 'b']\n"
        "sent: [a, b]\ntampering: true\n...\n"
    )
    (found,) = read(records(io.BytesIO(text.encode()), "report.yaml"), KIT)
    assert found.observations.column("detail").to_pylist() == [
        "invalid number of fields: swallowed, invalid number of fields: unchanged"
    ]


@pytest.mark.shared
def test_no_reader_trips_over_the_material(shared: Path) -> None:
    names = 0
    for path in sorted((shared / "cases" / "ooni").glob("*/*")):
        if path.name.endswith(".meta.json"):
            continue
        with path.open("rb") as stream:
            for found in read(records(stream, path.name), KIT):
                for row in found.measurements.to_pylist():
                    names += 1
                    assert "test_keys" not in row["degraded"].split(","), path.name
    assert names > 70
