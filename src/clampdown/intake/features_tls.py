"""Law: a certificate is judged against the name, the measurement's time and the roots of that day, never today's.

Only the leaf's digest, its names and the status leave here; the chain ends at intake. Without roots the leaf alone can
still be expired, not yet valid, for another name or signed by itself; beyond that the status is `unknown`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from clampdown.intake.features import Memo
from clampdown.intake.redact import public_text

# (digest of the leaf, status, issuer, subject)
Leaf = tuple[str, str | None, str | None, str | None]
_ROOM: Final = 50_000


def certificate_of(memo: Memo, found: Sequence[Any] | None, host: str | None, when: datetime | None) -> Leaf | None:
    """What a handshake's `peer_certificates` say; None where the probe kept none."""
    if not found:
        return None
    texts = tuple([_text(item) for item in found])
    # The status is worked out for the hour, so that it is a function of the record and not of what was read before.
    hour = None if when is None else when.replace(minute=0, second=0, microsecond=0)
    key = (texts, host, hour)
    known = memo.certificates.get(key)
    if known is None:
        if len(memo.certificates) > _ROOM:
            memo.certificates.clear()
        known = memo.certificates[key] = _read(memo, texts, host, hour)
    return known if known[0] else None


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


def _read(memo: Memo, texts: tuple[str, ...], host: str | None, when: datetime | None) -> Leaf:
    chain = [der for der in map(unbase64, texts) if der]
    if not chain or not texts[0]:
        return "", None, None, None
    digest = hashlib.sha256(chain[0]).hexdigest()
    try:
        leaf = x509.load_der_x509_certificate(chain[0])
        issuer, subject = _name(leaf.issuer), _name(leaf.subject)
    except (ValueError, TypeError, x509.InvalidVersion):
        return digest, "unparsable", None, None
    roots = memo.kit.roots
    if roots is None or host is None or when is None:
        status = leaf_status(leaf, host, when)
    else:
        status = roots.verify(chain, host, when)
    return digest, status, issuer, subject


def leaf_status(leaf: x509.Certificate, host: str | None, when: datetime | None) -> str:
    """What the leaf alone says."""
    try:
        if when is not None:
            if when > leaf.not_valid_after_utc.replace(tzinfo=None):
                return "expired"
            if when < leaf.not_valid_before_utc.replace(tzinfo=None):
                return "not_yet_valid"
        if leaf.issuer == leaf.subject:
            return "self_signed"
        if host is not None and not names_host(leaf, host):
            return "name_mismatch"
    except ValueError:
        return "unparsable"
    return "unknown"


def names_host(leaf: x509.Certificate, host: str) -> bool:
    """RFC 6125: the host among the alternative names (one wildcard label); the common name where there are none."""
    try:
        names = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, ValueError):
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
