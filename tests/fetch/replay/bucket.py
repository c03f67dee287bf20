"""Law: a bucket answers as Amazon's does: ListObjectsV2 in the order of bytes, a page at a time, and objects by key.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html. It may change while it is paged, say keys again,
and refuse its own tokens, where a test asks it to.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from replay.server import Asked, Reply, document

_MOST = 1000


class Bucket:
    """Objects in memory or on the disk, served below `/name/` (or, with an empty name, at the root)."""

    def __init__(self, objects: Mapping[str, bytes | Path], name: str = "", *, most: int = _MOST) -> None:
        self.name = name
        self.most = most
        self.pages = 0  # listing pages that were sent
        self.refuse = 0  # of the next continuation tokens
        self.repeat = 0  # keys of the page before that each page begins with
        self.between: Callable[[Bucket], None] | None = None  # called after each page
        self._objects: dict[str, bytes | Path] = {}
        self._keys: list[str] = []
        self._facts: dict[str, tuple[int, str]] = {}
        self.put(objects)

    @property
    def prefix(self) -> str:
        return f"/{self.name}/" if self.name else "/"

    def listed(self) -> list[str]:
        """All keys, in order."""
        return list(self._keys)

    def put(self, objects: Mapping[str, bytes | Path]) -> None:
        """Add objects, or replace them."""
        self._objects.update(objects)
        for key in objects:
            self._facts.pop(key, None)
        self._keys = sorted(self._objects, key=str.encode)

    def remove(self, *keys: str) -> None:
        """Let objects vanish."""
        for key in keys:
            self._objects.pop(key, None)
        self._keys = sorted(self._objects, key=str.encode)

    def read(self, key: str) -> bytes:
        """The bytes of an object."""
        held = self._objects[key]
        return held if isinstance(held, bytes) else held.read_bytes()

    def facts(self, key: str) -> tuple[int, str]:
        """Size and MD5."""
        if key not in self._facts:
            body = self.read(key)
            self._facts[key] = len(body), hashlib.md5(body, usedforsecurity=False).hexdigest()
        return self._facts[key]

    def __call__(self, asked: Asked) -> Reply | None:
        if asked.method not in ("GET", "HEAD"):
            return Reply(_error("MethodNotAllowed", "anonymous readers only read"), 405)
        key = asked.path[len(self.prefix) :] if asked.path.startswith(self.prefix) else ""
        if not key and asked.path.rstrip("/") == self.prefix.rstrip("/"):
            if asked.query.get("list-type") != "2":
                return Reply(_error("NotImplemented", "list-type=2 only"), 501)
            return self._list(asked.query)
        if key not in self._objects:
            return Reply(
                _error("NoSuchKey", "The specified key does not exist."), 404, {"Content-Type": "application/xml"}
            )
        return document(self.read(key))

    def _list(self, query: Mapping[str, str]) -> Reply:
        token = query.get("continuation-token")
        if token is not None and self.refuse:
            self.refuse -= 1
            return Reply(_error("InvalidArgument", "The continuation token provided is incorrect"), 400)
        if token is not None:
            try:
                after = base64.urlsafe_b64decode(token.encode()).decode()
            except ValueError:
                return Reply(_error("InvalidArgument", "The continuation token provided is incorrect"), 400)
        else:
            after = query.get("start-after", "")
        words = query.get("max-keys", str(self.most))
        most = min(int(words), self.most) if words.isdigit() else self.most
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        found, last, more = self._page(prefix, delimiter, after, most)
        if token is not None and self.repeat:
            before = [key for key in self._keys if key <= after and key.startswith(prefix)]
            found = [(key, False) for key in before[-self.repeat :]] + found
        self.pages += 1
        body = self._xml(query, found, last, more)
        if self.between is not None:
            self.between(self)
        return Reply(body, 200, {"Content-Type": "application/xml"})

    def _page(self, prefix: str, delimiter: str, after: str, most: int) -> tuple[list[tuple[str, bool]], str, bool]:
        """(name, is it a folder) of one page, the last name, and whether there are more."""
        keys = self._keys
        at = max(bisect_left(keys, prefix), bisect_right(keys, after))
        found: list[tuple[str, bool]] = []
        last = after
        while at < len(keys) and keys[at].startswith(prefix):
            key = keys[at]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            folder = key[: cut + len(delimiter)] if cut >= 0 else None
            if folder is not None and after.startswith(folder):
                at = bisect_left(keys, folder + "\U0010ffff")
                continue
            if len(found) == most:
                return found, last, True
            name = folder if folder is not None else key
            found.append((name, folder is not None))
            last = name
            at = at + 1 if folder is None else bisect_left(keys, folder + "\U0010ffff")
        return found, last, False

    def _xml(self, query: Mapping[str, str], found: list[tuple[str, bool]], last: str, more: bool) -> bytes:
        coded = query.get("encoding-type") == "url"

        def text(name: str) -> str:
            return escape(quote(name, safe="/") if coded else name)

        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
            f"<Name>{escape(self.name or 'bucket')}</Name><Prefix>{text(query.get('prefix', ''))}</Prefix>",
            f"<KeyCount>{len(found)}</KeyCount><MaxKeys>{escape(query.get('max-keys', '1000'))}</MaxKeys>",
            "<EncodingType>url</EncodingType>" if coded else "",
            f"<Delimiter>{text(query['delimiter'])}</Delimiter>" if query.get("delimiter") else "",
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>",
        ]
        if more:
            token = base64.urlsafe_b64encode(last.encode()).decode()
            parts.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
        for name, folder in found:
            if folder:
                parts.append(f"<CommonPrefixes><Prefix>{text(name)}</Prefix></CommonPrefixes>")
                continue
            size, md5 = self.facts(name)
            parts.append(
                f"<Contents><Key>{text(name)}</Key><LastModified>2020-11-20T00:00:00.000Z</LastModified>"
                f"<ETag>&quot;{md5}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        return "".join([*parts, "</ListBucketResult>"]).encode()


def _error(code: str, message: str) -> bytes:
    told = f"<Code>{code}</Code><Message>{message}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{told}</Error>'.encode()
