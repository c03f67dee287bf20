"""Law: a request goes out as it was made, over a connection used again, and its answer comes in piece by piece.

Each request under way has a thread, which waits in `pyreqwest` (hyper and rustls below it) with the interpreter free
for others. Only http and https are spoken, certificates are checked, redirects are not followed here.
"""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import certifi
from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import HeaderMap
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.response import SyncResponse

from clampdown.errors import Error
from clampdown.fetch import faults
from clampdown.fetch.manners import Manners
from clampdown.fetch.sinks import Memory
from clampdown.fetch.transfer import Transfer

_RESUMES: Final = 1 << 20  # bytes from which a broken transfer is worth going on with
_SLOW: Final = 1024  # bytes a second; less for as long as `stall` is a fault
_DRAINED: Final = 64 << 10  # bytes of a page that says why not, read so that the connection can be used again
_LETS_GO: Final = 0.5  # seconds that a thread has to notice that we hung up: a service that speaks wakes it sooner


@dataclass(slots=True)
class _Crew:
    """Threads that carry requests, until they are told that it is over."""

    work: SimpleQueue[tuple[SyncClient, Transfer] | None] = field(default_factory=SimpleQueue)
    done: SimpleQueue[tuple[Transfer, BaseException | None]] = field(default_factory=SimpleQueue)
    threads: int = 0
    live: int = 0  # requests that were sent here, those that wait for a thread included
    over: bool = False
    may_go: threading.Event = field(default_factory=threading.Event)


class Wire:
    """Requests under way. `send` and `take` belong to one thread."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._clients: dict[bool, SyncClient] = {}
        self._crew = _Crew()

    @property
    def live(self) -> int:
        """How many requests are under way, or wait to be."""
        return self._crew.live

    def hold(self, *, back: bool) -> None:
        """Keep what waits from going out, or let it go."""
        if back:
            self._crew.may_go.clear()
        else:
            self._crew.may_go.set()

    def send(self, transfer: Transfer, *, parallel: int) -> None:
        """Put a request on its way, once fewer than `parallel` are."""
        client, crew = self._client(packed=transfer.packed), self._crew
        crew.live += 1
        if crew.threads < min(crew.live, parallel):
            crew.threads += 1
            # A read that waits for a silent service cannot be broken off: the end of the program does not wait for it.
            threading.Thread(target=self._serve, args=(crew,), name="fetch", daemon=True).start()
        crew.work.put((client, transfer))

    def take(self, wait: float) -> Transfer | None:
        """One that ended, well or with its `trouble`; None where none did in this time (seconds)."""
        try:
            transfer, fault = self._crew.done.get(timeout=wait)
        except Empty:
            return None
        self._crew.live -= 1
        if fault is not None:
            raise fault
        return transfer

    def hang_up(self) -> None:
        """End all that is under way: no more bytes are taken. A thread that waits for a silent service is left to its
        end, and not heard."""
        crew, self._crew = self._crew, _Crew()
        crew.over = True
        crew.may_go.set()
        end = time.monotonic() + _LETS_GO
        while crew.live and time.monotonic() < end:
            with suppress(Empty):
                crew.done.get(timeout=end - time.monotonic())
                crew.live -= 1
        for _ in range(crew.threads):
            crew.work.put(None)
        clients = list(self._clients.values())
        self._clients.clear()
        if not crew.live:  # a client that is closed while its answer is read would keep the reader for ever
            for client in clients:
                client.close()

    def close(self) -> None:
        """Hang up for good."""
        self.hang_up()

    def _serve(self, crew: _Crew) -> None:
        """What a thread does."""
        while (job := crew.work.get()) is not None:
            client, transfer = job
            crew.may_go.wait()
            crew.done.put((transfer, None if crew.over else self._carry(crew, client, transfer)))

    def _client(self, *, packed: bool) -> SyncClient:
        if packed not in self._clients:
            self._clients[packed] = _built(self._manners, packed=packed)
        return self._clients[packed]

    def _carry(self, crew: _Crew, client: SyncClient, transfer: Transfer) -> BaseException | None:
        """One request; a fault of our own comes back, to be raised where somebody hears it."""
        try:
            self._exchange(crew, client, transfer)
        except Error as known:
            transfer.trouble = known
        except PyreqwestError as wrong:
            transfer.trouble = transfer.told(faults.by_exception(wrong, proxied=self._manners.proxy is not None))
        except BaseException as bug:
            return bug
        return None

    def _exchange(self, crew: _Crew, client: SyncClient, transfer: Transfer) -> None:
        try:
            request = client.get(transfer.place or transfer.url)
        except ValueError as wrong:
            raise transfer.told(faults.NO_ADDRESS) from wrong
        request = request.headers(_headers(transfer))
        request = request.streamed_read_buffer_limit(0)  # else a slow body comes only when it is whole
        if transfer.token is not None:
            request = request.header("Authorization", f"Bearer {transfer.token.reveal()}", is_sensitive=True)
        if isinstance(transfer.sink, Memory):
            request = request.timeout(timedelta(seconds=self._manners.answer))
        with request.build_streamed() as response:
            transfer.begin(response.status, _read(response.headers))
            if transfer.carries:
                self._body(crew, response, transfer)
            elif int(transfer.headers.get("content-length", _DRAINED)) < _DRAINED:
                response.body_reader.bytes()

    def _body(self, crew: _Crew, response: SyncResponse, transfer: Transfer) -> None:
        reader, stall = response.body_reader, self._manners.stall
        began, since = time.monotonic(), transfer.sink.received
        while (data := reader.read_chunk()) is not None and not crew.over:
            transfer.take(memoryview(data))
            if transfer.trouble is not None:
                return
            now = time.monotonic()
            if now - began >= stall:
                if transfer.sink.received - since < _SLOW * (now - began):
                    transfer.trouble = transfer.told(faults.LATE)
                    return
                began, since = now, transfer.sink.received


def _built(manners: Manners, *, packed: bool) -> SyncClient:
    """A client with what never changes."""
    builder = (
        SyncClientBuilder()
        .user_agent(manners.agent)
        .http1_only()
        .follow_redirects(False)
        .referer(False)
        .gzip(packed)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .connect_timeout(timedelta(seconds=manners.connect))
        .read_timeout(timedelta(seconds=manners.stall))
    )
    if manners.proxy:  # else those of the environment: http_proxy, https_proxy, all_proxy, no_proxy
        builder = builder.proxy(ProxyBuilder.all(manners.proxy))
    for root in _roots(manners.roots or os.environ.get("SSL_CERT_FILE") or certifi.where()):
        builder = builder.add_root_certificate_pem(root)
    return builder.build()


def _roots(path: str) -> list[bytes]:
    """Certificates that are trusted beside those that rustls finds on this system."""
    try:
        text = Path(path).read_bytes()
    except OSError as fault:
        raise faults.told(faults.ROOTS, path) from fault
    found = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    if not found:
        raise faults.told(faults.ROOTS, path)
    return found


def _headers(transfer: Transfer) -> list[tuple[str, str]]:
    """Headers of the request; what lies here of a broken transfer is gone on with, or forgotten."""
    sink = transfer.sink
    sink.open()
    transfer.begins = 0
    if sink.received >= _RESUMES and sink.etag is not None:
        transfer.begins = sink.received
        return [("Range", f"bytes={sink.received}-"), ("If-Range", sink.etag)]
    if sink.received:
        sink.restart()
    if transfer.etag:
        return [("If-None-Match", transfer.etag)]
    return [("If-Modified-Since", transfer.modified)] if transfer.modified else []


def _read(headers: HeaderMap) -> dict[str, str]:
    """Headers of the answer, by names in small letters. None that we act on has a value beyond ASCII: such are left."""
    found: dict[str, str] = {}
    for name in headers:
        with suppress(ValueError):
            found[name.lower()] = headers[name]
    return found
