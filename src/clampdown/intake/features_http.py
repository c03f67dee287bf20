"""Law: bodies end here: what is kept of one is its length, its digest, its title and which fingerprints it matched.

Comparisons with the record's own control follow what the web connectivity specification (ts-017) compares: body
lengths, status codes, names of headers, titles. Where one side has nothing to compare, the answer is null.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from clampdown.intake.features import Memo
from clampdown.intake.features_tls import unbase64
from clampdown.intake.redact import PERSONAL_HEADERS, SCRUBBED, Secrets, header_value, public_text

TITLE_WITHIN: Final = 65_536
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"\w{5,}")
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


def pairs_of(headers_list: Any, headers: Any) -> Iterator[tuple[str, Any]]:
    """(lower-case name, value as found) of either spelling of headers: the list has them all, the map lost repeats."""
    if isinstance(headers_list, list) and headers_list:
        for item in headers_list:
            if isinstance(item, list) and len(item) >= 2:
                name = item[0] if isinstance(item[0], str) else _plain(item[0])
                yield name.lower(), item[1]
    elif isinstance(headers, dict):
        for name, value in headers.items():
            yield str(name).lower(), value
    elif isinstance(headers, list):
        yield from pairs_of(headers, None)


def _plain(value: Any) -> str:
    text = text_of(value)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""


def headers_of(memo: Memo, pairs: Iterable[tuple[str, Any]], secrets: Secrets) -> tuple[str | None, str | None]:
    """("name: value" lines sorted, the Location value as found). Cookies and what speaks of the person are gone."""
    lines: list[str] = []
    location: str | None = None
    known = memo.headers
    for name, found in pairs:
        value = found if isinstance(found, str) else _plain(found)
        if name == "location" and location is None:
            location = value
        key = (name, value)
        line = known.get(key)
        if line is None:
            line = _line(name, value)
            if len(known) > _HEADER_ROOM:
                known.clear()
            known[key] = line
        lines.append(secrets.remove(line) if secrets else line)
    if not lines:
        return None, location
    lines.sort()
    return "\n".join(lines[:_HEADERS_KEPT]), location


def _line(name: str, value: str) -> str:
    name = public_text(name, 80).replace("\n", " ")
    if name in PERSONAL_HEADERS or "cookie" in name or "token" in name:
        return f"{name}: {SCRUBBED}"
    value = header_value(value).replace("\n", " ").replace("\r", " ")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-8", "replace").decode()
    return f"{name}: {value}"


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


def same_headers(ours: Iterable[str], theirs: Iterable[str]) -> bool | None:
    """Whether the uncommon header names overlap; null where the control has none to compare."""
    other = {name.lower() for name in theirs} - COMMON_HEADERS
    mine = {name.lower() for name in ours} - COMMON_HEADERS
    if not other:
        return None
    return bool(mine & other)


def ratio(ours: int | None, theirs: int | None) -> float | None:
    """min/max of two body lengths, 0..1; null where the control has no body."""
    if ours is None or theirs is None or theirs <= 0 or ours < 0:
        return None
    return min(ours, theirs) / max(ours, theirs)
