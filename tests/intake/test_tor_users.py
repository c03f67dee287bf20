"""Law: users of Tor are read from the column that says users; a share is none, and a missing day is not zero."""

from __future__ import annotations

import random
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import signal_texts as texts

from clampdown.intake.sources import tor_users

PREAMBLE = "#\n# The Tor Project\n#\n# URL: https://metrics.torproject.org/userstats.csv?country=ir\n#\n"
RELAY = "date,country,users,lower,upper,frac\n"
BRIDGE = "date,country,users,frac\n"
DAY = datetime(2022, 9, 21)


def read(text: str) -> texts.Told:
    return texts.told(tor_users.SOURCE, text)


@pytest.mark.parametrize(
    ("text", "levels", "quality"),
    [
        (PREAMBLE + RELAY + "2022-09-21,ir,54321,40000,60000,81\n", {("IR", "tor/relay-users"): 54321}, 0.81),
        (RELAY + "2022-09-21,ir,54321,,,105\n", {("IR", "tor/relay-users"): 54321}, 1.05),
        ("," + RELAY + "0,2022-09-21,ir,54321,1.0,2.0,81\n", {("IR", "tor/relay-users"): 54321}, 0.81),
        (PREAMBLE + BRIDGE + "2022-09-21,ru,300,55\n", {("RU", "tor/bridge-users"): 300}, 0.55),
        ("date,transport,users,frac\n2022-09-21,obfs4,300,55\n", {("world", "tor/transport/obfs4"): 300}, 0.55),
        ("date,transport,users,frac\n2022-09-21,!<OR>,300,55\n", {("world", "tor/transport/!<OR>"): 300}, 0.55),
        (
            "date,country,transport,low,high,frac\n2022-09-21,ir,snowflake,100,300,55\n",
            {("IR", "tor/transport/snowflake"): 200}, 0.55,
        ),
        (
            "date,country,event_censor,event_spike,max_user_range,min_user_range,actual_users\n"
            "2022-09-21,tr,0.0,0.0,9000.1,7000.5,7712.0\n",
            {("TR", "tor/relay-users"): 7712}, None,
        ),
        (RELAY + "2022-09-21,,2000000,,,81\n", {("world", "tor/relay-users"): 2000000}, 0.81),
        (RELAY + "2022-09-21,??,500,,,81\n", {("unknown", "tor/relay-users"): 500}, 0.81),
        (RELAY + "2022-09-21,ir,,,,81\n", {("IR", "tor/relay-users"): None}, 0.81),
        (RELAY + "2022-09-21,ir,500,,,\n", {("IR", "tor/relay-users"): 500}, None),
    ],
)  # fmt: skip
def test_the_tables(text: str, levels: dict[tuple[str, str], float | None], quality: float | None) -> None:
    found = read(text)
    assert found.levels() == {series: {DAY: value} for series, value in levels.items()}
    assert [row["quality"] for row in found.signals] == [quality]
    [row] = found.series
    assert (row["plane"], row["operator"], row["service"], row["step"]) == ("usage", "tor", "tor", 86400)
    assert (row["country"], row["entity_kind"]) == (row["entity"] if len(row["entity"]) == 2 else None, "country")
    assert not found.rejects


def test_the_table_of_all_clients() -> None:
    head = "date,node,country,transport,version,lower,upper,clients,frac\n"
    found = read(
        head + "2022-09-21,relay,ir,,,1,2,10,81\n2022-09-21,bridge,ir,,,,,20,81\n2022-09-21,bridge,,meek,,,,30,81\n"
        "2022-09-21,bridge,,,v6,,,40,81\n2022-09-21,cloud,,,,,,50,81\n2022-09-21,bridge,,meek,v6,,,60,81\n"
    )
    assert {series: list(times.values()) for series, times in found.levels().items()} == {
        ("IR", "tor/relay-users"): [10.0], ("IR", "tor/bridge-users"): [20.0],
        ("world", "tor/transport/meek"): [30.0], ("world", "tor/version/v6"): [40.0],
    }  # fmt: skip
    assert found.why() == {6: "not_a_level", 7: "not_a_level"}


def test_users_that_are_shares_are_refused() -> None:
    found = read(RELAY + "2026-02-20,ir,73,,,73\n2026-02-21,ir,82,,,82\n")
    assert not found.signals
    assert not found.series
    assert found.why() == {1: "wrong_values"}
    assert "frac" in found.said(1)
    assert len(read(RELAY + "2026-02-20,ir,73,,,73\n2026-02-21,ir,81,,,82\n").signals) == 2
    assert len(read(RELAY + "2026-02-20,ir,,,,\n").signals) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2022-09-31,ir,5,,,81", "not_a_time"),
        ("1401/06/32,ir,5,,,81", "not_a_time"),
        ("2022-09-21 05:00:00,ir,5,,,81", "not_a_time"),
        ("2022-09-21,zz,5,,,81", "unknown_country"),
        ("2022-09-21,a1,5,,,81", "unknown_country"),
        ("2022-09-21,iran,5,,,81", "unknown_country"),
        ("2022-09-21,ir,many,,,81", "not_a_level"),
        ("2022-09-21,ir,-5,,,81", "not_a_level"),
        ("2022-09-21,ir,inf,,,81", "not_a_level"),
        ("2022-09-21,ir,5,,,most", "not_a_level"),
        ("2022-09-21,ir,5", "not_a_row"),
        ("2022-09-20,ir,6,,,81", "contradiction"),
    ],
)
def test_a_bad_row_costs_itself(row: str, reason: str) -> None:
    found = read(RELAY + f"2022-09-20,ir,4,,,81\n{row}\n2022-09-22,ir,5,,,81\n")
    assert found.why() == {3: reason}
    assert list(found.levels()["IR", "tor/relay-users"].values()) == [4.0, 5.0]


def test_a_range_that_is_upside_down() -> None:
    found = read("date,country,transport,low,high,frac\n2022-09-21,ir,obfs4,300,100,55\n2022-09-21,ir,,1,2,55\n")
    assert found.why() == {2: "contradiction", 3: "not_a_level"}


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.tuples(
            st.dates(datetime(2012, 1, 1).date(), datetime(2030, 1, 1).date()), st.sampled_from(["ir", "ru", ""])
        ),
        st.one_of(st.none(), st.integers(101, 10**6)),
        min_size=1,
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_gives_the_same_levels_and_missing_is_not_zero(
    users: dict[tuple[object, str], int | None], order: random.Random
) -> None:
    lines = [f"{day},{country},{'' if n is None else n},,,80" for (day, country), n in users.items()]
    one = read(RELAY + "\n".join(lines))
    mixed = lines + lines[:3]
    order.shuffle(mixed)
    other = read(RELAY + "\n".join(mixed))
    assert one.levels() == other.levels()
    assert not one.rejects
    assert not other.rejects
    assert len(one.signals) == len(lines)
    assert not any(row["value"] == 0 for row in one.signals)
    assert {row["series"] for row in one.series} == {row["series"] for row in other.series}
