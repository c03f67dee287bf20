"""Law: outages come out in every form, from the store or found in memory, and a report of signals alone is a report."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

import clampdown
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import InputError, UsageError
from clampdown.pipeline import api, cuts, detecting, ingest
from clampdown.store.store import Store

sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("cli", "publish", "store")]
import cuts as made
import tiny_signals
import told

ROOT = Path(__file__).resolve().parents[2]
Say = Callable[..., tuple[int, str, str]]
FIRST = datetime(2026, 9, 1)


def found() -> dict[str, pa.Table]:
    """A country that was cut off, a network that was, and a region with nights."""
    nights = [row | {"outage": "o3"} for row in made.nights(3, FIRST)]
    rows = [
        made.row(planes_unmoved="background", restorations=1, sources="tiny", published="c1 c2"),
        made.row("o2", grade="consistent", entity="AS64500@XA", entity_kind="network", network=64500, planes="control",
                 plane="control", sources="tiny", kind_why="own_evidence_only", contradicts="one_signal"),
        made.row("o3", grade="consistent", entity="XA/Hills", entity_kind="region", pattern="nightly", occurrences=3,
                 occurrences_of=3, onset_after=nights[0]["onset_after"], onset_before=nights[0]["onset_before"],
                 planes="data", end_after=None, end_before=None, lasts=True, sources="tiny"),
    ]  # fmt: skip
    parts = [
        made.part(source="tiny"), *nights,
        made.part("restoration", "google/search", plane="usage", operator="google", onset_before=made.BACK - made.H),
        made.part("unmoved", "telescope/sources", plane="background", operator="merit"),
        made.part("missing", "tor/relay-users", plane="usage", operator="tor"),
    ]  # fmt: skip
    tables = dict(zip(("outages", "outage_parts"), made.tables(rows, parts)[:2], strict=True))
    return told.tables() | tables


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with signals of two days, a published record, and nothing measured."""
    place = tmp_path_factory.mktemp("signals")
    times = [FIRST + timedelta(hours=hour) for hour in range(48)]
    lines = ["#levels", "!protest,2026-09-01,A protest"]
    lines += [
        f"{name},{time.isoformat()},{90 if time.hour < 20 else 3}" for name in ("XA", "AS64500@XA") for time in times
    ]
    file = place / "levels.csv"
    file.write_text("\n".join(lines) + "\n")
    store = api.open_store(place / "store", create=True)
    ingest([file], store, read=tiny_signals.READ, workers=1, judge=False)
    return place / "store"


@pytest.fixture
def signals(plain: Path, tmp_path: Path) -> Store:
    import shutil

    return api.open_store(shutil.copytree(plain, tmp_path / "store"))


@pytest.fixture
def say(signals: Store, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs a command on a store in which outages were detected."""
    tables = found()
    monkeypatch.setattr(detecting, "make", lambda *_, **__: tables)
    own = {name: tables[name] for name in ("outages", "outage_parts", "notes")}
    monkeypatch.setattr(cuts.found_now, "compute", lambda *_, **__: own)
    detecting.detect(signals, now=datetime(2026, 10, 1))
    monkeypatch.chdir(Path(signals.name).parent)
    monkeypatch.setenv("CLAMPDOWN_STORE", signals.name)
    monkeypatch.setenv("COLUMNS", "150")
    capsysbinary.readouterr()

    def run_(*words: str) -> tuple[int, str, str]:
        code = run(group, list(words))
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_


def lines(say: Say, *words: str) -> list[dict[str, Any]]:
    code, out, err = say("outages", *words, "--format", "jsonl")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_lines_fit_their_schema(say: Say) -> None:
    schema = json.loads((ROOT / "docs/schema/outages.json").read_text())
    Draft202012Validator.check_schema(schema)
    rows = lines(say)
    for row in rows:
        Draft202012Validator(schema).validate(row)
        assert row["sentence"].endswith(".")
    first, *_, nights = sorted(rows, key=lambda row: row["outage"])
    assert first["onset"] == {
        "after": "2026-09-12T16:00:00Z", "before": "2026-09-12T16:30:00Z", "after_local": "2026-09-12T19:30:00+03:30",
        "before_local": "2026-09-12T20:00:00+03:30",
    }  # fmt: skip
    assert [plane["plane"] for plane in first["planes"]] == ["control", "data"]
    assert first["planes"][1]["signals"][0]["expected"] == 23640.0
    assert [each["signal"] for each in first["restorations"]] == ["google/search"]
    assert first["signals_missing"] == ["tor/relay-users"]
    assert (first["published_n"], first["published"]) == (2, [])  # named, and not at hand
    assert "Exampleland (fictional)\u2069 was cut off: on the data plane" in first["sentence"]
    assert [night["date"] for night in nights["occurrences"]] == [
        "2026-09-02",
        "2026-09-03",
        "2026-09-04",
    ]  # the night to that day
    assert (nights["lasts"], nights["end"]) == (True, None)
    (plane,) = nights["planes"]
    assert [fall["onset"] for fall in plane["signals"]] == [night["onset"] for night in nights["occurrences"]]
    assert [row["outage"] for row in rows] == ["o1", "o3", "o2"]  # the country, its region, its network


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("XA",), {"o1", "o2", "o3"}), (("xa", "--network", "AS64500"), {"o2"}), (("--region", "hills"), {"o3"}),
        (("--region", "XA/Hills"), {"o3"}), (("--plane", "control"), {"o1", "o2"}),
        (("--grade", "corroborated"), {"o1"}),
        (("--kind", "shutdown"), set()), (("--since", "2026-09-25"), {"o3"}), (("--until", "2026-09-05"), {"o3"}),
        (("--since", "2026-09-13", "--until", "2026-09-14"), {"o1", "o2", "o3"}),
    ],
)  # fmt: skip
def test_rows_are_chosen(say: Say, words: tuple[str, ...], ids: set[str]) -> None:
    assert {row["outage"] for row in lines(say, *words)} == ids


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("KE",), "no signals of KE"), (("--plane", "sky"), "Say control, data"), (("--grade", "good"), "no grade"),
        (("--kind", "cut"), "no kind 'cut'"), (("XA", "--network", "AS1"), "no signals of AS1 in XA"),
        (("--since", "2026-09-05", "--until", "2026-09-05"), "the period is empty"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(say: Say, words: tuple[str, ...], says: str) -> None:
    code, out, err = say("outages", *words)
    assert (code, out) == (2, "")
    assert says in err


def test_flat_forms_hold_the_columns_and_the_sentence(say: Say) -> None:
    code, out, _ = say("outages", "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert {row["outage"] for row in rows} == {"o1", "o2", "o3"}
    assert rows[0]["onset_before"] == "2026-09-12T16:30:00Z"
    assert rows[0]["onset_local"] == "2026-09-12T20:00:00+03:30"
    assert say("outages", "--format", "parquet", "-o", "x.parquet")[0] == 0
    table = pq.read_table("x.parquet")
    assert table.schema.field("onset_before").type == pa.timestamp("us")
    assert all(text.endswith(".") for text in table["sentence"].to_pylist())


def test_parts_are_rows(say: Say) -> None:
    rows = lines(say, "--parts")
    assert {row["role"] for row in rows} == {"loss", "occurrence", "restoration", "unmoved", "missing"}
    assert {row["outage"] for row in lines(say, "--parts", "--region", "hills")} == {"o3"}
    code, out, _ = say("outages", "--parts", "--format", "table")
    assert code == 0
    assert "restoration" in out


def test_a_table_fits_its_terminal(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = say("outages", "--format", "table")
    assert code == 0
    assert "2026-09-12 16:00 .. 16:30" in out
    assert "lasts" in out
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["o1", "o3", "o2"]
    assert "was cut off" not in out
    assert all(len(line) <= 150 for line in out.splitlines())
    assert "was cut off:" in say("outages", "--format", "table", "-v")[1]
    monkeypatch.setenv("COLUMNS", "60")
    assert "was cut off:" in say("outages", "--format", "table")[1]


def test_python_says_the_same(say: Say, signals: Store) -> None:
    assert clampdown.outages(signals, grade="corroborated")["outage"].to_pylist() == ["o1"]
    assert "role" in clampdown.outages(signals, "XA", parts=True).column_names
    assert "sentence" in clampdown.outages(signals, sentences=True).column_names
    with pytest.raises(UsageError):
        clampdown.outages(signals, "XAX")


def test_what_was_not_detected_is_found_in_memory(
    signals: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cuts.found_now, "compute", lambda *_, **__: found())
    assert run(group, ["outages", "--store", signals.name, "--format", "jsonl"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert "not kept until clampdown detect --store" in err
    assert signals.manifest().detected is None


def test_a_store_without_signals_has_none(days: Store) -> None:
    with pytest.raises(InputError, match="the store holds no signals"):
        cuts.outages(days)


# ---- the report --------------------------------------------------------------------------------------------------


def test_a_report_of_signals_alone(say: Say, signals: Store) -> None:
    code, _, err = say("report", "XA", "-o", "r.html")
    assert code == 0, err
    page = Path("r.html").read_text()
    assert "Nothing was measured here in this period." in page
    assert "A report" not in err
    document = json.loads(Path("r.json").read_text())["connectivity"]
    assert (len(document["panels"]), document["missing"]) == (2, None)
    assert [each["outage"] for each in document["outages"]] == ["o3"]  # the others lie outside the levels
    code, out, err = say("verify", "r.json")
    assert code == 0, out
    document = Path("r.json").read_text().replace('"o3"', '"o4"')
    Path("r.json").write_text(document)
    assert say("verify", "r.json")[0] == 1


def test_a_report_asks_for_its_network(say: Say) -> None:
    assert say("report", "XA", "--network", "AS64500", "-o", "n.html")[0] == 0
    document = json.loads(Path("n.json").read_text())
    assert [panel["entity"] for panel in document["connectivity"]["panels"]] == ["AS64500@XA"]
    code, _, err = say("report", "XA", "--network", "AS64999", "-o", "n.html")
    assert code == 2
    assert "AS64999" in err
    assert say("report", "KE", "-o", "n.html")[0] == 2


def test_a_report_before_detect_says_so(signals: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, ["report", "XA", "--store", signals.name]) == 0
    assert json.loads(Path("report.json").read_text())["connectivity"]["missing"] == "not_detected"
    assert "no outage can be shown" in Path("report.html").read_text()
    assert run(group, ["verify", "report.json", "--store", signals.name]) == 0


def test_a_report_on_measurements_is_as_it_was(days: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, ["report", "XA", "--store", days.name]) == 0
    assert "connectivity" not in json.loads(Path("report.json").read_text())
    assert 'id="cut"' not in Path("report.html").read_text()


@pytest.mark.parametrize("detected", [False, True])
def test_series_too_short_to_be_judged_are_not_called_calm(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], *, detected: bool
) -> None:
    hours = [FIRST + timedelta(hours=n) for n in range(40)]
    lines = [f"{hour:%Y-%m-%dT%H:%MZ},XA,probes/answers,2000,data,someone,3600" for hour in hours]
    file = tmp_path / "short.csv"
    file.write_text("\n".join(["time,entity,signal,value,plane,operator,step", *lines, ""]))
    api.ingest(file, tmp_path / "store", workers=1)
    if detected:
        detecting.detect(api.open_store(tmp_path / "store"))
    capfd.readouterr()
    assert run(group, ["outages", "XA", "--store", str(tmp_path / "store"), "--format", "csv"]) == 0
    assert "one series is too short to be judged" in capfd.readouterr().err
