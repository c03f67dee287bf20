"""Law: what the network does wrong is told to a person: what happened, at which service, and what to do.

`whole` faults meet every request of a run, so they end it; others cost one file. `again` ones are tried again first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pyreqwest import exceptions

from clampdown.errors import FetchError

_LATER: Final = "Run the same command later: it goes on where it stopped"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to fail."""

    what: str
    hint: str = _LATER
    again: bool = True
    whole: bool = False


_CERTIFICATE: Final = Kind(
    "the certificate of the service is not to be trusted",
    "Somebody may be reading along, or the clock of this machine is wrong. Nothing was taken from it. "
    "Where a mirror has a root of its own, name its file in SSL_CERT_FILE",
    again=False,
    whole=True,
)
_PROXY: Final = Kind(
    "the proxy refuses", "Is it running, and does it let this service through? See the setting `proxy`", whole=True
)
_NO_PROXY: Final = Kind("no connection to the proxy", _PROXY.hint, whole=True)
_NO_PROXY_NAME: Final = Kind("the proxy's name is not known", _PROXY.hint, whole=True)
_CUT: Final = Kind("the connection broke off in the middle")
LATE: Final = Kind("the service did not answer in time, or hardly any bytes came")
OTHER_PART: Final = Kind("the service sent another part than was asked for")
ROOTS: Final = Kind("the file of trusted roots cannot be read", "See SSL_CERT_FILE", again=False, whole=True)
_SILENT: Final = Kind("the service closed the connection without an answer")
_NO_HTTP: Final = Kind("the answer is not HTTP")
_NO_PACK: Final = Kind("the answer says that it is packed, and is not")
_ENDLESS_HEAD: Final = Kind("its headers never end")
_NO_TLS: Final = Kind("no secure connection came about", "A filter on the way may cut it: a proxy may help", whole=True)
_NO_NAME: Final = Kind(
    "the name of the service is not known",
    "Is this machine online? A resolver that censors says so, too: a proxy may help",
    whole=True,
)
_NO_CONNECTION: Final = Kind(
    "no connection",
    "Is this machine online, and the service up? A proxy may help where the way is blocked",
    whole=True,
)
NO_ADDRESS: Final = Kind("not an address that can be asked", "Check the address", again=False, whole=True)
# Words in the causes that hyper, rustls and the resolver give, the most telling first.
_CAUSES: Final[tuple[tuple[str, Kind], ...]] = (
    ("invalid peer certificate", _CERTIFICATE),
    ("proxy authorization required", _PROXY),
    ("tunnel error: failed to create underlying connection", _NO_PROXY),
    ("socks error: failed to create underlying connection", _NO_PROXY),
    ("tunnel error", _PROXY),
    ("error resolving for socks proxy", _NO_NAME),  # socks5 looks the service's name up here
    ("socks", _PROXY),
    ("dns error", _NO_NAME),
    ("message head is too large", _ENDLESS_HEAD),
    ("connection closed before message completed", _SILENT),
    ("end of file before message length reached", _CUT),
    ("received corrupt message", _NO_TLS),
    ("received fatal alert", _NO_TLS),
    ("handshake", _NO_TLS),
    ("tcp connect error", _NO_CONNECTION),
    ("gzip", _NO_PACK),
    ("deflate", _NO_PACK),
)
_OF_PROXY: Final = {"dns error": _NO_PROXY_NAME, "tcp connect error": _NO_PROXY}  # where all goes through one
_TYPES: Final[tuple[tuple[type[Exception], Kind], ...]] = (
    (TimeoutError, LATE),
    (exceptions.ConnectError, _CUT),  # of a connection that stood already: what made none is told by its causes
    (exceptions.NetworkError, _CUT),
    (exceptions.BodyDecodeError, _CUT),
    (exceptions.DecodeError, _NO_HTTP),
    (exceptions.BuilderError, NO_ADDRESS),
)
_OTHER: Final = Kind("the transfer failed")
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses after which the same request may go well
_STATUS: Final[dict[int, Kind]] = {
    401: Kind(
        "the service wants a token, or another one", "Check the token: see docs/sources.md", again=False, whole=True
    ),
    403: Kind(
        "the service refuses (403)", "It may refuse this network, or want a token: see docs/sources.md", again=False
    ),
    404: Kind("the service does not have it (404)", "Check the address; a file may have been moved", again=False),
    407: _PROXY,
    410: Kind("the service does not have it any more (410)", "Check the address", again=False),
    429: Kind(
        "the service has had too many requests from here (429)", "Wait a while, or set fetch_parallel lower", whole=True
    ),
    451: Kind("the service may not show it here (451, for legal reasons)", "A proxy elsewhere may help", again=False),
}


def place(url: str) -> str:
    """An address as it may stand in a message: without a query, user or fragment."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # what cannot be taken apart may hold a password anywhere
        return "an address that cannot be read"
    if parts.scheme == "file":
        return parts.path
    if not parts.netloc:  # a folder
        return url
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def by_exception(fault: Exception, *, proxied: bool) -> Kind:
    """What an exception of the HTTP library means. A proxy that says no is told as one."""
    details: Any = getattr(fault, "details", None) or {}
    causes = " / ".join(cause["message"] for cause in details.get("causes") or ()).lower()
    for words, kind in _CAUSES:
        if words in causes:
            return _OF_PROXY.get(words, kind) if proxied else kind
    return next((kind for made, kind in _TYPES if isinstance(fault, made)), _OTHER)


def by_status(status: int) -> Kind:
    """What a status says."""
    if status in _STATUS:
        return _STATUS[status]
    if status >= 500:
        return Kind(f"the service is in trouble ({status})", again=status in AGAIN)
    return Kind(f"the service refuses ({status})", "Check what was asked for", again=status in AGAIN)


def told(kind: Kind, url: str, *, status: int | None = None, tries: int = 1, whole: bool | None = None) -> FetchError:
    """The error of a request that failed for good."""
    times = f", {tries} times" if tries > 1 else ""
    return FetchError(
        f"{kind.what}{times}", where=place(url), hint=kind.hint, status=status,
        whole=kind.whole if whole is None else whole,
    )  # fmt: skip


def elsewhere(url: str, target: str) -> FetchError:
    """A redirect that leaves the service."""
    there = urlsplit(target)
    shown = f"{there.scheme}://{there.hostname or ''}" if there.scheme else "nowhere"
    return FetchError(
        f"it sends us elsewhere, to {shown}, and we do not go", where=place(url),
        hint="A portal or a filter does so; if the service has moved, name its new address with --from", whole=True,
    )  # fmt: skip
