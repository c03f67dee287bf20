"""Law: every command does what its help says, from a file of records to a verified page, and says why it cannot."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from clampdown.cli import VERBS, group
from clampdown.cli.frame import run
from clampdown.store.storage import LocalStorage

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
    assert "1 record could not be read" in err
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
    # Held against their outputs in test_detected, _fetch_jobs, _keeping, _listing, _outages, _watch, tests/access and
    # tests/assess.
    feed = {"access-feed", "access-feed-index", "access-feed-map"}
    detected = feed | {"access", "detect", "events", "findings", "members", "notes", "outages", "rank", "watch"}
    kept = {"doctor", "fetch", "fetch-dry-run", "fetch-jobs", "forget", "status"}
    assert schemas.keys() == outputs.keys() | detected | kept
    for name, texts in outputs.items():
        check = Draft202012Validator(schemas[name])
        assert texts
        for text in texts:
            check.validate(json.loads(text))


def change(numbers: Any, path: str, value: object) -> Any:
    """A report with one thing changed: `cells.0.n`."""
    *way, last = path.split(".")
    at = numbers
    for step in way:
        at = at[int(step) if step.isdecimal() else step]
    at[int(last) if last.isdecimal() else last] = value
    return numbers


@pytest.mark.parametrize(
    ("path", "value", "code", "says"),
    [
        ("cells.0.n", 10**400, 1, "cell/web/denied.example@AS64500/n"),
        ("cells.0.reason", "few_measurements", 1, "/reason"),
        ("cells.0.witnesses.blocked.first.0.link", "https://example.org/", 1, "/witnesses/blocked/named"),
        ("cells.0.target", "\x1b[31m", 1, "does not hold"),
        ("period.silent", ["2024-03-07"], 1, "period/silent"),
        ("as_of", "2030-01-01", 1, "as_of"),
        ("untested", [], 1, "untested"),
        ("headline_groups", [], 1, "does not hold: groups"),
        ("inputs.rules", "0" * 64, 1, "inputs/rules"),
        ("inputs.sources.0.measurements", 1, 1, "inputs/source/ooni/measurements"),
        ("inputs.sources.0.terms.licence", "CC0-1.0", 1, "inputs/source/ooni/licence"),
        ("witnesses_digest", "0" * 64, 1, "witnesses/digest"),
        ("names.country", "Elsewhere", 1, "names/country"),
        ("names.networks", {"x": "y", "9" * 30: "z"}, 1, "names/networks"),
        ("names.synthetic", False, 1, "names/synthetic"),
        ("terms.licence", "CC0-1.0", 1, "terms/licence"),
        ("inputs.snapshots", [], 1, "inputs/snapshots"),
        ("inputs.version", "9.9", 0, "version 9.9"),
        ("thresholds.measurements", 4, 0, "counted again with the report's own"),
        ("thresholds.cap_days", 10**9, 2, "cap_days"),
        ("thresholds.recent_days", 0, 2, "recent_days"),
        ("question.since", "0001-01-01T00:00:00", 2, "2000"),
        ("question.until", "2024-03-02T00:00:00Z", 2, "naive UTC"),
        ("question.network", 2**80, 2, "AS number"),
        ("question.group", "nix", 2, "nix"),
        ("cells.0", "x", 2, "cells"),
        ("kind", "y" * 5000, 2, "not known here"),
    ],
)
def test_a_report_that_was_touched(path: str, value: object, code: int, says: str, store: str, said: Said) -> None:
    assert said("report", "XA", "--store", store, "-q")[0] == 0
    file = Path("report.json")
    file.write_text(json.dumps(change(json.loads(file.read_text()), path, value)))
    found, out, err = said("verify", "report.json", "--store", store)
    assert found == code, out + err
    assert says in (err if code != 1 else out)
    assert "Traceback" not in err
    assert len(out + err) < 20_000
    assert "\x1b" not in out + err


@pytest.mark.parametrize(
    "asked", [["--target", "web/given.example"], ["--since", "2024-03-02"], ["--network", "AS64500"]]
)
def test_what_was_not_asked_about_did_not_come_later(asked: list[str], store: str, said: Said) -> None:
    assert said("report", "XA", "--store", store, "-q", *asked)[0] == 0
    code, _, err = said("verify", "report.json", "--store", store)
    assert (code, err) == (0, "")


def test_a_list_that_was_touched(store: str, said: Said) -> None:
    assert said("report", "XA", "--store", store, "-q")[0] == 0
    file = Path("witnesses.csv")
    whole = file.read_text()
    file.write_text(whole.replace('"blocked"', '"ok"', 1))
    code, out, _ = said("verify", "report.json", "--store", store)
    assert (code, "witnesses.csv/digest" in out) == (1, True)
    file.write_text("\n".join(whole.splitlines()[:-2]) + "\n")
    code, out, err = said("verify", "report.json", "--store", store)
    assert (code, "witnesses.csv/rows: stated 24, found 22" in out) == (1, True)
    assert "the store holds and the list of witnesses does not name, left out here: 2" in err
    assert "came after" not in err
    file.write_text("a,b\n1,2\n")
    assert said("verify", "report.json", "--store", store)[0] == 2
    file.write_text(whole.partition("\n")[0] + '\n"only"\n')
    assert said("verify", "report.json", "--store", store)[0] == 2


def test_show_takes_the_address_that_a_page_links_to(store: str, said: Said) -> None:
    uid = made.records()[0]["measurement_uid"]
    assert said("show", f"https://explorer.ooni.org/m/{uid}", "--store", store)[1].startswith(f"Measurement {uid}\n")


def test_an_export_of_nothing_says_so(store: str, said: Said) -> None:
    code, out, err = said("export", "cells", "--store", store, "--country", "KE")
    assert (code, out.count("\n")) == (0, 1)
    assert "no row fits" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["report", "XA", "--store", "STORE", "--since", "0001-01-01"], "2000 to 2100"),
        (["report", "XA", "--store", "STORE", "--until", "9999-12-31"], "2000 to 2100"),
        (["report", "XA", "--store", "STORE", "--since", "2031-01-01"], "XA (2024-03-01 to 2024-03-02)"),
        (["report", "XA", "--store", "STORE", "--target", "telegrm"], "Did you mean telegram"),
        (["report", "XA", "--store", "STORE", "--target", ""], "no target"),
        (["report", "XA", "--store", "STORE", "--target", "https://given.example/x"], "web/given.example"),
        (["report", "XA", "--store", "STORE", "--target", "telegram/nix"], "telegram/web"),
        (["report", "XA", "--store", "STORE", "--target", "web/t.me"], "Did you mean telegram/"),
        (["report", "XA", "--store", "STORE", "--network", "AS65000"], "AS65000"),
        (["report", "XA", "--store", "STORE", "-o", "."], "is a folder"),
        (["report", "XA", "--store", "STORE", "-o", ""], "is a folder"),
        (["report", "XA", "--store", "STORE", "-o", "other.json/r.html"], "a file stands where"),
        (["export", "cells", "--store", "STORE", "--country", "Q"], "country code"),
        (["verify", "other.json", "--store", "."], "clampdown ingest"),
        (["verify", "deep.json", "--store", "STORE"], "deep.json"),
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
    Path("deep.json").write_text('{"x":' + "[" * 100_000 + "]" * 100_000 + "}")
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


def test_a_store_that_may_only_be_read_can_be_listed(store: str, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(LocalStorage, "lock", refused)
    code, out, err = said("judge", "--store", store, "--format", "jsonl", "-q")
    assert (code, err) == (0, "")
    assert out


def test_small_words_of_the_commands(files: Path, store: str, said: Said) -> None:
    assert said("judge", str(files), "--store", store)[0] == 2
    code, out, err = said("judge", "--store", store, "--country", "KE", "--format", "jsonl")
    assert (code, out) == (0, "")
    assert "no verdict of the store fits" in err
    assert "Choose from: observations, verdicts, cells" in said("export", "--store", store)[2]
