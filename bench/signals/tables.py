"""Law: a world is handed on as the store would hand it: a settled table a day, and for each day what its series are.

Missing levels of every other series are rows without a value, of the others no rows: sources do both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa

from clampdown.intake.levels import Signal, series_id
from clampdown.model import CONNECTIVITY
from signals.world import SimSeries, World

_SIGNALS, _SERIES = CONNECTIVITY["signals"], CONNECTIVITY["series"]
DAY = 86_400


def digest_of(world: World) -> str:
    """Stands for the input that the world would have been read from."""
    return hashlib.sha256(f"{world.family} {world.seed} {world.days}".encode()).hexdigest()


def named(one: SimSeries) -> Signal:
    return Signal(
        one.entity,
        one.entity_kind,
        one.plane,
        one.signal,
        one.operator,
        one.operator,
        one.step,
        country=one.country,
        network=one.network,
        service=one.service,
        unit=one.unit,
        normalised=one.unit == "normalised",
    )


class Days:
    """The days of a world with their levels, in order; as often as it is asked."""

    def __init__(self, world: World, ids: Sequence[str]) -> None:
        self._world, self._ids = world, ids

    def __iter__(self) -> Iterator[tuple[str, pa.Table]]:
        return _days(self._world, self._ids)

    __call__ = __iter__


def as_tables(world: World) -> tuple[Days, pa.Table]:
    """(days with their levels; what the series are)."""
    digest = digest_of(world)
    ids = [series_id(named(one), digest) for one in world.series]
    return Days(world, ids), _series(world, ids, digest)


def _days(world: World, ids: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    order = sorted(range(len(ids)), key=ids.__getitem__)
    counts = np.array([DAY // world.series[place].step for place in order])
    series = pa.array([ids[place] for place in order]).take(pa.array(np.repeat(np.arange(len(order)), counts)))
    steps = [world.series[place].step for place in order]
    offsets = np.concatenate([np.arange(n) * s for n, s in zip(counts, steps, strict=True)]) * 1_000_000
    said = np.repeat(np.arange(len(order)) % 2 == 0, counts)
    base = np.datetime64(world.start, "us")
    for day in range(world.days):
        name = (world.start + timedelta(days=day)).date().isoformat()
        times = base + (np.int64(day * DAY * 1_000_000) + offsets).astype("timedelta64[us]")
        values, quality = [], []
        for place, count in zip(order, counts, strict=True):
            one = world.series[place]
            part = slice(day * count, (day + 1) * count)
            values.append(one.values[part])
            quality.append(np.full(count, np.nan) if one.quality is None else one.quality[part])
        columns = [
            series,
            pa.array(times, pa.timestamp("us")),
            pa.array(np.concatenate(values), pa.float64(), from_pandas=True),
            pa.array(np.concatenate(quality), pa.float64(), from_pandas=True),
            pa.repeat(pa.scalar(name), len(series)),
        ]
        made = pa.Table.from_arrays(columns, schema=_SIGNALS)
        yield name, made.filter(pa.array(said | ~np.isnan(np.concatenate(values))))


def _series(world: World, ids: Sequence[str], digest: str) -> pa.Table:
    days = [(world.start + timedelta(days=day)).date().isoformat() for day in range(world.days)]
    rows = []
    for one, name in zip(world.series, ids, strict=True):
        said = {key: value for key, value in named(one)._asdict().items() if key in _SERIES.names}
        said |= {"series": name, "scale": digest if one.unit == "normalised" else "all", "rows": DAY // one.step}
        rows.append(said | {"input": digest, "locator": f"world-{world.family}-{world.seed}.csv", "day": days[0]})
    once = pa.Table.from_pylist(rows, schema=_SERIES)
    place = once.schema.get_field_index("day")
    return pa.concat_tables(
        once.set_column(place, _SERIES.field("day"), pa.repeat(pa.scalar(day), len(rows))) for day in days
    )
