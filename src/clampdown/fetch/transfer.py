"""Law: one request and what became of it stand together; nothing else is known of either."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clampdown.errors import Error
from clampdown.fetch import faults
from clampdown.fetch.sinks import Memory, Sink
from clampdown.fetch.wanted import Secret


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
    trouble: Error | None = None  # found while bytes came in
    worth: bool = False  # may another try go well?
    moved: bool = False  # redirected within its host

    def told(self, kind: faults.Kind) -> Error:
        """The error that this kind of fault is."""
        self.worth = kind.again
        return faults.told(kind, self.url, status=self.status or None, tries=self.tries)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head of the answer has come."""
        self.status, self.headers = status, headers
        if status == 200:
            if self.sink.received:
                self.sink.restart()  # the service does not go on, it begins anew
            etag = headers.get("etag", "")
            # A weak one names no bytes; what was unpacked on the way has other bytes than those it names.
            as_sent = "content-encoding" not in headers and ("content-length" in headers or not self.packed)
            self.sink.etag = etag if etag.startswith('"') and as_sent else None

    @property
    def carries(self) -> bool:
        """Is the body what was asked for, and no page that says why not?"""
        return self.status in (200, 206)

    def take(self, data: bytes | memoryview) -> None:
        """A piece of the body."""
        most = self.size if self.size is not None else self.most
        if most is not None and self.sink.received + len(data) > most:
            said = "the listing says" if self.size is not None else "we take"
            hint = "It may have changed meanwhile: run the same command again"
            self.trouble = self.told(faults.Kind(f"more bytes come than {said} ({most:,})", hint, again=False))
            return
        try:
            self.sink.write(data)
        except Error as fault:  # the disk
            self.trouble = fault


@dataclass(frozen=True, slots=True)
class Answer:
    """A small answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str


def answer_of(transfer: Transfer) -> Answer:
    """A small answer that is done."""
    sink = transfer.sink
    assert isinstance(sink, Memory)  # noqa: S101 - `Client.document` made it
    return Answer(transfer.status, transfer.headers, sink.bytes(), transfer.url)
