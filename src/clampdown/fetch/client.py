"""Law: every byte that comes in came through here: by our manners, from the host that was named, or not at all.

One thread, many transfers (libcurl's multi interface): connections are used again, redirects stay within their host,
only http and https are spoken, certificates are checked. Answers that are no answers are told in words (`faults.py`).
"""

from __future__ import annotations

import heapq
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import certifi
import pycurl

from clampdown.errors import Error, FetchError
from clampdown.fetch import faults
from clampdown.fetch.manners import Budget, Manners, retry_after
from clampdown.fetch.sinks import Memory, Sink
from clampdown.fetch.wanted import Secret

_MOST_HEAD: Final = 256 << 10  # bytes of headers
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RESUMES: Final = 1 << 20  # bytes from which a broken transfer is worth going on with


@dataclass(slots=True)
class Transfer:
    """One request, and what became of it."""

    url: str
    sink: Sink
    token: Secret | None = None
    etag: str | None = None  # of what is here: 304 where nothing changed
    modified: str | None = None
    size: int | None = None  # that it must have
    most: int | None = None  # that it may have
    packed: bool = False  # may be packed on the way
    leads_to: tuple[str, ...] = ()  # other hosts that it may redirect to, by https and without a token
    tag: Any = None
    # what became of it
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    fault: Error | None = None
    tries: int = 0
    hops: int = 0
    place: str = ""  # where redirects led
    head: int = 0
    trouble: Error | None = None  # found by our own side while bytes came in
    worth: bool = False  # may another try go well?
    moved: bool = False  # redirected within its host


@dataclass(frozen=True, slots=True)
class Answer:
    """A small answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str


class Client:
    """The one way out. Not to be shared between threads; close it, or use it as a context."""

    def __init__(self, manners: Manners | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.manners = manners or Manners()
        self.budget = Budget(self.manners)
        self.requests = 0  # sent, retries included
        self._clock = clock
        self._end = clock() + self.manners.total if self.manners.total else None
        self._not_before = 0.0
        self._multi = pycurl.CurlMulti()
        self._free: list[pycurl.Curl] = []
        self._live: dict[pycurl.Curl, Transfer] = {}
        self._order = itertools.count()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        for handle in list(self._live):
            self._multi.remove_handle(handle)
            handle.close()
        self._live.clear()
        for handle in self._free:
            handle.close()
        self._free.clear()
        self._multi.close()

    def get(
        self, url: str, *, token: Secret | None = None, most: int | None = None, etag: str | None = None,
        modified: str | None = None, leads_to: tuple[str, ...] = (),
    ) -> Answer:  # fmt: skip
        """A small document: its body where the status is 200 (empty at 304); a FetchError otherwise."""
        one = self.document(url, token=token, most=most)
        one.etag, one.modified, one.leads_to = etag, modified, leads_to
        for done in self.run([one], parallel=1):
            if done.fault is not None:
                raise done.fault
        return answer_of(one)

    def document(self, url: str, *, token: Secret | None = None, most: int | None = None, tag: Any = None) -> Transfer:
        """A transfer of a small document, for `run`."""
        return Transfer(url, Memory(), token=token, most=most or self.manners.most_answer, packed=True, tag=tag)

    def run(
        self, transfers: Iterable[Transfer], *, parallel: int | None = None, more: deque[Transfer] | None = None
    ) -> Generator[Transfer, None, None]:
        """Transfers as they are done, well or not (`fault`), in no promised order. What is put into `more` meanwhile is
        taken first. They are asked for as connections become free, so a long list costs nothing."""
        source: Iterator[Transfer] = iter(transfers)
        first = deque[Transfer]() if more is None else more
        later: list[tuple[float, int, Transfer]] = []
        most = max(1, parallel or self.manners.parallel)
        exhausted = False
        try:
            while True:
                while len(self._live) < most and self._clock() >= self._not_before:
                    transfer = self._due(later) or (first.popleft() if first else None)
                    if transfer is None and not exhausted:
                        transfer = next(source, None)
                        exhausted = transfer is None
                    if transfer is None:
                        break
                    self._start(transfer)
                    if self.manners.pause:
                        self._not_before = max(self._not_before, self._clock() + self.manners.pause)
                if not self._live and not later and not first and exhausted:
                    return
                self._check_time()
                for done in self._step(later):
                    wait = self._again(done)
                    if wait is None:
                        yield done
                    else:
                        heapq.heappush(later, (self._clock() + wait, next(self._order), done))
        finally:
            for handle in list(self._live):  # an end before its time: hang up
                self._multi.remove_handle(handle)
                self._live.pop(handle)
                handle.close()

    def _check_time(self) -> None:
        if self._end is not None and self._clock() >= self._end:
            hint = "What was brought is kept: run the same command again, or raise fetch_total"
            raise FetchError(f"the time for this run is over ({self.manners.total:g} s)", hint=hint, whole=True)

    def _due(self, later: list[tuple[float, int, Transfer]]) -> Transfer | None:
        if later and later[0][0] <= self._clock():
            return heapq.heappop(later)[2]
        return None

    def _step(self, later: list[tuple[float, int, Transfer]]) -> Iterator[Transfer]:
        """Let bytes move, and hand out what ended."""
        if not self._live:
            now = self._clock()
            ends = [at for at, _, _ in later[:1]] + [self._not_before] * (self._not_before > now)
            time.sleep(min(0.2, max(0.001, min(ends, default=now) - now)))
            return
        while True:
            code, _ = self._multi.perform()
            if code != pycurl.E_CALL_MULTI_PERFORM:
                break
        some = False
        while True:
            queued, good, bad = self._multi.info_read()
            for handle in good:
                some = True
                yield self._ended(handle, 0, "")
            for handle, number, text in bad:
                some = True
                yield self._ended(handle, number, text)
            if not queued:
                break
        if not some:
            self._multi.select(0.1)

    def _start(self, transfer: Transfer) -> None:
        transfer.tries += 1
        self.requests += 1
        handle = self._free.pop() if self._free else self._new()
        self._aim(handle, transfer)
        self._live[handle] = transfer
        self._multi.add_handle(handle)

    def _new(self) -> pycurl.Curl:
        """A handle with what never changes."""
        manners, handle = self.manners, pycurl.Curl()
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.USERAGENT, manners.agent)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        handle.setopt(pycurl.FOLLOWLOCATION, 0)
        handle.setopt(pycurl.CONNECTTIMEOUT, int(manners.connect))
        handle.setopt(pycurl.LOW_SPEED_LIMIT, 1024)
        handle.setopt(pycurl.LOW_SPEED_TIME, max(1, int(manners.stall)))
        handle.setopt(pycurl.BUFFERSIZE, 256 << 10)
        handle.setopt(pycurl.CAINFO, manners.roots or os.environ.get("SSL_CERT_FILE") or certifi.where())
        if manners.proxy:  # else libcurl takes http_proxy, https_proxy, all_proxy and no_proxy of the environment
            handle.setopt(pycurl.PROXY, manners.proxy)
        return handle

    def _aim(self, handle: pycurl.Curl, transfer: Transfer) -> None:
        """Point a handle at a request."""
        sink = transfer.sink
        sink.open()
        goes_on = sink.received >= _RESUMES and sink.etag is not None
        if not goes_on and sink.received:
            sink.restart()
        headers: list[str] = ["Expect:"]
        if goes_on:
            headers += [f"Range: bytes={sink.received}-", f"If-Range: {sink.etag}"]
        elif transfer.etag:
            headers.append(f"If-None-Match: {transfer.etag}")
        elif transfer.modified:
            headers.append(f"If-Modified-Since: {transfer.modified}")
        if transfer.token is not None:
            headers.append(f"Authorization: Bearer {transfer.token.reveal()}")
        transfer.status, transfer.head, transfer.trouble = 0, 0, None
        transfer.worth, transfer.moved = False, False
        transfer.headers = {}
        # What a server said wrongly may still lie in the connection: another try gets one of its own.
        handle.setopt(pycurl.FRESH_CONNECT, int(transfer.tries > 1))
        handle.setopt(pycurl.URL, (transfer.place or transfer.url).encode())
        handle.setopt(pycurl.HTTPHEADER, headers)
        handle.setopt(pycurl.ACCEPT_ENCODING, "gzip") if transfer.packed else handle.unsetopt(pycurl.ACCEPT_ENCODING)
        handle.setopt(pycurl.TIMEOUT, int(self.manners.answer) if isinstance(sink, Memory) else 0)
        handle.setopt(pycurl.HEADERFUNCTION, lambda line: self._header(transfer, line))
        handle.setopt(pycurl.WRITEFUNCTION, lambda data: self._body(transfer, data))

    def _header(self, transfer: Transfer, line: bytes) -> int | None:
        transfer.head += len(line)
        if transfer.head > _MOST_HEAD:
            transfer.trouble = self._told(transfer, faults.Kind("its headers never end"))
            return -1
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/"):
            parts = text.split(None, 2)
            transfer.status = int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0
            transfer.headers = {}
            return None
        name, colon, value = text.partition(":")
        if colon:
            transfer.headers[name.strip().lower()] = value.strip()
        elif not text and transfer.status == 200:
            if transfer.sink.received:
                transfer.sink.restart()  # the service does not go on, it begins anew
            etag, packed = transfer.headers.get("etag", ""), "content-encoding" in transfer.headers
            transfer.sink.etag = etag if etag.startswith('"') and not packed else None  # a weak one names no bytes
        return None

    def _body(self, transfer: Transfer, data: bytes) -> int | None:
        if transfer.status not in (200, 206):
            return None  # the page that says why not
        sink = transfer.sink
        most = transfer.size if transfer.size is not None else transfer.most
        if most is not None and sink.received + len(data) > most:
            said = "the listing says" if transfer.size is not None else "we take"
            hint = "It may have changed meanwhile: run the same command again"
            kind = faults.Kind(f"more bytes come than {said} ({most:,})", hint, again=False)
            transfer.trouble = self._told(transfer, kind)
            return -1
        try:
            sink.write(data)
        except Error as fault:  # the disk
            transfer.trouble = fault
            return -1
        return None

    def _ended(self, handle: pycurl.Curl, number: int, text: str) -> Transfer:
        self._multi.remove_handle(handle)
        transfer = self._live.pop(handle)
        self._free.append(handle)
        transfer.fault = self._fault(transfer, number, text)
        return transfer

    def _told(self, transfer: Transfer, kind: faults.Kind) -> Error:
        transfer.worth = kind.again
        return faults.told(kind, transfer.url, status=transfer.status or None, tries=transfer.tries)

    def _fault(self, transfer: Transfer, number: int, text: str) -> Error | None:
        """Did it go well?"""
        status = transfer.status
        if transfer.trouble is not None:
            return transfer.trouble
        if number:
            return self._told(transfer, faults.by_code(number, text))
        if status in _REDIRECTS:
            return self._redirect(transfer)
        if status == 304 and (transfer.etag or transfer.modified):
            return None
        if status == 416 and transfer.sink.received:  # there is no rest: begin anew
            transfer.sink.restart()
            return self._told(transfer, faults.Kind("the service does not go on where it stopped"))
        if status not in (200, 206):
            return self._told(transfer, faults.by_status(status))
        if transfer.size is not None and transfer.sink.received != transfer.size:
            kind = faults.Kind(f"{transfer.sink.received:,} bytes came, and the listing says {transfer.size:,}")
            transfer.sink.etag = None  # not a part of what we want
            return self._told(transfer, kind)
        return None

    def _redirect(self, transfer: Transfer) -> Error | None:
        """Follow within the host (http may become https), or to hosts that were named; anything else is refused."""
        here = transfer.place or transfer.url
        location = transfer.headers.get("location", "")
        target = urljoin(here, location)
        one, other = urlsplit(here), urlsplit(target)
        same = one.hostname == other.hostname and (
            (one.scheme, one.port) == (other.scheme, other.port) or (one.scheme == "http" and other.scheme == "https")
        )
        named = other.scheme == "https" and other.port is None and other.hostname in transfer.leads_to
        same = same or (named and transfer.token is None)
        transfer.hops += 1
        if not same or not location:
            return faults.elsewhere(transfer.url, target if location else "")
        if transfer.hops > self.manners.hops:
            return self._told(transfer, faults.Kind("it redirects in a circle", again=False))
        transfer.place, transfer.moved = target, True
        return None

    def _again(self, transfer: Transfer) -> float | None:
        """Seconds until the next try; None: it is done, or it is no use."""
        fault = transfer.fault
        if transfer.moved:
            transfer.tries -= 1
            return 0.0
        if fault is None:
            self.budget.success()
            return None
        if not transfer.worth or not isinstance(fault, FetchError) or transfer.tries >= self.manners.tries:
            return None
        now = datetime.now(UTC)
        asked = retry_after(transfer.headers.get("retry-after"), now) if transfer.status in (429, 503) else None
        if asked is not None and asked > self.manners.patience:
            fault.what = f"the service asks to be left alone for {asked:,.0f} s"
            fault.hint, fault.whole = "Run the same command then: it goes on where it stopped", True
            return None
        if not self.budget.spend():
            fault.what += ", and so many requests before it failed that this run leaves the service alone"
            fault.whole = True
            return None
        wait = self.budget.wait(transfer.tries)
        if asked is not None:
            wait += asked
            self._not_before = max(self._not_before, self._clock() + asked)  # it is asked of all our requests
        return wait


def answer_of(transfer: Transfer) -> Answer:
    """A small answer that is done."""
    sink = transfer.sink
    assert isinstance(sink, Memory)  # noqa: S101 - `document` made it
    return Answer(transfer.status, transfer.headers, sink.bytes(), transfer.url)
