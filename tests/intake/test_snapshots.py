"""Law: a monitor's log gives counts only where both numbers are told; a failed look, a share and a `frac` are none."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import signal_texts as texts

from clampdown.intake.sources import snapshots

HEAD = "ts,check,status,value,message\n"
AT = datetime(2024, 3, 1, 6, 2, 3)
STAMP = "2024-03-01T06:02:03Z"


def read(*rows: str, head: str = HEAD, of: str | None = "KE") -> texts.Told:
    return texts.told(snapshots.SOURCE, head + "".join(f"{row}\n" for row in rows), of=of)


def values(found: texts.Told) -> dict[str, float | None]:
    return {signal: value for (_, signal), times in found.levels().items() for value in times.values()}


@pytest.mark.parametrize(
    ("row", "levels"),
    [
        (  # both are told
            "ooni-signal,down,75,Blocked — 75% anomaly rate (30/40 tests)",
            {"signal/tried": 40, "signal/failed": 30, "signal/failed-share": 75},
        ),
        (  # what passed is told, and one whole number of tests fits the share
            "ooni-tor,up,23.076923076923077,Accessible — 23% anomaly rate (10 OK)",
            {"tor/tried": 13, "tor/failed": 3, "tor/failed-share": 23.076923076923077},
        ),
        (  # rounded, and still one number alone fits
            "ooni-web,up,23.08,Accessible — 23% anomaly rate (10 OK)",
            {"web_connectivity/tried": 13, "web_connectivity/failed": 3, "web_connectivity/failed-share": 23.08},
        ),
        (  # none fits: tests that neither passed nor failed are in it
            "ooni-tor,up,24.5,Accessible — 25% anomaly rate (1000 OK)",
            {"tor/failed-share": 24.5},
        ),
        (  # rounded so that several would fit
            "ooni-tor,up,23.1,Accessible — 23% anomaly rate (1000 OK)",
            {"tor/failed-share": 23.1},
        ),
        ("ooni-tor,down,100,Blocked — 100% anomaly rate (0 OK)", {"tor/failed-share": 100}),
        (
            "ooni-tor,up,0,Accessible — 0% anomaly rate (7 OK)",
            {"tor/tried": 7, "tor/failed": 0, "tor/failed-share": 0},
        ),
        ("ooni-psiphon,degraded,67.1152,Partially blocked — 67% anomaly rate", {"psiphon/failed-share": 67.1152}),
        ("ooni-torsf,down,0,Connection failed (timeout or unreachable)", {"torsf/failed-share": None}),
        ("ooni-torsf,unknown,0,No measurement data", {"torsf/failed-share": None}),
        ("ooni-torsf,unknown,12,12% anomaly rate (3/25 tests)", {"torsf/failed-share": None}),
    ],
)  # fmt: skip
def test_a_row(row: str, levels: dict[str, float | None]) -> None:
    found = read(f"{STAMP},{row}")
    assert not found.rejects
    assert values(found) == {f"tests/{name}": value for name, value in levels.items()}
    assert {row["time"] for row in found.signals} == {AT}
    for series in found.series:
        assert (series["entity"], series["country"], series["plane"], series["operator"], series["step"]) == (
            "KE", "KE", "service", "ooni", 0,
        )  # fmt: skip
        assert series["unit"] == ("percent" if series["signal"].endswith("share") else "count")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ooni-tor,up,23,All is well", "not_a_level"),  # 23 of what?
        ("ooni-tor,up,88,23% anomaly rate (10 OK)", "contradiction"),
        ("ooni-tor,up,23.08,Accessible — 23% anomaly rate (11/10 tests)", "contradiction"),
        ("ooni-tor,up,23.0,Accessible — 23% anomaly rate (3/13 tests)", "contradiction"),
        ("ooni-tor,up,0,Accessible — 0% anomaly rate (0/0 tests)", "contradiction"),
        ("ooni-tor,up,many,Accessible — 23% anomaly rate (10 OK)", "not_a_level"),
        ("ooni-tor,up,123,Accessible — 123% anomaly rate (10 OK)", "not_a_level"),
        ("ooni-lantern,up,23,Accessible — 23% anomaly rate (10 OK)", "unknown_signal"),
        ("dns-root,up,1,fine", "unknown_signal"),
    ],
)
def test_a_row_that_cannot_be_used(row: str, reason: str) -> None:
    found = read(f"{STAMP},{row}")
    assert not found.signals
    assert found.why() == {2: reason}
    assert read(f"yesterday,{row}").rejects


def test_a_failed_look_is_no_zero_of_any_number() -> None:
    later = STAMP.replace("06:", "07:")
    found = read(
        f"{STAMP},ooni-torsf,down,75,Blocked — 75% anomaly rate (30/40 tests)",
        f"{later},ooni-torsf,down,0,Connection failed (timeout or unreachable)",
    )
    at = AT.replace(hour=7)
    assert {signal: times[at] for (_, signal), times in found.levels().items()} == {
        "tests/torsf/tried": None, "tests/torsf/failed": None, "tests/torsf/failed-share": None,
    }  # fmt: skip


def test_what_is_left_out_is_said_once() -> None:
    found = read(
        f"{STAMP},ioda-bgp,up,99.98,Healthy — signal at 100% of normal",
        f"{STAMP},tor-relay-users,up,88,88 estimated users",
        f"{STAMP},ioda-bgp,up,99.98,Healthy — signal at 100% of normal",
        f"{STAMP},tor-bridge-users,unknown,0,No data available",
    )
    assert not found.signals
    assert found.why() == {2: "not_a_level", 3: "not_a_level", 5: "not_a_level"}
    assert "2 rows" in found.said(2)
    assert "percent of the monitor's own normal" in found.said(2)
    assert "not users" in found.said(3)


@pytest.mark.parametrize(
    ("head", "of", "reason", "words"),
    [
        (HEAD, None, "no_entity", "--of COUNTRY"),
        (HEAD.replace("ts,", "ts,country,"), "KE", "unknown_format", "time,entity,signal,value"),
    ],
)
def test_a_log_without_its_place(head: str, of: str | None, reason: str, words: str) -> None:
    row = "x," * head.count(",") + "x"
    found = read(row, row, head=head, of=of)
    assert not found.signals
    assert found.why() == {1: reason}
    assert words in found.said(1)


@given(st.integers(1, 5000), st.data())
def test_what_passed_and_a_share_give_the_numbers_or_nothing(tried: int, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, tried - 1))
    decimals = data.draw(st.integers(0, 15))
    share = round(100 * failed / tried, decimals)
    found = values(read(f"{STAMP},ooni-tor,up,{share:.{decimals}f},{share:.0f}% anomaly rate ({tried - failed} OK)"))
    assert found["tests/tor/failed-share"] == share
    if "tests/tor/tried" in found:
        assert (found["tests/tor/tried"], found["tests/tor/failed"]) == (tried, failed)
    else:
        assert decimals < 13, "with all digits of the share the number is always told"


def test_snapshots_are_not_added_up() -> None:
    rows = [f"{STAMP},ooni-tor,down,75,Blocked — 75% anomaly rate (30/40 tests)"] * 3
    assert values(read(*rows))["tests/tor/tried"] == 40
