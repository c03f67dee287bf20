"""Law: no one is exposed: what could lead to the person who measured is gone before a row exists (law 9).

Two nets. The wide one needs no knowledge: in free text every address literal, mail address, query, cookie, home
folder, bridge line goes. The narrow one knows the record's own addresses (the probe's, its resolver's where that lies
in the probe's network) and takes them out of every string in every spelling, even out of names.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

SCRUBBED: Final = "[scrubbed]"
ADDRESS: Final = "[address]"
TEXT_LIMIT: Final = 300  # a title or a detail is for a person to glance at
NOT_A_PROBE: Final = frozenset({"", "127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::", SCRUBBED})

# Headers whose whole value speaks of the person: sessions, credentials, the address a proxy saw.
_PERSONAL_HEADERS_LIST: Final = """
    set-cookie set-cookie2 cookie cookie2 authorization proxy-authorization www-authenticate x-forwarded-for
    x-real-ip x-client-ip client-ip true-client-ip cf-connecting-ip cf-connecting-ipv6 x-cluster-client-ip forwarded
    x-remote-ip x-remote-addr x-originating-ip fastly-client-ip x-user x-user-id x-username x-csrf-token x-xsrf-token
    x-auth-token x-session-id x-amzn-remapped-authorization"""
PERSONAL_HEADERS: Final = frozenset(_PERSONAL_HEADERS_LIST.split())

_V4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}[.]){3}\d{1,3}(?!\d|[.]\d)")
_V4_SPELT: Final = re.compile(
    r"(?<!\d)(?<!\d[_-])\d{1,3}(?:-\d{1,3}){3}(?!-?\d)|(?<!\d)(?<!\d[_-])\d{1,3}(?:_\d{1,3}){3}(?!_?\d)"
)
_V6: Final = re.compile(
    r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{2,45}(?:[.\d]{7,15})?(?![0-9A-Za-z:])"
)
_MAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:[.][\w-]{1,63})+")
_USERINFO: Final = re.compile(r"(?<=://)[^/\s@\"'<>]{1,256}@")
_QUERY: Final = re.compile(r"[?#][^\s\"'<>,;]*")
_URL_QUERY: Final = re.compile(r"((?:https?:/)?/[^\s\"'<>?#]*)[?#][^\s\"'<>]*", re.IGNORECASE)
_COOKIE: Final = re.compile(r"\b((?:set-)?cookie2?)\s*[:=][^\n]*", re.IGNORECASE)
_HOME: Final = re.compile(r"((?:/home/|/Users/|\\Users\\|\\Documents and Settings\\))[^/\\\s\"'<>:]+", re.IGNORECASE)
_BRIDGE: Final = re.compile(
    r"\b(bridge|obfs[2-4]|scramblesuit|snowflake|webtunnel|meek(?:_lite)?|conjure)\s+[^\s]*[:\d][^\n]*", re.IGNORECASE
)
_BRIDGE_PARTS: Final = re.compile(r"\b(?:[0-9A-Fa-f]{40}|(?:cert|iat-mode|password|passwd|token|fingerprint)=[^\s,;]+)")
_PATH_USER: Final = re.compile(
    r"([/\\](?:users?|u|home|profiles?|people|members?|authors?|accounts?|usr)[/\\]|/[~@]|/%7e|/%40)[^/\s?#\"'<>;,]+",
    re.IGNORECASE,
)


# Marks without which no personal datum of the kinds above can stand in a text: one search instead of ten.
_SUSPECT: Final = re.compile(r"[@:=/\\?#]|\d[._-]\d|[0-9A-Fa-f]{40}|ookie|OOKIE")
_BRIDGE_WORDS: Final = ("obfs", "bridge", "snowflake", "webtunnel", "meek", "scramble", "conjure")


def public_text(value: str, limit: int = TEXT_LIMIT) -> str:
    """Free text without any personal datum that can be recognised as one; cut to a length for reading."""
    if len(value) > limit * 4:
        value = value[: limit * 4]
    if _SUSPECT.search(value) is None:
        return value[:limit]
    value = _secrets_of_tools(value)
    if "@" in value:
        value = _MAIL.sub(SCRUBBED, _USERINFO.sub("", value))
    if "/" in value or "\\" in value:
        value = _PATH_USER.sub(r"\1[user]", _HOME.sub(r"\1[user]", _URL_QUERY.sub(r"\1", value)))
    return addresses(value)[:limit]


def header_value(value: str, limit: int = 1000) -> str:
    """A header's value without queries, names of people and addresses; address hosts of URLs stay (`//host`)."""
    if len(value) > limit:
        value = value[:limit]
    if "?" in value or "#" in value:
        value = _QUERY.sub("", value)
    if "@" in value:
        value = _MAIL.sub(SCRUBBED, _USERINFO.sub("", value))
    if "/" in value or "\\" in value:
        value = _PATH_USER.sub(r"\1[user]", _HOME.sub(r"\1[user]", value))
    if ":" in value or "=" in value or len(value) >= 40:
        value = _secrets_of_tools(value)
    return addresses(value, keep_hosts=True)


def _secrets_of_tools(value: str) -> str:
    """Cookies, bridge lines, fingerprints and keys of bridges out of a text."""
    if "ookie" in value or "OOKIE" in value:
        value = _COOKIE.sub(r"\1: [scrubbed]", value)
    lower = value.lower()
    for word in _BRIDGE_WORDS:
        if word in lower:
            value = _BRIDGE.sub(r"\1 [scrubbed]", value)
            break
    if "=" in value or len(value) >= 40:
        value = _BRIDGE_PARTS.sub(SCRUBBED, value)
    return value


def addresses(value: str, *, keep_hosts: bool = False) -> str:
    """Take address literals out of a text. `keep_hosts` leaves the host of a URL: that is a server, not a person."""
    if value.count(".") >= 3:
        value = _V4.sub(lambda found: _literal(found, keep_hosts), value)
    if value.count("-") >= 3 or value.count("_") >= 3:
        value = _V4_SPELT.sub(_spelt, value)
    # An IPv6 address has "::", or seven colons, or six before an IPv4 tail.
    if "::" in value or value.count(":") >= 6:
        value = _V6.sub(lambda found: _literal(found, keep_hosts), value)
    return value


def _literal(found: re.Match[str], keep_hosts: bool) -> str:
    text = found.group()
    if keep_hosts and found.string[max(0, found.start() - 3) : found.start()].rstrip("[").endswith("//"):
        return text
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text
    return ADDRESS


def _spelt(found: re.Match[str]) -> str:
    parts = found.group().replace("_", "-").split("-")
    return ADDRESS if all(int(part) < 256 for part in parts) else found.group()


def path_of(path: str) -> str:
    """A URL's path without query, fragment and the names of users; nothing where it is no path."""
    for mark in "?#;":
        at = path.find(mark)
        if at >= 0:
            path = path[:at]
    if not path.startswith("/"):
        return ""
    return path if path == "/" else public_text(path)


class Secrets:
    """The record's own addresses, in every spelling in which they could be found."""

    __slots__ = ("_names", "_needles", "_pattern", "canonical")

    def __init__(self, found: Iterable[str | None]) -> None:
        self.canonical: set[str] = set()
        spellings: set[str] = set()
        for text in found:
            if not text or text in NOT_A_PROBE:
                continue
            try:
                address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
            except ValueError:
                continue
            if address.is_loopback or address.is_unspecified:
                continue
            self.canonical.add(str(address))
            spellings |= _spellings(address)
            spellings.add(text.strip())
        self._needles = _needles(self.canonical)
        self._names: dict[str, bool] = {}
        self._pattern: re.Pattern[str] | None = None
        if spellings:
            longest = sorted(spellings, key=lambda s: (-len(s), s))
            self._pattern = re.compile(
                r"(?<![0-9A-Za-z])(?:" + "|".join(map(re.escape, longest)) + r")(?![0-9A-Za-z])", re.IGNORECASE
            )

    def __bool__(self) -> bool:
        return self._pattern is not None

    def within(self, text: str) -> bool:
        """Whether a spelling of one of the addresses stands in this text."""
        known = self._names.get(text)
        if known is None:
            known = self._suspect(text) and self._pattern is not None and self._pattern.search(text) is not None
            if len(self._names) < 10_000:
                self._names[text] = known
        return known

    def _suspect(self, text: str) -> bool:
        """A plain search for a piece of each spelling; the pattern is asked only where one is found."""
        plain = text.lower()
        for needle in self._needles:  # noqa: SIM110  a generator costs more than the search
            if needle in plain:
                return True
        return False

    def remove(self, text: str) -> str:
        """The text with every spelling of the addresses replaced."""
        return text if self._pattern is None or not self._suspect(text) else self._pattern.sub(ADDRESS, text)


def _needles(addresses: Iterable[str]) -> tuple[str, ...]:
    """For each address pieces of which every spelling holds one: its longest group, the number, the hexadecimal."""
    needles: set[str] = set()
    for text in addresses:
        address = ipaddress.ip_address(text)
        groups = re.split(r"[.:]+", text)
        needles |= {
            max(groups, key=len).lower(),
            str(int(address)),
            f"{int(address):0{8 if address.version == 4 else 32}x}",
        }
        if address.version == 6:
            # Reversed names spell each digit apart.
            needles.add(".".join(reversed(address.exploded.replace(":", ""))))
    return tuple(sorted(needles))


def _spellings(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> set[str]:
    texts = {str(address), address.exploded}
    spelt = {t.replace(mark, other) for t in texts for mark in ".:" if mark in t for other in ("-", "_", "%3A", "x")}
    spelt.add(address.reverse_pointer.rpartition(".")[0].rpartition(".")[0])
    spelt.add(str(int(address)))
    spelt.add(f"{int(address):0{8 if address.version == 4 else 32}x}")
    if address.version == 6 and address.ipv4_mapped is not None:
        spelt |= _spellings(address.ipv4_mapped)
    return texts | spelt
