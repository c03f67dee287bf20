"""Law: bodies end here: what is kept of one is its length, its digest, its title and which fingerprints it matched.

Comparisons with the record's own control follow what the web connectivity specification (ts-017) compares: body
lengths, status codes, names of headers, titles. Where one side has nothing to compare, the answer is null.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from clampdown.intake.features import Memo
from clampdown.intake.features_tls import unbase64
from clampdown.intake.redact import PERSONAL_HEADERS, SCRUBBED, Secrets, header_value, public_text

TITLE_WITHIN: Final = 65_536
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"\w{5,}")
_PAIRS: Final = msgspec.json.Decoder(list[tuple[str, str]])
_HEADER_ROOM: Final = 100_000
_HEADERS_KEPT: Final = 60
# Headers that nearly every server sends say nothing about whether it is the same server (ts-017 names such a list).
_COMMON_HEADERS_LIST: Final = """
    date content-type server cache-control vary set-cookie location expires x-powered-by content-encoding
    last-modified accept-ranges pragma x-frame-options etag x-content-type-options age via p3p x-xss-protection
    content-language cf-ray strict-transport-security link x-varnish content-length connection transfer-encoding
    keep-alive alt-svc"""
COMMON_HEADERS: Final = frozenset(_COMMON_HEADERS_LIST.split())


def text_of(value: Any) -> str | bytes | None:
    """A body or header value: text, or {"format": "base64", "data": ...}."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        data = value.get("data")
        return unbase64(data) if isinstance(data, str) else None
    if isinstance(value, list):  # Go's http.Header: several values under one name
        parts = [part for part in map(text_of, value) if part is not None]
        return ", ".join(p if isinstance(p, str) else p.decode("utf-8", "replace") for p in parts)
    return str(value) if isinstance(value, int | float) else None


def bytes_of(value: Any) -> bytes | None:
    """The bytes of a body; lone surrogates (bytes that were no UTF-8) are kept as they can be."""
    text = text_of(value)
    if text is None or isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def title_of(value: str | bytes | None) -> str | None:
    """The text of the first <title> within the first 64 KiB, spaces collapsed, personal data taken out."""
    if not value:
        return None
    if isinstance(value, bytes):
        value = value[:TITLE_WITHIN].decode("utf-8", "replace")
    at = value.find("<title", 0, TITLE_WITHIN)
    if at < 0:
        at = value.find("<TITLE", 0, TITLE_WITHIN)
        if at < 0:
            at = value.find("<Title", 0, TITLE_WITHIN)
            if at < 0:
                return None
    start = value.find(">", at, at + 500)
    if start < 0:
        return None
    end = value.find("</", start, start + 4000)
    return clean_title(value[start + 1 : end if end >= 0 else start + 400])


def clean_title(value: str) -> str | None:
    """A title as a person reads it."""
    text = _SPACE.sub(" ", html.unescape(value) if "&" in value else value).strip()
    if not text:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return public_text(text) or None


class Headers(NamedTuple):
    """What is kept of headers, and what the comparison and the redirect need of them."""

    lines: str | None  # "name: value", sorted; cookies and what speaks of the person are gone
    names: Sequence[str]  # lower case
    location: str | None  # as found; never a row


NO_HEADERS: Final = Headers(None, (), None)


def headers_of(memo: Memo, headers_list: Any, headers: Any, secrets: Secrets) -> Headers:
    """Either spelling of headers: the list has them all, the map lost repeats; values may be base64."""
    pairs = _pairs(headers_list) or _pairs(headers)
    if not pairs:
        return NO_HEADERS
    try:
        made = [*map(memo.headers.get, pairs)]  # a pair of two texts is its own key
    except TypeError:  # lists, or a value that is a map
        made = [None] * len(pairs)
    if None in made:
        made = [known or _header(memo, pair) for known, pair in zip(made, pairs, strict=True)]
    lines = [one[0] for one in made if one is not None]
    if not lines:
        return NO_HEADERS
    names = [one[1] for one in made if one is not None]
    location = None
    if "location" in names:
        location = next(
            _plain(pair[1]) for one, pair in zip(made, pairs, strict=True) if one is not None and one[1] == "location"
        )
    lines.sort()
    text = "\n".join(lines[:_HEADERS_KEPT])
    return Headers(secrets.remove(text) if secrets else text, names, location)


def _pairs(found: Any) -> Collection[Any]:
    """(name, value) pairs of a list, of a map, or of the bytes of either."""
    if isinstance(found, msgspec.Raw):
        try:
            return _PAIRS.decode(found)
        except msgspec.MsgspecError:  # a map, base64 values, nothing
            found = msgspec.json.decode(found) if bytes(found) else None
    if isinstance(found, dict):
        return found.items()
    return found if isinstance(found, list) else ()


def _header(memo: Memo, pair: Any) -> tuple[str, str] | None:
    """The line and the lower-case name of one header, remembered where both are text."""
    if not isinstance(pair, list | tuple) or len(pair) < 2:
        return None
    name, value = _plain(pair[0]), _plain(pair[1])
    shown = memo.header_names.get(name)
    if shown is None:
        if len(memo.header_names) > _HEADER_ROOM:
            memo.header_names.clear()
        shown = memo.header_names[name] = _header_name(name)
    lower, prefix, personal = shown
    found = prefix + (SCRUBBED if personal else _value(value)), lower
    if not personal and name is pair[0] and value is pair[1] and len(value) < 200:
        known = memo.headers
        if len(known) > _HEADER_ROOM:
            known.clear()
        known[name, value] = found
    return found


def _header_name(name: str) -> tuple[str, str, bool]:
    """(lower-case name, how its line begins, whether its value speaks of the person)."""
    lower = name.lower()
    shown = public_text(lower, 80).replace("\n", " ")
    return lower, f"{shown}: ", lower in PERSONAL_HEADERS or "cookie" in lower or "token" in lower


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = text_of(value)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""


def _value(value: str) -> str:
    value = header_value(value)
    if "\n" in value or "\r" in value:
        value = value.replace("\n", " ").replace("\r", " ")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def same_status(ours: int | None, theirs: int | None) -> bool | None:
    """Whether both saw the same status."""
    return None if not ours or not theirs or ours < 0 or theirs < 0 else ours == theirs


def same_title(ours: str | None, theirs: str | None) -> bool | None:
    """Whether the titles share a word of five letters or more, or are equal where they have no such word."""
    if not ours or not theirs:
        return None
    if ours.casefold() == theirs.casefold():
        return True
    mine, other = set(_WORD.findall(ours.casefold())), set(_WORD.findall(theirs.casefold()))
    return bool(mine & other) if mine and other else False


def uncommon(names: Iterable[str]) -> frozenset[str]:
    """Header names that say something about which server answered."""
    return frozenset(names) - COMMON_HEADERS


def same_headers(ours: Iterable[str], theirs: frozenset[str]) -> bool | None:
    """Whether the uncommon header names overlap; null where the control has none to compare."""
    return None if not theirs else not theirs.isdisjoint(ours)


def ratio(ours: int | None, theirs: int | None) -> float | None:
    """min/max of two body lengths, 0..1; null where the control has no body."""
    if ours is None or theirs is None or theirs <= 0 or ours < 0:
        return None
    return min(ours, theirs) / max(ours, theirs)
