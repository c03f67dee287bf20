"""Law: upstreams are played by a real server on loopback, under their own paths, with validators as they send them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from clampdown.fetch.upstreams import Upstream, Upstreams, upstreams

RAW = "raw.githubusercontent.com"
FP_HEAD = (
    "name,scope,other_names,location_found,pattern_type,pattern,"
    "confidence_no_fp,expected_countries,source,exp_url,notes"
)
COMMITS = "/api.github.com/repos/"


def fingerprints(n: int, *, word: str = "page", broken: int = 0) -> bytes:
    """A table in the form of blocking-fingerprints."""
    rows = [f"made.{i},nat,,body,contains,{word} {i} of the censor,5,XA,made,," for i in range(n)]
    rows += [f"made.broken.{i},nat,,nowhere,contains,x,5,XA,made,," for i in range(broken)]
    return "\n".join([FP_HEAD, *rows, ""]).encode()


def sites(*rows: tuple[str, str]) -> bytes:
    """A testing list."""
    head = "url,category_code,category_description,date_added,source,notes"
    return "\n".join([head, *(f"https://{host}/,{code},x,2024-01-01,made," for host, code in rows), ""]).encode()


def statistics(day: str, n: int, *, salt: str = "") -> bytes:
    """A registry's statistics; the ids of holders are new every day."""
    rows = [f"ripencc|XA|asn|{64496 + i}|1|20200101|allocated|{salt}{i:08x}" for i in range(n)]
    head = [f"2|ripencc|{day}|{n}|19830705|{day}|+0100", f"ripencc|*|asn|*|{n}|summary"]
    return "\n".join([*head, *rows, ""]).encode()


class Served:
    """What the server has, by path; `asked` counts requests and `sent` the answers by status."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.files: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.status: dict[str, int] = {}
        self.asked: Counter[str] = Counter()
        self.sent: Counter[int] = Counter()

    def put(self, path: str, data: bytes, **headers: str) -> None:
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        self.files[path] = (data, {"ETag": etag, **{k.replace("_", "-"): v for k, v in headers.items()}})

    def commit(self, repository: str, branch: str, file: str, data: bytes, sha: str, day: str) -> None:
        """A new version of a file of a repository: the list of commits, the branch, and the commit itself."""
        listing = [{"sha": sha, "commit": {"committer": {"name": "x", "date": f"{day}T12:00:00Z"}}}]
        self.put(f"{COMMITS}{repository}/commits?path={file}&per_page=1", json.dumps(listing).encode())
        for at in (branch, sha):
            self.put(f"/{RAW}/{repository}/{at}/{file}", data)

    def fingerprints(self, data: bytes, sha: str = "a1", day: str = "2024-01-10", which: str = "http") -> None:
        self.commit("ooni/blocking-fingerprints", "main", f"fingerprints_{which}.csv", data, sha, day)

    def sites(self, data: bytes, sha: str = "b1", day: str = "2024-01-11", cc: str = "global") -> None:
        self.commit("citizenlab/test-lists", "master", f"lists/{cc}.csv", data, sha, day)

    def statistics(self, data: bytes, said: bytes | None = None) -> None:
        at = "/ftp.ripe.net/pub/stats/ripencc/delegated-ripencc-extended-latest"
        self.put(at, data)
        digest = hashlib.md5(data if said is None else said).hexdigest()
        self.put(f"{at}.md5", f"MD5 (delegated-ripencc-extended-latest) = {digest}".encode())

    def all(self) -> None:
        """The usual set, once."""
        self.fingerprints(fingerprints(30))
        self.fingerprints(fingerprints(25, word="answer"), "a2", which="dns")
        self.sites(sites(("denied.example", "NEWS"), ("given.example", "COMT")))

    def table(self) -> Upstreams:
        """The package's own table, with every address led here."""
        own = upstreams()
        return replace(own, rows=tuple(self._here(row) for row in own.rows))

    def _here(self, row: Upstream) -> Upstream:
        def led(address: str) -> str:
            parts = urlsplit(address)
            query = f"?{parts.query}" if parts.query else ""
            return f"{self.base}/{parts.netloc}{parts.path}{query}" if address else ""

        names = ("address", "versions", "versioned", "md5")
        return replace(row, **{name: led(getattr(row, name)) for name in names})


@contextmanager
def serving() -> Iterator[Served]:
    """A server that runs as long as it is wanted."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet

        def do_GET(self) -> None:
            served.asked[self.path] += 1
            data, headers = served.files.get(self.path, (b"no such file", {}))
            status = served.status.get(self.path) or (200 if self.path in served.files else 404)
            etag = headers.get("ETag")
            modified = headers.get("Last-Modified")
            asked = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
            if status == 200 and ((etag and etag == asked[0]) or (not asked[0] and modified and modified == asked[1])):
                status, data = 304, b""
            served.sent[status] += 1
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
