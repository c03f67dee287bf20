"""Law: one vantage point's hour is one try, and the tries of one device on one day share what they can tell.

A day's verdicts become columns of numbers, so that a year of a large country fits into memory: one row per series
(country, network, target), hour and vantage point. `of_day` looks at one day alone and can run anywhere; `gather`
unites days and gives names their numbers, sorted, so that no order of arrival can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.model import UNKNOWN_DAY

Ints = npt.NDArray[Any]
Floats = npt.NDArray[Any]

OK, BLOCKED, THROTTLED, REFUSED, DOWN, UNKNOWN = range(6)
STATE_CODES: Final = {"ok": OK, "blocked": BLOCKED, "throttled": THROTTLED, "refused": REFUSED, "down": DOWN,
                      "unknown": UNKNOWN}  # fmt: skip
COLUMNS: Final = (
    "target", "day", "hour", "country", "network", "resolver_network", "test", "test_version", "software", "platform",
    "network_type", "vantage", "vantage_kind", "state", "mechanism", "settled", "repeat",
)  # fmt: skip
NO_HOUR: Final = -1
_NAMED: Final = ("vantage", "device", "mechanism", "version")


class Key(NamedTuple):
    """What a series is of."""

    country: str
    network: int
    target: str


@dataclass(frozen=True, slots=True)
class Day:
    """The tries of one day; names are numbered within the day."""

    day: int  # proleptic ordinal
    words: tuple[list[Any], list[Any], list[Any]]  # countries, networks, targets
    series: Ints  # of shape (series, 3): which of these words each series is of
    names: dict[str, list[Any]]  # vantage, device, mechanism, version -> their names
    columns: dict[str, Ints]


def ordinal(day: str) -> int | None:
    """A day as a number; None for the day that is not known."""
    return None if day == UNKNOWN_DAY else date.fromisoformat(day).toordinal()


def of_day(verdicts: pa.Table, icc: float) -> Day | None:
    """The tries of a table of verdicts of one day (columns `COLUMNS`); None where there is nothing to count."""
    table = _counting(verdicts.select(list(COLUMNS)))
    if not table.num_rows:
        return None
    day = ordinal(table.column("day")[0].as_py())
    if day is None:
        return None
    codes, words = _encoded(table)
    series, series_names = _combined([codes[c] for c in ("country", "network", "target")])
    device, device_names = _devices(codes, words)
    version, version_names = _combined([codes[c] for c in ("software", "test_version", "platform", "test")])
    hour = pc.fill_null(table.column("hour"), NO_HOUR).to_numpy().astype(np.int64)
    vantage = codes["vantage"]
    tries, first = _tries(series, hour, vantage)
    state = np.array([STATE_CODES.get(s, UNKNOWN) for s in words["state"]], np.int8)[codes["state"]]
    columns = _sums(tries, first, state, codes["mechanism"], _flags(table, "settled"))
    columns |= {
        "series": series[first].astype(np.int32),
        "hour": hour[first].astype(np.int8),
        "vantage": vantage[first].astype(np.int32),
        "device": device[first].astype(np.int32),
        "version": version[first].astype(np.int32),
        "n": np.bincount(tries).astype(np.int32),
    }
    columns["weight"] = weights(columns["series"], columns["device"], np.isfinite(columns["x"]), icc)
    names: dict[str, list[Any]] = {
        "vantage": words["vantage"],
        "device": device_names,
        "mechanism": words["mechanism"],
        "version": [
            tuple(words[c][at] for c, at in zip(("software", "test_version", "platform", "test"), row, strict=True))
            for row in version_names
        ],
    }
    keys = np.array(series_names, np.int32).reshape(-1, 3)
    return Day(day, (words["country"], words["network"], words["target"]), keys, names, columns)


def _counting(table: pa.Table) -> pa.Table:
    """Without what counts for nothing; as elsewhere, a measurement sent twice counts once."""
    keep = pc.is_in(table.column("state"), pa.array(list(STATE_CODES)))
    for name in ("country", "network", "target"):
        keep = pc.and_(keep, pc.is_valid(table.column(name)))
    return table.filter(pc.and_(keep, pc.invert(pc.fill_null(table.column("repeat"), fill_value=False))))


def _encoded(table: pa.Table) -> tuple[dict[str, Ints], dict[str, list[Any]]]:
    """Each column as numbers into a list of its values; null is a value of its own."""
    codes: dict[str, Ints] = {}
    words: dict[str, list[Any]] = {}
    for name in COLUMNS:
        if name in ("hour", "settled", "repeat", "day"):
            continue
        found = table.column(name).combine_chunks()
        found = found.dictionary_encode() if not pa.types.is_dictionary(found.type) else found
        values: list[Any] = found.dictionary.to_pylist()
        at = pc.fill_null(found.indices, len(values)).to_numpy(zero_copy_only=False)
        codes[name], words[name] = at.astype(np.int64), [*values, None]
    return codes, words


def _combined(parts: Sequence[Ints]) -> tuple[Ints, list[tuple[int, ...]]]:
    """One number for each combination that occurs, and the combinations."""
    key = np.zeros(len(parts[0]), np.int64)
    for part in parts:
        key = key * (int(part.max()) + 1 if len(part) else 1) + part
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rows = list(zip(*(part[first].tolist() for part in parts), strict=True))
    return inverse.astype(np.int64), rows


def _devices(codes: dict[str, Ints], words: dict[str, list[Any]]) -> tuple[Ints, list[tuple[Any, ...]]]:
    """A device is its credential, where it has one; else what it says of itself. Sessions are cheap."""
    kinds = [kind == "credential" for kind in words["vantage_kind"]]
    credential = np.array(kinds, bool)[codes["vantage_kind"]]
    none = {name: len(words[name]) - 1 for name in ("vantage", "platform", "software", "network_type")}
    parts = [
        codes["country"],
        codes["network"],
        np.where(credential, codes["vantage"], none["vantage"]),
        *(np.where(credential, none[n], codes[n]) for n in ("platform", "software", "network_type")),
        np.where(credential, len(words["resolver_network"]) - 1, codes["resolver_network"]),
    ]
    at, rows = _combined(parts)
    columns = ("country", "network", "vantage", "platform", "software", "network_type", "resolver_network")
    return at, [tuple(words[c][i] for c, i in zip(columns, row, strict=True)) for row in rows]


def _tries(series: Ints, hour: Ints, vantage: Ints) -> tuple[Ints, Ints]:
    """The number of the try that each row belongs to, and a row of each try."""
    key = (series * 25 + hour + 1) * (int(vantage.max()) + 1) + vantage
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return inverse, first


def _sums(tries: Ints, first: Ints, state: Ints, mechanism: Ints, settled: Ints) -> dict[str, Ints]:
    """What the rows of one try come to: its share of interference (nan: it decided nothing of that) and its state."""
    count = {code: np.bincount(tries, weights=state == code, minlength=len(first)) for code in range(6)}
    hit = count[BLOCKED] + count[THROTTLED]
    decided = hit + count[OK]
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(decided > 0, hit / decided, np.nan).astype(np.float32)
    others = np.select([count[REFUSED] > 0, count[DOWN] > 0], [REFUSED, DOWN], UNKNOWN)
    named = np.where(count[THROTTLED] > count[BLOCKED], THROTTLED, BLOCKED)
    said = np.where(decided > 0, np.where(x > 0.5, named, OK), others).astype(np.int8)
    interfering = np.isin(state, (BLOCKED, THROTTLED))
    how = np.full(len(first), -1, np.int64)
    rows = np.flatnonzero(interfering)[::-1]  # the first row of a try is written last
    how[tries[rows]] = mechanism[rows]
    seals = np.bincount(tries, weights=settled & interfering, minlength=len(first)) > 0
    return {"x": x, "state": said, "mechanism": how.astype(np.int32), "settled": seals}


def _flags(table: pa.Table, name: str) -> Ints:
    return pc.fill_null(table.column(name), fill_value=False).to_numpy(zero_copy_only=False).astype(bool)


def weights(series: Ints, device: Ints, decided: Ints, icc: float) -> Floats:
    """What each try of a day can tell: m tries of one device on one series tell m / (1 + (m - 1) icc) together.

    Nor does one device outweigh each of the others: it tells no more than the one that tells most beside it, or one.
    """
    key = series.astype(np.int64) * (int(device.max()) + 1 if len(device) else 1) + device
    pairs, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    m = np.bincount(inverse, weights=decided, minlength=len(pairs))
    told = np.where(m > 0, m / (1 + np.maximum(m - 1, 0) * icc), 0.0)
    of = series[first].astype(np.int64)
    order = np.lexsort((told, of))
    last = np.append(of[order][1:] != of[order][:-1], True)  # the device that tells most of its series
    beside = np.concatenate([[0.0], told[order][:-1]])
    beside[1:][of[order][1:] != of[order][:-1]] = 0.0
    most = np.where(last & (beside > 0), np.minimum(told[order], np.maximum(beside, 1.0)), told[order])
    told[order] = most
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(m > 0, told / m, 0.0)
    return np.where(decided, each[inverse], 0).astype(np.float32)


def distinct(values: Ints) -> tuple[Ints, Ints]:
    """The distinct values, sorted, and how often each occurs. By sorting: over millions, hashing is far slower."""
    ordered = np.sort(values)
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else ordered[:0]
    return ordered[first], np.diff(np.append(first, len(ordered)))


@dataclass(frozen=True, slots=True)
class Votes:
    """All tries, sorted by series, day, hour, vantage point. `start[s]:start[s + 1]` are those of series s."""

    series: tuple[Key, ...]
    names: dict[str, list[Any]]
    first: int  # ordinal of the first day of the window, and how many days it has
    days: int
    columns: dict[str, Ints]  # series, day (0 = first), hour, vantage, device, version, x, state, mechanism, ...
    start: Ints

    def __len__(self) -> int:
        return len(self.columns["series"])

    def of(self, series: int) -> slice:
        """Where the tries of a series are."""
        return slice(int(self.start[series]), int(self.start[series + 1]))


def gather(found: Iterable[Day | None]) -> Votes:
    """The tries of all days together, whatever the order in which the days come. The days are used up."""
    days = sorted((day for day in found if day is not None), key=lambda day: day.day)
    names: dict[str, list[Any]] = {}
    maps: dict[str, list[Ints]] = {}
    for name in _NAMED:
        names[name], maps[name] = _united([day.names[name] for day in days])
    series, places = _series(days)
    maps["series"] = places
    first = days[0].day if days else 0
    length = days[-1].day - first + 1 if days else 0
    columns: dict[str, Ints] = {}
    lengths = [len(day.columns["series"]) for day in days]
    for name in list(days[0].columns) if days else ():
        # Taken away as they are joined, so that no more than one column is held twice.
        parts = [day.columns.pop(name) for day in days]
        if name in maps:
            parts = [np.where(p < 0, -1, m[p]).astype(np.int32) for p, m in zip(parts, maps[name], strict=True)]
        columns[name] = np.concatenate(parts)
    if not days:
        return Votes((), names, 0, 0, {"series": np.zeros(0, np.int32), **columns}, np.zeros(1, np.int64))
    columns["day"] = np.repeat(np.array([day.day - first for day in days], np.int32), lengths)
    key = columns["series"].astype(np.int64) * length + columns["day"]
    key = (key * 25 + columns["hour"] + 1) * max(1, len(names["vantage"])) + columns["vantage"]
    order = np.argsort(key, kind="stable")
    del key
    for name in list(columns):
        columns[name] = columns[name][order]
    start = np.searchsorted(columns["series"], np.arange(len(series) + 1))
    return Votes(series, names, first, length, columns, start)


def _series(days: Sequence[Day]) -> tuple[tuple[Key, ...], list[Ints]]:
    """Every series of any day, sorted, and for each day where its own stand. As numbers: there are many thousand."""
    words: list[list[Any]] = []
    maps: list[list[Ints]] = []
    for part in range(3):
        # The last word of a column is null, of which there is no series.
        ordered, places = _united([[word for word in day.words[part] if word is not None] for day in days])
        words.append(ordered)
        maps.append(places)
    codes: list[Ints] = []
    for number, day in enumerate(days):
        country, network, target = (maps[part][number][day.series[:, part]] for part in range(3))
        codes.append((country * max(1, len(words[1])) + network) * max(1, len(words[2])) + target)
    every, _ = distinct(np.concatenate(codes) if codes else np.zeros(0, np.int64))
    places_of = [np.searchsorted(every, code) for code in codes]
    rest, target = np.divmod(every, max(1, len(words[2])))
    country, network = np.divmod(rest, max(1, len(words[1])))
    rows = zip(country.tolist(), network.tolist(), target.tolist(), strict=True)
    return tuple(Key(words[0][c], words[1][n], words[2][t]) for c, n, t in rows), places_of


def _united(lists: Sequence[list[Any]]) -> tuple[list[Any], list[Ints]]:
    """One sorted list of names, and for each given list where its names stand in it."""
    every = {name for each in lists for name in each}
    ordered = sorted(every, key=_order)
    at = {name: number for number, name in enumerate(ordered)}
    return ordered, [np.array([at[name] for name in each] or [0], np.int64) for each in lists]


def _order(name: Any) -> Any:
    """Any name, null first, in one order."""
    if isinstance(name, tuple):
        return tuple((part is not None, part if part is not None else "") for part in name)
    return (name is not None, name if name is not None else "")
