"""Law: a small object storage on loopback that keeps every condition, and misbehaves when told to.

It knows what a store asks of S3 and no more. Every change happens under one lock, so that a condition and the write
under it are one step (in moto's server they are two). Its clock may be turned. Signatures are not checked, the name
of the key is.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import Request, urlopen
from xml.sax.saxutils import escape, unescape

from clampdown.store.access import Access
from clampdown.store.bucket import Patience
from clampdown.store.objects import ObjectStorage

KEY, SECRET = "KEYOFTHETESTS", "a-secret-that-is-never-shown"
QUICK = Patience(connect=2, silence=5, total=10, tries=6, first=0.01)
BUCKET, PREFIX = "bucket", "p/q"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Kept:
    data: bytes
    etag: str
    modified: datetime
    marks: dict[str, str]


@dataclass
class Fault:
    """What happens to a request in place of (`before`), or after, doing what it asks."""

    status: int = 0  # 0: the connection is cut
    code: str = ""
    before: bool = True
    wait: float = 0  # seconds, and then it is done as usual


@dataclass
class World:
    """What the server keeps and how it behaves; `asked` is every request so far: method, key."""

    kept: dict[str, Kept] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    fault: Callable[[str, str, int], Fault | None] = lambda _method, _key, _number: None
    clock: timedelta = timedelta()
    heeds: bool = True  # conditions of writes
    page: int = 50
    listing: tuple[int, bytes] | None = None  # what every listing is answered with
    lock: threading.RLock = field(default_factory=threading.RLock)
    url: str = ""

    def access(self, key: str = KEY) -> Access:
        return Access(endpoint=self.url, region="us-east-1", key_id=key, secret=SECRET)

    def storage(self, prefix: str = PREFIX, **given: Any) -> ObjectStorage:
        return ObjectStorage(f"s3://{BUCKET}/{prefix}", self.access(), **({"patience": QUICK} | given))

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def files(self, top: str = "") -> dict[str, bytes]:
        """What lies below a folder of the store."""
        start = f"{PREFIX}/"
        return {k[len(start) :]: v.data for k, v in self.kept.items() if k.startswith(start + top)}


@contextmanager
def served(world: World | None = None) -> Generator[World, None, None]:
    world = world or World()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"world": world}))
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def moto() -> Generator[Access, None, None]:
    """The S3 of moto, with an empty bucket. Its conditions and its writes are two steps: no place for races."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        for path, method in (("/moto-api/reset", "POST"), (f"/{BUCKET}", "PUT")):
            urlopen(Request(url + path, method=method)).close()
        yield Access(endpoint=url, region="us-east-1", key_id=KEY, secret=SECRET)
    finally:
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_any(self) -> None:
        parts = urlsplit(self.path)
        _, bucket, *rest = unquote(parts.path).split("/", 2)
        key = rest[0] if rest else ""
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.world.lock:
            number = len(self.world.asked)
            self.world.asked.append((self.command, key))
            fault = self.world.fault(self.command, key, number)
        if fault is not None and fault.wait:
            time.sleep(fault.wait)
            fault = None
        if fault is not None and fault.before:
            return self._misbehave(fault)
        with self.world.lock:
            answer = self._refused(bucket) or self._do(key, query, body)
        if fault is not None:
            return self._misbehave(fault)
        return self._answer(*answer)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_any  # noqa: N815 - names of the standard library

    def _refused(self, bucket: str) -> Answer | None:
        name = re.search(r"Credential=([^/]+)/", self.headers.get("authorization") or "")
        if name is None or name[1] != KEY:
            return _refusal(403, "InvalidAccessKeyId")
        return None if bucket == BUCKET else _refusal(404, "NoSuchBucket")

    def _misbehave(self, fault: Fault) -> None:
        if fault.status:
            self._answer(*_refusal(fault.status, fault.code))
        else:
            self.close_connection = True

    def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in ({"content-length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # nobody waits any more
                self.wfile.write(data)

    def _do(self, key: str, query: dict[str, str], body: bytes) -> Answer:
        kept = self.world.kept
        if not key:
            if "delete" not in query and self.world.listing is not None:
                return self.world.listing[0], {"content-type": "text/html"}, self.world.listing[1]
            return self._delete_some(body) if "delete" in query else self._list(query)
        if "uploads" in query or "uploadId" in query:
            return self._upload(key, query, body)
        if self.command == "PUT":
            return self._put(key, body)
        if self.command == "DELETE":
            kept.pop(key, None)
            return 204, {}, b""
        return self._get(kept[key]) if key in kept else _refusal(404, "NoSuchKey")

    def _put(self, key: str, body: bytes) -> Answer:
        known, absent, match = self.world.kept.get(key), self.headers.get("if-none-match"), self.headers.get("if-match")
        if self.world.heeds:
            if absent == "*" and known is not None:
                return _refusal(412, "PreconditionFailed")
            if match is not None and known is None:
                return _refusal(404, "NoSuchKey")
            if match is not None and known is not None and known.etag != match:
                return _refusal(412, "PreconditionFailed")
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        marks = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
        self.world.kept[key] = Kept(body, etag, datetime.now(UTC) + self.world.clock, marks)
        return 200, {"etag": etag}, b""

    def _get(self, one: Kept) -> Answer:
        size = len(one.data)
        headers = {"etag": one.etag, "last-modified": format_datetime(one.modified, usegmt=True), **one.marks}
        if self.command == "HEAD":
            return 200, headers | {"content-length": str(size)}, b""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range") or "")
        if asked is None:
            return 200, headers, one.data
        start = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
        end = min(size, int(asked[2]) + 1) if asked[1] and asked[2] else size
        if start >= end:
            return _refusal(416, "InvalidRange")
        return 206, headers | {"content-range": f"bytes {start}-{end - 1}/{size}"}, one.data[start:end]

    def _list(self, query: dict[str, str]) -> Answer:
        prefix, after, cut = query.get("prefix", ""), query.get("continuation-token", ""), query.get("delimiter")
        rest = {key: key[len(prefix) :] for key in sorted(self.world.kept) if key.startswith(prefix)}
        names = dict.fromkeys(
            prefix + tail.split(cut)[0] + cut if cut and cut in tail else k for k, tail in rest.items()
        )
        rows = [name for name in names if name > after]
        page, more = rows[: self.world.page], rows[self.world.page :]
        text = "".join(self._row(name) for name in page)
        follows = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        whole = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{follows}{text}"
        return 200, {}, f"<ListBucketResult>{whole}</ListBucketResult>".encode()

    def _row(self, name: str) -> str:
        one = self.world.kept.get(name)
        if one is None:
            return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        facts = f"<LastModified>{one.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified><Size>{len(one.data)}</Size>"
        return f"<Contents><Key>{escape(name)}</Key>{facts}<ETag>{escape(one.etag)}</ETag></Contents>"

    def _delete_some(self, body: bytes) -> Answer:
        keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
        for key in keys:
            self.world.kept.pop(unescape(key), None)
        rows = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        return 200, {}, f"<DeleteResult>{rows}</DeleteResult>".encode()

    def _upload(self, key: str, query: dict[str, str], body: bytes) -> Answer:
        uploads, tag = self.world.uploads, "InitiateMultipartUploadResult"
        if "uploads" in query:
            uploads[key] = {}
            return 200, {}, f"<{tag}><UploadId>{escape(key)}</UploadId></{tag}>".encode()
        if self.command == "PUT":
            uploads[key][int(query["partNumber"])] = body
            return 200, {"etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}, b""
        parts = uploads.pop(key)
        if self.command == "DELETE":
            return 204, {}, b""
        self._put(key, b"".join(data for _, data in sorted(parts.items())))
        return 200, {}, b"<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>"


def _refusal(status: int, code: str) -> Answer:
    told = f"<AWSAccessKeyId>{KEY}</AWSAccessKeyId><StringToSign>{SECRET}</StringToSign>"  # as real ones do
    return status, {}, f"<Error><Code>{code}</Code>{told}</Error>".encode() if code else b""
