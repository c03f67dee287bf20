"""Law: a feed holds where each numbered step holds; a step that cannot be taken has not held, and nothing is assumed.

Ed25519 over the bytes of index.json (RFC 8032, detached, 64 bytes), as `openssl pkeyutl -rawin` makes and checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clampdown.errors import InputError
from clampdown.publish import ways_feed_document as doc
from clampdown.publish.ways_feed import COUNTRIES, INDEX, MAP

SIGNATURE: Final = "index.json.sig"
PUBLIC: Final = "public.pem"
BESIDE: Final = frozenset({INDEX, SIGNATURE, PUBLIC})  # files that the index does not name
STEPS: Final = ("signature", "index", "missing", "digests", "extra", "forms")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step, and what was wrong: names of files, or nothing."""

    step: str  # STEPS
    holds: bool
    checked: bool = True  # false: a step before it did not hold, so this one could not be taken
    wrong: tuple[str, ...] = ()


def new_key() -> bytes:
    """A private key as PEM (PKCS8, not encrypted)."""
    return Ed25519PrivateKey.generate().private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
    )  # fmt: skip


def private_key(data: bytes) -> Ed25519PrivateKey:
    """The operator's key; no word of an error says anything of its content."""
    hint = "clampdown access --new-key FILE makes one, and so does: openssl genpkey -algorithm ed25519."
    try:
        key = pem.load_pem_private_key(data, password=None)
    except TypeError:
        raise InputError("this key is encrypted", hint="Give it as PEM without a passphrase.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError("this is no private key in PEM", hint=hint) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("this key is not of Ed25519", hint=hint)
    return key


def public_key(data: bytes) -> Ed25519PublicKey:
    """The key of whoever runs a feed, as its readers have it."""
    hint = "Give the public.pem of whoever runs the feed, had by another way than the feed itself."
    try:
        key = pem.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError("this is no public key in PEM", hint=hint) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("this key is not of Ed25519", hint=hint)
    return key


def public_pem(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    """The public half as PEM."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)


def signed(files: Mapping[str, bytes], key: Ed25519PrivateKey) -> dict[str, bytes]:
    """The files of a feed with the signature and the public key beside the index."""
    return {**files, SIGNATURE: key.sign(files[INDEX]), PUBLIC: public_pem(key)}


def is_signed(index: bytes | None, signature: bytes | None, key: Ed25519PublicKey) -> bool:
    """Did this key sign these bytes?"""
    if index is None or signature is None:
        return False
    try:
        key.verify(signature, index)
    except InvalidSignature:
        return False
    return True


def check(files: Mapping[str, bytes], key: Ed25519PublicKey) -> tuple[Step, ...]:
    """All steps, in order. Nothing in an index that is not signed is looked at: its steps have not held."""
    if not is_signed(files.get(INDEX), files.get(SIGNATURE), key):
        missing = tuple(name for name in (INDEX, SIGNATURE) if name not in files)
        return (Step(step="signature", holds=False, wrong=missing), *map(_unchecked, STEPS[1:]))
    try:
        index = msgspec.json.decode(files[INDEX], type=doc.Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        index = None
    if index is None or not index.files or doc.encode(index) != files[INDEX]:
        held, failed = Step(step="signature", holds=True), Step(step="index", holds=False)
        return (held, failed, *map(_unchecked, STEPS[2:]))
    named = {held.name: held for held in index.files}
    missing = tuple(sorted(name for name in named if name not in files))
    differ = [
        name
        for name, held in named.items()
        if name in files and (len(files[name]) != held.size or sha256(files[name]).hexdigest() != held.sha256)
    ]
    extra = [name for name in files if name not in named and name not in BESIDE]
    if PUBLIC in files and files[PUBLIC] != public_pem(key):
        extra.append(PUBLIC)
    found = {
        "signature": (), "index": (), "missing": missing, "digests": tuple(sorted(differ)),
        "extra": tuple(sorted(extra)), "forms": tuple(sorted({*missing, *_wrong(index, files)})),
    }  # fmt: skip
    return tuple(Step(step=step, holds=not found[step], wrong=found[step]) for step in STEPS)


def _unchecked(step: str) -> Step:
    return Step(step=step, holds=False, checked=False)


def _wrong(index: doc.Index, files: Mapping[str, bytes]) -> set[str]:
    """Files that are not what their names say."""
    wrong = {INDEX} if not index.countries else set[str]()
    for held in index.files:
        data = files.get(held.name)
        if data is not None and not _fits(held.name, data, index):
            wrong.add(held.name)
    wanted = {f"{COUNTRIES}{code}.json" for code in index.countries}
    named = {held.name for held in index.files if held.name.startswith(COUNTRIES)}
    return wrong | (wanted ^ named)


def _fits(name: str, data: bytes, index: doc.Index) -> bool:
    try:
        if name.startswith(COUNTRIES):
            file = msgspec.json.decode(data, type=doc.Country)
            same = name == f"{COUNTRIES}{file.country}.json" and file.as_of <= index.as_of
            return same and all(map(_agrees, file.ways)) and doc.encode(file) == data
        if name == MAP:
            entries = msgspec.json.decode(data, type=doc.Map)
            known = {code.lower() for code in index.countries}
            empty = all(one.no_evidence != bool(one.settings) for one in entries.values())
            return entries.keys() == known and empty and doc.encode(entries) == data
        return isinstance(msgspec.json.decode(data), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _agrees(row: doc.Row) -> bool:
    """Without evidence there is no number, and without a number nothing is said."""
    if row.state != "no_evidence":
        return row.n is not None and row.share is not None
    return row == doc.Row(tool=row.tool, way=row.way, state=row.state, reason=row.reason, grade="insufficient")


__all__ = [
    "BESIDE", "PUBLIC", "SIGNATURE", "STEPS", "Step", "check", "is_signed", "new_key", "private_key", "public_key",
    "public_pem", "signed",
]  # fmt: skip
