"""Law: what was asked for arrives whole and once, however often the run was killed, and the store cannot tell.

The final settled tables are the same bytes as those of an undisturbed run. What the server sent twice is no more than
what was on its way when a run died.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from replay import archive, faults
from replay.archive import Archive
from replay.bucket import Bucket
from replay.server import Replay

from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import api

PARALLEL = 4
LAYOUTS = "layout=hourly,daily,cans"


def command(server: Replay, made: Archive, store: Path, *more: str) -> list[str]:
    """The words of a whole run, as a person says them."""
    return [
        sys.executable, "-m", "clampdown", "fetch", "ooni", made.country, "--since", f"{made.since:%Y-%m-%d}",
        "--until", f"{made.until:%Y-%m-%d}", "--from", server.url, "--store", str(store),
        "--parallel", str(PARALLEL), "--workers", "1", "--option", LAYOUTS, "--quiet", *more,
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """Ours, without what a machine may have set for its own use."""
    outside = {"http_proxy", "https_proxy", "all_proxy", "ssl_cert_file"}
    return {name: value for name, value in os.environ.items() if name.lower() not in outside}


def begin(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip


def finish(words: list[str]) -> None:
    run = begin(words)
    _, err = run.communicate(timeout=1200)
    assert run.returncode == 0, err


def killed(words: list[str], server: Replay, requests: int, ready: float) -> bool:
    """Start a run and kill it: after so many requests, and then some seconds. False: it was done before."""
    run = begin(words)
    before = len(server.log)
    while run.poll() is None and len(server.log) - before < requests:
        time.sleep(0.001)
    end = time.monotonic() + ready
    while run.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    was_alive = run.poll() is None
    if was_alive:
        os.killpg(run.pid, signal.SIGKILL)
    _, err = run.communicate(timeout=60)
    assert was_alive or run.returncode == 0, err
    return was_alive


def settled(store: Path) -> dict[tuple[str, str], list[str]]:
    """(day, table) -> parts, by their content's digest; where measured, with the bytes that lie there."""
    held = api.open_store(store)
    found: dict[tuple[str, str], list[str]] = {}
    for day, entry in held.manifest().days.items():
        for table, parts in entry.tables.items():
            found[day, table] = [f"{part.path} {part.size}" for part in parts]
            assert all((store / part.path).stat().st_size == part.size for part in parts)
    return found


def complete(store: Path, made: Archive, keys: list[str]) -> None:
    """Every measurement of these objects is there, and there once."""
    held = api.open_store(store)
    rows = held.table("measurements")
    assert rows.num_rows == len(set(rows["measurement"].to_pylist())) == len(made.measurements(keys))
    assert held.table("conflicts").num_rows == 0
    assert held.table("rejects").num_rows == 0
    ledger = Ledger(store / "raw")
    assert {got.key for got in ledger.got.values()} == set(keys)
    assert len(list((store / "raw").glob("??/*"))) == len({got.digest for got in ledger.got.values()})


def wanted(made: Archive) -> list[str]:
    """The objects that hold the country: lines, cans, and postcans that have no lines beside them."""
    return [
        key
        for key in made.keys(made.country)
        if not (key.endswith(".tar.gz") and key.removesuffix(".tar.gz") + ".jsonl.gz" in made.objects)
    ]


def disturbed(made: Archive, folder: Path, kills: int, seed: int, *more: str) -> None:
    """Run undisturbed; then killed at random points until so many runs have died, and compare. Where a run was done
    before it was killed, the next ones begin anew."""
    keys, dice = wanted(made), random.Random(seed)
    with Replay() as server:
        server.mount("/", Bucket(made.objects))
        begun = time.monotonic()
        finish(command(server, made, folder / "one", *more))
        lasts = min(30.0, time.monotonic() - begun)
        calm = server.counts("/")
        assert {path.removeprefix("/") for path in calm if path != "/"} == set(keys)
        assert {count for path, count in calm.items() if path != "/"} == {1}
        complete(folder / "one", made, keys)
        died = number = 0
        while died < kills:
            number += 1
            store, deaths = folder / f"two{number}", 0
            server.log.clear()
            while died + deaths < kills and killed(
                command(server, made, store, *more), server, *_point(dice, calm["/"], len(keys), lasts)
            ):
                deaths += 1
            died += deaths
            finish(command(server, made, store, *more))
            complete(store, made, keys)
            assert settled(store) == settled(folder / "one")
            again = {path: count - 1 for path, count in server.counts("/").items() if path != "/" and count > 1}
            # On its way, or here and not yet written down: a killed run loses no more than these.
            assert sum(again.values()) <= deaths * (PARALLEL + _UNWRITTEN), again
            print(f"{deaths} runs killed, {sum(again.values())} of {len(keys)} objects sent again")
            server.log.clear()
            finish(command(server, made, store, *more))
            assert not [path for path in server.counts("/") if path != "/"]  # nothing is brought twice


def _point(dice: random.Random, listings: int, objects: int, lasts: float) -> tuple[int, float]:
    """After so many requests of the run, and then so many seconds: while it starts, lists, brings, reads, settles or
    judges."""
    if dice.random() < 0.4:
        return 0, dice.random() * lasts
    return dice.choice((listings // 2, listings, listings + dice.randrange(1, objects // 4))), dice.random() * 0.5


_UNWRITTEN = 32 * 8  # files that may wait, in groups, for the disk and the ledger, at most (haul.py)


def test_small_killed_twice(small: Archive, tmp_path: Path) -> None:
    disturbed(small, tmp_path, 2, 11, "--no-judge")


@pytest.mark.long
def test_a_month_killed_at_twenty_points(tmp_path: Path) -> None:
    made = archive.make("full")
    keys = wanted(made)
    assert len(keys) >= 5000
    assert {key.split("/")[0] for key in keys} == {"raw", "jsonl", "canned"}
    disturbed(made, tmp_path, 20, 3)


def test_an_interrupted_run_says_so_and_goes_on(tiny: Archive, tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, the store whole, the same command completes."""
    with Replay() as server:
        server.mount("/", Bucket(tiny.objects))
        server.faults = [faults.slow(2000, "*.jsonl.gz")]
        words = command(server, tiny, tmp_path / "s", "--no-judge")
        run = begin(words)
        while run.poll() is None and not any("jsonl.gz" in one.path for one in server.log):
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        assert run.returncode == 130
        assert "Traceback" not in err
        server.faults = []
        finish(words)
        complete(tmp_path / "s", tiny, wanted(tiny))
