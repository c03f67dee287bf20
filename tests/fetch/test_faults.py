"""Law: what the HTTP library says of a fault is told as what it was, by the causes that it gives.

The causes are those that version 0.15.1 gave, each met on loopback or, for names, with a name that is not.
"""

from __future__ import annotations

import pytest
from pyreqwest import exceptions
from replay.faults import Fault
from replay.server import Replay, document

from clampdown.errors import FetchError
from clampdown.fetch.client import Client
from clampdown.fetch.faults import by_exception
from clampdown.fetch.manners import Manners

NO_LOOKUP = ("dns error", "error resolving DNS", "failed to lookup address information: Name or service not known")
TO_SERVICE = ("client error (Connect)", "tcp connect error", "Connection refused (os error 111)")
CONNECT, DECODE, BODY = exceptions.ConnectError, exceptions.DecodeError, exceptions.BodyDecodeError
LATE, BUILDER = exceptions.ReadTimeoutError, exceptions.BuilderError

CASES: list[tuple[type[exceptions.DetailedPyreqwestError], tuple[str, ...], bool, str]] = [
    (CONNECT, NO_LOOKUP, False, "the name of the service is not known"),
    (CONNECT, NO_LOOKUP, True, "the proxy's name is not known"),
    (CONNECT, ("error resolving for socks proxy", *NO_LOOKUP[1:]), True, "the name of the service is not known"),
    (CONNECT, TO_SERVICE, False, "no connection"),
    (CONNECT, TO_SERVICE, True, "no connection to the proxy"),
    (CONNECT, ("tunnel error: failed to create underlying connection", *TO_SERVICE[1:]), False,
     "no connection to the proxy"),
    (CONNECT, ("error connecting to socks proxy", "SOCKS error: failed to create underlying connection"), True,
     "no connection to the proxy"),
    (CONNECT, ("error connecting to socks proxy", "SOCKS error: connection refused"), True, "the proxy refuses"),
    (CONNECT, ("client error (Connect)", "tunnel error: unsuccessful"), True, "the proxy refuses"),
    (CONNECT, ("client error (Connect)", "tunnel error: proxy authorization required"), False, "the proxy refuses"),
    (CONNECT, ("client error (Connect)", "received corrupt message of type InvalidContentType"), False,
     "no secure connection came about"),
    (CONNECT, ("client error (SendRequest)", "connection closed before message completed"), False,
     "the service closed the connection without an answer"),
    (DECODE, ("client error (SendRequest)", "message head is too large"), False, "its headers never end"),
    (DECODE, ("client error (SendRequest)", "invalid HTTP version parsed"), False, "the answer is not HTTP"),
    (BODY, ("error reading a body from connection", "end of file before message length reached"), False,
     "the connection broke off in the middle"),
    (exceptions.ReadError, ("error reading a body from connection", "Connection reset by peer (os error 104)"), False,
     "the connection broke off in the middle"),
    (BODY, ("request or response body error", "Invalid gzip header"), False,
     "the answer says that it is packed, and is not"),
    (LATE, ("request or response body error", "operation timed out"), False,
     "the service did not answer in time, or hardly any bytes came"),
    (BUILDER, ("URL scheme is not allowed",), False, "not an address that can be asked"),
    (exceptions.RequestPanicError, (), False, "the transfer failed"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "causes", "proxied", "said"), CASES, ids=[f"{c[1][-1:]} {c[2]}" for c in CASES])
def test_causes(
    kind: type[exceptions.DetailedPyreqwestError], causes: tuple[str, ...], proxied: bool, said: str
) -> None:  # fmt: skip
    fault = kind("what it says first", {"causes": [{"message": one} for one in causes]})
    assert by_exception(fault, proxied=proxied).what == said


@pytest.mark.parametrize("address", ["http://[/", "http://service.example:99999/", "ftp://service.example/"])
def test_what_is_no_address(address: str) -> None:
    with Client(Manners(tries=1)) as client, pytest.raises(FetchError, match="not an address that can be asked"):
        client.get(address)


def test_headers_beyond_ascii_spoil_nothing() -> None:
    with Replay() as server, Client(Manners(tries=1)) as client:
        server.mount("/", lambda _: document(b"body"))
        server.faults = [Fault("accents", headers=(("X-Greeting", "caf\u00e9"),))]
        found = client.get(f"{server.url}/x")
    assert (found.body, "x-greeting" in found.headers) == (b"body", False)
    assert found.headers["etag"].startswith('"')
