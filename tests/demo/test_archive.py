"""Law: the synthetic country is the same on every machine, and the river finds what was scripted, and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import ipaddress
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from clampdown.demo.archive import SIZES, make_archive, probe_of
from clampdown.demo.compare import agrees, compare, vote
from clampdown.demo.cuts import load_signals
from clampdown.demo.envelope import report_id
from clampdown.demo.nettests import tried
from clampdown.demo.reference import reference_files
from clampdown.demo.run import Result, run_demo
from clampdown.demo.script import load_script
from clampdown.demo.world import NOTICE_HOST
from clampdown.errors import UsageError
from clampdown.reference import Reference, load_reference
from clampdown.store.store import Store

_PATH = re.compile(r"raw/(\d{8})/(\d\d)/XA/([a-z]+)/\1\2_XA_\3[.]n0[.]0[.]jsonl[.]gz")
_DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference(reference_files())


@pytest.fixture(scope="module")
def lines(made: Result) -> list[dict[str, Any]]:
    files = sorted((made.folder / "archive").rglob("*.gz"))
    return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*.gz"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_bytes_again(made: Result, tmp_path: Path) -> None:
    written = make_archive(tmp_path, "small")
    assert digests(tmp_path) == digests(made.folder / "archive")
    assert written == made.written
    assert 1_000 < written.measurements < 2_000


def test_the_layout_is_the_publishers(made: Result) -> None:
    for path in digests(made.folder / "archive"):
        assert _PATH.fullmatch(path), path
    some = next(iter((made.folder / "archive").rglob("*.gz"))).read_bytes()
    assert some[4:8] == b"\0\0\0\0", "no clock in the packed file"


def test_records_lie_where_their_id_says(made: Result) -> None:
    for file in (made.folder / "archive").rglob("*.gz"):
        for text in gzip.decompress(file.read_bytes()).splitlines():
            record = json.loads(text)
            uid = record["measurement_uid"]
            assert file.name.startswith(f"{uid[:10]}_XA_{record['test_name'].replace('_', '')}.")


def test_every_record_says_that_it_is_synthetic(lines: list[dict[str, Any]]) -> None:
    assert all("synthetic" in record["annotations"] for record in lines)
    assert {record["probe_cc"] for record in lines} == {"XA"}
    assert len({record["measurement_uid"] for record in lines}) == len(lines)
    versions = Counter(r["test_version"] for r in lines if r["test_name"] == "web_connectivity")
    assert set(versions) == {"0.5.28", "0.4.3"}
    assert min(versions.values()) > 50


def test_invented_names_live_at_documentation_addresses(lines: list[dict[str, Any]]) -> None:
    for record in lines:
        for query in record["test_keys"].get("queries") or ():
            for answer in query["answers"] or ():
                if "ipv4" not in answer:
                    continue
                address = ipaddress.ip_address(answer["ipv4"])
                assert address.is_private or any(address in n for n in _DOCUMENTATION), address


def test_the_script_names_only_what_is_there(reference: Reference) -> None:
    script = load_script()
    targets = set(tried(place.target for place in script.places))
    asns = {network.asn for network in script.networks}
    assert len(script.networks) == 8
    assert all(64496 <= asn <= 64511 for asn in asns)
    for act in script.acts:
        assert set(act.targets) <= targets
        assert act.networks <= asns
        assert 1 <= act.first <= act.last <= script.days
        assert act.mechanism is None or reference.mechanisms.valid(act.mechanism)
        assert (act.mechanism is None) == (act.state == "down")
    for place in script.places:
        assert reference.targets.target_of_host(place.host) == place.target
    assert reference.synthetic
    assert not reference.problems
    social = [t for t in reference.targets.group("social") if t in targets and t.endswith("/web")]
    days = range(1, script.days + 1)
    seen = {t: {script.truth(t, asn, day)[0] for asn in asns for day in days} for t in social}
    assert [t for t, states in seen.items() if states == {"ok"}] == ["murmur/web"], "one stays open"


def test_the_river_loses_nothing(made: Result) -> None:
    read = made.summary
    assert read.measurements == made.written.measurements
    assert read.records == read.measurements + read.levels + read.published
    assert read.published == len(load_signals().records)
    assert not made.summary.rejects
    assert made.summary.copies == made.summary.conflicts == 0


def test_nothing_is_called_blocked_that_is_not(made: Result) -> None:
    assert made.comparison.wrongly_blocked == ()


def test_no_host_beside_the_script_is_called_blocked(store: Store) -> None:
    scripted = set(tried(place.target for place in load_script().places))
    beside = {(row["target"], row["state"]) for row in store.table("verdicts").to_pylist()}
    beside = {(target, state) for target, state in beside if target not in scripted}
    assert f"web/{NOTICE_HOST}" in {target for target, _ in beside}
    assert {state for _, state in beside} <= {"unknown", "invalid", "ok"}, beside


def test_what_was_scripted_is_found(made: Result) -> None:
    script, rows = load_script(), made.comparison.rows
    assert made.comparison.wrong == ()
    heard = [row for row in rows if row.day not in script.silent]
    assert made.comparison.silent < 0.02 * len(heard) + len(rows) - len(heard)
    assert {row.scripted for row in rows if row.verdict == "right"} == {
        "ok", "blocked", "throttled", "refused", "down", "partly",
    }  # fmt: skip
    found = {row.found_mechanism for row in rows}
    assert found >= {"dns.injection.bogon", "dns.injection.blockpage", "dns.nxdomain", "tcp.timeout", "http.throttle"}
    assert found >= {"http.blockpage", "http.redirect", "server.geofence"}


def test_events_are_sought_and_laid_beside(made: Result, store: Store) -> None:
    """Three days with data are too few for an event; what stood all the time is a finding."""
    assert store.detection().run == 1
    assert made.events.count("false") == 0
    assert made.events.false == ()
    assert ("tunnelhop/web", 64496) in made.events.found
    assert (made.folder / "events.csv").read_bytes() == made.events.csv()
    assert "findings of interference" in made.text()
    report = json.loads((made.folder / "report.json").read_bytes())
    assert report["timeline"]["missing"] is None


def test_a_silent_day_is_silence(made: Result) -> None:
    script = load_script()
    quiet = [row for row in made.comparison.rows if row.day in script.silent]
    assert quiet
    assert {(row.found, row.measurements, row.verdict) for row in quiet} == {(None, 0, "silent")}


@pytest.mark.parametrize("kind", ["clock", "antivirus", "roots", "ipv6"])
def test_probes_at_fault_accuse_nobody(kind: str, store: Store, lines: list[dict[str, Any]]) -> None:
    script = load_script()
    (asn, number), _ = next((place, k) for place, k in script.faults.items() if k == kind)
    probe = probe_of(next(n for n in script.networks if n.asn == asn), number)
    mine: set[str] = set()
    for record in lines:
        started = datetime.fromisoformat(record["test_start_time"])
        if record["report_id"] == report_id(probe, record["test_name"], started):
            mine.add(record["measurement_uid"])
    assert mine
    states: Counter[str] = Counter()
    targets = set(tried(place.target for place in script.places))
    for row in store.table("verdicts").to_pylist():
        day = script.day(row["day"])
        if (
            row["measurement"] in mine
            and day
            and row["target"] in targets
            and script.truth(row["target"], asn, day)[0] == "ok"
        ):
            states[row["state"]] += 1
    assert not {"blocked", "throttled"} & set(states), states
    expected = "ok" if kind == "ipv6" else "invalid"
    assert states[expected] > 5, states


def test_the_forger_is_not_believed(made: Result, store: Store) -> None:
    forger = load_script().forger
    lies = [r for r in store.table("verdicts").to_pylist() if r["target"] == forger.target and r["state"] == "blocked"]
    assert len(lies) >= 20, "the records themselves look like blocking"
    assert len({row["vantage"] for row in lies}) == 1
    assert not any(row.found == "blocked" for row in made.comparison.rows if row.target == forger.target)
    document = json.loads((made.folder / "report.json").read_bytes())
    grades = [
        cell for cell in document["cells"] if cell.get("target") == forger.target and cell.get("state") == "blocked"
    ]
    assert grades == []


def test_a_second_demo_replaces_the_first_and_spares_what_is_not_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="thesis"):
        run_demo(folder, "small")
    assert (folder / "thesis.txt").read_text() == "years of work"
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="folder"):
        run_demo(file, "small")
    store = tmp_path / "other"
    (store / "store").mkdir(parents=True)
    with pytest.raises(UsageError, match="no demo made"):
        run_demo(store, "small")
    with pytest.raises(UsageError, match="size"):
        make_archive(tmp_path / "x", "enormous")


@pytest.mark.parametrize(
    ("rows", "state", "mechanism", "vantages"),
    [
        ([], None, None, 0),
        ([("a", "unknown", None), ("b", "invalid", None)], None, None, 0),
        ([("a", "ok", None)], "ok", None, 1),
        ([("a", "blocked", "tls.reset"), ("b", "ok", None)], None, None, 2),
        ([("a", "blocked", "tls.reset")] * 50 + [("b", "ok", None), ("c", "ok", None)], "ok", None, 3),
        ([("a", "blocked", "tcp"), ("a", "blocked", "dns"), ("b", "blocked", "dns")], "blocked", "dns", 2),
    ],
)
def test_a_vantage_point_has_one_vote(
    rows: list[tuple[str, str, str | None]], state: str | None, mechanism: str | None, vantages: int
) -> None:
    found = [{"measurement": "m", "vantage": v, "state": s, "mechanism": m} for v, s, m in rows]
    assert vote(found) == (state, mechanism, vantages)


@pytest.mark.parametrize(
    ("found", "scripted", "fits"),
    [
        ("tls.reset", "tls.reset.sni", True),
        ("tls.reset.sni", "tls.reset.sni", True),
        ("tls.reset.sni", "tls.reset", False),
        ("tls.res", "tls.reset", False),
        ("dns.nxdomain", "tls.reset", False),
        (None, "tls.reset", False),
        (None, None, True),
    ],
)
def test_less_than_the_truth_is_no_error_and_more_is(found: str | None, scripted: str | None, fits: bool) -> None:
    assert agrees(found, scripted) is fits


def test_a_wrong_answer_is_counted() -> None:
    script = load_script()
    day = script.date(2).isoformat()
    row = {"measurement": "m", "target": "murmur/web", "day": day, "network": 64496, "vantage": "v"}
    table = pa.Table.from_pylist([{**row, "state": "blocked", "mechanism": "tls.reset"}])
    comparison = compare(script, table, [2])
    assert [r.target for r in comparison.wrong] == ["murmur/web"] == [r.target for r in comparison.wrongly_blocked]
    assert comparison.right == 0
    assert comparison.silent == len(comparison.rows) - 1
    assert b"murmur/web,ok,,blocked,tls.reset,1,1,wrong\n" in comparison.csv()


def test_sizes_hold_every_act() -> None:
    script = load_script()
    days = SIZES["small"].days
    for act in script.acts:
        assert any(act.first <= day <= act.last for day in days if day not in script.silent), act
    assert script.silent & set(days)
    assert any(script.forger.first <= day <= script.forger.last for day in days)
