"""Law: what came is in the store, also where the run ends badly; files that go after they are read make room."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from replay import faults
from replay.archive import Archive
from replay.bucket import Bucket
from replay.server import Replay

from clampdown.pipeline import api

Say = Callable[..., tuple[int, str, str]]
PERIOD = ("--since", "2020-10-20", "--until", "2020-10-22", "--option", "late=3")
pytestmark = pytest.mark.usefixtures("hasty", "bucket")


def words(base: str, *more: str) -> tuple[str, ...]:
    return ("fetch", "ooni", "XA", *PERIOD, "--from", base, "--workers", "1", *more)


def keys(made: Archive) -> list[str]:
    return [key for key in made.keys("XA", ".jsonl.gz") if key.startswith("raw/")]


def rows(folder: Path) -> int:
    return api.open_store(folder).table("measurements").num_rows


def test_what_came_before_the_end_is_in_the_store(
    server: Replay, tiny: Archive, say: Say, tmp_path: Path
) -> None:  # fmt: skip
    """Each run meets the same fault; without this, good files would stay out of the store for ever."""
    last = max(keys(tiny))
    server.faults = [faults.elsewhere("http://portal.example/", f"/{last}")]
    for _ in range(2):
        code, out, err = say(*words(server.url, "--parallel", "1"))
        assert (code, out, "it sends us elsewhere" in err) == (2, "", True)
        found = re.search(r"what came before it is in the store \((\d+) files\)", err)
        assert found
        assert int(found[1]) >= len(keys(tiny)) - 1
        held = rows(tmp_path / "store")
        assert held >= len(tiny.measurements([key for key in keys(tiny) if key != last])) > 0
        assert api.open_store(tmp_path / "store").table("verdicts").num_rows > 0, "and judged"
    server.faults = []
    assert say(*words(server.url))[0] == 0
    assert rows(tmp_path / "store") == len(tiny.measurements(tiny.keys("XA", ".jsonl.gz")))


def test_files_that_go_make_room(server: Replay, bucket: Bucket, tiny: Archive, say: Say, tmp_path: Path) -> None:
    """With --no-keep the cap is of what lies there at one time, so that a run of any length may be done."""
    own = keys(tiny)
    sizes = [len(bucket.read(key)) for key in own]
    cap = str(2 * max(sizes))
    assert sum(sizes) > 2 * int(cap)
    code, _, err = say(*words(server.url, "--raw-cap", cap))
    assert (code, "raw_cap allows" in err, "0.0 GB" in err) == (2, True, False)
    code, out, err = say(*words(server.url, "--raw-cap", cap, "--no-keep", "--json"))
    assert (code, json.loads(out)["failed"]) == (0, 0), err
    assert rows(tmp_path / "store") == len(tiny.measurements(tiny.keys("XA", ".jsonl.gz")))
    assert not list((tmp_path / "store/raw").glob("??/*"))


def test_a_file_that_is_tried_again_is_counted_once(
    server: Replay, bucket: Bucket, tiny: Archive, say: Say, tmp_path: Path
) -> None:  # fmt: skip
    own = sorted(keys(tiny))
    server.faults = [faults.other_content(f"/{key}", 1) for key in own[:3]]
    cap = sum(len(bucket.read(key)) for key in tiny.keys("XA", ".jsonl.gz"))
    code, out, err = say(*words(server.url, "--raw-cap", str(cap), "--json"))
    assert (code, json.loads(out)["failed"]) == (0, 0), err
