"""Law: no form of a rank shows a place where there is none, and each carries the frame and the warnings."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from clampdown.assess import rank_document as doc
from clampdown.assess.rank_answer import Beside, build
from clampdown.assess.scores import Scores
from clampdown.publish import rank as out
from clampdown.publish.rank_page import page, view
from clampdown.publish.schemas import schema
from clampdown.publish.words import rank as words

sys.path.insert(0, str(Path(__file__).parent))
import countries as w
from countries import NO_PLACE, by_code


@pytest.fixture(scope="module")
def ranked() -> doc.Rank:
    made = w.terms()
    return build(w.given(w.world(), made), w.question(), made)


def test_no_form_ranks_who_was_not_measured(ranked: doc.Rank) -> None:
    """Table, lines, CSV and page: no number stands where there is no place, and the reason does."""
    rows = {row["country"]: row for row in csv.DictReader(io.StringIO(b"".join(out.csv(ranked)).decode()))}
    lines = {line["country"]: line for line in map(json.loads, out.jsonl(ranked)) if line["record"] == "country"}
    text = "\n".join(out.text(ranked, 140))
    placed = {bar.one.country for bar in view(ranked).bars}
    for code, reason in NO_PLACE.items():
        assert rows[code]["state"] in ("not_enough_data", "untested")
        assert rows[code]["reason"] == reason
        for field in ("rank", "rank_low", "probability_top", "probability_top_least", "band_low", "breadth_mean"):
            assert rows[code][field] == ""
            assert lines[code].get(field) is None
        assert code not in placed
        assert not re.search(rf"^\d.*\b{code}\b", text, re.MULTILINE)
        assert re.search(rf"^(untested|not enough data) \(.*\b{code}\b", text, re.MULTILINE)
    html = page(ranked).decode()
    lists = html[html.index('id="without"') : html.index('id="details"')]
    for code in NO_PLACE:
        name = by_code(ranked)[code].name
        assert f"<li>{name}</li>" in lists
        assert f'<th scope="row">{name}</th>' not in html


def test_lines_have_the_shape_of_their_schema(ranked: doc.Rank) -> None:
    check = Draft202012Validator(json.loads(schema("rank")))
    lines = [json.loads(line) for line in out.jsonl(ranked)]
    assert [line["record"] for line in lines[:2]] == ["frame", "country"]
    for line in lines:
        check.validate(line)


def test_every_code_has_words() -> None:
    assert set(doc.STATES) == set(words.STATES)
    assert set(doc.REASONS) == set(words.REASONS)
    source = "".join(p.read_text() for p in Path(doc.__file__).parent.glob("*.py") if "rank" in p.name)
    assert all(f'"{code}"' in source + (Path(doc.__file__).parent / "components.py").read_text()
               for code in doc.REASONS)  # fmt: skip


def test_names_from_outside_are_escaped() -> None:
    made = w.terms()
    found = build(w.given(w.world(), made, names={"CN": "<i>&\u202e"}), w.question(), made)
    html = page(found).decode()
    assert "<i>&" not in html
    assert "\u202e" not in html
    assert "\u202e" not in "\n".join(out.text(found))


def test_words_of_the_page(ranked: doc.Rank) -> None:
    html = page(ranked).decode()
    for warning in words.WARNINGS:
        assert warning in html
        assert warning.split(".")[0] in " ".join(" ".join(out.text(ranked)).split())
    assert "8 countries have enough data, of 13 in the frame" in html
    assert "<script" not in html


def test_comparisons_go_out(ranked: doc.Rank) -> None:
    made = w.terms(compare_countries=5)
    scores = Scores("freedom_house", "part_b", 2018, "is-worse",
                    {"CN": 30, "IR": 28, "RU": 20, "TR": 15, "IN": 9, "KE": 5, "DE": 1}, ())  # fmt: skip
    found = build(w.given(w.world(), made), w.question(), made, beside=[Beside("f.csv", "0" * 64, (scores,))])
    whole, breadth = found.comparisons
    assert (whole.component, breadth.component, whole.n) == (None, "breadth", 6)
    assert whole.missing == ("FI", "NO")
    assert whole.unmeasured == ("DE",)
    assert {one.of: one.value for one in breadth.agreement} == {"spearman": 1.0, "kendall": 1.0}
    assert "part B, limits on content" in page(found).decode()
    assert any("part B" in line for line in out.text(found))
    check = Draft202012Validator(json.loads(schema("rank")))
    for line in out.jsonl(found):
        check.validate(json.loads(line))


def test_only_countries_of_the_frame_are_compared() -> None:
    """China and Iran have values and are outside of the frame: in no line of the comparison, and not unmeasured."""
    made = w.terms(compare_countries=3)
    scores = Scores("given", "score", None, "is-worse", {"CN": 1, "IR": 2, "RU": 20, "TR": 15, "IN": 9, "KE": 5}, ())
    given = w.given(w.world(), made, frame=("NO", "FI", "KE", "IN", "TR", "RU", "SE"))
    found = build(given, w.question(), made, beside=[Beside("f.csv", "0" * 64, (scores,))])
    assert [one.component for one in found.comparisons] == [None, "breadth"]
    for one in found.comparisons:
        assert (one.n, one.missing, one.unmeasured) == (4, ("FI", "NO"), ())
        assert {pair.country for pair in one.pairs} == {"RU", "TR", "IN", "KE"}
        assert [agreement.value for agreement in one.agreement] == [1.0, 1.0]
