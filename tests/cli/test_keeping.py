"""Law: status, forget and doctor say what they say in words and in JSON, and their exit codes can be trusted."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import clampdown
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.fetch.ledger import Got, Ledger, Request
from clampdown.pipeline.inputs import Input, key_of
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).parent))
import made
import told

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schema"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fetched(days: Store, tmp_path: Path) -> Store:
    """Two judged days as if they had been fetched, after an order for four."""
    path = made.write(tmp_path)
    data = path.read_bytes()
    ledger = Ledger(Path(days.name) / "raw")
    digest = hashlib.sha256(data).hexdigest()
    ledger.file(digest).parent.mkdir(parents=True)
    ledger.file(digest).write_bytes(data)
    key = key_of(Input(str(path), path.name, path.name, len(data)))
    at = "2024-03-09T00:00:00Z"
    ledger.add(
        Got("ooni", f"raw/20240301/00/XA/webconnectivity/{path.name}", path.name, digest, len(data), at, input=key),
        Request("ooni", "2024-03-01T00:00:00", "2024-03-05T00:00:00", at, "XA", until_received="2024-03-12T00:00:00"),
    )
    path.unlink()
    return days


@pytest.fixture
def say(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    monkeypatch.chdir(tmp_path)

    def words(*given: str) -> tuple[int, str, str]:
        code = run(group, list(given))
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return words


def checked(name: str, text: str) -> dict[str, Any]:
    """The JSON of a command, of the shape that its schema says."""
    found = json.loads(text)
    Draft202012Validator(json.loads((SCHEMA / f"{name}.json").read_text())).validate(found)
    return found


def damaged(store: Store, table: str = "cells") -> Path:
    path = next((Path(store.name) / "tables" / table).rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-3])
    return path


def test_status(fetched: Store, say: Say) -> None:
    code, out, err = say("status", "--store", fetched.name)
    assert (code, err) == (0, "")
    for line in (
        "days          2, 2024-03-01T09:00:00Z to 2024-03-02T11:00:00Z",
        "sources       ooni: 24 measurements, 2024-03-01 to 2024-03-02 (2 days), 1 network",
        "countries     XA: 24 measurements",
        "uploads after 2024-03-12T00:00:00 were not looked for",
        "without anything: 2024-03-03 to 2024-03-04 (2 days)",
        "certifi/roots.pem, MPL-2.0",
        "in 1 files",
    ):
        assert line in out
    found = checked("status", say("status", "--store", fetched.name, "--json")[1])
    assert found["asked"][0]["gaps"] == [{"first": "2024-03-03", "last": "2024-03-04", "days": 2}]
    assert found["todo"] == []
    assert clampdown.status(fetched.name).days == 2


def test_status_of_a_store_that_was_fed_by_hand(days: Store, say: Say, tmp_path: Path) -> None:
    code, out, err = say("status", "--store", days.name)
    assert (code, err) == (0, "")
    assert "asked" not in out
    assert not (Path(days.name) / "raw").exists(), "a look makes nothing"
    code, _, err = say("status", "--store", days.name, "--raw", str(tmp_path / "none"))
    assert (code, "no such folder of fetched files" in err) == (2, True)


def test_forget_says_what_goes_then_what_went(fetched: Store, say: Say) -> None:
    store = fetched.name
    code, out, err = say("forget", "--store", store, "--before", "2024-03-02", "--dry-run")
    assert (code, err) == (0, "nothing was removed (--dry-run)\n")
    assert "2024-03-01 (1 day) would go" in out
    assert "1 inputs stay: they also hold later days" in out
    code, out, _ = say("forget", "--store", store, "--before", "2024-03-02")
    assert (code, fetched.days()) == (0, ["2024-03-02"])
    assert "1 fetched files stay: they also hold later days" in out
    found = checked("forget", say("forget", "--store", store, "--before", "2024-03-03", "--json")[1])
    assert (found["days"], found["files"], found["inputs"]) == (["2024-03-02"], 1, 1)
    assert fetched.days() == []
    assert say("status", "--store", store)[0] == 0
    assert say("doctor", "--store", store)[0] == 0
    assert say("forget", "--store", store, "--before", "then")[0] == 2
    assert say("forget", "--store", store)[0] == 2


def test_forget_and_what_was_detected(detected: Callable[..., Any], fetched: Store, say: Say) -> None:
    detected(told.kenya())
    code, _, err = say("forget", "--store", fetched.name, "--before", "2024-03-02")
    assert code == 0
    assert f"clampdown detect --store {fetched.name}" in err
    assert [one.why for one in clampdown.status(fetched).todo] == ["detect"]


def test_doctor(fetched: Store, say: Say) -> None:
    store = fetched.name
    code, out, err = say("doctor", "--store", store)
    assert (code, err) == (0, "")
    assert out.endswith("read: nothing is wrong\n")
    before = {p: p.read_bytes() for p in Path(store, "tables").rglob("*.parquet")}
    path = damaged(fetched)
    code, out, _ = say("doctor", "--store", store)
    assert code == 1
    assert f"wrong   part_damaged  tables/{path.relative_to(Path(store) / 'tables')}" in out
    assert f"clampdown doctor --store {store} --mend" in out
    found = checked("doctor", say("doctor", "--store", store, "--json")[1])
    assert (found["healthy"], len(found["findings"])) == (False, 1)
    code, out, _ = say("doctor", "--store", store, "--mend")
    assert (code, "mended  part_damaged" in out, "nothing is wrong, 1 mended" in out) == (0, True, True)
    assert {p: p.read_bytes() for p in Path(store, "tables").rglob("*.parquet")} == before
    damaged(fetched, "observations")
    assert say("report", "XA", "--store", store)[0] == 0, "a report needs no observations"
    code, _, err = say("export", "observations", "--store", store)
    assert (code, "clampdown doctor" in err) == (2, True)
    assert clampdown.doctor(store, mend=True).healthy
    assert {p: p.read_bytes() for p in Path(store, "tables").rglob("*.parquet")} == before


def test_tables_of_detect_are_made_anew_and_the_log_says_nothing(
    detected: Callable[..., Any], fetched: Store, say: Say
) -> None:
    detected(told.kenya())
    folder = Path(fetched.name)
    before = {p: p.read_bytes() for p in (*folder.glob("tables/*/*.parquet"), *folder.glob("log/*"))}
    for path in folder.glob("tables/*/*.parquet"):
        path.unlink()
    assert say("doctor", "--store", fetched.name)[0] == 1
    assert say("doctor", "--store", fetched.name, "--mend")[0] == 0
    assert {p: p.read_bytes() for p in (*folder.glob("tables/*/*.parquet"), *folder.glob("log/*"))} == before


def test_tables_of_detect_of_days_that_are_gone(detected: Callable[..., Any], fetched: Store, say: Say) -> None:
    detected(told.kenya())
    say("forget", "--store", fetched.name, "--before", "2024-03-02")
    next(Path(fetched.name).glob("tables/events/*.parquet")).unlink()
    code, out, _ = say("doctor", "--store", fetched.name, "--mend")
    assert code == 1
    assert f"clampdown detect --store {fetched.name}" in out
    assert say("doctor", "--store", fetched.name)[0] == 0


def test_a_broken_log_cannot_be_mended(detected: Callable[..., Any], fetched: Store, say: Say) -> None:
    detected(told.kenya())
    path = Path(fetched.name, "log", "1.json")
    path.write_bytes(path.read_bytes().replace(b"KE", b"KX", 1))
    for words in ((), ("--mend",)):
        code, out, _ = say("doctor", "--store", fetched.name, *words)
        assert code == 1
        assert "Take the log from a copy of the store" in out


@pytest.mark.parametrize(
    ("format_", "code", "says"),
    [("1", 0, "is of format 1, the present one"), ("2", 2, "knows up to 1"), ("0", 2, "old format 0")],
)
def test_migrate(format_: str, code: int, says: str, days: Store, say: Say) -> None:
    Path(days.name, "clampdown.json").write_text(f'{{"format": {format_}}}')
    found, _, err = say("doctor", "--store", days.name, "--migrate")
    assert (found, says in err) == (code, True)


def test_a_file_and_a_folder_that_are_no_store(say: Say, tmp_path: Path) -> None:
    Path("file").write_text("x")
    for words, says in ((["file"], "this is a file"), ([str(tmp_path)], "no store"), (["none"], "no store")):
        code, out, err = say("doctor", "--store", *words, "--migrate")
        assert (code, out) == (2, "")
        assert says in err


def test_a_store_from_its_fetched_files(fetched: Store, say: Say, tmp_path: Path) -> None:
    folder = Path(fetched.name)
    before = {p.relative_to(folder): p.read_bytes() for p in (folder / "tables").rglob("*.parquet")}
    raw = str(folder / "raw")
    assert say("doctor", "--store", "new", "--raw", raw)[0] == 2
    code, out, _ = say("doctor", "--store", "new", "--raw", raw, "--mend")
    assert (code, "no problem" in out or "nothing is wrong" in out) == (0, True)
    assert {p.relative_to("new"): p.read_bytes() for p in Path("new", "tables").rglob("*.parquet")} == before
    Path("other").mkdir()
    Path("other", "holiday.jpg").write_text("x")
    assert say("doctor", "--store", "other", "--raw", raw, "--mend")[0] == 2


def test_what_cannot_be_made_anew_stays_until_it_is_dropped_or_brought(
    fetched: Store, say: Say, tmp_path: Path
) -> None:
    store, folder = fetched.name, Path(fetched.name)
    before = {p: p.read_bytes() for p in (folder / "tables").rglob("*.parquet")}
    (file,) = (path for path in (folder / "raw").rglob("*") if len(path.name) == 64)
    ledger = Ledger(folder / "raw")
    (got,) = ledger.got.values()
    file.rename(tmp_path / got.name)
    ledger.rewrite([])
    path = damaged(fetched, "observations")
    for words in ((), ("--mend",)):
        code, out, _ = say("doctor", "--store", store, *words)
        assert (code, path.exists(), len(fetched.days())) == (1, True, 2)
        assert f"wrong   input_needed  {got.name}: what it brought of 2024-03-0" in out
        assert f"clampdown doctor --store {store} --mend FILE" in out
        assert "makes it anew" not in out
    assert say("doctor", "--store", store, "--drop")[0] == 2
    (tmp_path / "other.jsonl").write_text("{}")
    code, _, err = say("doctor", "--store", store, "--mend", "other.jsonl")
    assert (code, "never read such a file" in err) == (2, True)
    assert say("doctor", "--store", store, "--mend", got.name)[0] == 0
    assert {p: p.read_bytes() for p in (folder / "tables").rglob("*.parquet")} == before
    path = damaged(fetched, "observations")
    code, out, _ = say("doctor", "--store", store, "--mend", "--drop")
    assert (code, "wrong   input_lost" in out, len(fetched.days())) == (1, True, 1)
    code, out, _ = say("doctor", "--store", store)
    assert (code, "nothing is wrong, 1 inputs lost before" in out) == (0, True)
    day = path.parent.name.removeprefix("day=")
    assert f"lost          {got.name}: {day} (1 day)" in say("status", "--store", store)[1]
    assert checked("status", say("status", "--store", store, "--json")[1])["lost"][0]["days"] == [day]
    code, out, _ = say("doctor", "--store", store, "--mend", got.name)
    assert (code, "mended  input_lost" in out) == (0, True)
    assert {p: p.read_bytes() for p in (folder / "tables").rglob("*.parquet")} == before


def test_fetched_files_without_their_ledger(fetched: Store, say: Say) -> None:
    (Path(fetched.name) / "raw" / "ledger.jsonl").unlink()
    code, out, _ = say("doctor", "--store", fetched.name, "--mend")
    assert (code, "wrong   ledger_gone   " in out) == (1, True)
    code, _, err = say("status", "--store", fetched.name)
    assert (code, "no ledger that names them" in err) == (0, True)


def test_every_command_refuses_a_store_whose_manifest_is_gone(days: Store, say: Say, tmp_path: Path) -> None:
    store = days.name
    shutil.rmtree(Path(store) / "manifest")
    before = {path for path in Path(store).rglob("*") if path.name != "lock"}
    made.write(tmp_path)
    (file,) = tmp_path.glob("*.jsonl*")
    for words in (
        ["ingest", file.name], ["judge"], ["detect"], ["status"], ["report", "XA"], ["events", "XA"], ["outages", "XA"],
        ["findings", "XA"], ["watch", "--state", "seen"], ["forget", "--before", "2024-03-02"], ["export", "verdicts"],
        ["fetch", "ooni", "XA", "--since", "2024-03-01", "--until", "2024-03-02", "--dry-run"],
        ["update", "--list"], ["show", "x"],
    ):  # fmt: skip
        code, out, err = say(*words, "--store", store)
        assert (words, code, out) == (words, 2, "")
        assert f"clampdown doctor --store {store} --mend" in err, words
        assert {path for path in Path(store).rglob("*") if path.name != "lock"} == before
