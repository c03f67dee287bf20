"""Law: a target is a stable role of a service, never an address or a path; one host belongs to at most one role.

Platforms, roles, hosts, published addresses and groups are data (`data/targets.toml`, and files of the same form
given by the reader, whose platforms are added to or replace those of the same id).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from clampdown.errors import RuleError
from clampdown.reference import toml

# The ports that a browser leaves out of an address.
DEFAULT_PORTS: Final = frozenset({80, 443})
RULES: Final = frozenset({"any_of", "all_of", "some_of"})


@dataclass(frozen=True, slots=True)
class Role:
    """What a platform does at some endpoints; `web` says whether a visit to its hosts is a visit to it."""

    id: str
    label: str
    rule: str  # any_of | all_of | some_of
    web: bool
    hosts: tuple[str, ...]
    suffixes: tuple[str, ...]
    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    published: tuple[tuple[str, int], ...]  # single (host or address, port) pairs
    optional: tuple[str, ...]  # hosts without which the role still works
    networks: tuple[int, ...] = ()  # where the operator keeps all of the role's own hosts

    def endpoints(self) -> tuple[tuple[str, int], ...]:
        """Every published (host or address, port), in the order of the table."""
        names = (*self.hosts, *self.addresses)
        return (*((name, port) for name in names for port in self.ports), *self.published)


@dataclass(frozen=True, slots=True)
class Platform:
    """A service as people name it."""

    id: str
    label: str
    groups: tuple[str, ...]
    any_of: tuple[str, ...]  # roles of which one must work
    all_of: tuple[str, ...]  # roles which must all work
    roles: Mapping[str, Role]
    source: str

    @property
    def key_roles(self) -> tuple[str, ...]:
        """The roles by which the platform as a whole is judged."""
        return tuple(dict.fromkeys((*self.all_of, *self.any_of)))


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    label: str
    categories: tuple[str, ...]  # test-list categories whose web targets belong to it


def canonical_address(text: str) -> str | None:
    """The address in its one spelling (no brackets, IPv4-mapped IPv6 as IPv4), or None where it is none."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def canonical_host(text: str) -> str:
    """Lower case, no final dot, punycode where the name is not plain; text that is no name comes back in lower case."""
    host = text.strip().rstrip(".").lower()
    if host.isascii():
        return host
    try:
        # IDNA 2008 with the mapping browsers use; the standard library knows only the 2003 rules.
        import idna

        return idna.encode(host, uts46=True).decode("ascii")
    except (UnicodeError, ValueError):
        return host


@dataclass(frozen=True)
class Targets:
    """The table of targets, with the indexes that make a lookup one dictionary access."""

    platforms: Mapping[str, Platform]
    group_table: Mapping[str, Group]
    categories: Mapping[str, str] = field(default_factory=dict[str, str])  # host -> category of the test lists
    _web: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _suffixes: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _ports: Mapping[str, frozenset[int]] = field(init=False, repr=False, compare=False)
    _addresses: Mapping[tuple[str, int], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        web: dict[str, str] = {}
        suffixes: dict[str, str] = {}
        ports: dict[str, frozenset[int]] = {}
        addresses: dict[tuple[str, int], str] = {}
        for platform in self.platforms.values():
            for role in platform.roles.values():
                target = f"{platform.id}/{role.id}"
                ports[target] = frozenset(role.ports)
                for endpoint in role.endpoints():
                    addresses.setdefault(endpoint, target)
                if role.web:
                    _index(web, role.hosts, target)
                    _index(suffixes, role.suffixes, target)
        for name, value in (("_web", web), ("_suffixes", suffixes), ("_ports", ports), ("_addresses", addresses)):
            object.__setattr__(self, name, value)

    def target_of_host(self, host: str, port: int | None = None) -> str:
        """The target that a visit to this host (and port) is about; `web/<host>[:port]` where no platform claims it.

        A bare address that nobody publishes gets an opaque name, because an address is never part of a target.
        """
        host = canonical_host(host)
        found = self._web.get(host) or self._by_suffix(host)
        plain = port is None or port in DEFAULT_PORTS
        if found is not None and (plain or port in self._ports[found]):
            return found
        address = canonical_address(host)
        if address is not None:
            known = self.target_of_endpoint(address, port if port is not None else 443)
            host = known or "address-" + hashlib.sha256(address.encode()).hexdigest()[:10]
            if known is not None:
                return known
        return f"web/{host}" if plain else f"web/{host}:{port}"

    def target_of_endpoint(self, host: str, port: int) -> str | None:
        """The role that publishes this endpoint (host or address, port), or None."""
        return self._addresses.get((canonical_address(host) or canonical_host(host), port))

    def is_published(self, host: str, port: int) -> bool:
        """True for an endpoint that an operator publishes: only such addresses of tunnels may be kept."""
        return self.target_of_endpoint(host, port) is not None

    def role_of(self, platform: str, host: str, port: int | None = None) -> str | None:
        """The role of this platform that the host (or address) belongs to, whether or not it is a web role."""
        known = self.platforms.get(platform)
        name = canonical_address(host) or canonical_host(host)
        for role in known.roles.values() if known else ():
            if name in role.hosts or name in role.addresses:
                return role.id
            if any(name == host_ and port in (None, port_) for host_, port_ in role.published):
                return role.id
            if any(name == s or name.endswith("." + s) for s in role.suffixes):
                return role.id
        return None

    def role(self, target: str) -> Role | None:
        """The row behind a target, or None for web targets and unknown roles."""
        platform, _, role = target.partition("/")
        known = self.platforms.get(platform)
        return known.roles.get(role) if known else None

    def platform(self, target: str) -> Platform | None:
        return self.platforms.get(target.partition("/")[0])

    def groups(self) -> tuple[str, ...]:
        return tuple(self.group_table)

    def group(self, name: str) -> tuple[str, ...]:
        """The targets by which the platforms of a group are judged, in the order of the table."""
        if name not in self.group_table:
            raise RuleError(f"there is no group {name!r}", hint=f"Groups: {', '.join(self.group_table)}")
        platforms = (p for p in self.platforms.values() if name in p.groups)
        return tuple(f"{p.id}/{role}" for p in platforms for role in p.key_roles or tuple(p.roles))

    def groups_of(self, target: str) -> tuple[str, ...]:
        """The groups a target belongs to: its platform's, else those of its test-list category."""
        platform = self.platform(target)
        if platform is not None:
            return platform.groups
        category = self.category(target)
        return tuple(g.id for g in self.group_table.values() if category in g.categories) if category else ()

    def category(self, target: str) -> str | None:
        """The test-list category of a web target, where a test list is loaded."""
        kind, _, host = target.partition("/")
        if kind != "web":
            return None
        host = host.partition(":")[0]
        return self.categories.get(host) or self.categories.get(host.removeprefix("www."))

    def display(self, target: str) -> str:
        """How a person reads it: `Telegram (app)`, or the host of a web target."""
        kind, _, rest = target.partition("/")
        platform = self.platforms.get(kind)
        if platform is None:
            return "a bare address" if rest.startswith("address-") else rest
        role = platform.roles.get(rest)
        if role is not None and role.web and platform.key_roles == (rest,):
            return platform.label
        return f"{platform.label} ({role.label if role else rest})"

    def label_of_group(self, name: str) -> str:
        return self.group_table[name].label

    def _by_suffix(self, host: str) -> str | None:
        while host:
            if host in self._suffixes:
                return self._suffixes[host]
            host = host.partition(".")[2]
        return None


def _index(index: dict[str, str], names: Iterable[str], target: str) -> None:
    for name in names:
        if index.setdefault(name, target) != target:
            raise RuleError(f"{name} belongs to both {index[name]} and {target}", where="targets")


def _endpoint(text: str, where: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise RuleError(f"{text!r} is not an endpoint (host:port)", where=where)
    return canonical_address(host) or canonical_host(host), int(port)


def _role(table: toml.Table, where: str) -> Role:
    name = toml.text(table, "id", where)
    where = f"{where}/{name}"
    rule = toml.text(table, "rule", where, default="any_of")
    if rule not in RULES:
        raise RuleError(f"{rule!r} is none of any_of, all_of, some_of", where=where)
    addresses = tuple(canonical_address(a) or "" for a in toml.texts(table, "addresses", where))
    if "" in addresses:
        raise RuleError("an address is not well formed", where=where)
    return Role(
        id=name,
        label=toml.text(table, "label", where, default=name),
        rule=rule,
        web=toml.flag(table, "web", where, default=True),
        hosts=tuple(canonical_host(h) for h in toml.texts(table, "hosts", where)),
        suffixes=tuple(canonical_host(h) for h in toml.texts(table, "suffixes", where)),
        addresses=addresses,
        ports=toml.numbers(table, "ports", where) or (443, 80),
        published=tuple(_endpoint(e, where) for e in toml.texts(table, "endpoints", where)),
        optional=tuple(canonical_host(h) for h in toml.texts(table, "optional", where)),
        networks=toml.numbers(table, "networks", where),
    )


def _platform(table: toml.Table, where: str) -> Platform:
    name = toml.text(table, "id", where)
    where = f"{where}: {name}"
    roles = {r.id: r for r in (_role(t, where) for t in toml.tables(table, "role", where))}
    works = toml.table(table, "works", where)
    any_of, all_of = toml.texts(works, "any_of", where), toml.texts(works, "all_of", where)
    for role in (*any_of, *all_of):
        if role not in roles:
            raise RuleError(f"`works` names the role {role!r}, which is not there", where=where)
    return Platform(
        id=name,
        label=toml.text(table, "label", where, default=name),
        groups=toml.texts(table, "groups", where),
        any_of=any_of,
        all_of=all_of,
        roles=roles,
        source=toml.text(table, "source", where),
    )


def load_targets(files: Sequence[tuple[str, toml.Table]], categories: Mapping[str, str]) -> Targets:
    """Build the table from TOML documents; a later document's platform replaces one of the same id."""
    platforms: dict[str, Platform] = {}
    groups: dict[str, Group] = {}
    for name, document in files:
        for table in toml.tables(document, "group", name):
            key = toml.text(table, "id", name)
            groups[key] = Group(key, toml.text(table, "label", name), toml.texts(table, "categories", name))
        for table in toml.tables(document, "platform", name):
            platform = _platform(table, name)
            platforms[platform.id] = platform
    for platform in platforms.values():
        for group in platform.groups:
            if group not in groups:
                raise RuleError(f"the group {group!r} is not in the table", where=platform.id)
    return Targets(platforms, groups, dict(categories))
