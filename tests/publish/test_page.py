"""Law: the page asks nobody for anything, says `k of n`, and prints what others wrote as text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from clampdown import assess
from clampdown.assess.names import Group, Names
from clampdown.model import COVERAGE, FIRED
from clampdown.publish import charts, words
from clampdown.publish import numbers as num
from clampdown.publish.page import page
from clampdown.publish.words import cells as tell

Make = Callable[..., dict[str, Any]]
VOID = {"meta", "br", "img", "link", "input", "rect", "line", "circle", "path", "wbr"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag that opens is closed in its turn."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(data.decode("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.text.append(data)

    @property
    def said(self) -> str:
        return re.sub(r"\s+", " ", re.sub("[\u2068\u2069]", "", " ".join(self.text)))


@pytest.fixture(scope="module", name="read")
def _read(eventful: assess.Answer) -> Reader:
    return Reader(page(eventful.report))


def test_the_answer_comes_first_and_counts(read: Reader) -> None:
    said = read.said
    assert said.index("Which social networks and messengers are blocked in Xanadia?") < said.index(
        "Targets and networks"
    )
    assert "Picnic in 7 of 7 networks with enough data" in said
    assert "Blocked in 7 of 7 networks with enough data" in said
    assert "Blocked in 3 of 7 networks with enough data; partly blocked in 2" in said
    assert "Refused by the far end in 7 of 7 networks with enough data" in said
    assert "In the last 14 days, since 17 October, Carrier Pigeon in" in said
    assert "banned" not in said
    assert "Synthetic data." in said
    assert "No measurement from the country is at hand for 1 day: 11 October." in said
    assert "Asked about, and without any measurement here in this period: Semaphore" in said


def test_no_request_leaves_the_page(read: Reader) -> None:
    for tag, attributes in read.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "video", "audio")
        assert not {"src", "srcset", "style", "background", "action", "ping"}.intersection(attributes), tag
        assert not [name for name in attributes if name.startswith("on")]
        href = attributes.get("href")
        assert href is None or tag == "a"
        assert href is None or href.startswith(("#", "https://"))
    assert not re.search(r"url\(|@import|@font-face|expression", read.style)


def test_the_policy_names_the_style_by_its_hash(read: Reader) -> None:
    policy = next(
        a["content"] for t, a in read.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    wanted = base64.b64encode(hashlib.sha256(read.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{wanted}'; base-uri 'none'; form-action 'none'"


def test_every_link_within_the_page_leads_somewhere(read: Reader) -> None:
    ids = [a["id"] for _, a in read.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    inner = {str(a["href"])[1:] for _, a in read.tags if str(a.get("href", "")).startswith("#")}
    assert inner
    assert inner <= set(ids)


def test_pictures_have_words(read: Reader) -> None:
    ids = {a["id"] for t, a in read.tags if t in ("title", "desc") and a.get("id")}
    for tag, attributes in read.tags:
        if tag == "svg" and "tip" not in str(attributes.get("class")):  # a part of the picture around it
            told = str(attributes.get("aria-labelledby") or "").split()
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true" or told
            assert set(told) <= ids
    assert len(ids) >= 12


def test_synthetic_measurements_do_not_link(answer: assess.Answer) -> None:
    assert b"explorer.ooni.org" not in page(answer.report)


def test_public_measurements_link(
    names: Names, inputs: assess.Inputs, verdict: Make, table: Callable[..., pa.Table]
) -> None:
    uid = "20260901073532.48234{}_KE_webconnectivity_0123456789abcdef"
    rows = [
        verdict(i, measurement=uid.format(i), country="KE", vantage=f"c{i % 2}", state="blocked", rule="tls.reset",
                mechanism="tls.reset.sni", day=f"2026-09-0{i + 1}")
        for i in range(6)
    ]  # fmt: skip
    real = msgspec.structs.replace(names, synthetic=False, country="Kenya")
    made = assess.build(
        table("verdicts", rows), FIRED.empty_table(), COVERAGE.empty_table(), assess.Question(country="KE"),
        assess.load_thresholds(), real, inputs,
    )  # fmt: skip
    read = Reader(page(made.report))
    links = {a["href"] for t, a in read.tags if t == "a"}
    assert f"https://explorer.ooni.org/m/{uid.format(0)}" in links
    assert "Synthetic data." not in read.said


def test_what_others_wrote_is_text(
    hostile: tuple[str, ...], names: Names, inputs: assess.Inputs, verdict: Make, table: Callable[..., pa.Table]
) -> None:
    """Every string field of every row, and every label, may be hostile; the page keeps its shape."""
    rows: list[dict[str, Any]] = []
    fired: list[dict[str, Any]] = []
    for index, text in enumerate(hostile):
        for number in range(6):
            row = verdict(
                index * 100 + number, target=f"web/{text}", state="blocked", mechanism=text, rule=text, test=text,
                software=text, platform=text, measurement=f"{text}{index}{number}", vantage=f"{text}{number % 3}",
                network_type=text, test_version=text, network=64500 + index % 3, day=f"2026-09-0{number + 1}",
            )  # fmt: skip
            rows.append(row)
            fired.append({
                "measurement": row["measurement"], "target": row["target"], "layer": text, "seq": 0, "rule": text,
                "verdict": text, "mechanism": text, "won": True, "decides": True, "fingerprint": text,
                "day": row["day"],
            })  # fmt: skip
    labels = {str(n): hostile[n % len(hostile)] for n in range(64500, 64503)}
    groups = tuple(Group(id=group.id, label=hostile[6]) for group in names.groups)
    bad = msgspec.structs.replace(names, country=hostile[0], networks=labels, groups=groups)
    made = assess.build(
        table("verdicts", rows), table("fired", fired), COVERAGE.empty_table(), assess.Question(country="XA"),
        assess.load_thresholds(), bad, inputs,
    )  # fmt: skip
    data = page(made.report)
    read = Reader(data)
    assert not {"script", "img"}.intersection(tag for tag, _ in read.tags)
    assert "</script><script>alert(1)</script>" in read.said
    for char in ("\u202e", "\x00", "\x1b"):
        assert char not in data.decode()
    assert "\\u202egnp.exe" in read.said
    assert not [a for _, a in read.tags for name in a if name.startswith("on")]
    # A label that closes an isolate, or opens one, is shown as such, so that isolates stay paired.
    assert data.decode().count("\u2068") == data.decode().count("\u2069")
    assert assess.check(
        assess.encode(made.report), table("verdicts", rows), table("fired", fired), COVERAGE.empty_table()
    ).holds


def test_an_empty_period_is_a_page_of_silence(
    world: tuple[pa.Table, pa.Table, pa.Table], names: Names, inputs: assess.Inputs
) -> None:
    asked = assess.Question(country="XA", since=datetime(2030, 1, 1), until=datetime(2030, 1, 3))
    said = Reader(page(assess.build(*world, asked, assess.load_thresholds(), names, inputs).report)).said
    assert "There is too little data to say anything of any of them." in said
    assert "1 January to 2 January 2030" in said
    assert "reachable wherever" not in said


def test_a_long_period_says_that_its_end_is_drawn(
    world: tuple[pa.Table, pa.Table, pa.Table], names: Names, inputs: assess.Inputs
) -> None:
    for year, drawn in ((2024, True), (2026, False)):
        asked = assess.Question(country="XA", since=datetime(year, 8, 1), until=datetime(2026, 11, 1))
        said = Reader(page(assess.build(*world, asked, assess.load_thresholds(), names, inputs).report)).said
        assert ("The last 400 days of the period are drawn: " in said) == drawn


def test_a_single_target(world: tuple[pa.Table, pa.Table, pa.Table], names: Names, inputs: assess.Inputs) -> None:
    asked = assess.Question(country="XA", target="telegram")
    said = Reader(page(assess.build(*world, asked, assess.load_thresholds(), names, inputs).report)).said
    assert "Is Telegram blocked in Xanadia?" in said
    assert "Telegram: blocked in 3 of 7 networks with enough data; partly blocked in 2." in said


def test_the_same_report_gives_the_same_bytes(answer: assess.Answer) -> None:
    assert page(answer.report) == page(assess.decode(assess.encode(answer.report)))


@pytest.mark.parametrize(
    ("tries", "state"),
    [
        ({}, None), ({"unknown": 3}, "unknown"), ({"ok": 1}, "ok"), ({"ok": 2, "blocked": 2}, "conflicting"),
        ({"blocked": 3, "ok": 1, "unknown": 9}, "blocked"), ({"mixed": 1}, "conflicting"),
    ],
)  # fmt: skip
def test_the_state_of_a_day(tries: dict[str, int], state: str | None) -> None:
    assert charts.day_state(tries) == state


def test_a_strip_draws_what_was_counted(answer: assess.Answer) -> None:
    report = answer.report
    days = sorted({*report.period.tested, *report.period.silent})
    networks = {n.network: n for n in report.networks}
    for cell in report.cells:
        drawn = charts.strip([cell], days, report.period.silent, networks)
        assert sum(path.d.count("M") for path in drawn.paths) == len(cell.days) == len(drawn.lines[0].states)
        away = len(networks[cell.network].silent)
        assert drawn.untried.count("M") == len(days) - len(cell.days) - away
        assert drawn.silent == ((40, 1),)
    assert charts.HEIGHT["ok"] < min(charts.HEIGHT[s] for s in ("blocked", "throttled", "refused", "conflicting"))


def test_every_mechanism_has_words() -> None:
    from clampdown.reference import load_reference

    known = load_reference().mechanisms
    for mechanism in known.labels:
        assert "without a name here" not in words.how(mechanism), mechanism
        assert len(words.how_brief(mechanism)) <= 20, mechanism
        assert words.how_brief(mechanism) != mechanism
    assert "without a name here" in words.how("nonsense.of.some.kind")
    assert words.how(None) == ""
    assert words.how("tls.reset.sni") != words.how("tls.reset") != words.how("tls.reset.other")


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (num.percent(0.999), "99%"), (num.percent(0.001), "1%"), (num.percent(1.0), "100%"), (num.percent(0.0), "0%"),
        (num.bounds(3, 3), "3"), (num.bounds(3, 1200), "3–1,200"), (num.plural(1, "day"), "1 day"),
        (num.plural(2, "try", "tries"), "2 tries"), (num.listed(["a", "b", "c"]), "a, b and c"), (num.listed([]), ""),
        (num.period("2026-09-01", "2026-10-30"), "1 September to 30 October 2026"),
        (num.period("2025-12-31", "2026-01-01"), "31 December 2025 to 1 January 2026"),
        (num.days_text(["2026-10-11", "2026-10-14", "2026-10-15"]), "11 October and 14 to 15 October"),
        (num.days_text(["2026-09-30", "2026-10-01"]), "30 September to 1 October"),
        (num.days_text(["2025-12-31", "2026-01-01"]), "31 December 2025 to 1 January 2026"),
        (num.day("unknown"), "unknown"), (num.plain("a\u202eb\x07"), "a\\u202eb\\u0007"),
        (num.plain("می\u200cخواهم"), "می\u200cخواهم"), (num.plain("x" * 400), "x" * 299 + "…"),
    ],
)  # fmt: skip
def test_numbers_read_the_same_everywhere(made: str, wanted: str) -> None:
    assert made == wanted


def test_prose_has_a_word_for_every_state_and_reason() -> None:
    from clampdown.assess.headlines import PLATFORM_STATES
    from clampdown.model import GRADES, STATES

    assert {*STATES, *PLATFORM_STATES} <= set(words.STATE)
    assert set(GRADES) == set(words.GRADE)
    assert {*words.REASON} == {*words.REASON_BRIEF}
    for reason in words.REASON:
        assert tell.reason(reason, assess.load_thresholds())
