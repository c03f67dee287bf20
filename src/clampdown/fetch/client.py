"""Law: every byte that comes in came through here: by our manners, from the host that was named, or not at all.

Requests go out by `wire.py`; when, how often, and what an answer is worth is decided here, in one thread: redirects
stay within their host, failed requests wait, answers that are no answers are told in words (`faults.py`).
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from clampdown.errors import Error, FetchError
from clampdown.fetch import faults
from clampdown.fetch.manners import Budget, Manners, retry_after
from clampdown.fetch.sinks import Memory
from clampdown.fetch.transfer import Answer, Transfer, answer_of
from clampdown.fetch.wanted import Secret
from clampdown.fetch.wire import Wire

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Client:
    """The one way out. Not to be shared between threads; close it, or use it as a context."""

    def __init__(self, manners: Manners | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.manners = manners or Manners()
        self.budget = Budget(self.manners)
        self.requests = 0  # sent, retries included
        self._clock = clock
        self._end = clock() + self.manners.total - self.manners.spent if self.manners.total else None
        self._not_before = 0.0
        self._wire = Wire(self.manners)
        self._order = itertools.count()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

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
        # As many again wait for a connection, so that none is idle while this thread does something else.
        sent = most if self.manners.pause else 2 * most
        exhausted = False
        try:
            while True:
                while self._wire.live < sent and self._clock() >= self._not_before:
                    transfer = self._due(later) or (first.popleft() if first else None)
                    if transfer is None and not exhausted:
                        transfer = next(source, None)
                        exhausted = transfer is None
                    if transfer is None:
                        break
                    self._start(transfer, most)
                    if self.manners.pause:
                        self._not_before = max(self._not_before, self._clock() + self.manners.pause)
                if not self._wire.live and not later and not first and exhausted:
                    return
                self._check_time()
                for done in self._step(later):
                    wait = self._again(done)
                    if wait is None:
                        yield done
                    else:
                        heapq.heappush(later, (self._clock() + wait, next(self._order), done))
        finally:
            if self._wire.live:  # an end before its time
                self._wire.hang_up()

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
        now = self._clock()
        self._wire.hold(back=self._not_before > now and not self.manners.pause)
        ends = [at for at, _, _ in later[:1]] + [self._not_before] * (self._not_before > now)
        wait = min(0.2, max(0.001, min(ends, default=now + 1) - now))
        if not self._wire.live:
            time.sleep(wait)
            return
        done = self._wire.take(wait)
        while done is not None:
            done.fault = self._fault(done)
            yield done
            done = self._wire.take(0)

    def _start(self, transfer: Transfer, parallel: int) -> None:
        transfer.tries += 1
        self.requests += 1
        transfer.status, transfer.headers, transfer.trouble = 0, {}, None
        transfer.worth, transfer.moved = False, False
        self._wire.send(transfer, parallel=parallel)

    def _fault(self, transfer: Transfer) -> Error | None:
        """Did it go well?"""
        status = transfer.status
        if transfer.trouble is not None:
            return transfer.trouble
        if status in _REDIRECTS:
            return self._redirect(transfer)
        if status == 304 and (transfer.etag or transfer.modified):
            return None
        if status == 416 and transfer.sink.received:  # there is no rest: begin anew
            transfer.sink.restart()
            return transfer.told(faults.Kind("the service does not go on where it stopped"))
        if status not in (200, 206):
            return transfer.told(faults.by_status(status))
        if transfer.whole is not None and transfer.sink.received != transfer.whole:
            return transfer.told(faults.Kind(f"{transfer.sink.received:,} of {transfer.whole:,} bytes came"))
        if transfer.size is not None and transfer.sink.received != transfer.size:
            kind = faults.Kind(f"{transfer.sink.received:,} bytes came, and the listing says {transfer.size:,}")
            transfer.sink.etag = None  # not a part of what we want
            return transfer.told(kind)
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
            return transfer.told(faults.Kind("it redirects in a circle", again=False))
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
