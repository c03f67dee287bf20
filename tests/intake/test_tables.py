"""Law: rows of one measurement become one record wherever they stand; a broken row costs itself; null is no step."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import made_tables as made

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.intake.containers import Raw, records
from clampdown.intake.containers_rows import WINDOW_ROWS
from clampdown.model import Batch, Reject
from clampdown.pipeline.observe import kit_of
from clampdown.reference import load_reference


def test_a_measurement_is_its_head_and_its_rows() -> None:
    data = made.table(made.visit(1))
    [raw] = made.raws(data)
    assert isinstance(raw, Raw)
    head, *rows = data.strip().split(b"\n")
    assert raw.data == b"\n".join([head, *sorted(rows)])
    assert raw.line == 2
    [row] = made.measured(data)
    assert row["digest"] == hashlib.sha256(raw.data).hexdigest()
    assert row["source"] == "ooni_observations"
    assert row["locator"] == "t:2"
    assert row["measurement"] == made.uid(1)
    assert (row["country"], row["network"], row["resolver_network"], row["vantage_kind"]) == (
        "XA",
        64500,
        64500,
        "session",
    )
    assert (row["target"], row["control"], row["degraded"]) == (f"web/{made.SITE}", "none", "")


def test_the_steps_are_those_of_the_record() -> None:
    found = made.facts(
        made.table(made.visit(1)), "operation", "target", "hostname", "ip", "port", "outcome", "cert_status"
    )
    site = f"web/{made.SITE}"
    assert found == [
        ("dns_lookup", site, made.SITE, None, None, "ok", None),
        ("dns_answer", site, made.SITE, made.ADDRESS, None, "ok", None),
        ("tcp_connect", site, made.SITE, made.ADDRESS, 443, "ok", None),
        ("tls_handshake", site, made.SITE, made.ADDRESS, 443, "ok", "ok"),
        ("http_exchange", site, made.SITE, None, 443, "ok", None),
    ]


@pytest.mark.parametrize("null", ["", "\\N", "None", "nan", "NULL"])
@pytest.mark.parametrize("sign", [",", "\t", ";"])
def test_null_has_many_spellings(null: str, sign: str) -> None:
    plain = made.facts(made.table(made.visit(1)), "operation", "ip", "port", "outcome", "failure")
    assert made.facts(
        made.table(made.visit(1), null=null, sign=sign), "operation", "ip", "port", "outcome", "failure"
    ) == (plain)


def test_columns_may_stand_in_any_order_and_unknown_ones_are_passed_over() -> None:
    turned = (*reversed(made.COLUMNS), "something_new")
    rows = [row | {"something_new": "x, y"} for row in made.visit(1)]
    plain = made.facts(made.table(made.visit(1)), "operation", "ip", "port", "outcome", "failure")
    assert made.facts(made.table(rows, turned), "operation", "ip", "port", "outcome", "failure") == plain


def test_missing_columns_cost_what_they_would_say() -> None:
    names = ("measurement_uid", "hostname", "tls_failure", "tls_success")
    data = made.table(made.visit(1, tls="connection_reset"), names)
    assert made.facts(data, "operation", "outcome", "failure") == [("tls_handshake", "failed", "connection_reset")]
    [row] = made.measured(data)
    assert (row["vantage_kind"], row["network"]) == ("none", None)


@pytest.mark.parametrize(
    ("cells", "steps"),
    [
        ({"tls_success": "0", "tcp_success": "0"}, []),  # how some tables write null
        ({"tls_success": "1", "tls_failure": "generic_timeout_error"}, [("tls_handshake", "failed")]),
        ({"tls_success": "True"}, [("tls_handshake", "ok")]),
        ({"tls_success": "0", "tls_handshake_time": "0.1"}, [("tls_handshake", "unknown")]),
        ({"tcp_success": "false", "tcp_failure": "timed_out"}, [("tcp_connect", "failed")]),
        ({"failure_class": "tls", "failure_str": "connection_reset"}, []),  # conclusions are not read
        ({"http_failure": "eof_error"}, [("http_exchange", "failed")]),
        ({"http_request_url": "https://a.example/"}, [("http_exchange", "ok")]),
        ({"http_request_url": "https://a.example/", "http_response_status_code": ""}, [("http_exchange", "unknown")]),
        ({"http_request_url": "https://a.example/", "http_response_status_code": "200.0"}, [("http_exchange", "ok")]),
        ({"dns_failure": "dns_nxdomain_error"}, [("dns_lookup", "failed")]),
        ({"dns_answer": "['93.184.216.7', \"93.184.216.8\"]"}, [("dns_lookup", "ok")] + [("dns_answer", "ok")] * 2),
        ({"dns_answer": '["93.184.216.7"]', "dns_engine": "doh"}, [("dns_lookup", "ok"), ("dns_answer", "ok")]),
        ({"dns_answer": "[]", "dns_engine": "system"}, [("dns_lookup", "unknown")]),
    ],
)
def test_a_step_is_what_was_tried(cells: dict[str, str | None], steps: list[tuple[str, str]]) -> None:
    columns = tuple(dict.fromkeys([*made.COLUMNS, *cells, "failure_str"]))
    data = made.table([made.shared(1) | {"hostname": "a.example", "ip": "93.184.216.9"} | cells], columns)
    assert made.facts(data, "operation", "outcome") == steps


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"valid": "1"}, "ok"),
        ({"valid": "0", "failure": "ssl_invalid_hostname"}, "name_mismatch"),
        ({"valid": "0", "failure": "ssl_unknown_authority"}, "unknown_authority"),
        ({"valid": "0", "subject": "CN=a", "issuer": "CN=a", "failure": "ssl_unknown_authority"}, "self_signed"),
        ({"valid": "0", "not_valid_after": "2023-01-01 00:00:00+00:00"}, "expired"),
        ({"valid": "0", "not_valid_before": "2025-01-01 00:00:00+00:00"}, "not_yet_valid"),
        ({"valid": "", "failure": "connection_reset"}, None),
    ],
)
def test_a_certificate_is_as_the_table_states(cells: dict[str, str], status: str | None) -> None:
    named = {"valid": "tls_is_certificate_valid", "failure": "tls_failure"}
    found = {named.get(key, f"tls_end_entity_certificate_{key}"): value for key, value in cells.items()}
    row: dict[str, str | None] = made.shared(1) | {"hostname": "a.example", "tls_success": "1"} | found
    data = made.table([row], (*made.COLUMNS, *(set(found) - set(made.COLUMNS))))
    assert made.facts(data, "operation", "cert_status") == [("tls_handshake", status)]


def test_the_probe_s_opinion_is_only_kept() -> None:
    rows = [row | {"probe_analysis": "http-failure"} for row in made.visit(1)]
    [row] = made.measured(made.table(rows))
    assert row["peer"] == "probe_analysis=http-failure"
    assert made.facts(made.table(rows), "outcome") == made.facts(made.table(made.visit(1)), "outcome")


def test_messengers_steps_belong_to_their_roles() -> None:
    same = made.shared(1, "telegram")
    rows = [
        same | {"ip": "149.154.175.50", "port": "80.0", "tcp_success": "1.0"},
        same | {"hostname": "149.154.175.50", "http_request_url": "http://149.154.175.50/", "http_failure": None},
        same | {"hostname": "web.telegram.org", "http_request_url": "https://web.telegram.org/"},
    ]
    kit = kit_of(load_reference())
    assert made.facts(made.table(rows), "operation", "target", "ip", kit=kit) == [
        ("tcp_connect", "telegram/app", "149.154.175.50"),
        ("http_exchange", "telegram/app", "149.154.175.50"),
        ("http_exchange", "telegram/web", None),
    ]


def test_no_unpublished_address_of_a_tunnel_is_kept() -> None:
    row = made.shared(1, "tor") | {"hostname": None, "ip": "93.184.216.77", "port": "9001", "tcp_failure": "timed_out"}
    [(operation, target, ip)] = made.facts(made.table([row]), "operation", "target", "ip")
    assert (operation, target, ip) == ("tcp_connect", None, None)


def test_nothing_of_the_person_is_kept() -> None:
    home = "198.51.100.53"
    rows = [
        row | {
            "resolver_ip": home, "probe_ip": home, "dns_answer": home, "ip": home, "network_type": home,
            "test_version": home, "probe_analysis": home, "hostname": f"x-{home.replace('.', '-')}.example",
            "http_request_url": f"https://me:secret@a.example/{home}/users/maria?token=1#x", "input": f"https://{home}/",
        }
        for row in made.visit(1)
    ]  # fmt: skip
    said = [str(row) for batch in made.batches(made.table(rows, (*made.COLUMNS, "probe_ip"))) for row in _texts(batch)]
    assert said
    for piece in (home, home.replace(".", "-"), "secret", "maria", "token"):
        assert not [text for text in said if piece in text], piece


def _texts(batch: Batch) -> list[Any]:
    tables = (batch.measurements, batch.observations)
    local = {"vantage", "report", "repeat"}
    return [
        value for table in tables for row in table.to_pylist() for key, value in row.items() if key not in local
    ] + list(batch.rejects)


def test_rows_of_measurements_may_alternate() -> None:
    a, b, c = (made.visit(number) for number in (1, 2, 3))
    apart = made.table([row for trio in zip(a, b, c, strict=True) for row in trio])
    assert {row["digest"] for row in made.measured(apart)} == {
        row["digest"] for row in made.measured(made.table([*a, *b, *c]))
    }


@settings(max_examples=30)
@given(st.permutations(list(range(8))), st.lists(st.integers(0, 7), max_size=6))
def test_neither_order_nor_doubled_rows_change_a_record(order: list[int], again: list[int]) -> None:
    rows = [row for number in range(4) for row in made.visit(number)]
    plain = made.measured(made.table(rows))
    mixed = made.measured(made.table([*(rows[at] for at in order), *(rows[at] for at in again)]))
    assert {(row["measurement"], row["digest"]) for row in mixed} == {
        (row["measurement"], row["digest"]) for row in plain
    }
    assert len(mixed) == 4


def test_beyond_the_window_the_same_rows_are_a_copy_and_others_are_named() -> None:
    between = [row for number in range(10, 10 + WINDOW_ROWS // 2 + 1) for row in made.visit(number)]
    twice = made.measured(made.table([*made.visit(1), *between, *made.visit(1)]))
    assert [row["degraded"] for row in twice if row["measurement"] == made.uid(1)] == ["", ""]
    assert len({row["digest"] for row in twice if row["measurement"] == made.uid(1)}) == 1
    first, second = made.visit(1)
    torn = made.measured(made.table([first, *between, second]))
    assert sorted(row["degraded"] for row in torn if row["measurement"] == made.uid(1)) == ["", "rows"]


def test_a_broken_row_costs_itself() -> None:
    head, *rows = made.table([*made.visit(1), *made.visit(2), *made.visit(3)]).strip().split(b"\n")
    short, open_quote = rows[0].rsplit(b",", 3)[0], rows[2].replace(b"wifi", b'"wifi')
    data = b"\n".join([head, short, rows[1], open_quote, rows[3], b"", *rows[4:], b"," * (len(made.COLUMNS) - 1)])
    found = {row["measurement"]: row["degraded"] for row in made.measured(data)}
    assert found == {made.uid(1): "row", made.uid(2): "row", made.uid(3): ""}
    assert [(reject.line, reject.reason, reject.detail) for reject in made.rejected(data)][-1] == (
        9,
        "not_a_measurement",
        "a row without measurement_uid",
    )


def test_a_quoted_line_feed_is_no_end_of_a_row() -> None:
    rows = [row | {"probe_analysis": "a\nb, c"} for row in made.visit(1)] + made.visit(2)
    found = made.measured(made.table(rows))
    assert [(row["measurement"], row["degraded"]) for row in found] == [(made.uid(1), ""), (made.uid(2), "")]


def test_bytes_that_are_no_text_and_carriage_returns() -> None:
    data = made.table([row | {"probe_analysis": "x"} for row in made.visit(1)])
    [row] = made.measured(data.replace(b",x,", b",\xff\xfe,"))
    assert row["degraded"] == "record:encoding"
    [row] = made.measured(data.replace(b"\n", b"\r\n"))
    assert row["degraded"] == ""


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("hostname,ip,port,dns_failure", "a table without measurement_uid"),
        ("measurement_uid,country,city", "a table without observations"),
    ],
)
def test_a_table_of_something_else_is_one_reject(head: str, said: str) -> None:
    data = (head + "\n" + "a,b,c,d\n" * 50).encode()
    [reject] = made.rejected(data)
    assert (reject.reason, reject.length) == ("not_a_measurement", len(data.strip()))
    assert (reject.detail or "").startswith(said)


def test_files_put_together_are_read_on() -> None:
    data = made.table(made.visit(1)) + made.table(made.visit(2), tuple(reversed(made.COLUMNS)))
    assert [row["measurement"] for row in made.measured(data)] == [made.uid(1), made.uid(2)]
    assert made.rejected(data) == []


def test_a_cut_archive_keeps_what_came() -> None:
    rows = [row for number in range(3000) for row in made.visit(number)]
    data = gzip.compress(made.table(rows))
    found = [*made.batches(data[: len(data) // 2])]
    assert sum(batch.measurements.num_rows for batch in found) > 500
    assert [reject.reason for batch in found for reject in batch.rejects] == ["truncated"]


def test_a_record_beyond_the_limit_is_a_reject_with_its_length_and_digest() -> None:
    head, *rows = made.table([row | {"failure_class": str(n)} for n in range(40) for row in made.visit(1)]).split(b"\n")
    found = made.raws(b"\n".join([head, *rows]), record=4000)
    [reject] = found
    assert isinstance(reject, Reject)
    assert reject.reason == "too_long"
    assert reject.length is not None
    assert reject.length > 4000


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        """100,000 rows of 50,000 measurements, a block at a time."""

        def __init__(self) -> None:
            self.block = 0

        def read(self, size: int = -1) -> bytes:
            self.block += 1
            if self.block > 50:
                return b""
            numbers = range(self.block * 1000, self.block * 1000 + 1000)
            lines = "".join(f"{made.uid(n)},a.example,{step},eof_error\n" for n in numbers for step in (443, 80))
            return (b"measurement_uid,hostname,port,tls_failure\n" if self.block == 1 else b"") + lines.encode()

    tracemalloc.start()
    try:
        count = sum(1 for _ in records(Endless(), "t"))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert peak < 6 << 20


def test_both_through_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    order = random.Random(7)
    rows = [row for n in range(40) for row in made.visit(n, tls="connection_reset" if n % 2 else None)]
    order.shuffle(rows)
    Path("flat.csv.gz").write_bytes(gzip.compress(made.table([*rows, *rows[:3]])))
    Path("scores.sql").write_bytes(made.sql([made.scored(n, 1 + n % 5) for n in range(30)]))
    assert run(group, ["ingest", "flat.csv.gz", "scores.sql", "--store", "s", "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["measurements"], said["copies"], said["records"]) == (70, 0, 70)
    assert run(group, ["ingest", ".", "--store", "s", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["already_here"] == 2
    assert run(group, ["judge", "scores.sql", "--format", "jsonl", "--quiet"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(line["state"], line["target"], line["line"]) for line in lines[:1]} == {("ok", f"web/{made.SITE}", 1)}
    assert len(lines) == 30
    assert run(group, ["judge", "flat.csv.gz", "--format", "jsonl", "--quiet"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Without a control a reset says nothing of a site that no table knows; the page over HTTPS does.
    assert sorted({(line["state"], int(line["measurement"][15:21]) % 2) for line in lines}) == [
        ("ok", 0),
        ("unknown", 1),
    ]
