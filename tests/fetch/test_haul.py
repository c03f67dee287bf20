"""Law: what is wanted is brought once and whole; what cannot be had costs itself, or ends the run in words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from replay import faults
from replay.server import Replay

from clampdown.errors import EnvironmentFault, FetchError, InputError
from clampdown.fetch import haul as hauls
from clampdown.fetch import sinks
from clampdown.fetch.client import Client
from clampdown.fetch.haul import Brought, Haul
from clampdown.fetch.ledger import Ledger
from clampdown.fetch.manners import Manners
from clampdown.fetch.wanted import Wanted

QUICK = Manners(tries=3, first_wait=0.01, most_wait=0.05, stall=1, budget=20)


@pytest.fixture
def server() -> Iterator[Replay]:
    with Replay() as made:
        yield made


def bytes_of(number: int, size: int = 3000) -> bytes:
    return hashlib.sha256(str(number).encode()).digest() * (size // 32)


def wanted(server: Replay, number: int, *, listed: bool = True, **more: object) -> Wanted:
    body = bytes_of(number)
    facts: dict[str, object] = {"size": len(body), "md5": hashlib.md5(body).hexdigest()} if listed else {}
    return Wanted("test", f"k{number}", f"{server.url}/k{number}", f"k{number}.bin", **(facts | more))  # type: ignore[arg-type]


def serve(server: Replay, numbers: Iterable[int]) -> None:
    for number in numbers:
        server.document(f"/k{number}", bytes_of(number), "application/octet-stream")


def haul(root: Path, some: Iterable[Wanted], manners: Manners = QUICK, **more: object) -> tuple[Haul, list[Brought]]:
    with Client(manners) as client:
        made = Haul(client, Ledger(root), **more)  # type: ignore[arg-type]
        return made, list(made.bring(some))


def test_files_lie_under_their_digests_and_are_written_down(server: Replay, tmp_path: Path) -> None:
    serve(server, range(100))
    made, brought = haul(tmp_path, [wanted(server, n) for n in range(100)])
    assert (made.tally.new, made.tally.here, made.tally.failed) == (100, 0, [])
    assert {one.wanted.key for one in brought} == {f"k{n}" for n in range(100)}
    for one in brought:
        assert one.path is not None
        assert one.path.name == hashlib.sha256(one.path.read_bytes()).hexdigest() == one.got.digest
    assert Ledger(tmp_path).got == made.ledger.got
    assert not list(tmp_path.glob(".tmp-*"))
    again, _ = haul(tmp_path, [wanted(server, n) for n in range(100)])
    assert (again.tally.new, again.tally.here, again.tally.bytes) == (0, 100, 0)
    assert set(server.counts().values()) == {1}


def test_two_names_of_the_same_bytes(server: Replay, tmp_path: Path) -> None:
    serve(server, [1])
    server.document("/k2", bytes_of(1), "application/octet-stream")
    made, _ = haul(tmp_path, [wanted(server, 1), wanted(server, 2, listed=False)])
    assert made.tally.new == 2
    assert len({got.digest for got in made.ledger.got.values()}) == 1


def test_a_file_that_was_lost_is_brought_again(server: Replay, tmp_path: Path) -> None:
    serve(server, [1, 2])
    _, brought = haul(tmp_path, [wanted(server, 1), wanted(server, 2)])
    assert brought[0].path is not None
    brought[0].path.unlink()
    made, _ = haul(tmp_path, [wanted(server, 1), wanted(server, 2)])
    assert (made.tally.new, made.tally.here) == (1, 1)


def test_what_may_change_is_asked_for_again_and_an_answer_of_nothing_new_costs_no_bytes(
    server: Replay, tmp_path: Path
) -> None:
    serve(server, [1])
    one = wanted(server, 1, listed=False, settled=False)
    haul(tmp_path, [one])
    made, brought = haul(tmp_path, [one])
    assert (made.tally.new, made.tally.here, made.tally.bytes) == (0, 1, 0)
    assert brought[0].path is not None
    server.document("/k1", b"something else", "application/octet-stream")
    made, brought = haul(tmp_path, [one])
    assert (made.tally.new, made.tally.bytes) == (1, 14)
    assert brought[0].path is not None
    assert brought[0].path.read_bytes() == b"something else"


def test_what_settles_is_asked_for_a_last_time(server: Replay, tmp_path: Path) -> None:
    serve(server, [1])
    haul(tmp_path, [wanted(server, 1, listed=False, settled=False)])
    for requests in (2, 2):  # 304 once, then none at all
        haul(tmp_path, [wanted(server, 1, listed=False)])
        assert len(server.log) == requests


def test_gaps_are_remembered(server: Replay, tmp_path: Path) -> None:
    for _ in range(2):
        made, brought = haul(tmp_path, [wanted(server, 5, listed=False, absent_ok=True)])
        assert made.tally.failed == []
        assert [one.path for one in brought] == [None]
    assert len(server.log) == 1


def test_what_is_not_there_costs_itself(server: Replay, tmp_path: Path) -> None:
    serve(server, [1, 3])
    made, brought = haul(tmp_path, [wanted(server, n) for n in (1, 2, 3)])
    assert {one.wanted.key for one in brought} == {"k1", "k3"}
    assert [(one.key, "404" in str(fault)) for one, fault in made.tally.failed] == [("k2", True)]


def test_a_page_leads_to_the_next(server: Replay, tmp_path: Path) -> None:
    serve(server, range(4))

    def page(number: int) -> Wanted:
        def follow(path: Path) -> Iterable[Wanted]:
            assert path.read_bytes() == bytes_of(number)
            return [page(number + 1)] if number < 3 else []

        return wanted(server, number, listed=False, follow=follow)

    for new in (4, 0):
        made, brought = haul(tmp_path, [page(0)])
        assert [one.wanted.key for one in brought] == ["k0", "k1", "k2", "k3"]
        assert made.tally.new == new


def test_an_answer_that_is_an_error_is_not_kept(server: Replay, tmp_path: Path) -> None:
    serve(server, [1])

    def check(path: Path) -> None:
        assert path.read_bytes() == bytes_of(1)
        raise InputError("it says that it cannot")

    made, brought = haul(tmp_path, [wanted(server, 1, listed=False, check=check)])
    assert brought == []
    assert [str(fault) for _, fault in made.tally.failed] == ["it says that it cannot"]
    assert Ledger(tmp_path).got == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("fault", "times", "brought", "said"),
    [
        (faults.cut, 2, True, ""),
        (faults.cut, None, False, "broke off|did not answer|closed"),
        (faults.storm, 2, True, ""),
        (faults.too_short, None, False, "listing says|not those"),
        (faults.other_content, None, False, "not those that the listing names"),
        (faults.beyond, None, False, "more bytes come than the listing says|broke off"),
        (faults.portal, None, False, "listing says|web page"),
        (faults.empty, 2, True, ""),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_faults_of_one_file(
    server: Replay, tmp_path: Path, fault: object, times: int | None, brought: bool, said: str
) -> None:
    serve(server, [1, 2])
    server.faults.append(fault("/k1*", times))  # type: ignore[operator]
    made, found = haul(tmp_path, [wanted(server, 1), wanted(server, 2)])
    assert ("k1" in {one.wanted.key for one in found}) is brought
    assert "k2" in {one.wanted.key for one in found}
    if said:
        ((_, told),) = made.tally.failed
        assert re.search(said, str(told))
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_cap_ends_the_run_before_it_is_passed(server: Replay, tmp_path: Path) -> None:
    serve(server, range(20))
    with pytest.raises(EnvironmentFault, match="would take more than"):
        haul(tmp_path, [wanted(server, n) for n in range(20)], cap=20_000, parallel=2)
    held = sum(path.stat().st_size for path in tmp_path.rglob("??/*"))
    assert 0 < held <= 20_000
    assert len(Ledger(tmp_path).got) == held // 2976


def test_a_fault_that_all_would_meet_ends_the_run_and_what_came_before_is_kept(server: Replay, tmp_path: Path) -> None:
    serve(server, range(40))
    some = [wanted(server, n) for n in range(40)]
    some.append(Wanted("test", "far", "http://127.0.0.1:1/far", "far"))
    with pytest.raises(FetchError, match="no connection"):
        haul(tmp_path, some, parallel=2)
    got = Ledger(tmp_path).got
    assert got
    made, _ = haul(tmp_path, some[:40])
    assert made.tally.here == len(got)


def test_the_whole_run_has_a_time_limit(server: Replay, tmp_path: Path) -> None:
    serve(server, range(3))
    server.faults.append(faults.slow(100.0, "/k2*"))
    with pytest.raises(FetchError, match="time for this run is over"):
        haul(tmp_path, [wanted(server, n) for n in range(3)], Manners(total=1.0, stall=30))
    assert set(Ledger(tmp_path).got) == {("test", "k0"), ("test", "k1")}


def test_a_mirror_on_this_machine_is_read_where_it_lies(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror" / "a b.bin"
    mirror.parent.mkdir()
    mirror.write_bytes(b"content")
    one = Wanted("test", "a b.bin", mirror.as_uri(), "a b.bin", size=7)
    made, brought = haul(tmp_path / "raw", [one])
    assert [found.path for found in brought] == [mirror]
    assert made.tally.bytes == 0
    assert brought[0].got.kept is False
    assert [path for path in (tmp_path / "raw").rglob("*") if path.name != "ledger.jsonl"] == []


BIG = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(1 << 17))  # 4 MiB


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large begins at 2 MiB here, so that the tests need not move more."""
    monkeypatch.setattr(sinks, "_SYNCED", 2 << 20)
    monkeypatch.setattr(hauls, "LARGE", 2 << 20)


def big(server: Replay, **more: object) -> Wanted:
    facts: dict[str, object] = {"size": len(BIG), "md5": hashlib.md5(BIG).hexdigest()}
    return Wanted("test", "big", f"{server.url}/big", "big.bin", **(facts | more))  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("listed", [True, False])
def test_a_large_file_goes_on_where_a_run_before_stopped(server: Replay, tmp_path: Path, *, listed: bool) -> None:
    server.document("/big", BIG, "application/octet-stream")
    one = big(server) if listed else big(server, size=None, md5=None)
    server.faults.append(faults.cut("/big*", None, at=0.8))
    made, _ = haul(tmp_path, [one], Manners(tries=1))
    assert [key.key for key, _ in made.tally.failed] == ["big"]
    assert list(tmp_path.glob(".part-*.etag"))
    server.faults.clear()
    server.log.clear()
    made, brought = haul(tmp_path, [one])
    assert brought[0].path is not None
    assert brought[0].path.read_bytes() == BIG
    (asked,) = [sent.range for sent in server.log]
    found = re.fullmatch(r"bytes=(\d+)-", asked or "")
    assert found
    assert 2 << 20 <= int(found[1]) < len(BIG) * 0.8
    assert made.tally.bytes == len(BIG)
    assert not list(tmp_path.glob(".part-*"))


@pytest.mark.usefixtures("small_steps")
def test_a_large_file_that_changed_meanwhile_begins_anew(server: Replay, tmp_path: Path) -> None:
    server.document("/big", BIG, "application/octet-stream")
    server.faults.append(faults.cut("/big*", None, at=0.8))
    haul(tmp_path, [big(server, size=None, md5=None)], Manners(tries=1))
    server.faults.clear()
    other = BIG[::-1]
    server.document("/big", other, "application/octet-stream")
    _, brought = haul(tmp_path, [big(server, size=None, md5=None)])
    assert brought[0].path is not None
    assert brought[0].path.read_bytes() == other


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("note", ["", "nonsense", '99999999 "x"', '-1 "x"', "2097152 W/weak", '2097152 "other"'])
def test_a_note_that_does_not_fit_begins_anew(server: Replay, tmp_path: Path, note: str) -> None:
    server.document("/big", BIG, "application/octet-stream")
    server.faults.append(faults.cut("/big*", None, at=0.8))
    haul(tmp_path, [big(server)], Manners(tries=1))
    (left,) = tmp_path.glob(".part-*.etag")
    left.write_text(note)
    server.faults.clear()
    _, brought = haul(tmp_path, [big(server)])
    assert brought[0].path is not None
    assert brought[0].path.read_bytes() == BIG


def test_the_same_key_twice_is_one_file(server: Replay, tmp_path: Path) -> None:
    serve(server, [1])
    made, brought = haul(tmp_path, [wanted(server, 1), wanted(server, 1)])
    assert (made.tally.new, len(brought), len(server.log)) == (1, 1, 1)
