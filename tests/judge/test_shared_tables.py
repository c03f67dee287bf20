"""Law: on tables of real observations no row is lost, and what is known of two countries shows in the verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from clampdown.pipeline.alone import Alone, judge_files

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def tables(shared: Path) -> Path:
    return shared / "cases/ooni_observations"


def settled(found: Iterable[Alone]) -> tuple[dict[tuple[str, str], dict[str, Any]], int]:
    """(verdicts by measurement and target, records)."""
    verdicts: dict[tuple[str, str], dict[str, Any]] = {}
    records = 0
    for alone in found:
        assert alone.rejects == ()
        records += alone.measurements.num_rows
        for row in alone.verdicts.to_pylist():
            key = row["measurement"], row["target"]
            assert verdicts.setdefault(key, row)["state"] == row["state"]
    return verdicts, records


def tally(verdicts: Iterable[dict[str, Any]], network: int, first: str, last: str) -> Counter[str]:
    return Counter(row["state"] for row in verdicts if row["network"] == network and first <= row["day"] <= last)


def test_a_site_as_one_network_cuts_it_in_working_hours_and_another_not_at_all(tables: Path) -> None:
    found, records = settled(judge_files(tables / "2023-KE-web_connectivity-telegram.org.csv.gz"))
    assert (len({measurement for measurement, _ in found}), records) == (1228, 2204)  # the file holds most rows twice
    rows = list(found.values())
    assert {row["target"] for row in rows} == {"telegram/web"}
    cut = tally(rows, 33771, "2023-11-17", "2023-11-24")
    assert cut["blocked"] >= 60
    assert cut["ok"] >= 60
    assert tally(rows, 33771, "2023-10-15", "2023-11-13")["blocked"] == 0
    assert tally(rows, 33771, "2023-11-25", "2023-11-28")["blocked"] == 0
    assert tally(rows, 12455, "2023-11-12", "2023-11-24") == {"blocked": 58}
    assert set(tally(rows, 12455, "2023-11-26", "2023-11-28")) == {"ok"}
    for quiet in (15808, 36866):
        assert set(tally(rows, quiet, "2023-10-15", "2023-11-29")) == {"ok"}
    by = Counter(row["mechanism"] for row in rows if row["network"] == 33771 and row["state"] == "blocked")
    assert by.most_common(1)[0][0] == "tls.timeout"


def test_scores_show_one_block_and_its_end(tables: Path) -> None:
    found, records = settled(judge_files(tables / "ug-analysis.sql"))
    assert len(found) == records == 470
    rows = list(found.values())
    before, block, after = (
        tally(rows, 20294, first, last)
        for first, last in (("2025-12-01", "2026-01-12"), ("2026-01-17", "2026-01-23"), ("2026-01-24", "2026-02-11"))
    )
    assert before["blocked"] <= 2 < 60 < before["ok"]
    assert block["blocked"] >= 50
    assert after["blocked"] <= 3 < 250 < after["ok"]
