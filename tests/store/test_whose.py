"""Law: the country that a person names reaches only files that need it; the same file of another country is another."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("store", "publish")]

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import UsageError
from clampdown.pipeline import api, keeping
from clampdown.pipeline.river import Summary
from clampdown.store.store import Store

LOG = (
    "ts,check,status,value,message\n"
    "2024-03-01T06:02:03Z,ooni-tor,down,75,Blocked — 75% anomaly rate (30/40 tests)\n"
    "2024-03-02T06:02:03Z,ooni-tor,down,50,Blocked — 50% anomaly rate (20/40 tests)\n"
)
NAMED = "time,entity,signal,value\n2024-03-01T06:00:00Z,XA,x/y,5\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    return path


def take(paths: Path | list[Path], store: Path, of: str | None = None, *, again: bool = False) -> Summary:
    given = paths if isinstance(paths, list) else [paths]
    return api.ingest(list(given), store, workers=1, of=of, again=again)


def held(store: Path | Store) -> dict[str, set[str]]:
    """Entity -> signals."""
    found: dict[str, set[str]] = {}
    opened = store if isinstance(store, Store) else api.open_store(store)
    for row in opened.series().to_pylist():
        found.setdefault(row["entity"], set()).add(row["signal"])
    return found


def test_the_country_is_part_of_what_an_input_is(log: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = take(log, store, "ke")
    assert (first.levels, first.rejected, first.already_here) == (6, 0, 0)
    assert take(log, store, "KE").already_here == 1, "a code is a code in either case"
    again = take(log, store, "KE", again=True)
    assert (again.levels, again.already_here) == (6, 1)
    assert api.open_store(store).table("signals").num_rows == 6
    other = take(log, store, "UG")
    assert (other.levels, other.already_here) == (6, 0)
    assert held(store).keys() == {"KE", "UG"}
    assert sorted(one.of or "" for one in api.open_store(store).manifest().inputs.values()) == ["KE", "UG"]


@pytest.mark.parametrize("again", [False, True])
def test_what_was_read_as_a_country_s_needs_no_country_again(log: Path, tmp_path: Path, again: bool) -> None:
    store = tmp_path / "store"
    take(log, store, "KE")
    found = take(log, store, again=again)
    assert (found.already_here, found.levels, found.rejected) == (1, 6, 0)
    assert held(store).keys() == {"KE"}


def test_without_a_country_it_is_told_what_to_do_and_then_read(log: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    found = take(log, store)
    assert found.rejects == {"no_entity": 1}
    assert "--of COUNTRY" in (found.unread[0].detail or "")
    assert take(log, store, "KE").levels == 6


def test_files_that_name_their_places_take_no_other(log: Path, tmp_path: Path) -> None:
    store, plain = tmp_path / "store", tmp_path / "plain.csv"
    plain.write_text(NAMED)
    take([log, plain], store, "KE")
    assert held(store) == {"KE": {f"tests/tor/{what}" for what in ("tried", "failed", "failed-share")}, "XA": {"x/y"}}
    for of in (None, "UG"):
        assert take(plain, store, of).already_here == 1
    assert {one.name: one.of for one in api.open_store(store).manifest().inputs.values()} == {
        "log.csv": "KE", "plain.csv": None,
    }  # fmt: skip


def test_a_log_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "all.tar"
    with tarfile.open(path, "w") as archive:
        for name, text in (("plain.csv", NAMED), ("log.csv", LOG)):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    take(path, tmp_path / "store", "KE")
    assert held(tmp_path / "store").keys() == {"KE", "XA"}
    assert take(path, tmp_path / "store").already_here == 1


def test_a_mending_reads_it_as_the_same_country_s(log: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    take(log, store, "KE")
    before = held(store), api.open_store(store).table("signals").to_pylist()
    [part] = (store / "tables/signals/day=2024-03-01").glob("*.parquet")
    part.write_bytes(b"x" * part.stat().st_size)
    assert not keeping.doctor(store).healthy
    assert keeping.doctor(store, mend=True, files=[log], workers=1).healthy
    assert (held(store), api.open_store(store).table("signals").to_pylist()) == before
    assert [one.of for one in api.open_store(store).manifest().inputs.values()] == ["KE"]
    # Let go first, and brought again by another mending: what was lost is remembered with its country.
    [part] = (store / "tables/signals/day=2024-03-01").glob("*.parquet")
    part.unlink()
    keeping.doctor(store, mend=True, drop=True, workers=1)
    assert [one.of for one in api.open_store(store).manifest().lost.values()] == ["KE"]
    keeping.doctor(store, mend=True, files=[log], workers=1)
    assert (held(store), api.open_store(store).table("signals").to_pylist()) == before
    assert not api.open_store(store).manifest().lost


@pytest.mark.parametrize("text", ["Kenya", "K", "QX", ""])
def test_what_is_no_country_is_refused(log: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        take(log, tmp_path / "store", text)
    assert not (tmp_path / "store").exists()


def test_the_command(log: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    store = str(tmp_path / "store")
    assert run(group, ["ingest", str(log), "--store", store, "--of", "KE", "--strict"]) == 0
    assert b"levels        6" in capsysbinary.readouterr().out
    assert run(group, ["ingest", str(log), "--store", store, "--of", "nowhere"]) == 2
    assert run(group, ["report", "KE", "--store", store, "--format", "json"]) in (0, 2)
    assert b"Traceback" not in capsysbinary.readouterr().err
