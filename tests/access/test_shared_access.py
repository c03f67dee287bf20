"""Law: real measurements of tools land in the right cell with the stage at which they failed, thin as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import clampdown
from clampdown.assess.ways import Way
from clampdown.pipeline import api
from clampdown.store.store import Store

pytestmark = pytest.mark.shared
TESTS = {"tor", "torsf", "vanilla_tor", "psiphon", "signal", "whatsapp", "telegram", "openvpn", "riseupvpn",
         "openvpn_client_test"}  # fmt: skip
# How each way fares in a cell whose verdicts are all of one kind: a success is one, a failure has its stage.
CASES = [
    # country, day, way, came through, stage, how far
    ("RU", "2023-01-21", "tor/direct", False, "connect", None),
    ("RU", "2023-01-21", "tor/obfs4", False, "connect", None),
    ("CN", "2022-08-02", "tor/direct", False, "connect", 0.05),
    ("US", "2022-08-12", "tor/direct", True, None, None),
    ("IT", "2022-05-10", "tor/snowflake", True, None, None),
    ("IT", "2021-07-14", "tor/snowflake", False, "bootstrap", None),
    ("US", "2022-11-10", "psiphon/tunnel", True, None, None),
    ("IR", "2021-04-15", "signal/app", False, "connect", None),
    ("IT", "2022-11-18", "signal/app", True, None, None),
    ("JP", "2022-11-05", "whatsapp/app", False, "connect", None),
    ("JP", "2022-11-05", "whatsapp/registration", False, "connect", None),
    ("IT", "2022-12-07", "whatsapp/web", True, None, None),
    ("US", "2022-11-10", "telegram/app", True, None, None),
    ("IT", "2022-12-07", "telegram/web", True, None, None),
    ("RU", "2016-12-11", "openvpn/tunnel", False, "transfer", 1.0),
]


@pytest.fixture(scope="module")
def store(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("ways") / "store"
    words = ("tor", "psiphon", "signal", "whatsapp", "telegram", "openvpn", "riseupvpn")
    files = [
        path
        for part in ("real", "spec", "odd")
        for path in sorted((shared / "cases/ooni" / part).glob("*.json"))
        if any(word in path.name for word in words)
    ]
    api.ingest(files, folder, workers=1)
    return api.open_store(folder)


@pytest.fixture(scope="module")
def ways(store: Store) -> Callable[[str, str], tuple[Way, ...]]:
    """(country, day) -> the cells of the answer."""
    return cache(lambda country, day: clampdown.access(store, country, at=day).ways)


Ask = Callable[[str, str], tuple[Way, ...]]


@pytest.mark.parametrize(("country", "day", "key", "came", "stage", "far"), CASES)
def test_the_right_cell_and_the_right_stage(
    ways: Ask, country: str, day: str, key: str, came: bool, stage: str | None, far: float | None
) -> None:
    whole, *networks = (way for way in ways(country, day) if f"{way.tool}/{way.way}" == key)
    (own,) = (way for way in networks if way.state != "untested" and (way.last_ok or way.last_failed))
    for found in (whole, own):
        assert found.state == "insufficient", "one measurement decides nothing"
        assert (found.last_ok if came else found.last_failed) == day
        assert found.witnesses["ok" if came else "failed"].count >= 1
        if stage is not None:
            assert [each.stage for each in found.stages] == [stage]
            assert found.stages[0].progress_high == far


def test_every_verdict_of_these_tests_has_a_cell(store: Store, ways: Ask) -> None:
    """None of them is lost between the table of verdicts and the answer."""
    columns = ["measurement", "country", "day", "target", "test", "state", "repeat", "network"]
    seen = 0
    for row in store.table("verdicts", columns=columns).to_pylist():
        usable = row["state"] in ("ok", "blocked", "throttled", "refused", "down") and not row["repeat"]
        if row["test"] not in TESTS or not usable or None in (row["country"], row["network"]):
            continue
        made = ways(row["country"], row["day"])
        mine = [way for way in made if way.network == row["network"] and row["target"] in way.targets]
        assert [way.tests for way in mine if row["test"] in way.tests or row["target"] == "tor/dir_port"], row
        seen += 1
    assert seen >= 20
