"""Law: what truly happens in a world is said here and nowhere else; times are hours since the world began."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

LASTS: Final = math.inf


@dataclass(frozen=True, slots=True)
class Block:
    """One happening: these networks keep readers from these targets, in these spans of hours."""

    name: str
    networks: tuple[int, ...]  # places in the country, 0 = the largest
    targets: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    share: float = 1.0  # of the tries that meet it
    delays: tuple[float, ...] = ()  # per network: a roll-out; empty: all at once
    country: int = 0
    mechanism: str = "tls.reset.sni"
    settled: bool = False  # by a block page with a fingerprint of national scope
    alone: bool = False  # in its hours one vantage point is all that tests it
    pattern: str = "steady"  # steady | hours | curfew | flapping | rollout

    @property
    def onset(self) -> float:
        return self.spans[0][0]

    @property
    def end(self) -> float:
        return self.spans[-1][1]

    def spans_of(self, network: int) -> tuple[tuple[float, float], ...]:
        if not self.delays:
            return self.spans
        delay = self.delays[self.networks.index(network)]
        return tuple((start + delay, end) for start, end in self.spans if start + delay < end)


@dataclass(frozen=True, slots=True)
class SiteDown:
    """A site that goes down for everyone; controls say so for a part of the tries only."""

    targets: tuple[int, ...]
    start: float
    end: float
    share: float = 0.95
    said: float = 0.6  # of the failing tries: `down`; of the rest half `unknown`, half `blocked`


@dataclass(frozen=True, slots=True)
class BadRelease:
    """A release of the probe under which one test fails, whoever runs it, until the next release."""

    release: int  # which one of the world's releases
    test: str
    share: float = 0.9


@dataclass(frozen=True, slots=True)
class Collapse:
    """Measurements stop: this part of the sessions is left."""

    start: float
    end: float
    left: float = 0.05
    networks: tuple[int, ...] = ()  # empty: the whole country
    country: int = 0


@dataclass(frozen=True, slots=True)
class Forger:
    """Rows that someone made up.

    a: one session; b: as many sessions as rows, all of one description; c: as many sessions as rows, every field of
    the description varied, within six hours of the first day; d: ids of true records under one session, which take
    the place of every second true record of these series.
    """

    kind: str
    network: int
    targets: tuple[int, ...]
    start: int  # day
    days: int = 1
    rows: int = 10_000
    state: str = "blocked"
    country: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that happens in a world. `releases`: days on which the probe's makers publish one."""

    blocks: tuple[Block, ...] = ()
    downs: tuple[SiteDown, ...] = ()
    collapses: tuple[Collapse, ...] = ()
    forgers: tuple[Forger, ...] = ()
    bad: tuple[BadRelease, ...] = ()
    releases: tuple[int, ...] = (-60, 20, 75, 130, 190, 250, 310)


NOTHING: Final = Script()


@dataclass(slots=True)
class Seen:
    """What the rows of a world held of one block: filled while the days are made."""

    tries: int = 0
    hit: int = 0
    vantages: set[str] = field(default_factory=set)
    first: int | None = None  # hour of the first and the last try that met it
    last: int | None = None
