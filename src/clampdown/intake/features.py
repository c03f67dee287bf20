"""Law: what intake knows of the world comes in as one frozen Kit; what it works out twice, it remembers in one Memo.

A Kit says which reference data a batch was read with. A Memo belongs to one Kit in one process: everything in it is a
pure function of the key and the Kit, so that dropping it at any time changes nothing but the time taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from clampdown.intake.failures import failure_of, name_of
from clampdown.intake.features_names import (
    NO_TAGS,
    Classes,
    asn_of,
    host_of,
    ip_of,
    port_of,
    split_port,
    tag_facts,
    web_target,
)
from clampdown.intake.redact import NOT_A_PROBE, Secrets, path_of

_ROOM: Final = 50_000  # entries of one kind before a Memo starts anew: bounds memory, never results


__all__ = [
    "Classes", "CountryTable", "Kit", "Matcher", "Memo", "RootStore", "TargetTable", "Url", "asn_of", "host_of",
    "ip_of", "port_of", "resolver_of", "split_port", "tag_facts", "web_target",
]  # fmt: skip


class Matcher(Protocol):
    """Body fingerprints, compiled; linear in the length of the body."""

    def match(self, body: bytes, /) -> tuple[str, ...]:
        """Ids of the fingerprints found in this body."""
        ...


class TargetTable(Protocol):
    """Hosts -> target ids."""

    def target_of_host(self, host: str, port: int | None = None) -> str:
        """The role that this host plays, else `web/<host>[:port]`."""
        ...

    def target_of_endpoint(self, host: str, port: int) -> str | None:
        """The role whose published endpoints hold this one; None where none does."""
        ...

    def is_published(self, host: str, port: int) -> bool:
        """Whether a tool publishes this endpoint as a default, so that its address may be stored."""
        ...

    def role_of(self, platform: str, host: str, port: int | None = None) -> str | None:
        """The role of this platform that a host (or address) plays, whether or not a browser visits it."""
        ...


class RootStore(Protocol):
    """Certificate authorities of their own day."""

    @property
    def edges(self) -> tuple[date, ...]:
        """The days on which the answers of `verify` may change for other reasons than the chain's, sorted."""
        ...

    def verify(self, chain: list[bytes], host: str | None, when: datetime) -> str:
        """One of the words of observations.cert_status; without a host the name is not looked at."""
        ...


class CountryTable(Protocol):
    """Countries that networks and addresses are delegated to."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Countries that addresses are delegated to: of these, none visible is a level."""
        ...

    def of_network(self, asn: int, /) -> str | None:
        """The country of a network; None where no table says."""
        ...

    def of_address(self, number: int, version: int, /) -> str | None:
        """The country of an address, given as a number; None where no table says."""
        ...


@dataclass(frozen=True)
class Kit:
    """What intake needs of the reference data.

    `references` is the digest of the body fingerprints; `synthetic_public` are networks whose addresses count as
    public (a synthetic world lives in documentation ranges, which are bogons in ours); `bridges` are published
    default addresses of tunnels, the only ones whose address may be stored; `countries` says where networks and
    addresses are delegated, for sources that count them.
    """

    targets: TargetTable | None = None
    bodies: Matcher | None = None
    roots: RootStore | None = None
    references: str = "none"
    synthetic_public: tuple[str, ...] = ()
    bridges: frozenset[str] = field(default_factory=frozenset[str])
    countries: CountryTable | None = None

    @cached_property
    def memo(self) -> Memo:
        """What one process has worked out with this Kit so far; never anything but time depends on it."""
        return Memo(self)


# Anycast addresses that the operators of public resolvers publish. A lookup sent to one of them names it; any other
# resolver address may lie in the probe's network and is not kept.
_PUBLIC_RESOLVERS_LIST: Final = """
    8.8.8.8 8.8.4.4 2001:4860:4860::8888 2001:4860:4860::8844 1.1.1.1 1.0.0.1 1.1.1.2 1.0.0.2 1.1.1.3 1.0.0.3
    2606:4700:4700::1111 2606:4700:4700::1001 9.9.9.9 149.112.112.112 9.9.9.10 149.112.112.10 9.9.9.11 149.112.112.11
    2620:fe::fe 2620:fe::9 208.67.222.222 208.67.220.220 2620:119:35::35 2620:119:53::53 94.140.14.14 94.140.15.15
    2a10:50c0::ad1:ff 2a10:50c0::ad2:ff 77.88.8.8 77.88.8.1 185.228.168.9 185.228.169.9 76.76.2.0 76.76.10.0
    223.5.5.5 223.6.6.6 114.114.114.114 114.114.115.115 119.29.29.29 180.76.76.76 4.2.2.1 4.2.2.2 64.6.64.6
    64.6.65.6 193.110.81.0 185.253.5.0 194.242.2.2 45.90.28.0 45.90.30.0"""
PUBLIC_RESOLVERS: Final = frozenset(_PUBLIC_RESOLVERS_LIST.split())


class Url(NamedTuple):
    """A URL in the parts that are needed."""

    scheme: str
    hostname: str | None  # as found, lower case
    port: int | None
    path: str  # as found; never a row
    shown: str  # the path as it may be kept
    name: str | None  # the host as a punycode name
    ip: str | None  # the host as an address


class Memo:
    """Pure answers remembered during one run of a reader."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.classify = Classes(kit.synthetic_public)
        self._hosts: dict[str, str | None] = {}
        self._ips: dict[str, str | None] = {}
        self._endpoints: dict[str, tuple[str | None, int | None, str | None]] = {}
        self._targets: dict[tuple[str, int | None], str] = {}
        self._failures: dict[str, tuple[str, str]] = {}
        self._urls: dict[str, Url | None] = {}
        self._secrets: dict[tuple[str | None, ...], Secrets] = {}
        self._tags: dict[tuple[str, ...], tuple[bool, int | None, bool | None]] = {}
        self.words: dict[str, str | None] = {}
        self.sessions: dict[tuple[object, ...], tuple[Any, ...]] = {}
        self.inputs: dict[str, tuple[str, str, int | None, str | None, str] | None] = {}
        self.chains: dict[str, list[Any]] = {}  # features_tls.Chain by the leaf's text
        self.headers: dict[tuple[str, str], tuple[str, str]] = {}
        self.header_names: dict[str, tuple[str, str, bool]] = {}
        self._roles: dict[tuple[str, str, int | None], str | None] = {}

    def host(self, text: str | None) -> str | None:
        """A name in punycode, lower case, without the final dot; None for an address or for nothing."""
        if not text:
            return None
        try:
            return self._hosts[text]
        except KeyError:
            _bound(self._hosts)
            found = self._hosts[text] = host_of(text)
            return found

    def ip(self, text: str | None) -> str | None:
        """An address in its canonical spelling; None where a name or nothing stands in its place."""
        if not text:
            return None
        try:
            return self._ips[text]
        except KeyError:
            _bound(self._ips)
            found = self._ips[text] = ip_of(text)
            return found

    def endpoint(self, text: str | None) -> tuple[str | None, int | None, str | None]:
        """(address, port, name) of `1.2.3.4:443`, `[::1]:443` or `name:443`."""
        if not text:
            return None, None, None
        try:
            return self._endpoints[text]
        except KeyError:
            _bound(self._endpoints)
            host, port = split_port(text)
            ip = self.ip(host)
            found = self._endpoints[text] = (ip, port, None if ip or text.startswith("[") else self.host(host))
            return found

    def target(self, host: str | None, port: int | None = None) -> str | None:
        """The target that a host (a name, else an address) stands for."""
        if not host:
            return None
        key = (host, port)
        try:
            return self._targets[key]
        except KeyError:
            _bound(self._targets)
            table = self.kit.targets
            found = web_target(host, port) if table is None else table.target_of_host(host, port)
            self._targets[key] = found
            return found

    def role(self, platform: str, host: str | None, port: int | None = None) -> str | None:
        """The target of the platform's role that this host or address plays; None where none does."""
        table = self.kit.targets
        if table is None or not host:
            return None
        key = (platform, host, port)
        try:
            return self._roles[key]
        except KeyError:
            _bound(self._roles)
            role = table.role_of(platform, host, port)
            found = self._roles[key] = f"{platform}/{role}" if role else None
            return found

    def failure(self, value: object) -> tuple[str, str | None]:
        """(outcome, normalised name); the common texts are looked up once."""
        if value is None:
            return "ok", None
        if not isinstance(value, str) or not value:
            return failure_of(value)
        try:
            return self._failures[value]
        except KeyError:
            _bound(self._failures)
            found = self._failures[value] = ("failed", name_of(value))
            return found

    def url(self, text: str | None) -> Url | None:
        """A URL in its parts; None where there is none or it cannot be taken apart."""
        if not text:
            return None
        try:
            return self._urls[text]
        except KeyError:
            _bound(self._urls)
            found = self._urls[text] = self._url(text)
            return found

    def _url(self, text: str) -> Url | None:
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
        except ValueError:  # bad brackets, bad ports
            return None
        ip = self.ip(host)
        return Url(parts.scheme, host, port, parts.path, path_of(parts.path), None if ip else self.host(host), ip)

    def secrets(self, own: tuple[str | None, ...]) -> Secrets:
        """The spellings of a record's own addresses; probes of one session share them."""
        try:
            return self._secrets[own]
        except KeyError:
            _bound(self._secrets)
            found = self._secrets[own] = Secrets(own)
            return found

    def tags(self, found: tuple[str, ...] | None) -> tuple[bool, int | None, bool | None]:
        """(classic, depth, fetch_body) of a step's tags; None where they do not say."""
        if not found:
            return NO_TAGS
        try:
            return self._tags[found]
        except KeyError:
            _bound(self._tags)
            facts = self._tags[found] = tag_facts(found)
            return facts


def _bound(known: Any) -> None:
    if len(known) > _ROOM:
        known.clear()


def resolver_of(engine: str, address: str | None, memo: Memo) -> str | None:
    """A public resolver asked by address: the name in a DoH URL, a published anycast address; else None."""
    if not address or engine == "system" or address in NOT_A_PROBE:
        return None
    if "://" in address:
        parts = memo.url(address)
        host = None if parts is None else parts.hostname
    else:
        host = split_port(address)[0]
    ip = memo.ip(host)
    if ip is not None:
        return ip if ip in PUBLIC_RESOLVERS else None
    return memo.host(host)
