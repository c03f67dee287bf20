"""Law: names of files of routes follow from the clock, as RIPE and RouteViews name them; gaps are no errors."""

from __future__ import annotations

import bz2
import gzip
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[2] / "intake"))
import made_mrt as mrt
from services_given import NOW, asked, ingested, planned

from clampdown.errors import UsageError
from clampdown.fetch.services import ris, routeviews

DAY = {"since": "2022-09-20", "until": "2022-09-21", "country": None}


def test_ris_tables_come_every_8_hours() -> None:
    found = planned(ris.SERVICE, asked(**DAY))
    assert [one.url for one in found] == [
        f"https://data.ris.ripe.net/rrc00/2022.09/bview.20220920.{hour}.gz" for hour in ("0000", "0800", "1600")
    ]
    assert all(one.absent_ok and one.settled and one.size is None for one in found)
    assert [one.name for one in found][:1] == ["rrc00.bview.20220920.0000.gz"]


def test_ris_updates_come_every_5_minutes() -> None:
    found = planned(ris.SERVICE, asked("2022-09-20T10:02", "2022-09-20T10:12", None, options={"what": "updates"}))
    assert [one.key.rpartition("/")[2] for one in found] == [
        f"updates.20220920.{minute}.gz" for minute in ("1000", "1005", "1010")
    ]


def test_routeviews_tables_come_every_2_hours_and_updates_every_15_minutes() -> None:
    found = planned(routeviews.SERVICE, asked(**DAY, options={"spacing": "2", "collector": "route-views.linx"}))
    assert len(found) == 12
    folder = "https://archive.routeviews.org/route-views.linx/bgpdata/2022.09"
    assert found[1].url == f"{folder}/RIBS/rib.20220920.0200.bz2"
    found = planned(routeviews.SERVICE, asked(**DAY, options={"what": "updates"}))
    assert len(found) == 96
    assert found[-1].key == "bgpdata/2022.09/UPDATES/updates.20220920.2345.bz2"


def test_routeviews_first_collector_has_no_folder() -> None:
    [one, *_] = planned(routeviews.SERVICE, asked(**DAY))
    assert one.url == "https://archive.routeviews.org/bgpdata/2022.09/RIBS/rib.20220920.0000.bz2"
    assert one.name == "route-views2.rib.20220920.0000.bz2"


@pytest.mark.parametrize("service", [ris.SERVICE, routeviews.SERVICE])
def test_tables_alone_are_the_default_at_a_spacing(service: object) -> None:
    """Files are of the whole world."""
    assert len(planned(service, asked(**DAY))) == 3  # type: ignore[arg-type]
    assert len(planned(service, asked(**DAY, options={"spacing": "24"}))) == 1  # type: ignore[arg-type]
    for bad in ("3", "0", "-8", "often"):
        with pytest.raises(UsageError, match="spacing"):
            planned(service, asked(**DAY, options={"spacing": bad}))  # type: ignore[arg-type]


@pytest.mark.parametrize("service", [ris.SERVICE, routeviews.SERVICE])
def test_changes_come_with_the_table_before_them(service: object) -> None:
    found = planned(service, asked("2022-09-20T10:00", "2022-09-20T11:00", None, options={"what": "both"}))  # type: ignore[arg-type]
    assert [one.key for one in found if "20220920.0800" in one.key] == [found[0].key]


@pytest.mark.parametrize("service", [ris.SERVICE, routeviews.SERVICE])
def test_a_gap_is_remembered_only_when_the_file_had_a_day_to_come(service: object) -> None:
    for one in planned(service, asked("2024-06-12", "2024-07-01", None)):  # type: ignore[arg-type]
        time = datetime.strptime(".".join(one.name.split(".")[-3:-1]), "%Y%m%d.%H%M")
        assert one.settled == (time + timedelta(days=1) <= NOW)
        assert time <= NOW - timedelta(hours=1)


@pytest.mark.parametrize("name", ["rrc1", "../rrc00", "RRC00", "rrc00/x", ""])
def test_collectors_are_names(name: str) -> None:
    for service, bad in ((ris.SERVICE, name), (routeviews.SERVICE, f"/{name}")):
        with pytest.raises(UsageError, match="collector"):
            planned(service, asked(**DAY, options={"collector": bad}))


@pytest.mark.parametrize("service", [ris.SERVICE, routeviews.SERVICE])
def test_a_mirror_of_an_archive_may_be_a_folder(service: object, tmp_path: Path) -> None:
    [one, *_] = planned(service, asked(**DAY, base=str(tmp_path)))  # type: ignore[arg-type]
    assert one.url == (tmp_path / one.key).as_uri()
    [one, *_] = planned(service, asked(**DAY, base="http://127.0.0.1:9/m/"))  # type: ignore[arg-type]
    assert one.url == f"http://127.0.0.1:9/m/{one.key}"


def test_files_of_routes_are_read_under_their_names() -> None:
    update = mrt.message(2, b"\0\0\0\0")
    head = b"\0\0\xfd\xe8\0\0\xfd\xe9\0\0\0\1" + b"\xc0\0\2\1\xc0\0\2\2"
    record = mrt.record(16, 4, head + update, int(datetime(2022, 9, 20, 10).timestamp()))
    for service, pack in ((ris.SERVICE, gzip.compress), (routeviews.SERVICE, bz2.compress)):
        [one, *_] = planned(service, asked(**DAY, options={"what": "updates"}))
        taken = ingested(one.name, pack(record * 50))
        assert not {reject.reason for reject in taken.rejects} & {"not_json", "not_a_measurement", "unknown_record"}
