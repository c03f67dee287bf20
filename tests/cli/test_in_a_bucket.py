"""Law: every command that takes a store takes one in a bucket, and says of it what it says of the same in a folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clampdown.cli import group
from clampdown.cli.frame import run

sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("cli", "store")]
import buckets
import made
from buckets import BUCKET, KEY, PREFIX, SECRET, Fault, World

ADDRESS = f"s3://{BUCKET}/{PREFIX}"
FOLDER = "the-store"
Say = Callable[..., tuple[int, str, str]]


def signals() -> str:
    """Two weeks and a half of an hourly signal, of which the last days nothing is left for a day."""
    start, lines = datetime(2024, 2, 20), ["time,entity,signal,plane,operator,value"]
    for hour in range(18 * 24):
        value = 3 if 15 * 24 < hour < 16 * 24 else 900 + hour * 7 % 11
        lines.append(f"{(start + timedelta(hours=hour)).isoformat()}Z,XA,ours/answers,data,ours,{value}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    (folder / "given").mkdir()
    made.write(folder / "given")
    (folder / "given" / "levels.csv").write_text(signals())
    return folder


@pytest.fixture(scope="module")
def world(place: Path) -> Generator[World, None, None]:
    """The same material in a folder and in a bucket, each by the command."""
    with buckets.served() as kept, pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for name, value in kept.environment().items():
            patch.setenv(name, value)
        for store in (FOLDER, ADDRESS):
            assert run(group, ["ingest", "given", "--store", store, "--workers", "1", "-q"]) == 0
            assert run(group, ["detect", "--store", store, "--workers", "1", "-q"]) == 0
        yield kept


@pytest.fixture
def say(world: World, place: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(place)
    for name, value in (world.environment() | {"HOME": str(place)}).items():
        monkeypatch.setenv(name, value)

    def said(*words: str) -> tuple[int, str, str]:
        code = run(group, list(words))
        out, err = capsysbinary.readouterr()
        assert SECRET not in (whole := (out + err).decode())
        assert KEY not in whole
        return code, out.decode(), err.decode()

    return said


def test_the_same_parts(world: World, place: Path) -> None:
    there = world.files("tables")
    here = {p.relative_to(place / FOLDER).as_posix(): p.read_bytes() for p in (place / FOLDER).rglob("*.parquet")}
    assert there == here
    assert len(here) > 20


@pytest.mark.parametrize(
    "words",
    [
        ["findings", "XA", "--format", "jsonl"],
        ["events", "XA", "--format", "jsonl"],
        ["outages", "XA", "--format", "jsonl"],
        ["notes", "--format", "jsonl"],
        ["watch", "--format", "text"],
        ["judge", "--country", "XA"],
        ["export", "verdicts", "--format", "csv"],
        ["export", "signals", "--format", "jsonl"],
        ["export", "observations", "--country", "XA", "--since", "2024-03-01", "--format", "csv"],
        ["doctor"],
        ["status", "--json"],
    ],
    ids=lambda words: " ".join(words),
)
def test_a_command_says_the_same(words: list[str], say: Say) -> None:
    def plain(said: tuple[int, str, str]) -> tuple[int, str, str]:
        code, out, err = said
        out = re.sub(r"said on \S+", "said on", out)  # the log knows when
        return code, out.replace(ADDRESS, FOLDER), err.replace(ADDRESS, FOLDER)

    here, there = (plain(say(*words, "--store", store)) for store in (FOLDER, ADDRESS))
    assert there == here
    assert here[0] == 0
    assert here[1] or words[0] in ("events", "notes")


def test_report_verify_and_show(say: Say, place: Path) -> None:
    for store, name in ((FOLDER, "here"), (ADDRESS, "there")):
        code, _, err = say("report", "XA", "--store", store, "-o", f"{name}.html")
        assert code == 0, err
    data = [json.loads((place / f"{name}.json").read_text()) for name in ("here", "there")]
    assert data[0] == data[1]
    for store in (FOLDER, ADDRESS):
        assert say("verify", "there.json", "--store", store)[0] == 0
    code, out, _ = say("export", "verdicts", "--store", ADDRESS, "--format", "jsonl")
    some = json.loads(out.splitlines()[0])["measurement"]
    assert say("show", some, "--store", ADDRESS) == say("show", some, "--store", FOLDER)


def test_ingest_and_detect_again_change_nothing(say: Say, world: World, place: Path) -> None:
    before = {k: v for top in ("tables", "log") for k, v in world.files(top).items()}
    code, out, _ = say("ingest", "given", "--store", ADDRESS, "--json")
    assert (code, json.loads(out)["already_here"]) == (0, 2)
    assert say("detect", "--store", ADDRESS)[0] == 0
    assert {k: v for top in ("tables", "log") for k, v in world.files(top).items()} == before


def test_settings_and_file_addresses(say: Say, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAMPDOWN_STORE", ADDRESS + "/")
    assert say("events", "XA")[0] == 0
    asked = (say("events", "XA", "--store", store) for store in ((place / FOLDER).as_uri(), FOLDER))
    assert next(asked) == next(asked)
    for store, says in (
        ("gs://b/a", "cannot lie at gs://"),
        ("s3://B", "names no bucket"),
        ("file://h/a", "no folder"),
    ):
        code, out, err = say("events", "--store", store)
        assert (code, out) == (2, "")
        assert says in err
        assert len(err.splitlines()) == 1


def test_raw_files_stay_on_this_machine(say: Say) -> None:
    code, _, err = say("fetch", "ooni", "XA", "--since", "2024-03-01", "--until", "2024-03-02", "--store", ADDRESS)
    assert code == 2
    assert "--raw DIR" in err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": "SOMEBODYELSE"}, "credentials are not known"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "not an address"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}, "no credentials"),
        ({"AWS_PROFILE": "nobody"}, "no profile"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    change: dict[str, str], says: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    for words in (["events", "XA"], ["status"], ["ingest", "given"]):
        code, out, err = say(*words, "--store", ADDRESS)
        assert (code, out) == (2, "")
        assert says in err
        assert len(err.splitlines()) == 1


def test_no_bucket_and_no_store(say: Say, world: World) -> None:
    for words in (["events", "XA"], ["ingest", "given"]):
        code, _, err = say(*words, "--store", "s3://elsewhere/a")
        assert code == 2
        assert "no such bucket" in err
    code, _, err = say("events", "XA", "--store", f"s3://{BUCKET}/empty")
    assert code == 2
    assert "this is no store" in err
    world.fault = lambda *_: Fault(403, "RequestTimeTooSkewed")
    try:
        code, _, err = say("events", "XA", "--store", ADDRESS, "-vv")
    finally:
        world.fault = lambda *_: None
    assert code == 2
    assert "clock of this machine" in err
    assert "Traceback" not in err
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == SECRET


def test_forget_and_mend(say: Say, world: World, place: Path, tmp_path: Path) -> None:
    """What writes over the whole store does so in a bucket as well."""
    folder, kept = (
        str(shutil.copytree(place / FOLDER, tmp_path / "copy")),
        {k: replace(v) for k, v in world.kept.items()},
    )
    for store in (folder, ADDRESS):
        assert say("forget", "--before", "2024-02-25", "--store", store)[0] == 0
    here = {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*.parquet")}
    assert world.files("tables") == here
    assert say("doctor", "--store", ADDRESS)[0] == 0
    broken = next(key for key in world.kept if "/tables/cells/" in key)
    world.kept[broken].data = b"x" + world.kept[broken].data[1:]
    assert say("doctor", "--store", ADDRESS)[0] == 1
    assert say("doctor", "--mend", "--store", ADDRESS, "--workers", "1")[0] == 0
    assert world.files("tables") == here
    world.kept = kept
