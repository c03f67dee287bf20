"""Law: every rule wins in one of its own cases at least, and has a case on which it must not fire; no case is idle."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from clampdown.engine import Engine
from clampdown.errors import RuleError
from clampdown.judge import controls
from clampdown.judge.rules import Case, Rule, Rules, fires_sql, load_rules
from clampdown.judge.verdicts import script
from clampdown.model import MATCHES, MEASUREMENTS, OBSERVATIONS
from clampdown.reference import load_reference

RULES = load_rules()
ENGINE = Engine()


def evidence_schemas() -> dict[str, pa.Schema]:
    """The columns of each evidence table, as the SQL of the stages makes them."""
    tables = {
        "measurements": controls.with_epoch(MEASUREMENTS.empty_table()),
        "observations": OBSERVATIONS.empty_table(),
        "matches": MATCHES.empty_table(),
        "targets": controls.TARGETS.empty_table(),
        "networks": controls.NETWORKS.empty_table(),
        "kin": controls.KIN.empty_table(),
        "hits": controls.HITS.empty_table(),
    }
    names = [f"ev_{evidence}" for evidence in RULES.evidences]
    found = ENGINE.script(script(RULES, pooled=True), tables, names)
    return {name.removeprefix("ev_"): table.schema for name, table in found.items()}


SCHEMAS = evidence_schemas()
DEFAULTS = {
    "ctl": "none",
    "ctl_page": "none",
    "encrypted": "none",
    "on_path": 1,
    "verified": True,
    "cert_status": "unknown",
}
# Where nothing can be compared the comparison says -1, not 0.
ABSENT = {"status_match": -1, "title_match": -1, "headers_match": -1, "body_ratio": -1.0, "progress": -1.0}


def row_of(rule: Rule, case: Case) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in SCHEMAS[rule.evidence]:
        if pa.types.is_string(field.type):
            row[field.name] = ""
        elif pa.types.is_boolean(field.type):
            row[field.name] = False
        else:
            row[field.name] = 0
    row |= {k: v for k, v in (DEFAULTS | ABSENT).items() if k in row}
    row |= {"measurement": "m", "target": "web/a.example", "hostname": "a.example", "layer": rule.layer}
    unknown = set(case.row) - set(row)
    assert not unknown, f"{rule.id}: no such evidence: {sorted(unknown)}"
    return row | dict(case.row)


CASES = [(rule, case) for rule in RULES.rules for case in rule.cases]


def results() -> dict[int, list[tuple[str, str | None]]]:
    """Every case of every rule, judged by all rules that read the same evidence: (rule, mechanism), winner first."""
    found: dict[int, list[tuple[str, str | None]]] = {}
    for evidence, schema in SCHEMAS.items():
        rows = [
            row_of(rule, case) | {"measurement": str(n)}
            for n, (rule, case) in enumerate(CASES)
            if rule.evidence == evidence
        ]
        table = pa.table([pa.array([row[f.name] for row in rows], f.type) for f in schema], schema=schema)
        sql = (
            f"SELECT measurement, rule, mechanism FROM ({fires_sql(RULES.of(evidence))}) AS f ORDER BY rank NULLS FIRST"
        )
        for each in ENGINE.query(sql, {f"ev_{evidence}": table}).to_pylist():
            found.setdefault(int(each["measurement"]), []).append((each["rule"], each["mechanism"]))
    return found


RESULTS = results()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{r.id}-{i}" for i, (r, _) in enumerate(CASES)])
def test_case(number: int) -> None:
    rule, case = CASES[number]
    fired = RESULTS.get(number, [])
    won, mechanism = fired[0] if fired else (None, None)
    if case.fires:
        assert won == rule.id, f"fired {fired}"
        if case.mechanism is not None:
            assert mechanism == case.mechanism
    else:
        assert won != rule.id, f"fired {fired}"


@pytest.mark.parametrize("rule", RULES.rules, ids=[r.id for r in RULES.rules])
def test_every_rule_has_both_kinds_of_case(rule: Rule) -> None:
    assert any(case.fires for case in rule.cases), "no case on which it wins"
    assert any(not case.fires for case in rule.cases), "no case on which it must not fire"


@pytest.mark.parametrize("rule", RULES.rules, ids=[r.id for r in RULES.rules])
def test_mechanisms_exist(rule: Rule) -> None:
    mechanisms = load_reference().mechanisms
    for name in [rule.mechanism, *(to for to, _ in rule.deeper)]:
        assert name is None or mechanisms.valid(name)


def test_no_rule_names_a_host_or_an_address() -> None:
    for rule in RULES.rules:
        for text in [rule.when, *(sql for _, sql in rule.deeper)]:
            for literal in re.findall(r"'([^']*)'", text):
                assert "." not in literal or re.fullmatch(r"\d+(\.\d+)+", literal) or "/" in literal, (rule.id, literal)


BAD = {
    "no why": b'evidence="dns"\nlayer="dns"\n[[rule]]\nid="dns.x"\nwhen="1=1"\nverdict="ok"\nfalse_positives="none"\n',
    "blocked without a mechanism": (
        b'evidence="dns"\nlayer="dns"\n[[rule]]\nid="dns.x"\nwhen="1=1"\nverdict="blocked"\nwhy="w"\nfalse_positives="n"\n'
    ),
    "no such verdict": b'evidence="dns"\nlayer="dns"\n[[rule]]\nid="dns.x"\nwhen="1=1"\n'
    b'verdict="bad"\nwhy="w"\nfalse_positives="n"\n',
    "not toml": b"][",
    "unknown definition": (
        b'evidence="dns"\nlayer="dns"\n[[rule]]\nid="dns.x"\nwhen="{y}"\nverdict="ok"\nwhy="w"\nfalse_positives="n"\n'
    ),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_malformed_rules_are_refused(text: bytes) -> None:
    with pytest.raises(RuleError):
        load_rules({"dns": text})


def test_ids_are_unique_and_the_digest_names_the_text() -> None:
    assert isinstance(RULES, Rules)
    assert len({rule.id for rule in RULES.rules}) == len(RULES.rules)
    assert load_rules().digest == RULES.digest


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_reason_claims_no_more_than_its_condition(rule: Rule) -> None:
    if "pinned = 1" in rule.when or (rule.verdict == "blocked" and "ctl" not in rule.when):
        assert "the control" not in rule.why, "it also fires where a record has no control"
    assert not re.search(r"\b(nobody|someone|anybody)\b", rule.why, re.IGNORECASE), "no condition knows of everybody"
    if "authentic = 1" not in rule.when and "scheme" not in rule.when:
        assert "There is an answer in clear text" not in rule.why
    if "in_control" not in rule.when:
        assert "differs from the control" not in rule.why
