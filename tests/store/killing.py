"""Law: killed at any step of any write, the store is whole and the same command finishes the work.

A program of its own: it forks a child for every step, the child kills itself there with SIGKILL, and further children
check what is left and run the same command again. It prints the number of steps and their kinds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import tiny
import tiny_signals
from forks import in_child

from clampdown.judge.rules import load_rules
from clampdown.model import TABLES
from clampdown.pipeline import ingest, open_storage
from clampdown.reference import load_reference
from clampdown.store.storage import LocalStorage
from clampdown.store.tables import read_part

os.fsync = lambda descriptor: os.fstat(descriptor) and None  # what a killed process wrote is not lost: see conftest.py

RULES, REFERENCE = load_rules(), load_reference()
WORK, SIZE = Path(sys.argv[1]), sys.argv[2]
FULL = SIZE == "full"


def read(stream: Any, name: str, kit: Any, limits: Any) -> Any:
    """Signals and measurements, each by its source."""
    yield from (tiny_signals.READ if name.endswith(".csv") else tiny.read)(stream, name, kit, limits)


def work(folder: Path, step: Callable[[str], None] = lambda _: None) -> None:
    store = open_storage(LocalStorage(folder, step), "s", create=True)
    ingest(WORK / "in", store, workers=1, judge=FULL, read=read, rules=RULES, reference=REFERENCE)


def check(folder: Path) -> None:
    store = open_storage(LocalStorage(folder), "s")
    for entry in store.manifest().days.values():
        for table, parts in entry.tables.items():
            for part in parts:
                assert read_part(store.storage, part, TABLES[table]).num_rows == part.rows
    for path in store.manifest().paths():
        assert store.storage.size(path)


def again(folder: Path) -> None:
    check(folder)
    work(folder)


def tables(folder: Path) -> dict[str, bytes]:
    held = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.parquet")}
    left = [p.name for p in folder.rglob(".tmp-*")]
    assert not left, left
    return held


def main() -> None:
    (WORK / "in").mkdir()
    if SIZE == "signals":
        level, record = "XA,2024-03-01T00:00:00,1", "!order,2024-03-01T00:00:00,a title"
        (WORK / "in" / "s.csv").write_text(f"#levels\n{level}\n{record}\n")
    else:
        (WORK / "in" / "a.jsonl").write_text("0\n4\nbad\n" if FULL else "0\n")
    base, whole, tried = WORK / "base", WORK / "whole", WORK / "tried"
    store = open_storage(LocalStorage(base), "s", create=True)
    store.pin(REFERENCE.digest, {})  # the snapshot is not what is tested here
    shutil.copytree(base, whole)
    assert in_child(lambda: work(whole)) == 0
    want = tables(whole)
    n, kinds = 0, set[str]()
    while True:
        shutil.rmtree(tried, ignore_errors=True)
        shutil.copytree(base, tried)
        kind = WORK / "kind"

        def step(name: str, left: list[int], kind: Path = kind) -> None:
            left[0] -= 1
            if left[0] < 0:
                kind.write_text(name.split()[0])
                os.kill(os.getpid(), signal.SIGKILL)

        left = [n]
        end = in_child(lambda left=left, step=step: work(tried, lambda name: step(name, left)))
        if end == 0:
            break
        assert end == -signal.SIGKILL, end
        kinds.add(kind.read_text())
        assert in_child(lambda: again(tried)) == 0, f"damaged, or not finished, after step {n} ({kind.read_text()})"
        assert tables(tried) == want, f"other files after step {n} ({kind.read_text()})"
        n += 1
    print(n, *sorted(kinds))


if __name__ == "__main__":
    main()
