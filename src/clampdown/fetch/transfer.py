"""Law: one request and what became of it stand together; nothing else is known of either."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from clampdown.errors import Error
from clampdown.fetch import faults
from clampdown.fetch.sinks import Memory, Sink
from clampdown.fetch.wanted import Secret

_PART: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")  # RFC 9110, 14.4


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
    begins: int = 0  # the byte that was asked for first
    whole: int | None = None  # bytes that there are, where the answer is a part and says so
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
        self.status, self.headers, self.whole = status, headers, None
        if status == 206:
            self._begin_part()
        if status == 200:
            if self.sink.received:
                self.sink.restart()  # the service does not go on, it begins anew
            etag = headers.get("etag", "")
            # A weak one names no bytes; what was unpacked on the way has other bytes than those it names.
            as_sent = "content-encoding" not in headers and ("content-length" in headers or not self.packed)
            self.sink.etag = etag if etag.startswith('"') and as_sent else None

    def _begin_part(self) -> None:
        """A part is one that was asked for, and begins where ours ends; else it would be taken for the whole."""
        part = _PART.fullmatch(self.headers.get("content-range", "").strip())
        if not self.begins or part is None or int(part[1]) != self.begins or int(part[2]) < self.begins:
            self.sink.restart()
            self.trouble = self.told(faults.OTHER_PART)
        elif part[3] != "*":
            self.whole = int(part[3])

    @property
    def carries(self) -> bool:
        """Is the body what was asked for, and no page that says why not?"""
        return self.status in (200, 206) and self.trouble is None

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
