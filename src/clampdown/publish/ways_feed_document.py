"""Law: a feed's file says what it holds in closed words only: countries, names of tools, days, numbers, digests.

Frozen records, each field of a form that no address and no id of a person fits into, but for the prose of the package
and the attributions of the sources; names are those of the table of tools. What nothing is known of is `no_evidence`,
and carries no number.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

FORMAT: Final = 1
FEED: Final = "clampdown.feed"
COUNTRY: Final = "clampdown.feed.country"
Text = Annotated[str, Meta(max_length=4_000)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$", max_length=10)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
Code = Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)]
Lower = Annotated[str, Meta(pattern="^[a-z]{2}$", max_length=2)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9-]*)*$", max_length=40)]
Reason = Annotated[str, Meta(pattern="^[a-z][a-z_]*$", max_length=40)]
Why = Annotated[str, Meta(pattern="^[a-z][a-z_]*(:[a-z][a-z0-9_-]*)?$", max_length=60)]
File = Annotated[str, Meta(pattern=r"^([a-z0-9]+/)*[A-Za-z-]+\.json$", max_length=60)]
Version = Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]*$", max_length=40)]
Hashes = Annotated[str, Meta(pattern=r"^[0-9A-Za-z ]*$", max_length=4_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
State = Literal["works", "impaired", "blocked", "conflicting", "refused", "down", "no_evidence"]
Grade = Literal["insufficient", "consistent", "corroborated", "confirmed"]
Redistribute = Literal["yes", "share-alike", "non-commercial"]
Mapped = Literal["works", "impaired"]
Firm = Literal["corroborated", "confirmed"]
Nothing = Literal["none_qualifies", "frozen", "expired"]
Way = Literal["vanilla", "obfs4", "snowflake", "meek", "webtunnel"]


class Vantage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At least, and at most, so many vantage points."""

    low: Count
    high: Count


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many measurements, and the digest of their list; null where so few stood behind it that one could be found
    by trying."""

    count: Count
    digest: Digest | None


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of a tool in the whole country. Where the state is `no_evidence` nothing else is said."""

    tool: Name
    way: Name
    state: State
    reason: Reason | None  # no_evidence: untested | insufficient | closed; else why no more could be said
    grade: Grade
    n: Count | None = None  # tries that decided something
    share: Share | None = None  # of success
    low: Share | None = None  # 95 % interval
    high: Share | None = None
    vantage: Vantage | None = None  # null: the source gives only counts
    networks: Count | None = None  # with enough data
    networks_state: Count | None = None  # of them in this state (where they differ: those on which it works)
    last_ok: Day | None = None
    last_failed: Day | None = None
    age_ok: Count | None = None  # days before `as_of`
    age_failed: Count | None = None
    evidence: dict[Literal["ok", "failed"], Evidence] = {}


class FeedTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the file may be passed on: the strictest of its sources, and all attributions."""

    redistribute: Redistribute
    licence: Text
    attribution: tuple[Text, ...]


class MadeWith(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Version, rules and reference data that judged."""

    version: Version
    rules: Hashes
    reference: Hashes


class Country(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """feed/v1/<CC>.json"""

    format: Literal[1]
    kind: Literal["clampdown.feed.country"]
    country: Code
    as_of: Day
    valid_until: Day  # after this day it says nothing of today
    first: Day  # the window, both included
    last: Day
    warning: Text
    ways: tuple[Row, ...]
    left_out: Count  # ways that rest on a source whose terms do not allow passing them on: they say `closed`
    terms: FeedTerms | None
    made_with: MadeWith


class Bridges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As in Tor's circumvention settings. `builtin`: what ships with the tool is what was tried. `none`: no bridge."""

    type: Way
    source: Literal["builtin", "none"]


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One transport, and what it rests on."""

    bridges: Bridges
    state: Mapped
    grade: Firm
    share: Share
    low: Share
    high: Share
    last_ok: Day


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One country of the map. Empty settings say that nothing is known, and never that no bridge is needed."""

    settings: tuple[Setting, ...]  # in the order in which they would be tried
    no_evidence: bool
    reason: Nothing | None  # of no evidence
    valid_until: Day
    grade: Grade  # the least of the settings'
    note: Text
    as_of: Day  # what the settings rest on ends with this day
    frozen_since: Day | None
    why: tuple[Why, ...]  # frozen: history | contested | surge:<type>


Map = dict[Lower, Entry]


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the feed."""

    name: File
    sha256: Digest
    size: Count


class Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """index.json: the one file that is signed. It names every other."""

    format: Literal[1]
    kind: Literal["clampdown.feed"]
    as_of: Day
    valid_until: Day
    about: tuple[Text, ...]
    warning: Text
    countries: tuple[Code, ...]
    files: tuple[Held, ...]
    left_out: Count
    terms: FeedTerms | None


def encode(document: Country | Index | Map) -> bytes:
    """As JSON, sorted keys: the same document gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2) + b"\n"
