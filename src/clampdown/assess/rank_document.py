"""Law: a rank is data before it is a page: with its frame, its interval, its weights and what others would make of it;
a country without enough data has no rank, and its values are null and never nought.

Frozen records of `rank`. Rank 1 is the worst among the countries that were measured. No prose: states and reasons are
codes (publish/words/rank.py).
"""

from __future__ import annotations

from typing import Final

import msgspec

from clampdown.assess.document import Inputs
from clampdown.assess.rank_limits import Kind, Limits, OtherPrior
from clampdown.model import Terms

FORMAT: Final = 1
KIND: Final = "clampdown.rank"
STATES: Final = (
    "ranked",
    "withheld",  # enough data, and the place is not told: see `reason`
    "outside_frame",  # enough data, and not a country of the declared frame
    "not_enough_data",
    "untested",  # nothing at all was measured
)
# Why a place, a value or a correlation is not told; a component is not in the whole.
REASONS: Final = (
    "too_wide", "few_countries", "outside_frame", "no_data", "few_networks", "few_targets", "few_tries",
    "few_vantage_points", "few_common", "few_months", "no_signals", "not_detected", "never_seen", "coverage",
    "no_weight", "not_asked", "few_in_common", "no_order",
)  # fmt: skip


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked. Times are naive UTC and half-open."""

    since: str | None
    until: str | None
    components: tuple[str, ...]  # asked for by name; none: all
    frame: str  # all | measured | the name of a file


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one country."""

    component: str
    mean: float | None  # share of the list, or hours a month; null: not enough data, never nought
    low: float | None  # 90 % interval
    high: float | None
    reason: str | None  # why there is none
    tries: int  # behind it: vantage point and hour
    hits: int  # of which saw interference
    targets: int  # of the component's list that were tried
    networks: int  # with any of those tries
    cells: int  # (network, target), of the whole list and beyond, that the model was given of this country
    months: float | None  # with signals of the whole country; of hours alone
    cuts: int | None
    narrower: int | None  # cuts of regions and networks that are not in the hours


class UnderPrior(msgspec.Struct, frozen=True, kw_only=True):
    """The place if something else is believed before the data."""

    prior: str
    rank: float
    low: int
    high: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The place if one weight is another."""

    change: str  # double:breadth | half:breadth | without:breadth
    rank: float


class Standing(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="country"):
    """One country."""

    country: str
    name: str
    state: str  # STATES
    reason: str | None  # REASONS
    rank: float | None  # mean over draws, 1 is the worst; null: not told
    low: int | None  # 90 % interval
    high: int | None
    # Probability of being among the ten worst of those measured; null where no more are, or the place is not told.
    top: float | None
    top_least: float | None  # the same if those of the frame without enough data were worse; null where it has no more
    band_low: float | None  # least and largest rank over other weights
    band_high: float | None
    changes: tuple[Change, ...]
    priors: tuple[UnderPrior, ...]
    components: tuple[Estimate, ...]
    networks_left_out: int  # where too few vantage points decided anything
    digest: str | None  # of its cells (assess/rank_cells.py); null: none


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One component, and whether it is in the whole."""

    component: str
    label: str
    unit: str  # share | hours_per_month
    weight: float  # stated
    used: float  # share of the whole; 0: not in it
    reason: str | None  # why it is not
    countries: int  # with enough data
    targets: tuple[str, ...]  # of its common list
    agree: float | None  # of the two chains: 1, they say the same
    thinned: int | None  # cells that it was fitted to, where not to all


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="frame"):
    """What the places are among, and how they were made."""

    format: int
    kind: str
    question: Question
    as_of: str | None
    first: str | None  # days of the period with data
    last: str | None
    frame: tuple[str, ...]  # the declared countries
    ranked: int  # of which have enough data
    without: tuple[str, ...]  # of which have not: never ranked, and counted as worse in `top_least`
    top: int
    weights: dict[str, float]
    components: tuple[Component, ...]
    mixtures: int  # sets of weights behind the bands, beside the named changes
    prior_cells: int | None  # at most, that other priors were fitted to, where not to all
    people: bool  # are hours weighed by the users that networks carry
    limits: Limits
    kinds: tuple[Kind, ...]
    priors: tuple[OtherPrior, ...]
    inputs: Inputs
    terms: Terms | None
    digest: str  # of the digests of all countries


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A country in both orders."""

    country: str
    ours: float  # place among the common ones, 1 is the worst
    theirs: float


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A rank correlation with its 90 % interval over draws of ours and over countries."""

    of: str  # spearman | kendall
    value: float
    low: float
    high: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="comparison"):
    """Our order beside a published one. Agreement is no proof of either."""

    publisher: str  # freedom_house | rsf | given
    measure: str  # total | part_a | part_b | part_c | rank | score
    file: str
    digest: str
    year: int | None
    higher: str  # is-worse | is-better
    component: str | None  # ours: null, the whole
    n: int  # countries in both
    missing: tuple[str, ...]  # of ours, that they do not have
    unmeasured: tuple[str, ...]  # of theirs, of which we have not enough data
    unknown: tuple[str, ...]  # names that no code stands for
    agreement: tuple[Agreement, ...]
    reason: str | None
    pairs: tuple[Pair, ...]


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `rank`."""

    about: Frame
    countries: tuple[Standing, ...]  # ranked first, the worst before; then withheld, outside, without enough, untested
    comparisons: tuple[Comparison, ...]


Line = Frame | Standing | Comparison


def encode(rank: Rank) -> bytes:
    """As JSON, sorted keys: the same answer gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(rank, order="deterministic"), indent=2) + b"\n"
