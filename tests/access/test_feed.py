"""Law: the files of a feed hold what may be said of a country, and no form in which a person could be found."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from feeds import DAYS, FEED, OONI, SNOW, TYPES, answer, day, forged, inputs, people, seen, usual
from jsonschema import Draft202012Validator

from clampdown.assess.ways import Access, Counted
from clampdown.evidence import Witness, Witnesses
from clampdown.model import Terms
from clampdown.publish.schemas import schema
from clampdown.publish.ways_feed import INDEX, MAP, SCHEMAS, Given, build, country
from clampdown.publish.words import feed as words
from clampdown.reference.tools import tool_table, ways_of

sys.path.append(str(Path(__file__).resolve().parents[1] / "laws"))
import plants

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {name: schema(name) for name in SCHEMAS.values()}
CLOSED = Terms("shut", "none stated", "no", "Shut", "https://shut.example")
SHARE = Terms("open", "CC-BY-SA-4.0", "share-alike", "Open", "")
WORLD = usual() + people("tor/obfs4", "." * 85 + "o", 1) + usual("signal/app", "b")


def given(rows: list[dict[str, Any]], **other: Any) -> Given:
    return Given(answer(rows, **other), answer(rows, DAYS - 4, **other), seen(rows))


def feed(rows: list[dict[str, Any]] = WORLD, **other: Any) -> dict[str, bytes]:
    return build({"XA": given(rows, **other)}, SHAPES, FEED, TYPES).files


def rows_of(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    return {f"{row['tool']}/{row['way']}": row for row in json.loads(files["feed/v1/XA.json"])["ways"]}


def test_files_and_their_index() -> None:
    made = feed()
    index = json.loads(made[INDEX])
    assert set(made) == {
        INDEX, MAP, "feed/v1/XA.json", "schema/country.json", "schema/index.json", "schema/map.json",
    }  # fmt: skip
    assert [each["name"] for each in index["files"]] == sorted(made.keys() - {INDEX})
    assert (index["countries"], index["as_of"], index["valid_until"]) == (["XA"], day(DAYS - 1), day(DAYS + 13))
    assert MAP not in build({"XA": given(WORLD)}, SHAPES, FEED).files
    about = " ".join(index["about"])
    for said in ("tells a censor what is left", "the choice of whoever runs", "no endpoint for apps", "no_evidence"):
        assert said in about
    assert "may be punished" in index["warning"]


@pytest.mark.parametrize(
    ("name", "shape"), [("feed/v1/XA.json", "access-feed"), (INDEX, "access-feed-index"), (MAP, "access-feed-map")]
)
def test_files_fit_their_schemas(name: str, shape: str) -> None:
    check = Draft202012Validator(json.loads((ROOT / f"docs/schema/{shape}.json").read_text()))
    made = json.loads(feed()[name])
    check.validate(made)
    assert not check.is_valid({**made, "address": "192.0.2.1"})
    assert SHAPES[shape] == (ROOT / f"docs/schema/{shape}.json").read_bytes()


def test_the_same_answers_give_the_same_bytes() -> None:
    assert feed() == feed(list(reversed(WORLD)))
    two = {"XB": given(usual(letter="b")), "XA": given(WORLD)}
    assert build(two, SHAPES, FEED, TYPES).files == build(dict(reversed(two.items())), SHAPES, FEED, TYPES).files


def test_no_evidence_carries_no_number_and_is_never_said_to_work() -> None:
    """Nobody tried; too few tried, all with success: in the file, and in the map."""
    made = feed()
    rows = rows_of(made)
    empty = {"tool", "way", "state", "reason", "grade"}
    for name, reason in (("psiphon/tunnel", "untested"), ("tor/obfs4", "insufficient"), ("tor/meek", "untested")):
        row = rows[name]
        assert (row["state"], row["reason"], row["grade"]) == ("no_evidence", reason, "insufficient")
        assert all(row[field] in (None, {}) for field in row.keys() - empty)
    assert rows["tor/snowflake"]["state"] == "works"
    assert rows["signal/app"]["state"] == "blocked"
    entry = json.loads(made[MAP])["xa"]
    assert [one["bridges"]["type"] for one in entry["settings"]] == ["snowflake"]
    bare = feed([])
    assert {row["state"] for row in rows_of(bare).values()} == {"no_evidence"}
    assert (json.loads(bare[MAP])["xa"]["settings"], json.loads(bare[MAP])["xa"]["no_evidence"]) == ([], True)
    for name in ("feed/v1/XA.json", MAP):
        assert b'"works"' not in bare[name]


def test_a_row_says_what_it_rests_on() -> None:
    row = rows_of(feed())["tor/snowflake"]
    assert (row["grade"], row["share"], row["age_ok"], row["last_ok"]) == ("corroborated", 1.0, 0, day(DAYS - 1))
    assert row["low"] < row["high"] == 1.0
    assert row["n"] == 28 * 6
    assert row["vantage"]["low"] == 3
    assert (row["networks"], row["networks_state"]) == (2, 2)
    assert row["evidence"]["ok"]["count"] == 28 * 6
    assert re.fullmatch("[0-9a-f]{64}", row["evidence"]["ok"]["digest"])


def test_a_digest_that_could_be_guessed_is_left_out() -> None:
    """The ids of measurements are public: the digest of a short list can be found by trying."""
    row = rows_of(feed(usual(many=2)))["tor/snowflake"]
    assert row["state"] == "works"
    assert row["vantage"]["low"] == 2
    assert row["evidence"]["ok"]["digest"] is None


# ---- terms -------------------------------------------------------------------------------------------------------


def test_the_strictest_terms_and_every_attribution() -> None:
    made = json.loads(feed(inputs=inputs(OONI, SHARE))["feed/v1/XA.json"])
    assert made["terms"] == {
        "redistribute": "non-commercial", "licence": "CC-BY-NC-SA-4.0",
        "attribution": ["OONI (CC-BY-NC-SA-4.0)", "Open (CC-BY-SA-4.0)"],
    }  # fmt: skip
    assert json.loads(feed(inputs=inputs(OONI, SHARE))[INDEX])["terms"] == made["terms"]
    assert json.loads(feed([])["feed/v1/XA.json"])["terms"] is None, "nothing of anybody is in it"


@pytest.mark.parametrize("word", ["no", "perhaps"])
def test_what_a_source_does_not_allow_is_left_out_and_counted(word: str) -> None:
    shut = Terms("shut", "none", word, "Shut", "")
    made = feed(inputs=inputs(OONI, shut))
    file = json.loads(made["feed/v1/XA.json"])
    assert file["left_out"] == 3
    assert json.loads(made[INDEX])["left_out"] == 3
    row = rows_of(made)["tor/snowflake"]
    assert (row["state"], row["reason"], row["share"]) == ("no_evidence", "closed", None)
    assert json.loads(made[MAP])["xa"]["no_evidence"] is True
    assert b"Shut" not in made["feed/v1/XA.json"]


def counted(source: str) -> Counted:
    return Counted(
        source=source, operator="x", test="torsf", time="2026-11-29", n=132, failed=128, failed_share=0.97, since=None,
        counts=1, share_low=0.97, share_high=0.97,
    )  # fmt: skip


def only_counts(source: str, *terms: Terms) -> Access:
    made = answer([], inputs=inputs(*terms, measurements=0))
    ways = tuple(
        msgspec.structs.replace(
            way, state="blocked", reason="counts_only", grade="consistent", n=132, share=0.03, vantage=None,
            counted=(counted(source),),
        )
        if (way.tool, way.way, way.network) == ("tor", "snowflake", None)
        else way
        for way in made.ways
    )  # fmt: skip
    return msgspec.structs.replace(made, ways=ways)


def test_counts_are_as_open_as_their_own_source() -> None:
    for source, terms, state in (
        ("open", SHARE, "blocked"),
        ("shut", CLOSED, "no_evidence"),
        ("?", SHARE, "no_evidence"),
    ):
        file, closed = country(only_counts(source, terms), FEED)
        row = next(row for row in file.ways if (row.tool, row.way) == ("tor", "snowflake"))
        assert row.state == state
        assert bool(closed) == (state == "no_evidence")
        assert row.vantage is None


# ---- no one is exposed -------------------------------------------------------------------------------------------

FORMS = {
    "an address": r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b",
    "an address of version 6": r"(?i)(?<![0-9a-f])[0-9a-f]{0,4}:[0-9a-f]{0,4}:",
    "a network": r"\bAS\s?\d+|\b64[57]\d\d\b",
    "a host": r"\b[a-z0-9-]+\.(?:example|com|net|org|ir|arpa|onion)\b",
    "an address of the web": "https?:|//",
    "a time of day": r"T\d\d:|\d\d:\d\d",
    "a bridge": r"(?i)cert=|iat-mode|fingerprint|front=|url=|\bbridge [a-z]+ ",
    "a measurement": r"\bm-\d|\d{14}\.\d{6}_|\d{8}T\d{6}Z",
    "a session": r"\bf\d+-|\bv\d+-\d{4}",
}


def hostile() -> Access:
    """Every text of an answer that a stranger may have had a hand in says something of somebody."""
    rows = usual() + forged(SNOW, "o", 85, 89, 1)
    made = answer(rows)
    texts = [text for kind in plants.KINDS.values() for text in kind.texts] + ["AS64500", "2024-03-01T10:11:12Z"]
    ways: list[Any] = []
    for number, way in enumerate(made.ways):
        text = texts[number % len(texts)]
        one = Witness(
            measurement=f"m-{text}", day=day(1), time="2026-09-02T10:11:12Z", vantage=1, link=f"https://{text}/"
        )
        ways.append(
            msgspec.structs.replace(
                way, reason=text, last_ok=f"{day(80)}T10:11:12Z", targets=(text,), tests=(text,), rules=(text,),
                mechanisms=(text,), witnesses={"ok": Witnesses(count=1, digest="0" * 64, first=(one,)), text: Witnesses(
                    count=1, digest=text, first=(one,))},
            )
        )  # fmt: skip
    labels = {"en": dict.fromkeys(("tor", "tor/snowflake"), texts[0])}
    return msgspec.structs.replace(made, ways=tuple(ways), labels=labels, witnesses_digest=texts[1])


def test_no_form_of_a_person_or_a_way_in_is_in_any_file() -> None:
    given = Given(hostile(), hostile(), seen(usual()))
    for rows in (build({"XA": given}, SHAPES, FEED, TYPES).files, feed()):
        own = {name: data.decode() for name, data in rows.items() if not name.startswith("schema/")}
        for name, text in own.items():
            for prose in (words.WARNING, words.NOTE, words.NOTHING, *words.ABOUT):
                text = text.replace(json.dumps(prose)[1:-1], "")
            for way in ways_of(tool_table()):
                text = text.replace(f'"way": "{way.id}"', "")
            if name != INDEX:
                assert json.loads(own[name])
            for form, pattern in FORMS.items():
                found = re.search(pattern, text)
                assert found is None, f"{name} holds {form}: {text[max(0, found.start() - 40) : found.end() + 40]}"
            for kind in plants.KINDS.values():
                assert not [piece for piece in kind.pieces if piece in text]
    assert rows_of(build({"XA": given}, SHAPES, FEED, TYPES).files)["tor/snowflake"]["reason"] is None


def test_the_search_finds_what_it_looks_for() -> None:
    """Each form is found in an answer itself, so that the search is not blind."""
    text = msgspec.json.encode(hostile()).decode()
    for form in ("an address", "a host", "an address of the web", "a time of day", "a measurement", "a network"):
        assert re.search(FORMS[form], text), form


def test_no_row_of_a_network() -> None:
    made = answer(usual())
    assert {way.network for way in made.ways} == {None, 64500, 64501}
    file, _ = country(made, FEED)
    other = msgspec.structs.replace(made, ways=(msgspec.structs.replace(made.ways[0], way="192.0.2.1"), *made.ways))
    assert country(other, FEED)[0] == file, "nor one that is not in the table of tools"
    keys = [(row.tool, row.way) for row in file.ways]
    assert len(keys) == len(set(keys)) == len([way for way in made.ways if way.network is None])
