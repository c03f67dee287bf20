"""Law: a name of a country is found exactly, apart from accents, case and filling words, or it is not found at all."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import RuleError
from clampdown.reference import load_reference, toml
from clampdown.reference.load import own_files
from clampdown.reference.places import country_of, table_of

COUNTRIES = load_reference().countries
PLACES = toml.read(own_files()["clampdown/places.toml"], "places.toml")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ir", "IR"),
        ("IR", "IR"),
        ("irn", "IR"),
        ("Iran (Islamic Republic Of)", "IR"),
        ("Iran, Islamic Republic of", "IR"),
        ("  IRAN ", "IR"),
        ("Republic of the Congo", "CG"),
        ("Congo", "CG"),
        ("Democratic Republic of Congo", "CD"),
        ("DemocraticRepublicCongo", "CD"),
        ("Democratic Republic of (DRC)", "CD"),
        ("Congo-Brazzaville", "CG"),
        ("Burma", "MM"),
        ("Myanmar/Burma", "MM"),
        ("Syrian Arab Republic", "SY"),
        ("Swaziland", "SZ"),
        ("Cote d'Ivoire", "CI"),
        ("Côte d’Ivoire", "CI"),
        ("Ivory Coast (Cote d'Ivoire)", "CI"),
        ("Türkiye", "TR"),
        ("TURKEY", "TR"),
        ("Venezuela, Bolivarian Republic of", "VE"),
        ("Venezuela (Bolivarian Republic of)", "VE"),
        ("SriLanka", "LK"),
        ("Antigua & Barbuda", "AG"),
        ("St. Kitts and Nevis", "KN"),
        ("Bonaire/Sint Eustatius/Saba", "BQ"),
        ("Kyrgyz Republic (Kyrgyzstan)", "KG"),
        ("U.S.A.", "US"),
        ("UK", "GB"),
        ("Somaliland", "SO"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("Guinea", "GN"),
        ("Dominica", "DM"),
        ("Dominican Republic", "DO"),
        ("South Korea", "KR"),
        ("North Korea", "KP"),
        ("IS", "IS"),
        ("XKX", "XK"),
    ],
)
def test_names_in_use(text: str, code: str) -> None:
    assert country_of(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "()",
        "Irann",
        "Nigerr",
        "European Union",
        "ZZ",
        "ZZZ",
        "Korea",
        "Congo (Iran)",
        "Iran/Iraq",
        "x" * 300,
        "Iran today",
    ],
)
def test_likeness_is_no_name(text: str) -> None:
    assert country_of(text) is None


def test_every_country_is_found_by_its_codes_and_its_name() -> None:
    alpha3 = toml.table(PLACES, "alpha3", "")
    # The fictional countries have no codes of three letters.
    fictional = {"XA", "XB", "XC", "XD", "XE"}
    assert COUNTRIES.keys() - alpha3.keys() == fictional
    assert len(set(map(str, alpha3.values()))) == len(alpha3)
    for code, name in COUNTRIES.items():
        assert country_of(code) == country_of(code.lower()) == country_of(name) == code
        assert code in fictional or country_of(str(alpha3[code])) == code


@given(st.text(max_size=30))
def test_any_text_gives_a_known_code_or_none(text: str) -> None:
    found = country_of(text)
    assert found is None or found in COUNTRIES
    assert country_of(text.swapcase()) == found or not text.isascii()


def test_one_name_of_two_countries_is_an_error() -> None:
    countries: toml.Table = {"IR": "Iran", "IQ": "Iraq"}
    with pytest.raises(RuleError, match="of IR and of IQ"):
        table_of(countries, {"alpha3": {}, "names": {"IQ": ["IRAN"]}})
    with pytest.raises(RuleError, match="no country has the code YU"):
        table_of(countries, {"alpha3": {"YU": "YUG"}, "names": {}})


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "column", "others"),
    [
        ("keepiton_2016-2022_flat.csv", "country", set[str]()),
        # The European Union is no country: its record is kept without one.
        ("ioda_investigated_outages_sigcomm2023.csv", "Country", {"European Union"}),
    ],
)
def test_countries_of_published_lists(shared: Path, file: str, column: str, others: set[str]) -> None:
    with (shared / "context" / file).open(encoding="utf-8-sig", newline="") as stream:
        names = {row[column] for row in csv.DictReader(stream)}
    assert len(names) > 50
    assert {name for name in names if country_of(name) is None} == others
