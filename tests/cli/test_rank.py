"""Law: `clampdown rank` on a store that was made the way a user makes one: every form, every refusal, no traceback."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import clampdown
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import UsageError
from clampdown.pipeline import api
from clampdown.pipeline import rank as pipeline

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "assess"))
import countries as w
import made

Say = Callable[..., tuple[int, str, str]]
# Code → of twelve sites, those that its resolvers deny; two networks each, two sessions a network.
DENIED = {"NO": 0, "KE": 2, "IN": 4, "TR": 6, "RU": 8, "CN": 10}


def record(code: str, site: int, network: int, session: int) -> dict[str, object]:
    """A record of the command line's tests, moved to a country and a site."""
    host = "denied.example" if site < DENIED.get(code, 3) else "given.example"
    text = json.dumps(made.record(host, 1, 9 + session, session, network))
    for old, new in ((host, f"site{site:02}.example"), ("XA", code)):
        text = text.replace(old, new)
    moved: dict[str, object] = json.loads(text)
    uid = f"{code}_webconnectivity_{network:08x}{session:03x}{site:02x}000"
    return moved | {"measurement_uid": f"20240301{9 + session:02}0000.000000_{uid}"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six countries, and a seventh with a single network."""
    folder = tmp_path_factory.mktemp("ranks")
    rows = [
        record(code, site, 64500 + 10 * n + network, session)
        for n, code in enumerate((*DENIED, "ER")) for network in range(1 if code == "ER" else 2)
        for session in (1, 2) for site in range(12)
    ]  # fmt: skip
    path = folder / "2024030100_webconnectivity.n1.0.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))
    api.ingest(path, folder / "store", workers=1)
    return folder / "store"


@pytest.fixture
def say(
    store: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Say:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAMPDOWN_STORE", str(store))
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setattr(pipeline, "load_terms", w.terms)
    capsysbinary.readouterr()

    def call(*words: str) -> tuple[int, str, str]:
        code = run(group, ["rank", *words])
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def test_lines(say: Say) -> None:
    code, out, err = say()
    assert (code, "Traceback" in err) == (0, False)
    about, *lines = [json.loads(line) for line in out.splitlines()]
    assert about["ranked"] == 6
    assert [line["country"] for line in lines[:6]] == ["CN", "RU", "TR", "IN", "KE", "NO"]
    eritrea = next(line for line in lines if line["country"] == "ER")
    assert (eritrea["state"], eritrea["reason"], eritrea["rank"]) == ("not_enough_data", "few_networks", None)
    assert {line["state"] for line in lines[7:]} == {"untested"}
    assert {"AQ", "XA"} & set(about["frame"]) == set()
    assert "clampdown detect" in err
    assert f"6 of {len(about['frame'])} countries have enough data" in err


def test_other_forms(say: Say) -> None:
    code, out, _ = say("--format", "table")
    assert code == 0
    assert "1.0" in out
    assert "untested (nothing was measured)" in out
    code, out, err = say("--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["country"] for row in rows[:2]] == ["CN", "RU"]
    assert all(row["rank"] == "" for row in rows[6:])
    assert "OONI" in err  # whose data it is, where they leave
    assert say("--format", "html", "-o", "rank.html")[:2] == (0, "")
    html = Path("rank.html").read_text()
    assert html.startswith("<!doctype html>")
    assert html.count('class="point" cx="') == 7  # six, and the key


def test_frame_components_weights(say: Say) -> None:
    Path("frame.csv").write_text("country\nKenya\nCHN\nIN # India\nTR\nRU\nNO\nSweden\n")
    Path("weights.toml").write_text("breadth = 2\n")
    code, out, _ = say("--frame", "frame.csv", "--component", "breadth", "--weights", "weights.toml")
    about, *lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (about["without"], about["question"]["frame"]) == (["SE"], "frame.csv")
    assert [one["component"] for one in about["components"]] == ["breadth"]
    assert {line["country"]: line["state"] for line in lines}["SE"] == "untested"
    measured = json.loads(say("--frame", "measured", "--component", "breadth")[1].splitlines()[0])
    assert measured["without"] == ["ER"]


def test_beside_published_scores(say: Say) -> None:
    Path("fotn2018.csv").write_text(
        "country,A,B,C,Total\nKenya,1,2,3,6\nChina,9,30,40,79\nIndia,4,5,6,15\nTurkey,5,6,7,18\nRussia,8,9,10,27\n"
    )
    code, out, _ = say("--compare", "fotn2018.csv", "--component", "breadth")
    assert code == 0
    found = [line for line in map(json.loads, out.splitlines()) if line["record"] == "comparison"]
    assert {(one["measure"], one["year"], one["higher"]) for one in found} >= {("total", 2018, "is-worse"), (
        "part_b", 2018, "is-worse")}  # fmt: skip
    assert {(one["n"], one["reason"], tuple(one["agreement"])) for one in found} == {(5, "few_in_common", ())}
    assert all(one["missing"] == ["NO"] for one in found)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--component", "nothing"), "breadth, news"),
        (("--weights", "no.toml"), "no such file"),
        (("--frame", "no.csv"), "no such file"),
        (("--compare", "no.csv"), "no such file"),
        (("--since", "2030-01-01"), "neither verdicts nor signals"),
        (("--since", "2024-03-02", "--until", "2024-03-01"), "the period is empty"),
        (("--higher", "up"), "is-worse"),
        (("--higher", "is-worse"), "--higher says how published scores are read"),
        (("--year", "2018"), "Give --compare FILE"),
        (("--compare", "no.csv", "--format", "csv"), "no room for a comparison"),
    ],
)
def test_refusals_say_what_to_do(say: Say, words: tuple[str, ...], says: str) -> None:
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


def test_a_frame_of_no_countries(say: Say) -> None:
    Path("frame.txt").write_text("Atlantis\n")
    code, _, err = say("--frame", "frame.txt")
    assert code == 2
    assert "Atlantis" in err


def test_others_are_spoken_of_where_there_are_any(say: Say) -> None:
    Path("six.txt").write_text("\n".join(DENIED))
    assert say("--component", "breadth", "--frame", "six.txt")[2].rstrip().endswith("6 of 6 countries have enough data")
    Path("seven.txt").write_text("\n".join((*DENIED, "ER")))
    assert "enough data; the others have no place" in say("--component", "breadth", "--frame", "seven.txt")[2]


def test_measured_countries_are_not_untested_where_nobody_looked_for_outages(say: Say) -> None:
    """Their hours are not known: that is a reason of its own, in lines, CSV and table."""
    for component in ("shutdowns", "outages"):
        asked = ("--component", component, "--frame", "measured")
        lines = [json.loads(line) for line in say(*asked)[1].splitlines()[1:]]
        assert {(line["state"], line["reason"], line["rank"]) for line in lines} == {
            ("not_enough_data", "not_detected", None)
        }
        rows = list(csv.DictReader(io.StringIO(say(*asked, "--format", "csv")[1])))
        assert {(row["state"], row["reason"]) for row in rows} == {("not_enough_data", "not_detected")}
        table = say(*asked, "--format", "table")[1]
        assert "outages were not looked for: run clampdown detect" in table
        assert "untested" not in table
    every = {line["country"]: line for line in map(json.loads, say("--component", "outages")[1].splitlines()[1:])}
    assert (every["SE"]["state"], every["ER"]["state"]) == ("untested", "not_enough_data")


@pytest.mark.parametrize(
    "asked",
    [
        {"weights": {"breadth": float("nan")}},
        {"weights": {"breadth": float("inf")}},
        {"weights": {"breadth": -1.0}},
        {"weights": {"breadth": "2"}},
        {"weights": {"breadth": True}},
        {"weights": {"breadth": 1e7}},
        {"weights": {"nothing": 1.0}},
        {"weights": {3: 1.0}},
        {"weights": 3},
        {"higher": "is-worse"},
        {"year": 2018},
    ],
)
def test_python_refuses_as_the_command_does(store: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        clampdown.rank(store, **asked)


def test_python_gives_the_document(store: Path) -> None:
    terms = w.terms()
    made_ = clampdown.rank(store, components=("breadth",), frame="measured", terms=terms)
    assert made_.about.ranked == 6
    assert msgspec.json.encode(made_) == msgspec.json.encode(
        clampdown.rank(store, components=("breadth",), frame="measured", terms=terms)
    )
