"""Law: the nouns of connectivity, and nothing but the nouns; all others are in `model`, which hands these on.

A level without its series says nothing: `signals` holds times and values, `series` says of whom, by whom and in what
unit. Missing is a row without a value where the source says so, and no row where it says nothing; neither is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

PLANES: Final = ("control", "data", "background", "usage", "service")
OUTAGE_KINDS: Final = ("outage", "shutdown")
ENTITY_KINDS: Final = ("country", "region", "network")
SCOPES: Final = ("total", "international", "mobile", "fixed", "whitelist", "region", "unknown")
# What a part of an outage is: a signal that fell; a lesser fall before it; a service (or a plane) let through while
# others stay down; one occurrence of a recurring cut; a signal that was there and did not fall; one that was missing.
PART_ROLES: Final = ("loss", "precursor", "restoration", "occurrence", "unmoved", "missing")

_s, _i64, _i32, _i16 = pa.string(), pa.int64(), pa.int32(), pa.int16()
_f, _b, _ts = pa.float64(), pa.bool_(), pa.timestamp("us")


def _schema(*fields: tuple[str, pa.DataType] | tuple[str, pa.DataType, bool]) -> pa.Schema:
    return pa.schema([pa.field(f[0], f[1], nullable=len(f) < 3) for f in fields])


# The level of one series at one time.
SIGNALS: Final = _schema(
    ("series", _s, False),  # the id, see SERIES
    ("time", _ts, False),  # begin of the bin, UTC
    ("value", _f),  # null: the source says that it has none
    ("quality", _f),  # what share of its own instrument the source had (Tor: frac, 0..1); null where it says nothing
    ("day", _s, False),
)
# What a series is, once for every day and input that brought levels of it.
SERIES: Final = _schema(
    ("series", _s, False),  # s + 16 hex digits of the sha256 of what follows, as far as it tells series apart
    ("country", _s),  # ISO 3166 alpha-2; null for the whole world or where it is unknown
    ("entity", _s, False),  # IR | MM/Bago | AS64500 | AS64500@IR
    ("entity_kind", _s, False),  # ENTITY_KINDS
    ("network", _i64),
    ("plane", _s, False),  # PLANES
    ("signal", _s, False),  # bgp/slash24, probing/slash24, google/search, tor/relay-users ... (reference/data/signals)
    ("operator", _s, False),  # who measures it: two planes of one operator are one witness
    ("service", _s),  # the one service that it tells of (google, tor), else null
    ("access", _s),  # mobile | fixed, where it tells of one alone
    ("unit", _s, False),  # count | share | percent | normalised | milliseconds
    ("scale", _s, False),  # all: values of every file compare; else the digest of the one input that they compare in
    ("step", _i32, False),  # seconds from one time to the next; 0: looks at odd times, which overlap and never add up
    ("absence", _s),  # no-reply: the source lists replies only, so its empty bins are zeros of what was expected
    ("zone", _s),  # of local times that were read, e.g. Asia/Yangon
    ("source", _s, False),  # whose data it is: a row of the terms
    ("input", _s, False),  # sha256 of the text that was read (unpacked), hex
    ("locator", _s, False),  # file name and member; never a directory of the reader's machine
    ("rows", _i64, False),  # levels of this series that this input gave for this day
    ("day", _s, False),
)
# What others published about outages, orders, protests: beside the signals, never one of them.
CONTEXT: Final = _schema(
    ("record", _s, False),  # c + 16 hex digits of the sha256 of source and content
    ("kind", _s, False),  # shutdown-list | outage-list | alert | order | statement | protest | election | exam | coup
    ("country", _s),
    ("entity", _s),  # as in SERIES, where it names one
    ("region", _s),  # as the source writes it
    ("networks", _s),  # numbers, space separated
    ("start", _ts),  # UTC
    ("end", _ts),  # null: not said, or lasting
    ("precision", _s, False),  # minute | hour | day | unknown: of `start`
    ("cause", _s),  # government | exam | cable | power | weather | disaster | technical | attack | military | other
    ("extent", _s),  # full | service | throttle | other: what it says was cut
    ("access", _s),  # mobile | fixed | both
    ("scope", _s),  # national | regional | local
    ("acknowledged", _b),  # does it say that an authority or operator admitted or ordered it
    ("title", _s),  # short, as published
    ("url", _s),
    ("evidence", _s),  # operators (as in SERIES) that the record itself rests on, space separated; null: others
    ("doubt", _s),  # codes of what is wrong with it: end-before-start, weekday, ... comma separated
    ("source", _s, False),
    ("input", _s, False),
    ("locator", _s, False),  # file name, member and line
    ("day", _s, False),  # of `start`, or unknown
)
CONNECTIVITY: Final[dict[str, pa.Schema]] = {"signals": SIGNALS, "series": SERIES, "context": CONTEXT}

OUTAGES: Final = _schema(
    ("outage", _s, False),  # the id: stable from run to run
    ("kind", _s, False),  # OUTAGE_KINDS
    ("kind_why", _s, False),  # codes: why it is called so
    ("grade", _s, False),
    ("country", _s),
    ("entity", _s, False),
    ("entity_kind", _s, False),
    ("network", _i64),
    ("plane", _s, False),  # the plane that dates it
    ("onset_after", _ts),  # begin of the last bin as before; null: it was down when the data begin
    ("onset_before", _ts, False),  # begin of the first bin below
    ("end_after", _ts),  # begin of the last bin below; null: it lasts, as far as the data go
    ("end_before", _ts),  # begin of the first bin back
    ("last_seen", _ts, False),  # the last bin with data of that plane
    ("lasts", _b, False),
    ("depth", _f, False),  # share of the expected level that was lost at the worst moment, 0..1
    ("worst", _ts, False),
    ("lost_hours", _f, False),  # connectivity-hours: the sum of lost shares over the hours with data
    ("unknown_hours", _f, False),  # hours within it without data: not counted as lost, nor as there
    ("scope", _s, False),  # SCOPES
    ("planes", _s, False),  # that fell; space separated, sorted, as all lists here
    ("planes_unmoved", _s, False),
    ("planes_missing", _s, False),
    ("signals", _s, False),
    ("signals_unmoved", _s, False),
    ("operators", _s, False),  # of the signals that fell
    ("precursors", _i32, False),
    ("restorations", _i32, False),
    ("pattern", _s),  # nightly | mornings | recurring; null: once
    ("occurrences", _i32, False),  # 1, or the cuts of a recurring one
    ("occurrences_of", _i32, False),  # days between its first and last one, both counted
    ("features", _s, False),  # name=value:ratio, space separated (docs/methods.md): never multiplied
    ("contradicts", _s),  # codes, comma separated
    ("published", _s, False),  # records of CONTEXT that speak of it
    ("events", _s, False),  # events of blocking of the same days
    ("zone", _s),  # local time of the entity, where it has one
    ("points", _i64, False),  # levels that it rests on
    ("witnesses_digest", _s, False),  # evidence.digest of "series time value" of those levels
    ("sources", _s, False),
)
OUTAGE_PARTS: Final = _schema(
    ("outage", _s, False),
    ("role", _s, False),  # PART_ROLES
    ("entity", _s, False),
    ("plane", _s, False),
    ("signal", _s, False),
    ("operator", _s, False),
    ("source", _s, False),
    ("series", _s, False),
    ("onset_after", _ts),
    ("onset_before", _ts),
    ("end_after", _ts),
    ("end_before", _ts),
    ("expected", _f),  # level that the reference expects at the worst moment, in the unit of the series
    ("level", _f),  # and what was there
    ("depth", _f),
    ("worst", _ts),
    ("lost_hours", _f),
    ("unknown_hours", _f),
    ("statistic", _f),  # how many times the noise of that series it fell at most
    ("normal_again", _b),  # has its level settled at another height: a new normal?
    ("inputs", _s, False),  # file names that brought these levels, space separated
)
CONNECTED: Final[dict[str, pa.Schema]] = {"outages": OUTAGES, "outage_parts": OUTAGE_PARTS}


@dataclass(frozen=True, slots=True)
class Levels:
    """What a source of signals gives for a run of rows: tables of CONNECTIVITY, without `day` sorted or settled."""

    signals: pa.Table
    series: pa.Table
    context: pa.Table
