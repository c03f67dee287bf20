"""Law: a certificate is judged by its own day: its name, its dates, and the roots that were trusted then.

A chain that can be followed to a trusted root is trusted. One that cannot is `unknown_authority` only where the
snapshot of roots is of about that day; without such a snapshot nothing is held against it (`unknown`). A chain under
a root that had ended by that day is `expired_root`: the machine's fault, never interference.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from clampdown.errors import RuleError
from clampdown.reference import toml
from clampdown.reference.targets import canonical_host

# A path longer than this is a mistake or an attack; the web's have 2 to 5 certificates.
MAX_PATH: Final = 8


@dataclass(frozen=True, slots=True)
class Ended:
    subject: str
    organisation: str
    until: date


@dataclass(frozen=True, slots=True)
class RootSnapshot:
    """A list of trusted roots as of a day; None where the day is not known, which speaks for, never against."""

    name: str
    day: date | None
    certificates: tuple[bytes, ...]  # DER


_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def _parse(der: bytes) -> x509.Certificate:
    """A certificate as found: faults that only deserve a warning (a serial number of zero) are those of its maker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(der)


def _text(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    # Law 4 of parsing: an attribute that cannot be read is empty, not a crash.
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else ""


def _names_match(certificate: x509.Certificate, host: str) -> bool:
    """RFC 6125: the names of the certificate against the host; wildcards stand for one label."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = canonical_host(host)
        wild = "*." + name.partition(".")[2]
        names = {n.lower().rstrip(".") for n in alternative.get_values_for_type(x509.DNSName)}
        return name in names or ("." in name and wild in names)
    return address in alternative.get_values_for_type(x509.IPAddress)


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        # Roots of the first version carry no extensions.
        return certificate.version == x509.Version.v1


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _valid_at(certificate: x509.Certificate, when: datetime) -> bool:
    return certificate.not_valid_before_utc <= when <= certificate.not_valid_after_utc


class Roots:
    """Snapshots of trusted roots, and the tables of what no snapshot says."""

    def __init__(
        self,
        snapshots: Sequence[RootSnapshot],
        *,
        window_days: int = 0,
        ended: Sequence[Ended] = (),
        private: Sequence[str] = (),
        proxies: Sequence[str] = (),
    ) -> None:
        self.snapshots = tuple(snapshots)
        self.window = timedelta(days=window_days)
        self.ended = tuple(ended)
        self.private = tuple(private)
        self.proxies = tuple(p.lower() for p in proxies)
        self._window_days = window_days

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.snapshots, self._window_days, self.ended, self.private, self.proxies))

    @cached_property
    def digest(self) -> str:
        """Names the trusted certificates, whatever files they came in."""
        parts = sorted({hashlib.sha256(c).hexdigest() for s in self.snapshots for c in s.certificates})
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def _by_subject(self) -> dict[bytes, list[x509.Certificate]]:
        index: dict[bytes, list[x509.Certificate]] = {}
        seen: set[bytes] = set()
        for snapshot in self.snapshots:
            for der in snapshot.certificates:
                if der in seen:
                    continue
                seen.add(der)
                certificate = _parse(der)
                index.setdefault(certificate.subject.public_bytes(), []).append(certificate)
        return index

    @property
    def edges(self) -> tuple[date, ...]:
        """The days on which an answer may change for other reasons than the chain's."""
        return self._edges

    @cached_property
    def _edges(self) -> tuple[date, ...]:
        """The days on which an answer may change for other reasons than the chain's: roots, tables, windows."""
        days = {ended.until for ended in self.ended}
        for roots in self._by_subject.values():
            for root in roots:
                days |= {root.not_valid_before_utc.date(), root.not_valid_after_utc.date()}
        for snapshot in self.snapshots:
            if snapshot.day is not None:
                days |= {snapshot.day - self.window, snapshot.day + self.window + timedelta(days=1)}
        return tuple(sorted(days))

    def covers(self, when: datetime) -> bool:
        """True where a snapshot is of about that day, so that an absence from it means something."""
        day = when.date()
        return any(s.day is not None and abs(s.day - day) <= self.window for s in self.snapshots)

    def is_proxy(self, issuer: str) -> bool:
        """True for the issuer of a known antivirus program or office filter."""
        issuer = issuer.lower()
        return any(proxy in issuer for proxy in self.proxies)

    def verify(self, chain: Sequence[bytes], host: str | None, when: datetime) -> str:
        """The `cert_status` of a chain (leaf first) for this host at this time (naive UTC, or aware)."""
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        try:
            leaf = _parse(chain[0])
            status = self._judge(leaf, self._others(chain), host, when)
        except (IndexError, ValueError, UnsupportedAlgorithm, TypeError):
            return "unparsable"
        return status

    def _others(self, chain: Sequence[bytes]) -> list[x509.Certificate]:
        others: list[x509.Certificate] = []
        for der in chain[1 : MAX_PATH * 2]:
            try:
                others.append(_parse(der))
            except (ValueError, UnsupportedAlgorithm, TypeError):
                # A broken certificate beside the leaf takes nothing from the others.
                continue
        return others

    def _judge(self, leaf: x509.Certificate, others: list[x509.Certificate], host: str | None, when: datetime) -> str:
        issuers = [self._who(leaf), *(self._who(other) for other in others)]
        if any(self.is_proxy(issuer) for issuer in issuers):
            return "proxy"
        trust = self._trust(leaf, others, when)
        if trust in ("self_signed", "unknown_authority", "expired_root"):
            return trust
        if when > leaf.not_valid_after_utc:
            return "expired"
        if when < leaf.not_valid_before_utc:
            return "not_yet_valid"
        if host and not _names_match(leaf, host):
            return "name_mismatch"
        return trust

    @staticmethod
    def _who(certificate: x509.Certificate) -> str:
        return (
            f"{_text(certificate.issuer, NameOID.COMMON_NAME)}\n{_text(certificate.issuer, NameOID.ORGANIZATION_NAME)}"
        )

    def _trust(self, leaf: x509.Certificate, others: list[x509.Certificate], when: datetime) -> str:
        """`ok` where a path leads to a trusted root; dates of the leaf itself are left to the caller."""
        if self._trusted_root(leaf):
            return "ok"
        if leaf.issuer == leaf.subject:
            return "self_signed" if _signed_by(leaf, leaf) else "unknown_authority"
        ends: list[x509.Certificate] = []
        if self._walk(leaf, others, when, [leaf], ends):
            return "ok"
        ended = any(self._has_ended(end, when) for end in ends)
        if ended:
            return "expired_root"
        if any(self._known_ended(end) or self._is_private(end) for end in ends):
            return "unknown"
        return "unknown_authority" if self.covers(when) else "unknown"

    def _trusted_root(self, certificate: x509.Certificate) -> bool:
        return certificate in self._by_subject.get(certificate.subject.public_bytes(), ())

    def _walk(
        self,
        certificate: x509.Certificate,
        others: list[x509.Certificate],
        when: datetime,
        path: list[x509.Certificate],
        ends: list[x509.Certificate],
    ) -> bool:
        """Follow issuers upward; `ends` collects where the paths stop short of a trusted root."""
        for root in self._by_subject.get(certificate.issuer.public_bytes(), ()):
            if _signed_by(certificate, root):
                if _valid_at(root, when):
                    return True
                ends.append(root)
        above = [o for o in others if o.subject == certificate.issuer and o not in path and _may_sign(o)]
        for issuer in above:
            if len(path) >= MAX_PATH or not _signed_by(certificate, issuer):
                continue
            if not _valid_at(issuer, when):
                ends.append(issuer)
            elif self._walk(issuer, others, when, [*path, issuer], ends):
                return True
        ends.append(certificate)
        return False

    def _known_ended(self, certificate: x509.Certificate) -> Ended | None:
        for name in (certificate.issuer, certificate.subject):
            common, organisation = _text(name, NameOID.COMMON_NAME), _text(name, NameOID.ORGANIZATION_NAME)
            for ended in self.ended:
                if (common, organisation) == (ended.subject, ended.organisation):
                    return ended
        return None

    def _has_ended(self, certificate: x509.Certificate, when: datetime) -> bool:
        ended = self._known_ended(certificate)
        if ended is not None and when.date() >= ended.until:
            return True
        # A root of the snapshots that had run out by then, at the end of an otherwise good path.
        return self._trusted_root(certificate) and when > certificate.not_valid_after_utc

    def _is_private(self, certificate: x509.Certificate) -> bool:
        return _text(certificate.issuer, NameOID.ORGANIZATION_NAME) in self.private


def _rebuild(
    snapshots: tuple[RootSnapshot, ...],
    window_days: int,
    ended: tuple[Ended, ...],
    private: tuple[str, ...],
    proxies: tuple[str, ...],
) -> Roots:
    return Roots(snapshots, window_days=window_days, ended=ended, private=private, proxies=proxies)


def read_pem(name: str, data: bytes, day: date | None) -> RootSnapshot:
    """A bundle of roots in PEM; a certificate that cannot be read is an error, because trust is not a guess."""
    certificates: list[bytes] = []
    for block in _PEM.findall(data):
        try:
            der = base64.b64decode(block, validate=False)
            _parse(der)
        except ValueError as error:
            raise RuleError(f"a certificate in the bundle cannot be read: {error}", where=name) from None
        certificates.append(der)
    if not certificates:
        raise RuleError("the bundle holds no certificate", where=name)
    return RootSnapshot(name, day, tuple(certificates))


def load_roots(table: toml.Table, snapshots: Sequence[RootSnapshot]) -> Roots:
    where = "roots.toml"
    ended: list[Ended] = []
    for row in toml.tables(table, "ended", where):
        until = row.get("until")
        if not isinstance(until, date):
            raise RuleError("`until` must be a date", where=where)
        ended.append(Ended(toml.text(row, "subject", where), toml.text(row, "organisation", where), until))
    window = table.get("window_days")
    if not isinstance(window, int):
        raise RuleError("`window_days` must be a number", where=where)
    return Roots(
        snapshots,
        window_days=window,
        ended=ended,
        private=[toml.text(row, "organisation", where) for row in toml.tables(table, "private", where)],
        proxies=[toml.text(row, "issuer", where) for row in toml.tables(table, "proxy", where)],
    )
