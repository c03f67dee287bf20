"""Law: no file, however broken or forged, stops a command, loses a record, or writes beside the store."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from clampdown.cli import group
from clampdown.cli.frame import run

sys.path.insert(0, str(Path(__file__).parent))
import given


def places(err: str, name: str) -> list[str]:
    """What stderr says of single records: the place behind the file's name, and the reason."""
    return [line.split(f"{name}", 1)[1] for line in err.splitlines() if line.startswith(f"clampdown: warning: {name}")]


@pytest.mark.parametrize("kind", given.FILES)
def test_a_hostile_file_through_ingest_and_judge(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = given.FILES[kind]
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (tmp_path / "secret").write_bytes(given.lines(given.FOUR))
    Path(file.name).write_bytes(file.data)
    # Judged below, by the other command: what a day's judgement takes does not depend on the file.
    assert run(group, ["ingest", file.name, "--store", "store", "--json", "--no-judge"]) == 0
    out, err = (stream.decode() for stream in capsysbinary.readouterr())
    got = json.loads(out)
    assert got["records"] == got["measurements"] + got["copies"] + sum(got["rejects"].values())
    if file.measurements >= 0:
        assert (got["measurements"], got["copies"]) == (file.measurements, 0)
        assert sum(got["rejects"].values()) == len(file.rejects)
    else:  # cut somewhere: all before the cut, and one reject that says so
        assert sum(got["rejects"].values()) == 1
    said = places(err, file.name)
    assert len(said) == len(got["unread"]) == sum(got["rejects"].values())
    for place, expected in zip(sorted(said), sorted(file.rejects), strict=file.measurements >= 0):
        assert place.startswith(expected), err
    assert not re.search("Traceback|secret|written", err)
    assert run(group, ["judge", file.name, "--format", "jsonl"]) == 0
    out, again = (stream.decode() for stream in capsysbinary.readouterr())
    judged = [json.loads(line) for line in out.splitlines()]
    assert len({line["measurement"] for line in judged}) == got["measurements"]
    assert sorted(places(again, file.name)) == sorted(said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here", "secret"]
    assert sorted(p.name for p in folder.iterdir()) == sorted([file.name, "store"])


def test_every_record_before_a_cut_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = given.FILES["gzip cut"]
    Path("a.gz").write_bytes(file.data)
    assert run(group, ["ingest", "a.gz", "--store", "s", "--json", "--no-judge"]) == 0
    got = json.loads(capsysbinary.readouterr().out)
    assert 290 <= got["measurements"] <= 300
    assert got["rejects"] == {"truncated": 1}
    assert got["unread"][0]["line"] in (got["measurements"] + 1, got["measurements"] + 2)


def test_a_great_array_is_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_bytes(b"[" + b",".join(b'{"test_name":"x","n":%d}' % n for n in range(100_000)) + b"]")
    assert run(group, ["ingest", "a.json", "--store", "s", "--json", "--no-judge", "-q"]) == 0
    got = json.loads(capsysbinary.readouterr().out)
    assert (got["records"], got["measurements"], got["rejects"]) == (100_000, 100_000, {})


def test_more_rejects_than_anyone_wants_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_bytes(b'{"broken\n' * 500 + given.lines(given.ONE))
    assert run(group, ["ingest", "a.jsonl", "--store", "s", "--json"]) == 0
    out, err = (stream.decode() for stream in capsysbinary.readouterr())
    got = json.loads(out)
    assert got["rejects"] == {"truncated": 500}
    assert [one["line"] for one in got["unread"]] == list(range(1, 21))
    assert [place.split(":")[1] for place in places(err, "a.jsonl")] == [str(n) for n in range(1, 11)]
    assert "500 records could not be read: truncated 500 (the first 10 are named above)" in err
    # Read again, when nothing is new, it is said again.
    assert run(group, ["ingest", "a.jsonl", "--store", "s"]) == 0
    assert capsysbinary.readouterr().err.decode() == err


@pytest.mark.parametrize("packer", given.PACKERS)
def test_a_record_that_gives_too_many_rows_keeps_the_first_and_says_so(
    packer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = given.FILES["more redirects than can be counted"]
    Path("a").write_bytes(given.PACKERS[packer](file.data))
    assert run(group, ["judge", "a", "--format", "jsonl"]) == 0
    judged = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert {(line["line"], tuple(line["degraded"])) for line in judged} == {(1, ("test_keys:rows",)), (2, ())}
    assert [line["state"] for line in judged if line["line"] == 2] == ["ok"]
