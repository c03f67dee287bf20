"""Law: a name, an address, a port, a network number have one spelling each, or none: never a guess (CONTRACTS).

Names are punycode in lower case without the final dot, addresses canonical text without brackets, networks integers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

import idna

_ROOM: Final = 50_000  # addresses before the classes are worked out anew
_CGNAT: Final = ipaddress.ip_network("100.64.0.0/10")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL6: Final = ipaddress.ip_network("2000::/3")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Classes:
    """Address -> class. `public` is what could serve the world; everything else in an answer is a bogon."""

    __slots__ = ("_known", "_public")

    def __init__(self, synthetic_public: Sequence[str]) -> None:
        self._public = tuple(ipaddress.ip_network(text) for text in synthetic_public)
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        known = self._known.get(text)
        if known is None:
            if len(self._known) > _ROOM:
                self._known.clear()
            known = self._known[text] = self._of(ipaddress.ip_address(text))
        return known

    def _of(self, address: Address) -> str:
        if any(address in network for network in self._public if network.version == address.version):
            return "public"
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return self._of(address.ipv4_mapped)
            if address in _NAT64:  # how a mobile network without IPv4 spells an IPv4 address
                return self._of(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        elif address in _CGNAT:
            return "cgnat"
        for name in ("unspecified", "loopback", "link_local", "multicast"):
            if getattr(address, "is_" + name):
                return name
        if address.is_reserved or (address.version == 6 and address not in _GLOBAL6 and not address.is_private):
            return "reserved"
        if address.is_global:
            return "public"
        return "private" if _is_private(address) else "reserved"


_PRIVATE: Final = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


def _is_private(address: Address) -> bool:
    return any(address in network for network in _PRIVATE if network.version == address.version)


NO_TAGS: Final = (False, None, None)


def tag_facts(tags: Sequence[str]) -> tuple[bool, int | None, bool | None]:
    """(classic, depth, fetch_body) of web connectivity's tags."""
    classic, depth, fetch = False, None, None
    for tag in tags:
        if tag == "classic":
            classic = True
        elif tag.startswith("depth="):
            digits = tag[6:]
            depth = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else None
        elif tag.startswith("fetch_body="):
            fetch = tag == "fetch_body=true"
    return classic, depth, fetch


_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:[.][a-z0-9_-]{1,63})*")


def host_of(text: str) -> str | None:
    """Punycode, lower case, no final dot; names that IDNA refuses (underscores) stay as they are if they are names."""
    name = text.strip().rstrip(".").lower()
    if not name or len(name) > 253 or ip_of(name) is not None:
        return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            try:
                name = name.encode("idna").decode("ascii")
            except UnicodeError:
                return None
    return name if _NAME.fullmatch(name) else None


def ip_of(text: str) -> str | None:
    """Canonical spelling without brackets or zone; None for anything else (`[scrubbed]`, names)."""
    plain = text.strip().strip("[]").partition("%")[0]
    if not plain or plain[-1] not in "0123456789abcdefABCDEF:":
        return None
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


def split_port(text: str) -> tuple[str, int | None]:
    """(host, port) of an endpoint; a bare IPv6 address has no port."""
    text = text.strip()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        digits = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
    else:
        return text, None
    return host, port_of(digits)


def port_of(value: object) -> int | None:
    """A port number; None outside 1..65535."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536 else None


def web_target(host: str, port: int | None = None) -> str:
    """The target of a web host that no table knows (CONTRACTS: `web/<punycode host>[:port]`)."""
    shown = f"[{host}]" if ":" in host and port else host
    return f"web/{shown}:{port}" if port else f"web/{host}"


def asn_of(value: object) -> int | None:
    """`AS64500`, `64500` or 64500; None for AS0, nothing or nonsense."""
    if isinstance(value, str):
        digits = value.strip().upper().removeprefix("AS")
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 < value < 2**32 else None
