"""Law: a fingerprint says what it matches, where, and for whom it counts; a row that cannot be used is reported.

The form is the one that blocking-fingerprints publishes (CSV with a header), with one column more that is ours:
`mechanism`, for artefacts that are not a block page (a challenge, a geofence). Scopes: nat and isp settle a case in
the countries they expect; prod, inst and vbw (vague) and any scope not known here never do; fp marks text that
looks like a block page and is none.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import pyarrow as pa

from clampdown.reference.matching import Matcher
from clampdown.reference.patterns import UnusableError, expression
from clampdown.reference.targets import canonical_address, canonical_host

SETTLING: Final = frozenset({"nat", "isp"})
SCOPES: Final = SETTLING | {"prod", "inst", "vbw", "fp"}
PLACES: Final = frozenset({"body", "title", "dns", "cert.issuer", "cert.subject", "cert.digest"})
KINDS: Final = frozenset({"full", "prefix", "contains", "regexp"})
COLUMNS: Final = ("name", "scope", "location_found", "pattern_type", "pattern")
# A cell of a CSV: fingerprints are phrases, the longest published one has under 2,000 characters.
MAX_CELL: Final = 20_000


@dataclass(frozen=True, slots=True)
class Fingerprint:
    id: str
    scope: str
    place: str  # body | title | dns | header.<name> | cert.{issuer,subject,digest}
    kind: str  # full | prefix | contains | regexp
    pattern: str
    countries: tuple[str, ...]
    confidence: int | None  # 0..10, the author's own; 10 = no false positive expected
    mechanism: str | None
    source: str
    notes: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was not used as it stands, and why."""

    file: str
    line: int
    id: str
    reason: str
    used: bool

    def __str__(self) -> str:
        what = f" ({self.id})" if self.id else ""
        return f"{self.file}:{self.line}{what}: {self.reason}{'' if self.used else '; the row is left out'}"


def _expression(row: Fingerprint) -> str:
    pattern = row.pattern
    if row.place == "dns":
        pattern = canonical_address(pattern) or (canonical_host(pattern) if row.kind != "regexp" else pattern)
    return expression(row.kind, pattern)


@dataclass(frozen=True)
class Fingerprints:
    """All fingerprints of a reference, ready to be searched for."""

    rows: Mapping[str, Fingerprint]
    problems: tuple[Problem, ...] = ()

    def __getstate__(self) -> dict[str, object]:
        return {"rows": self.rows, "problems": self.problems}

    def at(self, place: str) -> tuple[Fingerprint, ...]:
        return tuple(row for row in self.rows.values() if row.place == place)

    def matcher(self, place: str, backend: str | None = None) -> Matcher:
        rows = self.at(place)
        return Matcher([row.id for row in rows], [_expression(row) for row in rows], backend)

    def body_matcher(self, backend: str | None = None) -> Matcher:
        """For whole bodies, as bytes; cheap to send to another process."""
        return self.matcher("body", backend)

    @cached_property
    def _matchers(self) -> dict[str, Matcher]:
        return {place: self.matcher(place) for place in sorted({row.place for row in self.rows.values()})}

    def _match(self, place: str, text: str) -> tuple[str, ...]:
        matcher = self._matchers.get(place)
        return matcher.match(text.encode("utf-8", "replace")) if matcher else ()

    def match_header(self, name: str, value: str) -> tuple[str, ...]:
        return self._match("header." + name.lower(), value)

    def match_dns(self, answer: str) -> tuple[str, ...]:
        """An address or the name of a CNAME."""
        return self._match("dns", canonical_address(answer) or canonical_host(answer))

    def match_title(self, text: str) -> tuple[str, ...]:
        return self._match("title", text)

    def match_cert(
        self, *, issuer: str | None = None, subject: str | None = None, digest: str | None = None
    ) -> tuple[str, ...]:
        parts = (("issuer", issuer), ("subject", subject), ("digest", digest))
        return tuple(i for part, text in parts if text for i in self._match("cert." + part, text))

    def settles(self, fingerprint: str, country: str | None) -> bool:
        """True where seeing it decides a case: national or ISP scope, and this country is expected."""
        row = self.rows.get(fingerprint)
        return row is not None and row.scope in SETTLING and country is not None and country in row.countries

    def is_blockpage(self, fingerprint: str) -> bool:
        """True where it marks a page of whoever blocks; not for false positives and artefacts of the far end."""
        row = self.rows.get(fingerprint)
        return row is not None and row.scope != "fp" and row.mechanism is None

    @cached_property
    def body_digest(self) -> str:
        """Names the set of body fingerprints: bodies end at intake, so rows say which set they were matched with."""
        lines = sorted(f"{r.id}\0{r.kind}\0{r.pattern}\n" for r in self.at("body"))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()

    def table(self) -> pa.Table:
        """One row per fingerprint, for SQL."""
        rows = sorted(self.rows.values(), key=lambda row: row.id)
        columns: dict[str, pa.Array] = {
            "fingerprint": pa.array([r.id for r in rows], pa.string()),
            "scope": pa.array([r.scope for r in rows], pa.string()),
            "place": pa.array([r.place for r in rows], pa.string()),
            "kind": pa.array([r.kind for r in rows], pa.string()),
            "pattern": pa.array([r.pattern for r in rows], pa.string()),
            "confidence": pa.array([r.confidence for r in rows], pa.int64()),
            "mechanism": pa.array([r.mechanism for r in rows], pa.string()),
            "settling": pa.array([r.scope in SETTLING for r in rows], pa.bool_()),
        }
        return pa.table(columns)

    def expected(self) -> pa.Table:
        """One row per fingerprint and country that it expects, for SQL."""
        pairs = sorted((r.id, c) for r in self.rows.values() for c in r.countries)
        return pa.table(
            {
                "fingerprint": pa.array([p[0] for p in pairs], pa.string()),
                "country": pa.array([p[1] for p in pairs], pa.string()),
            }
        )


def _countries(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c.strip().upper() for c in text.replace(";", ",").split(",") if c.strip()))


def _row(cells: Mapping[str, str]) -> Fingerprint:
    place = cells["location_found"].strip().lower()
    kind = cells["pattern_type"].strip().lower()
    if not cells["name"].strip():
        raise UnusableError("the row has no name")
    if place not in PLACES and not (place.startswith("header.") and len(place) > len("header.")):
        raise UnusableError(f"the place {place!r} is not known")
    if kind not in KINDS:
        raise UnusableError(f"{kind!r} is none of full, prefix, contains, regexp")
    confidence = cells.get("confidence_no_fp", "").strip()
    row = Fingerprint(
        id=cells["name"].strip(),
        scope=cells["scope"].strip().lower(),
        place=place,
        kind=kind,
        pattern=cells["pattern"],
        countries=_countries(cells.get("expected_countries", "")),
        confidence=int(confidence) if confidence.isdecimal() else None,
        mechanism=cells.get("mechanism", "").strip() or None,
        source=cells.get("source", "").strip(),
        notes=cells.get("notes", "").strip(),
    )
    if len(row.pattern) > MAX_CELL:
        raise UnusableError(f"the pattern has more than {MAX_CELL} characters")
    _expression(row)
    return row


def _cells(name: str, data: bytes) -> Iterable[tuple[int, dict[str, str] | str]]:
    """(line, cells by column) per row of a CSV file, or (line, reason) for a row that is not one."""
    # No newline translation: a pattern may hold a line feed of its own.
    text = io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline="")
    reader = csv.reader(text, strict=False)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        yield 1, f"not a table: {error}"
        return
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        yield 1, f"the file has no column {', '.join(missing)}"
        return
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield line, f"the row is not well formed: {error}"
            continue
        if row is None:
            return
        if not row:
            continue
        if len(row) > len(header) or len(row) < len(COLUMNS):
            yield line, f"{len(row)} cells where the header has {len(header)}"
            continue
        yield line, dict(zip(header, row, strict=False))


def load_fingerprints(files: Sequence[tuple[str, bytes]]) -> Fingerprints:
    """Read all files; the first row of an id counts."""
    rows: dict[str, Fingerprint] = {}
    problems: list[Problem] = []
    for file, data in files:
        for line, cells in _cells(file, data):
            if isinstance(cells, str):
                problems.append(Problem(file, line, "", cells, used=False))
                continue
            name = cells.get("name", "").strip()
            try:
                row = _row(cells)
            except UnusableError as error:
                problems.append(Problem(file, line, name, str(error), used=False))
                continue
            if row.id in rows:
                # Upstream counts HTTP and DNS rows apart, so that one name stands for two things.
                renamed = f"{row.id}#{row.place}"
                same = rows[row.id].place == row.place or renamed in rows
                reason = "another row has this name" if same else f"the name is taken; used as {renamed}"
                problems.append(Problem(file, line, name, reason, used=not same))
                if same:
                    continue
                row = replace(row, id=renamed)
            rows[row.id] = row
            if row.scope not in SCOPES:
                reason = f"the scope {row.scope!r} is not known: it never settles a case"
                problems.append(Problem(file, line, name, reason, used=True))
    return Fingerprints(rows, tuple(problems))
