"""Law: a certificate is judged by its own day, and without roots of that day nothing is held against it."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import RuleError
from clampdown.reference import load_reference
from clampdown.reference.roots import Ended, Roots, RootSnapshot, read_pem

# Times of measurements are naive UTC.
NOON = datetime(2023, 5, 5, 12, tzinfo=UTC).replace(tzinfo=None)
START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 12, 31, tzinfo=UTC)


class Maker:
    """A key and a name that can sign."""

    def __init__(self, number: int, common: str, organisation: str = "Test") -> None:
        self.key = ec.derive_private_key(number, ec.SECP256R1())
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, common),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            ]
        )

    def sign(
        self, subject: Maker, names: list[str], *, ca: bool, start: datetime = START, end: datetime = END
    ) -> bytes:
        alternative: list[x509.GeneralName] = [
            x509.IPAddress(IPv4Address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names
        ]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject.name)
            .issuer_name(self.name)
            .public_key(subject.key.public_key())
            .serial_number(7)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


ROOT, MIDDLE, LEAF = Maker(11, "Root"), Maker(12, "Middle"), Maker(13, "leaf")
LONG = END + timedelta(days=3650)
ROOT_DER = ROOT.sign(ROOT, [], ca=True, start=START - timedelta(days=400), end=LONG)
MIDDLE_DER = ROOT.sign(MIDDLE, [], ca=True, start=START - timedelta(days=300), end=LONG)
LEAF_DER = MIDDLE.sign(LEAF, ["www.example.org", "*.wild.example.org", "192.0.2.5"], ca=False)
OTHER = Maker(14, "Other authority")
CHAIN = [LEAF_DER, MIDDLE_DER]


def roots(day: date | None = date(2023, 6, 1), **more: object) -> Roots:
    return Roots([RootSnapshot("roots", day, (ROOT_DER,))], window_days=400, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("host", "when", "status"),
    [
        ("www.example.org", NOON, "ok"),
        ("WWW.Example.org.", NOON, "ok"),
        ("a.wild.example.org", NOON, "ok"),
        ("a.b.wild.example.org", NOON, "name_mismatch"),
        ("wild.example.org", NOON, "name_mismatch"),
        ("192.0.2.5", NOON, "ok"),
        ("192.0.2.6", NOON, "name_mismatch"),
        ("example.org", NOON, "name_mismatch"),
        (None, NOON, "ok"),
        ("www.example.org", NOON + timedelta(days=366), "expired"),
        ("www.example.org", NOON - timedelta(days=200), "not_yet_valid"),
    ],
)
def test_names_and_dates(host: str | None, when: datetime, status: str) -> None:
    assert roots().verify(CHAIN, host, when) == status
    assert roots().verify(CHAIN, host, when.replace(tzinfo=UTC)) == status


def test_authorities() -> None:
    store = roots()
    assert store.verify([LEAF.sign(LEAF, ["www.example.org"], ca=False)], "www.example.org", NOON) == "self_signed"
    foreign = OTHER.sign(LEAF, ["www.example.org"], ca=False)
    assert store.verify([foreign], "www.example.org", NOON) == "unknown_authority"
    # An issuer that only bears the trusted name did not sign.
    fake = Maker(99, "Root").sign(LEAF, ["www.example.org"], ca=False)
    assert store.verify([fake], "www.example.org", NOON) == "unknown_authority"
    # A leaf must not sign another.
    sub = LEAF.sign(Maker(15, "sub"), ["www.example.org"], ca=False)
    assert store.verify([sub, LEAF_DER, MIDDLE_DER], "www.example.org", NOON) == "unknown_authority"
    # The order of the others does not matter, nor does what does not belong.
    assert store.verify([LEAF_DER, foreign, b"junk", ROOT_DER, MIDDLE_DER], "www.example.org", NOON) == "ok"
    assert store.verify([LEAF_DER], "www.example.org", NOON) == "unknown_authority"


def test_no_roots_of_that_day_hold_nothing_against_a_chain() -> None:
    foreign = [OTHER.sign(LEAF, ["www.example.org"], ca=False)]
    for day in (None, date(2020, 1, 1), date(2026, 1, 1)):
        assert roots(day).verify(foreign, "www.example.org", NOON) == "unknown"
        assert roots(day).verify(foreign, "other.example", NOON) == "name_mismatch"
        assert roots(day).verify(CHAIN, "www.example.org", NOON) == "ok"
        self_signed = [LEAF.sign(LEAF, ["www.example.org"], ca=False)]
        assert roots(day).verify(self_signed, "www.example.org", NOON) == "self_signed"


def test_a_root_that_had_ended() -> None:
    ended = Ended("Old Root", "Old Trust", date(2023, 5, 6))
    store = roots(ended=[ended])
    old = Maker(16, "Old Root", "Old Trust")
    chain = [LEAF_DER, old.sign(MIDDLE, [], ca=True)]
    assert store.verify(chain, "www.example.org", NOON) == "unknown"
    assert store.verify(chain, "www.example.org", NOON + timedelta(days=1)) == "expired_root"
    # With the newer way upward beside it, nothing is wrong.
    assert store.verify([*chain, MIDDLE_DER], "www.example.org", NOON + timedelta(days=1)) == "ok"


def test_a_trusted_root_past_its_end() -> None:
    short = ROOT.sign(ROOT, [], ca=True, start=START - timedelta(days=400), end=NOON.replace(tzinfo=UTC))
    store = Roots([RootSnapshot("roots", date(2023, 6, 1), (short,))], window_days=400)
    assert store.verify(CHAIN, "www.example.org", NOON - timedelta(days=1)) == "ok"
    assert store.verify(CHAIN, "www.example.org", NOON + timedelta(days=1)) == "expired_root"


def test_proxies_and_private_authorities() -> None:
    store = roots(proxies=["Web Shield"], private=["App Ltd"])
    shield = Maker(17, "Vendor web shield Root")
    assert store.verify([shield.sign(LEAF, ["www.example.org"], ca=False)], "www.example.org", NOON) == "proxy"
    assert store.is_proxy("CN=Vendor Web Shield")
    private = Maker(18, "App Root", "App Ltd")
    chain = [private.sign(LEAF, ["www.example.org"], ca=False)]
    assert store.verify(chain, "www.example.org", NOON) == "unknown"
    assert store.verify(chain, "other.example", NOON) == "name_mismatch"


@given(st.lists(st.one_of(st.binary(max_size=30), st.just(LEAF_DER[:-3])), max_size=3))
def test_junk_is_unparsable(chain: list[bytes]) -> None:
    assert roots().verify(chain, "www.example.org", NOON) == "unparsable"


def test_every_cut_of_a_certificate_is_survived() -> None:
    store = roots()
    for at in range(0, len(LEAF_DER), 7):
        for value in (0x00, 0xFF):
            broken = LEAF_DER[:at] + bytes([value]) + LEAF_DER[at + 1 :]
            assert store.verify([broken, MIDDLE_DER], "www.example.org", NOON)


def test_pickle_and_pem() -> None:
    pem = x509.load_der_x509_certificate(ROOT_DER).public_bytes(Encoding.PEM)
    snapshot = read_pem("roots-2023-06-01.pem", b"# a comment\n" + pem + pem, date(2023, 6, 1))
    store = Roots([snapshot], window_days=400)
    assert store.digest == roots().digest
    assert pickle.loads(pickle.dumps(store)).verify(CHAIN, "www.example.org", NOON) == "ok"
    for bad in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(RuleError):
            read_pem("roots.pem", bad, None)


def test_the_default_roots_know_30_september_2021() -> None:
    store = load_reference().roots
    old = Maker(19, "DST Root CA X3", "Digital Signature Trust Co.")
    span = {"start": datetime(2021, 1, 1, tzinfo=UTC), "end": datetime(2025, 1, 1, tzinfo=UTC)}
    middle = old.sign(MIDDLE, [], ca=True, **span)
    leaf = MIDDLE.sign(LEAF, ["www.example.org"], ca=False, **span)
    assert store.verify([leaf, middle], "www.example.org", datetime(2021, 9, 29, tzinfo=UTC)) == "unknown"
    assert store.verify([leaf, middle], "www.example.org", datetime(2021, 9, 30, 15, tzinfo=UTC)) == "expired_root"
    assert len(store.snapshots[0].certificates) > 80
