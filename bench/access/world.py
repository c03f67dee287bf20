"""Law: what truly happens to each way on each network is scripted first; rows follow from it, and nothing reads back.

A country of networks with devices that run sessions; each session tries some of the ways. A way on a network works,
is blocked, or is impaired (a part of the tries comes through), and may change once. Beside that: relays that are down
for everyone, broken devices, captive lines, a heavy device, networks that fall silent, and forgers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from clampdown.assess.counting import Caps, Row, caps, load_thresholds

DAYS: Final = 70  # six weeks before the window, from which the usual number of devices is known, and the window
BEGIN: Final = date(2024, 1, 1)
AT: Final = (BEGIN + timedelta(days=DAYS - 1)).isoformat()
STATES: Final = ("works", "blocked", "impaired")
# How a try that fails is judged: by what truly made it fail.
_JUDGED: Final = {
    "blocked": (("blocked", "unknown"), (0.9, 0.1)),
    "impaired": (("throttled", "blocked", "unknown"), (0.5, 0.4, 0.1)),
    "works": (("blocked", "unknown", "down"), (0.5, 0.3, 0.2)),  # failures that are nobody's doing
    "down": (("down", "blocked", "unknown"), (0.6, 0.2, 0.2)),
    "device": (("blocked", "unknown"), (0.8, 0.2)),  # a broken device, a captive line that nothing gave away
}
Cell = tuple[int, int]  # network, way


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of world it is."""

    name: str
    networks: int = 30
    ways: int = 8
    busy: float = 0.12  # sessions of a device and day, the middle device
    devices: float = 7.0  # of a network, the middle one
    changed: float = 0.25  # of cells: state changes once
    silent: float = 0.15  # of networks: nothing is tried for the last days
    heavy: float = 0.25  # of networks: one device makes most of the sessions
    broken: float = 0.03  # of devices: fails at everything
    captive: float = 0.01  # of sessions: the line lets nothing through, and three in ten are not noticed
    down: float = 0.1  # of ways: relays are down for some days, at the end as likely as before
    down_now: float = 0.0  # of ways: down on the last days for sure
    forged: float = 0.03  # of cells: one device writes what is not so


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so on the last day, and what was so before the last change."""

    now: str
    before: str | None
    changed: int | None  # day


@dataclass(frozen=True, slots=True)
class World:
    rows: dict[Cell, list[Row]]
    truth: dict[Cell, Truth]
    caps: Caps


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    credential: bool
    rate: float
    broken: bool
    kind: tuple[str, str, str, int]  # platform, software, network type, resolver network


def world(seed: int, plan: Plan) -> World:
    """One country."""
    rng = np.random.default_rng([seed, 600])
    ways = [_way(rng, plan) for _ in range(plan.ways)]
    rows: dict[Cell, list[Row]] = {(n, w): [] for n in range(plan.networks) for w in range(plan.ways)}
    truth: dict[Cell, Truth] = {}
    for network in range(plan.networks):
        courses = [_course(rng, plan, way) for way in ways]
        truth |= {(network, w): _truth(course, way) for w, (course, way) in enumerate(zip(courses, ways, strict=True))}
        last = DAYS - int(rng.integers(4, 40)) if rng.random() < plan.silent else DAYS
        for device in _devices(rng, plan, network):
            _sessions(rng, plan, rows, network, device, courses, ways, last)
    for cell, said in truth.items():
        if rng.random() < plan.forged:
            rows[cell] += _forged(rng, cell, said.now)
    everything = [row for each in rows.values() for row in each]
    return World(rows, truth, caps(everything, load_thresholds()))


@dataclass(frozen=True, slots=True)
class _Way:
    fails: float  # share of tries that fail for nobody's doing
    down: tuple[int, int]  # days on which its relays are down
    national: tuple[int, str] | None  # from this day on most networks do this


def _way(rng: np.random.Generator, plan: Plan) -> _Way:
    down = (DAYS, DAYS)
    if rng.random() < plan.down_now:
        down = (DAYS - int(rng.integers(5, 12)), DAYS)
    elif rng.random() < plan.down:
        first = int(rng.integers(DAYS - 28, DAYS - 1))
        down = (first, min(DAYS, first + int(rng.integers(1, 6))))
    national = None
    if rng.random() < plan.changed / 2:
        national = (int(rng.integers(20, DAYS)), str(rng.choice(["blocked", "works"])))
    return _Way(float(rng.beta(2, 50)), down, national)


def _course(rng: np.random.Generator, plan: Plan, way: _Way) -> list[tuple[int, str]]:
    """From which day on what is so."""
    course = [(0, str(rng.choice(STATES, p=(0.55, 0.35, 0.1))))]
    if way.national is not None and rng.random() < 0.8:
        course.append(way.national)
    elif rng.random() < plan.changed:
        other = [state for state in STATES if state != course[0][1]]
        course.append((int(rng.integers(20, DAYS)), str(rng.choice(other, p=(0.8, 0.2)))))
    return course if len(course) == 1 or course[0][1] != course[1][1] else course[:1]


def _truth(course: list[tuple[int, str]], way: _Way) -> Truth:
    now, before, changed = course[-1][1], None, None
    if len(course) > 1:
        before, changed = course[0][1], course[1][0]
    if way.down[1] == DAYS and way.down[0] < DAYS and now != "blocked":
        return Truth("down", now, way.down[0])
    return Truth(now, before, changed)


def _devices(rng: np.random.Generator, plan: Plan, network: int) -> list[_Device]:
    count = max(1, round(plan.devices * float(rng.lognormal(0, 0.8))))
    heavy = rng.random() < plan.heavy
    made: list[_Device] = []
    for number in range(count):
        rate = 4.0 if heavy and number == 0 else plan.busy * float(rng.lognormal(0, 0.9))
        kind = (
            str(rng.choice(["android", "ios", "linux", "windows"])),
            f"3.{int(rng.integers(15, 24))}",
            str(rng.choice(["wifi", "mobile"])),
            int(rng.choice([network, 64700, 64701])),
        )
        made.append(_Device(f"{network}.{number}", rng.random() < 0.3, rate, rng.random() < plan.broken, kind))
    return made


def _sessions(
    rng: np.random.Generator, plan: Plan, rows: dict[Cell, list[Row]], network: int, device: _Device,
    courses: list[list[tuple[int, str]]], ways: list[_Way], last: int,
) -> None:  # fmt: skip
    shares = [float(rng.uniform(0.35, 0.65)) for _ in ways]  # of tries that come through an impaired way, here
    leaks = [float(rng.beta(1, 60)) for _ in ways]
    for day in range(last):
        for hour in sorted(rng.choice(24, size=min(24, int(rng.poisson(device.rate))), replace=False).tolist()):
            captive = rng.random() < plan.captive
            if captive and rng.random() < 0.7:
                continue  # the judge calls it invalid
            name = device.name if device.credential else f"{device.name}.{day}.{hour}"
            for way, about in enumerate(ways):
                if rng.random() > 0.6:
                    continue
                state = next(s for first, s in reversed(courses[way]) if first <= day)
                through = {"works": 1 - about.fails, "blocked": leaks[way], "impaired": shares[way]}[state]
                why = state
                if about.down[0] <= day < about.down[1] and state != "blocked":
                    through, why = 0.0, "down"
                if device.broken or captive:
                    through, why = 0.0, "device"
                said = "ok" if rng.random() < through else str(rng.choice(_JUDGED[why][0], p=_JUDGED[why][1]))
                rows[network, way].append(_row(network, way, name, device, day, int(hour), said))


def _row(network: int, way: int, name: str, device: _Device, day: int, hour: int, state: str) -> Row:
    platform, software, network_type, resolver = device.kind
    return Row(
        target=f"way/{way}", network=64512 + network, vantage=name,
        vantage_kind="credential" if device.credential else "session",
        day=(BEGIN + timedelta(days=day)).isoformat(), hour=hour, state=state,
        mechanism=None if state in ("ok", "unknown") else "tunnel.bootstrap", rule="w.rule", settled=False,
        platform=platform, software=software, network_type=network_type, resolver_network=resolver, n=1,
    )  # fmt: skip


def _forged(rng: np.random.Generator, cell: Cell, now: str) -> list[Row]:
    """Rows of one device that say the opposite, from one to 300; as one session, or as many sessions of it."""
    count = int(np.exp(rng.uniform(0, np.log(300))))
    said = "ok" if now in ("blocked", "down") else "blocked"
    many = rng.random() < 0.5
    forger = _Device("forger", False, 0, False, ("linux", "3.99", "wifi", 64999))
    made: list[Row] = []
    for number in range(count):
        day, hour = DAYS - 1 - int(rng.integers(0, 14)), int(rng.integers(0, 24))
        name = f"forger.{cell}.{number if many else 0}"
        made.append(_row(cell[0], cell[1], name, forger, day, hour, said))
    return made
