"""Law: a day in arrays becomes a table in the schema VERDICTS, and made-up rows become part of the day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.model import COVERAGE, LAYERS, STATES, VERDICTS
from sim.noise import uniform
from sim.people import KINDS, NETWORK_TYPES, PLATFORMS, PUBLIC_RESOLVERS, SOFTWARE, TEST_VERSIONS, TESTS
from sim.script import Forger

if TYPE_CHECKING:
    from sim.world import World

MECHANISMS: Final = (
    "dns.timeout",
    "dns.nxdomain",
    "dns.injection.blockpage",
    "dns.injection.bogon",
    "tcp.timeout",
    "tcp.reset",
    "tls.timeout",
    "tls.timeout.sni",
    "tls.reset",
    "tls.reset.sni",
    "tls.throttle.sni",
    "http.timeout",
    "http.blockpage",
    "server.geofence",
)


@dataclass(slots=True)
class Day:
    """Sessions (arrays by session) and tries (arrays by row) of one country's day."""

    day: int
    country: int
    device: np.ndarray
    start: np.ndarray  # second of the day
    network: np.ndarray
    resolver: np.ndarray
    release: np.ndarray
    platform: np.ndarray
    network_type: np.ndarray
    kind: np.ndarray
    vantage: list[str]
    session: np.ndarray  # by row, as all below
    target: np.ndarray
    ident: np.ndarray  # what the measurement's id is made of
    second: np.ndarray
    state: np.ndarray
    mechanism: np.ndarray
    settled: np.ndarray

    @classmethod
    def of(
        cls,
        world: World,
        day: int,
        country: int,
        rng: np.random.Generator,
        device: np.ndarray,
        start: np.ndarray,
        session: np.ndarray,
        target: np.ndarray,
    ) -> Day:
        people = world.people[country]
        turns = people.rotates[device] & (rng.random(len(device)) < 0.5)
        public = np.array(PUBLIC_RESOLVERS)[rng.integers(0, 3, len(device))]
        count = len(session)
        test = world.tests[target]
        ident = session * (len(world.names) + len(TESTS)) + np.where(test, test, len(TESTS) + target)
        after = (uniform(world.seed, country, day, ident) * 1800).astype(int)  # rows of one record share its time
        return cls(
            day,
            country,
            device,
            start,
            people.network[device],
            np.where(turns, public, people.resolver[device]),
            people.release(world.script.releases, day)[device],
            people.platform[device],
            people.network_type[device],
            people.kind[device],
            [_vantage(world, day, country, place, one) for place, one in enumerate(device.tolist())],
            session,
            target,
            ident,
            start[session] + after,
            np.zeros(count, dtype=np.int8),
            np.full(count, -1, dtype=np.int8),
            np.zeros(count, dtype=bool),
        )

    @property
    def row_network(self) -> np.ndarray:
        return self.network[self.session]

    @property
    def hours(self) -> np.ndarray:
        """Hours since the world began, of each row."""
        return 24 * self.day + self.second // 3600

    def series(self, world: World) -> np.ndarray:
        return self.row_network * len(world.names) + self.target

    def add(self, world: World, device: int) -> int:
        """One more session of a device, at noon; its place."""
        people = world.people[self.country]
        place = len(self.device)
        for name, value in (
            ("device", device),
            ("start", 43_200),
            ("network", people.network[device]),
            ("resolver", people.resolver[device]),
            ("release", people.release(world.script.releases, self.day)[device]),
            ("platform", people.platform[device]),
            ("network_type", people.network_type[device]),
            ("kind", people.kind[device]),
        ):
            setattr(self, name, np.append(getattr(self, name), value))
        self.vantage.append(_vantage(world, self.day, self.country, place, device))
        return place


def _vantage(world: World, day: int, country: int, place: int, device: int) -> str:
    """The credentialed id where the device has one, else the session's."""
    if world.people[country].kind[device]:
        return _key("c", world.seed, country, device)
    return _key("s", world.seed, country, day, place)


def _key(kind: str, *parts: object) -> str:
    return kind + hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def forge(world: World, made: Day, forger: Forger, place: int) -> Day:
    """The day with this forger's rows of the day (their share of all of them)."""
    rng = np.random.default_rng([world.seed, made.country, made.day, 900 + place])
    count = forger.rows // forger.days
    state = STATES.index(forger.state)
    mechanism = MECHANISMS.index("tls.reset.sni") if forger.state == "blocked" else -1
    if forger.kind == "d":
        rows = np.flatnonzero((made.row_network == forger.network) & np.isin(made.target, forger.targets))[::2]
        grown = _with_sessions(world, made, forger, place, 1, rng)
        grown.session[rows] = len(made.device)
        grown.state[rows], grown.mechanism[rows], grown.settled[rows] = state, mechanism, False
        return grown
    sessions = 1 if forger.kind == "a" else count
    grown = _with_sessions(world, made, forger, place, sessions, rng)
    session = len(made.device) + (np.zeros(count, dtype=int) if forger.kind == "a" else np.arange(count))
    added = {
        "session": session,
        "target": np.array(forger.targets)[rng.integers(0, len(forger.targets), count)],
        "ident": 10**12 + place * 10**6 + np.arange(count),
        "second": rng.integers(0, 6 * 3600 if forger.kind == "c" else 86_400, count),
        "state": np.full(count, state, dtype=np.int8),
        "mechanism": np.full(count, mechanism, dtype=np.int8),
        "settled": np.zeros(count, dtype=bool),
    }
    return replace(grown, **{name: np.concatenate([getattr(grown, name), new]) for name, new in added.items()})


def _with_sessions(world: World, made: Day, forger: Forger, place: int, count: int, rng: np.random.Generator) -> Day:
    people = world.people[made.country]
    varied = forger.kind == "c"
    device = int(np.flatnonzero(people.network == forger.network)[-1])

    def field(name: str, usual: int, choices: np.ndarray) -> np.ndarray:
        values = choices[rng.integers(0, len(choices), count)] if varied else np.full(count, usual)
        return np.concatenate([getattr(made, name), values])

    releases = len(world.script.releases)
    own = int(people.numbers[forger.network])
    resolvers = np.array([own, *PUBLIC_RESOLVERS, *range(4_100_000_000, 4_100_000_050)])
    day = made.day if forger.kind != "a" and forger.kind != "d" else 0  # one session may last for days
    return replace(
        made,
        device=np.concatenate([made.device, np.full(count, device)]),
        start=np.concatenate([made.start, np.zeros(count, dtype=int)]),
        network=np.concatenate([made.network, np.full(count, forger.network)]),
        resolver=field("resolver", own, resolvers),
        release=field("release", max(int(people.release(world.script.releases, made.day)[0]), 0), np.arange(releases)),
        platform=field("platform", 0, np.arange(len(PLATFORMS))),
        network_type=field("network_type", 0, np.arange(len(NETWORK_TYPES))),
        kind=np.concatenate([made.kind, np.zeros(count, dtype=int)]),
        vantage=made.vantage + [_key("s", world.seed, "forged", place, day, n) for n in range(count)],
        session=made.session.copy(),
        state=made.state.copy(),
        mechanism=made.mechanism.copy(),
        settled=made.settled.copy(),
    )


@cache
def _layers() -> dict[str, pa.Array]:
    """By layer: the verdict for each (state, mechanism + 1)."""
    found: dict[str, list[str | None]] = {layer: [] for layer in LAYERS}
    for state in STATES:
        for mechanism in ("", *MECHANISMS):
            at = mechanism.partition(".")[0]
            reached = LAYERS.index(at) if at in LAYERS else 3
            for place, layer in enumerate(LAYERS):
                if place > 3 or (state not in ("ok", "refused") and place > reached):
                    found[layer].append(None)
                elif state in ("ok", "refused") or (mechanism and place < reached):
                    found[layer].append("ok")
                else:
                    found[layer].append(state)
    return {layer: pa.array(values, pa.string()) for layer, values in found.items()}


def _software(world: World) -> pa.Array:
    """By release + 1 and platform."""
    versions = [f"3.{n}.0" for n in range(len(world.script.releases) + 1)]
    return pa.array([f"{name}/{version}" for version in versions for name in SOFTWARE], pa.string())


def table(world: World, made: Day) -> pa.Table:
    """The rows, sorted as the store sorts them."""
    people = world.people[made.country]
    names = np.array(world.names)
    rank = np.argsort(np.argsort(names))[made.target]
    order = np.lexsort((made.ident, made.second, made.row_network, rank))
    session, target = made.session[order], made.target[order]
    state, mechanism = made.state[order].astype(int), made.mechanism[order].astype(int)
    day = world.start + timedelta(days=made.day)
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    count = len(order)
    test = world.tests[target]

    def pick(values: pa.Array, places: np.ndarray) -> pa.Array:
        return values.take(pa.array(places))

    prefix = f"{day:%Y%m%d}.{world.countries[made.country]}."
    second = made.second[order]
    pair = state * (len(MECHANISMS) + 1) + mechanism + 1
    path = pick(pa.array([*MECHANISMS, None], pa.string()), np.where(mechanism < 0, len(MECHANISMS), mechanism))
    columns: dict[str, pa.Array] = {
        "measurement": pc.binary_join_element_wise(prefix, pa.array(made.ident[order]).cast(pa.string()), ""),
        "target": pick(pa.array(world.names, pa.string()), target),
        "day": pa.repeat(day.isoformat(), count),
        "hour": pa.array((second // 3600).astype(np.int8)),
        "time": pa.array(midnight + second * 1_000_000, pa.timestamp("us")),
        "country": pa.repeat(world.countries[made.country], count),
        "network": pa.array(people.numbers[made.network[session]]),
        "resolver_network": pa.array(made.resolver[session]),
        "test": pick(pa.array(TESTS, pa.string()), test),
        "test_version": pick(pa.array(TEST_VERSIONS, pa.string()), test),
        "software": pick(_software(world), (made.release[session] + 1) * len(SOFTWARE) + made.platform[session]),
        "platform": pick(pa.array(PLATFORMS, pa.string()), made.platform[session]),
        "network_type": pick(pa.array(NETWORK_TYPES, pa.string()), made.network_type[session]),
        "vantage": pick(pa.array(made.vantage, pa.string()), session),
        "vantage_kind": pick(pa.array(KINDS, pa.string()), made.kind[session]),
        "state": pick(pa.array(STATES, pa.string()), state),
        "mechanism": path,
        "rule": path,
        **{layer: pick(values, pair) for layer, values in _layers().items()},
        "settled": pa.array(made.settled[order]),
        "repeat": pa.array(np.zeros(count, dtype=bool)),
    }
    return pa.table([columns[name] for name in VERDICTS.names], schema=VERDICTS)


def coverage(day: pa.Table) -> pa.Table:
    """Measurements by hour, network and test of a day's table: when anyone was there."""
    keys = [name for name in COVERAGE.names if name != "n"]
    once = day.select([*keys, "measurement"]).group_by([*keys, "measurement"], use_threads=False).aggregate([])
    found = once.group_by(keys, use_threads=False).aggregate([("measurement", "count")])
    found = found.rename_columns([*keys, "n"]).sort_by([(name, "ascending") for name in keys])
    return found.select(COVERAGE.names).cast(COVERAGE)
