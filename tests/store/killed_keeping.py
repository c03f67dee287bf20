"""Law: killed at any step of forgetting or mending, the store is whole, and the same command does the rest.

A program of its own, as killing.py is: a child kills itself at each step with SIGKILL (also before and after the ledger
is written anew); the store must read as before or as after, and the same command must end in the same files.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import kept
from damages import SAME
from forks import in_child

from clampdown.fetch.ledger import Ledger
from clampdown.model import TABLES
from clampdown.pipeline import forgetting, mending, open_storage
from clampdown.store.storage import LocalStorage
from clampdown.store.tables import read_part

BASE, WORK, EVERY, DEED = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
DAY = "2024-03-03"


def work(folder: Path, step: Callable[[str], None] = lambda _: None) -> None:
    store = open_storage(LocalStorage(folder, step), "s")
    rewrite = Ledger.rewrite

    def bracketed(self: Ledger, lines: object) -> None:
        step("ledger before")
        rewrite(self, lines)  # type: ignore[arg-type]
        step("ledger after")

    Ledger.rewrite = bracketed  # type: ignore[assignment,method-assign]
    ledger = Ledger(folder / "raw")
    if DEED == "forget":
        forgetting.forget(store, DAY, ledger=ledger, now=kept.NOW)
    else:
        assert mending.mend(store, ledger, workers=1, read=kept.read).healthy


def harm(folder: Path) -> None:
    """Something to mend: a day's rows, levels, a reference, a fetched file that nobody names."""
    for name in ("observations cut", "signals gone", "reference flipped", "fetched file that nobody names"):
        SAME[name][0](folder)


def check(folder: Path, states: set[tuple[str, ...]]) -> None:
    """Either all of the days, or those that stay; every part that is named can be read."""
    store = open_storage(LocalStorage(folder), "s")
    if DEED == "mend":
        return  # it may still be damaged; the second run must find everything that the first one began with
    assert tuple(store.days()) in states
    for entry in store.manifest().days.values():
        for table, parts in entry.tables.items():
            assert all(read_part(store.storage, part, TABLES[table]).num_rows == part.rows for part in parts)


def again(folder: Path, states: set[tuple[str, ...]]) -> None:
    check(folder, states)
    work(folder)


def left(folder: Path) -> dict[str, bytes]:
    return kept.files(folder) | {"ledger": (folder / "raw" / "ledger.jsonl").read_bytes()}


def main() -> None:
    base, whole, tried = WORK / "base", WORK / "whole", WORK / "tried"
    shutil.copytree(BASE, base)
    if DEED == "mend":
        harm(base)
    shutil.copytree(base, whole)
    assert in_child(lambda: work(whole)) == 0
    want = left(whole)
    states = {tuple(open_storage(LocalStorage(folder), "s").days()) for folder in (base, whole)}
    n, kinds = 0, set[str]()
    while True:
        shutil.rmtree(tried, ignore_errors=True)
        shutil.copytree(base, tried)

        def step(name: str, rest: list[int], kind: Path = WORK / "kind") -> None:
            rest[0] -= 1
            if rest[0] < 0:
                kind.write_text(name.split()[0])
                os.kill(os.getpid(), signal.SIGKILL)

        rest = [n]
        end = in_child(lambda rest=rest, step=step: work(tried, lambda name: step(name, rest)))
        if end == 0:
            break
        assert end == -signal.SIGKILL, end
        kinds.add((WORK / "kind").read_text())
        assert in_child(lambda: again(tried, states)) == 0, f"damaged, or not finished, after step {n}"
        assert left(tried) == want, f"other files after step {n}"
        n += EVERY
    assert DEED == "forget" or kept.files(whole) == kept.files(BASE)
    print(n, *sorted(kinds))


if __name__ == "__main__":
    main()
