"""Law: a world of BGP is a list of steps; a model in plain dicts and a stream of MRT are made from the same steps.

The model knows nothing of columns, queues or bytes: it is the plain meaning that the reader must arrive at.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import made_mrt as mrt
from hypothesis import strategies as st

from clampdown.intake.containers_bytes import Fault, Place
from clampdown.intake.features import Kit
from clampdown.intake.levels import Opened
from clampdown.intake.sources.bgp.events import UNKNOWN
from clampdown.intake.sources.bgp.limits import Limits
from clampdown.intake.sources.bgp.read import read_with
from clampdown.model import Reject

START = 1_700_000_100 // 300 * 300
PEERS = (("192.0.2.1", 64501), ("192.0.2.2", 4_200_000_002), ("2001:db8:ffff::3", 64503), ("192.0.2.4", 64504))
FOUR = (
    "198.18.0.0/16", "198.18.0.0/22", "198.18.1.0/24", "198.18.1.128/25", "198.18.1.0/26", "198.18.2.0/23",
    "203.0.113.0/24", "203.0.112.0/23", "203.0.114.0/25", "0.0.0.0/0", "100.64.0.0/19",
)  # fmt: skip
SIX = ("2001:db8::/32", "2001:db8:1::/48", "2001:db8:2::/47", "2001:db8:8000::/33", "::/0")
PATHS: tuple[mrt.Path, ...] = (
    (64501, 64510), (64502, 64511), (64503, 64511, 4_200_000_010), (64510,), (64501, 64520, (64530, 64531)), (),
)  # fmt: skip
SMALL = Limits(full_feed=2, full_feed6=1, peers=2, visible=0.5, shortest=8, shortest6=12, silence=300)


class Reads:
    """A reader that gives blocks of given sizes, and perhaps breaks off."""

    def __init__(self, data: bytes, sizes: tuple[int, ...] = (1 << 20,), fault: Fault | None = None) -> None:
        self._data, self._at, self._sizes, self._turn, self._fault = data, 0, sizes, 0, fault

    @property
    def fault(self) -> Fault | None:
        return self._fault if self._at >= len(self._data) else None

    def read(self, size: int) -> bytes:
        size = min(size, self._sizes[self._turn % len(self._sizes)])
        self._turn += 1
        block = self._data[self._at : self._at + size]
        self._at += len(block)
        return block


@dataclass
class Got:
    """What a source gave for one stream."""

    levels: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict)  # (entity, signal) -> second: value
    series: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def reasons(self) -> list[str]:
        return [reject.reason for reject in self.rejects]


def got(data: bytes, limits: Limits = SMALL, kit: Kit | None = None, *, reader: Reads | None = None) -> Got:
    """Read a stream as intake does."""
    opened = Opened("bgp", reader or Reads(data), Place("made.mrt", None))
    out, rows = Got(), []
    for batch in read_with(opened, kit or Kit(), limits):
        assert batch.levels is not None
        rows += batch.levels.signals.to_pylist()
        out.series += batch.levels.series.to_pylist()
        out.rejects += batch.rejects
    names = {row["series"]: (row["entity"], row["signal"]) for row in out.series}
    for row in rows:
        second = int((row["time"] - row["time"].__class__(1970, 1, 1)).total_seconds())
        level = out.levels.setdefault(names[row["series"]], {})
        assert second not in level, "a time came twice"
        level[second] = row["value"]
    return out


def origin(path: mrt.Path, peer: int) -> int:
    last = path[-1] if path else peer
    return last if isinstance(last, int) else UNKNOWN


@dataclass(frozen=True)
class Step:
    """One thing that a collector heard."""

    what: str  # tell | down | up
    peer: int
    wait: int = 0  # seconds since the step before
    announced: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    path: mrt.Path = ()
    width: int = 4
    micro: int | None = None


def written(step: Step, time: int) -> bytes:
    address, asn = PEERS[step.peer]
    width = 4 if asn >= 1 << 16 else step.width
    if step.what == "tell":
        sent = mrt.update(step.announced, step.withdrawn, step.path, width)
        return mrt.told(time, address, asn, sent, width=width, micro=step.micro)
    old, new = (6, 1) if step.what == "down" else (5, 6)
    return mrt.state(time, address, asn, old, new, width=width)


class Model:
    """Tables of all peers as plain dicts, and what is visible in them by brute force."""

    def __init__(self, tables: dict[int, dict[str, int]] | None = None) -> None:
        self.tables: dict[int, dict[str, int]] = {n: dict((tables or {}).get(n, {})) for n in range(len(PEERS))}
        self.whole = {(n, version) for n in tables or {} for version in (4, 6)}
        self.begun: set[int] = set()  # peers whose session began
        self.known: set[tuple[str, str]] = set()  # (entity, signal) that had a level

    def step(self, step: Step) -> None:
        table = self.tables[step.peer]
        if step.what != "tell":
            table.clear()
            self.whole -= {(step.peer, 4), (step.peer, 6)}
            (self.begun.add if step.what == "up" else self.begun.discard)(step.peer)
            return
        if not step.withdrawn and not step.announced and step.peer in self.begun:
            self.whole.add((step.peer, 4))  # an empty message: that was all (RFC 4724)
        for each in step.withdrawn:
            table.pop(each, None)
        for each in step.announced:
            table[each] = origin(step.path, PEERS[step.peer][1])

    def levels(self, limits: Limits, countries: Countries | None) -> dict[tuple[str, str], int]:
        """All levels of now."""
        out: dict[tuple[str, str], int] = {}
        for version, pool in ((4, FOUR), (6, SIX)):
            tables = {n: {p: o for p, o in t.items() if mrt.family(p) == version} for n, t in self.tables.items()}
            full = [n for n in tables if (n, version) in self.whole and len(tables[n]) > limits.full(version)]
            if len(full) < limits.peers:
                continue
            names = ["bgp/prefixes", "bgp/slash24"] if version == 4 else ["bgp/prefixes6"]
            found: dict[str, list[str]] = {}
            for text in pool:
                told = [tables[n][text] for n in full if text in tables[n]]
                if not told:
                    continue
                most = max(Counter(told).values())
                owner = min(o for o, count in Counter(told).items() if count == most)
                places = [f"AS{owner}"] if owner != UNKNOWN else []
                if countries and (code := countries.of(text, owner)):
                    places.append(code)
                for place in places:
                    found.setdefault(place, [])
                    if len(told) > limits.visible * len(full) and ipaddress.ip_network(text).prefixlen >= 8:
                        found[place].append(text)
            if countries:
                found |= {code: found.get(code, []) for code in countries.codes}
            self.known |= {(place, name) for place in found for name in names}
            for place, name in self.known:
                if name in names:
                    seen = found.get(place, [])
                    out[place, name] = len(blocks(seen)) if name == "bgp/slash24" else len(seen)
        return out


def blocks(prefixes: list[str]) -> set[int]:
    """Every /24 that these prefixes touch, one by one."""
    out: set[int] = set()
    for each in prefixes:
        network = ipaddress.ip_network(each)
        out |= set(range(int(network[0]) >> 8, (int(network[-1]) >> 8) + 1))
    return out


class Countries:
    """A small table of delegations."""

    codes = ("XA", "XB", "XC")

    def of_network(self, asn: int, /) -> str | None:
        return {64510: "XA", 64511: "XB"}.get(asn)

    def of_address(self, number: int, version: int, /) -> str | None:
        return "XB" if version == 4 and number >> 24 == 203 else None

    def of(self, text: str, asn: int) -> str | None:
        network = ipaddress.ip_network(text)
        return self.of_address(int(network[0]), network.version) or self.of_network(asn)


@st.composite
def steps(draw: st.DrawFn, waits: int = 40, most: int = 25) -> list[Step]:
    """A script of changes."""
    pool = st.sampled_from(FOUR + SIX)
    tell = st.builds(
        Step,
        what=st.just("tell"),
        peer=st.integers(0, len(PEERS) - 1),
        wait=st.integers(0, waits),
        announced=st.lists(pool, max_size=4, unique=True).map(tuple),
        withdrawn=st.lists(pool, max_size=3, unique=True).map(tuple),
        path=st.sampled_from(PATHS),
        width=st.sampled_from((2, 4)),
        micro=st.sampled_from((None, 0, 999_999)),
    )
    turn = st.builds(Step, what=st.sampled_from(("down", "up")), peer=st.integers(0, 3), wait=st.integers(0, waits))
    return draw(st.lists(st.one_of(tell, tell, tell, tell, turn), min_size=1, max_size=most))


@st.composite
def tables(draw: st.DrawFn) -> dict[int, dict[str, mrt.Path]]:
    """A table of the collector: what each peer has."""
    pool, path = st.sampled_from(FOUR + SIX), st.sampled_from(PATHS)
    return {n: draw(st.dictionaries(pool, path, max_size=14)) for n in range(len(PEERS))}


def dumped(table: dict[int, dict[str, mrt.Path]], time: int) -> bytes:
    """TABLE_DUMP_V2 of all peers."""
    out = [mrt.peers(time, PEERS, b"view")]
    for number, text in enumerate(FOUR + SIX):
        rows = [(n, own[text]) for n, own in table.items() if text in own]
        if rows:
            out.append(mrt.entry(time, text, rows, number=number))
    return b"".join(out)
