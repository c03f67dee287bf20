"""Law: a world is a function of its seed, family and arms; each series is drawn from a stream of its own.

`world(seed, family, years, countries, *arms)` gives the levels of all series with the truth. Arms are the switches of
`script` (shapes, nuisances and cuts); without any, all are on. An arm that is off leaves every other draw as it was,
but that cuts keep their distance from each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from signals import levels, nuisances, script
from signals.kinds import BY_NAME, Kind, of_family
from signals.levels import Clock
from signals.nuisances import Streams
from signals.places import COUNTRIES, Country, offsets
from signals.script import Cut, Nuisance

FAMILIES: Final = {"tuning": 1, "report": 2}
START: Final = date(2023, 1, 2)  # a Monday
SEEN: Final = 0.01  # a place that lost less than this lost nothing that could be told


@dataclass(frozen=True, slots=True)
class Place:
    """An entity, and what share of its country it is."""

    entity: str
    kind: str
    country: str
    number: int  # of its country
    part: int  # which region or network it is
    weight: float = 1.0
    network: int | None = None


@dataclass(frozen=True, slots=True)
class SimSeries:
    entity: str
    entity_kind: str
    country: str
    network: int | None
    signal: str
    plane: str
    operator: str
    unit: str
    service: str | None
    step: int
    start: datetime
    values: np.ndarray  # nan: missing
    quality: np.ndarray | None = None  # Tor: frac / 100


@dataclass(frozen=True, slots=True)
class Truth:
    """What one entity truly lost. `back`: when all of it was there again."""

    name: str  # one happening has one name, whoever it struck
    kind: str
    entity: str
    entity_kind: str
    country: str
    start: datetime
    end: datetime
    back: datetime
    spans: tuple[tuple[datetime, datetime], ...]
    loss: Mapping[str, float]  # by plane, at the worst

    @property
    def planes(self) -> tuple[str, ...]:
        return tuple(sorted(plane for plane, loss in self.loss.items() if loss >= SEEN))


@dataclass(frozen=True)
class World:
    seed: int
    family: str
    start: datetime
    days: int
    places: tuple[Place, ...]
    series: tuple[SimSeries, ...]
    truth: tuple[Truth, ...]
    nuisances: tuple[Nuisance, ...]

    @property
    def years(self) -> float:
        return self.days / 365

    def minute(self, at: datetime) -> float:
        return (at - self.start) / timedelta(minutes=1)

    def of(self, entity: str, signal: str) -> SimSeries:
        return next(one for one in self.series if (one.entity, one.signal) == (entity, signal))


SIGNALS: Final = ("bgp/slash24", "probing/slash24", "telescope/sources", "google/search")


def world(
    seed: int,
    family: str = "report",
    years: float = 1.0,
    countries: int = 3,
    *arms: str,
    signals: Sequence[str] = SIGNALS,
    regions: int = 1,
    networks: int = 1,
    start: date = START,
    rates: Mapping[str, float] = {},
) -> World:
    """`rates` overrides how many a year there are of a nuisance or cut. At most as many countries as are listed."""
    chosen = frozenset(arms) or script.EVERYTHING
    unknown = chosen - script.EVERYTHING
    if unknown or not 0 < countries <= len(COUNTRIES):
        raise ValueError(f"no arm {sorted(unknown)}" if unknown else f"1 to {len(COUNTRIES)} countries")
    days, streams = round(years * 365), Streams(FAMILIES[family], seed)
    kinds = [of_family(BY_NAME[name], family) for name in signals]
    picked = streams.of("countries").permutation(len(COUNTRIES))[:countries]
    make = _Make(streams, days, start, chosen, rates, kinds)
    everywhere = list(nuisances.of_sources(streams, signals, days, chosen, rates))
    series: list[SimSeries] = []
    places: list[Place] = []
    truth: list[Truth] = []
    found = list(everywhere)
    for number, index in enumerate(picked):
        country = COUNTRIES[int(index)]
        offset = offsets(country.zone, start, days, "dst" in chosen)
        own = list(nuisances.of_country(streams, number, offset, chosen, rates))
        here = _places(streams, country, number, regions, networks)
        cuts = make.cuts(number, offset, here)
        places += here
        found += own
        truth += [t for cut in cuts for place in here if (t := make.truth(cut, place)) is not None]
        for place in here:
            for one, held in make.series(place, country, offset, cuts, own, everywhere):
                series.append(one)
                found += held
    begin = datetime(start.year, start.month, start.day)
    return World(seed, family, begin, days, tuple(places), tuple(series), tuple(truth), tuple(found))


def _places(streams: Streams, country: Country, number: int, regions: int, networks: int) -> list[Place]:
    rng = streams.of("places", number)
    found = [Place(country.code, "country", country.code, number, 0)]
    for part in range(regions):
        weight = float(rng.uniform(0.1, 0.45)) / max(1, regions / 2)
        found.append(Place(f"{country.code}/Region {part + 1}", "region", country.code, number, part, weight))
    for part in range(networks):
        weight = float(rng.uniform(0.1, 0.45)) / max(1, networks / 2)
        network = 4_200_000_000 + 1000 * number + part
        found.append(Place(f"AS{network}", "network", country.code, number, part, weight, network))
    return found


@dataclass(frozen=True)
class _Make:
    streams: Streams
    days: int
    start: date
    arms: frozenset[str]
    rates: Mapping[str, float]
    kinds: Sequence[Kind]

    @property
    def begin(self) -> datetime:
        return datetime(self.start.year, self.start.month, self.start.day)

    def cuts(self, number: int, offset: np.ndarray, here: Sequence[Place]) -> list[Cut]:
        regions = [place.weight for place in here if place.kind == "region"]
        networks = [place.weight for place in here if place.kind == "network"]
        draw = script.Draw(self.streams.of("cuts", number), offset, regions, networks, self.days)
        return script.cuts(draw, number, self.arms, self.rates)

    def series(
        self,
        place: Place,
        country: Country,
        offset: np.ndarray,
        cuts: Sequence[Cut],
        own: Sequence[Nuisance],
        everywhere: Sequence[Nuisance],
    ) -> Iterator[tuple[SimSeries, list[Nuisance]]]:
        holidays = [one for one in own if one.kind == "holidays"]
        for kind in self.kinds:
            if place.kind not in kind.sources:
                continue
            number = (
                1000 * place.number + (0, 100, 200)[("country", "region", "network").index(place.kind)] + place.part
            )
            clock = Clock(kind.step, self.days, offset, self.start.weekday(), country.weekend)
            rng = self.streams.of("series", kind.signal, number)
            base = float(np.exp(rng.uniform(*np.log(kind.base)))) * place.weight
            level = levels.course(kind, rng, clock, self.arms, holidays)
            moved = levels.moved_people(kind, clock, own)
            level = np.exp(level if moved is None else level + moved) * base
            for cut in cuts:
                hit = levels.struck(kind, clock, cut, _weight(cut, place))
                if hit is not None:
                    level[hit[0]] *= 1 - hit[1]
            quality = None
            if kind.service == "tor":
                quality, wrong = levels.frac(self.streams.of("frac", number), len(level), self._rate("frac"))
                level *= wrong
            level = levels.counted(kind, rng, level)
            held = list(
                nuisances.of_series(self.streams, number, place.entity, kind.signal, self.days, self.arms, self.rates)
            )
            failing = [one for one in everywhere if one.signal == kind.signal]
            blind = [Nuisance("missing", *cut.blind) for cut in cuts if cut.blind and kind.plane == "background"]
            levels.disturbed(clock, level, [*held, *failing, *blind])
            if "missing" in self.arms:
                level[rng.random(len(level)) < rng.uniform(*kind.missing)] = np.nan
            yield self._named(kind, place, level, quality), held

    def _rate(self, kind: str) -> float:
        return self.rates.get(kind, script.NUISANCES[kind]) if kind in self.arms else 0.0

    def _named(self, kind: Kind, place: Place, level: np.ndarray, quality: np.ndarray | None) -> SimSeries:
        who = (place.entity, place.kind, place.country, place.network)
        what = (kind.signal, kind.plane, kind.operator, kind.unit, kind.service, kind.step)
        return SimSeries(*who, *what, self.begin, level, quality)

    def truth(self, cut: Cut, place: Place) -> Truth | None:
        weight = _weight(cut, place)
        planes = {kind.plane for kind in self.kinds if place.kind in kind.sources}
        loss = {plane: share * weight for plane, share in cut.loss.items() if plane in planes}
        if max(loss.values(), default=0.0) < SEEN:
            return None
        at = [(self._at(start), self._at(end)) for start, end in cut.spans]
        back = self._at(cut.spans[-1][1] + max(cut.off.values()))
        name = f"{cut.kind} {place.country} {at[0][0]:%Y-%m-%dT%H:%M}"
        return Truth(
            name, cut.kind, place.entity, place.kind, place.country, at[0][0], at[-1][1], back, tuple(at), loss
        )

    def _at(self, minute: float) -> datetime:
        return self.begin + timedelta(minutes=minute)


def _weight(cut: Cut, place: Place) -> float:
    """What share of this place is struck."""
    if cut.national:
        return 1.0
    if place.kind == "country":
        return cut.weight
    if place.kind == "region":
        return 1.0 if cut.region == place.part else 0.0
    return 1.0 if place.part in cut.networks else 0.0
