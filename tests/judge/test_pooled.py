"""Law: other records of the day may only weaken a verdict, but that speeds are compared within one session; and no
single vantage point moves another's."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.engine import Engine
from clampdown.judge.cells import Judged, judge_day
from clampdown.judge.rules import load_rules
from clampdown.reference import load_reference

from .worlds import DAY, SITE, SITE_IP, fact, measurement, visit, world

RULES, REFERENCE, ENGINE = load_rules(), load_reference(), Engine()
RESET = "connection_reset"


def judged(*records: tuple[dict[str, Any], list[dict[str, Any]]], pooled: bool = True) -> Judged:
    return judge_day(ENGINE, *world(*records), rules=RULES, reference=REFERENCE, pooled=pooled)


def states(found: Judged) -> dict[str, str]:
    return {row["measurement"]: row["state"] for row in found.verdicts.to_pylist()}


def blocked(name: str, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return measurement(name, **given), visit(name, tls=RESET)


def fine(name: str, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return measurement(name, **given), visit(name)


def test_a_record_speaks_for_itself() -> None:
    assert states(judged(blocked("a"), fine("b"))) == {"a": "blocked", "b": "ok"}
    assert states(judged(blocked("a"), fine("b"), pooled=False)) == {"a": "blocked", "b": "ok"}


def test_every_rule_that_fired_is_kept_and_not_only_the_winner() -> None:
    fired = judged(blocked("a"), fine("b")).fired.to_pylist()
    assert {row["won"] for row in fired} == {True, False}
    assert {row["decides"] for row in fired} == {True, False}
    alone = {(row["layer"], row["rule"]) for row in judged(blocked("a"), pooled=False).fired.to_pylist()}
    assert alone <= {(row["layer"], row["rule"]) for row in fired if row["measurement"] == "a"}


def test_down_in_other_countries_is_down() -> None:
    abroad = [blocked(f"x{n}", country="XB", network=64500 + n) for n in range(4)]
    assert states(judged(blocked("a"), *abroad))["a"] == "down"


@pytest.mark.parametrize("left_out", range(5))
def test_it_holds_with_any_vantage_point_left_out(left_out: int) -> None:
    abroad = [blocked(f"x{n}", country="XB", network=64500 + n) for n in range(5)]
    del abroad[left_out]
    assert states(judged(blocked("a"), *abroad))["a"] == "down"


def test_three_vantage_points_are_too_few_to_say_down() -> None:
    abroad = [blocked(f"x{n}", country="XB", network=64500 + n) for n in range(3)]
    assert states(judged(blocked("a"), *abroad))["a"] == "blocked"


def test_the_whole_country_failing_is_not_down() -> None:
    home = [blocked(f"h{n}", network=64500 + n) for n in range(8)]
    abroad = [fine(f"x{n}", country="XB", network=64500 + n) for n in range(4)]
    assert set(list(states(judged(*home, *abroad)).values())[:8]) == {"blocked"}


def session(through: int, targets: int) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    records = []
    for n in range(targets):
        host = f"site{n}.example"
        m = measurement(f"s{n}", vantage="one", target=f"web/{host}")
        records.append(
            (m, visit(f"s{n}", host=host, ip=f"9.9.2.{n + 1}", tcp=None if n < through else "generic_timeout_error"))
        )
    return records


def test_a_session_in_which_nearly_all_fails_has_no_network() -> None:
    found = states(judged(*session(1, 12)))
    assert found["s0"] == "ok"
    assert {found[f"s{n}"] for n in range(1, 12)} == {"invalid"}


def test_a_session_with_many_blocked_sites_keeps_its_verdicts() -> None:
    found = states(judged(*session(6, 12)))
    assert {found[f"s{n}"] for n in range(6, 12)} == {"blocked"}


def at(name: str, host: str, second: int, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    time = DAY.replace(hour=12, second=second % 60, minute=second // 60)
    return measurement(name, time=time, vantage="one", target=f"web/{host}", **given), visit(name, tls=RESET, host=host)


@pytest.mark.parametrize(("second", "state"), [(100, "unknown"), (179, "unknown"), (200, "blocked")])
def test_what_follows_a_trigger_at_the_same_address_is_residual(second: int, state: str) -> None:
    found = states(judged(at("a", SITE, 0), at("b", "other.example", second)))
    assert found == {"a": "blocked", "b": state}


def test_records_judged_alone_know_nothing_of_each_other() -> None:
    found = states(judged(at("a", SITE, 0), at("b", "other.example", 100), *session(1, 12), pooled=False))
    assert found["b"] == "blocked"
    assert found["s5"] == "blocked"


def loaded(name: str, host: str, seconds: float, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A page that came, and how long its bytes took."""
    asked = {"vantage": "one", "target": f"web/{host}", "input": f"https://{host}/"} | given
    transfer = fact(name, 20, "transfer", hostname=host, ip=SITE_IP, port=443, bytes=200_000, seconds=seconds)
    return measurement(name, **asked), [*visit(name, host=host), transfer]


def test_with_a_store_speeds_are_compared_within_one_session_and_nowhere_else() -> None:
    slow, fast = loaded("a", SITE, 12.5), [loaded("b", "b.example", 0.1), loaded("c", "c.example", 0.1)]
    assert states(judged(slow, *fast, pooled=False))["a"] == "ok"
    assert states(judged(slow, *fast)) == {"a": "throttled", "b": "ok", "c": "ok"}
    others = [loaded("b", "b.example", 0.1, vantage="two"), loaded("c", "c.example", 0.1, hour=13)]
    assert states(judged(slow, *others))["a"] == "ok"


def test_a_resubmission_counts_once() -> None:
    found = judged(blocked("a", repeat="same"), blocked("b", repeat="same"), blocked("c"))
    assert [row["repeat"] for row in sorted(found.verdicts.to_pylist(), key=lambda r: r["measurement"])] == [
        False,
        True,
        False,
    ]
    assert sum(row["n_blocked"] for row in found.cells.to_pylist() if row["layer"] == "state") == 2


def honest() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    return [
        fine("h0"),
        blocked("h1", network=64497),
        fine("h2", network=64498, country="XB"),
        blocked("h3", country="XC"),
    ]


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, str]:
    """What is said of the honest where nobody forges."""
    return states(judged(*honest()))


FORGED = st.lists(st.sampled_from([None, RESET, "generic_timeout_error", "eof_error"]), min_size=1, max_size=40)


@settings(max_examples=12, deadline=None)
@given(failures=FORGED, country=st.sampled_from(["XA", "XB"]), network=st.sampled_from([64496, 64499]))
def test_one_forger_moves_nobody_elses_verdict(
    undisturbed: dict[str, str], failures: list[str | None], country: str, network: int
) -> None:
    forged = [
        (
            measurement(f"f{n}", vantage="forger", country=country, network=network, hour=n % 24),
            visit(f"f{n}", tls=failure),
        )
        for n, failure in enumerate(failures)
    ]
    after = states(judged(*honest(), *forged))
    assert {name: after[name] for name in undisturbed} == undisturbed


EIGHT = [blocked(f"m{n}", network=64496 + n % 3) if n % 2 else fine(f"m{n}") for n in range(8)]


@pytest.fixture(scope="module")
def in_order() -> Judged:
    return judged(*EIGHT)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(8)), threads=st.sampled_from([1, 2]))
def test_order_and_threads_change_no_byte(in_order: Judged, order: list[int], threads: int) -> None:
    found = judge_day(
        Engine(threads=threads), *world(*(EIGHT[n] for n in order)), rules=RULES, reference=REFERENCE, pooled=True
    )
    for name in ("verdicts", "fired", "cells", "cell_rules", "cell_versions", "coverage"):
        table: pa.Table = getattr(found, name)
        assert table.equals(getattr(in_order, name)), name


def test_a_new_fingerprint_is_applied_to_history_without_a_raw_file() -> None:
    record = blocked("a")
    answer = next(row for row in record[1] if row["operation"] == "dns_answer" and row["origin"] == "probe")
    page = {"scheme": "http", "status": 200, "final": True, "headers": "server: wall", "hostname": SITE, "ip": SITE_IP}
    record[1][3] = answer | page | {"seq": 3, "operation": "http_exchange", "layer": "http"}
    assert states(judged(record)) == {"a": "unknown"}
    header = (
        b"name,scope,other_names,location_found,pattern_type,pattern,"
        b"confidence_no_fp,expected_countries,source,exp_url,notes\n"
    )
    newer = load_reference({"fingerprints_http.csv": header + b"t.wall,nat,,header.server,full,wall,9,XA,test,,\n"})
    found = judge_day(ENGINE, *world(record), rules=RULES, reference=newer, pooled=True)
    row = found.verdicts.to_pylist()[0]
    assert (row["state"], row["mechanism"], row["settled"]) == ("blocked", "http.blockpage", True)
