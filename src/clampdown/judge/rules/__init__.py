"""Law: rules are data: each has an id for ever, a reason, false positives, and cases on which it must (not) fire.

A file in this folder names the evidence that its rules read (`judge/sql/*_ev_<evidence>.sql`) and the layer they
speak of. On one row of evidence the first rule that fires wins, in the order of the files and within them; every rule
that fired is kept.
`when` is SQL over the columns of the evidence, in the subset of CONTRACTS ("SQL of the stages").
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final, cast

from clampdown.errors import RuleError
from clampdown.model import LAYERS, STATES

FILES: Final = ("record", "dns", "tcp", "tls", "quic", "blockpage", "http", "speed", "tunnel", "middlebox", "pool")
_ID: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\Z")
_LAYERS: Final = (*LAYERS, "record", "pool")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of evidence (columns left out are null, zero or empty) and whether the rule wins on it."""

    fires: bool
    row: Mapping[str, object]
    mechanism: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    layer: str
    evidence: str
    rank: int  # place among the rules that read the same evidence
    when: str  # with the file's definitions put in
    verdict: str
    mechanism: str | None
    deeper: tuple[tuple[str, str], ...]  # (mechanism, condition), first that holds
    why: str
    false_positives: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of this version; `digest` names them in every output."""

    rules: tuple[Rule, ...]
    digest: str

    def __getitem__(self, rule: str) -> Rule:
        for each in self.rules:
            if each.id == rule:
                return each
        raise KeyError(rule)

    def of(self, evidence: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.evidence == evidence)

    @property
    def evidences(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.evidence for rule in self.rules))


def load_rules(files: Mapping[str, bytes] | None = None) -> Rules:
    """The package's rules, or those in `files` (name without `.toml` -> text); raises RuleError with file and id."""
    return _own_rules() if files is None else _rules(files)


@cache
def _own_rules() -> Rules:
    """The package's own, read once in a process: they cannot change while it runs."""
    return _rules(_packaged())


def _rules(given: Mapping[str, bytes]) -> Rules:
    rules: list[Rule] = []
    for name in sorted(given, key=lambda item: (FILES.index(item) if item in FILES else len(FILES), item)):
        before = Counter(rule.evidence for rule in rules)
        rules.extend(replace(rule, rank=before[rule.evidence] + rule.rank) for rule in _file(name, given[name]))
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise RuleError(f"the rule {rule.id} is defined twice", hint="Ids are never used again.")
        seen.add(rule.id)
    joined = b"\0".join(name.encode() + b"\0" + given[name] for name in sorted(given))
    return Rules(tuple(rules), hashlib.sha256(joined).hexdigest())


def _packaged() -> dict[str, bytes]:
    folder = resources.files(__package__ or "clampdown.judge.rules")
    return {name: (folder / f"{name}.toml").read_bytes() for name in FILES}


def _file(name: str, text: bytes) -> list[Rule]:
    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise RuleError(f"not TOML: {fault}", where=f"rules/{name}.toml") from fault
    defined = {key: str(value) for key, value in cast("dict[str, Any]", table.get("define", {})).items()}
    return [_rule(name, table, defined, rank, raw) for rank, raw in enumerate(table.get("rule", []))]


def _rule(file: str, table: Mapping[str, Any], defined: Mapping[str, str], rank: int, raw: Mapping[str, Any]) -> Rule:
    where = f"rules/{file}.toml, {raw.get('id', f'rule {rank + 1}')}"

    def text(key: str) -> str:
        value = raw.get(key)
        if not isinstance(value, str) or not value.strip():
            raise RuleError(f"{key} is missing", where=where)
        return value

    def filled(sql: str) -> str:
        for key, value in defined.items():
            sql = sql.replace("{" + key + "}", value)
        if "{" in sql:
            raise RuleError("names a definition that the file does not have", where=where)
        return sql

    identifier, verdict = text("id"), text("verdict")
    if _ID.match(identifier) is None:
        raise RuleError("is not an id of the form layer.name", where=where)
    layer = str(raw.get("layer", table.get("layer")))
    if verdict not in STATES or layer not in _LAYERS:
        raise RuleError(f"has no such verdict or layer: {verdict}, {layer}", where=where)
    mechanism = raw.get("mechanism")
    if verdict in {"blocked", "throttled", "refused"} and not mechanism:
        raise RuleError(f"says {verdict} without a mechanism", where=where)
    return Rule(
        id=identifier,
        layer=layer,
        evidence=str(table["evidence"]),
        rank=rank,
        when=filled(text("when")),
        verdict=verdict,
        mechanism=mechanism,
        deeper=tuple((str(to), filled(str(sql))) for to, sql in raw.get("deeper", [])),
        why=text("why"),
        false_positives=text("false_positives"),
        cases=tuple(
            Case(bool(c["fires"]), dict(c["row"]), c.get("mechanism"), str(c.get("note", "")))
            for c in raw.get("case", [])
        ),
    )


def fires_sql(rules: tuple[Rule, ...]) -> str:
    """One SELECT: every rule of one evidence that fires, on every row of `ev_<evidence>`."""
    return "\nUNION ALL\n".join(_select(rule) for rule in rules)


def _select(rule: Rule) -> str:
    mechanism = f"'{rule.mechanism}'" if rule.mechanism else "CAST(NULL AS VARCHAR)"
    if rule.deeper:
        arms = " ".join(f"WHEN {sql} THEN '{to}'" for to, sql in rule.deeper)
        mechanism = f"CASE {arms} ELSE {mechanism} END"
    return (
        "SELECT measurement, target, hostname, layer, seq, on_path, side, "
        f"'{rule.evidence}' AS evidence, '{rule.id}' AS rule, {rule.rank} AS rank, "
        f"'{rule.verdict}' AS verdict, {mechanism} AS mechanism "
        f"FROM ev_{rule.evidence} WHERE layer = '{rule.layer}' AND ({rule.when})"
    )
