"""Law: a day of a world is a function of the seed and the day; the days are made one by one and none is kept.

`World(...).days()` gives tables in the schema VERDICTS, one a day, all countries together, sorted as the store sorts
them; `seen` then holds what the rows held of each scripted block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from sim.happen import afflict
from sim.noise import PARTS
from sim.people import MESSENGERS, USUAL, Benign, People, target_names, tests_of
from sim.rows import Day, forge, table
from sim.script import NOTHING, Script, Seen

WEEK = np.array([1.1, 1.1, 1.1, 1.1, 1.1, 0.8, 0.7])  # Monday to Sunday; people measure less at weekends
HOURS = np.cumsum([2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 7, 7, 6, 5, 3]) / 100


@dataclass(frozen=True)
class World:
    """A world of one or more countries. `rows` is the mean of one country's day."""

    seed: int
    networks: int = 60
    targets: int = 2000
    days_count: int = 364
    rows: float = 55_000
    countries: tuple[str, ...] = ("XA",)
    start: date = date(2024, 1, 1)  # a Monday
    devices: int = 1500
    least: int = 2
    skew: float = 1.0  # of networks and targets: 1 = Zipf, 0 = all alike
    session: int = 60  # web targets that a session draws
    dominant: float = 0.4
    messengers: bool = True
    benign: Benign = USUAL
    script: Script = NOTHING
    seen: dict[str, Seen] = field(default_factory=dict, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return target_names(self.targets, messengers=self.messengers)

    @cached_property
    def tests(self) -> np.ndarray:
        return tests_of(self.names)

    @cached_property
    def people(self) -> tuple[People, ...]:
        return tuple(
            People(self.seed, c, self.networks, self.names, self.devices, self.skew, self.least, self.dominant)
            for c in range(len(self.countries))
        )

    @cached_property
    def rates(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        return tuple(people.rates(self.benign) for people in self.people)

    @cached_property
    def sessions(self) -> float:
        """Sessions a day that give the asked number of rows: a target drawn twice in a session is tried once."""
        drawn = np.diff(self.people[0].popularity, prepend=0.0)
        web = (1 - (1 - drawn) ** self.session).sum()
        return self.rows / (web + 0.5 * self.people[0].web)

    def expected(self, country: int = 0) -> np.ndarray:
        """Mean tries a day of each series: networks x targets."""
        people = self.people[country]
        drawn = np.diff(people.popularity, prepend=0.0)
        target = np.concatenate([np.full(people.web, 0.5), 1 - (1 - drawn) ** self.session])
        return np.bincount(people.network, people.activity)[:, None] * self.sessions * target[None, :]

    def days(self) -> Iterator[pa.Table]:
        self.seen.clear()
        self.seen.update({block.name: Seen() for block in self.script.blocks})
        for day in range(self.days_count):
            yield pa.concat_tables([self.day(day, country) for country in range(len(self.countries))])

    def day(self, day: int, country: int = 0) -> pa.Table:
        rng = np.random.default_rng([self.seed, country, 1000 + day])
        made = self._tried(rng, day, country)
        afflict(self, made, rng)
        for place, forger in enumerate(self.script.forgers):
            if forger.country == country and forger.start <= day < forger.start + forger.days:
                made = forge(self, made, forger, place)
        return table(self, made)

    def _tried(self, rng: np.random.Generator, day: int, country: int) -> Day:
        """Who tried what, and when; nothing is said yet of how it went."""
        people = self.people[country]
        weekday = (self.start.weekday() + day) % 7
        count = rng.poisson(self.sessions * WEEK[weekday] / WEEK.mean() * people.activity)
        device = np.repeat(np.arange(len(count)), count)
        device = device[self._kept(rng, day, country, people.network[device])]
        hour = np.searchsorted(HOURS, rng.random(len(device)), side="right").clip(0, 23)
        if self.dominant:  # it measures round the clock
            hour = np.where(device == 0, rng.integers(0, 24, len(device)), hour)
        session = np.repeat(np.arange(len(device)), self.session)
        web = people.web + np.searchsorted(people.popularity, rng.random(len(session)), side="right")
        key = np.unique(session * len(self.names) + web.clip(0, len(self.names) - 1))
        session, target = np.divmod(key, len(self.names))
        for test in range(1, len(MESSENGERS) + 1) if people.web else ():
            ran = np.flatnonzero(rng.random(len(device)) < 0.5)
            roles = np.flatnonzero(self.tests == test)
            session = np.concatenate([session, np.repeat(ran, len(roles))])
            target = np.concatenate([target, np.tile(roles, len(ran))])
        second = hour * 3600 + rng.integers(0, 1800, len(device))  # and half an hour for the tests: the hour holds both
        return Day.of(self, day, country, rng, device, second, session, target)

    def _kept(self, rng: np.random.Generator, day: int, country: int, network: np.ndarray) -> np.ndarray:
        left = np.ones(len(network))
        for one in self.script.collapses:
            if one.country == country and one.start <= 24 * day < one.end:
                hit = np.isin(network, one.networks) if one.networks else np.ones(len(network), dtype=bool)
                left = np.where(hit, one.left, left)
        return rng.random(len(network)) < left


def arm(name: str, **changes: float) -> Benign:
    """Harmless failures with their correlation in the vantage point's day, the network's day, or both."""
    return Benign(part=PARTS[name], **changes)  # type: ignore[arg-type]
