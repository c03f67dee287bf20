"""Law: each nuisance is drawn from a stream of its own, so that switching one off leaves all others as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from signals.places import DAY
from signals.script import HOUR, NUISANCES, Nuisance

YEAR: Final = 365
_LUNAR: Final = 354


class Streams:
    """Generators by name: the same name under the same seed draws the same numbers, whoever else draws."""

    def __init__(self, *key: int) -> None:
        self._key = key

    def of(self, *name: int | str) -> np.random.Generator:
        words = [int.from_bytes(one.encode(), "little") if isinstance(one, str) else one for one in name]
        return np.random.default_rng([*self._key, *words])


def _times(rng: np.random.Generator, rate: float, days: int) -> np.ndarray:
    return np.sort(rng.uniform(0, days * DAY, rng.poisson(rate * days / YEAR)))


def of_country(
    streams: Streams, country: int, offset: np.ndarray, arms: frozenset[str], rates: Mapping[str, float]
) -> Iterator[Nuisance]:
    """Holidays, curfews, sports and news. A free day is to usage what a Friday was in the real export: up to 0.57 (log)

    lower in the morning, because people get up later; beyond that up to 0.3 lower all day, or a little higher.
    """
    days = len(offset) // 24
    if "holidays" in arms:
        rng = streams.of("holidays", country)
        for number in range(rng.poisson(rates.get("holidays", NUISANCES["holidays"]))):
            period = YEAR if number % 2 else _LUNAR
            first, length = rng.uniform(0, period), rng.integers(1, 11)
            size, shift = rng.uniform(-0.3, 0.1), rng.uniform(0, 75)
            for day in np.floor(np.arange(first, days, period)):
                midnight = day * DAY - float(offset[24 * int(day)])
                span = (midnight, midnight + length * DAY)
                yield Nuisance("holidays", *span, country=country, size=size, shift=shift)
    if "curfew" in arms:
        rng = streams.of("curfew", country)
        for start in _times(rng, rates.get("curfew", NUISANCES["curfew"]), days):
            hours = (float(rng.integers(19, 24)), float(rng.integers(4, 8)))
            span = (start, start + rng.uniform(3, 40) * DAY)
            yield Nuisance("curfew", *span, country=country, size=-rng.uniform(0.2, 1.0), hours=hours)
    if "spikes" in arms:
        rng = streams.of("spikes", country)
        for start in _times(rng, rates.get("spikes", NUISANCES["spikes"]), days):
            size = rng.uniform(0.15, 0.7) if rng.random() < 0.6 else -rng.uniform(0.1, 0.35)
            yield Nuisance("spikes", start, start + rng.uniform(1, 4) * HOUR, country=country, size=size)


def of_series(
    streams: Streams, number: int, entity: str, signal: str, days: int, arms: frozenset[str], rates: Mapping[str, float]
) -> Iterator[Nuisance]:
    """Level shifts, gaps and single bad bins of one series."""

    def times(kind: str) -> tuple[np.random.Generator, np.ndarray]:
        rng = streams.of(kind, signal, number)
        return rng, _times(rng, rates.get(kind, NUISANCES[kind]), days) if kind in arms else np.empty(0)

    rng, starts = times("shifts")
    for start in starts:
        size = rng.uniform(0.03, 0.4)
        size = float(np.log1p(-size)) if rng.random() < 0.6 else float(np.log1p(size))
        yield Nuisance("shifts", start, start, entity=entity, signal=signal, size=size)
    rng, starts = times("missing")
    for start in starts:
        length = float(np.exp(rng.uniform(np.log(1), np.log(120)))) * HOUR
        yield Nuisance("missing", start, start + length, entity=entity, signal=signal)
    rng, starts = times("bad-bins")
    for start in starts:
        kind = rng.integers(3)
        size = (-np.inf, -rng.uniform(0.3, 3.0), rng.uniform(0.7, 3.0))[kind]
        yield Nuisance("bad-bins", start, start, entity=entity, signal=signal, size=float(size))


def of_sources(
    streams: Streams, signals: Sequence[str], days: int, arms: frozenset[str], rates: Mapping[str, float]
) -> Iterator[Nuisance]:
    """A source that fails or is missing for all countries at once."""
    for signal in signals:
        if "missing-everywhere" in arms:
            rng = streams.of("missing-everywhere", signal)
            for start in _times(rng, rates.get("missing-everywhere", NUISANCES["missing-everywhere"]), days):
                length = float(np.exp(rng.uniform(np.log(1), np.log(48)))) * HOUR
                yield Nuisance("missing-everywhere", start, start + length, signal=signal)
        if "source-failure" in arms:
            rng = streams.of("source-failure", signal)
            for start in _times(rng, rates.get("source-failure", NUISANCES["source-failure"]), days):
                length = float(np.exp(rng.uniform(np.log(5), np.log(360))))
                left = 0.0 if rng.random() < 0.5 else rng.uniform(0.02, 0.5)
                yield Nuisance("source-failure", start, start + length, signal=signal, size=left)
