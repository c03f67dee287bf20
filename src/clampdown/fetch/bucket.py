"""Law: a listing is read page by page to its end, each key once, or it is said that it could not be.

Object storages answer with `ListBucketResult` (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html):
at most 1,000 keys a page, in the order of their bytes, `IsTruncated` and `NextContinuationToken` while there are more.
A folder on this machine is listed in the same words.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname
from xml.etree import ElementTree

from clampdown.errors import FetchError, InputError, UsageError
from clampdown.fetch.client import Client, Transfer, answer_of
from clampdown.fetch.faults import place

_MD5: Final = re.compile(r"[0-9a-f]{32}\Z")  # of an object that was put in one piece; others carry a dash
_MOST_PAGES: Final = 1_000_000
_PAGE: Final = 16 << 20  # bytes of one page: 1,000 keys of at most 1,024 bytes, escaped
_AGAIN: Final = "Run the same command again: what was brought is kept"


@dataclass(frozen=True, slots=True)
class Object:
    """One object as the listing says it."""

    key: str
    size: int
    md5: str | None
    modified: str


@dataclass(slots=True)
class _Ask:
    """One prefix while its pages are read."""

    prefix: str
    after: str | None
    delimiter: str | None
    until: str | None
    pages: int = 0
    last: str = ""
    tokens: set[str] = field(default_factory=set[str])
    restarts: int = 0


class Bucket:
    """A bucket, or a mirror of one: an address to which keys are added, or a folder."""

    def __init__(self, client: Client, base: str) -> None:
        self.client = client
        self.folder = folder_of(base)
        self.base = base.rstrip("/")

    def url(self, key: str) -> str:
        """Where an object is."""
        return (self.folder / key).as_uri() if self.folder is not None else f"{self.base}/{quote(key)}"

    def list(
        self,
        prefixes: Iterable[str],
        *,
        after: str | None = None,
        until: str | None = None,
        delimiter: str | None = None,
    ) -> Iterator[Object | str]:
        """Objects below the prefixes, and (with a delimiter) the names of folders, as text that ends in it. `after`
        and `until` (half-open) are keys. Prefixes are asked for side by side; within each, keys come in order."""
        if self.folder is not None:
            for prefix in prefixes:
                yield from self._walk(prefix, after, until, delimiter)
            return
        more: deque[Transfer] = deque()
        asks = (self._page(_Ask(prefix, after, delimiter, until), None) for prefix in prefixes)
        for done in self.client.run(asks, more=more):
            ask: _Ask = done.tag
            if done.fault is not None:
                if isinstance(done.fault, FetchError) and done.fault.status == 400 and ask.pages and ask.restarts < 3:
                    ask.restarts += 1  # a page token that ran out: go on after the last key
                    more.append(self._page(ask, None))
                    continue
                raise done.fault
            found, token = self._read(done)
            for one in found:
                name = one if isinstance(one, str) else one.key
                if name <= ask.last:
                    continue  # a listing that changed while it was paged says some keys again
                ask.last = name
                if until is None or name < until:
                    yield one
            ask.pages += 1
            if token is None or (until is not None and ask.last >= until):
                continue
            if token in ask.tokens or ask.pages > _MOST_PAGES:
                raise FetchError("the listing goes in a circle", where=place(done.url), hint=_AGAIN, whole=True)
            ask.tokens.add(token)
            more.append(self._page(ask, token))

    def _page(self, ask: _Ask, token: str | None) -> Transfer:
        words = {"list-type": "2", "prefix": ask.prefix, "encoding-type": "url"}
        if ask.delimiter:
            words["delimiter"] = ask.delimiter
        if token is not None:
            words["continuation-token"] = token
        elif ask.last or ask.after:
            words["start-after"] = ask.last or ask.after or ""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(words.items()))
        return self.client.document(f"{self.base}/?{query}", most=_PAGE, tag=ask)

    def _read(self, done: Transfer) -> tuple[list[Object | str], str | None]:
        body = answer_of(done).body
        try:
            if b"<!DOCTYPE" in body[:4096] or b"<!ENTITY" in body:
                raise ElementTree.ParseError("a document type")
            root = ElementTree.fromstring(body)  # noqa: S314 - a page without entities, of bounded size
        except ElementTree.ParseError as fault:
            raise _no_listing(done.url) from fault
        if root.tag.rpartition("}")[2] != "ListBucketResult":
            raise _no_listing(done.url)
        space = root.tag[: root.tag.rfind("}") + 1]

        def text(node: ElementTree.Element, name: str) -> str:
            return node.findtext(space + name) or ""

        coded = text(root, "EncodingType") == "url"
        found: list[Object | str] = []
        for node in root.iter(space + "Contents"):
            key, size = text(node, "Key"), text(node, "Size")
            if not key or not size.isdecimal():
                raise _no_listing(done.url)
            md5 = text(node, "ETag").strip('"').lower()
            key = unquote(key.replace("+", "%20")) if coded else key
            found.append(Object(key, int(size), md5 if _MD5.match(md5) else None, text(node, "LastModified")))
        for node in root.iter(space + "CommonPrefixes"):
            name = text(node, "Prefix")
            found.append(unquote(name.replace("+", "%20")) if coded else name)
        token = text(root, "NextContinuationToken") or None
        if text(root, "IsTruncated") == "true" and token is None:
            raise _no_listing(done.url)
        return sorted(found, key=_name), token

    def _walk(self, prefix: str, after: str | None, until: str | None, delimiter: str | None) -> Iterator[Object | str]:
        """The same of a folder."""
        top = self.folder
        assert top is not None  # noqa: S101
        if not top.is_dir():
            raise InputError("there is no such folder", where=str(top), hint="Name the folder that holds the mirror.")
        start = top / prefix.rpartition("/")[0]
        folders: set[str] = set()
        for one in sorted(_files(start, top), key=_name):
            if not one.key.startswith(prefix) or (after and one.key <= after) or (until and one.key >= until):
                continue
            rest = one.key[len(prefix) :]
            if delimiter and delimiter in rest:
                name = prefix + rest.partition(delimiter)[0] + delimiter
                if name not in folders:
                    folders.add(name)
                    yield name
            else:
                yield one


def folder_of(base: str) -> Path | None:
    """The folder that an address names; None where it is an address on the network."""
    if re.match(r"https?:", base, re.IGNORECASE):
        _check(base)
        return None
    try:
        parts = urlsplit(base)
    except ValueError:  # no address at all
        return Path(base).absolute()
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    if parts.scheme and len(parts.scheme) > 1:  # one letter is a drive
        hint = "Name a folder, or an address that begins with http:// or https://."
        raise InputError(f"{parts.scheme}:// is no address that can be fetched from", where=place(base), hint=hint)
    return Path(base).absolute()


def _check(base: str) -> None:
    """Keys are added to an address: it names a host, and ends before a query."""
    try:
        parts = urlsplit(base)
        fits = bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        fits = False
    if not fits:
        hint = "Name a folder, or an address such as https://mirror.example/ooni, without ? and #."
        raise UsageError("not the address of a mirror", where=place(base), hint=hint)


def _name(one: Object | str) -> str:
    return one if isinstance(one, str) else one.key


def _files(start: Path, top: Path) -> Iterator[Object]:
    """Files below a folder, also behind links to folders, each folder once. What cannot be looked into ends it: a
    listing that leaves something out would pass for all there is."""
    seen: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(start, onerror=_unreadable, followlinks=True):
        try:
            one = Path(folder).stat()
            if (one.st_dev, one.st_ino) in seen:
                below.clear()
                continue
            seen.add((one.st_dev, one.st_ino))
            for name in names:
                path = Path(folder) / name
                if path.is_file():
                    yield Object(path.relative_to(top).as_posix(), path.stat().st_size, None, "")
        except OSError as fault:
            _unreadable(fault)


def _unreadable(fault: OSError) -> None:
    if not isinstance(fault, FileNotFoundError | NotADirectoryError):  # a mirror need not have every folder
        hint = "Make it readable, or take it out of the mirror."
        raise InputError(f"cannot be read: {fault.strerror}", where=str(fault.filename), hint=hint) from fault


def _no_listing(url: str) -> FetchError:
    hint = "A portal or a filter may have answered in its place; a mirror must be an object storage, or a folder"
    return FetchError("this is no listing of an object storage", where=place(url), hint=hint, whole=True)
