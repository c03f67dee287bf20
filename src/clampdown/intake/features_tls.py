"""Law: a certificate is judged against the name, the measurement's time and the roots of that day, never today's.

Only the leaf's digest, its names and the status leave here; the chain ends at intake. Without roots the leaf alone can
still be expired, not yet valid, for another name or signed by itself; beyond that the status is `unknown`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from clampdown.intake.features import Memo
from clampdown.intake.redact import public_text

# (digest of the leaf, status, issuer, subject)
Leaf = tuple[str, str | None, str | None, str | None]
# A stretch of time in which neither the chain nor the roots change: (place among the roots' edges, place among the
# chain's, hour on a day that is an edge, else None).
Segment = tuple[int, int, datetime | None]
_ROOM: Final = 4_000  # chains; each holds its certificates


@dataclass(slots=True, eq=False)
class Chain:
    """A chain once taken apart; what depends on the day and on the name is remembered beside it."""

    texts: list[str]
    ders: list[bytes]
    digest: str
    leaf: x509.Certificate | None
    issuer: str | None
    subject: str | None
    edges: tuple[date, ...]  # days on which a certificate of the chain begins or ends, sorted
    trust: dict[Segment, str] = field(default_factory=dict["Segment", str])
    days: dict[date, str] = field(default_factory=dict["date", str])  # trust on days without an edge
    names: dict[str, bool] = field(default_factory=dict[str, bool])


def certificate_of(memo: Memo, found: Sequence[Any] | None, host: str | None, when: datetime | None) -> Leaf | None:
    """What a handshake's `peer_certificates` say; None where the probe kept none."""
    if not found:
        return None
    texts = [_text(item) for item in found]
    if not texts[0]:
        return None
    chain = _chain(memo, texts)
    if not chain.ders:
        return None
    return chain.digest, _status(memo, chain, host, when), chain.issuer, chain.subject


def _chain(memo: Memo, texts: list[str]) -> Chain:
    """The chain of these texts. Only the leaf is hashed; the others are compared, which is much cheaper."""
    known: list[Chain] = memo.chains.get(texts[0], [])
    for chain in known:
        if chain.texts == texts:
            return chain
    if len(memo.chains) > _ROOM:
        memo.chains.clear()
    chain = _read(texts)
    memo.chains[texts[0]] = [*known[-7:], chain]
    return chain


def _status(memo: Memo, chain: Chain, host: str | None, when: datetime | None) -> str:
    """Dates and trust at the measurement's day (its hour where the chain changes on that day), then the name."""
    if chain.leaf is None:
        return "unparsable"
    roots = memo.kit.roots
    if when is None:
        trust = leaf_status(chain.leaf, None)
    else:
        day = when.date()
        known = chain.days.get(day)
        if known is None:
            segment, moment = _segment(chain.edges, () if roots is None else roots.edges, when)
            known = chain.trust.get(segment)
            if known is None:
                known = leaf_status(chain.leaf, moment) if roots is None else roots.verify(chain.ders, None, moment)
                chain.trust[segment] = known
            if segment[2] is None:  # the same at any hour of this day
                chain.days[day] = known
        trust = known
    if host is None or trust not in ("ok", "unknown"):
        return trust
    fits = chain.names.get(host)
    if fits is None:
        fits = chain.names[host] = names_host(chain.leaf, host)
    return trust if fits else "name_mismatch"


def _segment(chain: tuple[date, ...], roots: tuple[date, ...], when: datetime) -> tuple[Segment, datetime]:
    """The stretch that a moment lies in, and the moment to judge it by: the same for all of the stretch."""
    day = when.date()
    in_roots, in_chain = bisect_right(roots, day), bisect_right(chain, day)
    edge = (in_roots > 0 and roots[in_roots - 1] == day) or (in_chain > 0 and chain[in_chain - 1] == day)
    moment = when.replace(hour=when.hour if edge else 0, minute=0, second=0, microsecond=0)
    return (in_roots, in_chain, moment if edge else None), moment


def _text(item: Any) -> str:
    if isinstance(item, dict):
        item = item.get("data")
    return item if isinstance(item, str) else ""


def unbase64(text: str) -> bytes | None:
    """Bytes of a base64 text, forgiving wrong padding and line breaks; None where it is no base64 at all."""
    plain = "".join(text.split()).rstrip("=")
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _read(texts: list[str]) -> Chain:
    ders = [der for der in map(unbase64, texts) if der]
    if not ders or not unbase64(texts[0]):
        return Chain(texts, [], "", None, None, None, ())
    digest = hashlib.sha256(ders[0]).hexdigest()
    edges: set[date] = set()
    leaf: x509.Certificate | None = None
    issuer = subject = None
    for index, der in enumerate(ders):
        try:
            certificate = _load(der)
            edges |= {certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()}
            if index == 0:
                issuer, subject = _name(certificate.issuer), _name(certificate.subject)
                leaf = certificate
        except (ValueError, TypeError, x509.InvalidVersion, OverflowError):
            continue
    return Chain(texts, ders, digest, leaf, issuer, subject, tuple(sorted(edges)))


def _load(der: bytes) -> x509.Certificate:
    """Certificates in the wild break rules that the library warns of (serial numbers); they are read all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(der)


def leaf_status(leaf: x509.Certificate, when: datetime | None) -> str:
    """What the leaf alone says, without roots and without a name."""
    if when is not None:
        if when > leaf.not_valid_after_utc.replace(tzinfo=None):
            return "expired"
        if when < leaf.not_valid_before_utc.replace(tzinfo=None):
            return "not_yet_valid"
    return "self_signed" if leaf.issuer == leaf.subject else "unknown"


def names_host(leaf: x509.Certificate, host: str) -> bool:
    """RFC 6125: the host among the alternative names (one wildcard label); the common name where there are none."""
    try:
        names = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        common = [str(a.value) for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        return any(_fits(name, host) for name in common)
    if not isinstance(names, x509.SubjectAlternativeName):
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return any(_fits(name, host) for name in names.get_values_for_type(x509.DNSName))


def _fits(name: str, host: str) -> bool:
    name, host = name.lower().rstrip("."), host.lower()
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:] and "." in name[2:]
    return name == host


def _name(name: x509.Name) -> str | None:
    """Common name and organisation, shortened and cleaned: a middlebox may write anything here."""
    parts: list[str] = []
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        parts += [str(a.value) for a in name.get_attributes_for_oid(oid)[:1]]
    return public_text(" / ".join(parts), 120) or None
