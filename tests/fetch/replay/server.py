"""Law: a real HTTP/1.1 server on loopback: what it sends is what was mounted, but for the faults that were asked for.

Connections are kept; ranges, HEAD and conditional requests are answered (RFC 9110). Every request is written down.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import ssl
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from replay.faults import Fault

_CHUNK = 1 << 16
_MOST_HEAD = 1 << 16


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    target: str  # as it was sent, without scheme and host
    path: str  # decoded
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names


@dataclass
class Reply:
    """One answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Sent:
    """What became of one request."""

    method: str
    target: str
    path: str
    range: str | None
    agent: str
    secret: str  # of the Authorization header
    status: int = 0
    whole: bool = False  # the last byte was handed to the system
    fault: str | None = None


Handler = Callable[[Asked], "Reply | None"]


def document(body: bytes, *, kind: str = "application/octet-stream", modified: float = 1_600_000_000) -> Reply:
    """An answer with the validators of an object storage."""
    etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    return Reply(
        body, headers={"Content-Type": kind, "ETag": etag, "Last-Modified": formatdate(modified, usegmt=True)}
    )  # fmt: skip


class _Remembering(asyncio.SelectorEventLoop):
    """Knows the connections that it made, also those whose handshake never ended."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[asyncio.Transport] = []

    def _make_socket_transport(self, *args: Any, **more: Any) -> Any:
        made = super()._make_socket_transport(*args, **more)  # type: ignore[misc]
        self.made.append(made)
        return made

    def _make_ssl_transport(self, *args: Any, **more: Any) -> Any:
        made = super()._make_ssl_transport(*args, **more)  # type: ignore[misc]
        self.made.append(made)
        return made


async def _turns() -> None:
    """What is on its way within the loop arrives: a few turns of it, and no time."""
    for _ in range(10):
        await asyncio.sleep(0)


class Loop:
    """An event loop in a thread of its own; what listens in it closes with it."""

    def __init__(self) -> None:
        self._loop = _Remembering()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._secure = False
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._loop.made.clear()
        if not self._secure:
            return
        # asyncio tells of connections whose handshake a client broke off when they are collected. They are those of the
        # tests' server and not of what is tested (which has no socket of Python's), so they are collected here.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"unclosed (transport|<socket\.socket)", ResourceWarning)
            gc.collect()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        await _turns()  # what was accepted in this moment gets its task, and begins it
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in list(self._loop.made):  # a body that nobody takes would keep its socket open
            transport.abort()
        await _turns()

    def listen(self, serve: Callable[..., Any], tls: ssl.SSLContext | None = None, port: int = 0) -> int:
        """Serve each connection; the port."""
        self._secure |= tls is not None

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            try:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError):
                    await serve(reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
            finally:
                writer.close()

        async def begin() -> asyncio.Server:
            return await asyncio.start_server(one, "127.0.0.1", port, ssl=tls, limit=_MOST_HEAD, backlog=512)

        server = asyncio.run_coroutine_threadsafe(begin(), self._loop).result(10)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])


class Replay:
    """The server. Mount handlers before or while it runs; the longest prefix that fits answers."""

    def __init__(self, tls: ssl.SSLContext | None = None, faults: Iterable[Fault] = (), port: int = 0) -> None:
        self.faults: list[Fault] = list(faults)
        self.log: list[Sent] = []
        self.port = port
        self.connections = 0
        self._tls = tls
        self._mounts: dict[str, Handler] = {}
        self._loop = Loop()

    def __enter__(self) -> Self:
        self._loop.__enter__()
        self.port = self._loop.listen(self._serve, self._tls, self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self._loop.__exit__()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def mount(self, prefix: str, handler: Handler) -> None:
        """What answers below a prefix; paths reach it whole."""
        self._mounts[prefix] = handler

    def document(self, path: str, body: bytes, kind: str = "application/json") -> None:
        """One fixed document."""
        self.mount(path, lambda asked: document(body, kind=kind) if asked.path == path else None)

    def counts(self, pattern: str = "", *, whole: bool = True) -> Counter[str]:
        """How often each path that holds the text was sent (whole and well, unless told otherwise)."""
        return Counter(
            one.path
            for one in list(self.log)
            if pattern in one.path and one.method == "GET" and (not whole or (one.whole and one.status in (200, 206)))
        )

    # One connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                return
            asked = read_head(head)
            if asked is None:
                writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            length = asked.headers.get("content-length", "0")
            if length.isdigit() and int(length):
                await reader.readexactly(int(length))
            if not await self._answer(asked, writer) or asked.headers.get("connection", "").lower() == "close":
                return

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Send one answer; False ends the connection."""
        fault = next((one for one in self.faults if one.strikes(asked.target)), None)
        sent = Sent(
            asked.method, asked.target, asked.path, asked.headers.get("range"), asked.headers.get("user-agent", ""),
            asked.headers.get("authorization", ""), fault=fault.name if fault else None,
        )  # fmt: skip
        self.log.append(sent)
        reply = self._reply(asked)
        if fault is None:
            sent.status = reply.status
            writer.write(head_of(reply, len(reply.body)))
            if asked.method != "HEAD" and reply.body:
                await _drip(writer, reply.body, None)
            else:
                await writer.drain()
            sent.whole = True
            return True
        return await self._misbehave(fault, asked, reply, writer, sent)

    def _reply(self, asked: Asked) -> Reply:
        for prefix in sorted(self._mounts, key=len, reverse=True):
            if asked.path.startswith(prefix):
                found = self._mounts[prefix](asked)
                if found is not None:
                    return partly(asked, found)
        return Reply(b"not here", 404)

    async def _misbehave(
        self, fault: Fault, asked: Asked, reply: Reply, writer: asyncio.StreamWriter, sent: Sent
    ) -> bool:  # fmt: skip
        if fault.mute is not None:
            await asyncio.sleep(fault.mute)
        if fault.hangup:
            return False
        body = reply.body if fault.body is None else fault.body
        body = fault.alter(body) if fault.alter else body
        status = fault.status or reply.status
        headers = dict(reply.headers if fault.status is None else {})
        for name, value in fault.headers:
            headers.pop(name, None)
            if value:
                headers[name] = value
        sent.status = status
        told = None if fault.endless else len(body) + fault.length
        writer.write(head_of(Reply(b"", status, headers), told))
        if asked.method == "HEAD":
            await writer.drain()
            return True
        if fault.cut is not None:
            await _drip(writer, body[: int(len(body) * fault.cut)], fault.rate)
            return False
        while fault.endless:
            await _drip(writer, body or b"\0" * 1024, fault.rate)
        await _drip(writer, body + b"\0" * fault.extra, fault.rate)
        sent.whole = fault.length == 0
        return not fault.length and not fault.extra  # what is left over would be taken for the next answer


async def _drip(writer: asyncio.StreamWriter, body: bytes, rate: float | None) -> None:
    """Bytes, at a pace where one is given."""
    if rate is None:
        for at in range(0, len(body), _CHUNK * 8):
            writer.write(body[at : at + _CHUNK * 8] if len(body) > _CHUNK * 8 else body)
            await writer.drain()
        return
    step = max(1, int(rate / 20))
    for at in range(0, len(body), step):
        writer.write(body[at : at + step])
        await writer.drain()
        await asyncio.sleep(0.05)


def read_head(head: bytes) -> Asked | None:
    """A request's first lines; None where they are none."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    address = urlsplit(parts[1])
    target = address.path + (f"?{address.query}" if address.query else "")
    headers = {name.strip().lower(): value.strip() for name, colon, value in (x.partition(":") for x in lines) if colon}
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    return Asked(parts[0], target, unquote(address.path), query, headers)


def head_of(reply: Reply, length: int | None) -> bytes:
    """Status line and headers; without a length the connection's end is the body's."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append("Connection: close" if length is None else f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def partly(asked: Asked, reply: Reply) -> Reply:
    """Nothing where the asker has it already, and a part where a part is asked for."""
    etag, modified = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
    if reply.status != 200:
        return reply
    same = asked.headers.get("if-none-match")
    if (same and etag and same in (etag, "*")) or (
        not same and modified and asked.headers.get("if-modified-since") == modified
    ):
        return Reply(b"", 304, {name: value for name, value in reply.headers.items() if name != "Content-Type"})
    wanted = asked.headers.get("range", "")
    if not wanted.startswith("bytes=") or "," in wanted or asked.headers.get("if-range", etag) not in (etag, modified):
        return reply
    begin, _, end = wanted.removeprefix("bytes=").partition("-")
    size = len(reply.body)
    first = int(begin) if begin else max(0, size - int(end))
    last = min(size - 1, int(end)) if begin and end else size - 1
    if first > last:
        return Reply(b"", 416, {"Content-Range": f"bytes */{size}"})
    headers = {**reply.headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    return Reply(reply.body[first : last + 1], 206, headers)
