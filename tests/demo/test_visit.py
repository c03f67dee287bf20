"""Law: a visit tells what a probe would tell, in its order, and the certificates are what their names say."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from clampdown.demo.net import View
from clampdown.demo.reference import forge, reference_files
from clampdown.demo.stage import DAY, EDGE_THERE, ORIGIN, Stage, to
from clampdown.demo.visit import NEW, OLD, Visit
from clampdown.reference import load_reference

ROOT_DIGEST = "7fa193a5e52ac67dd6a93c9f589c50d229134f61f80f9daff0aa9f66ab884daf"


def stage() -> Stage:
    return Stage(forge(), "a test of its own")


def visit(s: Stage, url: str, version: str = NEW) -> Visit:
    return Visit(View(s.net, s.effects, **s.view), View(s.net), url, version=version)


@pytest.mark.parametrize(
    ("kind", "names", "status"),
    [
        ("good", ("site.example",), "ok"),
        ("good", ("*.example",), "ok"),
        ("good", ("other.example",), "name_mismatch"),
        ("expired", ("site.example",), "expired"),
        ("of_stranger", ("site.example",), "unknown_authority"),
        ("self_signed", ("site.example",), "self_signed"),
        ("of_antivirus", ("site.example",), "proxy"),
        ("under_ended_root", ("site.example",), "expired_root"),
    ],
)
def test_certificates_are_what_they_claim(kind: str, names: tuple[str, ...], status: str) -> None:
    roots = load_reference(reference_files()).roots
    chain = getattr(forge(), kind)(*names, on=DAY)
    assert roots.verify(chain.ders, "site.example", DAY) == status
    assert (chain.failure_for("site.example") is None) == (status in ("ok", "expired_root"))


def test_certificates_are_the_same_on_every_machine() -> None:
    assert hashlib.sha256(forge().root).hexdigest() == ROOT_DIGEST


def test_requests_stand_newest_first_and_steps_in_time() -> None:
    s = stage()
    s.add("second.example", EDGE_THERE)
    s.add(s.host, ORIGIN, page=to("https://second.example/"))
    keys = visit(s, f"http://{s.host}/").keys()
    assert [r["request"]["url"] for r in keys["requests"]] == ["https://second.example/", f"http://{s.host}/"]
    times = [event["t"] for event in keys["network_events"]]
    assert times == sorted(times)
    assert keys["control"]["http_request"]["status_code"] == 200


def test_the_old_shape_tells_less() -> None:
    s = stage()
    s.add("second.example", EDGE_THERE)
    s.add(s.host, ORIGIN, page=to("https://second.example/"))
    s.meets("tls", "second.example", failure="connection_reset")
    new, old = visit(s, f"https://{s.host}/").keys(), visit(s, f"https://{s.host}/", OLD).keys()
    assert {q["hostname"] for q in new["queries"]} == {s.host, "second.example"}
    assert {q["hostname"] for q in old["queries"]} == {s.host}
    assert [h["failure"] for h in old["tls_handshakes"]] == [None]
    assert old["requests"][0]["failure"] == "connection_reset"
    assert "tls_handshake" not in old["control"]


def test_only_what_the_system_resolver_gave_is_classic() -> None:
    s = stage()
    s.hijack("192.0.2.90")
    keys = visit(s, f"https://{s.host}/").keys()
    tags = {c["ip"]: "classic" in c["tags"] for c in keys["tcp_connect"]}
    assert tags == {"192.0.2.90": True, ORIGIN: False}


def test_a_slow_line_takes_its_time() -> None:
    s = stage()
    quick = visit(s, f"https://{s.host}/").runtime
    s.meets("speed", s.host, rate=500.0)
    assert visit(s, f"https://{s.host}/").runtime > quick + timedelta(seconds=4).total_seconds()
