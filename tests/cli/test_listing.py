"""Law: findings, events and notes come out in every form, safe to open, and point at nobody."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

import clampdown
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.pipeline import detecting
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).parent))
import told

ROOT = Path(__file__).resolve().parents[2]
Say = Callable[..., tuple[int, str, str]]
LISTS = {"findings": (), "events": (), "members": ("events", "--members"), "notes": ()}


@pytest.fixture(scope="module")
def two_days(two_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Here every store begins with findings."""
    folder = shutil.copytree(two_days, tmp_path_factory.mktemp("kenya") / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detecting, "make", lambda *_, **__: told.kenya())
        detecting.detect(clampdown.open_store(folder), now=datetime(2024, 4, 1))
    return folder


@pytest.fixture
def say(days: Store, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs a command on a store with findings."""
    monkeypatch.chdir(Path(days.name).parent)
    monkeypatch.setenv("CLAMPDOWN_STORE", days.name)
    monkeypatch.setenv("COLUMNS", "110")
    capsysbinary.readouterr()

    def run_(*words: str) -> tuple[int, str, str]:
        code = run(group, list(words))
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_


def rows(say: Say, *words: str) -> list[dict[str, Any]]:
    code, out, err = say(*words, "--format", "jsonl")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("name", LISTS)
def test_lines_fit_their_schema(name: str, say: Say) -> None:
    schema = json.loads((ROOT / f"docs/schema/{name}.json").read_text())
    found = rows(say, *(LISTS[name] or (name,)))
    assert found
    for row in found:
        Draft202012Validator(schema).validate(row)
        assert row["sentence"].endswith(".")
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", LISTS)
def test_a_spreadsheet_runs_nothing(name: str, say: Say) -> None:
    code, out, err = say(*(LISTS[name] or (name,)), "--format", "csv")
    assert code == 0
    found = list(csv.DictReader(io.StringIO(out, newline="")))
    assert len(found) == len(rows(say, *(LISTS[name] or (name,))))
    for row in found:
        for key, cell in row.items():
            assert key
            assert cell[:1] not in {"=", "+", "@", "\t"}, (key, cell)
            assert cell[:1] != "-" or float(cell) == -1.0
    assert "OONI" in err


def test_brackets_are_objects_in_json_and_columns_elsewhere(say: Say, days: Store) -> None:
    (row,) = rows(say, "findings", "KE", "--network", "AS12455", "--target", "telegram/web")
    assert row["onset"] == {"after": "2023-11-08T21:10:00Z", "before": "2023-11-09T06:00:00Z"}
    assert row["end"] is None
    assert (row["vantage_points"], row["days"]) == ({"low": 3, "high": 9}, {"data": 12, "all": 16})
    assert row["witnesses"]["first"][0]["link"] == f"https://explorer.ooni.org/m/{told.ID}"
    assert row["witnesses"]["first"][1]["link"] is None
    _, out, _ = say("findings", "--format", "csv", "--network", "12455", "--target", "telegram/web")
    (flat,) = csv.DictReader(io.StringIO(out, newline=""))
    assert (flat["onset_after"], flat["onset_before"]) == ("2023-11-08T21:10:00Z", "2023-11-09T06:00:00Z")
    assert flat["sentence"] == row["sentence"]
    assert flat["network"] == "AS12455"
    assert say("findings", "--format", "parquet", "-o", "f.parquet")[0] == 0
    table = pq.read_table("f.parquet")
    assert table.num_rows == clampdown.findings(days).num_rows
    assert b"OONI" in table.schema.metadata[b"attribution"]


def test_few_vantage_points_show_days_and_no_times_anywhere(say: Say, days: Store) -> None:
    """AS33771 has two; its times are 03:07 and 06:00, and the country's row on this target is partly its own."""
    thin = rows(say, "findings", "--network", "AS33771") + rows(say, "events", "--network", "AS33771")
    thin += rows(say, "events", "--members", "--network", "AS33771")
    thin += [row for row in rows(say, "findings", "--target", "telegram/web") if row["network"] is None]
    assert len(thin) == 4
    for row in thin:
        assert row["days_only"] is True
        bracket = row.get("onset") or row["bracket"]
        assert {len(day) for day in bracket.values()} == {10}
        assert "UTC" not in row["sentence"]
        for clock in ("03:07", "06:00", "12:00"):
            assert clock not in json.dumps(row), row
    firm = rows(say, "findings", "--network", "AS12455", "--target", "telegram/web")
    assert firm[0]["days_only"] is False
    table = clampdown.findings(days, "KE", network=33771).to_pylist()
    assert table[0]["onset_after"] == datetime(2023, 11, 14)
    assert table[0]["last_seen"] == datetime(2023, 11, 23)
    for form in ("csv", "table"):
        assert "03:07" not in say("findings", "--network", "33771", "--format", form, "-v")[1]
    say("findings", "--network", "33771", "--format", "parquet", "-o", "thin.parquet")
    assert {t.hour for t in pq.read_table("thin.parquet")["onset_after"].to_pylist()} == {0}


def test_an_event_of_a_network_that_no_finding_counts_shows_days(say: Say, days: Store, detected: Any) -> None:
    detected(told.tables([told.finding()], [told.event(networks="12455 99999")], [told.member(network=99999)]))
    assert clampdown.events(days)["days_only"].to_pylist() == [True]
    assert clampdown.events(days, members=True)["days_only"].to_pylist() == [True]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("KE", "--target", "telegram"), 6), (("ke", "--target", "telegram/app"), 1), (("--group", "messaging"), 7),
        (("--grade", "consistent"), 9), (("--grade", "confirmed"), 0), (("--state", "ok"), 2),
        (("--network", "AS36866"), 2), (("--group", "messaging", "--target", "telegram/app"), 1),
        (("--until", "2023-11-08"), 3), (("--until", "2023-11-08T21:10:00Z"), 3), (("--until", "2023-11-09"), 9),
        (("--since", "2024-01-01"), 10), (("--target", "web/unheard.example"), 0),
    ],
)  # fmt: skip
def test_findings_are_chosen(words: tuple[str, ...], found: int, say: Say) -> None:
    made = rows(say, "findings", *words)
    assert len(made) == found
    if not found:
        assert "no row fits" in say("findings", *words, "--format", "jsonl")[2]


def test_periods_overlap(say: Say, detected: Any) -> None:
    detected(told.kenya(ended=True))
    blocked = ("findings", "--network", "12455", "--target", "telegram/web")
    assert len(rows(say, *blocked, "--since", "2023-11-25")) == 1
    assert len(rows(say, *blocked, "--since", "2023-11-26")) == 0
    assert [e["event"] for e in rows(say, "events", "--target", "telegram/app")] == ["e1", "e2"]
    assert [e["event"] for e in rows(say, "events", "--target", "telegram/app", "--since", "2023-11-25")] == [
        "e1",
        "e2",
    ]
    assert [e["event"] for e in rows(say, "events", "--target", "telegram/app", "--since", "2023-11-26")] == []
    assert [e["event"] for e in rows(say, "events", "--until", "2023-11-20", "--group", "messaging")] == ["e1", "e3"]
    assert [e["event"] for e in rows(say, "events", "--direction", "unblock")] == ["e2"]
    assert [e["event"] for e in rows(say, "events", "--network", "33771")] == ["e3"]
    assert len(rows(say, "events", "--members", "--since", "2023-11-10")) == 0
    assert [n["kind"] for n in rows(say, "notes", "--since", "2023-11-13")] == ["instrument"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("findings", "UG"), "no finding on UG. It has findings on KE"),
        (("findings", "KEN"), "not a country code"),
        (("findings", "--network", "AS1"), "no finding on AS1"),
        (("findings", "--network", "telecom"), "not a network"),
        (("findings", "--target", "telegrm"), "Did you mean telegram"),
        (("events", "--target", "whatsap"), "Did you mean whatsapp"),
        (("findings", "--group", "mesaging"), "Did you mean messaging"),
        (("findings", "--grade", "sure"), "insufficient, consistent, corroborated, confirmed"),
        (("findings", "--state", "banned"), "there is no state"),
        (("events", "--direction", "up"), "Say block, unblock"),
        (("events", "--since", "soon"), "not a time"),
        (("events", "--since", "2024-01-02", "--until", "2024-01-01"), "the period is empty"),
        (("notes", "--format", "xml"), "is not one of"),
    ],
)
def test_what_nobody_knows_is_said(words: tuple[str, ...], says: str, say: Say) -> None:
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize("width", ["60", "80", "110", "200"])
@pytest.mark.parametrize("name", LISTS)
def test_a_table_fits_its_terminal(name: str, width: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    code, out, _ = say(*(LISTS[name] or (name,)), "--format", "table")
    assert code == 0
    lines = out.splitlines()
    assert max(len(line.replace("\u2068", "").replace("\u2069", "")) for line in lines) <= int(width)
    assert "\u202e" not in out
    assert "\x1b" not in out
    found = len(rows(say, *(LISTS[name] or (name,))))
    indented = [line for line in lines if line.startswith("    ")]
    assert bool(indented) == (int(width) < 72)
    assert len(lines) - len(indented) == found + 2


def test_verbose_says_each_row_in_words(say: Say) -> None:
    _, out, _ = say("findings", "--format", "table", "-v", "--network", "36866", "--target", "signal/app")
    assert "it was not tested" in out
    assert "not a sign that it works" in " ".join(out.split())


def test_an_answer_older_than_the_days_says_so(say: Say, days: Store, tmp_path: Path) -> None:
    import made

    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps(made.record("given.example", 4, 9, 7)) + "\n")
    clampdown.ingest(more, days, workers=1)
    for verb in ("findings", "events", "notes", "watch"):
        code, _, err = say(verb)
        assert code == 0
        assert f"clampdown detect --store {days.name}" in err
        assert "Traceback" not in say(verb, "-q")[2]


def test_python_takes_what_the_command_line_takes(days: Store) -> None:
    table = clampdown.findings(days.name, "KE", target="telegram/web", network="AS12455", sentences=True)
    assert (
        table["sentence"]
        .to_pylist()[0]
        .startswith("Telegram (web version) [telegram/web] has been blocked on AS12455: it began")
    )
    assert clampdown.notes(days).num_rows == 2
    assert clampdown.events(days, grade="corroborated").num_rows == 2
    assert clampdown.watch(days, 0).run == 1
    assert {"detect", "findings", "events", "notes", "watch"} <= set(clampdown.__all__) & set(dir(clampdown))


def test_the_folders_hide_no_function() -> None:
    text = "import clampdown, clampdown.detect.changes, clampdown.judge.rules; print(clampdown.detect.__name__)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("detect\n", "")
