"""Law: lines, tables and explanations keep the shape of their contracts, whatever a submitter wrote."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clampdown import assess
from clampdown.assess.names import Names
from clampdown.errors import UsageError
from clampdown.model import MEASUREMENTS, OBSERVATIONS, VERDICTS, Terms
from clampdown.publish import judged, schemas, show, table, words

Make = Callable[..., dict[str, Any]]
Build = Callable[..., pa.Table]
ROOT = Path(__file__).resolve().parents[2]
FIELDS = (
    "file", "line", "member", "measurement", "test", "test_version", "country", "network", "time", "vantage", "target",
    "state", "mechanisms", "noted", "layers", "why", "degraded",
)  # fmt: skip


def measurement(number: int, **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(MEASUREMENTS.names)
    row |= {
        "measurement": f"x{number:032x}", "digest": "d" * 64, "references": "r", "source": "ooni",
        "locator": f"a.jsonl.gz:{number + 1}", "test": "web_connectivity", "test_version": "0.5.28", "country": "XA",
        "network": 64500, "time": datetime(2026, 9, 1, 12, 30), "day": "2026-09-01", "hour": 12, "vantage": "secret",
        "vantage_kind": "credential", "report": "r-secret", "repeat": "q-secret", "control": "ok", "degraded": "",
        "software": "probe/1",
    }  # fmt: skip
    return row | given


def fired(number: int, rule: str, verdict: str, mechanism: str | None, decides: bool, **given: Any) -> dict[str, Any]:
    return {
        "measurement": f"x{number:032x}", "target": "telegram/web", "layer": rule.split(".")[0], "seq": 3, "rule": rule,
        "verdict": verdict, "mechanism": mechanism, "won": True, "decides": decides,
        "fingerprint": None, "day": "2026-09-01",
    } | given  # fmt: skip


@pytest.fixture(name="one")
def _one(verdict: Make, table: Build) -> tuple[pa.Table, pa.Table, pa.Table]:
    said = verdict(0, state="blocked", mechanism="tls.reset.sni", rule="tls.reset", dns="ok", tls="blocked")
    rules = [
        fired(0, "tls.reset", "blocked", "tls.reset.sni", True),
        fired(0, "dns.same_address", "ok", None, False),
        fired(0, "http.differs", "blocked", "http.differs", False),
        fired(0, "tls.reset", "blocked", "tls.reset.sni", True, seq=4),
    ]
    return table("measurements", [measurement(0)]), table("verdicts", [said]), table("fired", rules)


REASONS: words.Reasons = {
    "tls.reset": ("The handshake ends in a reset.", "A server that resets this name itself."),
    "dns.same_address": ("The resolver gave an address that the control got as well.", ""),
}


def test_a_judged_line_has_the_shape_of_the_contract(one: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    [line] = [json.loads(x) for x in judged.jsonl(judged.lines(*one, REASONS))]
    assert tuple(line) == FIELDS
    assert line["file"] == "a.jsonl.gz"
    assert (line["line"], line["member"], line["vantage"]) == (1, None, 1)
    assert (line["network"], line["time"]) == ("AS64500", "2026-09-01T12:30:00Z")
    assert line["mechanisms"] == ["tls.reset.sni"]
    assert line["noted"] == ["http.differs"]
    assert list(line["layers"]) == ["dns", "tcp", "tls", "http", "quic", "tunnel"]
    assert line["layers"]["dns"] == {"verdict": "ok", "rules": ["dns.same_address"]}
    assert line["layers"]["tls"] == {"verdict": "blocked", "rules": ["tls.reset"]}
    assert line["layers"]["quic"] == {"verdict": None, "rules": []}
    assert line["why"] == "Blocked: the handshake ends in a reset. Another name passed on the same address."
    jsonschema.validate(line, json.loads(schemas.schema("judge")))


def test_a_record_without_a_verdict_is_not_ok(table: Build) -> None:
    rows = [measurement(0, vantage=None, time=None, network=None, degraded="test_keys.queries,title")]
    [line] = judged.lines(table("measurements", rows), table("verdicts", []), table("fired", []))
    assert (line.target, line.state, line.vantage, line.network, line.time) == (None, "unknown", None, None, None)
    assert line.degraded == ("test_keys.queries", "title")


def test_copies_give_a_line_each_in_the_order_of_their_places(verdict: Make, table: Build) -> None:
    rows = [measurement(0, locator="b.tar!m/x.json"), measurement(0, locator="a.jsonl:7")]
    lines = judged.lines(table("measurements", rows), table("verdicts", [verdict(0)]), table("fired", []))
    assert [(x.file, x.member, x.line) for x in lines] == [("a.jsonl", None, 7), ("b.tar", "m/x.json", None)]


def test_places_may_be_given(verdict: Make, table: Build) -> None:
    lines = judged.lines(
        table("measurements", [measurement(0)]), table("verdicts", [verdict(0)]), table("fired", []),
        places=[judged.Place("odd/a.json", None, 1)],
    )  # fmt: skip
    assert lines[0].file == "odd/a.json"


@pytest.mark.parametrize(
    ("locator", "place"),
    [
        ("a.jsonl.gz:12", ("a.jsonl.gz", None, 12)),
        ("a.json", ("a.json", None, None)),
        ("a.tar.gz!b/c.json:3", ("a.tar.gz", "b/c.json", 3)),
        ("a.tar!b!c.json", ("a.tar", "b!c.json", None)),
        ("", ("", None, None)),
        ("a\nb:1", ("a\nb", None, 1)),
    ],
)
def test_locators_come_apart(locator: str, place: tuple[str, str | None, int | None]) -> None:
    assert judged.place_of(locator) == place


def test_the_plain_table(one: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    text = judged.table(judged.lines(*one))
    assert "a.jsonl.gz:1" in text
    assert "blocked" in text
    assert "tls.reset.sni" in text
    assert text.isascii()


def test_why_has_a_sentence_for_every_state() -> None:
    from clampdown.model import STATES

    for state in STATES:
        assert words.why(state, None, None).endswith(".")
    assert words.why("blocked", "dns.nxdomain", None) == f"Blocked: {words.how('dns.nxdomain')}."
    assert words.why("blocked", "quic.timeout", "q", {"q": ("QUIC is lost.", "")}) == "Blocked: QUIC is lost."


def test_of_a_class_that_is_mostly_cut_it_is_said_how_many() -> None:
    def relays(cut: int, passed: int) -> list[dict[str, Any]]:
        rows = [fired(0, "tcp.timeout", "blocked", "tcp.timeout", True, seq=n) for n in range(cut)]
        rows += [fired(0, "tcp.failed", "unknown", None, False, seq=n, won=False) for n in range(cut)]
        return rows + [fired(0, "tcp.connected", "ok", None, False, seq=90 + n) for n in range(passed)]

    reasons = {"tcp.timeout": ("Connecting times out here.", "")}
    rows = relays(9, 2)
    said = words.why("blocked", "tcp.timeout", "tcp.timeout", reasons, words.extent(rows, "tcp.timeout"))
    assert said == (
        "Blocked: connecting times out here. So most endpoints fail: 9 of the 11 TCP tries that could be judged."
    )
    assert words.extent(relays(9, 0), "tcp.timeout") == ""
    assert words.extent(relays(2, 1), "tcp.timeout") == ""
    assert words.extent(relays(4, 5), "tcp.timeout") == ""


def test_a_measurement_is_explained(one: tuple[pa.Table, pa.Table, pa.Table], table: Build) -> None:
    steps = [
        {"seq": 0, "origin": "probe", "operation": "dns_lookup", "layer": "dns", "hostname": "a.example",
         "outcome": "ok", "engine": "system", "query_type": "A", "t": 0.1},
        {"seq": 1, "origin": "probe", "operation": "dns_answer", "layer": "dns", "hostname": "a.example",
         "outcome": "ok", "engine": "system", "ip": "192.0.2.1", "asn": 64500, "ip_class": "reserved"},
        {"seq": 2, "origin": "control", "operation": "tls_handshake", "layer": "tls", "hostname": "a.example",
         "outcome": "ok", "ip": "2001:db8::1", "port": 443, "cert_status": "ok"},
        {"seq": 3, "origin": "probe", "operation": "tls_handshake", "layer": "tls", "hostname": "a.example",
         "outcome": "failed", "failure": "connection_reset", "ip": "192.0.2.1", "port": 443, "depth": 1},
        {"seq": 4, "origin": "probe", "operation": "http_exchange", "layer": "http", "outcome": "unknown"},
    ]  # fmt: skip
    blank = dict.fromkeys(OBSERVATIONS.names)
    rows = [blank | {"measurement": "x", "digest": "d"} | s for s in steps]
    found = show.show(one[0].to_pylist()[0], table("observations", rows), one[1], one[2], REASONS)
    text = show.as_text(found)
    assert "telegram/web: BLOCKED" in text
    assert "look up a.example (A) with the system's resolver: done" in text
    assert "192.0.2.1, AS64500, a reserved address" in text
    assert "TLS handshake for a.example at [2001:db8::1]:443: done, certificate: ok" in text
    assert "192.0.2.1:443: the connection was reset  [after 1 redirect(s)]" in text
    assert "the record does not say" in text
    assert "tls.reset (decides): blocked, tls.reset.sni, step 3 and 4" in text
    assert "Wrong where: A server that resets this name itself." in text
    assert "dns.same_address says reachable" in text
    assert "secret" not in text
    jsonschema.validate(show.as_dict(found) | {}, json.loads(schemas.schema("show")))


def test_a_rule_behind_another_gives_no_reason(verdict: Make, table: Build) -> None:
    said = verdict(0, state="ok", mechanism=None, rule="tls.proven", tls="ok")
    rules = [
        fired(0, "tls.proven", "ok", None, True),
        fired(0, "tls.unchecked", "unknown", None, False, won=False),
    ]
    reasons = {"tls.proven": ("A right one.", ""), "tls.unchecked": ("Nobody checked.", "Never.")}
    found = show.show(
        measurement(0), table("observations", []), table("verdicts", [said]), table("fired", rules), reasons
    )
    text = show.as_text(found)
    assert "A right one." in text
    assert "tls.unchecked (behind another rule): undecided" in text
    assert "would have had the say here had the rules before it not fired" in text
    assert "Nobody checked" not in text
    assert "Nobody checked" not in json.dumps(show.as_dict(found))


def test_every_operation_has_words() -> None:
    from clampdown.model import OPERATIONS
    from clampdown.publish.words import steps

    blank = dict.fromkeys(OBSERVATIONS.names)
    for operation in OPERATIONS:
        for outcome in ("ok", "failed", "unknown"):
            row = blank | {"operation": operation, "outcome": outcome}
            assert steps.tried(row)
            assert (steps.came_back(row) == "the record does not say") == (outcome == "unknown")


def test_hostile_text_is_shown_and_not_obeyed(
    hostile: tuple[str, ...], one: tuple[pa.Table, pa.Table, pa.Table], table: Build
) -> None:
    strings = [name for name in OBSERVATIONS.names if pa.types.is_string(OBSERVATIONS.field(name).type)]
    blank = dict.fromkeys(OBSERVATIONS.names)
    rows: list[dict[str, Any]] = []
    for text in hostile:
        for operation in ("dns_answer", "http_exchange", "tunnel_bootstrap", "tls_handshake"):
            row = blank | dict.fromkeys(strings, text) | {"origin": "probe", "operation": operation, "outcome": "ok"}
            rows.append(row | {"seq": len(rows), "asn": 1})
    shown = show.as_text(
        show.show(measurement(0, input=hostile[5], test=hostile[7]), table("observations", rows), one[1], one[2])
    )
    assert not [c for c in ("\u202e", "\x1b", "\x00", "\r") if c in shown]


def test_csv_opens_safely(hostile: tuple[str, ...], verdict: Make, table: Build) -> None:
    rows = [verdict(i, measurement=text, target=text, software=text) for i, text in enumerate(hostile)]
    data = b"".join(export(table("verdicts", rows), "csv").chunks).decode()
    read = list(csv.DictReader(io.StringIO(data, newline="")))
    assert len(read) == len(hostile)
    for row, text in zip(read, hostile, strict=True):
        assert row["target"].lstrip(" ").startswith("'") == text.strip(" \x00").startswith(("=", "@", "-", "\t"))
        assert row["target"].removeprefix("'").replace("\ufffd", "") == "".join(c for c in text if c not in "\x00\x1b")
        assert row["vantage"] == "1"


@pytest.mark.parametrize("text", ["=1", " =1", "\t=1", "\r\n=1", "+1", "-1", "@x", "＝1", "\ufeff=1", "|x", "%x"])
def test_formulas_are_text(text: str) -> None:
    [[cell]] = csv.reader(io.StringIO(table.csv_line([text]).decode(), newline=""))
    assert cell == "'" + text
    assert table.unguard(cell) == text


@pytest.mark.parametrize("text", ["", "'", "'a", "a", "''=1"])
def test_other_apostrophes_stay(text: str) -> None:
    [[cell]] = csv.reader(io.StringIO(table.csv_line([text]).decode(), newline=""))
    assert cell == text == table.unguard(cell)


def test_numbers_stay_numbers() -> None:
    assert table.csv_line([-1, 0.5, True, None, "a"]) == b'-1,0.5,true,,"a"\r\n'


def export(given: pa.Table, form: str, terms: tuple[Terms, ...] = ()) -> table.Export:
    return table.export(given, form, terms)


@pytest.mark.parametrize("form", table.FORMATS)
@pytest.mark.parametrize("kind", ["verdicts", "measurements"])
def test_local_keys_never_leave(form: str, kind: str, verdict: Make, table: Build) -> None:
    rows = [verdict(0, vantage="secret")] if kind == "verdicts" else [measurement(0)]
    data = b"".join(export(table(kind, rows), form).chunks)
    if form == "parquet":
        read = pq.read_table(io.BytesIO(data))
        assert "report" not in read.column_names
        assert read.column("vantage").to_pylist() == [1]
        data = str(read.to_pylist()).encode()
    assert b"secret" not in data


def test_parquet_and_jsonl_give_the_rows_back(verdict: Make, table: Build) -> None:
    given = table("verdicts", [verdict(i) for i in range(5)])
    back = pq.read_table(io.BytesIO(b"".join(export(given, "parquet").chunks)))
    wanted = given.drop_columns(["vantage"]).cast(
        pa.schema([VERDICTS.field(n) for n in VERDICTS.names if n != "vantage"])
    )
    assert back.drop_columns(["vantage"]).to_pylist() == wanted.to_pylist()
    lines = [json.loads(x) for x in export(given, "jsonl").chunks]
    assert [x["measurement"] for x in lines] == given.column("measurement").to_pylist()
    assert lines[0]["time"] == "2026-09-01T00:00:00Z"


def test_terms_travel_and_closed_rows_stay(table: Build) -> None:
    shut, free = Terms("closed", "none", "no", "C", ""), Terms("ooni", "CC", "non-commercial", "OONI", "u")
    made = export(table("measurements", [measurement(0), measurement(1, source="closed")]), "jsonl", (free, shut))
    assert len(list(made.chunks)) == 1
    assert any("1 rows were left out" in note for note in made.notes)
    assert "OONI (CC) u" in made.notes


def test_a_format_that_is_not_there(table: Build) -> None:
    with pytest.raises(UsageError):
        export(table("cells", []), "xlsx")


@pytest.mark.parametrize("name", schemas.OUTPUTS)
def test_schemas_lie_in_the_docs(name: str) -> None:
    assert (ROOT / "docs/schema" / f"{name}.json").read_bytes() == schemas.schema(name)


def test_the_report_keeps_to_its_schema(
    answer: assess.Answer, world: tuple[pa.Table, pa.Table, pa.Table], names: Names
) -> None:
    data = assess.encode(answer.report)
    jsonschema.validate(json.loads(data), json.loads(schemas.schema("report")))
    proof = assess.check(data, *world)
    jsonschema.validate(json.loads(msgspec.json.encode(proof)), json.loads(schemas.schema("verify")))
