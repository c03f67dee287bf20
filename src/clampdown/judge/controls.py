"""Law: what the verdicts are held against: fingerprints, published endpoints, which records may speak of one another.

A record is always held against its own control. In the mode `alone` records say nothing of each other; in the mode
`day` the records of one UTC day are pooled, and that may only weaken (rules/pool.toml), but that speeds are compared
within one session (rules/speed.toml).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.engine import Engine, Rows, Stream
from clampdown.reference import Reference

HITS: Final = pa.schema(
    [
        ("measurement", pa.string()),
        ("seq", pa.int32()),
        ("fingerprint", pa.string()),
        ("scope", pa.string()),
        ("kind", pa.string()),
        ("listed", pa.int64()),  # the fingerprint expects this very country
        ("expected", pa.int64()),  # it does, or it names no country
    ]
)
TARGETS: Final = pa.schema([("target", pa.string()), ("pinned", pa.int64()), ("mode", pa.string())])
NETWORKS: Final = pa.schema([("target", pa.string()), ("asn", pa.int64())])
KIN: Final = pa.schema([("hostname", pa.string()), ("location", pa.string())])
PEERS: Final = {
    "alone": """
SELECT m.measurement AS measurement, m.measurement AS peer FROM measurements AS m""",
    "day": """
SELECT m.measurement AS measurement, n.measurement AS peer
FROM measurements AS m
JOIN measurements AS n ON n.vantage = m.vantage AND n.day = m.day AND n.hour = m.hour AND n.network = m.network""",
}

# Artefacts of the far end or of the probe's own side, told by the fingerprint's mechanism.
_KINDS: Final = {
    "server.captcha": "captcha",
    "server.geofence": "geofence",
    "server.legal": "legal",
    "server": "refusal",
    "server.error": "refusal",
}
# Second labels that stand for a registry under a country's domain (`co.uk`), not for a name of anybody.
_REGISTRY: Final = frozenset(
    {"ac", "co", "com", "edu", "go", "gov", "gob", "gub", "mil", "ne", "net", "nom", "or", "org"}
)
_DISTINCT: Final = {
    "headers": "operation = 'http_exchange' AND headers IS NOT NULL",
    "title": "operation = 'http_exchange' AND title IS NOT NULL",
    "ip": "operation = 'dns_answer' AND ip IS NOT NULL",
    "detail": "operation = 'dns_answer' AND answer_type = 'CNAME' AND detail IS NOT NULL",
    "cert_digest": "operation = 'tls_handshake' AND cert_digest IS NOT NULL",
    "cert_issuer": "operation = 'tls_handshake' AND cert_issuer IS NOT NULL",
    "cert_subject": "operation = 'tls_handshake' AND cert_subject IS NOT NULL",
}


def targets_table(reference: Reference) -> pa.Table:
    """The published roles: what answers elsewhere, and whether one endpoint is enough (any), some, or all."""
    rows = [
        (f"{platform.id}/{role.id}", 1, "all" if role.web else role.rule.removesuffix("_of"))
        for platform in reference.targets.platforms.values()
        for role in platform.roles.values()
    ]
    rows.sort()
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, TARGETS, strict=True)], schema=TARGETS
    )


def networks_table(reference: Reference) -> pa.Table:
    """The networks in which an operator keeps every host of a role."""
    rows = [
        {"target": f"{platform.id}/{role.id}", "asn": asn}
        for platform in reference.targets.platforms.values()
        for role in platform.roles.values()
        for asn in role.networks
    ]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (row["target"], row["asn"])), schema=NETWORKS)


def _finders(reference: Reference) -> dict[str, Callable[[str], Iterable[str]]]:
    """Column of an observation → the fingerprints that one of its values hits."""
    prints = reference.fingerprints
    return {
        "headers": lambda text: _headers(text, reference),
        "title": prints.match_title,
        "ip": prints.match_dns,
        "detail": prints.match_dns,
        "cert_digest": lambda text: prints.match_cert(digest=text),
        "cert_issuer": lambda text: prints.match_cert(issuer=text),
        "cert_subject": lambda text: prints.match_cert(subject=text),
    }


def hits(
    engine: Engine, observations: Rows, matches: pa.Table, measurements: pa.Table, reference: Reference
) -> pa.Table:
    """Every fingerprint that hits an observation: in bodies (found at intake) and in kept facts (found now)."""
    finders = _finders(reference)
    if isinstance(observations, Stream):
        observations = observations.select(["measurement", "seq", "origin", "operation", "answer_type", *finders])
    distinct = "\nUNION ALL\n".join(
        f"SELECT DISTINCT '{column}' AS what, {column} AS text FROM observations "
        f"WHERE origin = 'probe' AND {_DISTINCT[column]}"
        for column in finders
    )
    seen = engine.query(distinct, {"observations": observations})
    texts = [
        (what, text, fingerprint)
        for what, text in zip(seen.column("what").to_pylist(), seen.column("text").to_pylist(), strict=True)
        for fingerprint in finders[what](text)
    ]
    found = _table(texts, ("what", "text", "fingerprint"))
    prints = sorted(reference.fingerprints.rows.values(), key=lambda row: row.id)
    info = _table(
        [(f.id, f.scope if f.mechanism is None else "", _KINDS.get(f.mechanism or "", "")) for f in prints],
        ("fingerprint", "scope", "kind"),
    )
    lands = reference.fingerprints.expected()
    arms = "\nUNION ALL\n".join(
        f"SELECT o.measurement AS measurement, o.seq AS seq, f.fingerprint AS fingerprint FROM observations AS o "
        f"JOIN found AS f ON f.text = o.{column} "
        f"WHERE f.what = '{column}' AND o.origin = 'probe' AND o.{_DISTINCT[column]}"
        for column in finders
    )
    steps = [
        (
            "raw",
            f"{arms}\nUNION ALL\n"
            "SELECT x.measurement AS measurement, x.seq AS seq, x.fingerprint AS fingerprint FROM matches AS x",
        ),
        ("named", "SELECT l.fingerprint AS fingerprint, COUNT(*) AS n FROM lands AS l GROUP BY l.fingerprint"),
        (
            "hits",
            "SELECT r.measurement AS measurement, r.seq AS seq, r.fingerprint AS fingerprint, "
            "i.scope AS scope, i.kind AS kind, "
            "CAST(CASE WHEN l.country IS NOT NULL THEN 1 ELSE 0 END AS BIGINT) AS listed, "
            "CAST(CASE WHEN l.country IS NOT NULL OR n.n IS NULL THEN 1 ELSE 0 END AS BIGINT) AS expected "
            "FROM raw AS r JOIN info AS i ON i.fingerprint = r.fingerprint "
            "JOIN measurements AS m ON m.measurement = r.measurement "
            "LEFT JOIN named AS n ON n.fingerprint = r.fingerprint "
            "LEFT JOIN lands AS l ON l.fingerprint = r.fingerprint AND l.country = m.country",
        ),
    ]
    tables = {
        "observations": observations,
        "matches": matches,
        "measurements": measurements,
        "found": found,
        "info": info,
        "lands": lands,
    }
    return engine.script(steps, tables, {"hits": HITS})["hits"]


def kin(engine: Engine, observations: Rows) -> pa.Table:
    """Pairs of a host and another that it redirects to, of which both bear one owner's name: a sister site."""
    if isinstance(observations, Stream):
        observations = observations.select(["origin", "operation", "hostname", "location"])
    seen = engine.query(
        "SELECT DISTINCT hostname, location FROM observations WHERE origin = 'probe' "
        "AND operation = 'http_exchange' AND hostname IS NOT NULL AND location IS NOT NULL "
        "ORDER BY hostname NULLS FIRST, location NULLS FIRST",
        {"observations": observations},
    )
    pairs = zip(seen.column("hostname").to_pylist(), seen.column("location").to_pylist(), strict=True)
    rows = [(host, to) for host, to in pairs if _owner(host) is not None and _owner(host) == _owner(to)]
    return _table(rows, tuple(KIN.names))


def _owner(host: str) -> str | None:
    """The label that tells whose a name is: `example` of www.example.co.uk and of example.org; None for an address."""
    labels = host.rstrip(".").split(".")
    if len(labels) < 2 or ":" in host or labels[-1].isdigit():
        return None
    deep = len(labels) > 2 and labels[-2] in _REGISTRY and len(labels[-1]) == 2
    return labels[-3] if deep else labels[-2]


def with_epoch(measurements: pa.Table) -> pa.Table:
    """The measurements with `epoch`, their start in seconds since 1970, since the SQL of the stages knows no dates."""
    micros = pc.cast(measurements.column("time"), pa.int64())
    return measurements.append_column("epoch", pc.divide(pc.cast(micros, pa.float64()), 1e6))


def _headers(text: str, reference: Reference) -> set[str]:
    found: set[str] = set()
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            found.update(reference.fingerprints.match_header(name, value))
    return found


def _table(rows: list[tuple[str, ...]], names: tuple[str, ...]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    return pa.table([pa.array(column, pa.string()) for column in columns], names=list(names))
