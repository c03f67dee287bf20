"""Law: `clampdown access` answers from a store as a user makes one; what nobody tried is untested in all forms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nettests
import pytest
import records
from jsonschema import Draft202012Validator

import clampdown
from clampdown.cli import access as cli
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import InputError
from clampdown.publish.words import ways as words
from clampdown.publish.words.ways_page import LANGUAGES, load

ROOT = Path(__file__).resolve().parents[2]
FAILS = nettests.VANILLA_TOR
COMES = FAILS | {"failure": None, "error": None, "success": True, "bootstrap_time": 31.0, "tor_progress": 100,
                 "tor_progress_tag": "done", "tor_progress_summary": "Done"}  # fmt: skip
SNOW = {"transport_name": "snowflake", "rendezvous_method": "ampcache"}
NOTHING = {"works", "impaired", "blocked"}
MARKS = re.compile("[\u2066-\u2069]")


def record(test: str, keys: Any, day: int, session: int, network: int = 64500, **more: Any) -> dict[str, Any]:
    """One measurement; each session is a device of its own."""
    stamp = f"202403{day:02}T100000Z"
    short = test.replace("_", "")
    return records.envelope(
        test, keys, probe_asn=f"AS{network}", resolver_asn=f"AS{network}", software_version=f"1.{session}.0",
        measurement_start_time=f"2024-03-{day:02} 10:{session:02}:00", test_start_time=f"2024-03-{day:02} 10:00:00",
        report_id=f"{stamp}_{short}_XA_{network}_n1_{session:016x}",
        measurement_uid=f"202403{day:02}10{session:02}00.000000_XA_{short}_{network:08x}{session:04x}{day:04x}", **more,
    )  # fmt: skip


def written() -> list[dict[str, Any]]:
    """Tor without a bridge comes through for three devices, on another network for one; Snowflake ends half way."""
    made: list[dict[str, Any]] = []
    for day in range(1, 11):
        for session in (1, 2, 3):
            made.append(record("vanilla_tor", COMES, day, session))
            made.append(record("torsf", {**FAILS, **SNOW}, day, session))
    made.append(record("vanilla_tor", COMES, 9, 4, 64501))
    made.append(record("psiphon", nettests.PSIPHON, 9, 5, 64501))
    return made


COUNTS = """time,entity,signal,value,unit,operator
2024-03-08T00:00:00Z,XB,tests/torsf/tried,132,count,ooni
2024-03-08T00:00:00Z,XB,tests/torsf/failed,128,count,ooni
2024-03-08T00:00:00Z,XB,tests/tor/failed-share,20,percent,ooni
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("access")
    lines = folder / "records.jsonl"
    lines.write_text("".join(json.dumps(each) + "\n" for each in written()))
    counts = folder / "counts.csv"
    counts.write_text(COUNTS)
    place = str(folder / "store")
    assert run(group, ["ingest", str(lines), str(counts), "--store", place, "--quiet", "--workers", "1"]) == 0
    assert run(group, ["detect", "--store", place, "--quiet", "--workers", "1"]) == 0
    return place


Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsysbinary: pytest.CaptureFixture[bytes], store: str) -> Say:
    def say(*asked: str) -> tuple[int, str, str]:
        code = run(group, ["access", *asked, "--store", store])
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return say


def lines_of(said: Say, *asked: str) -> list[dict[str, Any]]:
    code, out, _ = said(*asked, "--format", "jsonl")
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def cell(lines: list[dict[str, Any]], tool: str, way: str, network: str | None = None) -> dict[str, Any]:
    (found,) = (
        each for each in lines
        if each["kind"] == "way" and (each["tool"], each["way"], each["network"]) == (tool, way, network)
    )  # fmt: skip
    return found


def test_lines_have_the_shape_of_their_schema(said: Say) -> None:
    check = Draft202012Validator(json.loads((ROOT / "docs/schema/access.json").read_text()))
    lines = [*lines_of(said, "XA"), *lines_of(said, "XB")]
    for line in lines:
        check.validate(line)
    assert {line["kind"] for line in lines} == {"access", "way"}
    assert not check.is_valid({"kind": "way"})


def test_the_head_carries_the_warning_and_what_it_cannot_show(said: Say) -> None:
    code, out, err = said("XA", "--format", "jsonl")
    head = json.loads(out.splitlines()[0])
    assert code == 0
    assert head["warning"] == words.WARNING
    assert "may be punished" in head["warning"]
    assert any("public relays" in remark for remark in head["remarks"])
    assert words.WARNING in err
    assert [(n["network"], n["day_only"]) for n in head["networks"]] == [("AS64500", False), ("AS64501", True)]
    assert (head["as_of"], head["first"]) == ("2024-03-10", "2024-02-12")


def test_each_way_has_its_own_state(said: Say) -> None:
    lines = lines_of(said, "XA")
    direct, snow = cell(lines, "tor", "direct", "AS64500"), cell(lines, "tor", "snowflake", "AS64500")
    assert (direct["state"], direct["grade"], direct["ok"], direct["n"]) == ("works", "corroborated", 30, 30)
    assert (snow["state"], snow["ok"], snow["n"]) == ("blocked", 0, 30)
    (stage,) = snow["stages"]
    assert (stage["stage"], stage["n"], stage["progress_high"]) == ("bootstrap", 30, 0.5)
    assert [v["name"] for v in snow["variants"]] == ["rendezvous:ampcache"]
    assert "bootstrapping (50 %)" in snow["sentence"] or "bootstrapping (50%)" in snow["sentence"]
    assert cell(lines, "tor", "direct", "AS64501")["state"] == "insufficient"
    assert cell(lines, "tor", "direct")["networks"] == 1


def test_counts_alone_are_at_most_consistent(said: Say) -> None:
    lines = lines_of(said, "XB")
    snow, direct = cell(lines, "tor", "snowflake"), cell(lines, "tor", "direct")
    assert (snow["state"], snow["grade"], snow["reason"], snow["n"]) == ("blocked", "consistent", "counts_only", 132)
    assert (direct["state"], direct["reason"], direct["n"]) == ("insufficient", "only_a_share", 0)
    assert (direct["share"], direct["counted"][0]["failed_share"]) == (None, 0.2)
    assert direct["sentence"].endswith("too little data: a share is published without its number of tests.")


def test_a_share_without_its_number_is_told_as_such_in_every_form(said: Say) -> None:
    """Beside a counted share it is neither untested nor one that works, and no share of success stands for it."""
    (row,) = (r for r in said("XB", "--format", "table")[1].splitlines() if r.startswith("  without a bridge"))
    assert row.split("country")[1].strip().startswith("too little data: only a share  ")
    assert "untested" not in row
    assert not NOTHING & set(row.split())
    for language, few, why in (
        ("en", "too little data", "a share is published without its number of tests"),
        ("fa", "دادهٔ ناکافی", "فقط سهم منتشر شده و شمار آزمون‌ها معلوم نیست"),
    ):
        text = said("XB", "--format", "html", "--language", language)[1]
        (line,) = re.findall(r'<td class="w-insufficient".*?</td>', text, re.DOTALL)
        (found,) = (d for d in re.findall(r'<details class="cell".*?</details>', text, re.DOTALL) if why in told(d))
        for part in (line, found):
            assert few in told(part)
            assert why in told(part)
            assert load(language)["state"]["untested"] not in told(part)
            assert not re.search(rf"\b{load(language)['text']['n']} [0۰]", told(part)), "nobody knows how many"


def told(text: str) -> str:
    return MARKS.sub("", re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text)))


@pytest.mark.parametrize("language", ["en", "fa"])
def test_untested_reads_as_nothing_else_on_the_page(said: Say, language: str, tmp_path: Path) -> None:
    file = tmp_path / "access.html"
    code, out, err = said("XA", "--format", "html", "--language", language, "-o", str(file))
    assert (code, out) == (0, "")
    assert words.WARNING in err
    text = file.read_text()
    assert text == said("XA", "--format", "html", "--language", language)[1]
    assert f'<html lang="{language}" dir="{"rtl" if language == "fa" else "ltr"}"' in text
    word = load(language)["state"]
    rows = re.findall(r'<td class="w-untested".*?</td>', text, re.DOTALL)
    assert len(rows) > 60
    listed = re.findall(r'<ul class="nobody">.*?</ul>', text, re.DOTALL)
    assert len(listed) == 1
    for part in [*rows, *listed]:
        assert word["works"] not in told(part)
        assert "w-works" not in part
        assert "%" not in told(part)
        assert "٪" not in told(part)
    assert all(word["untested"] in told(part) for part in rows)
    works = re.findall(r'<td class="w-works".*?</td>', text, re.DOTALL)
    assert len(works) == 2, "Tor without a bridge, in the country and on its network"
    assert all(word["works"] in told(part) for part in works)


def test_the_command_knows_the_languages_of_the_page() -> None:
    assert cli.LANGUAGES == LANGUAGES


def test_english_is_the_language_of_a_page(said: Say) -> None:
    assert said("XA", "--format", "html")[1] == said("XA", "--format", "html", "--language", "en")[1]


def test_untested_reads_as_nothing_else_in_lines(said: Say) -> None:
    lines = [each for each in lines_of(said, "XA") if each["kind"] == "way" and each["state"] == "untested"]
    assert len(lines) > 60
    for line in lines:
        assert (line["n"], line["ok"], line["share"], line["low"], line["high"]) == (0, 0, None, None, None)
        assert (line["last_ok"], line["age_ok"], line["grade"]) == (None, None, "insufficient")
        assert "untested" in line["sentence"]
        assert not NOTHING & set(line["sentence"].replace(",", " ").replace(".", " ").split())


def test_too_little_reads_as_nothing_else(said: Say) -> None:
    line = cell(lines_of(said, "XA"), "psiphon", "tunnel", "AS64501")
    assert (line["state"], line["grade"], line["n"]) == ("insufficient", "insufficient", 1)
    assert "too little data" in line["sentence"]
    assert not NOTHING & set(line["sentence"].replace(":", " ").split())


def test_untested_reads_as_nothing_else_in_the_table(said: Say) -> None:
    code, out, err = said("XA", "--format", "table", "-v")
    assert code == 0
    assert words.WARNING in err
    rows = out.splitlines()
    untested = [row for row in rows if "untested" in row]
    assert len(untested) > 40
    for row in untested:
        assert not NOTHING & set(row.replace(",", " ").split()), row
        assert "%" not in row
    (webtunnel,) = (row for row in rows if row.startswith("  WebTunnel"))
    assert webtunnel.split()[1:3] == ["country", "untested"]
    assert any(row.startswith("  Snowflake") and "AS64500" in row and "blocked" in row for row in rows)
    assert any("1 network " in row and "untested" in row for row in rows), "networks that nobody tried are counted"


def test_one_network_and_one_day(said: Say) -> None:
    lines = lines_of(said, "XA", "--network", "64501", "--at", "2024-03-05")
    assert {each["network"] for each in lines if each["kind"] == "way"} == {None, "AS64501"}
    assert {each["state"] for each in lines if each["kind"] == "way" and each["network"]} == {"untested"}
    assert cell(lines, "tor", "direct")["n"] == 15


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("ZZ",), "no test and no count of ZZ"),
        (("XA", "--network", "AS64999"), "no test from AS64999 in XA"),
        (("XA", "--at", "yesterday"), "is not a time"),
        (
            ("XA", "--at", "2024-02-29"),
            "2024-02-29 is before the first day: the store holds XA from 2024-03-01 to 2024-",
        ),
        (("XA", "--at", "2099-01-01"), "2099-01-01 has not come yet: the store holds XA from 2024-03-01 to 2024-03-10"),
        (("XB", "--at", "2024-03-07"), "the store holds XB from 2024-03-08 to 2024-03-08"),
        (("Xanadu",), "is not a country code"),
        (("XA", "--format", "csv"), "csv"),
        (("XA", "--format", "jsonl", "--language", "fa"), "Add --format html"),
        (("XA", "--language", "en"), "Add --format html"),
        (("XA", "--format", "html", "--language", "de"), "de"),
        (("XA", "--format", "jsonl", "-o", "access.html"), "Add --format html"),
        (("XA", "-o", "access.HTML"), "Add --format html"),
    ],
)
def test_what_cannot_be_answered_is_said(asked: tuple[str, ...], says: str, said: Say) -> None:
    code, out, err = said(*asked)
    assert (code, out) == (2, "")
    assert says in err


@pytest.mark.parametrize("day", ["2024-03-01", "2024-03-11", "2024-04-07", "2024-06-01"])
def test_days_after_the_newest_that_are_over_are_answered(day: str, said: Say) -> None:
    assert lines_of(said, "XA", "--at", day)[0]["as_of"] == day


def test_a_page_is_not_written_into_the_store(said: Say, store: str) -> None:
    code, out, err = said("XA", "--format", "html", "-o", f"{store}/access.html")
    assert (code, out, "this lies in the store" in err) == (2, "", True)
    assert not Path(store, "access.html").exists()


def test_the_same_question_gives_the_same_bytes(said: Say, tmp_path: Path) -> None:
    file = tmp_path / "access.jsonl"
    assert said("XA", "--format", "jsonl", "-o", str(file))[0] == 0
    assert file.read_text() == said("XA", "--format", "jsonl")[1]


def test_nothing_of_the_store_s_own_keys_goes_out(said: Say) -> None:
    out = said("XA", "--format", "jsonl")[1]
    assert "_XA_64500_n1_" not in out
    first = cell([json.loads(line) for line in out.splitlines()], "tor", "direct", "AS64501")["witnesses"]["ok"][
        "first"
    ]
    assert [(w["day"], w["time"]) for w in first] == [("2024-03-09", None)]


def test_the_python_name(store: str) -> None:
    made = clampdown.access(store, "xa", at="2024-03-10")
    assert made.question.country == "XA"
    assert {w.state for w in made.ways if (w.tool, w.way) == ("tor", "webtunnel")} == {"untested"}
    with pytest.raises(InputError):
        clampdown.access(store, "XA", network="AS1")
