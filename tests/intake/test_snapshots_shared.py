"""Law: in a real log the public relays of Tor mostly pass while Snowflake fails, and a failed look is no zero."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from clampdown.pipeline import api

pytestmark = pytest.mark.shared


def test_iran_in_february_2026(shared: Path, tmp_path: Path) -> None:
    path = shared / "cases/signals/iran_monitor_timeseries.csv"
    summary = api.ingest(path, tmp_path / "store", workers=1, of="IR")
    assert summary.rejects == {"not_a_level": 4}, "a line for each check that is left out"
    store = api.open_store(tmp_path / "store")
    names = {row["series"]: row["signal"] for row in store.series().to_pylist()}
    found: dict[str, list[tuple[str, float | None]]] = {}
    for row in store.table("signals").to_pylist():
        found.setdefault(names[row["series"]], []).append((f"{row['time']:%Y-%m-%dT%H:%M:%SZ}", row["value"]))
    rows = [row for row in csv.DictReader(io.StringIO(path.read_text("utf-8"))) if row["check"].startswith("ooni-")]
    for test in ("tor", "torsf", "psiphon", "signal", "telegram", "whatsapp", "web"):
        name = "web_connectivity" if test == "web" else test
        mine = [row for row in rows if row["check"] == f"ooni-{test}"]
        told = {row["ts"]: row for row in mine if "anomaly rate" in row["message"]}
        shares = dict(found[f"tests/{name}/failed-share"])
        assert {at for at, value in shares.items() if value is not None} == told.keys()
        assert len(shares) == len({row["ts"] for row in mine})
        if test == "psiphon":
            assert "tests/psiphon/tried" not in found, "only its share is published"
            continue
        tried, failed = dict(found[f"tests/{name}/tried"]), dict(found[f"tests/{name}/failed"])
        for at, row in told.items():
            both = re.search(r"\((\d+)/(\d+) tests\)", row["message"])
            if both:
                assert (failed[at], tried[at]) == (int(both[1]), int(both[2]))
            else:
                passed = re.search(r"\((\d+) OK\)", row["message"])
                assert passed
                assert (tried[at] or 0) - (failed[at] or 0) == int(passed[1])
                assert abs(100 * (failed[at] or 0) / (tried[at] or 1) - float(row["value"])) < 1e-9
    last = {name: [value for _, value in sorted(found[name]) if value is not None][-1] for name in found}
    assert last["tests/tor/failed-share"] < 21
    assert last["tests/torsf/failed-share"] > 96
    assert (last["tests/torsf/failed"], last["tests/torsf/tried"]) == (132, 137)
    assert not any("users" in name or "ioda" in name for name in found)
