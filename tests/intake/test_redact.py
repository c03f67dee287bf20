"""Law: no one is exposed: each kind of personal datum, planted in every string of a record, reaches no row (law 9)."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clampdown.intake.redact import Secrets, header_value, path_of, public_text
from clampdown.model import Batch

sys.path.insert(0, str(Path(__file__).parent))
from records import batch, envelope, observed, web

PROBE4 = "37.201.195.77"
PROBE6 = "2a02:908:1234:5600::77"
RESOLVER = "37.201.0.53"

# kind -> (text to plant, pieces that must not be found anywhere afterwards)
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "probe v4": (f"you are {PROBE4} today", (PROBE4,)),
    "probe v4 spelt": ("host 37-201-195-77.dyn.isp.example", ("37-201-195-77",)),
    "probe v4 as a number": ("id 633979725", ("633979725",)),
    "probe v6": (f"you are {PROBE6} today", (PROBE6,)),
    "unknown address": ("seen from 37.201.9.8 here", ("37.201.9.8",)),
    "unknown v6 address": ("seen from 2a02:908:9::8 here", ("2a02:908:9::8",)),
    "resolver": (f"asked {RESOLVER}", (RESOLVER,)),
    "cookie": ("Set-Cookie: sid=s3cr3tsession; Path=/", ("s3cr3tsession",)),
    "query": ("https://portal.example/login?user=j0hndoe&t=abc123", ("j0hndoe", "abc123")),
    "fragment": ("https://portal.example/#access_token=abc123", ("abc123",)),
    "user name in a path": ("https://portal.example/users/j0hndoe/page", ("j0hndoe",)),
    "user name after a tilde": ("/~j0hndoe/", ("j0hndoe",)),
    "user name after an at sign": ("https://social.example/@j0hndoe", ("j0hndoe",)),
    "home folder": ("open /home/j0hndoe/.cache: no such file", ("j0hndoe",)),
    "home folder on Windows": (r"open C:\Users\j0hndoe\AppData: no", ("j0hndoe",)),
    "user in a URL": ("https://j0hndoe:hunter2@portal.example/", ("j0hndoe", "hunter2")),
    "mail": ("write to j0hn.doe@mail.example", ("j0hn.doe",)),
    "bridge": (
        "obfs4 37.201.9.8:443 0123456789ABCDEF0123456789ABCDEF01234567 cert=SecretCert+abc iat-mode=0",
        ("37.201.9.8", "0123456789ABCDEF0123456789ABCDEF01234567", "SecretCert"),
    ),
    "bridge line of a log": (
        "new bridge descriptor 'x' (fresh): $0123456789ABCDEF0123456789ABCDEF01234567~x at 37.201.9.8",
        ("37.201.9.8", "0123456789ABCDEF0123456789ABCDEF01234567"),
    ),
}


def texts_of(made: Batch) -> Iterator[str]:
    """Every text of every table, and the rejects."""
    for table in (made.measurements, made.observations, made.matches):
        for column in table.columns:
            for value in column.to_pylist():
                if isinstance(value, str):
                    yield value
    for reject in made.rejects:
        yield str(reject)


def plant(value: Any, text: str, *, encoded: bool = False) -> Any:
    """The same structure with the datum in every string, keys of headers included."""
    if isinstance(value, dict):
        return {key: plant(inner, text, encoded=encoded) for key, inner in value.items()}
    if isinstance(value, list):
        return [plant(inner, text, encoded=encoded) for inner in value]
    if not isinstance(value, str):
        return value
    if encoded:
        return {"format": "base64", "data": base64.b64encode(text.encode()).decode()}
    return text


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every string."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))
    elif isinstance(value, str):
        yield path


def put(value: Any, path: tuple[Any, ...], text: Any) -> Any:
    """The structure with one string replaced."""
    if not path:
        return text
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], text)
    return copy


def whole() -> dict[str, Any]:
    """A record with every template and an envelope that names the probe's and the resolver's address."""
    record = web(
        network_events=[
            {"operation": "read", "address": "93.184.215.14:443", "num_bytes": 5, "t": 0.1, "proto": "tcp"}
        ],
        x_dns_duplicate_responses=[{"hostname": "birds.example", "engine": "udp", "answers": None, "failure": None}],
        client_resolver=RESOLVER,
        dns_experiment_failure="x",
    )
    keys = record["test_keys"]
    keys["requests"][0]["response"]["headers_list"] += [["Location", "https://birds.example/x"], ["Via", "x"]]
    keys["queries"][0]["answers"].append({"answer_type": "CNAME", "hostname": "alias.example"})
    keys["tls_handshakes"][0]["so_error"] = "x"
    return record | {"probe_ip": PROBE4, "resolver_ip": RESOLVER}


@pytest.mark.parametrize("kind", KINDS)
def test_no_datum_in_any_single_string_reaches_a_row(kind: str) -> None:
    text, pieces = KINDS[kind]
    record = whole()
    if "v6" in kind:
        record["probe_ip"] = PROBE6
    protected = {("probe_ip",), ("resolver_ip",), ("test_name",)}
    records = [put(record, path, text) for path in places(record) if path not in protected]
    made = batch(*records)
    assert len(made.measurements) == len(records)
    for found in texts_of(made):
        for piece in pieces:
            assert piece.lower() not in found.lower()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoded", [False, True])
def test_no_datum_in_all_strings_at_once_reaches_a_row(kind: str, encoded: bool) -> None:
    text, pieces = KINDS[kind]
    record = whole()
    made = batch(record | {"test_keys": plant(record["test_keys"], text, encoded=encoded)})
    everything = "\n".join(texts_of(made)).lower()
    assert not [piece for piece in pieces if piece.lower() in everything]


def test_a_test_nobody_knows_is_read_as_carefully() -> None:
    for text, pieces in KINDS.values():
        keys = plant(whole()["test_keys"], text)
        made = batch(envelope("brand_new", {"nested": [keys]}, probe_ip=PROBE4, resolver_ip=RESOLVER))
        everything = "\n".join(texts_of(made)).lower()
        assert not [piece for piece in pieces if piece.lower() in everything]


def test_cookies_go_and_their_name_stays() -> None:
    record = web()
    record["test_keys"]["requests"][0]["response"]["headers_list"] = [
        ["Set-Cookie", "sid=1; path=/"], ["X-Forwarded-For", PROBE4], ["Server", "nest"],
        ["Location", "https://10.10.34.36/page?u=1"],
    ]  # fmt: skip
    (exchange,) = [r for r in observed(record) if r["operation"] == "http_exchange" and r["origin"] == "probe"]
    # The host of a redirect stays even where it is an address: it is the block page's server.
    assert exchange["headers"].split("\n") == [
        "location: https://10.10.34.36/page",
        "server: nest",
        "set-cookie: [scrubbed]",
        "x-forwarded-for: [scrubbed]",
    ]
    assert exchange["location"] == "10.10.34.36"


@pytest.mark.parametrize(
    ("resolver_asn", "kept"),
    [("AS64500", False), (None, False), ("AS15169", True)],
)
def test_an_answer_that_is_the_resolver_is_kept_only_outside_the_probes_network(resolver_asn: Any, kept: bool) -> None:
    record = web() | {"resolver_ip": RESOLVER, "resolver_asn": resolver_asn}
    record["test_keys"]["queries"][0]["answers"] = [{"answer_type": "A", "ipv4": RESOLVER}]
    (answer,) = [r for r in observed(record) if r["operation"] == "dns_answer" and r["origin"] == "probe"]
    assert (answer.get("ip") == RESOLVER) is kept


@pytest.mark.parametrize("address", ["192.168.1.1:53", "37.201.0.53:53", "8.8.8.8:53", "https://dns.google/dns-query"])
def test_a_resolver_is_named_only_where_it_is_a_public_one(address: str) -> None:
    record = web()
    record["test_keys"]["queries"][0] |= {"engine": "doh" if "//" in address else "udp", "resolver_address": address}
    lookup = observed(record)[0]
    assert lookup.get("resolver") == {"8.8.8.8:53": "8.8.8.8", "https://dns.google/dns-query": "dns.google"}.get(
        address
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A page about birds", "A page about birds"),
        ("nginx 1.18.0", "nginx 1.18.0"),
        ("12:30:45 on Monday", "12:30:45 on Monday"),
        ("ratio 1:2:3", "ratio 1:2:3"),
        ("2024-03-01", "2024-03-01"),
        ("محتوا مسدود است", "محتوا مسدود است"),
    ],
)
def test_ordinary_text_is_left_alone(text: str, expected: str) -> None:
    assert public_text(text) == expected
    assert header_value(text) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/a/b.html", "/a/b.html"),
        ("/users/anna/photos?x=1#y", "/users/[user]/photos"),
        ("/~anna", "/~[user]"),
        ("/@anna/1", "/@[user]/1"),
        ("/search?q=anna", "/search"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path_of(path) == expected


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(address=st.ip_addresses(), before=st.text("ab /-", max_size=5), after=st.text("ab /-", max_size=5))
def test_a_known_address_is_found_in_every_spelling(address: Any, before: str, after: str) -> None:
    secrets = Secrets([str(address)])
    if address.is_loopback or address.is_unspecified:
        assert not secrets
        return
    for text in (str(address), address.exploded, str(address).upper()):
        assert text not in secrets.remove(f"{before} {text} {after}")
    assert str(address).replace(".", "-").replace(":", "-") not in secrets.remove(
        str(address).replace(".", "-").replace(":", "-") + ".isp.example"
    )


@settings(deadline=None, max_examples=100)
@given(st.ip_addresses(), st.sampled_from(["from {} now", "({})", "ip={}", "{}", "a,{},b"]))
def test_an_address_that_nobody_told_us_of_leaves_free_text(address: Any, form: str) -> None:
    assert str(address) not in public_text(form.format(address))
    assert str(address) not in header_value(form.format(address))
