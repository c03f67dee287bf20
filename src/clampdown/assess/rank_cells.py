"""Law: a unit of tries is one vantage point in one hour; tries of one vantage point on one target are capped, so that
no single one can outweigh the others; a network heard by too few vantage points counts for nothing.

From the table of cells (model.CELLS) to arrays, in SQL and in columns: there is no loop over cells. A try counts where
it decided `ok`, `blocked` or `throttled`; `refused` and `down` tell neither way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.engine import Engine, Rows
from clampdown.evidence import digest

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COLUMNS: Final = (
    "day", "hour", "country", "network", "target", "layer", "vantage", "n_ok", "n_blocked", "n_throttled", "n_refused",
    "n_down",
)  # fmt: skip
_TRIES: Final = """
SELECT country, network, target, vantage, day, hour, MAX(CASE WHEN n_ok > 0 THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN n_blocked > 0 THEN 1 ELSE 0 END) AS blocked,
  MAX(CASE WHEN n_throttled > 0 THEN 1 ELSE 0 END) AS throttled,
  MAX(CASE WHEN n_refused + n_down > 0 THEN 1 ELSE 0 END) AS other
FROM cells
WHERE layer = 'state' AND country IS NOT NULL AND target IS NOT NULL
GROUP BY country, network, target, vantage, day, hour
"""
# A vantage point that saw two things within one hour saw interference only where all of it was interference.
_VOTES: Final = """
SELECT country, network, target, vantage, COUNT(*) AS tried,
  SUM(CASE WHEN blocked = 1 AND ok = 0 AND other = 0 THEN 1 ELSE 0 END) AS blocked,
  SUM(CASE WHEN throttled = 1 AND ok = 0 AND other = 0 THEN 1 ELSE 0 END) AS throttled
FROM tries WHERE ok + blocked + throttled > 0 AND network IS NOT NULL
GROUP BY country, network, target, vantage
"""
# A country whose tries decided nothing, or whose network nobody knows, was measured all the same.
_HEARD: Final = """
SELECT country, network,
  COUNT(DISTINCT CASE WHEN network IS NOT NULL AND ok + blocked + throttled > 0 THEN vantage END) AS vantage_points
FROM tries GROUP BY country, network
"""
_CAPPED: Final = """
SELECT v.country AS country, v.network AS network, v.target AS target,
  CAST(SUM(LEAST(v.tried, {cap})) AS BIGINT) AS tried,
  CAST(SUM(CASE WHEN v.tried <= {cap} THEN v.blocked ELSE ROUND({cap} * v.blocked / v.tried) END) AS BIGINT) AS blocked,
  CAST(SUM(CASE WHEN v.tried <= {cap} THEN v.throttled ELSE ROUND({cap} * v.throttled / v.tried) END) AS BIGINT)
    AS throttled
FROM votes AS v JOIN heard AS h ON h.country = v.country AND h.network = v.network
WHERE h.vantage_points >= {floor}
GROUP BY v.country, v.network, v.target
ORDER BY country, network, target
"""


class Tallied(NamedTuple):
    """One entry per (network, target) that was tried, sorted by country, network and target."""

    countries: tuple[str, ...]  # sorted; those without a network that counts are among them
    networks: Ints  # AS number of each network, a network of two countries being two
    targets: tuple[str, ...]  # sorted
    country: Ints
    network: Ints
    target: Ints
    tried: Ints
    blocked: Ints
    throttled: Ints
    owner: Ints  # country of each network
    left_out: Ints  # networks of each country from which too few vantage points decided anything

    def hits(self, saw: str) -> Ints:
        return self.blocked if saw == "blocked" else self.throttled


def tally(engine: Engine, cells: Rows, *, cap: int, floor: int, also: Collection[str] = ()) -> Tallied:
    """Count the tries of a table of cells (the columns COLUMNS). `also`: countries that are known without a cell."""
    steps = [
        ("tries", _TRIES), ("votes", _VOTES), ("heard", _HEARD),
        ("made", _CAPPED.format(cap=int(cap), floor=int(floor))),
    ]  # fmt: skip
    found = engine.script(steps, {"cells": cells}, ("heard", "made"))
    return _arrays(found["made"], found["heard"], floor, also)


def _arrays(made: pa.Table, heard: pa.Table, floor: int, also: Collection[str]) -> Tallied:
    countries = tuple(sorted({*pc.unique(heard["country"]).to_pylist(), *also}))
    country = _codes(made["country"], countries)
    targets = tuple(sorted(pc.unique(made["target"]).to_pylist()))
    target = _codes(made["target"], targets)
    number = made["network"].to_numpy().astype(np.int64)
    pairs, network = np.unique((country << 33) | number, return_inverse=True)
    of = _codes(heard["country"], countries)
    few = heard["vantage_points"].to_numpy() < floor
    return Tallied(
        countries=countries, networks=pairs & ((1 << 33) - 1), targets=targets, country=country,
        network=network.astype(np.int64), target=target, tried=made["tried"].to_numpy(),
        blocked=made["blocked"].to_numpy(), throttled=made["throttled"].to_numpy(), owner=pairs >> 33,
        left_out=np.bincount(of[few], minlength=len(countries)).astype(np.int64),
    )  # fmt: skip


def _codes(column: Any, names: tuple[str, ...]) -> Ints:
    """Place of each value among the names."""
    placed = pc.index_in(column, value_set=pa.array(names, pa.string()))
    return placed.combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)


def digests(tallied: Tallied) -> dict[str, str]:
    """Country → sha256 of its cells: AS number, sha256 of the target's name (8 bytes), tried, blocked, throttled, each
    as 8 bytes, little-endian, in the order of network and target."""
    named = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") for name in tallied.targets]
    names = np.array(named, np.uint64).view(np.int64)
    rows = np.column_stack([
        tallied.networks[tallied.network], names[tallied.target] if len(names) else tallied.target, tallied.tried,
        tallied.blocked, tallied.throttled,
    ]).astype("<i8")  # fmt: skip
    ends = np.searchsorted(tallied.country, np.arange(len(tallied.countries) + 1))
    return {
        name: hashlib.sha256(rows[ends[place] : ends[place + 1]].tobytes()).hexdigest()
        for place, name in enumerate(tallied.countries)
    }


def whole_digest(tallied: Tallied) -> str:
    """Of all countries."""
    return digest(f"{country} {found}" for country, found in digests(tallied).items())


def thinned(tallied: Tallied, most: int, common: Bools, targets: int) -> tuple[Bools, Bools]:
    """Where there are too many cells: those that stay, and the part of the common list that does. Of a long list every
    n-th target; of countries with more cells than an even part, every n-th cell; of the others all."""
    keep = np.ones(len(tallied.country), bool)
    if len(keep) <= most:
        return keep, common
    listed = np.flatnonzero(common)
    some = common.copy()
    some[listed] = _every(np.arange(len(listed)), np.full(len(listed), min(targets / max(len(listed), 1), 1.0)))
    inside = np.flatnonzero(some[tallied.target])
    country = tallied.country[inside]
    held = np.bincount(country, minlength=len(tallied.countries))
    part = max(most // max(len(tallied.countries), 1), 1)
    starts = np.concatenate([[0], np.cumsum(held)])[:-1]
    keep[:] = False
    keep[inside] = _every(np.arange(len(inside)) - starts[country], np.minimum(part / held[country], 1.0))
    return keep, some


def _every(place: Ints, step: Floats) -> Bools:
    """The n-th stays where the even part has just grown by one: evenly over networks and targets."""
    return np.asarray(np.floor((place + 1) * step) > np.floor(place * step), bool)
