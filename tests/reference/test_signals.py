"""Law: what a signal tells of is a row of a table; a signal without a row is told by its own file alone."""

from __future__ import annotations

from typing import Any

import pytest

from clampdown.errors import RuleError
from clampdown.model_signals import PLANES
from clampdown.reference import load_reference
from clampdown.reference.signals import load_signals, signal_table

TABLE = signal_table()


@pytest.mark.parametrize(
    ("signal", "plane", "operator", "unit", "service", "watched"),
    [
        ("bgp/slash24", "control", "bgp-collectors", "count", None, True),
        ("bgp/prefixes6", "control", "bgp-collectors", "count", None, True),
        ("probing/slash24", "data", "ioda", "count", None, True),
        ("probing/loss", "data", "ioda", "percent", None, False),
        ("upstream/latency", "data", "ioda", "milliseconds", None, False),
        ("telescope/sources", "background", "merit", "count", None, True),
        ("google/youtube", "usage", "google", "normalised", "google/youtube", True),
        ("mozilla/cities", "usage", "mozilla", "count", None, True),
        ("cloudflare/http", "usage", "cloudflare", "normalised", None, True),
        ("cloudflare/mobile", "usage", "cloudflare", "percent", None, False),
        ("tor/transport/snowflake", "usage", "tor", "count", "tor", True),
        ("pings/replies", "data", "ping-log", "count", None, True),
        ("ooni/measurements", "usage", "ooni", "count", None, True),
    ],
)
def test_rows(signal: str, plane: str, operator: str, unit: str, service: str | None, watched: bool) -> None:
    told = TABLE.of(signal)
    assert told is not None
    assert (told.signal, told.plane, told.operator, told.unit) == (signal, plane, operator, unit)
    assert (told.service, told.watched) == (service, watched)
    assert told.plane in PLANES


def test_what_has_no_row() -> None:
    assert TABLE.of("power/lights") is None
    assert TABLE.of("probing/other") is None
    assert TABLE.of_column("Night lights (W)") is None
    assert TABLE.of_product("teleport") is None
    assert TABLE.of_product("99") is None


@pytest.mark.parametrize(
    ("name", "signal", "operator"),
    [
        ("Google (Search)", "google/search", "google"),
        ("Google (YouTube)", "google/youtube", "google"),
        ("Google", "google/all", "google"),
        ("Telescope (# Unique Source IPs)", "telescope/sources", "merit"),
        ("Telescope UCSD (# Unique Source IPs)", "telescope/sources", "ucsd"),
        ("BGP (#Visible /24s)", "bgp/slash24", "bgp-collectors"),
        ("Active Probing (#/24s Up)", "probing/slash24", "ioda"),
        ("Active Probing (Packet Loss %)", "probing/loss", "ioda"),
        ("Mozilla (City Count)", "mozilla/cities", "mozilla"),
    ],
)
def test_columns_of_the_dashboard(name: str, signal: str, operator: str) -> None:
    told = TABLE.of_column(name)
    assert told is not None
    assert (told.signal, told.operator) == (signal, operator)


def test_names_of_publishers() -> None:
    assert {name: named.told.operator for name, named in TABLE.ioda.items() if name.endswith("-nt")} == {
        "merit-nt": "merit",
        "ucsd-nt": "ucsd",
    }
    assert TABLE.ioda["gtr"].normalised
    assert not TABLE.ioda["bgp"].normalised
    assert [name for name, named in TABLE.ioda.items() if named.forecast] == ["gtr-sarima"]
    for text in ("21", "YouTube", "youtube", "YOUTUBE"):
        told = TABLE.of_product(text)
        assert told is not None
        assert told.service == "google/youtube"
    told = TABLE.of_product("WEB_SEARCH")
    assert told is not None
    assert told.signal == "google/search"


def test_errors_of_the_table_are_said() -> None:
    row: dict[str, Any] = {"id": "a/b", "plane": "data", "operator": "o", "unit": "count"}
    with pytest.raises(RuleError, match="'sea' is no plane"):
        load_signals({"signals": [row | {"plane": "sea"}]})
    with pytest.raises(RuleError, match="no signal 'c/d'"):
        load_signals({"signals": [row], "ioda": {"x": {"signal": "c/d"}}})


def test_every_source_of_signals_has_terms() -> None:
    terms = {row.source: row for row in load_reference().terms}
    said = {"ioda", "cloudflare-radar", "google-transparency", "tor-metrics", "ripe-ris", "routeviews"}
    said |= {"ping-log", "plain", "access-now", "sigcomm2023-outages"}
    assert said <= terms.keys()
    assert terms["cloudflare-radar"].redistribute == "non-commercial"
    assert terms["tor-metrics"].redistribute == "yes"
    assert all(terms[source].url.startswith("https://") for source in said - {"ping-log", "plain"})
