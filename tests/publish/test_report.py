"""Law: what a report states can be recomputed from what it names, and nobody can be found in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from clampdown import assess
from clampdown.assess.headlines import platform_state
from clampdown.assess.names import Names, Platform
from clampdown.assess.witnesses import link_of
from clampdown.errors import CheckFailed, InputError, UsageError
from clampdown.evidence import digest, require
from clampdown.model import COVERAGE, FIRED, Terms

Tables = tuple[pa.Table, pa.Table, pa.Table]
LIMITS = assess.load_thresholds()
START = datetime(2026, 9, 1)


def build(tables: Tables, names: Names, inputs: assess.Inputs, **asked: Any) -> assess.Answer:
    return assess.build(*tables, assess.Question(**({"country": "XA"} | asked)), LIMITS, names, inputs)


def cell(report: assess.Report, target: str, network: int) -> Any:
    return next(c for c in report.cells if (c.target, c.network) == (target, network))


def test_the_script_is_found(answer: assess.Answer) -> None:
    lines = {line.platform: line for line in answer.report.headlines}
    assert (lines["picnic"].whole.n, lines["picnic"].whole.states["blocked"]) == (7, 7)
    assert lines["picnic"].whole.tested == 8
    assert lines["maidan"].whole.states["blocked"] == 4
    assert lines["maidan"].whole.grade == "confirmed"
    assert (lines["telegram"].whole.states["blocked"], lines["telegram"].whole.states["partly"]) == (3, 2)
    assert {p.target for p in lines["telegram"].parts} == {"telegram/web"}
    assert lines["reel"].whole.states["refused"] == 7
    assert lines["agora"].whole.states["ok"] == 7
    assert lines["carrier"].whole.states["conflicting"] == 7
    assert lines["carrier"].recent is not None
    assert lines["carrier"].recent.states["blocked"] == lines["carrier"].recent.n >= 4
    assert answer.report.untested == ("semaphore",)
    assert cell(answer.report, "web/shop.example", 64500).state == "down"
    assert cell(answer.report, "picnic/web", 64507).reason in ("few_vantage_points", "few_measurements")


def test_a_day_without_data_is_named(answer: assess.Answer) -> None:
    assert answer.report.period.silent == ("2026-10-11",)
    assert all(day.day != "2026-10-11" for c in answer.report.cells for day in c.days)
    assert all("2026-10-11" in n.silent for n in answer.report.networks)


def test_any_order_of_rows_gives_the_same_bytes(
    world: Tables, names: Names, inputs: assess.Inputs, answer: assess.Answer
) -> None:
    dice = random.Random(3)
    mixed: list[pa.Table] = []
    for table in world:
        order = list(range(table.num_rows))
        dice.shuffle(order)
        mixed.append(table.take(order))
    again = build((mixed[0], mixed[1], mixed[2]), names, inputs)
    assert assess.encode(again.report) == assess.encode(answer.report)
    assert again.witnesses.equals(answer.witnesses)


def test_numbers_are_recomputed(world: Tables, answer: assess.Answer) -> None:
    proof = assess.check(assess.encode(answer.report), *world)
    assert proof.holds
    assert proof.numbers > 2000
    require(proof)


@pytest.mark.parametrize(
    ("old", "new", "number"),
    [
        ('"blocked": 7', '"blocked": 6', "headline/picnic/blocked"),
        ('"state": "down"', '"state": "blocked"', "cell/web/shop.example@AS64500/state"),
        ('"measurements": 2459', '"measurements": 2460', "measurements"),
    ],
)
def test_a_changed_number_does_not_hold(world: Tables, answer: assess.Answer, old: str, new: str, number: str) -> None:
    text = assess.encode(answer.report).decode()
    assert old in text
    proof = assess.check(text.replace(old, new).encode(), *world)
    assert not proof.holds
    assert number in {c.number for c in proof.checks if not c.holds}
    with pytest.raises(CheckFailed):
        require(proof)


def test_a_witness_taken_away_is_missed(world: Tables, answer: assess.Answer) -> None:
    verdicts, fired, coverage = world
    assert not assess.check(assess.encode(answer.report), verdicts.slice(1), fired, coverage).holds


def test_a_hidden_cell_is_missed(world: Tables, answer: assess.Answer) -> None:
    document = msgspec.json.decode(assess.encode(answer.report))
    document["cells"].pop()
    assert not assess.check(msgspec.json.encode(document), *world).holds


def test_what_came_later_does_not_count_where_the_witnesses_are_named(
    world: Tables, answer: assess.Answer, verdict: Callable[..., Any], table: Callable[..., pa.Table]
) -> None:
    verdicts, fired, coverage = world
    late = table("verdicts", [verdict(10**6 + i, vantage=f"late{i}", state="ok") for i in range(9)])
    grown = pa.concat_tables([verdicts, late])
    data = assess.encode(answer.report)
    assert not assess.check(data, grown, fired, coverage).holds
    named: dict[str, set[str | None]] = {}
    for m, t in zip(*(answer.witnesses.column(c).to_pylist() for c in ("measurement", "target")), strict=True):
        named.setdefault(m, set()).add(t)
    proof = assess.check(data, grown, fired, coverage, named)
    assert proof.holds
    assert proof.notes == ("later:9",)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"kind":"x"}', b"\xff"])
def test_what_is_no_report_is_said_to_be_none(world: Tables, data: bytes) -> None:
    with pytest.raises(InputError):
        assess.check(data, *world)


def test_every_number_has_its_witnesses(world: Tables, answer: assess.Answer) -> None:
    rows = answer.witnesses.to_pylist()
    for c in answer.report.cells:
        for state, count in c.measurements.items():
            found = c.witnesses[state]
            at = (c.target, c.network, state)
            listed = [r["measurement"] for r in rows if r["counted"] and (r["target"], r["network"], r["state"]) == at]
            assert found.count == count == len(listed)
            assert found.digest == digest(listed)
            assert len(found.first) == min(count, 3 if state == "ok" else 20)
            assert {w.measurement for w in found.first} <= set(listed)
    assert answer.report.witnesses == world[0].num_rows == len(rows)


def test_witnesses_are_spread_over_vantage_points(answer: assess.Answer) -> None:
    first = cell(answer.report, "picnic/web", 64500).witnesses["blocked"].first
    assert {w.vantage for w in first[:9]} == set(range(1, 10))


def test_nobody_is_exposed(world: Tables, answer: assess.Answer) -> None:
    text = assess.encode(answer.report).decode()
    keys = {v for v in world[0].column("vantage").to_pylist() if v}
    assert not [key for key in keys if key in text]
    small = {n.network for n in answer.report.networks if n.day_only}
    assert small == {64506, 64507}
    for c in answer.report.cells:
        for found in c.witnesses.values():
            assert all((w.time is None) == (c.network in small) for w in found.first)
    for row in answer.witnesses.to_pylist():
        assert (row["time"] is None) == (row["network"] in small)
        assert row["vantage"] is None or 1 <= row["vantage"] <= 9


@pytest.mark.parametrize(
    ("measurement", "synthetic", "linked"),
    [
        ("20231106073532.482341_KE_webconnectivity_0123456789abcdef", False, True),
        ("20231106073532.482341_KE_webconnectivity_0123456789abcdef", True, False),
        ("20231106073532.482341_XA_webconnectivity_0123456789abcdef", False, False),
        ("x" + "0" * 32, False, False),
        ("20231106073532.482341_KE_web/../x_0123456789abcdef", False, False),
        ("20231106073532.482341_KE_webconnectivity_0123456789abcdef\n", False, False),
        ("javascript:alert(1)", False, False),
    ],
)
def test_only_public_measurements_link(measurement: str, synthetic: bool, linked: bool) -> None:
    found = link_of(measurement, synthetic=synthetic)
    assert found == (f"https://explorer.ooni.org/m/{measurement}" if linked else None)


PLATFORM = Platform(
    id="p", label="P", groups=(), any_of=("p/app", "p/web"), all_of=("p/login",),
    roles={"p/app": "app", "p/web": "web", "p/login": "login", "p/links": "links"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ({}, "insufficient"),
        ({"p/links": "blocked"}, "insufficient"),  # not a role that the platform is judged by
        ({"p/login": "insufficient", "p/app": "insufficient"}, "insufficient"),
        ({"p/login": "ok", "p/app": "ok"}, "ok"),
        ({"p/login": "ok", "p/app": "ok", "p/web": "blocked"}, "partly"),
        ({"p/login": "ok", "p/web": "blocked"}, "partly"),  # the app was never heard: not the whole
        ({"p/login": "ok", "p/app": "blocked", "p/web": "blocked"}, "blocked"),
        ({"p/login": "blocked", "p/app": "ok", "p/web": "ok"}, "blocked"),
        ({"p/login": "throttled", "p/app": "ok"}, "throttled"),
        ({"p/login": "ok", "p/app": "throttled", "p/web": "blocked"}, "blocked"),
        ({"p/app": "ok", "p/web": "ok"}, "unclear"),  # the login was never heard: not ok
        ({"p/login": "refused", "p/app": "refused"}, "refused"),
        ({"p/login": "down"}, "down"),
        ({"p/login": "ok", "p/app": "conflicting", "p/web": "down"}, "conflicting"),
        ({"p/login": "unknown"}, "insufficient"),
    ],
)
def test_what_its_roles_mean_for_a_platform(found: dict[str, str], state: str) -> None:
    assert platform_state(PLATFORM, found) == state


@pytest.mark.parametrize(
    ("asked", "targets"),
    [
        ({"target": "telegram"}, {"telegram/app", "telegram/web"}),
        ({"target": "web/news.example"}, {"web/news.example"}),
        ({"group": "news"}, {"web/news.example"}),
        ({"group": "messaging"}, {"telegram/app", "telegram/web", "carrier/app", "whisper/app"}),
    ],
)
def test_questions(
    world: Tables, names: Names, inputs: assess.Inputs, asked: dict[str, str], targets: set[str]
) -> None:
    report = build(world, names, inputs, **asked).report
    assert {c.target for c in report.cells} == targets
    assert assess.check(assess.encode(report), *world).holds


def test_a_network_and_a_period(world: Tables, names: Names, inputs: assess.Inputs) -> None:
    since, until = START + timedelta(days=10), START + timedelta(days=20)
    report = build(world, names, inputs, network=64501, since=since, until=until).report
    assert (report.period.first, report.period.last, report.period.days) == ("2026-09-11", "2026-09-20", 10)
    assert {n.network for n in report.networks} == {64501}
    assert all("2026-09-11" <= d.day <= "2026-09-20" for c in report.cells for d in c.days)
    assert assess.check(assess.encode(report), *world).holds


def test_a_group_that_is_not_there(world: Tables, names: Names, inputs: assess.Inputs) -> None:
    with pytest.raises(UsageError, match="social"):
        build(world, names, inputs, group="nonsense")


def test_a_country_without_data(world: Tables, names: Names, inputs: assess.Inputs) -> None:
    with pytest.raises(InputError):
        build(world, names, inputs, country="XB")


def test_a_silent_period_is_a_report_of_silence(world: Tables, names: Names, inputs: assess.Inputs) -> None:
    report = build(world, names, inputs, since=datetime(2030, 1, 1), until=datetime(2030, 1, 8)).report
    assert report.cells == ()
    assert report.headlines == ()
    assert len(report.period.silent) == 7
    assert len(report.untested) == 9


def test_what_does_not_count_is_counted(
    names: Names, inputs: assess.Inputs, verdict: Callable[..., Any], table: Callable[..., pa.Table]
) -> None:
    rows = [
        verdict(1, repeat=True), verdict(2, network=None), verdict(3, target=None),
        verdict(4, state="invalid", rule="r"), verdict(5, state="not_applicable"), verdict(6),
    ]  # fmt: skip
    empty = (FIRED.empty_table(), COVERAGE.empty_table())
    report = build((table("verdicts", rows), *empty), names, inputs).report
    assert {(e.reason, e.rule): e.measurements for e in report.excluded} == {
        ("repeat", None): 1, ("no_network", None): 1, ("no_target", None): 1, ("invalid", "r"): 1,
        ("not_applicable", None): 1,
    }  # fmt: skip
    assert report.measurements == 1


@pytest.mark.parametrize(
    ("words", "strictest"),
    [((), None), (("yes",), "yes"), (("yes", "non-commercial", "share-alike"), "non-commercial"), (("no", "yes"), "no"),
     (("yes", "whatever"), "whatever")],
)  # fmt: skip
def test_the_strictest_terms_travel(
    world: Tables, names: Names, inputs: assess.Inputs, words: tuple[str, ...], strictest: str | None
) -> None:
    sources = tuple(assess.Source(files=1, measurements=1, terms=Terms(w, w, w, w, "")) for w in words)
    report = build(world, names, msgspec.structs.replace(inputs, sources=sources), target="telegram").report
    assert (report.terms.redistribute if report.terms else None) == strictest


def test_a_record_that_came_years_late_stretches_no_period(
    world: Tables, names: Names, inputs: assess.Inputs, verdict: Callable[..., dict[str, Any]]
) -> None:
    """Its clock is wrong, so its day is the one on which it arrived."""
    verdicts, fired, coverage = world
    late = verdict(10**6, day="2028-05-01", state="invalid", rule="record.clock")
    heard = {"day": "2028-05-01", "hour": 9, "country": "XA", "network": 64500, "test": "web_connectivity", "n": 1}
    grown = (
        pa.concat_tables([verdicts, pa.Table.from_pylist([late], schema=verdicts.schema)]), fired,
        pa.concat_tables([coverage, pa.Table.from_pylist([heard], schema=COVERAGE)]),
    )  # fmt: skip
    limits, asked = assess.load_thresholds(), assess.Question(country="XA")
    plain = assess.build(*world, asked, limits, names, inputs).report
    report = assess.build(*grown, asked, limits, names, inputs).report
    assert report.period == plain.period
    clock = {e.rule: e.measurements for e in report.excluded if e.reason == "invalid"}["record.clock"]
    assert clock == 1 + {e.rule: e.measurements for e in plain.excluded if e.reason == "invalid"}["record.clock"]
    assert assess.check(assess.encode(report), *grown).holds
