"""Law: on the page of ways through, what nobody tested or too few did never looks like working, in either language."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.assess import ways as doc
from clampdown.assess.counting import Bounds
from clampdown.errors import UsageError
from clampdown.publish import ways_page, words
from clampdown.publish.words.ways_page import LANGUAGES, Tongue, load

sys.path.insert(0, str(Path(__file__).parent))
import ways
from test_page import Reader

SILENT = ("untested", "insufficient")
MARKS = re.compile("[\u2066-\u2069]")
GREEN = re.compile("[\u2713\u2714\u2705]")
SAMPLES = {
    "full": ways.full(3),
    "counts": ways.counts_only(),
    "empty": ways.empty(),
    "one network": ways.access(
        (ways.way(network=64500), ways.way("tor", "meek", "untested", network=64500)), network=64500
    ),
    "nothing at all": ways.access(()),
}


def html(access: doc.Access, language: str) -> str:
    return ways_page.page(access, language).decode()


def cells(text: str) -> list[str]:
    return re.findall(r"<td class=\"w-.*?</td>", text, re.DOTALL)


def told(text: str) -> str:
    return MARKS.sub("", re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_keeps_its_law(name: str, language: str) -> None:
    data = ways_page.page(SAMPLES[name], language)
    assert data == ways_page.page(msgspec.json.decode(doc.encode(SAMPLES[name]), type=doc.Access), language)
    read = Reader(data)
    root = next(attributes for tag, attributes in read.tags if tag == "html")
    assert (root["lang"], root["dir"]) == (language, "rtl" if language == "fa" else "ltr")
    ids = [a["id"] for _, a in read.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    for tag, attributes in read.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "form", "use")
        assert not {"src", "style", "onload", "onclick"}.intersection(attributes)
        href = attributes.get("href")
        assert href is None or href.startswith("https://") or href[1:] in ids
    assert "default-src 'none'" in str([a for tag, a in read.tags if tag == "meta"])
    assert MARKS.sub("", load(language)["paragraph"]["warning_2"]) in read.said
    assert "{" not in "".join(read.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [s for s in doc.STATES if s != "works"])
def test_only_what_works_looks_like_it(state: str, language: str) -> None:
    """No class, sign or word of working in a cell, a line of the picture or a summary of any other state."""
    numbers: dict[str, Any] = {"n": 40, "ok": 40, "share": 1.0, "low": 0.9, "high": 1.0, "age_ok": 0, "reason": "stale"}
    each = ways.way("tor", "snowflake", state, **numbers)
    text = html(ways.access((each, msgspec.structs.replace(each, network=64500))), language)
    word = load(language)["state"]["works"]
    found = cells(text)
    parts = [*found, *re.findall(r"<li class=\"row\">.*?</li>", text, re.DOTALL),
             *re.findall(r"<ul class=\"nobody\">.*?</ul>", text, re.DOTALL),
             *re.findall(r"<summary>.*?</summary>", text, re.DOTALL)]  # fmt: skip
    assert len(found) == 2
    assert len(parts) >= 3
    for part in parts:
        assert "w-works" not in part
        assert "sign-works" not in part
        assert ways_page.SIGNS["works"] not in part
        assert not GREEN.search(part)
        assert word not in told(part)
    assert all(f'class="w-{state}"' in cell and load(language)["state"][state] in told(cell) for cell in found)
    if state in SILENT:
        assert not any("%" in told(cell) or "٪" in told(cell) for cell in found)
        assert "<circle" not in text
        assert "whisker" not in "".join(parts)
        lead = re.findall(r"<p class=\"standfirst\">.*?</p>", text, re.DOTALL)
        assert not any("Snowflake" in line or "اسنوفلیک" in line for line in lead)


def test_what_works_is_seen_to() -> None:
    """The test above could not fail if these were nowhere."""
    text = html(ways.access((ways.way("tor", "snowflake", "works"),)), "fa")
    (cell,) = cells(text)
    assert ways_page.SIGNS["works"] in cell
    assert "کار می‌کند" in told(cell)
    assert "<circle" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", ["works", "impaired", "conflicting", "blocked"])
def test_the_first_lines_tell_tests_from_counts_alone(state: str, language: str) -> None:
    by_counts: dict[str, Any] = {"grade": "consistent", "reason": "counts_only", "vantage": None, "low": None}
    each = (ways.way("tor", "snowflake", state), ways.way("psiphon", "tunnel", state, **by_counts))
    text = html(ways.access(each), language)
    lead = [told(line).strip() for line in re.findall(r"<p class=\"standfirst\">.*?</p>", text, re.DOTALL)]
    tongue = Tongue(ways.access(each), language)
    for key, way in ((state, each[0]), (f"{state}_counts", each[1])):
        assert MARKS.sub("", tongue.say(key, names=tongue.names([way]))) in lead
    assert (tongue.text_of("none_works") in lead) is (state != "works")


def test_a_missing_cell_is_untested() -> None:
    access = ways.access((ways.way(), ways.way("tor", "meek", network=64500)))
    assert sum('class="w-untested"' in cell for cell in cells(html(access, "en"))) == 2


def test_states_without_colour() -> None:
    assert set(ways_page.SIGNS) == set(doc.STATES)
    assert len(set(ways_page.SIGNS.values())) == len(doc.STATES)


def test_both_languages_have_the_same_keys() -> None:
    one, other = (load(language) for language in LANGUAGES)
    assert set(one) == set(other)
    for section in set(one) - {"mechanism", "country"}:
        assert set(one[section]) == set(other[section]), section
        for key, text in one[section].items():
            assert text.strip()
            assert other[section][key].strip()
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", other[section][key])), key
            assert text.count("|") == other[section][key].count("|"), key
    letters = re.compile("[\u0600-\u06ff]")
    assert all(letters.search(text) for key, text in other["text"].items() if key not in ("brand", "version"))
    assert not letters.search("".join(one["text"].values()))
    assert "ي" not in str(other)  # Persian letters, not their Arabic cousins
    assert "ك" not in str(other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: str) -> None:
    known = load(language)
    assert set(known["state"]) == set(known["state_means"]) == set(doc.STATES)
    assert set(known["stage"]) == set(doc.STAGES)
    assert set(known["reason"]) >= set(words.REASON)
    assert set(known["grade"]) == set(words.GRADE)
    assert set(known["trend"]) == {"rises", "falls", "steady", "unknown"}
    assert {"users_rise_tests_fail", "users_fall_tests_work"} <= set(known["sentence"])
    assert len(set(known["state"].values())) == len(doc.STATES)
    tongue = Tongue(ways.empty(), language)
    for mechanism in words._BRIEF:  # pyright: ignore[reportPrivateUsage]
        assert MARKS.sub("", tongue.mechanism(mechanism)) != mechanism
    assert "new_code" in tongue.reason("new_code")


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_the_page_are_those_of_the_table(language: str) -> None:
    """The terminal has its English in publish/words/ways.py: the same codes, and in English the same states."""
    table = pytest.importorskip("clampdown.publish.words.ways", reason="the table of ways is not here yet")
    known = load(language)
    for section, codes in (("reason", table.REASON), ("stage", table.STAGE), ("trend", table.TREND)):
        assert set(codes) <= set(known[section]), section
    assert set(table.CONFLICT) <= set(known["sentence"])
    if language == "en":
        assert known["state"] == table.STATE


def test_the_picture_is_sorted_and_draws_what_is_known() -> None:
    bars = ways_page.view(ways.full(2)).bars
    points = [bar.way.share for bar in bars if bar.at is not None]
    assert points == sorted(points, key=lambda share: -(share or 0))
    states = [bar.way.state for bar in bars]
    assert states[-1] == "insufficient"
    assert "untested" not in states
    assert [way.way for way in ways_page.view(ways.full(2)).untested] == ["webtunnel", "wireguard"]
    for bar, other in zip(bars, ways_page.view(ways.full(2), mirrored=True).bars, strict=True):
        assert bar.way == other.way
        if bar.at is None or bar.low is None or bar.width is None or other.at is None:
            assert other.at is None
            continue
        assert other.at == pytest.approx(100 - bar.at)
        assert other.low == pytest.approx(100 - bar.low - bar.width, abs=0.02)


def test_a_question_on_one_network_is_answered_for_it() -> None:
    """Beside the country, which may say otherwise."""
    cells = (ways.way(state="works"), ways.way(state="blocked", network=64501), ways.way(network=64500))
    view = ways_page.view(ways.access(cells, network=64501))
    assert (view.whose, [bar.way.state for bar in view.bars]) == (64501, ["blocked"])
    assert view.grids[0].columns == (None, 64501)
    text = html(ways.access(cells, network=64501), "en")
    lead = told("".join(re.findall(r"<p class=\"standfirst\">.*?</p>", text)))
    assert "No way has enough evidence of working." in lead
    assert "Blocked, by tests with enough data: Tor: Snowflake." in lead
    assert ways_page.view(ways.access(cells, network=65000)).whose is None


def test_counts_alone_are_hollow_and_called_so() -> None:
    bars = ways_page.view(ways.counts_only()).bars
    assert all(bar.at is None for bar in bars)
    hollow = {bar.way.way: bar.hollow for bar in bars}
    assert hollow["direct"] == pytest.approx(80.0)
    assert hollow["snowflake"] == hollow["webtunnel"] == pytest.approx(3.65)
    assert hollow["meek"] is None
    assert "obfs4" not in hollow
    said = told(html(ways.counts_only(), "en"))
    for part in ("counts only", "at most consistent", "OONI", "1,071", "41 counts since 14 February 2026"):
        assert part in said, part


def test_stages_since_and_conflicts_are_told() -> None:
    said = told(html(ways.full(2), "en"))
    for part in ("bootstrap at 10% to 50%", "after 16 to 24 kB", "says how far a try came", "rendezvous:ampcache",
                 "began between 13 February 2026 22:00", "has stood so since the data begin",
                 "users stand at 279% of the usual while 4% of 48 tries came through",
                 "users stand at 41% of the usual although 91% of 48 tries came through",
                 "15 February 2026 to 16 February 2026", "the country was nearly dark"):  # fmt: skip
        assert part in said.replace("\u00a0", " "), part
    said = told(html(ways.full(2), "fa"))
    for part in ("۲۷۹٪", "راه‌اندازی در ۱۰٪ تا ۵۰٪", "۳ اسفند ۱۴۰۴ (۲۲ فوریهٔ ۲۰۲۶", "اسنوفلیک", "AS64500"):
        assert part in said, part


def test_many_networks_are_folded_and_none_is_lost_in_silence() -> None:
    many = ways.full(40)
    text = html(many, "en")
    shown = set(re.findall(r"AS(\d+)", "".join(re.findall(r"<th scope=\"col\">.*?</th>", text, re.DOTALL))))
    assert len(shown) == ways_page.MAX_COLUMNS + ways_page.MAX_FOLDED
    assert f"Networks that are not drawn here: {40 - len(shown)}." in told(text)
    busiest = [str(each.network) for each in sorted(many.networks, key=lambda n: -n.measurements)]
    assert shown == set(busiest[: len(shown)])
    kept = text.count('<details class="cell"')
    assert kept <= ways_page.MAX_DETAILS
    targets = set(re.findall(r'href="#(c[0-9a-f]{12})"', text))
    assert targets <= set(re.findall(r'id="(c[0-9a-f]{12})"', text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_text_stays_text(hostile: tuple[str, ...], language: str) -> None:
    for evil in hostile:
        each = ways.way(
            evil, evil, "blocked", reason=evil, targets=(evil,), tests=(evil,), rules=(evil,), mechanisms=(evil,),
            stages=(msgspec.structs.replace(ways.STAGES[0], stage=evil, failures=(evil,)),),
            variants=(msgspec.structs.replace(ways.VARIANTS[0], name=evil, last_ok=evil),),
            since=(msgspec.structs.replace(ways.SINCE[0], target=evil, after=evil, state=evil, event=evil),),
            counted=(ways.counted(source=evil, operator=evil, test=evil, time=evil, since=evil),), last_ok=evil,
        )  # fmt: skip
        people = ways.usage(tool=evil, operator=evil, signal=evil, day=evil, trend=evil, reason=evil, withheld=(evil,))
        labels = {"en": {evil: evil, f"{evil}/{evil}": evil}, "fa": {evil: evil}}
        text = html(ways.access((each,), usage=(people,), labels=labels, limits={evil: 1.5}), language)
        Reader(text.encode())
        assert "<script" not in text
        assert "<img" not in text
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert len(MARKS.findall(text)) % 2 == 0


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(UsageError) as found:
        ways_page.page(ways.empty(), "xx")
    assert "en, fa" in str(found.value.hint)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(doc.STATES), st.none() | st.floats(0, 1), st.booleans()), min_size=1, max_size=6)
)
def test_nothing_is_drawn_of_what_is_not_known(rows: list[tuple[str, float | None, bool]]) -> None:
    made = tuple(
        ways.way("tor", f"w{i}", state, share=share, low=share, high=share,
                 vantage=Bounds(low=2, high=3) if seen else None)
        for i, (state, share, seen) in enumerate(rows)
    )  # fmt: skip
    for bar in ways_page.view(ways.access(made)).bars:
        drawn = (bar.at, bar.hollow, bar.low, bar.width)
        if bar.way.state in SILENT or (bar.way.share is None and not bar.way.counted):
            assert drawn == (None, None, None, None)
        else:
            assert (bar.at is None) != (bar.hollow is None)
            assert all(0 <= part <= 100 for part in drawn if part is not None)
