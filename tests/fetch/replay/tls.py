"""Law: certificates that are good, and certificates that must not be trusted, made anew for every run."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KINDS = ("good", "unknown_root", "expired", "other_name")


def make(folder: Path, kind: str = "good") -> tuple[ssl.SSLContext, Path]:
    """What a server needs, and the file of roots that a client may trust (which does not make a bad one good)."""
    now = datetime.now(UTC).replace(tzinfo=None)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("Replay root")
    root = _sign(root_name, root_name, root_key, root_key, (now - timedelta(days=9), now + timedelta(days=9)), None)
    host = "elsewhere.example" if kind == "other_name" else "127.0.0.1"
    span = (now - timedelta(days=8), now + timedelta(days=-1 if kind == "expired" else 8))
    leaf = _sign(_name(host), root_name, key, root_key, span, host)
    folder.mkdir(parents=True, exist_ok=True)
    roots, chain = folder / f"{kind}-roots.pem", folder / f"{kind}.pem"
    pem = serialization.Encoding.PEM
    trusted = root
    if kind == "unknown_root":
        other = ec.generate_private_key(ec.SECP256R1())
        name = _name("Another root")
        trusted = _sign(name, name, other, other, (now - timedelta(days=9), now + timedelta(days=9)), None)
    roots.write_bytes(trusted.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(leaf.public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, roots


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey,
    span: tuple[datetime, datetime], host: str | None,
) -> x509.Certificate:  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        names = [x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(by, hashes.SHA256())
