"""Law: a snapshot that changed never changes yesterday's report: not silently, and not before its days are judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
import made
import served as play
from served import Served, fingerprints, sites

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.pipeline import updating

SAID = "were judged with other rules or reference data"


class Said:
    """Runs a command; keeps its exit code and both streams."""

    def __init__(self, streams: pytest.CaptureFixture[bytes]) -> None:
        self._streams = streams

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = run(group, list(words))
        out, err = self._streams.readouterr()
        return code, out.decode(), err.decode()


@pytest.fixture
def said(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Said:
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return Said(capsysbinary)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with play.serving() as served:
        served.all()
        table = served.table()
        monkeypatch.setattr(updating, "upstreams", lambda: table)
        yield served


def files_of(folder: Path, stem: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.stem.startswith(stem)}


def test_yesterdays_report_stays_until_its_days_are_judged_again(server: Served, said: Said, tmp_path: Path) -> None:
    raw = str(made.write(tmp_path))
    assert said("update", "--store", "store")[0] == 0
    assert said("ingest", raw, "--store", "store", "--workers", "1")[0] == 0
    assert said("detect", "--store", "store", "--workers", "1")[0] == 0
    words = ("XA", "--store", "store", "--group", "news")
    assert said("report", *words, "-o", "report.html")[0] == 0
    yesterday = files_of(tmp_path, "report")
    findings = said("findings", "XA", "--store", "store", "--group", "news", "--format", "jsonl")
    assert findings[0] == 0
    assert SAID not in findings[2]

    # The site is news no more, and a fingerprint is new: another reference, of which nothing is judged.
    server.sites(sites(("denied.example", "GAME"), ("given.example", "NEWS")), "b9", "2024-01-21")
    server.fingerprints(fingerprints(31), "a9", "2024-01-20")
    code, out, err = said("update", "--store", "store")
    assert code == 0
    assert "fingerprints_http-2024-01-20.csv" in out
    assert "2 judged days were made with another reference and stay as they are until clampdown judge" in err
    assert "fingerprints over bodies changed" in err

    code, _, err = said("report", *words, "-o", "report.html")
    assert code == 0
    assert files_of(tmp_path, "report") == yesterday
    assert "2 days were judged with other rules or reference data" in err
    assert "clampdown judge --store store" in err
    assert said("verify", "report.json", "--store", "store")[0] == 0
    again = said("findings", "XA", "--store", "store", "--group", "news", "--format", "jsonl")
    assert again[:2] == findings[:2]
    one = json.loads(said("judge", raw, "--format", "jsonl")[1].splitlines()[0])["measurement"]
    for command in (
        ("findings", "XA"), ("events",), ("notes",), ("watch",), ("export", "verdicts"), ("export", "cells"),
        ("show", one),
    ):  # fmt: skip
        code, _, err = said(*command, "--store", "store")
        assert code == 0, (command, err)
        assert f"2 days {SAID}" in err, command
        assert "clampdown judge --store store" in err, command
    _, out, err = said("detect", "--store", "store", "--json", "--workers", "1")
    assert json.loads(out)["changed"] is False
    assert len(json.loads(out)["stale"]) == 2

    assert said("judge", "--store", "store", "--workers", "1", "--format", "table")[0] == 0
    code, _, err = said("report", *words, "-o", "report.html")
    assert "judged with other" not in err
    now = files_of(tmp_path, "report")
    assert now != yesterday
    numbers, before = (json.loads(each["report.json"])["inputs"] for each in (now, yesterday))
    assert numbers["reference"] != before["reference"]
    assert {row["name"] for row in numbers["snapshots"]} - {row["name"] for row in before["snapshots"]} == {
        "fingerprints_http-2024-01-20.csv", "test-lists/2024-01-21/global.csv",
    }  # fmt: skip


def test_new_days_take_the_new_reference_and_old_ones_keep_theirs(server: Served, said: Said, tmp_path: Path) -> None:
    first, second = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    rows = [json.dumps(made.record("given.example", day, 9, 1)) for day in (1, 2)]
    first.write_text(rows[0] + "\n")
    second.write_text(rows[1] + "\n")
    said("update", "--store", "store")
    said("ingest", str(first), "--store", "store", "--workers", "1")
    server.fingerprints(fingerprints(31), "a9", "2024-01-20")
    said("update", "--store", "store")
    assert said("ingest", str(second), "--store", "store", "--workers", "1")[0] == 0
    from clampdown.pipeline.api import open_store

    used = [made_of.reference for _, made_of in open_store("store").manifest().judged()]
    assert len(set(used)) == 2
    _, _, err = said("export", "cells", "--store", "store")
    assert f"1 days {SAID}" in err


def test_a_refusal_is_said_with_exit_2_and_the_rest_is_adopted(server: Served, said: Said) -> None:
    assert said("update", "--store", "store")[0] == 0
    server.fingerprints(b"<html>sign in</html>", "a9", "2024-01-20")
    code, out, err = said("update", "--store", "store", "--json")
    assert code == 2
    assert "fingerprints-http: a page came where a table of fingerprints should be; what is here stays" in err
    document = json.loads(out)
    assert {step["upstream"]: step["state"] for step in document["steps"]}["fingerprints-http"] == "refused"
    assert "fingerprints_http-2024-01-10.csv" in {row["name"] for row in document["snapshots"]}


def test_offline_is_said_once_with_exit_2(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    table = play.Served("http://127.0.0.1:9").table()
    monkeypatch.setattr(updating, "upstreams", lambda: table)
    from clampdown.fetch import manners

    monkeypatch.setattr(manners.Budget, "wait", lambda *_: 0.0)
    code, _, err = said("update", "--store", "store", "--pin", "refs.lock")
    assert code == 2
    assert err.count("no connection") == 1
    assert "Traceback" not in err
    assert not Path("refs.lock").exists()
    assert "refs.lock was not written" in err


def test_pins_are_written_once_and_then_kept(server: Served, said: Said) -> None:
    code, _, err = said("update", "--store", "mine", "--pin", "refs.lock")
    assert (code, "wrote refs.lock: 3 snapshots" in err) == (0, True)
    text = Path("refs.lock").read_bytes()
    server.fingerprints(fingerprints(31), "a9", "2024-01-20")
    assert said("update", "--store", "theirs", "--pin", "refs.lock")[0] == 0
    assert Path("refs.lock").read_bytes() == text
    assert said("update", "--list", "--store", "theirs", "--pin", "again.lock")[0] == 0
    assert Path("again.lock").read_bytes() == text
    for words, says in (
        (("--pin", "refs.lock", "--country", "XA"), "a lock names its snapshots itself"),
        (("--list", "--pin", "refs.lock"), "not written over"),
        (("--list", "--dry-run"), "--list asks nobody"),
        (("--only", "news"), "there is no kind 'news'"),
        (("--from", "nowhere"), "no such folder"),
    ):
        code, _, err = said("update", "--store", "theirs", *words)
        assert code == 2, words
        assert says in err, words


def test_a_store_that_was_updated_is_whole_and_its_status_tells_the_snapshots(server: Served, said: Said) -> None:
    said("update", "--store", "store")
    code, out, err = said("doctor", "--store", "store")
    assert code == 0, (out, err)
    _, out, _ = said("status", "--store", "store", "--json")
    assert "test-lists/2024-01-11/global.csv" in out


def test_listing_asks_nobody(server: Served, said: Said) -> None:
    said("update", "--store", "store")
    server.asked.clear()
    code, out, _ = said("update", "--list", "--store", "store")
    assert code == 0
    assert not server.asked
    head, *rows = out.splitlines()
    assert head.split() == ["snapshot", "date", "age", "rows", "changed", "licence", "digest"]
    assert any("test-lists/2024-01-11/global.csv" in row and "CC-BY-NC-SA-4.0" in row for row in rows)
    assert "tables of Clampdown" in rows[-1]


def test_a_folder_of_ones_own_joins_the_set(server: Served, said: Said, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "users.csv").write_text("country,asn,share\nXA,64500,0.5\n")
    code, out, err = said("update", "--store", "store", "--reference", str(own), "--pin", "refs.lock")
    assert code == 0
    assert "users.csv" in out
    assert "other commands need no --reference" in err
    assert "users.csv was given by hand" in err
    assert said("update", "--store", "other", "--pin", "refs.lock")[0] == 2
    assert said("update", "--store", "other", "--pin", "refs.lock", "--from", str(own))[0] == 2
    assert said("update", "--store", "other", "--pin", "refs.lock", "--reference", str(own))[0] == 0


def test_published_lists_go_to_the_records(server: Served, said: Said, tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("date,country,kind,title\n2024-03-01,XA,order,All of it\n")
    code, _, err = said("update", "--store", "store", "--file", str(table))
    assert code == 0
    assert "1 published records that are new" in err


def test_a_dry_run_makes_no_store(server: Served, said: Said) -> None:
    said("update", "--store", "store")
    server.fingerprints(fingerprints(31), "a9", "2024-01-20")
    code, out, err = said("update", "--store", "store", "--dry-run")
    assert code == 0
    assert "would use reference" in err
    assert "fingerprints_http-2024-01-20.csv" in out
    assert "fingerprints_http-2024-01-20.csv" not in said("update", "--list", "--store", "store")[1]
    assert said("update", "--store", "nowhere", "--dry-run")[0] == 2


def test_the_mirror_of_the_settings_is_asked_and_nobody_else(
    server: Served, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mirror" / "reference"
    folder.mkdir(parents=True)
    for which, data in (("http", fingerprints(30)), ("dns", fingerprints(25))):
        (folder / f"fingerprints_{which}.csv").write_bytes(data)
    (folder / "global.csv").write_bytes(sites(("denied.example", "NEWS")))
    monkeypatch.setenv("CLAMPDOWN_MIRROR", str(tmp_path / "mirror"))
    code, out, err = said("update", "--store", "store")
    assert code == 0, err
    assert "global.csv" in out
    assert not server.asked
