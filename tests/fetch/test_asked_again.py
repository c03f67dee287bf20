"""Law: what a question lacks is said until it came, and the same question brings back what was forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from replay.archive import Archive
from replay.bucket import Bucket
from replay.server import Asked, Replay, Reply

from clampdown.fetch.services import ooni

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def archive(server: Replay, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own archive is the one that is served here."""
    monkeypatch.setattr(ooni, "BASE", server.url)


def fetched(say: Say, tiny: Archive, since: str, until: str, *more: str) -> tuple[int, dict[str, Any]]:
    code, out, err = say("fetch", "ooni", tiny.country, "--since", since, "--until", until, "--json", *more)
    assert out, err
    return code, json.loads(out)


def asked(say: Say) -> dict[str, Any]:
    code, out, err = say("status", "--json")
    assert code == 0, err
    [one] = json.loads(out)["asked"]
    return one


PERIOD = ("2020-10-20", "2020-10-22")


def test_forgotten_days_are_brought_back_by_the_same_question(archive: None, say: Say, tiny: Archive) -> None:
    _, first = fetched(say, tiny, *PERIOD)
    _, whole, _ = say("status", "--json")
    assert asked(say)["gaps"] == []
    assert say("forget", "--before", "2020-10-21")[0] == 0
    assert asked(say)["periods"][0]["since"] == "2020-10-21T00:00:00"
    _, again = fetched(say, tiny, *PERIOD)
    assert 0 < again["brought"] <= first["brought"]
    assert again["measurements"] > 0
    found = asked(say)
    assert (found["periods"][0]["since"], found["gaps"]) == ("2020-10-20T00:00:00", [])
    _, now, _ = say("status", "--json")
    for part in ("sources", "countries", "days", "records", "inputs"):
        assert json.loads(now)[part] == json.loads(whole)[part], part
    assert "forgotten     what was before 2020-10-21, but for what came since" in say("status")[1]
    assert fetched(say, tiny, *PERIOD)[1]["brought"] == 0


def test_a_file_that_could_not_be_had_is_missed_until_it_came(
    server: Replay, bucket: Bucket, say: Say, tiny: Archive, hasty: None
) -> None:
    broken = next(key for key in tiny.objects if key.startswith("raw/20201020/") and key.endswith(".jsonl.gz"))
    inner = bucket

    def reply(one: Asked) -> Reply | None:
        return Reply(b"no", 403) if down and one.path.endswith(broken.rpartition("/")[2]) else inner(one)

    server.mount("/", reply)
    down, base = True, ("--from", server.url)
    code, done = fetched(say, tiny, "2020-10-20", "2020-10-21", "--option", "late=0", *base)
    assert (code, done["failed"]) == (2, 1)
    down = False
    assert fetched(say, tiny, "2020-10-21", "2020-10-22", "--option", "late=0", *base)[0] == 0
    assert asked(say)["missing"] == 1
    out = say("status")[1]
    assert "1 file of it could not be had" in out
    assert f"from {server.url}" in out
    assert fetched(say, tiny, "2020-10-20", "2020-10-21", "--option", "late=0", *base)[0] == 0
    assert asked(say)["missing"] == 0
