"""Law: what is worked out of a name, an address, a failure, a page or a certificate is a pure function of it."""

from __future__ import annotations

import base64
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from clampdown.intake.failures import failure_of
from clampdown.intake.features import Classes, Kit, Memo, asn_of, host_of, ip_of, port_of, split_port, web_target
from clampdown.intake.features_http import same_headers, same_status, same_title, title_of, uncommon
from clampdown.intake.features_tls import certificate_of, unbase64

sys.path.insert(0, str(Path(__file__).parent))
from records import observed, web

NOW = datetime(2024, 3, 1, 10, 11, 1)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("1.1.1.1", "public"),
        ("10.10.34.36", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.1.1", "link_local"),
        ("100.64.0.1", "cgnat"),
        ("224.0.0.1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("240.0.0.1", "reserved"),
        ("192.0.2.1", "reserved"),
        ("198.18.0.1", "reserved"),
        ("2606:4700::1111", "public"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("fc00::1", "private"),
        ("fe80::1", "link_local"),
        ("2001:db8::1", "reserved"),
        ("ff02::1", "multicast"),
        ("64:ff9b::101:101", "public"),
        ("64:ff9b::a00:1", "private"),
        ("2001::1", "reserved"),
        ("::ffff:10.0.0.1", "private"),
        ("4000::1", "reserved"),
    ],
)
def test_classes_of_addresses(address: str, expected: str) -> None:
    assert Classes(())(address) == expected


def test_a_synthetic_worlds_networks_are_public_in_it() -> None:
    classify = Classes(("192.0.2.0/24", "2001:db8::/32"))
    assert classify("192.0.2.1") == classify("2001:db8::1") == "public"
    assert classify("198.51.100.1") == "reserved"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WWW.Example.COM.", "www.example.com"),
        ("Яндекс.рф", "xn--d1acpjx3f.xn--p1ai"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("_dmarc.example", "_dmarc.example"),
        ("1.2.3.4", None),
        ("::1", None),
        ("[scrubbed]", None),
        ("", None),
        ("a b", None),
        ("x" * 300, None),
    ],
)
def test_names(text: str, expected: str | None) -> None:
    assert host_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[scrubbed]", None),
        ("example.com", None),
        ("", None),
        ("1.2.3", None),
        ("cafe", None),
    ],
)
def test_addresses(text: str, expected: str | None) -> None:
    assert ip_of(text) == expected


@given(st.one_of(st.text(max_size=40), st.ip_addresses().map(str)))
def test_names_and_addresses_never_raise_and_settle(text: str) -> None:
    for function in (host_of, ip_of):
        found = function(text)
        assert found is None or function(found) == found
    host, port = split_port(text)
    assert isinstance(host, str)
    assert port is None or 0 < port < 65536


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3.4:443", ("1.2.3.4", 443, None)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80, None)),
        ("example.com:80", (None, 80, "example.com")),
        ("[scrubbed]", (None, None, None)),
        ("", (None, None, None)),
        ("2001:db8::1", ("2001:db8::1", None, None)),
        ("1.2.3.4:99999", ("1.2.3.4", None, None)),
    ],
)
def test_endpoints(text: str, expected: Any) -> None:
    assert Memo(Kit()).endpoint(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("AS64500", 64500),
        ("as1", 1),
        (64500, 64500),
        ("AS0", None),
        (0, None),
        (None, None),
        ("ASx", None),
        (True, None),
        (2**40, None),
        ("", None),
        (1.5, None),
    ],
)
def test_networks(value: Any, expected: int | None) -> None:
    assert asn_of(value) == expected


@pytest.mark.parametrize("value", [0, -1, 65536, "x", None, True, "١٢"])
def test_not_a_port(value: Any) -> None:
    assert port_of(value) is None


def test_targets_of_hosts_that_no_table_knows() -> None:
    assert web_target("a.example") == "web/a.example"
    assert web_target("a.example", 8080) == "web/a.example:8080"
    assert web_target("2001:db8::1", 8080) == "web/[2001:db8::1]:8080"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("ok", None)),
        (False, ("ok", None)),
        (True, ("failed", "unknown_failure")),
        ("", ("unknown", None)),
        ("connection_reset", ("failed", "connection_reset")),
        ("connection_refused_error", ("failed", "connection_refused")),
        ("tcp_timed_out_error", ("failed", "generic_timeout_error")),
        ("dns_name_error", ("failed", "dns_nxdomain_error")),
        ("dns_lookup_error", ("failed", "dns_lookup_error")),
        ("unknown_failure: something new", ("failed", "unknown_failure")),
        (
            "unknown_failure: wsarecv: An existing connection was forcibly closed by the remote host.",
            ("failed", "connection_reset"),
        ),
        (
            "unknown_failure: Подключение не установлено, т.к. конечный компьютер отверг запрос на подключение.",
            ("failed", "connection_refused"),
        ),
        ("unknown_failure: lookup x: no such host", ("failed", "dns_nxdomain_error")),
        (7, ("failed", "unknown_failure")),
        ({"a": 1}, ("failed", "unknown_failure")),
    ],
)
def test_failures(value: Any, expected: tuple[str, str | None]) -> None:
    assert failure_of(value) == expected
    assert Memo(Kit()).failure(value) == expected


def test_a_missing_failure_is_not_success() -> None:
    record = web()
    del record["test_keys"]["tls_handshakes"][0]["failure"]
    del record["test_keys"]["queries"][0]["failure"]
    del record["test_keys"]["tcp_connect"][0]["status"]
    record["test_keys"]["requests"][0]["response"]["code"] = None
    outcomes = {r["operation"]: r["outcome"] for r in observed(record) if r["origin"] == "probe"}
    assert outcomes == {
        "dns_lookup": "unknown", "dns_answer": "ok", "tcp_connect": "unknown", "tls_handshake": "unknown",
        "http_exchange": "unknown",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<title>Birds</title>", "Birds"),
        ("<html><TITLE lang=en>\n Birds &amp;\n bees </TITLE>", "Birds & bees"),
        (b"<title>\xd9\xbe\xd8\xb1\xd9\x86\xd8\xaf\xd9\x87</title>", "پرنده"),
        ("<title></title>", None),
        ("x" * 70_000 + "<title>late</title>", None),
        ("no title", None),
        ("", None),
        (None, None),
        ("<title>cut off", "cut off"),
        ("<title>bad \ud800 text</title>", "bad ? text"),
    ],
)
def test_titles(body: Any, expected: str | None) -> None:
    assert title_of(body) == expected


def test_comparisons_are_null_where_there_is_nothing_to_compare() -> None:
    assert same_status(200, None) is same_status(None, 200) is same_status(200, -1) is None
    assert same_status(200, 200) is True
    assert same_status(200, 403) is False
    assert same_title(None, "x") is same_title("x", "") is None
    assert same_title("Birds of Iran", "birds of iran") is True
    assert same_title("Wikipedia, a page", "Another page of Wikipedia") is True
    assert same_title("Access denied", "A page about birds") is False
    assert same_headers(["x-a"], uncommon(["server", "date"])) is None
    assert same_headers(["x-a", "server"], uncommon(["x-a"])) is True
    assert same_headers(["server"], uncommon(["x-a"])) is False


def certificate(host: str, *, start: datetime = NOW - timedelta(days=9), days: int = 90, own: bool = False) -> str:
    key = ec.derive_private_key(7, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    issuer = name if own else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start.replace(tzinfo=UTC))
        .not_valid_after((start + timedelta(days=days)).replace(tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(built.public_bytes(x509_der())).decode()


def x509_der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


@pytest.mark.parametrize(
    ("found", "host", "expected"),
    [
        (certificate("birds.example"), "birds.example", "unknown"),
        (certificate("*.birds.example"), "www.birds.example", "unknown"),
        (certificate("*.birds.example"), "a.www.birds.example", "name_mismatch"),
        (certificate("birds.example"), "bees.example", "name_mismatch"),
        (certificate("birds.example", days=5), "birds.example", "expired"),
        (certificate("birds.example", start=NOW + timedelta(days=1)), "birds.example", "not_yet_valid"),
        (certificate("birds.example", own=True), "birds.example", "self_signed"),
        (base64.b64encode(b"rubbish").decode(), "birds.example", "unparsable"),
    ],
)
def test_without_roots_the_leaf_alone_speaks(found: str, host: str, expected: str) -> None:
    memo = Memo(Kit())
    for form in (found, {"format": "base64", "data": found}):
        leaf = certificate_of(memo, [form], host, NOW)
        assert leaf is not None
        assert leaf[1] == expected
        assert leaf == certificate_of(memo, [form], host, NOW)


class Roots:
    """A root store that always gives one answer and remembers what it was asked."""

    def __init__(self, answer: str = "", edges: tuple[date, ...] = ()) -> None:
        self.answer = answer
        self.edges = edges
        self.asked: list[str] = []

    def verify(self, chain: list[bytes], host: str | None, when: datetime) -> str:
        self.asked.append(f"{len(chain)} {host} {when:%Y-%m-%d %H:%M}")
        return self.answer


@pytest.mark.parametrize(
    ("pem", "at", "asked"),
    [
        (certificate("birds.example"), NOW, "2024-03-01 00:00"),
        # A day on which the certificate ends is looked at by the hour.
        (certificate("birds.example", days=9), NOW, "2024-03-01 10:00"),
        (certificate("birds.example", start=NOW.replace(hour=3)), NOW, "2024-03-01 10:00"),
    ],
)
def test_roots_are_asked_once_a_day(pem: str, at: datetime, asked: str) -> None:
    roots = Roots("ok")
    memo = Memo(Kit(roots=roots))
    for host, status in [("birds.example", "ok"), ("bees.example", "name_mismatch"), ("birds.example", "ok")]:
        leaf = certificate_of(memo, [pem, pem], host, at)
        assert leaf is not None
        assert leaf[1] == status
    assert roots.asked == [f"2 None {asked}"]


def test_roots_are_asked_again_only_where_something_may_have_changed() -> None:
    roots = Roots("ok", (date(2024, 3, 5), date(2024, 3, 9)))
    memo = Memo(Kit(roots=roots))
    pem = certificate("birds.example")
    for day, hour in [(1, 10), (2, 3), (4, 23), (5, 1), (5, 1), (5, 2), (6, 0), (8, 9), (10, 0), (20, 0)]:
        certificate_of(memo, [pem], "birds.example", datetime(2024, 3, day, hour, 59))
    assert [asked.partition(" None ")[2] for asked in roots.asked] == [
        "2024-03-01 00:00",
        "2024-03-05 01:00",
        "2024-03-05 02:00",
        "2024-03-06 00:00",
        "2024-03-10 00:00",
    ]


def test_what_the_roots_refuse_is_not_softened_by_the_name() -> None:
    pem = certificate("birds.example")
    for status in ("unknown_authority", "expired_root", "proxy", "expired"):
        leaf = certificate_of(Memo(Kit(roots=Roots(status))), [pem], "bees.example", NOW)
        assert leaf is not None
        assert leaf[1] == status


@pytest.mark.parametrize("found", [None, [], [None], [{"data": 7}], ["!!!"], [{}]])
def test_no_certificate(found: Any) -> None:
    assert certificate_of(Memo(Kit()), found, "birds.example", NOW) is None


@given(st.binary(max_size=40), st.integers(0, 3))
def test_base64_with_wrong_padding_is_read(data: bytes, cut: int) -> None:
    text = base64.b64encode(data).decode().rstrip("=") + "=" * cut
    assert unbase64(text) == data
