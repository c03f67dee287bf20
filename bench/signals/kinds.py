"""Law: what a signal looks like when nothing happens is a row of ranges here; each range is held against a real series.

Measured on real series (30-minute bins of an IODA export of one country, December 2025, nothing cut; Tor users per day
of two countries, 2011-2016, and `frac` 2021-2023), as natural logarithms; the noise is what is left after a daily
profile and a running median of two days (Tor: 29 days). `python bench/signals/calibrate.py` measures again, simulated
series beside real ones.

| signal            | trough to peak | day to day | MAD    | sd     | lag 1 | beyond 5 MAD | missing |
|-------------------|----------------|------------|--------|--------|-------|--------------|---------|
| google/search     | 1.74           | 0.065      | 0.045  | 0.086  | 0.93  | 3.2 %        | 0       |
| telescope/sources | 0.74 (a spike) | 0.146      | 0.078  | 0.123  | 0.89  | 2.6 %        | 0.1 %   |
| bgp/slash24       | 0.0001         | 0.0007     | 0.0001 | 0.0008 | 0.88  | 6.6 % (dips) | 0.4 %   |
| probing/slash24   | 0.032          | 0.0036     | 0.0025 | 0.0035 | 0.71  | 0.3 %        | 0.1 %   |
| mozilla/cities    | 1.82           | 0.077      | 0.058  | 0.115  | 0.66  | 3.6 %        | 0       |
| tor/relay-users   | (daily), Iran  |            | 0.063  | 0.10   | 0.78  | 3.6 %        | 0.5 %   |
| tor/relay-users   | (daily), Turkey |           | 0.028  | 0.05   | 0.74  | 3.6 %        | 0.5 %   |

Cities are few (6 to 40 an hour): whole numbers. Tor's users drift by 0.34 and 0.37 (sd over 30 days).
`frac` of Tor: median 84, 5 % to 95 % 72 to 96, from day to day 1 (median), 4 (90 %), 17 (99 %); from 35 to 108 in all.
Countries differ, so each series draws from about half to twice (noise: up to three times) of what was measured. The
family `report` draws from ranges that are a little wider and shifted, with heavier tails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """One signal: who gives it, in what steps, and the ranges of its quiet behaviour (logarithms, if not said)."""

    signal: str
    plane: str
    operator: str
    step: int
    base: Range  # level of a country, drawn evenly in its logarithm
    unit: str = "count"
    service: str | None = None
    diurnal: Range = (0.0, 0.0)  # trough to peak
    hours: Range = (2.5, 5.5)  # local time of the trough
    weekly: Range = (0.0, 0.0)  # at weekends
    daily: Range = (0.0, 0.0)  # sd from day to day
    drift: Range = (0.0, 0.0)  # sd of a random walk over 30 days
    growth: Range = (0.0, 0.0)  # a year
    noise: Range = (0.0, 0.0)  # sd of the correlated part
    lag: Range = (0.8, 0.95)  # its correlation over 30 minutes (daily series: over a day)
    white: Range = (0.0, 0.0)  # sd from bin to bin
    tails: float = 4.0  # degrees of freedom of Student's t
    dips: tuple[float, Range, Range] = (0, (0, 0), (0, 0))  # short moves: how many a year, size, hours
    steps: tuple[float, Range] = (0, (0, 0))  # small lasting steps: how many a year, size either way
    missing: Range = (0.0, 0.004)  # share of bins
    sources: tuple[str, ...] = ("country",)  # which kinds of entity have it
    counted: bool = True  # whole numbers, with the noise of counting

    @property
    def smooth(self) -> bool:
        """Addresses or cities that are there or not: counting adds no noise to speak of."""
        return self.plane in ("control", "data") or self.operator == "mozilla"


_PLACES: Final = ("country", "region", "network")
BGP: Final = Kind(
    "bgp/slash24", "control", "bgp-collectors", 300, (300, 60_000), growth=(-0.05, 0.1), noise=(5e-5, 3e-4),
    lag=(0.8, 0.95), daily=(1e-4, 8e-4), tails=3.0, dips=(60, (-0.012, -0.0008), (0.3, 20)), steps=(10, (0.001, 0.01)),
    sources=_PLACES,
)  # fmt: skip
PROBING: Final = Kind(
    "probing/slash24", "data", "ioda", 600, (200, 40_000), diurnal=(0.01, 0.08), daily=(0.001, 0.006),
    drift=(0.002, 0.015), growth=(-0.05, 0.1), noise=(0.0015, 0.006), lag=(0.7, 0.9), white=(0.0008, 0.003),
    dips=(10, (-0.05, -0.01), (0.3, 6)), steps=(3, (0.005, 0.02)), sources=_PLACES,
)  # fmt: skip
TELESCOPE: Final = Kind(
    "telescope/sources", "background", "merit", 300, (30, 20_000), diurnal=(0.15, 0.7), hours=(0, 24),
    daily=(0.07, 0.2), drift=(0.1, 0.35), growth=(-0.3, 0.3), noise=(0.05, 0.15), lag=(0.85, 0.95), white=(0.01, 0.05),
    tails=3.0, dips=(120, (0.1, 1.2), (0.3, 10)), sources=("country", "region"),
)  # fmt: skip
GOOGLE: Final = Kind(
    "google/search", "usage", "google", 1800, (50, 100), "normalised", "google", diurnal=(1.0, 2.2),
    weekly=(-0.12, 0.15), daily=(0.03, 0.08), drift=(0.02, 0.08), growth=(-0.1, 0.15), noise=(0.025, 0.07),
    lag=(0.85, 0.96), white=(0.003, 0.02), counted=False, missing=(0.0, 0.002),
)  # fmt: skip
CLOUDFLARE: Final = Kind(
    "cloudflare/http", "usage", "cloudflare", 3600, (0.4, 1.0), "normalised", diurnal=(0.8, 2.0), weekly=(-0.15, 0.12),
    daily=(0.02, 0.08), drift=(0.02, 0.1), growth=(-0.1, 0.3), noise=(0.02, 0.08), lag=(0.75, 0.95),
    white=(0.005, 0.03), dips=(15, (0.1, 0.5), (0.5, 6)), counted=False, missing=(0.0, 0.002),
)  # fmt: skip
MOZILLA: Final = Kind(
    "mozilla/cities", "usage", "mozilla", 3600, (15, 150), diurnal=(1.0, 2.0), weekly=(-0.15, 0.1), daily=(0.04, 0.1),
    drift=(0.03, 0.1), growth=(-0.2, 0.05), noise=(0.03, 0.09), lag=(0.6, 0.9), white=(0.02, 0.06),
)  # fmt: skip
TOR: Final = Kind(
    "tor/relay-users", "usage", "tor", 86_400, (800, 300_000), service="tor", weekly=(-0.05, 0.01), drift=(0.1, 0.4),
    growth=(-0.3, 0.5), noise=(0.02, 0.08), lag=(0.55, 0.85), white=(0.005, 0.02), tails=3.5, missing=(0.0, 0.01),
)  # fmt: skip
KINDS: Final = (BGP, PROBING, TELESCOPE, GOOGLE, CLOUDFLARE, MOZILLA, TOR)
BY_NAME: Final = {kind.signal: kind for kind in KINDS}


def of_family(kind: Kind, family: str) -> Kind:
    """The ranges of this family: `report` is not the draw that thresholds were tuned on."""
    if family == "tuning":
        return kind
    ranges: dict[str, Range] = {name: getattr(kind, name) for name in _SPREAD}
    wider = {name: (low * 0.85, high * 1.15) for name, (low, high) in ranges.items()}
    lag = (kind.lag[0] * 0.97, min(0.97, kind.lag[1] * 1.01))
    many, *rest = kind.dips
    return replace(kind, lag=lag, tails=kind.tails * 0.9, dips=(many * 1.2, *rest), **wider)  # type: ignore[arg-type]


_SPREAD: Final = ("diurnal", "weekly", "daily", "drift", "growth", "noise", "white")
