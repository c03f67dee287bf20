"""Law: a proxy passes on what it is asked to, writes down that it was asked, and refuses where a test says so.

HTTP with CONNECT (RFC 9110, 9.3.6) and with whole addresses; SOCKS5 without a password (RFC 1928).
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Self
from urllib.parse import urlsplit

from replay.server import Loop


class Proxy:
    """An HTTP or SOCKS5 proxy on loopback."""

    def __init__(self, kind: str = "http", refuse: int | None = None) -> None:
        self.kind = kind  # http | socks5
        self.refuse = refuse  # a status (407, 403), or a reply code of SOCKS
        self.asked: list[str] = []  # host:port, in order
        self.port = 0
        self._loop = Loop()

    def __enter__(self) -> Self:
        self._loop.__enter__()
        self.port = self._loop.listen(self._http if self.kind == "http" else self._socks)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.__exit__()

    @property
    def url(self) -> str:
        return f"{'http' if self.kind == 'http' else 'socks5h'}://127.0.0.1:{self.port}"

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            tunnel = method == "CONNECT"
            parts = urlsplit(f"//{target}" if tunnel else target)
            host, port = parts.hostname or "", parts.port or 80
            self.asked.append(f"{host}:{port}")
            if self.refuse is not None:
                extra = "Proxy-Authenticate: Basic realm=proxy\r\n" if self.refuse == 407 else ""
                writer.write(
                    f"HTTP/1.1 {self.refuse} No\r\n{extra}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                return
            there = await asyncio.open_connection(host, port)
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # the server takes whole addresses, so the head goes on as it came
                there[1].write(head)
            await _both(reader, writer, *there)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            _, count = await reader.readexactly(2)
            await reader.readexactly(count)
            writer.write(b"\x05\x00")
            _, _, _, kind = await reader.readexactly(4)
            if kind == 1:
                host = ".".join(map(str, await reader.readexactly(4)))
            else:
                host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            (port,) = struct.unpack(">H", await reader.readexactly(2))
            self.asked.append(f"{host}:{port}")
            code = self.refuse or 0
            if not code:
                there = await asyncio.open_connection(host, port)
            writer.write(bytes((5, code, 0, 1)) + bytes(6))
            if not code:
                await _both(reader, writer, *there)


async def _both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, other: asyncio.StreamReader,
    there: asyncio.StreamWriter,
) -> None:  # fmt: skip
    """Bytes in both directions until one side ends."""

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()

    try:
        await asyncio.gather(pump(reader, there), pump(other, writer))
    finally:
        there.close()
