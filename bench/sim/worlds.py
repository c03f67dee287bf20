"""Law: the worlds that the figures of the benchmark are about; each is named, small where it can be, and seeded."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from sim.people import TESTS, USUAL, Benign
from sim.script import LASTS, BadRelease, Block, Collapse, Forger, Script, SiteDown
from sim.world import World

COUNTRIES: Final = ("XA", "XB", "XC", "XD", "XE")
MECHANISMS: Final = ("tls.reset.sni", "dns.injection.bogon", "tls.timeout.sni", "http.blockpage")


def quiet(seed: int, benign: Benign = USUAL, *, scale: float = 1.0, days: int = 364) -> World:
    """60 networks x 2,000 targets, 20 M rows a year, nothing happens. `scale` shrinks networks, targets and rows."""
    return World(
        seed,
        networks=max(round(60 * scale), 3),
        targets=max(round(2000 * scale), 20),
        rows=55_000 * scale * scale,
        devices=max(round(1500 * scale), 12),
        days_count=days,
        benign=benign,
    )


def changing(seed: int, benign: Benign = USUAL, *, scale: float = 1.0, days: int = 364) -> World:
    """The same country; 0.1 % of the series truly change, each by itself (2 at least)."""
    world = quiet(seed, benign, scale=scale, days=days)
    rng = np.random.default_rng([seed, 77])
    expected = world.expected().ravel()
    count = max(round(world.networks * world.targets / 1000), 2)
    # At least one try a day: with less, no method could date anything.
    pool = np.flatnonzero(expected >= min(1.0, np.sort(expected)[-4 * count]))
    blocks = []
    for place, series in enumerate(rng.choice(pool, count, replace=False).tolist()):
        network, target = divmod(series, world.targets)
        start = 24 * rng.uniform(14, days - 28)
        length = 24 * rng.uniform(7, 90)
        lasts = rng.random() < 0.3
        blocks.append(
            Block(
                f"change {place}",
                (network,),
                (target,),
                ((start, LASTS if lasts else start + length),),
                share=float(rng.uniform(0.5, 1)),
                mechanism=MECHANISMS[place % len(MECHANISMS)],
            )
        )
    return replace(world, script=replace(world.script, blocks=tuple(blocks)))


def isolated(
    seed: int,
    benign: Benign = USUAL,
    *,
    share: float,
    days: int,
    rate: float,
    blocks: int = 12,
    alone: bool = False,
) -> World:
    """Blocks of one series each, one after the other, in a small country where every series has `rate` tries a day."""
    networks, targets, gap = 6, 24, max(2 * days, 7)
    rng = np.random.default_rng([seed, 78])
    series = rng.choice(networks * targets, blocks, replace=False)
    made = []
    for place, (network, target) in enumerate(zip(*np.divmod(series, targets), strict=True)):
        start = 24.0 * (21 + gap * place) + float(rng.integers(0, 24))
        spans = ((start, start + 24 * days),)
        mechanism = MECHANISMS[place % len(MECHANISMS)]
        made.append(
            Block(f"block {place}", (int(network),), (int(target),), spans, share, mechanism=mechanism, alone=alone)
        )
    return World(
        seed,
        networks=networks,
        targets=targets,
        rows=networks * targets * rate,
        days_count=21 + gap * blocks + 14,
        devices=round(30 * networks * max(1.0, rate / 5)),
        skew=0.0,
        session=12,
        messengers=False,
        benign=benign,
        script=Script(blocks=tuple(made)),
    )


def forms(seed: int, benign: Benign = USUAL, *, rate: float = 12.0) -> World:
    """One of each form: roll-out, hours, curfew, flapping, a part of the tries, and an unblocking."""
    rng = np.random.default_rng([seed, 79])
    targets = rng.permutation(30)
    networks = tuple(range(10))
    shift = float(rng.integers(0, 24))

    def day(number: float) -> float:
        return 24 * number + shift

    nights = tuple((24.0 * d + 22, 24.0 * d + 30) for d in range(70, 84))
    flaps = tuple((day(100 + 6 * n), day(103 + 6 * n)) for n in range(4))
    delays = tuple(24.0 * n for n in np.sort(rng.uniform(0, 14, 10)).tolist())
    blocks = (
        Block("rollout", networks, (int(targets[0]),), ((day(21), day(56)),), delays=delays, pattern="rollout"),
        Block("hours", networks, (int(targets[1]),), ((24.0 * 62 + 9, 24.0 * 62 + 19),), pattern="hours"),
        Block("curfew", networks, (int(targets[2]),), nights, pattern="curfew"),
        Block("flapping", networks[:4], (int(targets[3]),), flaps, pattern="flapping"),
        Block("partial", networks[:5], (int(targets[4]),), ((day(131), day(152)),), share=0.4, pattern="partial"),
        Block("lifted", networks[:6], (int(targets[5]),), ((-1.0, day(90)),), pattern="lifted"),
    )
    return World(
        seed,
        networks=10,
        targets=30,
        rows=10 * 30 * rate,
        days_count=168,
        devices=400,
        skew=0.3,
        session=15,
        messengers=False,
        benign=benign,
        script=Script(blocks=blocks),
    )


def national(seed: int, benign: Benign = USUAL, *, networks: int = 40, targets: int = 30) -> World:
    """One decision: all of these networks keep readers from all of these targets, from one evening on for 25 days."""
    first = 8  # behind the messengers' roles
    start = 24.0 * 35 + 18
    block = Block(
        "national",
        tuple(range(networks)),
        tuple(range(first, first + targets)),
        ((start, start + 24 * 25),),
        share=0.9,
        mechanism="dns.injection.blockpage",
        settled=True,
    )
    return World(
        seed,
        networks=networks + 5,
        targets=first + 3 * targets,
        rows=(networks + 5) * (first + 3 * targets) * 1.0,
        days_count=84,
        devices=12 * networks,
        least=4,
        skew=0.5,
        session=30,
        benign=benign,
        script=Script(blocks=(block,)),
    )


def abroad(seed: int, benign: Benign = USUAL, *, script: Script, countries: int = 5) -> World:
    """Several small countries in which something happens that is no one's policy."""
    return World(
        seed,
        networks=8,
        targets=40,
        rows=8 * 40 * 3.0,
        countries=COUNTRIES[:countries],
        days_count=84,
        devices=120,
        least=4,
        skew=0.5,
        session=20,
        benign=benign,
        script=script,
    )


def bad_release(seed: int, benign: Benign = USUAL, *, countries: int = 5, test: str = "telegram") -> World:
    """The release of day 40 breaks one test for everyone who takes it; that of day 58 mends it."""
    script = Script(releases=(-60, 40, 58), bad=(BadRelease(1, test),))
    return abroad(seed, benign, script=script, countries=countries)


def site_down(seed: int, benign: Benign = USUAL, *, countries: int = 5) -> World:
    """A site goes down for everyone for four days; controls say so for a part."""
    script = Script(downs=(SiteDown((9,), 24.0 * 40 + 5, 24.0 * 44 + 5),))
    return abroad(seed, benign, script=script, countries=countries)


def touched(world: World) -> set[str]:
    """Targets that a bad release or a site's own trouble makes fail."""
    tests = {TESTS.index(bad.test) for bad in world.script.bad}
    down = {target for one in world.script.downs for target in one.targets}
    return {name for t, name in enumerate(world.names) if t in down or int(world.tests[t]) in tests}


def collapse(seed: int, benign: Benign = USUAL) -> World:
    """Measurements stop in one network, then in the country, while one target is blocked: no recovery."""
    block = Block("standing", tuple(range(8)), (9,), ((24.0 * 20, LASTS),), share=0.95)
    stops = (Collapse(24 * 40, 24 * 47, networks=(1,)), Collapse(24 * 56, 24 * 66, left=0.03))
    return abroad(seed, benign, script=Script(blocks=(block,), collapses=stops), countries=1)


def true_block(seed: int, benign: Benign = USUAL) -> World:
    """One series blocked for ten days, honestly seen."""
    return isolated(seed, benign, share=0.9, days=10, rate=8, blocks=1)


FORGED: Final = ("a", "b", "c", "d")


def forged(seed: int, benign: Benign = USUAL, *, kind: str, against: bool = False) -> World:
    """A forger who makes a block up in a quiet country; or, `against`, one who denies a true block."""
    base = true_block(seed, benign)
    (block,) = base.script.blocks
    start = int(block.onset // 24) + (3 if against else 0)
    forger = Forger(
        kind,
        block.networks[0],
        block.targets,
        start,
        days=1 if kind == "c" else 5,
        state="ok" if against else "blocked",
    )
    script = replace(base.script, blocks=(block,) if against else (), forgers=(forger,))
    return replace(base, script=script)
