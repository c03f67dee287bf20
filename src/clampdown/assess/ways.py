"""Law: an answer on ways through is data before it is a page; a way that nobody tried is `untested` and nothing else.

Frozen records of `access COUNTRY`. Reachability (tests) and usage (users) lie beside each other and are never mixed.
Networks are integers; times are naive UTC, and null where they would point at a person (`day_only`); no prose.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clampdown.assess.counting import Bounds
from clampdown.assess.document import Inputs
from clampdown.evidence import Witnesses
from clampdown.model import Terms

FORMAT: Final = 1
KIND: Final = "clampdown.access"
# What may be said of a way on a network. Only `works` and `impaired` say that something came through.
STATES: Final = (
    "works",  # ok
    "impaired",  # throttled, or a share of success between the limits
    "blocked",
    "conflicting",  # ok and blocked each at `consistent` or better within the window
    "refused",  # the far end declines
    "down",  # fails everywhere, not only here
    "insufficient",  # below the floor: some tests, and nothing is said
    "untested",  # no test in the window
)
# Where a try that failed came to its end, in the order of the way.
STAGES: Final = ("config", "connect", "bootstrap", "transfer", "slow", "unknown")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked: a country, or one network of it, at the end of a day (UTC)."""

    country: str
    network: int | None
    at: str | None  # day; null: the newest measurement


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Failing tries that ended here. A percentage of bootstrap says how far, and is not a probability."""

    stage: str  # STAGES
    n: int  # tries
    progress_low: float | None  # 0..1, of those that say how far they came
    progress_high: float | None
    bytes_low: int | None  # received before it stalled
    bytes_high: int | None
    failures: tuple[str, ...]  # normalised failures, most frequent first


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """Tries told apart within a way: a rendezvous method, a provider, a protocol."""

    name: str  # rendezvous:ampcache | provider:riseup | proto:udp
    n: int
    ok: int
    last_ok: str | None  # day
    last_failed: str | None


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """Since when it is so, as the findings say it."""

    state: str  # of the finding: ok | blocked | throttled | ...
    target: str
    after: str | None  # last seen otherwise; null: it stood so when the data begin
    before: str | None
    grade: str
    event: str | None


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a source publishes as counts alone: no vantage points, so never above `consistent`; never added up."""

    source: str
    operator: str
    test: str
    time: str  # of the count
    n: int | None  # tests; null: only a share is published, and that says no state
    failed: int | None
    failed_share: float
    since: str | None  # of all counts of this test in the window: the first,
    counts: int  # how many there are,
    share_low: float  # and the least and the most that they say
    share_high: float


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One tool by one way, on one network or (network null) in the whole country."""

    tool: str
    way: str
    network: int | None
    state: str  # STATES
    reason: str | None  # why nothing, or no more, could be said: codes of publish/words
    grade: str  # GRADES
    n: int  # tries that decided something (one vantage point, one hour), from the day `first` on; of counts: tests
    ok: int  # of which came through
    share: float | None  # of success, every vantage point the same weight; null where n is 0
    low: float | None  # 95 % interval
    high: float | None
    vantage: Bounds | None  # null: the source gives only counts
    networks: int | None  # country rows: networks with enough data, and those of them in this state
    networks_state: int | None  # (where networks differ: those on which it works)
    last_ok: str | None  # day, or time where the network has vantage points enough
    last_failed: str | None
    age_ok: int | None  # days from there to `as_of`
    age_failed: int | None
    stages: tuple[Stage, ...]
    mechanisms: tuple[str, ...]
    variants: tuple[Variant, ...]
    since: tuple[Since, ...]
    counted: tuple[Counted, ...]
    targets: tuple[str, ...]  # that were tried
    tests: tuple[str, ...]
    rules: tuple[str, ...]  # that decided
    witnesses: dict[str, Witnesses]  # ok | failed -> measurements
    first: str | None = None  # the first day that the state rests on: later than the window's where something changed


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Users, as their operator counts them, beside how well connected the country was in the same days."""

    tool: str
    way: str
    signal: str
    operator: str
    unit: str
    day: str  # the newest day that is not withheld
    users: float | None
    usual: float | None  # median of the reference days
    ratio: float | None  # users / usual
    connectivity: float | None  # level of the country's connectivity, over its own usual, in the same days
    adjusted: float | None  # ratio / connectivity; null where the country is nearly dark, or nothing tells
    trend: str  # rises | falls | steady | unknown
    withheld: tuple[str, ...]  # days on which `frac` jumped
    reason: str | None  # why nothing is said
    source: str


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Tests and users say different things: both numbers, and no third."""

    tool: str
    way: str
    kind: str  # users_rise_tests_fail | users_fall_tests_work
    share: float  # of success
    n: int
    adjusted: float


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """A network of the country with any test of any tool in the window."""

    network: int
    measurements: int
    vantage: Bounds
    day_only: bool  # too few vantage points: days are shown and not times


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `access COUNTRY`: every tool and way of the table of tools has a cell for the country and for
    each network, tested or not."""

    format: int
    kind: str
    question: Question
    as_of: str
    first: str  # the window, days, both included
    last: str
    ways: tuple[Way, ...]  # country cells first (network null), then by network; tools in the order of their table
    networks: tuple[Tested, ...]
    usage: tuple[Usage, ...]
    conflicts: tuple[Conflict, ...]
    labels: dict[str, dict[str, str]]  # language -> "tool" or "tool/way" -> label
    limits: dict[str, float]  # the thresholds of access.toml that it was made with
    inputs: Inputs
    terms: Terms | None
    witnesses_digest: str


def encode(access: Access) -> bytes:
    """As JSON, sorted keys: the same answer gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(access, order="deterministic"), indent=2) + b"\n"
