"""Law: what truly happened is written first; the levels are made from it, and the truth is read off it.

Times are minutes since the world's start, UTC. A cut has a loss per plane where it strikes; what the country loses is
that times the weight of the part that is struck. Everything else here is a nuisance: it moves levels, and nobody
lost a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from signals.places import DAY

PLANES: Final = ("control", "data", "background", "usage")
HOUR: Final = 60
LEARNING: Final = 42  # days at the start in which nothing is cut: every rule needs a past
APART: Final = 3 * DAY  # between two cuts of a country

SHAPES: Final = ("diurnal", "weekly", "drift", "dst")
# How many a year: of a country, of a series, or of a source for all countries at once. Guesses (provisional): the
# quiet month of the export has no bad bin and no failure in five series (at most 7 a year of a series by that), and a
# gap of one to three hours in three of the five.
NUISANCES: Final = {
    "holidays": 5.0,  # country; half of them move by eleven days a year
    "curfew": 0.3,  # country
    "spikes": 6.0,  # country
    "shifts": 0.4,  # series
    "missing": 1.5,  # series
    "bad-bins": 2.0,  # series
    "missing-everywhere": 1.5,  # source
    "frac": 3.5,  # series of Tor: runs of days on which it had fewer of its relays than usual
    "source-failure": 2.0,  # source
}
# Cuts of a country in a year, in the world of everything.
CUTS: Final = {
    "throttling": 0.4,
    "partial": 0.5,
    "power": 0.6,
    "fade": 0.3,
    "exams": 0.15,
    "nightly": 0.15,
    "national-90-2h": 0.3,
    "national-50-6h": 0.3,
    "long": 0.1,
    "blind": 0.2,
}
QUIET: Final = frozenset(SHAPES) | frozenset(NUISANCES)
EVERYTHING: Final = QUIET | frozenset(CUTS)

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cut:
    """One happening in one country. `loss` is that of the part which is struck, by plane."""

    kind: str
    country: int
    spans: tuple[Span, ...]
    loss: Mapping[str, float]
    on: Mapping[str, float]  # minutes until it is whole, by plane
    off: Mapping[str, float]  # minutes until all is back
    region: int | None = None
    networks: tuple[int, ...] = ()
    weight: float = 1.0  # what share of the country is struck
    control_until: float | None = None  # the control plane is back by itself
    let_through: Span | None = None  # google/search works again within it
    blind: Span | None = None  # the telescope is missing

    @property
    def national(self) -> bool:
        return self.region is None and not self.networks


@dataclass(frozen=True, slots=True)
class Nuisance:
    """`country` None: everywhere; `signal` None: as its kind says; `entity` None: all of them."""

    kind: str
    start: float
    end: float  # of what moves for good: when it has moved
    country: int | None = None
    entity: str | None = None
    signal: str | None = None
    size: float = 0.0  # logarithm of the factor, or what a failing source still shows
    shift: float = 0.0  # minutes by which people get up later
    hours: Span = (0.0, 0.0)  # local, of a curfew


@dataclass(slots=True)
class Draw:
    """What the makers of cuts need: one generator, the local clock, and the parts of the country."""

    rng: np.random.Generator
    offset: np.ndarray  # minutes ahead of UTC, by hour
    regions: Sequence[float]  # weights
    networks: Sequence[float]
    days: int
    taken: list[Span] = field(default_factory=list)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def utc(self, local: float) -> float:
        at = local
        for _ in range(2):  # the offset is that of the time sought
            hour = int(np.clip(at // HOUR, 0, len(self.offset) - 1))
            at = local - float(self.offset[hour])
        return at

    def place(self, length: float, hours: Span = (0.0, 24.0), grain: float = HOUR / 2) -> float | None:
        """A free time for something of this length, beginning on the half hour of local time; None if none is found."""
        last = self.days - length / DAY - 2
        for _ in range(40):
            if last <= LEARNING:
                return None
            local = self.rng.integers(LEARNING, int(last)) * DAY + self.between(*hours) * HOUR
            start = self.utc(local // grain * grain)
            if all(start > end + APART or start + length < begin - APART for begin, end in self.taken):
                self.taken.append((start, start + length))
                return start
        return None


def _losses(draw: Draw, loss: float, control: float | None = None) -> dict[str, float]:
    """Of a cut by this much. Half of the time routes are withdrawn, half they stay and lead nowhere (Iran, 2026)."""
    if control is None:
        control = loss if draw.rng.random() < 0.5 else draw.between(0.0, 0.14) * loss
    data = loss * draw.between(0.97, 1.03)
    usage, background = data * draw.between(0.97, 1.04), data * draw.between(0.85, 1.0)
    found = {"control": control, "data": data, "background": background, "usage": usage}
    return {plane: min(value, 0.985) for plane, value in found.items()}


def _ramps(draw: Draw, slow: float = 1.0) -> tuple[dict[str, float], dict[str, float]]:
    on = {"control": 15, "data": 20, "background": 20, "usage": 20}
    off = {"control": 30, "data": 60, "background": 90, "usage": 60}
    return (
        {plane: draw.between(0, most) for plane, most in on.items()},
        {plane: draw.between(5, most) * slow for plane, most in off.items()},
    )


def _national(draw: Draw, country: int, kind: str, loss: float, hours: float, **more: object) -> Cut | None:
    start = draw.place(hours * HOUR)
    if start is None:
        return None
    on, off = _ramps(draw)
    return Cut(kind, country, ((start, start + hours * HOUR),), _losses(draw, loss), on, off, **more)  # type: ignore[arg-type]


def _short(draw: Draw, country: int) -> Cut | None:
    return _national(draw, country, "national-90-2h", 0.9, 2)


def _half(draw: Draw, country: int) -> Cut | None:
    return _national(draw, country, "national-50-6h", 0.5, 6)


def _blind(draw: Draw, country: int) -> Cut | None:
    """The telescope goes missing within two hours of the onset, and stays so."""
    cut = _national(draw, country, "blind", draw.between(0.7, 0.97), draw.between(6, 48))
    if cut is None:
        return None
    start, end = cut.spans[0]
    return _with(cut, blind=(start + draw.between(0, 120), end + draw.between(0, 600)))


def _long(draw: Draw, country: int) -> Cut | None:
    """As in Iran in 2026: the routes dip and are back after 15 hours, one service is let through after ten days."""
    days = draw.between(12, 20)
    start = draw.place(days * DAY)
    if start is None:
        return None
    on, off = _ramps(draw, 2.0)
    end = start + days * DAY
    relief = (start + draw.between(0.4, 0.6) * days * DAY, end)
    losses = _losses(draw, 0.96, control=draw.between(0.03, 0.15))
    back = start + draw.between(10, 20) * HOUR
    return Cut("long", country, ((start, end),), losses, on, off, control_until=back, let_through=relief)


def _throttling(draw: Draw, country: int) -> Cut | None:
    hours = float(np.exp(draw.between(np.log(3), np.log(480))))
    start = draw.place(hours * HOUR)
    if start is None:
        return None
    on, off = _ramps(draw)
    return Cut("throttling", country, ((start, start + hours * HOUR),), {"usage": draw.between(0.3, 0.7)}, on, off)


def _partial(draw: Draw, country: int) -> Cut | None:
    hours = float(np.exp(draw.between(np.log(2), np.log(96))))
    start = draw.place(hours * HOUR)
    if start is None or not draw.regions:
        return None
    on, off = _ramps(draw)
    spans, losses = ((start, start + hours * HOUR),), _losses(draw, draw.between(0.6, 0.97))
    if draw.networks and draw.rng.random() < 0.5:
        parts = tuple(range(len(draw.networks)))
        return Cut("partial", country, spans, losses, on, off, networks=parts, weight=sum(draw.networks))
    region = int(draw.rng.integers(len(draw.regions)))
    return Cut("partial", country, spans, losses, on, off, region=region, weight=draw.regions[region])


def _power(draw: Draw, country: int) -> Cut | None:
    hours = draw.between(1, 12)
    start = draw.place(hours * HOUR, grain=1.0)
    if start is None or not draw.regions:
        return None
    on, off = _ramps(draw, 3.0)
    losses = _losses(draw, draw.between(0.3, 0.9), control=draw.between(0.0, 0.3))
    spans, region = ((start, start + hours * HOUR),), int(draw.rng.integers(len(draw.regions)))
    return Cut("power", country, spans, losses, on, off, region=region, weight=draw.regions[region])


def _fade(draw: Draw, country: int) -> Cut | None:
    """It gets worse for half a day to three days, stays, and comes back."""
    rise, stay = draw.between(12, 72) * HOUR, draw.between(6, 48) * HOUR
    start = draw.place(rise + stay, grain=1.0)
    if start is None:
        return None
    _, off = _ramps(draw, 4.0)
    losses = _losses(draw, draw.between(0.4, 0.85))
    return Cut("fade", country, ((start, start + rise + stay),), losses, dict.fromkeys(PLANES, rise), off)


def _recurring(draw: Draw, country: int, kind: str, begin: Span, hours: Span, count: Span, every: int) -> Cut | None:
    many, length = int(draw.rng.integers(*map(int, count))), round(draw.between(*hours) * 2) * HOUR / 2
    first = draw.place(many * every * DAY, begin)
    if first is None:
        return None
    on, off = _ramps(draw, 0.5)
    spans = tuple((first + n * every * DAY, first + n * every * DAY + length) for n in range(many))
    return Cut(kind, country, spans, _losses(draw, draw.between(0.85, 0.97)), on, off)


def _exams(draw: Draw, country: int) -> Cut | None:
    return _recurring(draw, country, "exams", (4.5, 8.0), (2, 3.5), (5, 13), int(draw.rng.integers(1, 3)))


def _nightly(draw: Draw, country: int) -> Cut | None:
    return _recurring(draw, country, "nightly", (0.0, 1.5), (4, 9), (7, 30), 1)


def _with(cut: Cut, **changes: object) -> Cut:
    held = {name: getattr(cut, name) for name in Cut.__dataclass_fields__}
    return Cut(**(held | changes))  # type: ignore[arg-type]


_MAKERS: Final[dict[str, Callable[[Draw, int], Cut | None]]] = {
    "long": _long,  # the longest first: it finds the least room
    "nightly": _nightly,
    "exams": _exams,
    "throttling": _throttling,
    "fade": _fade,
    "partial": _partial,
    "power": _power,
    "blind": _blind,
    "national-90-2h": _short,
    "national-50-6h": _half,
}


def cuts(draw: Draw, country: int, arms: frozenset[str], rates: Mapping[str, float]) -> list[Cut]:
    """The cuts of one country, drawn anew until they keep their distance."""
    found: list[Cut] = []
    years = draw.days / 365
    for kind, make in _MAKERS.items():
        if kind in arms:
            made = (make(draw, country) for _ in range(draw.rng.poisson(rates.get(kind, CUTS[kind]) * years)))
            found += [cut for cut in made if cut is not None]
    return sorted(found, key=lambda cut: cut.spans[0])
