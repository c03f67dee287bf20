"""Law: the truth of the fictional country is data: who is there, what is tried, and what is to be found on a day."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final

from clampdown.errors import RuleError
from clampdown.reference import toml

_WHERE: Final = "script.toml"
HOWS: Final = (
    "dns.bogon", "dns.other", "dns.notice", "dns.nxdomain", "tcp.timeout", "tls.reset", "http.blockpage",
    "http.eof", "http.redirect", "throttle", "geofence", "down", "tunnel.stalled",
)  # fmt: skip
FAULTS: Final = ("ipv6", "clock", "antivirus", "roots")


@dataclass(frozen=True, slots=True)
class Network:
    """A network of access and how many probes measure in it."""

    asn: int
    probes: int
    type: str


@dataclass(frozen=True, slots=True)
class Place:
    """A site that every session visits."""

    url: str
    host: str  # punycode
    target: str
    addresses: tuple[str, ...]
    asn: int
    near: tuple[str, ...]  # where the country's readers are sent, if elsewhere
    near_asn: int
    title: str
    size: int
    plain: bool  # served without TLS


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens to targets, in networks, from a first day to a last."""

    targets: tuple[str, ...]
    networks: frozenset[int]  # empty: all
    first: int
    last: int
    how: str
    state: str
    mechanism: str | None
    share: float = 1.0  # of the sessions that meet it

    def meets(self, network: int, day: int, slot: int) -> bool:
        """Whether a day's session of a network meets it."""
        return self.share >= 1 or random.Random(f"{self.targets} {network} {day} {slot}").random() < self.share

    def holds(self, target: str, network: int, day: int) -> bool:
        return (
            target in self.targets
            and self.first <= day <= self.last
            and (not self.networks or network in self.networks)
        )


@dataclass(frozen=True, slots=True)
class Forger:
    """Someone who sends made-up records about a site that nobody touches."""

    network: int
    target: str
    first: int
    last: int
    records: int


@dataclass(frozen=True)
class Script:
    """The whole truth."""

    first_day: date
    days: int
    silent: frozenset[int]
    networks: tuple[Network, ...]
    places: tuple[Place, ...]
    acts: tuple[Act, ...]
    faults: Mapping[tuple[int, int], str]  # (network, number of the probe) -> kind
    forger: Forger

    def date(self, day: int) -> date:
        return self.first_day + timedelta(days=day - 1)

    def day(self, text: str) -> int | None:
        """The number of a day written as YYYY-MM-DD; None outside the period."""
        try:
            number = (date.fromisoformat(text) - self.first_day).days + 1
        except ValueError:
            return None
        return number if 1 <= number <= self.days else None

    def act(self, target: str, network: int, day: int, slot: int | None = None) -> Act | None:
        """What happens there and then (to one session, by its slot); a later act replaces an earlier one."""
        found = None
        for act in self.acts:
            if act.holds(target, network, day) and (slot is None or act.meets(network, day, slot)):
                found = act
        return found

    def truth(self, target: str, network: int, day: int) -> tuple[str, str | None]:
        """(state, mechanism) that an unfailing observer would find; `partly` where some sessions meet it."""
        act = self.act(target, network, day)
        if act is None:
            return "ok", None
        return act.state if act.share >= 1 else "partly", act.mechanism


def data(name: str) -> bytes:
    """One file of the demo's data."""
    return (resources.files("clampdown.demo") / "data" / name).read_bytes()


@cache
def load_script() -> Script:
    """The script as packaged."""
    document = toml.read(data(_WHERE), _WHERE)
    first = document.get("first_day")
    if not isinstance(first, date) or isinstance(first, datetime):
        raise RuleError("`first_day` must be a date", where=_WHERE)
    return Script(
        first_day=first,
        days=_int(document, "days"),
        silent=frozenset(toml.numbers(document, "silent_days", _WHERE)),
        networks=tuple(
            Network(_int(t, "asn"), _int(t, "probes"), toml.text(t, "type", _WHERE))
            for t in toml.tables(document, "network", _WHERE)
        ),
        places=tuple(_place(t) for t in toml.tables(document, "site", _WHERE)),
        acts=tuple(_act(t) for t in toml.tables(document, "act", _WHERE)),
        faults={
            (_int(t, "network"), _int(t, "probe")): _word(t, "kind", FAULTS)
            for t in toml.tables(document, "fault", _WHERE)
        },
        forger=_forger(toml.table(document, "forger", _WHERE)),
    )


def _int(table: toml.Table, key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RuleError(f"`{key}` must be a number", where=_WHERE)
    return value


def _share(table: toml.Table) -> float:
    value = table.get("share", 1.0)
    if not isinstance(value, float) or not 0 < value <= 1:
        raise RuleError("`share` must be a part of one", where=_WHERE)
    return value


def _word(table: toml.Table, key: str, known: tuple[str, ...]) -> str:
    word = toml.text(table, key, _WHERE)
    if word not in known:
        raise RuleError(f"{word!r} is no known {key}", where=_WHERE, hint=f"One of: {', '.join(known)}")
    return word


def _period(table: toml.Table) -> tuple[int, int]:
    first, last = toml.numbers(table, "days", _WHERE)
    return first, last


def _place(table: toml.Table) -> Place:
    url = toml.text(table, "url", _WHERE)
    host = url.partition("://")[2].partition("/")[0].lower().encode("idna").decode("ascii")
    known = {platform for platform in _platforms() if f"{platform}.example" == host}
    near = toml.texts(table, "near", _WHERE)
    return Place(
        url=url,
        host=host,
        target=f"{known.pop()}/web" if known else f"web/{host}",
        addresses=toml.texts(table, "addresses", _WHERE),
        asn=_int(table, "asn"),
        near=near,
        near_asn=_int(table, "near_asn") if near else 0,
        title=toml.text(table, "title", _WHERE),
        size=_int(table, "size"),
        plain=toml.flag(table, "plain", _WHERE),
    )


@cache
def _platforms() -> tuple[str, ...]:
    document = toml.read(data("targets.toml"), "targets.toml")
    return tuple(toml.text(t, "id", "targets.toml") for t in toml.tables(document, "platform", "targets.toml"))


def _act(table: toml.Table) -> Act:
    first, last = _period(table)
    return Act(
        targets=toml.texts(table, "targets", _WHERE),
        networks=frozenset(toml.numbers(table, "networks", _WHERE)),
        first=first,
        last=last,
        how=_word(table, "how", HOWS),
        state=toml.text(table, "state", _WHERE),
        mechanism=toml.text(table, "mechanism", _WHERE) or None,
        share=_share(table),
    )


def _forger(table: toml.Table) -> Forger:
    first, last = _period(table)
    return Forger(_int(table, "network"), toml.text(table, "target", _WHERE), first, last, _int(table, "records"))
