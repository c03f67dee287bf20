"""Law: the lists and exports of others are read whole: every row is kept or rejected with its reason."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import made_lists as made

from clampdown.intake.sources import access_now, context_csv, ioda_csv, outage_list, radar

pytestmark = pytest.mark.shared


def read(source: made.SignalSource, path: Path) -> made.Taken:
    assert [each.name for each in made.SOURCES if each.sniff(path.read_bytes()[: 1 << 16])] == [source.name]
    return made.take(source, path.read_bytes(), path.name)


def test_the_export_for_iran(shared: Path) -> None:
    [path] = (shared / "cases/signals").glob("ioda_ir_*.csv")
    taken = read(ioda_csv.SOURCE, path)
    assert taken.rejects == []
    cells = {}
    for row in taken.series:
        levels = taken.levels(row["signal"])
        cells[row["signal"]] = (row["step"], len(levels), sum(value is None for value in levels.values()))
    assert cells == {
        "google/search": (1800, 2864, 2),
        "telescope/sources": (1800, 2864, 274),
        "bgp/slash24": (1800, 2864, 7),
        "probing/slash24": (1800, 2864, 2),
        "mozilla/cities": (3600, 1432, 16),
    }
    assert {(row["entity"], row["unit"], row["source"]) for row in taken.series} == {("IR", "normalised", "ioda")}


def test_the_annotations_of_a_month(shared: Path) -> None:
    taken = read(radar.SOURCE, shared / "context/radar_annotations_2025-01_sample.json")
    assert taken.rejects == []
    assert [(row["country"], row["cause"], row["scope"]) for row in taken.context] == [
        ("IE", "weather", "regional"),
        ("SY", "cable", "national"),
        ("HT", "disaster", None),
        ("HT", "disaster", None),
        ("RU", None, "national"),
    ]


def test_access_now(shared: Path) -> None:
    taken = read(access_now.SOURCE, shared / "context/keepiton_2016-2022_flat.csv")
    assert len(taken.context) + len(taken.rejects) == 1118
    assert taken.rejects == []
    assert Counter(row["doubt"] for row in taken.context) == {None: 1113, "end-before-start": 3, "end-unread": 2}
    assert all(row["country"] and row["evidence"] is None for row in taken.context)
    assert not any(row["extent"] == "other" for row in taken.context)


def test_investigated_outages(shared: Path) -> None:
    taken = read(outage_list.SOURCE, shared / "context/ioda_investigated_outages_sigcomm2023.csv")
    assert len(taken.context) + len(taken.rejects) == 1704
    assert taken.rejects == []
    odd = [set((row["doubt"] or "").split(",")) & {"end-before-start", "weekday"} for row in taken.context]
    labelled = [bool(doubts) for doubts, row in zip(odd, taken.context, strict=True) if row["cause"]]
    assert sum(labelled) == 7
    assert Counter(name for doubts in odd for name in doubts) == {"end-before-start": 76, "weekday": 3}
    assert [row["doubt"] for row in taken.context if row["country"] is None] == ["country"]
    assert all(row["evidence"] for row in taken.context)


def test_known_events(shared: Path) -> None:
    taken = read(context_csv.SOURCE, shared / "cases/signals/known_events.csv")
    assert taken.rejects == []
    assert Counter(row["evidence"] for row in taken.context) == {"bgp-collectors ioda ucsd": 134, None: 6}
    assert {row["kind"] for row in taken.context} == {"shutdown-list"}


def test_no_other_file_of_the_folder_is_taken(shared: Path) -> None:
    taken = Counter[str]()
    for path in sorted(shared.rglob("*")):
        if path.is_file() and path.suffix != ".py":
            with path.open("rb") as stream:
                head = stream.read(1 << 16)
            taken.update(source.name for source in made.SOURCES if source.sniff(head))
    assert taken == {"ioda_csv": 1, "radar": 1, "access_now": 1, "outage_list": 1, "context_csv": 1}
