"""Law: a published score counts the way its year says, or its reader; a correlation is told where it can be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from clampdown.assess.comparing import compare, kendall, spearman
from clampdown.assess.scores import IS_BETTER, IS_WORSE, read
from clampdown.errors import Error

sys.path.insert(0, str(Path(__file__).parent))
import countries as w

FREEDOM = b"Country,Status,A Obstacles to Access,B Limits on Content,C Violations of User Rights,Total\n"
MARKED = b"country,A_obstacles_0_25,B_limits_0_35,C_violations_0_40,total_0best_100worst\nKenya,1,2,3,6\n"
PRESS = b'year,iso3,rank,score_raw\n2012,FIN,1,"-10,00"\n2022,NOR,1,"92,65"\n2022,PRK,180,"13,92"\n2024,NOR,1,9189\n'
PLAIN = b"country;score\nKenya;1,5\nIran (Islamic Republic of);99\nAtlantis;3\n\n"

READ = [
    ("fotn2018.csv", FREEDOM + b"Turkey,x,10,20,30,60\n", {}, "freedom_house", "total", 2018, IS_WORSE, {"TR": 60.0}),
    ("fotn-2019.csv", FREEDOM + b"Turkey,x,10,20,30,60\n", {}, "freedom_house", "total", 2019, IS_BETTER, {"TR": 60.0}),
    ("fotn.csv", FREEDOM + b"Turkey,x,1,2,3,6\n", {"year": 2021}, "freedom_house", "total", 2021, IS_BETTER,
     {"TR": 6.0}),
    ("fotn.csv", FREEDOM + b"Turkey,x,1,2,3,6\n", {"higher": IS_WORSE}, "freedom_house", "total", None, IS_WORSE,
     {"TR": 6.0}),
    ("scores.csv", MARKED, {}, "freedom_house", "total", None, IS_WORSE, {"KE": 6.0}),
    ("rsf.csv", PRESS, {}, "rsf", "rank", 2024, IS_WORSE, {"NO": 1.0}),
    ("rsf.csv", PRESS, {"until": 2023}, "rsf", "rank", 2022, IS_WORSE, {"NO": 1.0, "KP": 180.0}),
    ("rsf.csv", PRESS, {"until": 1999}, "rsf", "rank", 2012, IS_WORSE, {"FI": 1.0}),
    ("own.csv", PLAIN, {"higher": IS_BETTER}, "given", "score", None, IS_BETTER, {"KE": 1.5, "IR": 99.0}),
]  # fmt: skip


@pytest.mark.parametrize("case", READ, ids=[f"{case[0]}-{n}" for n, case in enumerate(READ)])
def test_what_a_file_says(case: tuple[object, ...]) -> None:
    name, data, asked, publisher, measure, year, higher, values = case
    first = read(data, name, **asked)[0]  # type: ignore[arg-type]
    assert (first.publisher, first.measure, first.year, first.higher, dict(first.values)) == (
        publisher, measure, year, higher, values,
    )  # fmt: skip


def test_part_b_stands_beside_the_total() -> None:
    found = {one.measure: dict(one.values) for one in read(MARKED, "x.csv")}
    assert found == {"total": {"KE": 6.0}, "part_b": {"KE": 2.0}, "part_a": {"KE": 1.0}, "part_c": {"KE": 3.0}}
    assert list(found)[:2] == ["total", "part_b"]


def test_a_name_without_a_code_is_said() -> None:
    assert read(PLAIN, "x.csv", higher=IS_WORSE)[0].unknown == ("Atlantis",)


@pytest.mark.parametrize(
    ("data", "asked", "hint"),
    [
        (PLAIN, {}, "--higher"),
        (FREEDOM + b"Turkey,x,1,2,3,6\n", {}, "--higher"),
        (PRESS, {"year": 1990}, "2012, 2022, 2024"),
        (b"", {}, "country,score"),
        (b"country,score\n", {}, "country,score"),
        (b"a,b\n1,2\n", {}, "country,score"),
        (b"country,points\nKenya,2\n", {"higher": IS_WORSE}, "header"),
        (b"country,score\nAtlantis,1\n", {"higher": IS_WORSE}, "country,score"),
        (b"\xff\xfe\x00", {}, "UTF-8"),
        (b"country,score\nKE,1\nUganda,nan\n", {"higher": IS_WORSE}, "score of Uganda is nan"),
        (b"country,score\nKE,1\nUG,-Infinity\n", {"higher": IS_WORSE}, "score of UG is -Infinity"),
        (b"country,score\nKE,1\nUG,1e999\n", {"higher": IS_WORSE}, "score of UG is 1e999"),
        (b"country,score\nKE,1\nUG,2\nKenya,3\n", {"higher": IS_WORSE}, r"Kenya \(KE\) stands in it more than once"),
        (b"country,year,score\nKE,2019,1\nKE,2019,3\n", {"higher": IS_WORSE}, "KE"),
        (FREEDOM + b"Turkey,x,1,2,3,6\nTurkey,x,1,2,3,7\n", {"year": 2018}, "Turkey"),
    ],
)
def test_errors_say_what_to_do(data: bytes, asked: dict[str, object], hint: str) -> None:
    with pytest.raises(Error, match=hint):
        read(data, "x.csv", **asked)  # type: ignore[arg-type]


def test_correlations_by_hand() -> None:
    """Ranks 1 2 3 4 and 1 3 2 4: Spearman 1 - 6 * 2 / 60 = 0.8; five pairs agree, one does not: 4 / 6."""
    a, b = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])
    assert spearman(a, b) == pytest.approx(0.8)
    assert kendall(a, b) == pytest.approx(4 / 6)
    assert (spearman(a, -a), kendall(a, -a)) == (-1.0, -1.0)
    assert np.isnan(kendall(a, np.zeros(4)))


def test_the_interval_carries_our_doubt_and_their_number() -> None:
    limits = w.terms(bootstraps=400).limits
    names = [f"{a}{b}" for a in "ABCD" for b in "EFGHI"]
    codes = [code for code in w.load_reference().countries if code.isalpha()][: len(names)]
    dice = np.random.default_rng(5)
    truth = np.arange(len(codes), dtype=float)
    scores = read("\n".join(["country,score", *(f"{c},{v}" for c, v in zip(codes, truth, strict=True))]).encode(), "x",
                  higher=IS_WORSE)[0]  # fmt: skip
    found = []
    for noise in (0.01, 8.0):
        draws = truth + dice.normal(0, noise, (300, len(codes)))
        made = compare(draws, codes, scores, limits, file="x", digest="d", seed=1).agreement[0]
        found.append((made.low, made.high))
        assert made.low <= made.value + 0.2
    assert found[0][0] > 0.97
    assert found[1][0] < 0.8
    assert found[1][1] - found[1][0] > 3 * (found[0][1] - found[0][0])


def test_the_other_way_round_is_the_same_order() -> None:
    limits = w.terms(compare_countries=3).limits
    draws = np.array([[3.0, 2.0, 1.0]] * 4)
    one, other = (
        compare(draws, ("KE", "UG", "TZ"), read(b"country,score\nKE,%d\nUG,2\nTZ,%d\n" % ends, "x", higher=way)[0],
                limits, file="x", digest="d", seed=1)
        for ends, way in (((3, 1), IS_WORSE), ((1, 3), IS_BETTER))
    )  # fmt: skip
    assert one.agreement[0].value == other.agreement[0].value == 1.0
    assert one.pairs == other.pairs


@pytest.mark.parametrize(("values", "reason"), [(b"KE,1\n", "few_in_common"), (b"KE,1\nUG,1\nTZ,1\n", "no_order")])
def test_where_there_is_no_correlation_the_reason_is_said(values: bytes, reason: str) -> None:
    limits = w.terms(compare_countries=3).limits
    scores = read(b"country,score\n" + values, "x", higher=IS_WORSE)[0]
    made = compare(np.array([[3.0, 2.0, 1.0]] * 4), ("KE", "UG", "TZ"), scores, limits, file="x", digest="d", seed=1)
    assert (made.agreement, made.reason) == ((), reason)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("least", [2, 3])
@pytest.mark.parametrize("values", [(-1e308, 0, 1e308), (1.7e308, -1.7e308, 0), (1e-320, 0, -1e-320), (1, 1, 2)])
def test_no_number_that_is_read_makes_a_warning(values: tuple[float, ...], least: int) -> None:
    limits = w.terms(compare_countries=least).limits
    text = "\n".join(["country,score", *(f"{c},{v}" for c, v in zip(("KE", "UG", "TZ"), values, strict=True))])
    scores = read(text.encode(), "x", higher=IS_WORSE)[0]
    for draws in ([[3.0, 2.0, 1.0]] * 4, [[3.0, 0.0, 0.0], [0.0, 1.0, 1.0]]):
        made = compare(np.array(draws), ("KE", "UG", "TZ"), scores, limits, file="x", digest="d", seed=1)
        assert not any(np.isnan([a.value, a.low, a.high]).any() for a in made.agreement)


@pytest.mark.shared
def test_the_published_files(shared: Path) -> None:
    """Freedom on the Net 2018 and RSF: all names of the one are known; the other's own codes are said."""
    freedom = read((shared / "context/fotn2018.csv").read_bytes(), "fotn2018.csv")
    assert [(one.measure, one.higher, len(one.values), one.unknown) for one in freedom[:2]] == [
        ("total", IS_WORSE, 65, ()), ("part_b", IS_WORSE, 65, ()),
    ]  # fmt: skip
    press = read((shared / "context/rsf_selected_years.csv").read_bytes(), "rsf.csv", until=2020)[0]
    assert (press.year, press.higher, len(press.values)) == (2019, IS_WORSE, 178)
    assert press.values["NO"] == 1
