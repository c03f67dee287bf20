"""Law: rows become tables with exactly the model's schemas, and what follows from a column is worked out once."""

from __future__ import annotations

import pytest

from clampdown.intake.features import Classes
from clampdown.intake.rows import COMMON, FIELDS, LAYER_OF, Rows
from clampdown.model import LAYERS, MATCHES, MEASUREMENTS, OBSERVATIONS, OPERATIONS


def a_measurement(rows: Rows, name: str) -> None:
    values = dict.fromkeys(MEASUREMENTS.names)
    values |= {
        "measurement": name,
        "digest": "d" + name,
        "references": "r",
        "source": "ooni",
        "locator": "l",
        "day": "x",
    }
    rows.close(tuple(values.values()))


def test_every_operation_has_fields_and_every_field_is_a_column() -> None:
    assert tuple(FIELDS) == OPERATIONS
    for operation, names in FIELDS.items():
        assert len(set(COMMON + names)) == len(COMMON + names)
        assert set(COMMON + names) - {"m"} <= set(OBSERVATIONS.names)
        assert "layer" in names or LAYER_OF[operation] in (*LAYERS, None)


def test_no_rows_are_still_tables() -> None:
    made = Rows().finish(Classes(()))
    assert made.measurements.schema == MEASUREMENTS
    assert made.observations.schema == OBSERVATIONS
    assert made.matches.schema == MATCHES


def test_what_follows_from_a_column_is_filled_in() -> None:
    rows = Rows()
    for name in ("one", "two"):
        rows.begin()
        rows.add("tcp_connect", target="telegram/app", outcome="ok", ip="149.154.167.51", port=443)
        seq = rows.add("http_exchange", target="web/a.example", outcome="failed", ip="fe80::1", classic=None)
        rows.match(seq, "some.page")
        a_measurement(rows, name)
    made = rows.finish(Classes(()))
    found = made.observations.sort_by([("measurement", "ascending"), ("seq", "ascending")]).to_pylist()
    assert [(r["measurement"], r["digest"], r["seq"]) for r in found] == [
        ("one", "done", 0), ("one", "done", 1), ("two", "dtwo", 0), ("two", "dtwo", 1),
    ]  # fmt: skip
    assert (found[0]["role"], found[0]["layer"], found[0]["ip_version"], found[0]["ip_class"]) == (
        "app", "tcp", 4, "public",
    )  # fmt: skip
    assert (found[1]["role"], found[1]["layer"], found[1]["ip_version"], found[1]["ip_class"]) == (
        None, "http", 6, "link_local",
    )  # fmt: skip
    assert [(m["measurement"], m["seq"], m["place"]) for m in made.matches.to_pylist()] == [
        ("one", 1, "body"), ("two", 1, "body"),
    ]  # fmt: skip


def test_an_unknown_field_is_refused() -> None:
    rows = Rows()
    rows.begin()
    with pytest.raises(KeyError):
        rows.add("tcp_connect", target=None, outcome="ok", title="x")


def test_undo_drops_only_the_open_measurement() -> None:
    rows = Rows()
    rows.begin()
    rows.add("tcp_connect", target=None, outcome="ok")
    a_measurement(rows, "one")
    rows.begin()
    rows.match(rows.add("tcp_connect", target=None, outcome="failed"), "x")
    rows.undo()
    rows.add("middlebox", target=None, outcome="unknown")
    a_measurement(rows, "two")
    made = rows.finish(Classes(()))
    found = [(r["measurement"], r["operation"], r["seq"]) for r in made.observations.to_pylist()]
    assert sorted(found) == [("one", "tcp_connect", 0), ("two", "middlebox", 0)]
    assert len(made.matches) == 0


def test_a_value_that_a_column_cannot_hold_costs_only_itself() -> None:
    rows = Rows()
    rows.begin()
    rows.add("transfer", target="a/b", outcome="ok", bytes=2**80, seconds=1.5)
    rows.add("transfer", target="a/b", outcome="ok", bytes=7, hostname="\ud800", detail="kept")
    a_measurement(rows, "one")
    found = rows.finish(Classes(())).observations.to_pylist()
    assert [(r["bytes"], r["seconds"], r["hostname"], r["detail"]) for r in found] == [
        (None, 1.5, None, None),
        (7, None, None, "kept"),
    ]
