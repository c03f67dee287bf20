"""Law: a reference is a function of bytes: the package's own tables and the files given, each named by its digest.

No file is opened here but packages' own data; the reader's files come in as bytes by name, and what a file is
follows from the last part of its name:

    targets*.toml             platforms, roles, groups (added; a platform of the same id is replaced)
    fingerprints*.csv         fingerprints in the form of blocking-fingerprints
    roots*.pem                trusted roots; a date in the name (roots-2021-09-01.pem) says of which day
    networks*.csv, asn*.csv   names of networks, ranges of addresses
    delegated*                a registry's statistics (delegated-<registry>-extended-latest): countries of networks
    countries*.csv            countries of networks: asn,country
    synthetic.toml            a fictional world: synthetic = true, public_networks, [countries], [networks]
    terms.toml                terms of the files given ([[terms]], and [files] name -> source)
    any other *.csv           a URL testing list; 00-LEGEND files are skipped and reported
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

import certifi

from clampdown.errors import RuleError
from clampdown.model import Terms
from clampdown.reference import toml
from clampdown.reference.delegated import Delegations, load_delegations
from clampdown.reference.fingerprints import Fingerprints, Problem, load_fingerprints
from clampdown.reference.lists import Listed, Networks, load_networks, load_test_lists, load_users
from clampdown.reference.mechanisms import Mechanisms, load_mechanisms
from clampdown.reference.roots import Roots, RootSnapshot, load_roots, read_pem
from clampdown.reference.targets import Targets, load_targets

REDISTRIBUTE: Final = ("yes", "share-alike", "non-commercial", "no")
OWN: Final = "clampdown/"
CERTIFI: Final = "certifi/roots.pem"
_DATE: Final = re.compile(r"(20\d\d)[-.](\d\d)[-.](\d\d)")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file that the reference was made from."""

    # table | targets | fingerprints | roots | networks | delegated | countries | users | test-list | synthetic | terms
    # | unused
    kind: str
    name: str
    date: str  # YYYY-MM-DD as far as its name or publisher says, else ""
    digest: str
    terms: Terms


@dataclass(frozen=True)
class Reference:
    """Everything that stages need to know beside the measurements, as of one digest."""

    digest: str
    targets: Targets
    fingerprints: Fingerprints
    networks: Networks
    delegations: Delegations
    users: Mapping[tuple[str, int], float]  # (country, network) -> share of the country's users, 0..1
    categories: Mapping[str, str]  # code -> label
    test_list: tuple[Listed, ...]
    roots: Roots
    countries: Mapping[str, str]
    mechanisms: Mechanisms
    terms: tuple[Terms, ...]
    snapshots: tuple[Snapshot, ...]
    problems: tuple[Problem, ...]
    synthetic: bool
    public_networks: tuple[str, ...]  # ranges that count as public in a synthetic world
    given: Mapping[str, bytes]  # the reader's files as they came, so that a store can pin them

    @property
    def match_references_digest(self) -> str:
        """Names the body fingerprints alone: what observations were matched with."""
        return self.fingerprints.body_digest

    def country_name(self, code: str | None) -> str:
        return "an unknown country" if code is None else self.countries.get(code, code)


def own_files() -> dict[str, bytes]:
    """The package's own tables, and the list of roots that certifi packages."""
    folder = resources.files("clampdown.reference") / "data"
    files = {
        OWN + entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith((".toml", ".csv"))
    }
    files[CERTIFI] = certifi.contents().encode("ascii")
    return files


def digest_of(files: Mapping[str, bytes]) -> str:
    """sha256 over the sorted (name, sha256 of the content) lines."""
    return digest_of_digests({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})


def digest_of_digests(files: Mapping[str, str]) -> str:
    """The same of files whose digests are known."""
    return hashlib.sha256("".join(f"{name}\0{each}\n" for name, each in sorted(files.items())).encode()).hexdigest()


def kind_of(name: str) -> str:
    """What a file is, by the last part of its name."""
    base = name.replace("\\", "/").rpartition("/")[2].lower()
    if base.startswith("delegated"):  # beside them the registries put digests and signatures
        return "unused" if base.endswith((".md5", ".asc", ".sig", ".gz", ".bz2")) else "delegated"
    if base.endswith(".toml"):
        if base.startswith("targets"):
            return "targets"
        return base.removesuffix(".toml") if base in ("synthetic.toml", "terms.toml") else "unused"
    if base.endswith(".pem"):
        return "roots"
    if base.endswith(".csv"):
        if base.startswith("fingerprints"):
            return "fingerprints"
        if base.startswith(("networks", "asn", "as-names", "geo-whois-asn")):
            return "networks"
        if base.startswith(("users", "countries")):
            return "users" if base.startswith("users") else "countries"
        return "unused" if base.startswith("00-") else "test-list"
    return "unused"


def day_in(name: str) -> date | None:
    found = _DATE.search(name)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _names(document: toml.Table, key: str, where: str) -> dict[str, str]:
    table = toml.table(document, key, where)
    return {name: toml.text(table, name, where) for name in table}


def load_terms(document: toml.Table, where: str) -> tuple[Terms, ...]:
    fields = ("source", "licence", "redistribute", "attribution", "url")
    rows = tuple(Terms(*(toml.text(t, f, where) for f in fields)) for t in toml.tables(document, "terms", where))
    for row in rows:
        if row.redistribute not in REDISTRIBUTE:
            hint = f"One of: {', '.join(REDISTRIBUTE)}"
            raise RuleError(f"{row.redistribute!r} is no known word for `redistribute`", where=where, hint=hint)
    return rows


# Where the reader says nothing, a file in an upstream's form has that upstream's terms.
_USUAL: Final = {
    "fingerprints": "blocking-fingerprints",
    "test-list": "test-lists",
    "roots": "mozilla-roots",
    "networks": "ip-location-db",
    "delegated": "rir-statistics",
}


def _snapshots(
    files: Mapping[str, bytes], kinds: Mapping[str, str], terms: Mapping[str, Terms], said: Mapping[str, str]
) -> tuple[Snapshot, ...]:
    rows: list[Snapshot] = []
    for name, data in sorted(files.items()):
        kind = kinds[name]
        source = "clampdown" if name.startswith(OWN) else said.get(name, _USUAL.get(kind, "given"))
        if source not in terms:
            raise RuleError(f"there are no terms of {source!r}", where=name)
        version = certifi.__version__ if name == CERTIFI else name
        day = day_in(version)
        kind = "table" if kind == "unused" and name.startswith(OWN) else kind
        digest = hashlib.sha256(data).hexdigest()
        rows.append(Snapshot(kind, name, day.isoformat() if day else "", digest, terms[source]))
    return tuple(rows)


def _fingerprints(files: Sequence[tuple[str, bytes]]) -> Fingerprints:
    # HTTP before DNS: where upstream uses one name twice, the DNS row gets the longer id.
    return load_fingerprints(sorted(files, key=lambda f: (not f[0].startswith(OWN), "dns" in f[0])))


def bodies_of(given: Mapping[str, bytes]) -> str:
    """Names the body fingerprints that `load_reference` would make of these files."""
    files = own_files() | dict(given)
    return _fingerprints([(n, files[n]) for n in sorted(files) if kind_of(n) == "fingerprints"]).body_digest


@cache
def _own_table(name: str, data: bytes) -> toml.Table:
    """A table of the package: it is asked for with every store and report, and parsed once in a process."""
    return toml.read(data, name)


def _table(name: str, data: bytes) -> toml.Table:
    return _own_table(name, data) if name.startswith(OWN) else toml.read(data, name)


@cache
def _own_targets(files: tuple[tuple[str, bytes], ...]) -> Targets:
    """Those of the package where no list of the reader's names more."""
    return load_targets([(name, _own_table(name, data)) for name, data in files], {})


def list_snapshots(given: Mapping[str, bytes]) -> tuple[Snapshot, ...]:
    """What `load_reference` would list of these files, without reading what they hold."""
    files = own_files() | dict(given)
    kinds = {name: kind_of(name) for name in files}
    licences = [(name, _table(name, files[name])) for name in sorted(files) if kinds[name] == "terms"]
    terms, said = _terms(licences)
    return _snapshots(files, kinds, terms, said)


def _terms(licences: Sequence[tuple[str, toml.Table]]) -> tuple[dict[str, Terms], dict[str, str]]:
    """(terms by source, file -> source) of the package's table and the reader's."""
    own_first = sorted(licences, key=lambda one: not one[0].startswith(OWN))
    terms = {row.source: row for name, document in own_first for row in load_terms(document, name)}
    return terms, {file: source for name, doc in own_first for file, source in _names(doc, "files", name).items()}


def _public_networks(document: toml.Table, where: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(n)) for n in toml.texts(document, "public_networks", where))
    except ValueError as error:
        raise RuleError(f"`public_networks` holds no range of addresses: {error}", where=where) from None


def _root_snapshots(files: Mapping[str, bytes], kinds: Mapping[str, str], *, synthetic: bool) -> list[RootSnapshot]:
    rows: list[RootSnapshot] = []
    for name, data in sorted(files.items()):
        if kinds[name] != "roots":
            continue
        day = day_in(certifi.__version__) if name == CERTIFI else day_in(name)
        # A fictional world has its own authority, trusted through its own days only if its name says so.
        rows.append(read_pem(name, data, day))
    return rows if not synthetic else [r for r in rows if r.name != CERTIFI] or rows


def load_reference(extra: Mapping[str, bytes] | None = None) -> Reference:
    """The package's own reference, extended by the files given (name -> content)."""
    given = dict(extra or {})
    for name in given:
        if name.startswith((OWN, "certifi/")):
            raise RuleError("the name belongs to the package's own tables", where=name, hint="Rename the file")
    files = own_files() | given
    kinds = {name: kind_of(name) for name in files}
    tables = {n: _own_table(n, d) for n, d in files.items() if n.startswith(OWN) and n.endswith(".toml")}

    own = [n for n in files if n not in given]

    def of(kind: str) -> list[tuple[str, bytes]]:
        return [(n, files[n]) for n in (*sorted(own), *sorted(given)) if kinds[n] == kind]

    def documents(kind: str) -> list[tuple[str, toml.Table]]:
        return [(n, _table(n, d)) for n, d in of(kind)]

    worlds, licences = documents("synthetic"), documents("terms")
    terms, said = _terms(licences)
    synthetic = any(toml.flag(doc, "synthetic", name) for name, doc in worlds)
    categories = _names(tables[OWN + "categories.toml"], "categories", "categories.toml")
    fingerprints = _fingerprints(of("fingerprints"))
    networks, network_problems = load_networks(of("networks"))
    users, user_problems = load_users(of("users"))
    delegations, delegation_problems = load_delegations(of("delegated"), of("countries"))
    network_names = {int(n): label for name, doc in worlds for n, label in _names(doc, "networks", name).items()}
    listed, by_host, list_problems = load_test_lists(of("test-list"), categories)
    more = any(kinds[name] == "targets" for name in given)
    unused = [Problem(n, 0, "", "no known kind of reference data", used=False) for n in given if kinds[n] == "unused"]
    return Reference(
        digest=digest_of(files),
        targets=load_targets(documents("targets"), by_host) if by_host or more else _own_targets(tuple(of("targets"))),
        fingerprints=fingerprints,
        networks=Networks({**networks.names, **network_names}, networks.v4, networks.v6),
        delegations=delegations,
        users=users,
        categories=categories,
        test_list=listed,
        roots=load_roots(tables[OWN + "roots.toml"], _root_snapshots(files, kinds, synthetic=synthetic)),
        countries=_names(tables[OWN + "countries.toml"], "countries", "countries.toml")
        | {code: label for name, doc in worlds for code, label in _names(doc, "countries", name).items()},
        mechanisms=load_mechanisms(tables[OWN + "mechanisms.toml"]),
        terms=tuple(terms[source] for source in sorted(terms)),
        snapshots=_snapshots(files, kinds, terms, said),
        problems=(
            *fingerprints.problems,
            *network_problems,
            *user_problems,
            *delegation_problems,
            *list_problems,
            *unused,
        ),
        synthetic=synthetic,
        public_networks=tuple(n for name, doc in worlds for n in _public_networks(doc, name)),
        given=given,
    )
