"""Law: real tables of signals are read without a lost row."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import signal_texts as texts

from clampdown.intake.sources import pings, plain, snapshots, tor_users

pytestmark = pytest.mark.shared
SOURCES = (plain.SOURCE, pings.SOURCE, tor_users.SOURCE, snapshots.SOURCE)


@pytest.mark.parametrize(
    "path",
    ["series/tor-data-ir.csv", "series/tor-data-ru.csv", "signals/ir.tsv", "signals/tr.tsv"],
)
def test_tables_of_tor_users(shared: Path, path: str) -> None:
    data = (shared / "cases" / path).read_bytes()
    assert [source.name for source in SOURCES if source.sniff(data[: 1 << 16])] == ["tor_users"]
    found = texts.told(tor_users.SOURCE, data)
    assert len(found.signals) == len(data.splitlines()) - 1
    assert not found.rejects
    assert [series[1] for series in found.levels()] == ["tor/relay-users"]
    assert all(row["value"] for row in found.signals)


def test_nights_without_replies(shared: Path) -> None:
    data = (shared / "cases/signals/mmr-2021-04-09_Bago.csv").read_bytes()
    assert [source.name for source in SOURCES if source.sniff(data[: 1 << 16])] == ["ping_log"]
    found = texts.told(pings.SOURCE, data)
    assert not found.rejects
    [(series, times)] = found.levels().items()
    assert series == ("MM/Bago", "pings/replies")
    assert sum(value or 0 for value in times.values()) == 12_239
    ahead = timedelta(hours=6, minutes=30)
    here = {time + ahead: value for time, value in times.items()}
    assert list(here) == [min(here) + timedelta(hours=n) for n in range(len(here))]
    counted = Counter(row["time_local_str"][:13] for row in csv.DictReader(io.StringIO(data.decode())))
    assert here == {hour: float(counted[f"{hour:%Y-%m-%d %H}"]) for hour in here}
    # The nightly cuts: from 01:00 on, between the nights to 15 February and to 27 April. Single replies came through.
    nights = [datetime(2021, 2, 15) + timedelta(days=n) for n in range(72)]
    assert nights[-1] == datetime(2021, 4, 27)
    cut = [[here[night + timedelta(hours=hour)] for hour in range(1, 6)] for night in nights]
    assert all(hours.count(0.0) >= 3 for hours in cut)
    assert sum(hours.count(0.0) for hours in cut) >= 0.97 * 5 * len(nights)


def test_no_other_table_is_taken(shared: Path) -> None:
    taken = {}
    for path in sorted([*shared.glob("cases/s*/*.*"), *shared.glob("context/*.*"), *shared.glob("reference/*/*.csv")]):
        head = path.read_bytes()[: 1 << 16]
        taken[path.name] = [source.name for source in SOURCES if source.sniff(head)]
    assert {name: found for name, found in taken.items() if found} == {
        "tor-data-ir.csv": ["tor_users"],
        "tor-data-ru.csv": ["tor_users"],
        "ir.tsv": ["tor_users"],
        "tr.tsv": ["tor_users"],
        "mmr-2021-04-09_Bago.csv": ["ping_log"],
        "iran_monitor_timeseries.csv": ["snapshots"],
    }
