"""Law: the judge finds the truth that a scenario was built with; where it does not yet, the row is named here."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest

from clampdown.demo.envelope import line
from clampdown.demo.expect import Expected, on_path, overall
from clampdown.demo.reference import reference_files
from clampdown.demo.scenarios import Scenario, scenarios
from clampdown.engine import Engine
from clampdown.intake.containers import Limits
from clampdown.judge.rules import load_rules
from clampdown.judge.verdicts import judge_records
from clampdown.pipeline.observe import kit_of, read_input
from clampdown.reference import Reference, load_reference

Found = dict[str, tuple[list[str], list[str]]]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference(reference_files())


def read(records: list[dict[str, Any]], reference: Reference) -> tuple[pa.Table, pa.Table, pa.Table]:
    data = b"".join(map(line, records))
    batches = list(read_input(io.BytesIO(data), "scenarios.jsonl", kit_of(reference), Limits()))
    assert [reject for batch in batches for reject in batch.rejects] == []
    names = ("measurements", "observations", "matches")
    m, o, x = (pa.concat_tables([getattr(batch, name) for batch in batches]) for name in names)
    return m, o, x


def judged(records: list[dict[str, Any]], reference: Reference, *, pooled: bool) -> Found:
    """Measurement -> (states of its targets, deciding mechanisms)."""
    tables = read(records, reference)
    made = judge_records(
        Engine(threads=1, memory="1GB"), *tables, rules=load_rules(), reference=reference, pooled=pooled
    )
    found: Found = defaultdict(lambda: ([], []))
    for row in made.verdicts.to_pylist():
        found[row["measurement"]][0].append(row["state"])
    for row in made.fired.to_pylist():
        if row["decides"] and row["mechanism"]:
            found[row["measurement"]][1].append(row["mechanism"])
    return found


def wrong(scenario: Scenario, found: Found) -> list[str]:
    told: list[str] = []
    for record, expected in zip(scenario.records, scenario.expected, strict=True):
        states, mechanisms = found.get(record["measurement_uid"], ([], []))
        if expected is not None and not expected.agrees(states, mechanisms):
            told.append(f"{scenario.name} ({record['input']}): {states} {mechanisms}, expected {expected}")
    return told


def test_single_records_are_judged_as_they_were_built(reference: Reference) -> None:
    alone = [s for s in scenarios() if not s.pooled]
    found = judged([s.records[0] for s in alone], reference, pooled=False)
    assert [text for s in alone for text in wrong(s, found)] == []


@pytest.mark.parametrize("scenario", [s for s in scenarios() if s.pooled], ids=lambda s: s.name)
def test_sessions_are_judged_as_they_were_built(scenario: Scenario, reference: Reference) -> None:
    assert wrong(scenario, judged(list(scenario.records), reference, pooled=True)) == []


def test_what_is_no_interference_is_never_called_blocked(reference: Reference) -> None:
    innocent = [s for s in scenarios() if not s.pooled and s.expected[0] and "blocked" not in s.expected[0].states]
    innocent = [s for s in innocent if s.family != "throttling"]
    assert len({s.family for s in innocent}) > 15
    found = judged([s.records[0] for s in innocent], reference, pooled=False)
    assert [s.name for s in innocent if "blocked" in found[s.records[0]["measurement_uid"]][0]] == []


def test_every_record_is_read_whole(reference: Reference) -> None:
    records = [record for s in scenarios() for record in s.records]
    measurements, _, _ = read(records, reference)
    assert measurements.num_rows == len(records)
    assert len(set(measurements["measurement"].to_pylist())) == len(records)
    assert set(measurements["degraded"].to_pylist()) == {""}


def test_every_family_comes_in_the_shapes_that_can_show_it() -> None:
    shapes: dict[str, set[str]] = defaultdict(set)
    for s in scenarios():
        shapes[s.family].add("pooled" if s.pooled else s.records[0]["test_version"])
    assert len(shapes) >= 30
    only_new = {family for family, seen in shapes.items() if seen == {"0.5.28"}}
    assert only_new == {"control_failure"}
    assert len({s.name for s in scenarios()}) == len(scenarios())


def test_the_same_bytes_every_time() -> None:
    again = scenarios.__wrapped__()
    assert again is not scenarios()
    for first, second in zip(scenarios(), again, strict=True):
        assert list(map(line, first.records)) == list(map(line, second.records))


def test_no_scenario_shares_its_site_with_another() -> None:
    inputs = [s.records[0]["input"] for s in scenarios() if not s.pooled and not s.name.endswith(".bare")]
    named = [url for url in inputs if "-" in url]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    ("expected", "states", "mechanisms", "agrees"),
    [
        (Expected(("ok",)), ["ok"], [], True),
        (Expected(("ok",)), ["ok", "blocked"], ["tls.reset"], False),
        (Expected(("blocked",), ("tls.reset",)), ["ok", "blocked"], ["tls.reset.sni"], True),
        (Expected(("blocked",), ("tls.reset.sni",)), ["blocked"], ["tls.reset"], True),
        (Expected(("blocked",), ("tls.reset",)), ["blocked"], ["tls"], False),
        (Expected(("blocked",), ("tls.reset",)), ["blocked"], ["tls.reset", "dns.injection"], False),
        (Expected(("blocked",), ("tls.reset",), ("dns.injection",)), ["blocked"], ["tls.reset", "dns.injection"], True),
        (Expected(("blocked",), ("tls.reset",), ("dns.injection",)), ["blocked"], ["dns.injection"], False),
        (Expected(("blocked",), ("tls.reset",)), ["blocked"], [], False),
        (Expected(("down",)), ["not_applicable"], [], False),
    ],
)
def test_agreement(expected: Expected, states: list[str], mechanisms: list[str], agrees: bool) -> None:
    assert expected.agrees(states, mechanisms) is agrees


def test_words_of_agreement() -> None:
    assert overall(["ok", "down"]) == "down"
    assert on_path("http.timeout.host", "http.timeout")
    assert not on_path("http", "http.timeout")
    assert not on_path("http.timeouts", "http.timeout")
