"""Law: a reference is a function of bytes: the package's own tables and the files given, each named by its digest.

No file is opened here but the package's own data; the reader's files come in as bytes. What a file is follows from
its name: `targets*.toml`, `fingerprints*.csv`, `roots*.pem`, `networks*.csv`, `synthetic.toml`, test lists (any other
`*.csv`), licences in `terms.toml`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from clampdown.errors import RuleError
from clampdown.model import Terms
from clampdown.reference import toml
from clampdown.reference.mechanisms import Mechanisms, load_mechanisms
from clampdown.reference.targets import Targets, load_targets


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file that the reference was made from."""

    kind: str
    name: str
    date: str  # YYYY-MM-DD as far as the file says, else ""
    digest: str
    terms: Terms


@dataclass(frozen=True)
class Reference:
    """Everything that stages need to know beside the measurements, as of one digest."""

    digest: str
    targets: Targets
    mechanisms: Mechanisms
    countries: Mapping[str, str]
    terms: tuple[Terms, ...]
    snapshots: tuple[Snapshot, ...]


def own_files() -> dict[str, bytes]:
    """The package's own tables, by name."""
    folder = resources.files("clampdown.reference") / "data"
    return {
        f"clampdown/{entry.name}": entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith((".toml", ".csv", ".pem"))
    }


def digest_of(files: Mapping[str, bytes]) -> str:
    """sha256 over the sorted (name, sha256 of the content) lines."""
    lines = (f"{name}\0{hashlib.sha256(data).hexdigest()}\n" for name, data in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _names(document: toml.Table, key: str, where: str) -> dict[str, str]:
    table = toml.table(document, key, where)
    return {name: toml.text(table, name, where) for name in table}


def load_terms(document: toml.Table, where: str) -> tuple[Terms, ...]:
    fields = ("source", "licence", "redistribute", "attribution", "url")
    rows = tuple(Terms(*(toml.text(t, f, where) for f in fields)) for t in toml.tables(document, "terms", where))
    for row in rows:
        if row.redistribute not in ("yes", "share-alike", "non-commercial", "no"):
            raise RuleError(f"{row.redistribute!r} is no known word for `redistribute`", where=where)
    return rows


def load_reference(extra: Mapping[str, bytes] | None = None) -> Reference:
    """The package's own reference, extended by the files given (name -> content)."""
    files = own_files() | dict(extra or {})
    own = {name: toml.read(data, name) for name, data in files.items() if name.endswith(".toml")}
    terms = load_terms(own["clampdown/terms.toml"], "terms.toml")
    by_source = {row.source: row for row in terms}
    snapshots = tuple(
        Snapshot("table", name, "", hashlib.sha256(data).hexdigest(), by_source["clampdown"])
        for name, data in sorted(files.items())
    )
    target_files = [(n, own[n]) for n in own if n.rpartition("/")[2].startswith("targets")]
    return Reference(
        digest=digest_of(files),
        targets=load_targets(target_files, {}),
        mechanisms=load_mechanisms(own["clampdown/mechanisms.toml"]),
        countries=_names(own["clampdown/countries.toml"], "countries", "countries.toml"),
        terms=terms,
        snapshots=snapshots,
    )
