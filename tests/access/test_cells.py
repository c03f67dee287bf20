"""Law: every way has a cell for the country and for each network, and a country's cell hides no difference of these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from way_tries import AT, LIMITS, given, verdicts

from clampdown.assess import counted as counts
from clampdown.assess.access import build
from clampdown.assess.stages import COLUMNS, facts_of
from clampdown.assess.ways import Access, Counted, Question, Way, encode
from clampdown.model import FINDINGS, OBSERVATIONS
from clampdown.reference.tools import tool_table, ways_of

SNOW = "tor/snowflake"
ALL, BAD = "o" * 28, "b" * 28
Rows = list[dict[str, Any]]


def answer(rows: Rows, network: int | None = None, at: str = AT, **other: Any) -> Access:
    question = Question(country="XA", network=network, at=None)
    return build(question, at, tool_table(), given(rows, **other), LIMITS)


def cell(made: Access, key: str = SNOW, network: int | None = None) -> Way:
    (found,) = (w for w in made.ways if f"{w.tool}/{w.way}" == key and w.network == network)
    return found


def facts(*steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Steps of measurements, as the table of observations has them."""
    rows = [
        {"measurement": name, "digest": "", "seq": n, "target": SNOW, "origin": "probe", "side": False,
         "operation": "tunnel_bootstrap", "outcome": "failed", **step}
        for n, (name, step) in enumerate(steps)
    ]  # fmt: skip
    return facts_of([pa.Table.from_pylist(rows, schema=OBSERVATIONS).select(list(COLUMNS))])


def test_every_way_has_a_cell_everywhere() -> None:
    made = answer(verdicts(SNOW, ALL, ALL, ALL) + verdicts("psiphon/tunnel", "o", network=64501, test="psiphon"))
    ways = ways_of(tool_table())
    assert [(w.tool, w.way, w.network) for w in made.ways] == [
        (way.tool, way.id, network) for network in (None, 64500, 64501) for way in ways
    ]
    untested = [w for w in made.ways if not w.targets]
    assert len(untested) == len(made.ways) - 4
    for each in untested:
        assert (each.state, each.n, each.ok, each.share, each.low, each.high) == ("untested", 0, 0, None, None, None)
        assert (each.grade, each.last_ok, each.witnesses, each.stages) == ("insufficient", None, {}, ())


def test_one_network_that_nobody_tested() -> None:
    made = answer(verdicts(SNOW, ALL, ALL, ALL), network=64999)
    assert {w.network for w in made.ways} == {None, 64999}
    assert {w.state for w in made.ways if w.network == 64999} == {"untested"}
    assert cell(made).state == "works"


def test_what_stands_in_a_cell() -> None:
    made = answer(verdicts(SNOW, "o" * 27 + "b", ALL, ALL))
    found = cell(made, network=64500)
    assert (found.state, found.n, found.ok) == ("works", 84, 83)
    assert (found.last_ok, found.age_ok) == ("2026-09-28T01:02:00Z", 0)
    assert (found.last_failed, found.age_failed) == ("2026-09-28T01:00:00Z", 0)
    assert (found.tests, found.rules, found.mechanisms) == (("torsf",), ("rule.b", "rule.o"), ("tunnel.bootstrap",))
    assert (found.witnesses["ok"].count, found.witnesses["failed"].count) == (83, 1)
    assert len(found.witnesses["ok"].first) == LIMITS.witnesses
    assert {w.vantage for w in found.witnesses["ok"].first} == {1, 2, 3}
    assert cell(made).last_ok == "2026-09-28", "a country's cell says days"


def test_times_are_not_said_where_few_look() -> None:
    made = answer(verdicts(SNOW, ALL, ALL))
    found = cell(made, network=64500)
    assert made.networks[0].day_only
    assert (found.last_ok, {w.time for w in found.witnesses["ok"].first}) == ("2026-09-28", {None})


COUNTRIES = [
    # tries per network, state, reason, grade, networks with enough data, those counted
    ([(ALL,) * 3, (ALL,) * 3], "works", None, "corroborated", 2, 2),
    ([(BAD,) * 3, (BAD,) * 3], "blocked", None, "corroborated", 2, 2),
    ([(ALL,) * 3, (BAD,) * 3], "conflicting", "networks_differ", "consistent", 2, 1),
    ([(ALL,) * 3, ("ob" * 14,) * 3], "impaired", "networks_differ", "corroborated", 2, 1),
    ([(BAD,) * 3, ("r" * 28,) * 3], "blocked", "networks_differ", "corroborated", 2, 0),
    # a network with too little says nothing of the others
    ([(ALL,) * 3, ("b",)], "works", None, "corroborated", 1, 1),
    # no network has enough by itself, and together they have
    ([(ALL,), (ALL,), (ALL,)], "works", "networks_together", "consistent", 0, 0),
    ([("o",), ("b",)], "insufficient", "few_measurements", "insufficient", 0, 0),
]


@pytest.mark.parametrize(("tries", "state", "reason", "grade", "enough", "same"), COUNTRIES)
def test_the_country(
    tries: list[tuple[str, ...]], state: str, reason: str | None, grade: str, enough: int, same: int
) -> None:
    rows = [v for n, each in enumerate(tries) for v in verdicts(SNOW, *each, network=64500 + n, who=f"n{n}-")]
    found = cell(answer(rows))
    assert (found.state, found.reason, found.networks, found.networks_state) == (state, reason, enough, same)
    assert found.grade == grade


def test_verdicts_that_count_for_nothing_are_left_out() -> None:
    rows = verdicts(SNOW, ALL, ALL, ALL, repeat=True) + verdicts(SNOW, ALL, network=64501, state="invalid")
    rows += [row | {"network": None} for row in verdicts(SNOW, ALL, network=64502)]
    assert {w.state for w in answer(rows).ways} == {"untested"}


STAGES = [
    # the failing step, the stage, how far, after how many bytes
    ([{"stage": "bootstrap", "progress": 0.1}], "bootstrap", 0.1, None),
    ([{"stage": "connect"}], "connect", None, None),
    ([{"stage": None, "progress": 0.5}], "bootstrap", 0.5, None),
    ([{"stage": None}], "unknown", None, None),
    ([{"stage": "transfer", "progress": 1.0}, {"operation": "transfer", "outcome": "ok", "bytes": 17000}],
     "transfer", 1.0, 17000),
    ([{"operation": "tls_handshake", "failure": "connection_reset"}], "connect", None, None),
    ([{"operation": "http_exchange"}, {"operation": "transfer", "outcome": "ok", "bytes": 900}], "transfer", None, 900),
    ([{"operation": "http_exchange", "target": "tor/obfs4"}], "unknown", None, None),
    ([{"operation": "tcp_connect", "side": True}], "unknown", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "stage", "far", "size"), STAGES)
def test_where_a_try_ended(steps: Rows, stage: str, far: float | None, size: int | None) -> None:
    rows = verdicts(SNOW, "b")
    found = cell(answer(rows, facts=facts(*((rows[0]["measurement"], step) for step in steps))), network=64500)
    (only,) = found.stages
    assert (only.stage, only.n, only.progress_high, only.bytes_high) == (stage, 1, far, size)


def test_a_failing_configuration_is_that() -> None:
    rows = verdicts("riseupvpn/api", "b", test="riseupvpn")
    step = {"target": "riseupvpn/api", "operation": "tls_handshake", "failure": "connection_reset"}
    (only,) = cell(answer(rows, facts=facts((rows[0]["measurement"], step))), "riseupvpn/tunnel").stages
    assert (only.stage, only.failures) == ("config", ("connection_reset",))


def test_a_failure_that_decides_nothing_still_says_where() -> None:
    rows = verdicts(SNOW, "u")
    step = {"stage": "bootstrap", "progress": 0.02, "failure": "generic_timeout_error"}
    found = cell(answer(rows, facts=facts((rows[0]["measurement"], step))), network=64500)
    assert (found.state, found.reason, found.n, found.last_failed) == (
        "insufficient",
        "nothing_decided",
        0,
        "2026-09-01",
    )
    assert [(s.stage, s.n) for s in found.stages] == [("bootstrap", 1)]


def test_slow_is_slow() -> None:
    rows = verdicts(SNOW, "t")
    found = cell(answer(rows, facts=facts((rows[0]["measurement"], {"outcome": "ok"}))), network=64500)
    assert [s.stage for s in found.stages] == ["slow"]


def test_rendezvous_methods_are_told_apart() -> None:
    rows = verdicts(SNOW, "ob", "o")
    via = {"m-64500-v0-0-torsf": "ampcache", "m-64500-v0-1-torsf": "domain_fronting", "m-64500-v1-0-torsf": "ampcache"}
    ends = [
        (name, {"detail": f"done: Done, rendezvous {method}", "outcome": "failed" if "v0-1" in name else "ok"})
        for name, method in via.items()
    ]
    told = {v.name: (v.n, v.ok, v.last_ok, v.last_failed) for v in cell(answer(rows, facts=facts(*ends))).variants}
    assert told == {
        "rendezvous:ampcache": (2, 2, "2026-09-01", None),
        "rendezvous:domain_fronting": (1, 0, None, "2026-09-02"),
    }


def finding(**other: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(FINDINGS.names)
    return row | {
        "country": "XA", "network": 64500, "target": SNOW, "state": "blocked", "grade": "corroborated",
        "onset_after": datetime(2026, 9, 20, 9, 30), "onset_before": datetime(2026, 9, 25, 7), "event": "e1",
        "vantage_high": 5, "k": 9, "n": 9, "vantage_low": 3, "days": 3, "days_all": 3, "stands": True, "settled": 0,
        "witnesses": 9, **other,
    }  # fmt: skip


def found_by(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=FINDINGS)


def test_since_when_is_what_the_findings_say() -> None:
    rows = verdicts(SNOW, *("o" * 24 + "bbbb",) * 3)
    said = answer(rows, findings=found_by(finding(), finding(network=None, vantage_high=2)))
    (own,), (country,) = cell(said, network=64500).since, cell(said).since
    assert (own.state, own.after, own.before, own.event) == (
        "blocked", "2026-09-20T09:30:00Z", "2026-09-25T07:00:00Z", "e1",
    )  # fmt: skip
    assert (country.after, country.before) == ("2026-09-20", "2026-09-25")
    assert cell(answer(rows, at="2026-09-24", findings=found_by(finding())), network=64500).since == ()
    over = finding(end_after=datetime(2026, 9, 26), end_before=datetime(2026, 9, 27))
    assert cell(answer(rows, findings=found_by(over)), network=64500).since == ()


def test_a_finding_moves_the_state_to_its_days() -> None:
    rows = verdicts(SNOW, "o" * 24 + "obbo", "o" * 24 + "bobb", ALL[:24] + "bbob")
    alone = cell(answer(rows), network=64500)
    told = cell(answer(rows, findings=found_by(finding())), network=64500)
    assert told.first == "2026-09-25"
    assert told.state in ("impaired", "blocked", "insufficient")
    assert alone.state != "works"


# ---- counts -------------------------------------------------------------------------------------------------------


def count(n: int | None, share: float, **other: Any) -> Counted:
    plain: dict[str, Any] = {
        "source": "s", "operator": "ooni", "test": "torsf", "time": "2026-09-27T00:00:00Z", "n": n,
        "failed": None if n is None else round(n * share), "failed_share": share, "since": None, "counts": 1,
        "share_low": share, "share_high": share,
    }  # fmt: skip
    return Counted(**(plain | other))


COUNTS = [
    ([count(132, 0.97)], "blocked", "consistent"),
    ([count(1071, 0.2)], "impaired", "consistent"),
    ([count(1071, 0.02)], "works", "consistent"),
    ([count(500, 0.0), count(200, 0.9, source="t")], "conflicting", "consistent"),
]


@pytest.mark.parametrize(("found", "state", "grade"), COUNTS)
def test_counts_alone(found: list[Counted], state: str, grade: str) -> None:
    said = cell(answer([], counted={"torsf": tuple(found)}))
    assert (said.state, said.grade) == (state, grade)
    assert said.counted == tuple(found)
    assert (said.reason, said.vantage, said.low, said.high) == ("counts_only", None, None, None)
    assert cell(answer([], counted={"torsf": tuple(found)}), "tor/obfs4").state == "untested"


OLD = "2026-09-10T00:00:00Z"  # more than two weeks before
SILENT = [
    ([count(None, 0.02)], "only_a_share"),  # of nobody knows how many
    ([count(19, 0.0)], "few_measurements"),
    ([count(19, 0.0), count(None, 0.02, source="t")], "few_measurements"),
    ([count(500, 0.0, time=OLD), count(None, 0.02, source="t")], "only_a_share"),
    ([count(500, 0.0, time=OLD)], "stale"),
    ([count(None, 0.0, time=OLD)], "stale"),
]


@pytest.mark.parametrize(("found", "reason"), SILENT)
def test_counts_that_say_no_state_are_not_untested(found: list[Counted], reason: str) -> None:
    """Somebody tried: too little is known of it, and no number of it stands as a share of success."""
    said = cell(answer([], counted={"torsf": tuple(found)}))
    assert (said.state, said.reason, said.grade) == ("insufficient", reason, "insufficient")
    assert (said.n, said.ok, said.share, said.low, said.vantage) == (0, 0, None, None, None)
    assert said.counted == tuple(found)


def test_without_tests_and_counts_it_is_untested() -> None:
    said = cell(answer([], counted={"torsf": ()}))
    assert (said.state, said.reason, said.counted) == ("untested", None, ())
    lone = verdicts(SNOW, "o")
    assert cell(answer(lone, counted={"torsf": (count(None, 0.0),)})).reason == cell(answer(lone)).reason


def test_tests_go_before_counts() -> None:
    said = cell(answer(verdicts(SNOW, ALL, ALL, ALL), counted={"torsf": (count(132, 0.97),)}))
    assert (said.state, said.grade, len(said.counted)) == ("works", "corroborated", 1)


def levels(*rows: tuple[str, str, float | None]) -> tuple[pa.Table, pa.Table]:
    """(series, levels) of (what, time, value) of one test in a country."""
    names = sorted({what for what, _, _ in rows})
    series = [
        {
            "series": f"s-{what}",
            "signal": f"tests/torsf/{what}",
            "source": "x",
            "operator": "ooni",
            "entity_kind": "country",
        }
        for what in names
    ]
    table = pa.table({
        "series": pa.array([f"s-{what}" for what, _, _ in rows], pa.string()),
        "time": pa.array([datetime.fromisoformat(time) for _, time, _ in rows], pa.timestamp("us")),
        "value": pa.array([value for _, _, value in rows], pa.float64()),
    })  # fmt: skip
    fields = ("series", "signal", "source", "operator", "entity_kind")
    return pa.Table.from_pylist(series, schema=pa.schema([(f, pa.string()) for f in fields])), table


def test_the_newest_count_is_taken_and_none_is_added_up() -> None:
    series, table = levels(
        ("tried", "2026-09-20", 100.0), ("failed", "2026-09-20", 10.0), ("tried", "2026-09-25", 50.0),
        ("failed", "2026-09-25", 45.0), ("tried", "2026-09-27", None), ("failed", "2026-09-27", None),
        ("tried", "2026-10-02", 9.0), ("failed", "2026-10-02", 0.0),
    )  # fmt: skip
    (only,) = counts.counted(series, table, AT, LIMITS)["torsf"]
    assert (only.n, only.failed, only.failed_share, only.time[:10]) == (50, 45, 0.9, "2026-09-25")
    assert (only.counts, only.share_low, only.share_high, (only.since or "")[:10]) == (2, 0.1, 0.9, "2026-09-20")


@pytest.mark.parametrize(
    ("rows", "n", "share"),
    [
        ([("failed-share", "2026-09-25", 40.0)], None, 0.4),
        ([("failed-share", "2026-09-25", 40.0), ("tried", "2026-09-25", 50.0)], 50, 0.4),
        ([("failed", "2026-09-25", 4.0)], None, None),  # of how many, nobody says
        ([("tried", "2026-09-25", 0.0), ("failed", "2026-09-25", 0.0)], None, None),
        ([("tried", "2026-09-25", 3.0), ("failed", "2026-09-25", 4.0)], None, None),  # no count of anything
        ([("tried", "2026-09-25", 50.0)], None, None),
    ],
)
def test_what_is_no_count(rows: list[tuple[str, str, float | None]], n: int | None, share: float | None) -> None:
    found = counts.counted(*levels(*rows), AT, LIMITS).get("torsf")
    if share is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0].n, found[0].failed_share) == (n, share)


def test_the_same_answer_gives_the_same_bytes() -> None:
    rows = verdicts(SNOW, "ob" * 14, ALL, BAD) + verdicts("tor/obfs4", ALL, network=64501)
    one, two = (encode(answer(each)) for each in (rows, rows[::-1]))
    assert one == two
    assert msgspec.json.decode(one, type=Access) == answer(rows)
