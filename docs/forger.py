"""Law: what a forger could still do is computed with the detector itself, on the thresholds as they are.

A patient forger sends rows that look like those of ordinary people: as many descriptions of devices as it takes, on
as many days and networks. Here the fewest are sought, by trying, on small worlds that are fixed in every detail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any, Final
from zlib import crc32

import pyarrow as pa

from clampdown.detect import Given, Limits, detect_votes, load_limits
from clampdown.detect.doubt import set_aside
from clampdown.detect.votes import COLUMNS, Day, gather, of_day

FIRST: Final = date(2024, 1, 1)
BEFORE: Final = 35  # honest days before the forger begins; and after he ends:
AFTER: Final = 14
LONG: Final = 35  # the same, where whole weeks are silenced
TRIES: Final = 6  # hours in which each of his descriptions tries on a day
USUAL: Final = (3, 10, 40)  # devices a day of a small, a middling and a large network
DAYS: Final = (2, 7)
MOST: Final = 130  # more are a burst, even on the largest of these networks
NETWORK: Final = 64500
TARGET: Final = "web/example.org"
GRADES: Final = ("insufficient", "consistent", "corroborated", "confirmed")
_TYPES: Final = {"hour": pa.int8(), "network": pa.int64(), "resolver_network": pa.int64(), "settled": pa.bool_(),
                 "repeat": pa.bool_()}  # fmt: skip
_SCHEMA: Final = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])


@dataclass(frozen=True)
class Plot:
    """What the forger does, and to whom."""

    honest: int  # devices a day on each network, each trying once
    descriptions: int
    days: int
    networks: int = 1
    state: str = "blocked"  # what he claims
    truth: str = "ok"  # what the honest see from the day he begins, and to the end
    settled: bool = False  # he copies a known block page
    start: int = BEFORE
    after: int = AFTER


def rows_of(plot: Plot, day: int) -> Iterator[dict[str, Any]]:
    """The verdicts of one day."""
    for network in range(NETWORK, NETWORK + 2):
        for device in range(plot.honest):
            yield _row(day, (7 * device) % 24, network, f"honest {network} {device}", plot.truth)
        if network - NETWORK < plot.networks:
            for device in range(plot.descriptions):
                name = f"forged {network} {device}"
                for turn in range(TRIES):
                    yield _row(day, (4 * turn + device) % 24, network, name, plot.state, settled=plot.settled)


def _row(day: int, hour: int, network: int, device: str, state: str, *, settled: bool = False) -> dict[str, Any]:
    """A try. Devices differ by their resolvers' networks: under a version of his own he would be the instrument's."""
    hit = state == "blocked"
    row = dict.fromkeys(COLUMNS)
    return row | {
        "target": TARGET, "day": (FIRST + timedelta(days=day)).isoformat(), "hour": hour, "country": "XA",
        "network": network, "resolver_network": crc32(device.encode()), "test": "web_connectivity",
        "test_version": "0.4.3", "software": "probe/3.0", "platform": "android", "network_type": "wifi",
        "vantage": f"{device} {day}",
        "vantage_kind": "session", "state": state, "mechanism": "tls.reset.sni" if hit else None,
        "settled": settled and hit, "repeat": False,
    }  # fmt: skip


def days_of(plot: Plot) -> Iterator[Day | None]:
    """The tries of every day; days without the forger are the same in many plots."""
    for day in range(plot.start + plot.days + plot.after):
        truth = plot.truth if day >= BEFORE else "ok"
        forged = plot.start <= day < plot.start + plot.days
        here = replace(plot, descriptions=plot.descriptions if forged else 0, truth=truth, days=0, start=0, after=0)
        known = _day(here if forged else Plot(plot.honest, 0, 0, truth=truth), day)
        # Detection uses days up: each run has its own.
        yield None if known is None else replace(known, columns=dict(known.columns))


@lru_cache(maxsize=5000)
def _day(plot: Plot, day: int) -> Day | None:
    columns = list(zip(*(row.values() for row in rows_of(plot, day)), strict=True))
    arrays = [pa.array(values, _SCHEMA.field(name).type) for name, values in zip(COLUMNS, columns, strict=True)]
    return of_day(pa.Table.from_arrays(arrays, schema=_SCHEMA), _limits().icc)


@cache
def _limits() -> Limits:
    return load_limits()


def detected(plot: Plot) -> list[dict[str, Any]]:
    """The events that are found."""
    return detect_votes(days_of(plot), (), Given(_limits()))["events"].to_pylist()


def graded(plot: Plot, grade: str) -> bool:
    """Whether a made-up block reaches this grade, as an event."""
    events = detected(plot)
    return any(e["direction"] == "block" and GRADES.index(e["grade"]) >= GRADES.index(grade) for e in events)


def ended(plot: Plot) -> bool:
    """Whether a true block that lasts is said to have ended, or was never said."""
    events = detected(plot)
    return any(e["direction"] == "unblock" for e in events) or not any(e["direction"] == "block" for e in events)


def fewest(plot: Plot, done: Callable[[Plot], bool]) -> int | None:
    """The fewest descriptions a network and day with which it is done; None: with no number up to MOST.

    More is not always better for him: too many on one day are a burst, and count for nothing.
    """
    low, high = 0, 1
    while not done(replace(plot, descriptions=high)):
        if high == MOST:
            return None
        low, high = high, min(MOST, max(high + 1, round(high * 1.25)))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if done(replace(plot, descriptions=middle)) else (middle, high)
    return high


def silenced(honest: int, descriptions: int, days: int) -> int:
    """How many days of the honest are set aside as bursts."""
    plot = Plot(honest, descriptions, days, after=LONG)
    votes = gather(days_of(plot))
    calm, _ = set_aside(votes, _limits())
    names = votes.names["vantage"]
    own = [n for n, key in enumerate(votes.series) if key.network == NETWORK]
    lost = {
        int(calm.columns["day"][row])
        for s in own
        for row in range(*calm.of(s).indices(len(calm)))
        if calm.columns["weight"][row] == 0 and names[calm.columns["vantage"][row]].startswith("honest")
    }
    return len(lost)


def longest_silence(honest: int) -> tuple[int, int]:
    """(descriptions a day that make a burst, the most days in a row that can be silenced with them)."""
    need = fewest(Plot(honest, 1, 1), lambda plot: silenced(honest, plot.descriptions, 1) > 0)
    if need is None:
        return MOST, 0
    most = 0
    while most < BEFORE and silenced(honest, need, most + 1) == most + 1:
        most += 1
    return need, most


Row = tuple[str, int, str, tuple[str, ...]]
CONSISTENT: Final = "a block made up, `consistent`"
CORROBORATED: Final = "a block made up, `corroborated`"
CONFIRMED: Final = "a block made up, `confirmed`, by copying a known block page"
ENDED: Final = "a true block said to have ended"
SILENCE: Final = "a network silenced by bursts"


def table(usual: tuple[int, ...] = USUAL) -> list[Row]:
    """(what he wants, networks, days, the descriptions a network and day that it takes for each usual number)."""
    block = Plot(1, 1, 1)
    end = Plot(1, 1, 1, state="ok", truth="blocked", start=BEFORE + 7)
    wants: list[tuple[str, Plot, tuple[int, ...], Callable[[Plot], bool]]] = [
        (CONSISTENT, block, DAYS, lambda p: graded(p, "consistent")),
        (CORROBORATED, block, DAYS, lambda p: graded(p, "corroborated")),
        (CORROBORATED, replace(block, networks=2), DAYS, lambda p: graded(p, "corroborated")),
        (CONFIRMED, replace(block, settled=True), DAYS,
         lambda p: graded(p, "confirmed")),
        (ENDED, end, (2,), ended),
    ]  # fmt: skip
    made: list[Row] = []
    for label, plot, spans, done in wants:
        for days in spans:
            found = [fewest(replace(plot, honest=honest, days=days), done) for honest in usual]
            cells = tuple("no number" if number is None else str(number) for number in found)
            made.append((label, plot.networks, str(days), cells))
    bursts = [longest_silence(honest) for honest in usual]
    made.append(
        (SILENCE, 1, f"up to {min(days for _, days in bursts)} in a row",
         tuple(str(need) for need, _ in bursts))
    )  # fmt: skip
    return made
