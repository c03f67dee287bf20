"""Law: every command does what its help says, from a file of records to a verified page, and says why it cannot."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from clampdown.cli import VERBS, group
from clampdown.cli.frame import run

sys.path.insert(0, str(Path(__file__).parent))
import made

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def store(files: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("stores") / "store")
    assert run(group, ["ingest", str(files), "--store", folder, "--quiet"]) == 0
    return folder


class Said:
    """Runs a command; keeps its exit code and both streams."""

    def __init__(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        self._streams = capsysbinary

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = run(group, list(words))
        out, err = self._streams.readouterr()
        return code, out.decode(), err.decode()


@pytest.fixture
def said(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Said:
    monkeypatch.chdir(tmp_path)
    return Said(capsysbinary)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_the_common_flags(verb: str, said: Said) -> None:
    code, out, err = said(verb, "--help")
    assert (code, err) == (0, "")
    for flag in ("--quiet", "--verbose", "--log-format", "--config"):
        assert flag in out


def test_ingest_twice_changes_nothing(files: Path, said: Said) -> None:
    code, out, _err = said("ingest", str(files), "--store", "s", "--json")
    first = json.loads(out)
    assert code == 0
    assert (first["records"], first["measurements"], first["rejects"]) == (24, 24, {})
    before = {p: p.read_bytes() for p in Path("s").rglob("*") if p.is_file()}
    code, out, _ = said("ingest", str(files), "--store", "s", "--json")
    assert json.loads(out)["already_here"] == 1
    assert {p: p.read_bytes() for p in Path("s").rglob("*") if p.is_file()} == before


def test_a_summary_for_a_person_and_rejects_on_stderr(said: Said) -> None:
    Path("bad.jsonl").write_text(json.dumps(made.record("given.example", 1, 1, 1)) + '\n{"broken\n')
    code, out, err = said("ingest", "bad.jsonl", "--store", "s")
    assert code == 0
    assert "records       2" in out
    assert "rejects       1" in out
    assert "1 records could not be read" in err
    assert said("ingest", "bad.jsonl", "--store", "t", "--strict", "-q") == (1, out, "")


def test_judge_files_without_a_store(files: Path, said: Said) -> None:
    code, out, err = said("judge", str(files), "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(lines)) == (0, "", 24)
    states = {line["target"]: line["state"] for line in lines}
    assert states == {"web/denied.example": "blocked", "web/given.example": "ok"}
    first = lines[0]
    assert (first["file"], first["line"], first["member"]) == (str(files), 1, None)
    assert {line["vantage"] for line in lines} == set(range(1, 7)), "six sessions, numbered on through the output"
    assert first["mechanisms"] == ["dns.nxdomain"]
    assert "report_id" not in out
    assert said("judge", str(files), "--format", "table")[1].count("web/denied.example") == 12


def test_judge_reads_stdin() -> None:
    data = json.dumps(made.record("given.example", 1, 1, 1)).encode()
    words = [sys.executable, "-m", "clampdown", "judge", "-"]
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    line = json.loads(done.stdout)
    assert (line["file"], line["state"]) == ("-", "ok")


def test_judge_a_store(store: str, said: Said) -> None:
    code, out, err = said("judge", "--store", store, "--target", "web/denied.example", "--since", "2024-03-02")
    assert (code, err) == (0, "")
    assert {(json.loads(x)["target"], json.loads(x)["time"][:10] >= "2024-03-02") for x in out.splitlines()} == {
        ("web/denied.example", True)
    }
    assert len(out.splitlines()) == 6


def test_deferred_judging(files: Path, said: Said) -> None:
    code, _, err = said("ingest", str(files), "--store", "s", "--no-judge")
    assert code == 0
    assert "clampdown judge --store s" in err
    code, _, err = said("report", "XA", "--store", "s")
    assert code == 2
    assert "clampdown judge" in err
    assert said("judge", "--store", "s", "-q")[0] == 0
    assert said("report", "XA", "--store", "s")[0] == 0


def test_report_and_verify(store: str, said: Said) -> None:
    code, out, _err = said("report", "xa", "--store", store, "-o", "out/xa.html")
    assert (code, out) == (0, "")
    assert sorted(p.name for p in Path("out").iterdir()) == ["xa.html", "xa.json", "xa.witnesses.csv"]
    assert said("verify", "out/xa.json", "--store", store)[0] == 0
    numbers = json.loads(Path("out/xa.json").read_text())
    cell = next(c for c in numbers["cells"] if c["target"] == "web/denied.example")
    assert (cell["state"], cell["n"]) == ("blocked", 12)
    numbers["cells"][0]["n"] += 1
    Path("out/xa.json").write_text(json.dumps(numbers))
    code, out, _ = said("verify", "out/xa.json", "--store", store)
    assert code == 1
    assert "does not hold" in out
    assert json.loads(said("verify", "out/xa.json", "--store", store, "--json")[1])["failed"] >= 1


def test_the_same_report_twice_is_the_same_bytes(store: str, said: Said) -> None:
    for name in ("a", "b"):
        assert said("report", "XA", "--store", store, "-o", f"{name}/report.html", "-q") == (0, "", "")
    for file in ("report.html", "report.json", "witnesses.csv"):
        assert Path("a", file).read_bytes() == Path("b", file).read_bytes()
    assert said("report", "XA", "--store", store, "-o", "-")[1].encode() == Path("a/report.html").read_bytes()


def test_show(store: str, said: Said) -> None:
    rows = csv.DictReader(io.StringIO(said("export", "verdicts", "--store", store, "-q")[1]))
    blocked = next(row for row in rows if row["state"] == "blocked")
    code, out, err = said("show", blocked["measurement"], "--store", store)
    assert (code, err) == (0, "")
    for part in ("denied.example", "BLOCKED", "dns.nxdomain", "What the control saw", "What speaks against it"):
        assert part in out
    shown = json.loads(said("show", blocked["measurement"], "--store", store, "--json")[1])
    assert shown["verdicts"][0]["state"] == "blocked"


@pytest.mark.parametrize("table", ["observations", "verdicts", "cells"])
def test_export(table: str, store: str, said: Said) -> None:
    code, out, err = said("export", table, "--store", store, "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert rows
    assert "CC-BY-NC-SA-4.0" in err
    assert said("export", table, "--store", store, "--format", "parquet", "-o", "t.parquet")[0] == 0
    assert pq.read_table("t.parquet").num_rows == len(rows)
    code, out, _ = said("export", table, "--store", store)
    assert len(list(csv.reader(io.StringIO(out)))) == len(rows) + 1
    assert "_webconnectivity_XA_" not in out, "report ids stay in the store"


def test_outputs_have_the_shape_of_their_schemas(files: Path, store: str, said: Said) -> None:
    assert said("report", "XA", "--store", store, "-q")[0] == 0
    measurement = json.loads(said("judge", str(files), "--format", "jsonl")[1].splitlines()[0])["measurement"]
    outputs = {
        "ingest": [said("ingest", str(files), "--store", store, "--json")[1]],
        "judge": said("judge", str(files), "--format", "jsonl")[1].splitlines(),
        "report": [Path("report.json").read_text()],
        "show": [said("show", measurement, "--store", store, "--json")[1]],
        "verify": [said("verify", "report.json", "--store", store, "--json")[1]],
    }
    schemas = {p.stem: json.loads(p.read_text()) for p in (ROOT / "docs/schema").glob("*.json")}
    assert schemas.keys() == outputs.keys()
    for name, texts in outputs.items():
        check = Draft202012Validator(schemas[name])
        assert texts
        for text in texts:
            check.validate(json.loads(text))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ingest", "absent.json", "--store", "s"], "absent.json"),
        (["ingest", "."], "no store is named"),
        (["judge"], "no store is named"),
        (["judge", "absent.json"], "absent.json"),
        (["judge", "a.json", "--country", "XA"], "Leave out PATH"),
        (["report", "XA", "--store", "absent"], "absent"),
        (["report", "Kenya", "--store", "STORE"], "country code"),
        (["report", "KE", "--store", "STORE"], "It holds XA"),
        (["report", "XA", "--store", "STORE", "--since", "2024-03-02", "--until", "2024-03-01"], "--since"),
        (["report", "XA", "--store", "STORE", "--since", "yesterday"], "yesterday"),
        (["report", "XA", "--store", "STORE", "--network", "ISP"], "AS64500"),
        (["report", "XA", "--store", "STORE", "--group", "nix"], "nix"),
        (["report", "XA", "--store", "STORE", "--group", "social", "--target", "x/web"], "exclude"),
        (["report", "XA", "--store", "STORE", "-o", "x.json"], "-o"),
        (["verify", "absent.json", "--store", "STORE"], "absent.json"),
        (["verify", "other.json", "--store", "STORE"], "not a report"),
        (["show", "nix", "--store", "STORE"], "nix"),
        (["export", "rejects", "--store", "STORE"], "rejects"),
        (["export", "cells", "--store", "STORE", "-o", "."], "cannot be written"),
        (["ingest", "other.json", "--store", "other.json"], "other.json"),
        (["judge", "other.json", "--limit-record", "nix"], "not a number"),
        (["judge", "other.json", "--reference", "absent"], "absent"),
    ],
    ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "",
)
def test_faults_are_said_with_exit_2(words: list[str], says: str, store: str, said: Said) -> None:
    Path("other.json").write_text("{}")
    code, out, err = said(*(store if word == "STORE" else word for word in words))
    assert (code, out) == (2, ""), err
    assert says in err
    assert err.count("\n") == 1
    line = said(*(store if word == "STORE" else word for word in words), "--log-format", "json")[2]
    assert json.loads(line)["exit"] == 2


def test_rows_of_a_reference_that_are_odd_are_said_in_words(files: Path, said: Said, tmp_path: Path) -> None:
    rows = [f"https://site{n}.example/,NOPE,,,,," for n in range(12)]
    listed = "\n".join(["url,category_code,category_description,date_added,source,notes", ",NEWS", *rows])
    (tmp_path / "xa.csv").write_text(listed + "\n")
    code, out, err = said("judge", str(files), "--reference", str(tmp_path), "--format", "jsonl")
    assert (code, bool(out)) == (0, True)
    assert "xa.csv:2: the row has no URL with a host; the row is left out" in err
    assert "xa.csv:3: the category 'NOPE' is not known\n" in err
    assert "and 3 more rows like these, 0 of them left out" in err


def test_limits_reach_the_reader(said: Said) -> None:
    Path("a.jsonl").write_text(json.dumps(made.record("given.example", 1, 1, 1)) + "\n")
    code, out, err = said("judge", "a.jsonl", "--limit-record", "1k", "--format", "jsonl", "--strict")
    assert (code, out) == (1, "")
    assert "too_long" in err


def test_settings_from_the_file_reach_the_command(files: Path, store: str, said: Said) -> None:
    Path("clampdown.toml").write_text(f'store = "{store}"\nlog_format = "json"\n')
    code, _, err = said("report", "XA")
    assert code == 0
    assert "report.html" in json.loads(err)["message"]
