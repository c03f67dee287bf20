"""Law: the same seed and names give the same certificates, byte for byte; no key of this file protects anything.

Keys are numbers taken from a hash of a name, signatures are deterministic (RFC 6979), serial numbers are hashes. So a
synthetic archive can be built again anywhere, and its fingerprints and digests stay the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Order of the curve P-256 (SEC 2): a private key is a number below it.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ROOT_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
ROOT_UNTIL: Final = datetime(2040, 1, 1, tzinfo=UTC)
_LEAF_LIFE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Chain:
    """What a server presents: certificates, leaf first, and what a careful client would find wrong with them."""

    ders: tuple[bytes, ...]
    names: tuple[str, ...]
    fault: str | None = None  # df-007 failure of a client with today's roots; None: a trusted chain

    def failure_for(self, host: str) -> str | None:
        """What a client that checks says when it asked for this host."""
        if self.fault is not None:
            return self.fault
        wild = "*." + host.partition(".")[2]
        return None if host in self.names or wild in self.names else "ssl_invalid_hostname"


def _number(*words: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(words).encode()).digest(), "big")


def _key(*words: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(_number("key", *words) % (_ORDER - 1) + 1, ec.SECP256R1())


def _name(common: str, organisation: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


@dataclass(frozen=True, slots=True)
class Authority:
    """Someone who signs."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    above: tuple[bytes, ...]  # certificates that a server sends along, this authority's first; none for a root


class Forge:
    """All certificates of a synthetic world, made once each."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._made: dict[tuple[str, ...], Chain] = {}
        root_name = _name("Clampdown Synthetic Root", "Synthetic Authority")
        self._root_key = _key(seed, "root")
        self.root = self._sign(root_name, self._root_key, root_name, self._root_key, ca=True)
        self.issuer = self._under(
            "Clampdown Synthetic Issuer 1", "Synthetic Authority", root_name, self._root_key, send_root=False
        )
        # Never among the trusted roots: whoever signs with it is an unknown authority.
        self.stranger = self._stranger("Nobody Knows This Root", "Elsewhere Ltd")
        # The name by which reference tables know an antivirus program's own root.
        self.antivirus = self._stranger("Avast Web/Mail Shield Root", "Avast Web/Mail Shield")
        self.ended = self._ended()

    def root_pem(self) -> bytes:
        """The synthetic world's list of trusted roots."""
        return x509.load_der_x509_certificate(self.root).public_bytes(serialization.Encoding.PEM)

    def good(self, *names: str, on: datetime) -> Chain:
        """A chain that is right on that day (chains of a half-year are shared, as on the web)."""
        begin = datetime(on.year, 1 if on.month < 7 else 7, 1, tzinfo=UTC) - timedelta(days=40)
        return self._leaf("good", self.issuer, names, begin, None)

    def expired(self, *names: str, on: datetime) -> Chain:
        """A chain that ended forty days before."""
        begin = on.replace(tzinfo=UTC) - _LEAF_LIFE - timedelta(days=40)
        return self._leaf("expired", self.issuer, names, begin, "ssl_invalid_certificate")

    def of_stranger(self, *names: str, on: datetime) -> Chain:
        """A chain under a root that nobody trusts."""
        return self._leaf("stranger", self.stranger, names, on.replace(tzinfo=UTC) - timedelta(days=60), _UNKNOWN)

    def of_antivirus(self, *names: str, on: datetime) -> Chain:
        """A chain as an antivirus program makes it on the reader's own machine."""
        return self._leaf("antivirus", self.antivirus, names, on.replace(tzinfo=UTC) - timedelta(days=60), _UNKNOWN)

    def under_ended_root(self, *names: str, on: datetime) -> Chain:
        """A chain through a root that ended on 30 September 2021; clients with newer roots know another way up."""
        return self._leaf("ended", self.ended, names, on.replace(tzinfo=UTC) - timedelta(days=60), None)

    def self_signed(self, *names: str, on: datetime) -> Chain:
        """A certificate that vouches for itself."""
        known = ("self", *names, f"{on:%Y%m}")
        if known not in self._made:
            key, who = _key(self._seed, *known), _name(names[0], None)
            begin = datetime(on.year, on.month, 1, tzinfo=UTC) - timedelta(days=30)
            der = self._sign(who, key, who, key, names=names, begin=begin, end=begin + _LEAF_LIFE)
            self._made[known] = Chain((der,), names, _UNKNOWN)
        return self._made[known]

    def _leaf(self, kind: str, by: Authority, names: tuple[str, ...], begin: datetime, fault: str | None) -> Chain:
        begin = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        known = (kind, *names, f"{begin:%Y%m%d}")
        if known not in self._made:
            key = _key(self._seed, *known)
            der = self._sign(
                _name(names[0], None), key, by.name, by.key, names=names, begin=begin, end=begin + _LEAF_LIFE
            )
            self._made[known] = Chain((der, *by.above), names, fault)
        return self._made[known]

    def _under(
        self, common: str, organisation: str, issuer: x509.Name, by: ec.EllipticCurvePrivateKey, *, send_root: bool
    ) -> Authority:
        who, key = _name(common, organisation), _key(self._seed, common)
        der = self._sign(who, key, issuer, by, ca=True)
        above = (der, self.root) if send_root else (der,)
        return Authority(who, key, above)

    def _stranger(self, common: str, organisation: str) -> Authority:
        who, key = _name(common, organisation), _key(self._seed, common)
        return Authority(who, key, (self._sign(who, key, who, key, ca=True),))

    def _ended(self) -> Authority:
        """An issuer under a newer root, itself cross-signed by the old one that servers do not send."""
        old = _name("DST Root CA X3", "Digital Signature Trust Co.")
        newer, newer_key = _name("Synthetic Newer Root", "Synthetic Authority"), _key(self._seed, "newer")
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        crossed = self._sign(newer, newer_key, old, _key(self._seed, "old"), ca=True, begin=begin)
        who, key = _name("Synthetic Issuer 3", "Synthetic Authority"), _key(self._seed, "issuer3")
        return Authority(who, key, (self._sign(who, key, newer, newer_key, ca=True, begin=begin), crossed))

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Name,
        by: ec.EllipticCurvePrivateKey,
        *,
        names: tuple[str, ...] = (),
        ca: bool = False,
        begin: datetime = ROOT_FROM,
        end: datetime = ROOT_UNTIL,
    ) -> bytes:
        serial = _number("serial", self._seed, subject.rfc4514_string(), issuer.rfc4514_string(), begin.isoformat())
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(serial >> 100)
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        done = made.sign(by, hashes.SHA256(), ecdsa_deterministic=True)
        return done.public_bytes(serialization.Encoding.DER)


_UNKNOWN: Final = "ssl_unknown_authority"
