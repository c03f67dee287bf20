"""Law: the same bytes under the same names give the same reference; another byte gives another digest."""

from __future__ import annotations

import ipaddress
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import RuleError
from clampdown.reference import load_reference
from clampdown.reference.lists import load_networks, load_test_lists
from clampdown.reference.load import kind_of

WORLD = b"""
synthetic = true
public_networks = ["192.0.2.0/24", "2001:db8::/32"]
[countries]
XA = "Examplia"
[networks]
64500 = "Example Telecom"
"""


def test_the_digest_follows_content_and_names_only() -> None:
    plain = load_reference()
    assert load_reference({}).digest == plain.digest
    one = load_reference({"a.csv": b"url,category_code\n", "synthetic.toml": WORLD})
    two = load_reference({"synthetic.toml": WORLD, "a.csv": b"url,category_code\n"})
    assert one.digest == two.digest != plain.digest
    assert load_reference({"b.csv": b"url,category_code\n", "synthetic.toml": WORLD}).digest != one.digest
    assert load_reference({"a.csv": b"url,category_code\n\n", "synthetic.toml": WORLD}).digest != one.digest
    assert one.match_references_digest == plain.match_references_digest
    assert pickle.loads(pickle.dumps(one)).digest == one.digest


def test_a_synthetic_world() -> None:
    reference = load_reference({"world/synthetic.toml": WORLD})
    assert reference.synthetic
    assert reference.public_networks == ("192.0.2.0/24", "2001:db8::/32")
    assert reference.country_name("XA") == "Examplia"
    assert reference.country_name("IR") == "Iran"
    assert reference.country_name("QQ") == "QQ"
    assert reference.networks.name(64500) == "Example Telecom"
    plain = load_reference()
    assert not plain.synthetic
    assert plain.public_networks == ()
    assert "documentation" in (plain.networks.name(64500) or "").lower()
    with pytest.raises(RuleError, match="range of addresses"):
        load_reference({"synthetic.toml": b'public_networks = ["nope"]'})


def test_every_snapshot_has_terms_and_a_digest() -> None:
    reference = load_reference({"xx.csv": b"url,category_code\nhttps://a.example/,NEWS\n", "notes.txt": b"?"})
    by_name = {row.name: row for row in reference.snapshots}
    assert by_name["xx.csv"].terms.source == "test-lists"
    assert by_name["xx.csv"].terms.redistribute == "non-commercial"
    assert by_name["notes.txt"].kind == "unused"
    assert [p.file for p in reference.problems] == ["notes.txt"]
    assert by_name["certifi/roots.pem"].date
    assert all(len(row.digest) == 64 for row in reference.snapshots)
    assert {row.redistribute for row in reference.terms} <= {"yes", "share-alike", "non-commercial", "no"}
    assert any(row.source == "ooni" for row in reference.terms)


def test_terms_of_files_given() -> None:
    terms = b"""
    [[terms]]
    source = "mine"
    licence = "CC0-1.0"
    redistribute = "yes"
    attribution = "me"
    url = ""
    [files]
    "xx.csv" = "mine"
    """
    reference = load_reference({"xx.csv": b"url,category_code\n", "terms.toml": terms})
    assert {row.name: row.terms.source for row in reference.snapshots}["xx.csv"] == "mine"
    with pytest.raises(RuleError, match="redistribute"):
        load_reference({"terms.toml": terms.replace(b'"yes"', b'"maybe"')})
    with pytest.raises(RuleError, match="no terms"):
        load_reference({"xx.csv": b"", "terms.toml": b'[files]\n"xx.csv" = "who"'})
    with pytest.raises(RuleError, match="belongs to the package"):
        load_reference({"clampdown/targets.toml": b""})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fingerprints/fingerprints_http.csv", "fingerprints"),
        ("test-lists/ir.csv", "test-list"),
        ("test-lists/00-LEGEND-category_codes.csv", "unused"),
        ("targets.toml", "targets"),
        ("x/targets-demo.toml", "targets"),
        ("roots-2021-09-01.pem", "roots"),
        ("networks.csv", "networks"),
        ("asn-ipv4.csv", "networks"),
        ("synthetic.toml", "synthetic"),
        ("README.md", "unused"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_test_lists() -> None:
    data = (
        b"url,category_code,category_description,date_added,source,notes\n"
        b"https://www.bird.example/,NEWS,x,2020-01-01,me,\n"
        b"https://www.bird.example/long/path,GRP,x,2020-01-01,me,\n"
        b'"http://b\xc3\xbccher.example/",cultr,x,2020-01-01,me,"a, b"\n'
        b".official.example,GOVT,,,,\n"
        b"http://[::1,NEWS,,,,\n"
        b"https://odd.example/,ZZZZ,,,,\n"
    )
    codes = {"NEWS": "", "GRP": "", "CULTR": "", "GOVT": ""}
    rows, by_host, problems = load_test_lists([("lists/xa.csv", data)], codes)
    assert by_host == {
        "www.bird.example": "NEWS",
        "xn--bcher-kva.example": "CULTR",
        "official.example": "GOVT",
    }
    assert {row.country for row in rows} == {"XA"}
    assert [(p.line, p.used) for p in problems] == [(6, False), (7, True)]
    reference = load_reference({"lists/global.csv": data})
    assert reference.targets.category("web/bird.example") is None
    assert reference.targets.category("web/www.bird.example") == "NEWS"
    assert reference.targets.groups_of("web/www.bird.example") == ("news",)
    assert {row.country for row in reference.test_list} == {None}


def test_networks_in_every_form() -> None:
    data = (
        b"192.0.2.0,192.0.2.255,64500,Outer\n"
        b"192.0.2.64/26,AS64501,Inner\n"
        b"2001:db8::,2001:db8::ff,64502,\n"
        b"3325256704,3325256959,64503,Numeric\n"
        b"192.0.2.9,192.0.2.1,64500,Backwards\n"
        b"nonsense,x,y\n"
    )
    networks, problems = load_networks([("asn.csv", data), ("networks.csv", b"asn,name\nAS64502,Six\n64504,Four\n")])
    assert networks.of_address("192.0.2.1") == 64500
    assert networks.of_address("192.0.2.64") == 64501
    assert networks.of_address("192.0.2.127") == 64501
    assert networks.of_address("192.0.2.128") == 64500
    assert networks.of_address("192.0.3.0") is None
    assert networks.of_address("[2001:db8::a]") == 64502
    assert networks.of_address("198.51.100.7") == 64503
    assert networks.of_address("no address") is None
    assert networks.name(64502) == "Six"
    assert networks.name(64504) == "Four"
    assert [p.line for p in problems] == [5, 6]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(1, 9)), max_size=8), st.integers(0, 90))
def test_the_narrowest_range_holds_an_address(spans: list[tuple[int, int, int]], at: int) -> None:
    # Nested ranges only: what routes are. Each is cut to the largest power of two at its start.
    nets = {
        ipaddress.ip_network(f"10.0.0.{first & ~7}/{29 + width % 4}", strict=False): asn for first, width, asn in spans
    }
    data = "".join(f"{net},{asn}\n" for net, asn in nets.items()).encode()
    networks, problems = load_networks([("asn.csv", data)])
    assert not problems
    address = ipaddress.ip_address(f"10.0.0.{at}")
    holders = [net for net in nets if address in net]
    expected = nets[max(holders, key=lambda net: net.prefixlen)] if holders else None
    assert networks.of_address(str(address)) == expected
