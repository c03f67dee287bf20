"""Law: the harmless happens first, then what the script says; a later cause covers an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from clampdown.model import STATES
from sim.noise import beta, split, uniform
from sim.people import TESTS
from sim.rows import MECHANISMS, Day
from sim.script import Block

if TYPE_CHECKING:
    from sim.world import World

OK, BLOCKED, THROTTLED, REFUSED, DOWN, UNKNOWN, INVALID = (
    STATES.index(s) for s in ("ok", "blocked", "throttled", "refused", "down", "unknown", "invalid")
)
# What accidents look like, one for all failures of a vantage point on a day.
ACCIDENTS: Final = ("dns.timeout", "tcp.timeout", "tls.timeout", "tls.reset", "http.timeout", "dns.nxdomain")
_SHARED_VANTAGE, _SHARED_DAY, _VANTAGE, _DAY, _OWN_VANTAGE, _OWN_DAY, _MECHANISM, _REFUSES = range(20, 28)


def afflict(world: World, made: Day, rng: np.random.Generator) -> None:
    """Writes `state`, `mechanism` and `settled` of every row."""
    _accidents(world, made, rng)
    _broken(world, made, rng)
    _releases(world, made, rng)
    _downs(world, made, rng)
    for block in world.script.blocks:
        if block.country == made.country:
            _block(world, made, block, rng)


def chance(world: World, made: Day) -> np.ndarray:
    """The chance of an accident of each row, given its day's and its vantage point's luck."""
    benign, seed, c, day = world.benign, world.seed, made.country, made.day
    rate, icc = (values[made.series(world)] for values in world.rates[c])
    rho_day, rho_vantage = split(icc, benign.part)
    network, device, target = made.row_network, made.device[made.session], made.target
    common = uniform(seed, c, _SHARED_DAY, day, network, target) < benign.shared_day
    luck = np.where(common, uniform(seed, c, _DAY, day, network), uniform(seed, c, _OWN_DAY, day, network, target))
    of_day = beta(rate, rho_day, luck)
    common = uniform(seed, c, _SHARED_VANTAGE, day, device, target) < benign.shared_vantage
    luck = np.where(
        common, uniform(seed, c, _VANTAGE, day, device), uniform(seed, c, _OWN_VANTAGE, day, device, target)
    )
    return beta(of_day, rho_vantage, luck)


def _accidents(world: World, made: Day, rng: np.random.Generator) -> None:
    benign = world.benign
    other = rng.random(len(made.target))
    edges = np.cumsum([benign.unknown, benign.down, benign.invalid])
    made.state[:] = np.select([other < edges[0], other < edges[1], other < edges[2]], [UNKNOWN, DOWN, INVALID], OK)
    refuses = uniform(world.seed, _REFUSES, made.target) < benign.refusing
    _set(made, refuses & (made.state == OK) & (rng.random(len(other)) < 0.2), REFUSED, "server.geofence")
    hit = (rng.random(len(other)) < chance(world, made)) & (made.state == OK)
    made.state[hit] = BLOCKED
    luck = uniform(world.seed, made.country, _MECHANISM, made.day, made.device[made.session][hit])
    known = np.array([MECHANISMS.index(name) for name in ACCIDENTS])
    made.mechanism[hit] = known[(luck * len(known)).astype(int)]


def _broken(world: World, made: Day, rng: np.random.Generator) -> None:
    how = world.people[made.country].broken(world.benign, made.day)[made.device[made.session]]
    _set(made, how == 1, BLOCKED, "tls.timeout")
    _set(made, how == 2, UNKNOWN, None)


def _releases(world: World, made: Day, rng: np.random.Generator) -> None:
    for bad in world.script.bad:
        runs = made.release[made.session] == bad.release
        hit = runs & (world.tests[made.target] == TESTS.index(bad.test)) & (rng.random(len(runs)) < bad.share)
        _set(made, hit, BLOCKED, "tls.reset")


def _downs(world: World, made: Day, rng: np.random.Generator) -> None:
    for down in world.script.downs:
        hit = np.isin(made.target, down.targets) & (made.hours >= down.start) & (made.hours < down.end)
        hit &= rng.random(len(hit)) < down.share
        luck = rng.random(len(hit))
        rest = (1 + down.said) / 2
        _set(made, hit & (luck < down.said), DOWN, None)
        _set(made, hit & (luck >= down.said) & (luck < rest), UNKNOWN, None)
        _set(made, hit & (luck >= rest), BLOCKED, "tcp.timeout")


def _block(world: World, made: Day, block: Block, rng: np.random.Generator) -> None:
    if not any(start < 24 * made.day + 24 and end > 24 * made.day for start, end in block.spans):
        return
    place = np.isin(made.target, block.targets) & np.isin(made.row_network, block.networks)
    within = np.zeros(len(place), dtype=bool)
    for network in block.networks:
        mine = place & (made.row_network == network)
        for start, end in block.spans_of(network):
            within |= mine & (made.hours >= start) & (made.hours < end)
    if block.alone:
        _leave_one(world, made, within)
    luck = rng.random(len(place))
    hit = within & (luck < block.share)
    _set(made, hit, THROTTLED if ".throttle" in block.mechanism else BLOCKED, block.mechanism)
    made.settled[hit] = block.settled
    seen = world.seen.get(block.name)
    if seen is None:
        return
    seen.tries += int(within.sum())
    seen.hit += int(hit.sum())
    seen.vantages.update(made.vantage[s] for s in np.unique(made.session[within]).tolist())
    if hit.any():
        hours = made.hours[hit]
        seen.first = int(hours.min()) if seen.first is None else seen.first
        seen.last = int(hours.max())


def _leave_one(world: World, made: Day, within: np.ndarray) -> None:
    """All tries of a series in these hours become those of one device: the most active of its network."""
    activity = world.people[made.country].activity
    for network in np.unique(made.row_network[within]).tolist():
        mine = within & (made.row_network == network)
        on = np.flatnonzero(world.people[made.country].network == network)
        made.session[mine] = made.add(world, int(on[np.argmax(activity[on])]))


def _set(made: Day, where: np.ndarray, state: int, mechanism: str | None) -> None:
    made.state[where] = state
    made.mechanism[where] = -1 if mechanism is None else MECHANISMS.index(mechanism)
