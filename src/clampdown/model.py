"""Law: the nouns, and nothing but the nouns: Arrow schemas while data is large, frozen records while it is small.

Every table names the one before it. All strings are plain (no dictionary, list or struct columns), times are
naive UTC in microseconds, networks are integers (null for AS0), `day` is text (`YYYY-MM-DD` or `unknown`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from clampdown.model_signals import CONNECTED as CONNECTED
from clampdown.model_signals import CONNECTIVITY as CONNECTIVITY
from clampdown.model_signals import Levels as Levels

LAYERS: Final = ("dns", "tcp", "tls", "http", "quic", "tunnel")
STATES: Final = ("ok", "blocked", "throttled", "refused", "down", "unknown", "invalid", "not_applicable")
OPERATIONS: Final = (
    "dns_lookup",
    "dns_answer",
    "tcp_connect",
    "tls_handshake",
    "quic_handshake",
    "http_exchange",
    "tunnel_bootstrap",
    "transfer",
    "middlebox",
)
GRADES: Final = ("insufficient", "consistent", "corroborated", "confirmed")
UNKNOWN_DAY: Final = "unknown"

_s, _i64, _i32, _i16, _i8 = pa.string(), pa.int64(), pa.int32(), pa.int16(), pa.int8()
_f, _b, _ts = pa.float64(), pa.bool_(), pa.timestamp("us")


def _schema(*fields: tuple[str, pa.DataType] | tuple[str, pa.DataType, bool]) -> pa.Schema:
    return pa.schema([pa.field(f[0], f[1], nullable=len(f) < 3) for f in fields])


# One row per occurrence of a record in a file; settling keeps one row per measurement.
MEASUREMENTS: Final = _schema(
    ("measurement", _s, False),  # the id of CONTRACTS: uid, name in the path, or x + 32 hex digits
    ("digest", _s, False),  # sha256 of the record's bytes as found, hex
    ("references", _s, False),  # digest of the body fingerprints its bodies were matched with
    ("source", _s, False),  # ooni | ooni_observations | ooni_analysis
    ("locator", _s, False),  # file name, member and line; never a directory of the reader's machine
    ("test", _s),
    ("test_version", _s),
    ("software", _s),  # name/version
    ("platform", _s),
    ("network_type", _s),
    ("country", _s),  # ISO 3166 alpha-2, null for ZZ
    ("network", _i64),
    ("resolver_network", _i64),
    ("time", _ts),
    ("received", _ts),
    ("day", _s, False),
    ("hour", _i8),  # 0..23 of `time`, null where the day is not the day of `time`
    ("vantage", _s),  # local key of the vantage point; never leaves the store
    ("vantage_kind", _s),  # credential | session | none
    ("report", _s),  # local
    ("repeat", _s),  # digest of (report, input, start time): equal in resubmissions
    ("input", _s),  # redacted
    ("target", _s),  # the target the test was asked for; null where it has none or several
    ("runtime", _f),
    ("control", _s),  # none | failed | ok: the record's own control
    ("instrument", _s),  # why the instrument erred (clock, ...), else null
    ("degraded", _s),  # fields that could not be read, comma separated, sorted; "" when none
    ("peer", _s),  # the publisher's own opinion, for comparison only; never feeds a verdict
)

# One flat fact a row. What happened, never what it means.
OBSERVATIONS: Final = _schema(
    ("measurement", _s, False),
    ("digest", _s, False),
    ("seq", _i32, False),  # place within the measurement, from 0, in the record's order
    ("origin", _s, False),  # probe | control
    ("operation", _s, False),
    ("layer", _s),  # dns | tcp | tls | http | quic | tunnel, null for middlebox
    ("target", _s),  # target of this step (a redirect hop has its own)
    ("role", _s),  # role within the platform (the part behind the slash), null for web targets
    ("classic", _b),  # on the path an ordinary program takes (CONTRACTS, "reachable")
    ("side", _b),  # true: a check beside the path (another port than the input's, tag fetch_body=false)
    ("depth", _i16),  # redirect hop, 0 = the input
    ("transaction", _i64),
    ("hostname", _s),  # punycode, lower case, no final dot: the name looked up, the SNI, or the Host
    ("ip", _s),  # canonical text, no brackets; null when scrubbed or unknown
    ("ip_version", _i8),  # 4 | 6, null where `ip` is
    ("port", _i32),
    ("asn", _i64),  # network of `ip` as the record gives it
    ("ip_class", _s),  # public | private | loopback | link_local | cgnat | reserved | multicast | unspecified
    ("outcome", _s, False),  # ok | failed | unknown
    ("failure", _s),  # normalised df-007 name, `unknown_failure` for free text; null when none
    ("t0", _f),  # seconds since the start of the measurement
    ("t", _f),
    ("engine", _s),  # dns: system | udp | tcp | doh | dot | unknown
    ("query_type", _s),
    ("answer_type", _s),  # A | AAAA | CNAME (for a CNAME, `detail` is the name)
    ("resolver", _s),  # name or address of a public resolver asked by address; null for the probe's own
    ("network_proto", _s),  # tcp | udp
    ("tls_version", _s),
    ("alpn", _s),
    ("ech", _s),
    ("verified", _b),  # false where the probe did not check certificates
    ("cert_digest", _s),  # sha256 of the leaf
    ("cert_status", _s),  # ok | name_mismatch | expired | not_yet_valid | self_signed | unknown_authority
    #                       | expired_root | proxy (antivirus or office) | unparsable | unknown
    ("cert_issuer", _s),
    ("cert_subject", _s),
    ("method", _s),
    ("scheme", _s),  # http | https
    ("path", _s),  # path without query, user names blanked
    ("status", _i32),
    ("title", _s),
    ("body_length", _i64),
    ("body_digest", _s),
    ("body_truncated", _b),
    ("headers", _s),  # "name: value" lines, lower-case names, sorted, no cookies, no queries
    ("location", _s),  # host the answer redirects to
    ("final", _b),  # last exchange of a redirect chain
    ("status_match", _b),  # comparisons with the record's own control (null: nothing to compare)
    ("title_match", _b),
    ("headers_match", _b),
    ("body_ratio", _f),  # min/max of the two body lengths, 0..1
    ("bytes", _i64),  # transfer: bytes received
    ("seconds", _f),  # transfer: for how long
    ("stage", _s),  # tunnel: config | connect | bootstrap | transfer | done
    ("progress", _f),  # tunnel: 0..1
    ("detail", _s),  # short redacted text for a person
)

# Body fingerprints found when the bytes were read (bodies end at intake).
MATCHES: Final = _schema(
    ("measurement", _s, False),
    ("digest", _s, False),
    ("seq", _i32, False),
    ("fingerprint", _s, False),
    ("place", _s, False),  # body
)

REJECTS: Final = _schema(
    ("file", _s, False),
    ("member", _s),
    ("line", _i64),
    ("digest", _s),
    ("length", _i64),
    ("reason", _s, False),  # short code, e.g. not_json, too_long, too_deep, truncated
    ("detail", _s),
    ("day", _s, False),
)

# One row per measurement x target.
VERDICTS: Final = _schema(
    ("measurement", _s, False),
    ("target", _s),
    ("day", _s, False),
    ("hour", _i8),
    ("time", _ts),
    ("country", _s),
    ("network", _i64),
    ("resolver_network", _i64),
    ("test", _s),
    ("test_version", _s),
    ("software", _s),
    ("platform", _s),
    ("network_type", _s),
    ("vantage", _s),
    ("vantage_kind", _s),
    ("state", _s, False),
    ("mechanism", _s),  # best deciding mechanism; all of them are rows of FIRED with decides = true
    ("rule", _s),  # the rule that decided
    ("dns", _s),
    ("tcp", _s),
    ("tls", _s),
    ("http", _s),
    ("quic", _s),
    ("tunnel", _s),
    ("settled", _b),  # a settling artefact (fingerprint of national or ISP scope expected in this country)
    ("repeat", _b),  # a resubmission of another measurement that counts
)

# Every rule that fired, the winner and the others.
FIRED: Final = _schema(
    ("measurement", _s, False),
    ("target", _s),
    ("layer", _s, False),  # of the rule; "record" for rules about the whole record
    ("seq", _i32),  # the observation it fired on, null for the record
    ("rule", _s, False),
    ("verdict", _s, False),
    ("mechanism", _s),
    ("won", _b, False),  # the first of its file on this observation
    ("decides", _b, False),
    ("fingerprint", _s),
    ("day", _s, False),
)

COUNTS: Final = tuple(f"n_{state}" for state in STATES)
CELLS: Final = _schema(
    ("day", _s, False),
    ("hour", _i8),
    ("country", _s),
    ("network", _i64),
    ("resolver_network", _i64),
    ("target", _s),
    ("test", _s),
    ("layer", _s, False),  # "state" for the whole, else one of LAYERS
    ("vantage", _s),
    *((name, _i64, False) for name in COUNTS),
)
CELL_RULES: Final = _schema(
    ("day", _s, False),
    ("country", _s),
    ("network", _i64),
    ("target", _s),
    ("rule", _s, False),
    ("n", _i64, False),
)
CELL_VERSIONS: Final = _schema(
    ("day", _s, False),
    ("country", _s),
    ("network", _i64),
    ("target", _s),
    ("test", _s),
    ("test_version", _s),
    ("software", _s),
    ("state", _s, False),
    ("n", _i64, False),
)
COVERAGE: Final = _schema(
    ("day", _s, False),
    ("hour", _i8),
    ("country", _s),
    ("network", _i64),
    ("test", _s),
    ("n", _i64, False),
)
# Ids under which two contents were found.
CONFLICTS: Final = _schema(
    ("measurement", _s, False),
    ("day", _s, False),
    ("digest", _s, False),
    ("used", _b, False),
    ("locator", _s, False),
    ("content", _s),  # name of what it says; the smallest digest stands for all that say the same
)

# What a whole store says, not a day of it: made by `detect`, replaced as a whole, named by the manifest.
DIRECTIONS: Final = ("block", "unblock")
FINDINGS: Final = _schema(
    ("country", _s, False),
    ("network", _i64),  # null: the whole country
    ("target", _s, False),
    ("state", _s, False),  # ok | blocked | throttled | refused | down | conflicting | insufficient
    ("grade", _s, False),  # GRADES
    ("mechanism", _s),
    ("onset_after", _ts),  # last seen working; null: the state stood when the data begin
    ("onset_before", _ts),  # first seen in this state
    ("end_after", _ts),  # last seen in this state; null: it lasts
    ("end_before", _ts),  # first seen working again; null: it lasts
    ("last_seen", _ts),  # the last try that counted
    ("k", _i64, False),  # tries that saw interference, in the period of the finding
    ("n", _i64, False),  # tries that decided something
    ("share", _f),  # of interference, every vantage point weighed by what it can tell
    ("low", _f),  # 95 % interval of the share, clusters respected
    ("high", _f),
    ("n_effective", _f),  # independent tries that would give this interval
    ("vantage_low", _i32, False),  # vantage points: at least, at most; -1 where the source gives only counts
    ("vantage_high", _i32, False),
    ("days", _i32, False),  # days with data in the period, and days of the period
    ("days_all", _i32, False),
    ("networks_hit", _i32),  # country rows: networks in this state, of those with enough data
    ("networks_data", _i32),
    ("users_share", _f),  # of users that those networks carry, where a pinned reference says so
    ("stands", _b, False),  # with any one vantage point left out
    ("settled", _i32, False),  # vantage points (lower bound) that saw a settling artefact
    ("pattern", _s),  # partial | recurring | hours:22-06, comma separated; null: steady
    ("contradicts", _s),  # codes (publish/words), comma separated; null: nothing does
    ("witnesses", _i64, False),  # measurements behind it
    ("witnesses_digest", _s),  # evidence.digest of their ids, where they were looked up
    ("witnesses_first", _s),  # ids of some, spread over vantage points, space separated
    ("event", _s),  # the event that began it, and the one that ended it
    ("event_end", _s),
)
EVENTS: Final = _schema(
    ("event", _s, False),  # the id: stable from run to run
    ("direction", _s, False),  # DIRECTIONS
    ("country", _s, False),
    ("grade", _s, False),
    ("targets", _s, False),  # space separated, sorted, as all lists here
    ("platforms", _s, False),
    ("groups", _s, False),
    ("networks", _s, False),  # numbers
    ("mechanisms", _s, False),
    ("onset_after", _ts),  # of the change: last seen as before, first seen as after; the first member's
    ("onset_before", _ts),
    ("spread", _ts),  # first seen as after by the last member (a roll-out takes time)
    ("lasts", _b),  # block: does it last at the end of the data
    ("counterpart", _s),  # the event that ended (or began) it
    ("members", _i64, False),  # changes of one target on one network
    ("targets_n", _i32, False),
    ("networks_n", _i32, False),
    ("networks_data", _i32, False),  # networks with data on any of the targets in those days
    ("statistic", _f, False),  # sum of the members' log likelihood ratios
    ("pattern", _s),
    ("why", _s, False),  # codes: why these belong together
    ("contradicts", _s),  # codes: what speaks against it
    ("supersedes", _s),  # ids of earlier runs that this one replaces
)
EVENT_MEMBERS: Final = _schema(
    ("event", _s, False),
    ("country", _s, False),
    ("network", _i64, False),
    ("target", _s, False),
    ("direction", _s, False),
    ("after", _ts),  # bracket of this change
    ("before", _ts),
    ("level_before", _f),  # share of interference on either side
    ("level_after", _f),
    ("statistic", _f, False),
    ("grade", _s, False),
    ("mechanism", _s),
    ("k", _i64, False),
    ("n", _i64, False),
)
# Changes that are none of policy: the instrument's, the site's own, and silence. On a list of their own.
NOTES: Final = _schema(
    ("kind", _s, False),  # instrument | site_down | volume | burst | broken_probe
    ("country", _s),
    ("network", _i64),
    ("target", _s),
    ("test", _s),
    ("first", _s, False),  # day
    ("last", _s),  # day; null: it lasts
    ("members", _i64, False),  # changes, vantage points or measurements it is about
    ("detail", _s, False),  # "software:ooniprobe-android/3.9.0", "share:0.08"
    ("countries", _s),
)
DETECTED: Final[dict[str, pa.Schema]] = {
    "findings": FINDINGS,
    "events": EVENTS,
    "event_members": EVENT_MEMBERS,
    "notes": NOTES,
    **CONNECTED,
}

TABLES: Final[dict[str, pa.Schema]] = {
    "measurements": MEASUREMENTS,
    "observations": OBSERVATIONS,
    "matches": MATCHES,
    "rejects": REJECTS,
    "conflicts": CONFLICTS,
    "verdicts": VERDICTS,
    "fired": FIRED,
    "cells": CELLS,
    "cell_rules": CELL_RULES,
    "cell_versions": CELL_VERSIONS,
    "coverage": COVERAGE,
    **CONNECTIVITY,
}


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read: kept with its place, digest and reason."""

    file: str
    member: str | None
    line: int | None
    digest: str | None
    length: int | None
    reason: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source gives for a run of records: three tables and the rejects, no counts."""

    measurements: pa.Table
    observations: pa.Table
    matches: pa.Table
    rejects: tuple[Reject, ...] = ()
    levels: Levels | None = None  # of sources of signals


@dataclass(frozen=True, slots=True)
class Terms:
    """How a data source may be passed on."""

    source: str
    licence: str
    redistribute: str  # yes | share-alike | non-commercial | no
    attribution: str
    url: str
