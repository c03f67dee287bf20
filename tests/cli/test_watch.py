"""Law: who watches is told everything once, in order, in a form that runs nothing, and keeps one number."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).parent))
import told

ROOT = Path(__file__).resolve().parents[2]
ATOM = "{http://www.w3.org/2005/Atom}"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(days: Store, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(Path(days.name).parent)

    def run_(*words: str) -> tuple[int, str, str]:
        capsysbinary.readouterr()
        code = run(group, ["watch", "--store", days.name, *words])
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_


@pytest.fixture
def four(detected: Any) -> None:
    """New; revised; ended; one in the place of another, and the rest withdrawn."""
    detected(told.kenya())
    detected(told.kenya(grade="confirmed"), day=2)
    detected(told.kenya(ended=True, grade="confirmed"), day=3)
    detected(told.tables([told.ok()], [told.event("e9", supersedes="e3")]), day=4)


def kinds(out: str) -> list[tuple[int, str]]:
    found = [json.loads(line) for line in out.splitlines()]
    return [(line["run"], line["kind"]) for line in found if line["kind"] != "finding"]


@pytest.mark.parametrize(
    ("since", "runs"),
    [
        ("0", {1, 2, 3, 4}), ("2", {3, 4}), ("4", set()), ("last", {4}), ("2024-04-02", {2, 3, 4}),
        ("2024-04-02T12:30:00Z", {3, 4}), ("2023-01-01", {1, 2, 3, 4}), ("2030-01-01", set()),
    ],
)  # fmt: skip
def test_since_a_run_a_time_or_the_last(since: str, runs: set[int], four: None, say: Say) -> None:
    code, out, err = say("--since", since, "--format", "jsonl")
    assert code == 0
    assert {run_ for run_, _ in kinds(out)} == runs
    assert "newest run: 4" in err


def test_lines_fit_their_schema(four: None, say: Say) -> None:
    schema = json.loads((ROOT / "docs/schema/watch.json").read_text())
    Draft202012Validator.check_schema(schema)
    _, out, _ = say("--format", "jsonl")
    for line in out.splitlines():
        Draft202012Validator(schema).validate(json.loads(line))
    assert kinds(out) == [
        (1, "new"), (1, "new"), (1, "new"), (2, "revised"), (3, "new"), (3, "ended"), (4, "new"), (4, "superseded"),
        (4, "withdrawn"), (4, "withdrawn"), (4, "withdrawn"),
    ]  # fmt: skip
    ended = next(json.loads(line) for line in out.splitlines() if '"kind":"ended"' in line)
    assert ended["changed"]["lasts"] == {"from": True, "to": False}


def test_text_ends_with_the_number_to_keep(four: None, say: Say) -> None:
    code, out, _ = say("--since", "1")
    assert (code, out.splitlines()[-1]) == (0, "newest run: 4")
    assert "ENDED: Interference with Telegram (app) [telegram/app] and Telegram (web version)" in out
    assert "grade: corroborated, now confirmed" in out
    assert "WITHDRAWN: It is said no longer" in out
    assert "in its place: e9" in out
    assert "now blocked" not in out
    assert "[telegram/web] on AS12455 (KE): now blocked (confirmed); before, blocked (corroborated)." in say("-v")[1]
    _, out, err = say("--since", "4")
    assert (out, "nothing new since run 4; newest run: 4" in err) == ("", True)


def test_a_cron_job_is_told_everything_once(detected: Any, say: Say) -> None:
    detected(told.kenya())
    assert "run 1" in say("--state", "seen/last.json")[1]
    assert json.loads(Path("seen/last.json").read_text()) == {"run": 1}
    assert say("--state", "seen/last.json")[1] == ""
    detected(told.kenya(grade="confirmed"), day=2)
    detected(told.kenya(ended=True, grade="confirmed"), day=3)
    assert {number for number, _ in kinds(say("--state", "seen/last.json", "--format", "jsonl")[1])} == {2, 3}
    _, out, err = say("--state", "seen/last.json")
    assert (out, "nothing new since run 3" in err) == ("", True)


def test_where_the_output_fails_nothing_is_remembered(detected: Any, say: Say) -> None:
    detected(told.kenya())
    Path("folder").mkdir()
    code, _, err = say("--state", "seen.json", "-o", "folder")
    assert (code, "cannot be written" in err) == (2, True)
    assert not Path("seen.json").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"run": "1"}', '{"run": true}', "\x00", "[" * 100_000])
def test_a_state_that_says_nothing_is_not_taken_for_all(text: str, detected: Any, say: Say) -> None:
    detected(told.kenya())
    Path("seen.json").write_text(text)
    code, out, err = say("--state", "seen.json")
    assert (code, out) == (2, "")
    assert "does not say which run" in err


@pytest.mark.parametrize(("since", "says"), [("9", "no run 9"), ("-1", "neither a run nor"), ("soon", "neither a run")])
def test_a_run_that_never_was(since: str, says: str, detected: Any, say: Say) -> None:
    detected(told.kenya())
    code, out, err = say(f"--since={since}")
    assert (code, out, says in err) == (2, "", True)
    Path("seen.json").write_text('{"run": 7}')
    assert "newest run is 1" in say("--state", "seen.json")[2]


def test_one_country(detected: Any, say: Say) -> None:
    detected(told.tables([told.finding()], [told.event(), told.event("u1", country="UG")]))
    _, out, _ = say("--country", "ug", "--format", "jsonl")
    assert [json.loads(line)["event"]["event"] for line in out.splitlines()] == ["u1"]
    one, other = (ElementTree.fromstring(say("--format", "atom", *w)[1]) for w in ((), ("--country", "UG")))
    assert one.findtext(f"{ATOM}id") != other.findtext(f"{ATOM}id")


def test_atom_keeps_its_ids_and_times(four: None, detected: Any, say: Say) -> None:
    feed = ElementTree.fromstring(say("--format", "atom")[1])
    assert [feed.tag, feed.findtext(f"{ATOM}updated")] == [f"{ATOM}feed", "2024-04-04T12:30:00Z"]
    assert "OONI" in (feed.findtext(f"{ATOM}rights") or "")
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    entries = feed.findall(f"{ATOM}entry")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids) == 5
    assert all(one and one.startswith("urn:uuid:") for one in [*ids, feed.findtext(f"{ATOM}id")])
    for entry in entries:
        assert all(entry.findtext(f"{ATOM}{tag}") for tag in ("title", "updated", "published", "content", "rights"))
        content = entry.find(f"{ATOM}content")
        assert content is not None
        assert content.get("type") == "text"
        assert (entry.findtext(f"{ATOM}published") or "") <= (entry.findtext(f"{ATOM}updated") or "")
    detected(told.kenya(), day=9)
    later = ElementTree.fromstring(say("--format", "atom", "--since", "4")[1])
    assert later.findtext(f"{ATOM}id") == feed.findtext(f"{ATOM}id")
    assert set(ids) & {entry.findtext(f"{ATOM}id") for entry in later.findall(f"{ATOM}entry")}
    assert say("--format", "atom")[1] == say("--format", "atom")[1]


def test_feeds_before_anything_was_said(detected: Any, say: Say) -> None:
    detected(told.tables([told.ok()]))
    feed = ElementTree.fromstring(say("--format", "atom")[1])
    assert feed.findall(f"{ATOM}entry") == []
    assert feed.findtext(f"{ATOM}updated")
    assert json.loads(say("--format", "jsonfeed")[1])["items"] == []


def test_json_feed(four: None, say: Say) -> None:
    feed = json.loads(say("--format", "jsonfeed")[1])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["_clampdown"]["run"] == 4
    assert "OONI" in feed["description"]
    for item in feed["items"]:
        assert {"id", "title", "content_text", "date_published", "date_modified"} <= item.keys()
        assert "content_html" not in item


WICKED = (
    "</content><script>alert(1)</script>",
    "]]>",
    "&xxe;",
    "a\u202eb",
    "a\x00b\x0bc",
    "\ufffe\uffff",
    "\ud7ff\u2069x",
)


@pytest.mark.parametrize("name", WICKED)
def test_hostile_names_stay_text(name: str, detected: Any, say: Say) -> None:
    wicked = told.event(
        targets=f"web/{name}", platforms=name, mechanisms=name, why=name, contradicts=f"{name},site_down:{name}",
        pattern=name, supersedes=name,
    )  # fmt: skip
    detected(told.tables([told.finding(f"web/{name}", contradicts=name, pattern=name)], [wicked]))
    text = say("--format", "atom")[1]
    feed = ElementTree.fromstring(text)
    assert "<script" not in text
    (entry,) = feed.findall(f"{ATOM}entry")
    assert {child.tag.removeprefix(ATOM) for child in entry} <= {
        "id", "title", "published", "updated", "category", "content", "rights",
    }  # fmt: skip
    for form in ("text", "jsonl", "jsonfeed"):
        code, out, _ = say("--format", form, "-v")
        assert code == 0
        shown = out if form == "text" else json.dumps(json.loads(out.splitlines()[0] if form == "jsonl" else out))
        if form == "text":
            assert not set("\u202e\x00\x0b") & set(shown)
    assert not set("\u202e\x00\x0b") & set(entry.findtext(f"{ATOM}content") or "")


def test_few_vantage_points_show_days_in_the_log_s_outputs(detected: Any, say: Say) -> None:
    thin = told.finding(network=33771, vantage_low=2, vantage_high=2)
    event = told.event("e3", networks="33771", onset_after=datetime(2023, 11, 14, 3, 7), spread=told.END[1])
    detected(told.tables([thin], [event]))
    later = event | {"onset_after": datetime(2023, 11, 14, 4, 8), "grade": "confirmed"}
    detected(told.tables([thin], [later]), day=2)
    for form in ("text", "jsonl", "atom", "jsonfeed"):
        out = say("--format", form)[1]
        assert "2023" in out
        for clock in ("03:07", "04:08", "06:00", "09:30"):
            assert clock not in out, form
