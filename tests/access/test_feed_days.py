"""Law: a feed is of a day that its store holds, which has come, and it never lies in the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from feed_command import COMES, LAST, command, ingest, lines, record

from clampdown.cli import access_days
from clampdown.cli.frame import run

Say = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One country from the first day to the last, and one of the last alone."""
    folder = tmp_path_factory.mktemp("days")
    every = [record(COMES, day, 1, 64500, "XA") for day in (0, LAST)]
    ingest(str(folder / "store"), folder / "records.jsonl", lines(*every, record(COMES, LAST, 9, 64510, "XB")))
    assert run(command, ["--new-key", str(folder / "key.pem"), "--quiet"]) == 0
    return folder


@pytest.fixture
def said(capsysbinary: pytest.CaptureFixture[bytes], made: Path) -> Say:
    def say(directory: Path, *asked: str, key: str = "key.pem", store: str | None = None) -> tuple[int, str]:
        words = [*asked, "--feed", str(directory), "--key", str(made / key), "--store", store or str(made / "store")]
        code = run(command, words)
        return code, capsysbinary.readouterr().err.decode()

    return say


def test_a_feed_is_not_written_into_the_store(said: Say, made: Path) -> None:
    for folder in (made / "store", made / "store/feed", made / "store/days/../feed"):
        code, err = said(folder)
        assert (code, "this lies in the store" in err) == (2, True)
    assert not (made / "store/feed").exists()


def test_a_store_may_be_named_by_an_address(said: Say, made: Path) -> None:
    address = (made / "store").as_uri()
    assert "this lies in the store" in said(made / "store/feed", store=address)[1]
    (made / "store/key.pem").write_bytes((made / "key.pem").read_bytes())
    said_of = said(made / "none", store=address, key="store/key.pem")[1]
    (made / "store/key.pem").unlink()
    assert "the key must not lie in a folder" in said_of


@pytest.mark.parametrize(
    ("asked", "today", "says"),
    [
        (("--at", "2023-12-31"), None, "2023-12-31 is before the first day: the store holds its countries from "
                                       "2024-01-01 to 2024-03-11"),
        (("XB", "--at", "2024-01-01"), None, "the store holds XB from 2024-03-11 to 2024-03-11"),
        (("--at", "2099-01-01"), None, "the store holds its countries from 2024-01-01 to 2024-03-11"),
        (("--at", "2024-03-12"), "2024-03-11", "2024-03-12 has not come yet"),
        ((), "2024-03-10", "the newest day of the store, 2024-03-11, has not come yet"),
        (("--at", "2024-01-01"), None, None),
        (("--at", "2024-03-20"), None, None),
    ],
)  # fmt: skip
def test_days_that_a_feed_can_be_of(
    asked: tuple[str, ...], today: str | None, says: str | None, said: Say, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if today is not None:
        monkeypatch.setattr(access_days, "today", lambda: today)
    code, err = said(tmp_path / "feed", *asked)
    assert code == (0 if says is None else 2)
    assert (tmp_path / "feed").exists() is (says is None)
    assert says is None or says in err
