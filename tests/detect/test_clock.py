"""Law: a rhythm of local time is no fall where the clocks change, and a cut on that very day is dated in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.detect.levels import HOUR, Kept
from tests.detect.test_outages import offset

from clampdown.detect.clock import clock_of

START = datetime(2024, 2, 26)


def series(zone: str, days: int = 60) -> np.ndarray:
    """Use that follows the local hour, over a change of clocks (31 March 2024 in Berlin, 10 March in New York)."""
    rng = np.random.default_rng(5)
    hours = [(START + timedelta(hours=n)) for n in range(days * 24)]
    local = np.array([(each + offset(zone, each)).hour for each in hours])
    level = 1000 * np.exp(1.1 * np.sin(2 * np.pi * (local - 9) / 24) + 0.05 * rng.standard_normal(len(local)))
    return np.round(level, 2)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tehran"])
def test_a_change_of_clocks_is_no_fall(zone: str) -> None:
    kept = Kept(start=START)
    kept.add(series(zone), "usage")
    assert kept.outages(zone=lambda _c, _r: zone, offset=offset)["outages"] == []


def test_a_cut_on_that_day_is_dated_in_utc() -> None:
    values = series("Europe/Berlin")
    at = (datetime(2024, 3, 31, 10) - START) // timedelta(seconds=HOUR)
    values[at : at + 6] *= 0.05
    kept = Kept(start=START)
    kept.add(values, "usage")
    (row,) = kept.outages(zone=lambda _c, _r: "Europe/Berlin", offset=offset)["outages"]
    assert (row["onset_before"], row["end_before"]) == (datetime(2024, 3, 31, 10), datetime(2024, 3, 31, 16))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tehran", "Asia/Yangon", "Australia/Lord_Howe"])
def test_there_and_back(zone: str) -> None:
    clock = clock_of(zone, offset, datetime(2022, 1, 1), datetime(2022, 12, 31))
    for hours in range(0, 365 * 24, 7):
        utc = datetime(2022, 1, 1) + timedelta(hours=hours)
        seconds = (utc - datetime(1970, 1, 1)) // timedelta(seconds=1)
        shift = utc.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).utcoffset()
        assert timedelta(seconds=clock.at(seconds)) == shift
        assert abs(clock.utc(utc + offset(zone, utc)) - utc) in (timedelta(), timedelta(hours=1), timedelta(minutes=30))
