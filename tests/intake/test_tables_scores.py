"""Law: of scores only what they imply is read, from SQL text and CSV alike; nothing of it is executed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import made_tables as made

from clampdown.pipeline.alone import judge_files

BLOCKED = made.failed("tcp", "generic_timeout_error", "0.75", "0.25")


IMPLIED: list[tuple[dict[str, str | None], str, str | None]] = [
    ({}, "ok", None),
    ({"dns_blocked": "0.95", "top_tcp_failure": "host_unreachable"}, "ok", None),
    (BLOCKED, "blocked", "tcp.timeout"),
    (made.failed("tcp", "connection_refused", "0.75", "0.25"), "blocked", "tcp.refused"),
    (made.failed("tcp", "connection_refused", "0.25", "0.75"), "down", None),
    (made.failed("tls", "connection_reset", "0.8", "0.2"), "blocked", "tls.reset"),
    (made.failed("tls", "connection_reset", "0.5", "0.5"), "down", None),
    (made.failed("dns", "dns_nxdomain_error", "0.9", "0.1"), "blocked", "dns.nxdomain"),
    (made.failed("dns", "dns_nxdomain_error", "0.1", "0.9"), "down", None),
    (made.failed("tls", "connection_reset", "0", "0"), "unknown", None),
]


@pytest.mark.parametrize("form", ["sql", "csv"])
def test_scores_are_judged_by_what_they_imply(form: str, tmp_path: Path) -> None:
    rows = [made.scored(number, **cells) for number, (cells, _, _) in enumerate(IMPLIED)]
    path = tmp_path / "scores"
    path.write_bytes(made.sql(rows) if form == "sql" else made.table(rows, made.SCORES, null="\\N"))
    found = [row for alone in judge_files(path) for row in alone.verdicts.to_pylist()]
    found.sort(key=lambda row: row["measurement"])
    assert {row["target"] for row in found} == {f"web/{made.SITE}"}
    assert [(row["state"], row["mechanism"]) for row in found] == [(state, by) for _, state, by in IMPLIED]


def test_sql_and_csv_say_the_same() -> None:
    rows = [made.scored(1), made.scored(2, **BLOCKED), made.scored(3, domain="it's (a) \\ name")]
    names = ("operation", "origin", "target", "outcome", "failure", "port")
    assert made.facts(made.sql(rows), *names) == made.facts(made.table(rows, made.SCORES), *names)
    assert {row["source"] for row in made.measured(made.sql(rows))} == {"ooni_analysis"}


@pytest.mark.parametrize("between", ["\n, ", ",\n", ", ", ","])
def test_a_tuple_ends_at_its_bracket(between: str) -> None:
    rows = [made.scored(n, network_type="a'),\\(b") for n in range(5)]
    assert len(made.measured(made.sql(rows, between=between))) == 5


def test_a_broken_tuple_costs_itself() -> None:
    rows = [made.scored(n) for n in range(4)]
    data = made.sql(rows)
    lines = data.split(b"\n")
    open_quote = b"\n".join([lines[0], lines[1].replace(b"'mobile'", b"'mobile"), *lines[2:]])
    short = b"\n".join([lines[0], lines[1].replace(b"'mobile', ", b""), *lines[2:]])
    cut = b"\n".join([lines[0], lines[1][:80], *lines[2:]])
    for damaged in (open_quote, short, cut):
        assert [row["measurement"][15:21] for row in made.measured(damaged)] == ["000000", "000002", "000003"]
        [reject] = made.rejected(damaged)
        assert (reject.line, reject.reason) == (2, "not_a_measurement")


def test_nothing_in_sql_is_executed_and_other_statements_are_passed_over() -> None:
    other = b"CREATE TABLE analysis (x Int64, PRIMARY KEY (x));\n-- a note\nDROP TABLE y;\n"
    stray = b"INSERT INTO other (a, b, c) VALUES (1, 2, 3);\n"
    data = other + made.sql([made.scored(1)]) + stray + made.sql([made.scored(2)])
    assert len(made.measured(data)) == 2
    [reject] = made.rejected(data)
    assert reject.detail == "a table without measurement_uid"


MARKS = [b"'", b'"', b"(", b")", b",", b"\n", b"\\", b"\0", b";", b"\xff"]


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3000), st.sampled_from([b"'", b'"', b"(", b")", b",", b"\n", b"\\", b"\0", b";", b"\xff"])
        ),
        max_size=4,
    ),
    st.sampled_from(["csv", "sql"]),
)
def test_no_damage_ends_the_reading(spots: Sequence[tuple[int, bytes]], form: str) -> None:
    rows = [made.scored(n) for n in range(8)]
    data = made.sql(rows) if form == "sql" else made.table(rows, made.SCORES)
    for at, mark in spots:
        at %= len(data)
        data = data[:at] + mark + data[at + 1 :]
    found = made.batches(data)
    assert sum(batch.measurements.num_rows + len(batch.rejects) for batch in found) >= 1


def test_hostile_text_is_read_in_linear_time() -> None:
    head = made.sql([]).partition(b"VALUES")[0] + b"VALUES "
    for piece in (b"(", b"\n", b" ", b"'", b"(''", b"(\n", b"()", b"\n(,"):
        assert len(made.raws(head + b"(" + piece * (400_000 // len(piece)))) >= 1
