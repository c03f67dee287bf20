"""Law: what is known of a service is checked when it is read, and the page of sources is made from it alone."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from clampdown.errors import RuleError, UsageError
from clampdown.fetch.known import all_known, known, load
from clampdown.pipeline.fetching import SERVICES
from clampdown.reference.load import load_terms

ROOT = Path(__file__).resolve().parents[3]
DATA = (resources.files("clampdown.fetch") / "services.toml").read_text("utf-8")
TERMS = tomllib.loads((resources.files("clampdown.reference") / "data/terms.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", list(all_known()))
def test_rows_fit_terms_and_planners(name: str) -> None:
    one = known(name)
    assert one.terms in {row.source for row in load_terms(TERMS, "terms.toml")}
    assert one.example.startswith(f"clampdown fetch {name} ")
    assert bool(one.token) == ("token" in SERVICES[name].needs)
    assert all(text.endswith(".") for text in (one.measures, one.limit, one.ask, one.late, *one.cannot))


def test_addresses_of_the_archive_are_the_buckets_own() -> None:
    one = known("ooni")
    assert {part.address for part in one.parts} == {
        "https://ooni-data-eu-fra.s3.eu-central-1.amazonaws.com", "https://ooni-data.s3.amazonaws.com",
    }  # fmt: skip
    from clampdown.fetch.services import ooni

    assert (one.address, one.parts[-1].address) == (ooni.BASE, ooni.OLD_BASE)


def test_a_service_that_is_not_known_is_said() -> None:
    with pytest.raises(UsageError, match="Services: ooni, ooni-api, ioda"):
        known("nobody")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "http://data.ris.ripe.net"), ("address", "https://data.ris.ripe.net/"), ("kind", "x"),
        ("planes", ["x"]), ("signals", ["x/y"]), ("since", "2020"), ("delay", -1), ("delay", "1"), ("parallel", 0),
        ("sources", []), ("cannot", []), ("token", [1]), ("title", 1), ("window", True),
    ],
)  # fmt: skip
def test_a_bad_row_is_an_error_with_its_place(field: str, value: Any) -> None:
    document = tomllib.loads(DATA)
    row = next(each for each in document["services"] if each["name"] == "ris")
    load({"services": [dict(row)]})
    with pytest.raises(RuleError, match=r"services\.toml, ris"):
        load({"services": [row | {field: value}]})
    with pytest.raises(RuleError, match="two rows"):
        load({"services": [row, row]})


def test_the_page_of_sources_says_what_readers_ask() -> None:
    page = (ROOT / "docs/sources.md").read_text("utf-8")
    for one in all_known().values():
        section = page.split(f"\n## {one.name}\n")[1].split("\n## ")[0]
        facts = ("Measures", "How far back", "How late", "How to ask", "Licence", "Cannot show", "Looked up in")
        assert all(f"- **{fact}:**" in section for fact in facts)
        assert f"```sh\n{one.example}\n```" in section
        assert all(f"<{each}>" in section for each in one.sources)
