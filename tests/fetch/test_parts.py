"""Law: a part is taken only where it was asked for, at the place where ours ends; no part passes for the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from replay import faults
from replay.server import Asked, Replay, Reply

from clampdown.fetch.client import Client
from clampdown.fetch.haul import Haul
from clampdown.fetch.ledger import Ledger
from clampdown.fetch.manners import Manners
from clampdown.fetch.wanted import Wanted

QUICK = Manners(tries=3, first_wait=0.01, most_wait=0.05, stall=1, budget=20)
WHOLE = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(1 << 17))  # 4 MiB
SIZE = len(WHOLE)
ETAG = '"one"'


@pytest.fixture
def server() -> Iterator[Replay]:
    with Replay() as made:
        yield made


def part(first: int, last: int, said: str | None = None) -> Reply:
    headers = {"ETag": ETAG, "Content-Range": f"bytes {first}-{last}/{SIZE}" if said is None else said}
    return Reply(WHOLE[first : last + 1], 206, {name: value for name, value in headers.items() if value})


def bring(server: Replay, root: Path, answers: list[Callable[[int | None], Reply]]) -> tuple[bytes | None, str]:
    """What comes where requests are answered so (the last answer again and again), and what is said otherwise. Answers
    are told the first byte that was asked for."""
    left = list(answers)

    def answer(asked: Asked) -> Reply:
        made = left.pop(0) if len(left) > 1 else left[0]
        text = asked.headers.get("range")
        return made(int(text.removeprefix("bytes=").removesuffix("-")) if text else None)

    server.mount("/big", answer)
    with Client(QUICK) as client:
        made = Haul(client, Ledger(root))
        found = list(made.bring([Wanted("test", "big", f"{server.url}/big", "big.bin")]))
    told = "; ".join(str(fault) for _, fault in made.tally.failed)
    return (found[0].path.read_bytes() if found and found[0].path else None), told


def all_of_it(_: int | None) -> Reply:
    return Reply(WHOLE, 200, {"ETag": ETAG})


def from_there(first: int | None) -> Reply:
    return all_of_it(None) if first is None else part(first, SIZE - 1)


def a_first_part(_: int | None) -> Reply:
    return part(0, (1 << 20) - 1)


def test_a_part_that_was_not_asked_for_is_refused(server: Replay, tmp_path: Path) -> None:
    found, told = bring(server, tmp_path, [a_first_part])
    assert (found, "another part than was asked for" in told) == (None, True)
    assert Ledger(tmp_path).got == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_even_where_it_is_all_there_is(server: Replay, tmp_path: Path) -> None:
    """Nobody was asked for a part; what answers so may say anything."""
    assert bring(server, tmp_path, [lambda _: part(0, SIZE - 1)])[0] is None


def test_the_next_answer_may_be_right(server: Replay, tmp_path: Path) -> None:
    assert bring(server, tmp_path, [a_first_part, all_of_it]) == (WHOLE, "")


@pytest.mark.parametrize(
    "said",
    ["", "bytes */4194304", "bytes 2097152-4194303", "pages 3-4/5", "bytes 9-8/4194304", f"bytes 0-{SIZE - 1}/{SIZE}"],
)
def test_a_part_from_elsewhere_is_no_continuation(server: Replay, tmp_path: Path, said: str) -> None:
    """After a connection that broke off, the answer to "the rest, from here" begins elsewhere or does not say where."""
    server.faults.append(faults.cut("/big*", 1, at=0.8))
    found, told = bring(server, tmp_path, [all_of_it, lambda first: part(first or 0, SIZE - 1, said), all_of_it])
    assert (found, told) == (WHOLE, "")
    assert [bool(asked.range) for asked in server.log] == [False, True, False]


@pytest.mark.parametrize("shift", [-1, 1, -(1 << 20)])
def test_a_part_that_begins_a_little_elsewhere(server: Replay, tmp_path: Path, shift: int) -> None:
    server.faults.append(faults.cut("/big*", 1, at=0.8))
    found, told = bring(server, tmp_path, [all_of_it, lambda first: part((first or 0) + shift, SIZE - 1), all_of_it])
    assert (found, told) == (WHOLE, "")


def test_a_rest_in_two_parts(server: Replay, tmp_path: Path) -> None:
    """A service that gives less than the rest says so; what lacks is asked for."""
    server.faults.append(faults.cut("/big*", 1, at=0.5))
    found, told = bring(server, tmp_path, [all_of_it, lambda first: part(first or 0, (first or 0) + 9999), from_there])
    assert (found, told) == (WHOLE, "")
    assert [bool(asked.range) for asked in server.log] == [False, True, True]


def test_a_rest_that_never_ends_well(server: Replay, tmp_path: Path) -> None:
    server.faults.append(faults.cut("/big*", 1, at=0.5))
    found, told = bring(server, tmp_path, [all_of_it, lambda first: part(first or 0, (first or 0) + 99)])
    assert (found, "bytes came" in told) == (None, True)
