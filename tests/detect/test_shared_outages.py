"""Law: on the material that others published, outages are where they are known to be; skipped where it is not here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clampdown.pipeline.api import ingest, open_store
from clampdown.pipeline.outages import compute

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    def find(*files: str) -> dict[str, list[dict[str, Any]]]:
        folder = tmp_path_factory.mktemp("store")
        ingest([next((shared / "cases").glob(name)) for name in files], folder / "s", workers=1)
        made = compute(open_store(folder / "s"), workers=1)
        return {name: json.loads(json.dumps(table.to_pylist(), default=str)) for name, table in made.items()}

    return find


def test_iran_january_2026(found: Any) -> None:
    made = found("signals/ioda_ir_*.csv")
    (row,) = [row for row in made["outages"] if row["grade"] in ("corroborated", "confirmed")]
    assert (row["plane"], row["onset_after"], row["onset_before"]) == (
        "data", "2026-01-08 16:00:00", "2026-01-08 16:30:00",
    )  # fmt: skip
    assert row["end_after"] >= "2026-01-27 06:00:00"
    assert row["end_before"] <= "2026-01-27 09:30:00"
    assert not [other for other in made["outages"] if other["onset_before"] < "2026-01-01"]
    back = [p for p in made["outage_parts"] if p["role"] == "restoration" and p["signal"] == "google/search"]
    assert [part["onset_after"] for part in back] == ["2026-01-18 12:30:00"]
    dip = next(p for p in made["outage_parts"] if p["role"] == "loss" and p["plane"] == "control")
    assert dip["depth"] == pytest.approx(0.13, abs=0.01)
    assert dip["end_before"] == "2026-01-09 09:00:00"


def test_the_nights_of_bago(found: Any) -> None:
    made = found("signals/mmr-*_Bago.csv")
    (row,) = made["outages"]
    assert (row["pattern"], row["occurrences"], row["occurrences_of"]) == ("nightly", 72, 72)
    nights = [p["onset_before"] for p in made["outage_parts"] if p["role"] == "occurrence"]
    assert (nights[0], nights[-1]) == ("2021-02-14 18:30:00", "2021-04-26 18:30:00")


def test_tor_users(found: Any) -> None:
    made = found("series/tor-data-ir.csv", "series/tor-data-ru.csv")  # one store: its days are the same
    iran, russia = ([row for row in made["outages"] if row["country"] == code] for code in ("IR", "RU"))
    assert len(iran) + len(russia) == len(made["outages"])
    assert not [row for row in iran if row["onset_before"].startswith("2022-09")]
    notes = {(note["kind"], note["first"], note["country"] or note["countries"]) for note in made["notes"]}
    assert {("surge", "2022-09-21", "IR"), ("withheld", "2022-09-29", "IR RU")} <= notes
    first = min(russia, key=lambda row: row["onset_before"])
    assert (first["onset_before"], first["grade"]) == ("2021-12-14 00:00:00", "insufficient")
