"""Law: who measures: a country's networks, the devices on them, what they run and what they test; from the seed alone.

Every array is by place: networks from the largest, devices grouped by nothing, targets from the most tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from sim.noise import uniform

# test -> targets of one of its records. One record of these tests gives one row for each.
MESSENGERS: Final = {
    "signal": ("signal/app",),
    "telegram": ("telegram/app", "telegram/web"),
    "whatsapp": ("whatsapp/app", "whatsapp/registration", "whatsapp/web"),
    "facebook_messenger": ("facebook_messenger/b_api",),
}
WEB: Final = "web_connectivity"
TESTS: Final = (WEB, *MESSENGERS)
TEST_VERSIONS: Final = ("0.4.3", "0.2.5", "0.3.0", "0.11.0", "0.2.1")
PLATFORMS: Final = ("android", "ios", "windows", "macos", "linux")
SOFTWARE: Final = (
    "ooniprobe-android",
    "ooniprobe-ios",
    "ooniprobe-desktop-unattended",
    "ooniprobe-desktop",
    "ooniprobe-cli-unattended",
)
NETWORK_TYPES: Final = ("wifi", "mobile", "wired_ethernet")
KINDS: Final = ("session", "credential")
PUBLIC_RESOLVERS: Final = (15169, 13335, 36692)  # Google, Cloudflare, OpenDNS
_SHARES = np.cumsum([0.55, 0.1, 0.15, 0.05, 0.15])


@dataclass(frozen=True, slots=True)
class Benign:
    """How the harmless goes wrong, per try; rates and correlations are drawn per series."""

    rate: tuple[float, float] = (0.01, 0.08)  # reads as `blocked`: the judge's false positives
    icc: tuple[float, float] = (0.1, 0.5)
    part: float = 0.5  # of the correlation that lies in the network's day (noise.PARTS)
    shared_vantage: float = 0.5  # of targets that follow the vantage point's bad day; the others have their own
    shared_day: float = 0.1  # of targets that follow the network's bad day
    unknown: float = 0.03
    down: float = 0.01
    invalid: float = 0.005
    refusing: float = 0.01  # of targets: they decline a fifth of the tries
    breaks: float = 0.3  # per device and year: for 1 to 5 days everything fails


USUAL: Final = Benign()


@dataclass(frozen=True)
class People:
    """One country's networks, devices and targets."""

    seed: int
    country: int
    networks: int
    targets: tuple[str, ...]
    devices: int
    skew: float
    least: int  # devices of the smallest network
    dominant: float  # of the largest network's sessions: one device that never sleeps
    credentialed: float = 0.2

    def _rng(self, part: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.country, part])

    @cached_property
    def numbers(self) -> np.ndarray:
        """AS numbers for private use."""
        return 4_200_000_000 + 1000 * self.country + np.arange(self.networks, dtype=np.int64)

    @cached_property
    def network(self) -> np.ndarray:
        """The network of each device."""
        weight = (1.0 + np.arange(self.networks)) ** -self.skew
        count = np.maximum(np.rint(self.devices * weight / weight.sum()).astype(int), self.least)
        return np.repeat(np.arange(self.networks), count)

    @cached_property
    def activity(self) -> np.ndarray:
        """Share of the country's sessions, by device."""
        rng = self._rng(1)
        weight = (1.0 + np.arange(self.networks)) ** -self.skew
        own = rng.lognormal(0.0, 1.0, len(self.network))
        per = np.bincount(self.network, own, self.networks)
        share = own / per[self.network] * (weight / weight.sum())[self.network]
        if self.dominant:
            first = self.network == 0
            share[first] *= (1 - self.dominant) * share[first].sum() / share[first][1:].sum()
            share[0] = self.dominant * weight[0] / weight.sum()
        return share / share.sum()

    @cached_property
    def platform(self) -> np.ndarray:
        found = np.searchsorted(_SHARES, self._rng(2).random(len(self.network)), side="right").clip(0, 4)
        if self.dominant:
            found[0] = PLATFORMS.index("linux")
        return found

    @cached_property
    def network_type(self) -> np.ndarray:
        drawn = self._rng(3).random(len(self.network))
        return np.where(self.platform < 2, (drawn < 0.5).astype(int), np.where(drawn < 0.4, 2, 0))

    @cached_property
    def kind(self) -> np.ndarray:
        found = (self._rng(4).random(len(self.network)) < self.credentialed).astype(int)
        if self.dominant:
            found[0] = 1
        return found

    @cached_property
    def lag(self) -> np.ndarray:
        """Days after which a device takes a new release."""
        return self._rng(5).exponential(10.0, len(self.network))

    @cached_property
    def rotates(self) -> np.ndarray:
        """Devices whose resolver changes from session to session."""
        return self._rng(6).random(len(self.network)) < 0.3

    @cached_property
    def resolver(self) -> np.ndarray:
        """AS number of the usual resolver of each device."""
        rng = self._rng(7)
        public = np.array(PUBLIC_RESOLVERS)[rng.integers(0, 3, len(self.network))]
        return np.where(rng.random(len(self.network)) < 0.7, self.numbers[self.network], public)

    @cached_property
    def web(self) -> int:
        """The first web target; before it stand the messengers' roles."""
        return sum(not name.startswith("web/") for name in self.targets)

    @cached_property
    def popularity(self) -> np.ndarray:
        """Cumulative share of each web target in what a session draws."""
        weight = (10.0 + np.arange(len(self.targets) - self.web)) ** -self.skew
        return np.cumsum(weight / weight.sum())

    def rates(self, benign: Benign) -> tuple[np.ndarray, np.ndarray]:
        """(rate of accidents, intra-class correlation) by series: network * targets + target."""
        rng = self._rng(8)
        count = self.networks * len(self.targets)
        return rng.uniform(*benign.rate, count), rng.uniform(*benign.icc, count)

    def broken(self, benign: Benign, day: int) -> np.ndarray:
        """Devices that are broken on this day, and how: 0 no, 1 reads as blocked, 2 reads as unknown."""
        devices = np.arange(len(self.network))
        found = np.zeros(len(devices), dtype=np.int8)
        for back in range(5):  # a break begun `back` days ago that is not over
            starts = uniform(self.seed, self.country, 9, day - back, devices) < benign.breaks / 365
            length = 1 + (uniform(self.seed, self.country, 10, day - back, devices) * 5).astype(int)
            how = 1 + (uniform(self.seed, self.country, 11, day - back, devices) < 0.5)
            found = np.where(starts & (length > back), how, found)
        return found

    def release(self, releases: tuple[int, ...], day: int) -> np.ndarray:
        """The release that each device runs, -1 before the first."""
        published = np.array(releases)
        return (published[None, :] + self.lag[:, None] <= day).sum(axis=1) - 1


def target_names(count: int, *, messengers: bool) -> tuple[str, ...]:
    roles = tuple(name for names in MESSENGERS.values() for name in names) if messengers else ()
    return roles + tuple(f"web/site{n:04d}.example" for n in range(count - len(roles)))


def tests_of(targets: tuple[str, ...]) -> np.ndarray:
    """The test (place in TESTS) that measures each target."""
    owner = {name: place for place, test in enumerate(TESTS) for name in MESSENGERS.get(test, ())}
    return np.array([owner.get(name, 0) for name in targets])
