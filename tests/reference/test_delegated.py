"""Law: countries of networks and addresses are those that the registries' lines say, and a bad line costs itself."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import clampdown
from clampdown.pipeline.observe import kit_of
from clampdown.reference import load_reference
from clampdown.reference.load import kind_of

STATISTICS = b"""2.3|test|1700000000|6|19830705|20231114|+0000
test|*|asn|*|2|summary
test|*|ipv4|*|2|summary
# a comment
test|XA|asn|64500|4|20100101|allocated|opaque
test|XB|asn|64504|1|20100101|assigned
test|XA|ipv4|198.18.0.0|768|20100101|allocated|opaque
test|xb|ipv4|203.0.113.0|256|20100101|assigned|opaque
test|XC|ipv6|2001:db8::|32|20100101|allocated|opaque
test||ipv4|192.0.2.0|256||available
test|ZZ|ipv4|192.88.99.0|256||reserved
test|EU|asn|64510|1|20100101|allocated
"""
BROKEN = b"""test|XA|asn|notanumber|1|20100101|allocated
test|XYZ|asn|64505|1|20100101|allocated
test|XA|ipv4|198.18.0.0|0|20100101|allocated
test|XA|ipv5|198.18.0.0|256|20100101|allocated
test|XA|ipv6|2001:db8::|129|20100101|allocated
only|three|cells
test|XD|ipv4|203.0.113.128|128|20100101|assigned
test|XB|asn|64506|1|20100101|allocated
"""


def test_lines_of_the_registries() -> None:
    found = load_reference({"delegated-test-extended-latest": STATISTICS}).delegations
    assert [found.of_network(n) for n in (64499, 64500, 64503, 64504, 64505, 64510)] == [
        None, "XA", "XA", "XB", None, None,
    ]  # fmt: skip
    addresses = [
        "198.17.255.255",
        "198.18.0.0",
        "198.18.2.255",
        "198.18.3.0",
        "203.0.113.9",
        "192.0.2.1",
        "192.88.99.1",
    ]
    assert [found.of_address(int(ipaddress.ip_address(a)), 4) for a in addresses] == [
        None, "XA", "XA", None, "XB", None, None,
    ]  # fmt: skip
    assert found.of_address(int(ipaddress.ip_address("2001:db8:ffff::")), 6) == "XC"
    assert found.of_address(int(ipaddress.ip_address("2001:db9::")), 6) is None
    assert found.codes == ("XA", "XB", "XC")


def test_bad_lines_and_overlaps_are_reported() -> None:
    reference = load_reference({"delegated-a": STATISTICS, "delegated-b.txt": BROKEN})
    lines = sorted(p.line for p in reference.problems if p.file == "delegated-b.txt")
    assert lines == [1, 2, 3, 4, 5, 6]
    assert [p.reason for p in reference.problems if p.line == 0] == [
        "1 ranges of ipv4 overlap others and were left out"
    ]
    assert reference.delegations.of_network(64506) == "XB"


def test_a_plain_table_says_it_better() -> None:
    plain = b"asn,country\nAS64500,xd\n64600,XE\n64601,nowhere\n"
    reference = load_reference({"delegated-test": STATISTICS, "countries-own.csv": plain})
    found = reference.delegations
    assert [found.of_network(n) for n in (64500, 64501, 64600, 64601)] == ["XD", "XA", "XE", None]
    assert [p.line for p in reference.problems if p.file == "countries-own.csv"] == [4]


def test_files_are_told_by_name_and_have_terms(tmp_path: Path) -> None:
    for name in ("delegated-ripencc-extended-latest", "x/delegated-arin-20240101", "Delegated-lacnic-latest.txt"):
        assert kind_of(name) == "delegated"
    assert kind_of("delegated-ripencc-extended-latest.md5") == "unused"
    assert kind_of("countries.csv") == "countries"
    (tmp_path / "delegated-test-latest").write_bytes(STATISTICS)
    (tmp_path / "delegated-test-latest.md5").write_bytes(b"MD5")
    reference = clampdown.load_reference(tmp_path)
    snapshots = {row.name: row for row in reference.snapshots}
    assert snapshots["delegated-test-latest"].terms.source == "rir-statistics"
    assert "delegated-test-latest.md5" not in snapshots
    assert not [p for p in reference.problems if p.file.startswith("delegated")]


def test_intake_gets_them_only_where_they_are_given() -> None:
    assert kit_of(load_reference()).countries is None
    countries = kit_of(load_reference({"countries.csv": b"64500,XA\n"})).countries
    assert countries is not None
    assert countries.of_network(64500) == "XA"
